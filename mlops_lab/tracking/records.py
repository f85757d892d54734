"""What tracking keeps, as values: a run and all that hangs on it.

Everything here is frozen. Times are aware and in UTC; numbers that are not finite stay floats
(their strings are the wire's business).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

__all__ = [
    "ANY",
    "STATUSES",
    "ArtifactRecord",
    "CellRecord",
    "ExperimentRecord",
    "History",
    "MetricSummary",
    "Need",
    "NoteRecord",
    "Page",
    "ParamRecord",
    "RunRecord",
    "Status",
]

Status = Literal["scheduled", "running", "finished", "failed", "killed"]
STATUSES: Final[tuple[Status, ...]] = ("scheduled", "running", "finished", "failed", "killed")

# As the parent in a search: runs at every level. No id reads like it.
ANY: Final = "any"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as the store knows it now.

    Attributes
    ----------
    id
        32 lower-case hexadecimal characters.
    status
        Whether it ran: scheduled, running, finished, failed or killed.
    outcome
        What its gates said: passed, rejected, waiting, or None without gates.
    lifecycle
        active or deleted; a deleted run can be restored.
    author, claimed_user
        Who ran it by the system's word, and whom the environment named beside it.
    source
        Where it comes from: ``notebook`` or ``pipeline`` (relative to the project), ``program``.
    owner
        ``journal`` (alive while its writer is) or ``remote`` (judged by nobody).
    cell
        The cell it is in, or was last: ``{"id", "index", "total"}``, index counted from 1.
    step
        The largest step of any metric.
    """

    id: str
    name: str
    kind: str
    status: Status
    outcome: str | None
    lifecycle: str
    experiment_id: str
    experiment: str
    parent: str | None
    author: str | None
    claimed_user: str | None
    source: dict[str, Any]
    started_at: datetime
    ended_at: datetime | None
    owner: str
    starred: bool
    reason: str | None
    error: dict[str, Any] | None
    cell: dict[str, Any] | None
    step: int | None
    planned_steps: int | None
    children: int = 0
    last_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def duration_s(self) -> float:
        """Seconds from start to end, or until now while it runs."""
        end = self.ended_at or datetime.now(UTC)
        return max(0.0, (end - self.started_at).total_seconds())

    @property
    def is_open(self) -> bool:
        """Whether it is running or waits to run."""
        return self.status in ("running", "scheduled")


@dataclass(frozen=True, slots=True)
class ParamRecord:
    """One value of a param; a changed param has several, the last one counts."""

    key: str
    value: str
    type: str
    number: float | None
    logged_at: datetime
    cell: str | None = None
    changed: bool = False


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric of a run in a few numbers; best, min, max and mean are over finite values."""

    key: str
    n: int
    last: float
    last_step: int
    last_t: datetime
    min: float | None
    max: float | None
    best: float | None
    best_step: int | None
    mean: float | None
    not_finite: int
    goal: Literal["max", "min"]
    guessed: bool


@dataclass(frozen=True, slots=True)
class History:
    """The points of one metric, ordered by step, then time.

    Attributes
    ----------
    steps, times_us, values
        Columns of equal length; times are microseconds since 1970, UTC.
    n
        How many points there are, before any were left out.
    downsampled
        Whether only the extremes of each stretch are here.
    """

    key: str
    steps: list[int]
    times_us: list[int]
    values: list[float]
    n: int
    downsampled: bool

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        shown = f"{len(self.values):,} of {self.n:,}" if self.downsampled else f"{self.n:,}"
        last = f", last {self.values[-1]:.6g} at step {self.steps[-1]}" if self.values else ""
        return f"<History {self.key}: {shown} points{last}>"

    def df(self) -> Any:
        """Give a pandas frame with the columns step, time (UTC) and value."""
        import pandas as pd

        times = pd.to_datetime(self.times_us, unit="us", utc=True)
        return pd.DataFrame({"step": self.steps, "time": times, "value": self.values})


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """A file of a run: a path that points at an immutable object."""

    path: str
    digest: str
    size: int
    media: str
    kind: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CellRecord:
    """The last state of one notebook cell of a run; index counts from 1."""

    id: str | None
    index: int
    total: int | None
    state: str
    seconds: float | None
    source: str | None


@dataclass(frozen=True, slots=True)
class NoteRecord:
    """A remark somebody left on a run."""

    text: str
    created_at: datetime
    author: str | None


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """A named group of comparable runs."""

    id: str
    name: str
    runs: int
    created_at: datetime | None
    last_updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person: a run that failed, was killed, or waits at a gate."""

    kind: Literal["failed", "killed", "waiting"]
    run_id: str
    title: str
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search: the runs, where to go on, and how many match in all.

    When none does, ``hint`` may say why: a metric that no run has, and the nearest that some have.
    """

    items: list[RunRecord] = field(default_factory=list)
    next_cursor: str | None = None
    total: int = 0
    hint: str | None = None
