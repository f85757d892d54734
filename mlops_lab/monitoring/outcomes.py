"""Performance over time, as values: what models came to, what was expected of them, and of whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from mlops_lab.monitoring.wire import Packed

__all__ = [
    "Calibration",
    "CalibrationPoint",
    "GroupRates",
    "MetricLine",
    "NaturalBand",
    "Performance",
    "Rate",
    "SegmentRow",
]

Line: TypeAlias = tuple[float | None, ...]
"""A value for each chunk, None where there is none."""

Rate: TypeAlias = tuple[float, float, float]
"""A share with the ends of its interval: value, low, high."""


@dataclass(frozen=True, slots=True)
class NaturalBand:
    """Where a number lies without anything having happened; see `mlops_lab.monitoring.policy`.

    Parameters
    ----------
    low, high
        Its ends.
    median
        Of the reference's chunks.
    """

    low: float
    high: float
    median: float


@dataclass(frozen=True, slots=True)
class MetricLine:
    """A metric over the chunks.

    Parameters
    ----------
    label, goal, unit
        Its name for people; whether high or low is good, None is neither; its unit.
    realised, low, high
        From the labels that came, with the ends of a 95 % interval.
    estimated, estimated_low, estimated_high
        Without labels (CBPE): it assumes that the concept did not change.
    natural
        Of the reference's chunks; None is too few of them. With references by version that of the
        last one; `naturals` has all.
    states
        A letter for each chunk, as of `ColumnEvaluation.states`.
    naturals
        `natural` chunk by chunk, where the reference changes with the version of the model.
    """

    label: str
    goal: Literal["max", "min"] | None
    unit: str | None
    realised: Line
    low: Line
    high: Line
    estimated: Line
    estimated_low: Line
    estimated_high: Line
    natural: NaturalBand | None
    states: str
    naturals: tuple[NaturalBand | None, ...] = ()

    def natural_at(self, place: int) -> NaturalBand | None:
        """What is natural in a chunk."""
        return self.naturals[place] if self.naturals else self.natural


@dataclass(frozen=True, slots=True)
class CalibrationPoint:
    """Of rows with about one score: how many were positive, with a 95 % interval."""

    score: float
    share: float
    n: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Scores against what came, of the reference and chunk by chunk.

    Parameters
    ----------
    chunks
        By chunk, in ten parts of the score about equally filled in the reference: rows with a
        label, positive ones, and their mean score in millionths; shape ``(n_chunks, 10, 3)``.
    """

    reference: tuple[CalibrationPoint, ...]
    chunks: Packed | None = None


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A part of the rows that does worse than the rest.

    Parameters
    ----------
    by, value
        The columns and their values: ``("carrier", "origin")``, ``("EV", "EWR")``.
    chunk
        Its key, None is all.
    n
        Labelled rows.
    metric, value_of, low, high
        What was measured, with its interval.
    share_of_gap
        How much of the chunk's gap is in these rows.
    """

    by: tuple[str, ...]
    value: tuple[str, ...]
    chunk: str | None
    n: int
    metric: str
    value_of: float | None
    low: float | None
    high: float | None
    share_of_gap: float | None = None


@dataclass(frozen=True, slots=True)
class GroupRates:
    """Error rates of a group, each with its Wilson interval; None where rows are too few."""

    by: str
    group: str
    n: int
    selection_rate: Rate | None
    tpr: Rate | None
    fpr: Rate | None
    precision: Rate | None


@dataclass(frozen=True, slots=True)
class Performance:
    """How well the model did, chunk by chunk.

    Parameters
    ----------
    target, score, positive
        Columns, and the value that is the positive one.
    kind
        Of the task.
    metrics
        By name, in the order in which they are shown.
    maturity
        The share of rows with a label, by chunk.
    mature
        Whether the labels that will come have come.
    counts
        Rows by score bin and label (0, 1, none), shape ``(n_chunks, 100, 3)``.
    reference_counts
        The reference's, shape ``(100, 3)``.
    score_edges
        The 101 edges of the bins of `counts`.
    notes
        What a reader must know, as sentences.
    """

    target: str | None
    score: str | None
    positive: str | None
    kind: Literal["binary", "multiclass", "regression"]
    metrics: Mapping[str, MetricLine]
    maturity: Line
    mature: tuple[bool, ...]
    calibration: Calibration | None = None
    segments: tuple[SegmentRow, ...] = ()
    fairness: tuple[GroupRates, ...] = ()
    counts: Packed | None = None
    reference_counts: Packed | None = None
    score_edges: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    live: Annotated[Any, Field(exclude=True)] = field(default=None, compare=False, repr=False)
