"""What an evaluation found, as values: columns by chunk, quality, performance, incidents.

Everything here is frozen and goes to JSON and back without loss: what is stored, sent to the
browser, saved with a notebook and embedded in a report is exactly this. Times are aware and in UTC;
statistics have four significant digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import ConfigDict, Field

from mlops_lab.compute.kinds import Kind
from mlops_lab.errors import Corrupt, InvalidInput, NotFound
from mlops_lab.monitoring.columns import (
    STATES,
    CategoryBins,
    Cell,
    ColumnEvaluation,
    NumberBins,
    Outside,
    ReferenceColumn,
    State,
)
from mlops_lab.monitoring.outcomes import Line, Performance
from mlops_lab.monitoring.settings import By, Keep, Policy, ReferenceKind, Settings
from mlops_lab.monitoring.wire import Packed, decode, encode

__all__ = [
    "STATES",
    "CategoryBins",
    "Cell",
    "ChunkRecord",
    "Chunking",
    "ColumnEvaluation",
    "Current",
    "Evaluation",
    "Event",
    "Incident",
    "Keep",
    "Kind",
    "Line",
    "NumberBins",
    "Outside",
    "Packed",
    "Performance",
    "Policy",
    "QualityFinding",
    "Reference",
    "ReferenceColumn",
    "Section",
    "Segments",
    "Settings",
    "Severity",
    "State",
    "Summary",
    "WindowColumn",
    "WindowFound",
]

FORMAT: Final = 1

Severity: TypeAlias = Literal["warn", "alert", "info"]
IncidentKind: TypeAlias = Literal[
    "quality", "drift", "domain", "performance", "concept", "fairness", "prediction"
]
When: TypeAlias = Annotated[datetime | None, Field(alias="from")]


@dataclass(frozen=True, slots=True)
class Reference:
    """What is compared with.

    Parameters
    ----------
    kind
        ``fixed`` data; ``rolling``: the days before each chunk; ``training``: the data of the
        model version that answered the chunk.
    told
        How a sentence names it.
    rows, from_, until
        How many, from when to when.
    chunks
        How many of its own it has: from eight on they give the natural range.
    """

    kind: ReferenceKind
    told: str
    rows: int
    from_: When
    until: datetime | None
    chunks: int


@dataclass(frozen=True, slots=True)
class Current:
    """What is looked at."""

    told: str
    rows: int
    from_: When
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Chunking:
    """How it is cut, and why so."""

    by: By
    time: str | None
    timezone: str
    told: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The worst that is open at the end, and the whole in a sentence."""

    state: Literal["ok", "warn", "alert", "quality", "small"]
    sentence: str


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """A slice of the current data.

    Parameters
    ----------
    key, label
        Its name, and how people write it: ``2013-04-01``, ``1 to 7 April``.
    from_, until
        Its bounds, the second one not included.
    state
        ``partial``: data has not come to its end; ``small``: below the policy's `small` rows;
        ``quality_only``: below its `drift_rows`.
    version
        The model version that answered most of its rows.
    """

    key: str
    label: str
    from_: When
    until: datetime | None
    rows: int
    state: Literal["complete", "partial", "small", "quality_only"]
    version: str | None = None


@dataclass(frozen=True, slots=True)
class QualityFinding:
    """Something wrong with the data itself, which is said before any drift.

    Parameters
    ----------
    chunk, column
        Where; None is everywhere.
    check
        Its kind: ``missing``, ``schema``, ``duplicate``, ``stale``, ``unit`` …
    value, usual
        What was measured, and what the reference has.
    """

    chunk: str | None
    column: str | None
    check: str
    state: Literal["warn", "alert"]
    sentence: str
    value: float | None = None
    usual: float | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an explanation: computed sentences under a title."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """Alarms of one cause, from the chunk in which it began.

    Parameters
    ----------
    key
        The cause and the chunk in which it began, ``domain@2013-04-15``: the same incident found
        again has the same.
    severity
        The worst that it came to; ``info`` is told and never alarms.
    columns, segment
        Whose it is.
    first, last
        Keys of its first and its last loud chunk.
    open
        Whether it goes on: two quiet chunks or a promotion end it.
    impact
        The largest effect times the column's importance; None is unknown.
    sections
        Why, in computed sentences.
    id, status
        Of the alert that was opened for it, where a monitor did.
    """

    key: str
    kind: IncidentKind
    severity: Severity
    columns: tuple[str, ...]
    segment: str | None
    first: str
    last: str
    open: bool
    sentence: str
    impact: float | None = None
    sections: tuple[Section, ...] = ()
    id: str | None = None
    status: Literal["open", "acknowledged", "muted", "resolved"] | None = None

    @property
    def cause(self) -> str:
        """What it is about, whenever it began: ``domain``, ``quality:missing``."""
        return self.key.rsplit("@", 1)[0]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the model: a promotion, a retraining, a refused challenger."""

    at: datetime
    chunk: str | None
    kind: Literal["promotion", "retraining", "refused"]
    label: str
    sentence: str
    node: str | None = None


