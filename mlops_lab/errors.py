"""Every error that MLOps Lab raises on purpose.

    LabError
    ├── NotFound(LookupError)          404   exit 2
    ├── Conflict                       409   exit 2
    │   ├── Refused                    409   exit 3
    │   └── Waiting                    409   exit 4
    ├── InvalidInput(ValueError)       400   exit 2
    ├── Forbidden(PermissionError)     403   exit 6
    ├── StepFailed                     422   exit 1
    ├── StoreBusy                      503   exit 5
    ├── Unavailable                    503   exit 1
    ├── StorageFull(OSError)           507   exit 5
    └── Corrupt                        500   exit 5
        └── Untrusted                  409   exit 5

A message says what was wrong, the value seen, and what would be right.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Self

__all__ = [
    "Conflict",
    "Corrupt",
    "Forbidden",
    "InvalidInput",
    "LabError",
    "NotFound",
    "Refused",
    "StepFailed",
    "StorageFull",
    "StoreBusy",
    "Unavailable",
    "Untrusted",
    "Waiting",
]


class LabError(Exception):
    """The root of the tree: catch it to catch all of ours.

    Parameters
    ----------
    message
        What was wrong, the value seen, and what would be right.
    details
        Facts for programs, JSON-serialisable; they become members of the REST problem document.
    """

    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def __str__(self) -> str:
        return self.message

    @property
    def code(self) -> str:
        """The class's name in kebab case, stable for programs: ``not-found``."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()


class NotFound(LabError, LookupError):
    """What was named does not exist (here, or any more)."""

    status = 404
    exit_code = 2


class Conflict(LabError):
    """The state of the store does not allow it: somebody else was first."""

    status = 409
    exit_code = 2


class Refused(Conflict):
    """A policy says no; the message is the demand that is not met."""

    exit_code = 3


class Waiting(Conflict):
    """A policy waits for somebody's approval; the message says whose."""

    exit_code = 4


class InvalidInput(LabError, ValueError):
    """What was given cannot be meant: a wrong type, range, name or syntax."""

    status = 400
    exit_code = 2

    @classmethod
    def at(
        cls,
        text: str,
        position: int,
        message: str,
        *,
        length: int = 1,
        suggestion: str | None = None,
    ) -> Self:
        """Point at a character of what was typed.

        Parameters
        ----------
        text
            The whole text as it was typed.
        position
            Index of the first wrong character, from 0; ``len(text)`` is its end.
        message
            What is wrong there, as a sentence.
        length
            How many characters are wrong, at least 1.
        suggestion
            What would be right in the place of those characters.
        """
        # Show a window around the place: a whole long query would hide it.
        start = max(0, position - 60)
        end = min(len(text), position + max(length, 1) + 40)
        shown = text[start:end].replace("\n", " ").replace("\t", " ")
        lead = "…" if start else ""
        tail = "…" if end < len(text) else ""
        mark = " " * (len(lead) + position - start) + "^" * max(1, min(length, end - position))
        hint = f" Did you mean {suggestion}?" if suggestion else ""
        return cls(
            f"{message}{hint}\n  {lead}{shown}{tail}\n  {mark}",
            reason=message,
            position=position,
            length=max(length, 1),
            suggestion=suggestion,
        )


class Forbidden(LabError, PermissionError):
    """The role of who asks does not include it."""

    status = 403
    exit_code = 6


class StepFailed(LabError):
    """A pipeline step did not finish; the details name cell, source and traceback."""

    status = 422
    exit_code = 1


class StoreBusy(LabError):
    """Somebody else holds the store longer than we wait."""

    status = 503
    exit_code = 5


class Unavailable(LabError):
    """What should answer does not: it is stopped, starting, or gone; the message says which."""

    status = 503


class StorageFull(LabError, OSError):
    """The disk took less than it was given; what was written is cut back."""

    status = 507
    exit_code = 5


class Corrupt(LabError):
    """Bytes in the store are not what was written; the message says what is safe."""

    status = 500
    exit_code = 5


class Untrusted(Corrupt):
    """What was asked for would build on bytes that are not what was written: they come first."""

    status = 409
