"""Characters to tokens. One pass with one pattern, so its time is linear in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mlops_lab.errors import InvalidInput
from mlops_lab.expressions.nodes import AGGREGATES

__all__ = ["MAX_LENGTH", "UNITS_US", "Token", "tokenize"]

MAX_LENGTH = 20_000
"""Longest text that is read: several hundred run ids in an ``in`` list."""

KEYWORDS = frozenset(
    ("and", "or", "not", "like", "in", "between", "is", "null", "now", "asc", "desc")
)

UNITS_US: dict[str, float] = {
    "ms": 1e3,
    "s": 1e6,
    "m": 60e6,
    "h": 3600e6,
    "d": 86_400e6,
    "w": 7 * 86_400e6,
}

TokenKind: TypeAlias = Literal[
    "number", "duration", "text", "name", "call", "keyword", "symbol", "end"
]


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the language; ``text`` is the keyword or symbol in its normal form."""

    kind: TokenKind
    start: int
    end: int
    text: str = ""
    number: float = 0.0
    parts: tuple[str, ...] = ()


_PATTERN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?P<unit>\w*)
    | (?P<text>'(?:[^']|'')*')
    | (?P<name>(?:`(?:[^`]|``)+`|[^\W\d]\w*)(?:\.(?:`(?:[^`]|``)+`|\w+))*)
    | (?P<symbol><=|>=|!=|[=<>()+\-*/,])
    """,
    re.VERBOSE,
)
_PART = re.compile(r"`((?:[^`]|``)+)`|(\w+)")
_METRIC = re.compile(r"\s*(?:`(?P<quoted>(?:[^`]|``)+)`\s*|(?P<raw>[^)`]*))\)")
_OPEN = re.compile(r"\s*\(")

# Double quotes, and what word processors make of quotes.
_OTHER_QUOTES = '"\u201c\u201d\u2018\u2019\u00ab\u00bb'

# Habits from other languages, each with the word that is meant here.
_HABITS = (
    ("==", "=", "Equality is a single ="),
    ("<>", "!=", "Inequality is !="),
    ("=<", "<=", "Less or equal is <="),
    ("=>", ">=", "Greater or equal is >="),
    ("&&", "and", "Conditions are joined by and"),
    ("&", "and", "Conditions are joined by and"),
    ("||", "or", "Alternatives are joined by or"),
    ("|", "or", "Alternatives are joined by or"),
    ("!", "not", "Negation is not"),
)


def tokenize(text: str) -> list[Token]:
    """Split a text into tokens, the last of which has the kind ``end``.

    Raises
    ------
    InvalidInput
        With the position of the first character that belongs to no token.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidInput(
            f"The expression has {len(text):,} characters; at most {MAX_LENGTH:,} are read.",
            position=MAX_LENGTH,
            length=1,
            suggestion=None,
        )
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        for typed, meant, why in _HABITS:
            if text.startswith(typed, position) and not text.startswith("!=", position):
                raise InvalidInput.at(
                    text, position, f"{why}.", length=len(typed), suggestion=meant
                )
        match = _PATTERN.match(text, position)
        if match is None:
            raise _unknown_character(text, position)
        end = match.end()
        if match["number"] is not None:
            tokens.append(_number(text, match))
        elif match["text"] is not None:
            tokens.append(_quoted(text, match))
        elif match["name"] is not None:
            token = _word(text, match)
            tokens.append(token)
            end = token.end
        elif match["symbol"] is not None:
            tokens.append(Token("symbol", position, end, text=match["symbol"]))
        position = end
    tokens.append(Token("end", len(text), len(text)))
    return tokens


def _number(text: str, match: re.Match[str]) -> Token:
    start, end = match.span()
    value = float(match["number"])
    if value == float("inf"):
        raise InvalidInput.at(
            text, start, "This number is too large; the largest is 1.8e308.", length=end - start
        )
    unit = match["unit"]
    if not unit:
        return Token("number", start, end, number=value)
    factor = UNITS_US.get(unit)
    if factor is None:
        known = UNITS_US.get(unit.lower())
        raise InvalidInput.at(
            text,
            match.start("unit"),
            f"{unit} is no unit of time; durations are like 10s, 30m, 12h, 7d or 2w.",
            length=len(unit),
            suggestion=unit.lower() if known else None,
        )
    return Token("duration", start, end, number=value * factor)


def _quoted(text: str, match: re.Match[str]) -> Token:
    start, end = match.span()
    value = match["text"][1:-1].replace("''", "'")
    for offset, character in enumerate(match["text"]):
        if "\ud800" <= character <= "\udfff":
            raise InvalidInput.at(
                text, start + offset, "This half of a surrogate pair is not a character."
            )
    return Token("text", start, end, text=value)


def _word(text: str, match: re.Match[str]) -> Token:
    start, end = match.span()
    typed = match["name"]
    lower = typed.lower()
    if lower in KEYWORDS:
        return Token("keyword", start, end, text=lower)
    opened = _OPEN.match(text, end)
    if lower in AGGREGATES and opened:
        return _call(text, start, lower, opened.end())
    parts = tuple(
        part[1].replace("``", "`") if part[1] is not None else part[2]
        for part in _PART.finditer(typed)
    )
    return Token("name", start, end, parts=parts)


def _call(text: str, start: int, function: str, inside: int) -> Token:
    metric = _METRIC.match(text, inside)
    if metric is None:
        raise InvalidInput.at(
            text,
            inside,
            f"{function}( needs the name of a metric and a closing parenthesis.",
            suggestion=f"{function}(auc)",
        )
    quoted = metric["quoted"]
    key = quoted.replace("``", "`") if quoted is not None else metric["raw"].strip()
    if not key:
        raise InvalidInput.at(
            text, inside, f"{function}() needs the name of a metric.", suggestion=f"{function}(auc)"
        )
    return Token("call", start, metric.end(), text=function, parts=(key,))


def _unknown_character(text: str, position: int) -> InvalidInput:
    character = text[position]
    if character == "'":
        return InvalidInput.at(
            text,
            position,
            "This text has no closing quote; a quote inside a text is written twice: 'it''s'.",
        )
    if character == ".":
        if text.startswith("`", position + 1):
            return _unknown_character(text, position + 1)
        return InvalidInput.at(
            text, position, "A dot joins the words of a name, without spaces: params.lr."
        )
    if character == "`":
        return InvalidInput.at(text, position, "This name has no closing backtick.")
    if character in _OTHER_QUOTES:
        closing = next(
            (i for i in range(position + 1, len(text)) if text[i] in _OTHER_QUOTES), position
        )
        inside = text[position + 1 : closing].replace("'", "''")
        return InvalidInput.at(
            text,
            position,
            "Text stands in single straight quotes.",
            length=closing + 1 - position,
            suggestion=f"'{inside}'" if inside else None,
        )
    return InvalidInput.at(
        text, position, f"The character {character!r} has no meaning here; text stands in quotes."
    )
