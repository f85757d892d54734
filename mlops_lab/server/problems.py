"""Errors as RFC 9457 problem documents: the one place where an exception becomes an answer."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import responses
from typing import Any

from pydantic import ValidationError
from tornado.web import HTTPError

from mlops_lab.errors import LabError

__all__ = ["MEDIA_TYPE", "Problem", "describe"]

MEDIA_TYPE = "application/problem+json"
TYPE_BASE = "https://mlops-lab.example/problems/"

_CODES = {
    400: "invalid-input",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    413: "too-large",
    416: "range-not-satisfiable",
    503: "unavailable",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, for people (``detail``) and for programs (``code`` and ``members``).

    ``reference`` is set when the cause is ours and only the server's log may tell it.
    """

    status: int
    code: str
    detail: str
    members: Mapping[str, Any]
    reference: str | None = None

    def document(self) -> dict[str, Any]:
        """The JSON body. ``message`` repeats ``detail``: Jupyter's own clients read it."""
        return {
            **self.members,
            "type": TYPE_BASE + self.code,
            "title": responses.get(self.status, "Error"),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "message": self.detail,
        }


def describe(status: int, error: BaseException | None = None) -> Problem:
    """Say what an error means to who asked; an unexpected one says nothing of our insides.

    Parameters
    ----------
    status
        The HTTP status that tornado would answer with; an error of our own tree knows better.
    error
        What was raised, if anything.
    """
    if isinstance(error, LabError):
        return Problem(error.status, error.code, error.message, error.details)
    if isinstance(error, ValidationError):
        faults = [
            {"field": ".".join(str(part) for part in fault["loc"]), "message": fault["msg"]}
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        first = faults[0]
        detail = f"{first['field'] or 'The request'}: {first['message']}"
        return Problem(400, _CODES[400], detail, {"errors": faults})
    if isinstance(error, HTTPError) and status < 500:
        return Problem(status, _code(status), _said(error) or _phrase(status), {})
    if status < 500:
        return Problem(status, _code(status), _phrase(status), {})
    reference = secrets.token_hex(3)
    detail = (
        f"Something went wrong in MLOps Lab. The server's log has the details under {reference}."
    )
    return Problem(status, "internal-error", detail, {}, reference)


def _code(status: int) -> str:
    return _CODES.get(status, responses.get(status, "error").lower().replace(" ", "-"))


def _phrase(status: int) -> str:
    return f"{responses.get(status, 'Error')}."


def _said(error: HTTPError) -> str | None:
    if not error.log_message:
        return None
    try:
        # Without arguments tornado doubles the percent signs, so this is right either way.
        return str(error.log_message % error.args)
    except (TypeError, ValueError):
        return str(error.log_message)
