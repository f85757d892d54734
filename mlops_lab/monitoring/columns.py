"""A column over the chunks, as values: its states and effects, its range, its bins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from mlops_lab.compute.kinds import Kind
from mlops_lab.monitoring.outcomes import Line
from mlops_lab.monitoring.wire import Packed

__all__ = [
    "STATES",
    "CategoryBins",
    "Cell",
    "ColumnEvaluation",
    "Measure",
    "NumberBins",
    "Outside",
    "ReferenceColumn",
    "Role",
    "State",
]

State: TypeAlias = Literal["ok", "warn", "alert", "quality", "small", "hatched", "none"]
STATES: Final[Mapping[str, State]] = {
    "o": "ok",
    "w": "warn",
    "a": "alert",
    "q": "quality",
    "s": "small",
    "h": "hatched",
    "-": "none",
}
"""The letter of a cell and what it says: *small* is drawn and never alarms, *hatched* is looked at
for data quality only, *quality* has an open finding, which comes before drift."""

Role: TypeAlias = Literal["feature", "score", "prediction", "target"]
Measure: TypeAlias = Literal["ks", "tvd", "auc"]


@dataclass(frozen=True, slots=True)
class ReferenceColumn:
    """What a column was like in the reference; `low` and `high` are its extremes."""

    n: int
    missing: float | None
    mean: float | None
    median: float | None
    std: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class NumberBins:
    """Bins of numbers: a bin has its left edge, the last one its right as well."""

    edges: tuple[float, ...]
    kind: Literal["number"] = "number"


@dataclass(frozen=True, slots=True)
class CategoryBins:
    """Bins of categories: `values`, then all others of the reference, then those it never had."""

    values: tuple[str, ...]
    other: bool
    new: bool
    kind: Literal["category"] = "category"


@dataclass(frozen=True, slots=True)
class Outside:
    """Rows outside the range in which the reference has nearly all of its own.

    Parameters
    ----------
    low, high
        The range.
    natural
        The share outside that the reference's own chunks reach; None is too few of them.
    lows, highs, naturals
        The same by chunk, where references by version differ; `low`, `high` and `natural` are then
        those of the last.
    share, states
        By chunk; the letters as of `ColumnEvaluation.states`.
    alone
        A person named the column for this: leaving the range alarms, drift within it informs.
    """

    low: float
    high: float
    natural: float | None
    share: Line
    states: str = ""
    alone: bool = False
    lows: Line = ()
    highs: Line = ()
    naturals: Line = ()

    def at(self, place: int) -> tuple[float, float, float | None]:
        """The range that held for a chunk, and the natural share outside of it."""
        if not self.lows:
            return self.low, self.high, self.natural
        low, high = self.lows[place], self.highs[place]
        if low is None or high is None:
            return self.low, self.high, self.natural
        return low, high, self.naturals[place]


@dataclass(frozen=True, slots=True)
class ColumnEvaluation:
    """A column, chunk by chunk.

    Parameters
    ----------
    kind, declared
        What it is, and whether a person said so.
    importance, impact
        Permutation importance in the model, and the largest effect of an alarm times it.
    measure, warn, alert
        The statistic that is its effect, and the policy's levels of it.
    natural
        What the effect comes to in the reference itself, and may therefore reach; None is unknown.
        With references by version that of the last one; `naturals` has all.
    provisional
        Whether the reference has too few chunks to know.
    states
        A letter for each chunk; see `STATES`.
    effect, effect_low, effect_high
        By chunk, with the ends of its certificate: what the raw values give lies between them.
    wasserstein, psi, missing, p_value, median
        By chunk: in standard deviations of the reference; –; a share; –; in the column's unit.
    statistics
        What else was measured, by name and chunk.
    bins, reference_counts, counts
        At most 64 bins, the reference's counts (by version, where it has several) and those of
        each chunk, shape ``(n_chunks, n_bins)``.
    """

    name: str
    kind: Kind
    declared: bool
    role: Role
    unit: str | None
    importance: float | None
    impact: float | None
    measure: Measure
    warn: float
    alert: float
    natural: float | None
    provisional: bool
    states: str
    effect: Line
    effect_low: Line
    effect_high: Line
    wasserstein: Line
    psi: Line
    missing: Line
    p_value: Line
    median: Line
    outside: Outside | None
    reference: ReferenceColumn
    bins: NumberBins | CategoryBins
    reference_counts: tuple[int, ...] | Mapping[str, tuple[int, ...]]
    counts: Packed
    naturals: Line = ()
    statistics: Mapping[str, Line] = field(default_factory=dict)

    def natural_at(self, place: int) -> float | None:
        """What the effect may reach in a chunk; None is unknown."""
        return self.naturals[place] if self.naturals else self.natural


@dataclass(frozen=True, slots=True)
class Cell:
    """One column in one chunk, as a person asks for it."""

    column: str
    kind: Kind
    chunk: str
    n_reference: int
    n_current: int
    measure: Measure
    effect: float | None
    natural: float | None
    p_value: float | None
    missing: float | None
    state: State
