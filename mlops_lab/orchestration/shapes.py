"""The types that the parts of a pipeline file are made of."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from mlops_lab.errors import InvalidInput
from mlops_lab.names import alias_name

__all__ = [
    "ALIAS_WORDS",
    "IDENTIFIER",
    "Alias",
    "Duration",
    "Identifier",
    "Line",
    "Shape",
    "seconds",
    "shown",
]

IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]{0,99}"
"""What can name a step, a param, an input or an output: it also names folders."""

ALIAS_WORDS = (
    "a word such as champion: up to 50 letters, digits and . _ -, a letter first, and not latest"
)

_DURATION = r"(\d+(\.\d+)?(ms|s|m|h|d))+"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_S = 366 * 86400.0


class Shape(BaseModel):
    """A map of a pipeline file: nothing but its own keys, each of its own type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def seconds(duration: str) -> float:
    """How long a duration such as ``20m`` or ``1h30m`` is, in seconds.

    >>> seconds("90s"), seconds("1h30m")
    (90.0, 5400.0)
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", duration)
    return float(sum(float(number) * _UNITS[unit] for number, unit in parts))


def shown(value: object) -> str:
    """A value as a fault tells it, in at most 60 characters."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _identifier(name: str) -> str:
    if not re.fullmatch(IDENTIFIER, name):
        raise PydanticCustomError(
            "identifier",
            "{name} cannot be a name here: use at most 100 letters, digits and _, "
            "and no digit first.",
            {"name": shown(name)},
        )
    return name


def _sensible(duration: str) -> str:
    if not 0 < seconds(duration) <= _LONGEST_S:
        raise ValueError("from just above 0 to a year")
    return duration


def _line(name: str) -> str:
    if not name.isprintable():
        raise ValueError("one line without control characters")
    return name


def _alias(word: str) -> str:
    try:
        return alias_name(word)
    except InvalidInput as error:
        raise ValueError(ALIAS_WORDS) from error


Identifier = Annotated[str, AfterValidator(_identifier)]
Line = Annotated[str, AfterValidator(_line)]
Alias = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,49}$"), AfterValidator(_alias)]
Duration = Annotated[
    str,
    Field(pattern=f"^{_DURATION}$", examples=["20m", "90s", "1h30m"]),
    AfterValidator(_sensible),
]
