"""What an expression means, once the kind of each name is known.

The tree says what was typed; the plan says what is computed. Both back ends work from the plan, so
every rule stands here once:

- numbers, times (microseconds since 1970, UTC) and durations (microseconds) are all doubles, and
  whole microseconds are exact in a double until the year 2255: the two back ends calculate alike;
- a param or tag stands beside a number as its number (none: missing), beside a text as its text,
  beside another param or tag as a number if both have one;
- a text literal beside a time or a duration is read as a date.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from mlops_lab.expressions.nodes import (
    Comparator,
    Name,
    Operator,
)

__all__ = [
    "AllOf",
    "AnyOf",
    "Calculated",
    "Comparison",
    "Condition",
    "Constant",
    "Inverse",
    "Kind",
    "KindOf",
    "LooseComparison",
    "Matching",
    "Membership",
    "Missing",
    "Moment",
    "NumberOf",
    "TextOf",
    "Value",
]


class Kind(enum.Enum):
    """What a name stands for; the value is the word in messages."""

    NUMBER = "a number"
    TEXT = "a text"
    TIME = "a time"
    DURATION = "a duration"
    LOOSE = "a param or tag"
    UNKNOWN = "not known yet"
    CONDITION = "a condition"


KindOf: TypeAlias = Callable[[Name], Kind]
"""Gives the kind of a name, or raises ``InvalidInput`` when there is no such name."""


# -- values: each a double or a text, or missing ------------------------------------------------
@dataclass(frozen=True, slots=True)
class Constant:
    """A literal, as a double or a text."""

    value: float | str


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment of evaluation, as a double."""


@dataclass(frozen=True, slots=True)
class NumberOf:
    """A name's double."""

    name: Name


@dataclass(frozen=True, slots=True)
class TextOf:
    """A name's text."""

    name: Name


@dataclass(frozen=True, slots=True)
class Calculated:
    """Arithmetic on doubles; division by zero is missing; without a left side, a negation."""

    op: Operator
    left: Value | None
    right: Value


Value: TypeAlias = Constant | Moment | NumberOf | TextOf | Calculated


# -- conditions: each true or false, never missing ----------------------------------------------
@dataclass(frozen=True, slots=True)
class Comparison:
    """Two doubles or two texts; false when a side is missing or NaN."""

    op: Comparator
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class LooseComparison:
    """Two params or tags: as numbers if both have one, else as texts."""

    op: Comparator
    left: Name
    right: Name


@dataclass(frozen=True, slots=True)
class Membership:
    """A value among others of its representation; negated, it differs from all of them."""

    operand: Value
    options: tuple[Value, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Matching:
    """A text that has (or, negated, has not) the shape of a pattern."""

    operand: Value
    pattern: Value
    negated: bool


@dataclass(frozen=True, slots=True)
class Missing:
    """Nothing is there (or, negated, something is)."""

    operand: Value
    negated: bool


@dataclass(frozen=True, slots=True)
class Inverse:
    """The opposite of a condition."""

    operand: Condition


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every condition holds."""

    operands: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one condition holds."""

    operands: tuple[Condition, ...]


Condition: TypeAlias = (
    Comparison | LooseComparison | Membership | Matching | Missing | Inverse | AllOf | AnyOf
)
