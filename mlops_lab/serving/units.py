"""Where a request says whom it comes from: a header, a column, a cookie of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlops_lab.serving.rollouts import cookies
from mlops_lab.serving.rollouts.routing import unit_of_column

if TYPE_CHECKING:
    from mlops_lab.serving.protocol import Request

__all__ = ["in_column", "in_cookie", "in_header"]


def in_header(headers: Mapping[str, str]) -> str | None:
    """Whom ``X-Unit-Id`` names: text of any script, as in a body, though headers are Latin-1."""
    said = headers.get("x-unit-id")
    if said is None or said.isascii():
        return said
    try:
        return said.encode("latin-1").decode()
    except UnicodeError:
        return said


def in_column(request: Request | None, by: str | None) -> str | None:
    """Whom the column names that a rollout goes by, which the model need not take."""
    if request is None or by is None:
        return None
    values = (request.data.columns or {}).get(by)
    if values is None:
        values = request.extra.get(by)
    return None if values is None else unit_of_column(values)


def in_cookie(headers: Mapping[str, str], key: bytes) -> str | None:
    """Whom our cookie names, if its signature holds."""
    said = headers.get("cookie")
    if said is None or cookies.COOKIE not in said:
        return None
    for pair in said.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == cookies.COOKIE:
            return cookies.unit_in(key, value)
    return None
