"""Errors as RFC 9457 problem documents: the one place where an exception becomes an answer."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import responses
from typing import Any

from pydantic import BaseModel, ValidationError
from tornado.web import HTTPError

from mlops_lab.errors import InvalidInput, LabError
from mlops_lab.expressions import nearest
from mlops_lab.faults import sentence
from mlops_lab.shapes import shown, unknown_word

__all__ = ["MEDIA_TYPE", "Problem", "describe", "misshapen"]

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

_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
}
"""What pydantic calls what is not there, and what should be."""


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
    if isinstance(error, HTTPError) and status < 500:
        return Problem(status, _code(status), _said(error) or _phrase(status), {})
    if status < 500:
        return Problem(status, _code(status), _phrase(status), {})
    reference = secrets.token_hex(3)
    detail = (
        f"Something went wrong in MLOps Lab. The server's log has the details under {reference}."
    )
    return Problem(status, "internal-error", detail, {}, reference)


def misshapen(error: ValidationError, model: type[BaseModel], what: str) -> InvalidInput:
    """Say in our words what a request's body or query says that it may not.

    Parameters
    ----------
    error
        What `model` refused.
    what
        What people call the whole: ``body``.
    """
    known = [field.alias or name for name, field in model.model_fields.items()]
    errors = error.errors(include_url=False)
    unknown = [str(one["loc"][0]) for one in errors if one["type"] == "extra_forbidden"]
    faults = []
    # What is misspelt comes first: it may be why another is missing.
    for one in sorted(errors, key=lambda one: one["type"] != "extra_forbidden"):
        place = ".".join(map(str, one["loc"]))
        match one["type"]:
            case "extra_forbidden":
                message = sentence(**unknown_word(place, known, f"the {what}"))
            case "missing":
                if any(nearest(word, [place]) for word in unknown):
                    continue  # it is there, misspelt
                message = f"The {what} has no {place}."
            case "value_error":
                message = f"{_name(place, what)}: {one['ctx']['error']}."
            case kind:
                needed = _TYPES.get(kind) or one["msg"].partition(" should ")[2].removeprefix("be ")
                wanted = (
                    f"must {needed}"
                    if needed.startswith(("have", "match"))
                    else f"must be {needed}"
                )
                message = f"{_name(place, what)} is {shown(one['input'])}; it {wanted}."
        faults.append({"field": place, "message": message})
    return InvalidInput(faults[0]["message"], errors=faults)


def _name(place: str, what: str) -> str:
    """How a sentence begins about a place, which a person may have made up."""
    return (shown(place) if len(place) > 60 or not place.isprintable() else place) or f"The {what}"


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
