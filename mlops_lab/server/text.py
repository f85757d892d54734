"""Texts that people send: bounded, and without characters that command instead of saying."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

__all__ = ["Comment", "Digest", "Name", "Note", "Tags", "refuse_broken"]

_LAYOUT = "\n\t\r"


def _plain(text: str) -> str:
    for character in text:
        code = ord(character)
        if (code < 32 and character not in _LAYOUT) or 127 <= code < 160:
            raise ValueError(f"a control character ({code:#04x}) is no text")
    return text


def _line(text: str) -> str:
    if any(character in text for character in _LAYOUT):
        raise ValueError("one line is enough")
    return _plain(text)


Comment = Annotated[str, Field(max_length=4_000), AfterValidator(_plain)]
"""Why somebody decided so."""

Note = Annotated[str, Field(max_length=20_000), AfterValidator(_plain)]
"""What somebody says about a thing."""

Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_line)]
"""What something is called; its concept knows the exact rule."""

Digest = Annotated[str, Field(pattern="^b3-[0-9a-f]{64}$")]
"""A content id."""

Tags = dict[Name, Annotated[str, Field(max_length=1_000), AfterValidator(_plain)] | None]
"""Tags to set; None takes one away."""


def refuse_broken(value: Any) -> None:
    """Refuse JSON whose texts are no Unicode: half of a pair cannot be written anywhere.

    Raises
    ------
    ValueError
        There is one.
    """
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, str):
            one.encode()
        elif isinstance(one, dict):
            pending += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            pending += one
