"""What is known of data without looking at it again: a profile, and its JSON.

The JSON is at once what is stored, what REST sends and what the browser draws. Numbers are JSON
numbers; whole numbers beyond 2⁵³ are texts of digits, because a browser would round them. Times are
texts: ``2013-01-01``, ``2013-01-01T05:00:00`` and with a ``Z`` where the column has a time zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

from mlops_lab.errors import Corrupt

__all__ = ["KINDS", "QUANTILES", "ColumnProfile", "Histogram", "Kind", "Profile", "Value"]

Kind: TypeAlias = Literal["number", "category", "text", "time", "boolean", "other"]
KINDS: tuple[Kind, ...] = ("number", "category", "text", "time", "boolean", "other")

Value: TypeAlias = int | float | str | bool
"""A value of a column as JSON can hold it."""

QUANTILES: Mapping[str, float] = {
    "p1": 0.01,
    "p5": 0.05,
    "p25": 0.25,
    "p50": 0.5,
    "p75": 0.75,
    "p95": 0.95,
    "p99": 0.99,
}

_FORMAT = 1
_SHOWN = 30
"""So many columns of a profile, and so many characters of a value, does its text show."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many values lie between edges; a bin has its left edge, the last one its right as well.

    Parameters
    ----------
    edges
        Ascending, one more than counts. The first and last bin may be wider than the others, so
        that a single far value does not flatten the rest.
    counts
        At most 30.
    """

    edges: tuple[Value, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column.

    Parameters
    ----------
    name, type
        As DuckDB reads them; a second column of the same name (case does not count) is ``name_1``.
    kind
        What the column is for a statistic: number, category, text, time, boolean, other.
    count
        Values that are there, those that are not finite included.
    missing
        Nulls.
    distinct
        Different finite values; None for kind *other*.
    approximate
        Whether `distinct` is an estimate (about 2 %), which it is when there are very many.
    min, max
        Of finite values. Texts are cut to 200 characters.
    mean, std
        Of finite numbers; of a boolean the share of true. To 12 and 10 digits, so that they are
        the same whatever the order of rows; `std` has n − 1 below.
    quantiles
        Values that occur, by name ``p1`` to ``p99``; empty where there is no order.
    histogram
        Of numbers and times.
    top
        The most frequent values with their counts, at most 10; the smaller value first among
        equals. Empty where nearly every value is another one.
    nan, infinite
        Numbers that are not finite, counted apart; times at infinity are `infinite`.
    """

    name: str
    type: str
    kind: Kind
    count: int
    missing: int
    distinct: int | None = None
    approximate: bool = False
    min: Value | None = None
    max: Value | None = None
    mean: float | None = None
    std: float | None = None
    quantiles: Mapping[str, Value] = field(default_factory=dict)
    histogram: Histogram | None = None
    top: tuple[tuple[Value, int], ...] = ()
    nan: int = 0
    infinite: int = 0

    @property
    def not_finite(self) -> int:
        """Values that are there but not finite."""
        return self.nan + self.infinite

    @property
    def rows(self) -> int:
        """All rows, those without a value included."""
        return self.count + self.missing

    @property
    def summary(self) -> str:
        """What is most worth knowing of it, in a line."""
        facts = []
        if self.top and self.kind in ("category", "text", "boolean"):
            facts.append(", ".join(f"{_short(value)} ({count:,})" for value, count in self.top[:3]))
        elif self.min is not None and self.max is not None:
            middle = self.quantiles.get("p50")
            between = "" if middle is None else f"{_short(middle)} … "
            facts.append(f"{_short(self.min)} … {between}{_short(self.max)}")
        if self.distinct is not None:
            facts.append(f"{'about ' * self.approximate}{self.distinct:,} different")
        if self.missing:
            facts.append(f"{self.missing:,} missing")
        if self.not_finite:
            facts.append(f"{self.not_finite:,} not finite")
        return " · ".join(facts)

    @property
    def missing_share(self) -> float:
        """The share of rows without a value; 0 when there are no rows."""
        return self.missing / self.rows if self.rows else 0.0

    def to_json(self) -> dict[str, Any]:
        """The column as JSON; every key is always there."""
        return {
            "name": self.name,
            "type": self.type,
            "kind": self.kind,
            "count": self.count,
            "missing": self.missing,
            "distinct": self.distinct,
            "approximate": self.approximate,
            "min": self.min,
            "max": self.max,
            "mean": self.mean,
            "std": self.std,
            "quantiles": dict(self.quantiles),
            "histogram": None
            if self.histogram is None
            else {"edges": list(self.histogram.edges), "counts": list(self.histogram.counts)},
            "top": [[value, count] for value, count in self.top],
            "not_finite": self.not_finite,
            "nan": self.nan,
            "infinite": self.infinite,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ColumnProfile:
        """Read what `to_json` made."""
        histogram = value["histogram"]
        return cls(
            name=value["name"],
            type=value["type"],
            kind=cast(Kind, value["kind"]),
            count=value["count"],
            missing=value["missing"],
            distinct=value["distinct"],
            approximate=value["approximate"],
            min=value["min"],
            max=value["max"],
            mean=value["mean"],
            std=value["std"],
            quantiles=dict(value["quantiles"]),
            histogram=None
            if histogram is None
            else Histogram(tuple(histogram["edges"]), tuple(histogram["counts"])),
            top=tuple((one[0], one[1]) for one in value["top"]),
            nan=value["nan"],
            infinite=value["infinite"],
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """The schema of data and a summary of every column.

    Parameters
    ----------
    rows
        How many there are.
    columns
        In the data's order.
    """

    rows: int
    columns: tuple[ColumnProfile, ...]

    def column(self, name: str) -> ColumnProfile | None:
        """The column of that name, or None."""
        return next((one for one in self.columns if one.name == name), None)

    @property
    def names(self) -> Sequence[str]:
        """The columns' names."""
        return [one.name for one in self.columns]

    def __repr__(self) -> str:
        rows = [(_short(one.name), one.type, one.summary) for one in self.columns[:_SHOWN]]
        name = max((len(row[0]) for row in rows), default=0)
        kind = max((len(row[1]) for row in rows), default=0)
        lines = [f"  {row[0]:<{name}}  {row[1]:<{kind}}  {row[2]}".rstrip() for row in rows]
        if len(self.columns) > len(rows):
            lines.append(f"  … and {len(self.columns) - len(rows):,} more, in columns")
        head = f"<Profile {self.rows:,} rows, {len(self.columns):,} columns>"
        return "\n".join([head, *lines])

    def to_json(self) -> dict[str, Any]:
        """The profile as JSON: what is stored and what REST sends."""
        return {
            "format": _FORMAT,
            "rows": self.rows,
            "columns": [one.to_json() for one in self.columns],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Profile:
        """Read what `to_json` made.

        Raises
        ------
        Corrupt
            It is no profile, or one of a newer program.
        """
        try:
            if value["format"] > _FORMAT:
                raise Corrupt(
                    f"The profile has format {value['format']}; this program reads {_FORMAT}."
                )
            return cls(
                value["rows"], tuple(ColumnProfile.from_json(one) for one in value["columns"])
            )
        except (KeyError, TypeError, IndexError) as error:
            raise Corrupt(f"This is no profile: {error!r} is wrong or missing.") from error


def _short(value: Value) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
