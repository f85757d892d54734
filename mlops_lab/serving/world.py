"""An endpoint's processes as values: what there is, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from mlops_lab.serving.records import Revision
from mlops_lab.serving.rollouts.routing import Table

__all__ = [
    "Accept",
    "Action",
    "Drain",
    "Finish",
    "Kill",
    "Orphan",
    "Phase",
    "Plan",
    "Publish",
    "Rest",
    "Retire",
    "Slot",
    "Start",
    "Terms",
    "Worker",
    "World",
]

Phase = Literal["starting", "ready", "draining"]
Terms = tuple[object, ...]
"""What a worker cannot change after its start: `mlops_lab.serving.reconciling.terms_of`."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process as the supervisor sees it; times in seconds of one monotonic clock.

    Attributes
    ----------
    key
        Counted, never used again.
    revision, index
        Its slot.
    terms
        What it was started with.
    begun, ready_at, heard
        When it was started, got ready, and was heard of last.
    phase
        starting, ready or draining.
    accepting
        Whether it was told to listen to the public sockets.
    followed
        The number of the table of routes that it has reported.
    busy_since
        Since when the model works on one batch, or None.
    socket
        The path of its private socket.
    rested_at, drained_at
        When it was told to accept no more, and to end.
    """

    key: int
    revision: str
    index: int
    terms: Terms
    begun: float
    heard: float
    phase: Phase = "starting"
    ready_at: float | None = None
    accepting: bool = False
    followed: int = 0
    busy_since: float | None = None
    socket: str = ""
    rested_at: float | None = None
    drained_at: float | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """What happened to the workers of a slot before.

    Attributes
    ----------
    failures
        Ends in a row.
    again
        When the next one may be started.
    sentence
        Why the last one ended.
    loaded
        Whether that one had been ready.
    restarts
        How often a worker was started anew.
    """

    failures: int = 0
    again: float = 0.0
    sentence: str = ""
    loaded: bool = False
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Orphan:
    """A worker of a supervisor that is gone.

    Attributes
    ----------
    pid, started
        The process.
    accepts
        Whether it listens to the public sockets.
    told_at
        When it was told to end.
    """

    pid: int
    started: float
    accepts: bool
    told_at: float | None = None


@dataclass(frozen=True, slots=True)
class World:
    """What is there.

    Attributes
    ----------
    now
        The clock that all times are of, in seconds.
    workers, slots, orphans
        The processes, and what is known of those before.
    known
        Revisions that were desired since the supervisor started.
    acting
        The revision that answers; None before the first one.
    arrived
        When the present desired state was first seen.
    table
        The routes that were given out last.
    published
        Whether the public sockets are to be seen.
    standby_since
        When the revision before the acting one ceased to act.
    held
        The id of a rollout that the guard has taken back, and that is not decided yet.
    slow_ms
        Of `Table`.
    generation
        Counts the sets of public sockets.
    """

    now: float
    workers: tuple[Worker, ...] = ()
    slots: Mapping[tuple[str, int], Slot] = field(default_factory=dict)
    orphans: tuple[Orphan, ...] = ()
    known: Mapping[str, Revision] = field(default_factory=dict)
    acting: str | None = None
    arrived: float = 0.0
    table: Table | None = None
    published: bool = False
    standby_since: float | None = None
    held: str | None = None
    slow_ms: float | None = None
    generation: int = 0

    def worker(self, key: int) -> Worker | None:
        """The worker of a key."""
        return next((each for each in self.workers if each.key == key), None)

    def ready(self, revision: str) -> list[Worker]:
        """The workers of a revision that are ready."""
        return [w for w in self.workers if w.revision == revision and w.phase == "ready"]

    def with_worker(self, worker: Worker) -> World:
        """The same with a worker as it is now, or with one more."""
        others = [each for each in self.workers if each.key != worker.key]
        return replace(self, workers=tuple(sorted([*others, worker], key=lambda each: each.key)))

    def without(self, key: int) -> World:
        """The same without a worker."""
        return replace(self, workers=tuple(each for each in self.workers if each.key != key))


@dataclass(frozen=True, slots=True)
class Publish:
    """Let the public sockets be seen."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Tell a worker to listen to the public sockets."""

    key: int


@dataclass(frozen=True, slots=True)
class Rest:
    """Tell a worker to listen to them no more."""

    key: int


@dataclass(frozen=True, slots=True)
class Drain:
    """Tell a worker to finish and end."""

    key: int


@dataclass(frozen=True, slots=True)
class Kill:
    """End a worker at once; with a reason it counts as one that crashed."""

    key: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """Start a worker in a slot."""

    revision: Revision
    index: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class Retire:
    """Tell an orphan to finish and end; `force`: end it at once."""

    pid: int
    force: bool = False


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing is left: end."""


Action = Publish | Accept | Rest | Drain | Kill | Start | Retire | Finish


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do.

    Attributes
    ----------
    acting
        The revision that answers from now on.
    table
        The routes; given to all workers before any action when its number is a new one.
    actions
        In this order.
    settled
        Whether everything is as desired.
    wanted
        How many workers each revision should have.
    """

    acting: str
    table: Table
    actions: tuple[Action, ...]
    settled: bool
    wanted: Mapping[str, int]
