"""How two profiles differ: schema, rows, and each column in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlops_lab.compute.column import ColumnProfile, Profile, Value

__all__ = ["ColumnDiff", "ProfileDiff", "TypeChange", "diff_profiles"]

MOVED = 0.05
"""A mean or median is said to have moved from this share of the earlier standard deviation on."""

SHARES = 0.01
"""A share (of missing values, of a category) is said to have changed from one point on."""

_MOST_VALUES = 3

# Between a day and its hour, as JSON writes a time.
_TIME = re.compile(r"(\d)T(\d)")


@dataclass(frozen=True, slots=True)
class TypeChange:
    """A column that has another type now."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ColumnDiff:
    """A column that both have.

    Parameters
    ----------
    changes
        Sentences; empty when nothing worth saying changed.
    """

    name: str
    kind: str
    changes: tuple[str, ...]
    before: ColumnProfile
    after: ColumnProfile

    def to_json(self) -> dict[str, Any]:
        """As REST sends it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "changes": list(self.changes),
            "before": self.before.to_json(),
            "after": self.after.to_json(),
        }


@dataclass(frozen=True, slots=True)
class ProfileDiff:
    """The difference of two profiles.

    Parameters
    ----------
    rows_before, rows_after
        How many there are.
    added, removed
        Names of columns.
    retyped
        Columns with another type.
    columns
        Those that both have, in the later one's order.
    """

    rows_before: int
    rows_after: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    retyped: tuple[TypeChange, ...]
    columns: tuple[ColumnDiff, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing worth saying changed."""
        same_rows = self.rows_before == self.rows_after
        same_schema = not (self.added or self.removed or self.retyped)
        return same_rows and same_schema and not any(one.changes for one in self.columns)

    def to_json(self) -> dict[str, Any]:
        """As REST sends it."""
        return {
            "schema": {
                "added": list(self.added),
                "removed": list(self.removed),
                "changed": [
                    {"name": one.name, "before": one.before, "after": one.after}
                    for one in self.retyped
                ],
            },
            "rows": {"before": self.rows_before, "after": self.rows_after},
            "columns": [one.to_json() for one in self.columns],
        }


def diff_profiles(before: Profile, after: Profile) -> ProfileDiff:
    """Compare two profiles; the data is not read again.

    Parameters
    ----------
    before, after
        The earlier and the later one.
    """
    earlier = {one.name: one for one in before.columns}
    later = {one.name: one for one in after.columns}
    both = [(earlier[name], one) for name, one in later.items() if name in earlier]
    return ProfileDiff(
        rows_before=before.rows,
        rows_after=after.rows,
        added=tuple(name for name in later if name not in earlier),
        removed=tuple(name for name in earlier if name not in later),
        retyped=tuple(TypeChange(b.name, a.type, b.type) for a, b in both if a.type != b.type),
        columns=tuple(ColumnDiff(b.name, b.kind, tuple(_changes(a, b)), a, b) for a, b in both),
    )


def _changes(a: ColumnProfile, b: ColumnProfile) -> Iterator[str]:
    if a.type != b.type:
        yield f"type {a.type} → {b.type}"
    if abs(a.missing_share - b.missing_share) >= SHARES or bool(a.missing) != bool(b.missing):
        yield f"missing {_percent(a.missing_share)} → {_percent(b.missing_share)}"
    if a.not_finite != b.not_finite:
        yield f"not finite {a.not_finite:,} → {b.not_finite:,}"
    if a.count == 0 or b.count == 0 or a.kind != b.kind:
        return
    if a.kind in ("number", "time"):
        yield from _moved(a, b)
    elif a.kind == "boolean":
        if abs((a.mean or 0) - (b.mean or 0)) >= SHARES:
            yield f"true {_percent(a.mean or 0)} → {_percent(b.mean or 0)}"
    elif a.kind == "category":
        yield from _values(a, b)


def _moved(a: ColumnProfile, b: ColumnProfile) -> Iterator[str]:
    unit = a.std or 0.0
    medians = a.quantiles.get("p50"), b.quantiles.get("p50")
    for name, x, y in (("mean", a.mean, b.mean), ("median", *medians)):
        if isinstance(x, int | float) and isinstance(y, int | float) and _is_far(x, y, unit):
            by = f" ({(y - x) / unit:+.2f} sd)".replace("-", "−") if unit else ""
            yield f"{name} {_figure(x)} → {_figure(y)}{by}"
    for name, low, high in (("min", a.min, b.min), ("max", a.max, b.max)):
        if low != high and low is not None and high is not None:
            text = f"{name} {_figure(low)} → {_figure(high)}"
            yield _TIME.sub(r"\1 \2", text) if a.kind == "time" else text


def _is_far(x: float, y: float, unit: float) -> bool:
    return abs(y - x) >= MOVED * unit if unit else x != y


def _values(a: ColumnProfile, b: ColumnProfile) -> Iterator[str]:
    if a.distinct != b.distinct and not (a.approximate or b.approximate):
        yield f"{a.distinct or 0:,} → {b.distinct or 0:,} different values"
    earlier, later = dict(a.top), dict(b.top)
    if _is_listed(a):
        new = [value for value in later if value not in earlier]
        if new:
            yield f"new: {_listed(new)}"
    if _is_listed(b):
        gone = [value for value in earlier if value not in later]
        if gone:
            yield f"gone: {_listed(gone)}"
    shares = [(value, n / a.count, later[value] / b.count) for value, n in a.top if value in later]
    moved = [one for one in shares if abs(one[2] - one[1]) >= SHARES]
    for value, x, y in sorted(moved, key=lambda one: -abs(one[2] - one[1]))[:_MOST_VALUES]:
        yield f"{_figure(value)} {_percent(x)} → {_percent(y)}"


def _is_listed(column: ColumnProfile) -> bool:
    """Whether `top` holds every value."""
    return not column.approximate and column.distinct == len(column.top)


def _listed(values: list[Value]) -> str:
    more = f" and {len(values) - _MOST_VALUES} more" if len(values) > _MOST_VALUES else ""
    return ", ".join(_figure(value) for value in values[:_MOST_VALUES]) + more


def _percent(value: float) -> str:
    percent = 100 * value
    if percent in (0, 100) or 0.1 <= percent <= 99.9:
        return f"{percent:.1f}".removesuffix(".0") + "%"
    return "<0.1%" if percent < 50 else ">99.9%"


def _figure(value: Value) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = str(value) or "(empty text)"
        return text if len(text) <= 40 else text[:39] + "…"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", "−")
    text = f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"
    return text.replace("-", "−")
