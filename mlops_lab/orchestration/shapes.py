"""The types that the parts of a pipeline file are made of."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from mlops_lab.errors import InvalidInput
from mlops_lab.names import alias_name
from mlops_lab.shapes import Duration, Line, Shape, seconds, shown

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


def _identifier(name: str) -> str:
    if not re.fullmatch(IDENTIFIER, name):
        raise PydanticCustomError(
            "identifier",
            "{name} cannot be a name here: use at most 100 letters, digits and _, "
            "and no digit first.",
            {"name": shown(name)},
        )
    return name


def _alias(word: str) -> str:
    try:
        return alias_name(word)
    except InvalidInput as error:
        raise ValueError(ALIAS_WORDS) from error


Identifier = Annotated[str, AfterValidator(_identifier)]
Alias = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,49}$"), AfterValidator(_alias)]
