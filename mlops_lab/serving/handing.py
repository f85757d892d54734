"""What workers tell each other of a request that one of them took and another one answers.

Beside the request as it came: its id, the role in which it is answered, its unit, whether a rollout
chose the revision. Only private sockets are believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, unquote

__all__ = ["BACK", "PASSED", "Told", "passed_on"]

Headers = list[tuple[bytes, bytes]]

PASSED: Final = "x-mlops-lab-passed"
"""A worker that rests passes a request on, to be treated as if it came there."""

BACK: Final = frozenset(
    (
        b"content-type",
        b"content-encoding",
        b"inference-header-content-length",
        b"retry-after",
        b"set-cookie",
        b"vary",
        b"x-model-version",
        b"x-request-id",
        b"x-revision",
    )
)
"""Headers of the answer that the client must see."""

_ROLE: Final = "x-mlops-lab-role"
_UNIT: Final = "x-mlops-lab-unit"
_REQUEST: Final = "x-mlops-lab-request"
_ROLLED: Final = "x-mlops-lab-rolled"

_THERE: Final = (
    "content-type",
    "content-encoding",
    "inference-header-content-length",
    "accept-encoding",
    "cookie",
    "x-unit-id",
)
"""Headers of the request that the worker which answers must see."""


@dataclass(frozen=True, slots=True)
class Told:
    """Whose part of the traffic a request is, as the worker that took it has chosen."""

    request_id: str
    role: str
    unit: str | None
    rolled: bool

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> Self | None:
        """Read it from a request's headers; None when nothing was told."""
        if _ROLE not in headers or _REQUEST not in headers:
            return None
        unit = headers.get(_UNIT)
        return cls(
            headers[_REQUEST],
            headers[_ROLE],
            None if unit is None else unquote(unit, errors="surrogatepass"),
            _ROLLED in headers,
        )

    def headers(self) -> Headers:
        """Write it as headers."""
        told = {_ROLE: self.role, _REQUEST: self.request_id}
        if self.rolled:
            told[_ROLLED] = "1"
        if self.unit is not None:
            told[_UNIT] = quote(self.unit, errors="surrogatepass")
        return [(name.encode(), value.encode()) for name, value in told.items()]


def passed_on(headers: Mapping[str, str]) -> Headers:
    """Give the client's headers that matter to whoever answers."""
    return [(name.encode(), headers[name].encode("latin-1")) for name in _THERE if name in headers]