@dataclass(frozen=True, slots=True)
class Segments:
    """By which column windows can be cut, and into what."""

    by: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WindowColumn:
    """A column over a range of chunks, beside its reference."""

    name: str
    effect: float | None
    effect_low: float | None
    effect_high: float | None
    wasserstein: float | None
    psi: float | None
    p_value: float | None
    missing: float | None
    median: float | None
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WindowFound:
    """A range of chunks as if it were one.

    Parameters
    ----------
    from_, until
        Keys of its first and last chunk.
    performance
        Metrics over it, where labels are known.
    scanned
        Whether the data had to be read again.
    """

    from_: Annotated[str, Field(alias="from")]
    until: str
    segment: str | None
    rows: int
    columns: tuple[WindowColumn, ...]
    performance: Mapping[str, float | None] | None
    scanned: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One look at current data beside reference data.

    Parameters
    ----------
    id, monitor
        The run that kept it and the monitor that asked, where there are any.
    alerts
        Incidents, the worst and newest first.
    events
        What happened to the model meanwhile.
    segments
        What windows can be cut by, where a segment was asked for.
    live
        What was counted, while it is at hand: windows are recomputed from it.
    """

    __pydantic_config__ = ConfigDict(ser_json_inf_nan="strings")

    format: Literal[1]
    id: str | None
    monitor: str | None
    title: str
    at: datetime
    reference: Reference
    current: Current
    chunking: Chunking
    policy: Policy
    notes: tuple[str, ...]
    summary: Summary
    chunks: tuple[ChunkRecord, ...]
    columns: tuple[ColumnEvaluation, ...]
    quality: tuple[QualityFinding, ...]
    performance: Performance | None
    alerts: tuple[Incident, ...]
    events: tuple[Event, ...]
    segments: Segments | None = None
    live: Annotated[Any, Field(exclude=True)] = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The evaluation as JSON: what is stored, what REST sends, what views are drawn from."""
        found: dict[str, Any] = encode(self)
        return found

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Evaluation:
        """Read what `to_json` made.

        Raises
        ------
        Corrupt
            It is no evaluation, or one of a newer program.
        """
        found = value.get("format") if isinstance(value, Mapping) else None
        if isinstance(found, int) and found > FORMAT:
            raise Corrupt(f"The evaluation has format {found}; this program reads {FORMAT}.")
        return decode(cls, value)

    def column(self, name: str) -> ColumnEvaluation:
        """The column of that name.

        Raises
        ------
        NotFound
            It was not looked at.
        """
        for one in self.columns:
            if one.name == name:
                return one
        names = ", ".join(one.name for one in self.columns[:30]) or "none"
        raise NotFound(f"The evaluation has no column {name!r}. It has: {names}.")

    def place(self, chunk: str) -> int:
        """Where the chunk of that key is, from 0.

        Raises
        ------
        NotFound
            There is none.
        """
        for place, one in enumerate(self.chunks):
            if one.key == chunk:
                return place
        ends = f" They are {self.chunks[0].key} to {self.chunks[-1].key}." if self.chunks else ""
        raise NotFound(f"The evaluation has no chunk {chunk!r}.{ends}")

    def cell(self, column: str, chunk: str) -> Cell:
        """One column in one chunk."""
        found, place = self.column(column), self.place(chunk)
        return Cell(
            column=column,
            kind=found.kind,
            chunk=chunk,
            n_reference=found.reference.n,
            n_current=self.chunks[place].rows,
            measure=found.measure,
            effect=found.effect[place],
            natural=found.natural_at(place),
            p_value=found.p_value[place],
            missing=found.missing[place],
            state=STATES[found.states[place]],
        )

    def window(self, first: str, last: str, segment: str | None = None) -> WindowFound:
        """Look at a range of chunks as if it were one, recomputed from what was counted.

        Parameters
        ----------
        first, last
            Keys of its first and last chunk.
        segment
            A value of `segments`; None is all rows.

        Raises
        ------
        NotFound
            There is no such chunk or segment.
        InvalidInput
            The counts are not at hand: the evaluation was read back from what was kept.
        """
        if self.live is None:
            raise InvalidInput(
                "The counts of this evaluation are not at hand, so windows of it cannot be "
                "computed: run it again, with lab.drift(…) or lab.monitor(…).check()."
            )
        found: WindowFound = self.live.window(self, first, last, segment)
        return found

    def alert(self, key: str) -> Incident:
        """The incident of that key.

        Raises
        ------
        NotFound
            There is none.
        """
        for one in self.alerts:
            if key in (one.key, one.id):
                return one
        keys = ", ".join(one.key for one in self.alerts) or "none"
        raise NotFound(f"The evaluation has no incident {key!r}. It has: {keys}.")
