"""What datasets, models and their aliases may be called, and how a version of one is named.

One rule for all of them, because names travel: into addresses, files, command lines and cells.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from mlops_lab.errors import InvalidInput

__all__ = ["Reference", "alias_name", "name_of", "other_spelling", "parse_reference"]

LONGEST_NAME: Final = 100
LONGEST_ALIAS: Final = 50
LATEST: Final = "latest"
"""The word for the newest version; no alias may be called so."""

_VERSION: Final = re.compile(r"[1-9][0-9]{0,17}")
_ELSEWHERE: Final = re.compile(r"(?:models:/)?([\w.-]{1,100})[:/]v?([1-9][0-9]{0,17})")
_ALIAS: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_BETWEEN: Final = frozenset("._-")


@dataclass(frozen=True, slots=True)
class Reference:
    """Which version of a named thing is meant: a number, an alias, or neither: the latest.

    Attributes
    ----------
    name
        Of the dataset or model.
    version
        From 1.
    alias
        As ``champion``.
    """

    name: str
    version: int | None = None
    alias: str | None = None

    def __str__(self) -> str:
        which = self.version if self.version is not None else self.alias
        return self.name if which is None else f"{self.name}@{which}"


def name_of(text: Any, what: str) -> str:
    """Check the name of a dataset or a model, and give it in the one form in which it is kept.

    Parameters
    ----------
    text
        1 to 100 letters of any script, digits, ``.``, ``_`` and ``-``; the first is a letter, a
        digit or ``_``.
    what
        What is named: the sentence begins with it, as ``A dataset``.

    Raises
    ------
    InvalidInput
        It is no such name.

    Examples
    --------
    >>> name_of("flight-delay", "A model")
    'flight-delay'
    >>> name_of("../secret", "A dataset")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    mlops_lab.errors.InvalidInput: A dataset's name has up to 100 letters, ... got '../secret'.
    """
    # "é" can be one character or two: whoever types it on another machine means the same name.
    name = unicodedata.normalize("NFC", text) if isinstance(text, str) else ""
    good = 1 <= len(name) <= LONGEST_NAME and all(
        _is_word(c) or (place and (c in _BETWEEN or unicodedata.category(c)[0] == "M"))
        for place, c in enumerate(name)
    )
    if not good:
        raise InvalidInput(
            f"{what}'s name has up to {LONGEST_NAME} letters, digits and . _ -, beginning with a "
            f"letter or digit; got {_shown(text)}.{other_spelling(text)}"
        )
    return name


def other_spelling(text: Any) -> str:
    """Say how a version is named here, to whom names one as other registries do; else nothing.

    Examples
    --------
    >>> other_spelling("models:/churn/1"), other_spelling("churn:v2"), other_spelling("data/x.csv")
    (' Version 1 of churn is churn@1.', ' Version 2 of churn is churn@2.', '')
    """
    found = _ELSEWHERE.fullmatch(text) if isinstance(text, str) else None
    return f" Version {found[2]} of {found[1]} is {found[1]}@{found[2]}." if found else ""


def alias_name(text: Any) -> str:
    """Check an alias: a word as ``champion``, which is never taken for a number.

    Raises
    ------
    InvalidInput
        It is no such word.

    Examples
    --------
    >>> alias_name("champion")
    'champion'
    """
    if (
        not isinstance(text, str)
        or len(text) > LONGEST_ALIAS
        or not _ALIAS.fullmatch(text)
        or text == LATEST
    ):
        raise InvalidInput(
            f"An alias is a word as champion: up to {LONGEST_ALIAS} letters, digits and . _ -, "
            f"beginning with a letter, and not {LATEST}; got {_shown(text)}."
        )
    return text


def parse_reference(text: Any, what: str) -> Reference:
    """Read ``name``, ``name@3`` or ``name@alias``; ``name@latest`` is the same as ``name``.

    Parameters
    ----------
    what
        As of `name_of`.

    Examples
    --------
    >>> parse_reference("flights@3", "A dataset")
    Reference(name='flights', version=3, alias=None)
    """
    if not isinstance(text, str):
        raise InvalidInput(f"{what} is named as name, name@3 or name@alias; got {_shown(text)}.")
    name, at, which = text.partition("@")
    name = name_of(name, what)
    if not at or which == LATEST:
        return Reference(name)
    if _VERSION.fullmatch(which):
        return Reference(name, version=int(which))
    return Reference(name, alias=alias_name(which))


def _is_word(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] in "LN"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:119]}…"
