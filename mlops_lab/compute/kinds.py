"""What a column is for a drift statistic: told by its values, or declared by a person.

The kind decides how the column is counted (`grids`) and which statistics judge it (`statistics`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from mlops_lab.compute.types import is_number, kind_of_type
from mlops_lab.errors import InvalidInput

__all__ = ["DRIFT_KINDS", "Kind", "KindFound", "Looked", "check_declared", "settle_kind"]

Kind: TypeAlias = Literal["number", "integer", "category", "boolean", "time", "text", "id", "other"]
DRIFT_KINDS: tuple[Kind, ...] = (
    "number",
    "integer",
    "category",
    "boolean",
    "time",
    "text",
    "id",
    "other",
)

MOST_VALUES: Final = 512
"""Numbers with at most so many different values are counted value by value …"""

ONCE: Final = 0.05
"""… unless more than this share of the rows has a value that occurs only once: it estimates how
many of the next rows will have a new one (Good, 1953, The population frequencies of species), and
with many new ones these are not values that repeat, but few rows."""

FEW: Final = 50
"""Texts with at most so many different values are categories, whatever their share."""

ID_SHARE: Final = 0.5
"""With more different values than this share of the rows, a text tells rows apart."""

ID_ROWS: Final = 1_000
"""Whole numbers of which no two of at least so many rows share one tell rows apart, too: what is
counted or measured comes again before that."""

LONG_CHARS: Final = 40
"""Texts that are longer on average are prose, not names …"""

MANY_WORDS: Final = 4.0
"""… and so are those of at least so many words on average."""

_TAKES: Mapping[Kind, tuple[str, ...]] = {
    "number": ("number", "boolean", "text"),
    "integer": ("number", "boolean", "text"),
    "category": ("number", "boolean", "text", "time"),
    "boolean": ("number", "boolean", "text"),
    "time": ("time",),
    "text": ("text",),
    "id": ("number", "boolean", "text", "time"),
    "other": ("number", "boolean", "text", "time", "other"),
}
"""Which families of types a declared kind can read."""


@dataclass(frozen=True, slots=True)
class KindFound:
    """The kind of a column, and why.

    Parameters
    ----------
    kind
        One of `DRIFT_KINDS`. *integer*: at most 512 different numbers, or whole ones; *category*:
        texts that repeat; *id*: texts that hardly do, whole numbers that never do; *other*: nested
        or binary values, of which only their absence is counted.
    reason
        A short clause for people: "43 different values".
    declared
        Whether a person said so.
    """

    kind: Kind
    reason: str
    declared: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at a column found.

    Parameters
    ----------
    type
        DuckDB's.
    count
        Rows with a value (of those looked at).
    distinct
        Different finite values among them.
    once
        Values that occur only once.
    whole
        Whether all numbers are whole.
    chars, words
        Mean length of the texts, and mean number of words.
    """

    type: str
    count: int
    distinct: int
    once: int = 0
    whole: bool = False
    chars: float = 0.0
    words: float = 1.0

    @property
    def repeats(self) -> bool:
        """Whether numbers are few enough, and frequent enough, to be counted one by one."""
        return 0 < self.distinct <= MOST_VALUES and self.once <= ONCE * self.count


def settle_kind(looked: Looked) -> KindFound:
    """Infer a kind.

    >>> settle_kind(Looked("DOUBLE", 1000, 3)).kind, settle_kind(Looked("BLOB", 5, 0)).kind
    ('integer', 'other')
    >>> settle_kind(Looked("BIGINT", 5000, 5000, once=5000, whole=True)).kind
    'id'
    """
    family = kind_of_type(looked.type)
    distinct = looked.distinct
    if family == "number":
        if distinct == 0:
            return KindFound("number", "no values")
        if looked.repeats:
            return KindFound("integer", _different(distinct))
        if looked.whole and looked.once == looked.count >= ID_ROWS:
            return KindFound("id", "whole numbers, each of them once")
        if looked.whole:
            return KindFound("integer", f"whole numbers, {_different(distinct)}")
        return KindFound("number", _different(distinct))
    if family == "boolean":
        return KindFound("boolean", "true or false")
    if family == "time":
        return KindFound("time", f"its type is {looked.type}")
    if family != "text":
        return KindFound("other", f"its type is {_short(looked.type)}, so only gaps are counted")
    if looked.count == 0:
        return KindFound("category", "no values")
    if distinct <= FEW:
        return KindFound("category", _different(distinct))
    if looked.chars > LONG_CHARS or looked.words >= MANY_WORDS:
        return KindFound(
            "text", f"{looked.chars:.0f} characters and {looked.words:.1f} words on average"
        )
    share = distinct / looked.count
    if share > ID_SHARE:
        return KindFound("id", f"{share:.0%} of the values are different")
    return KindFound("category", _different(distinct))


def check_declared(name: str, type_name: str, kind: str) -> KindFound:
    """Take a kind that a person declared.

    Raises
    ------
    InvalidInput
        There is no such kind, or the column's values cannot be read that way.
    """
    if kind not in DRIFT_KINDS:
        raise InvalidInput(
            f'The column {name} is declared as "{kind}"; a kind is one of {", ".join(DRIFT_KINDS)}.'
        )
    known: Kind = kind
    family = kind_of_type(type_name)
    read = "text" if family == "category" else family
    if read not in _TAKES[known]:
        fitting = [one for one in DRIFT_KINDS if read in _TAKES[one]]
        raise InvalidInput(
            f"The column {name} is declared as {kind}, but its type is {_short(type_name)}: it can "
            f"be {' or '.join(fitting)}."
        )
    return KindFound(known, "declared", declared=True)


def reads_as_number(kind: Kind, type_name: str) -> bool:
    """Whether values of the type are numbers already (else they are tried as such)."""
    return kind in ("number", "integer") and (is_number(type_name) or type_name == "BOOLEAN")


def _different(count: int) -> str:
    return f"{count:,} different value{'s' if count != 1 else ''}"


def _short(type_name: str) -> str:
    return type_name if len(type_name) <= 40 else f"{type_name[:39]}…"
