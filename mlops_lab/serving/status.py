"""How an endpoint stands: one value, ``.mlops/endpoints/<name>.status.json``, of its supervisor.

A file outlives who wrote it: whether somebody serves is known by the process's id *and* start time.
"""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from mlops_lab.errors import Corrupt
from mlops_lab.serving import desired, places
from mlops_lab.serving.records import made
from mlops_lab.store.lock import is_held

__all__ = [
    "RevisionStatus",
    "State",
    "Status",
    "WorkerStatus",
    "is_alive",
    "read",
    "recorded",
    "start_of",
    "supervised",
    "write",
]

_FORMAT: Final = 1
_MOST_BYTES: Final = 4_000_000
_SAME_S: Final = 2.0
"""Two start times of one process, told by two, may differ: they are counted from a boot time in
whole seconds that follows the clock. No id comes round again as quickly."""
_FRESH_US: Final = 15_000_000
"""So old the state of a supervisor on another host may be; it writes every second."""

State = Literal["starting", "serving", "degraded", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker process.

    Attributes
    ----------
    pid, started
        Its id, and its start in seconds since 1970 as psutil tells it: together one process.
    index
        Its number among those of its revision.
    state
        starting, ready or draining.
    rss
        Bytes of memory.
    restarts
        How often a worker was started anew in its place.
    """

    pid: int
    started: float
    index: int = 0
    state: str = "starting"
    rss: int = 0
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class RevisionStatus:
    """One model version that runs.

    Attributes
    ----------
    id, model, version
        Of the revision.
    role
        stable, canary, shadow or standby; while a new version starts, the one that still answers
        is stable too.
    state
        starting, ready, draining, crashed (it comes back) or failed (it does not get ready).
    sentence
        Why, of one that crashed or failed.
    backend, why
        What runs the model, and why that.
    share
        Of the traffic, in percent.
    workers
        Its processes.
    requests, rows, errors, rejected
        Counts since it was deployed: answers, their rows, answers of 500 and above, and of 400
        to 499.
    rps
        Answers per second, over the last ten seconds.
    p50_ms, p99_ms
        Answer times over the last minute; None without answers.
    since, by
        When (µs, UTC) and by whom it was deployed.
    """

    id: str
    model: str
    version: int
    role: str
    state: str
    sentence: str = ""
    backend: str | None = None
    why: str | None = None
    share: float = 0.0
    workers: tuple[WorkerStatus, ...] = ()
    requests: int = 0
    rows: int = 0
    errors: int = 0
    rejected: int = 0
    rps: float = 0.0
    p50_ms: float | None = None
    p99_ms: float | None = None
    since: int = 0
    by: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """How an endpoint stands.

    Attributes
    ----------
    name
        The endpoint's.
    seq
        Of the last desired state that was wholly made so.
    wanted
        Of the desired state that is being made so; equal to `seq` when nothing is left to do.
    state, sentence
        How it stands, for people.
    pid, started, host
        The supervisor's process.
    since
        When `state` became what it is, in µs, UTC.
    updated
        When this was written, in µs, UTC.
    url
        ``unix:PATH`` of the public socket.
    port
        The TCP port; None without one.
    revisions
        Those that run.
    rollout
        What is under way, with its ``evidence``; None when nothing is.
    log
        ``written``, ``dropped`` predictions and whether the log is ``dead``.
    shadow
        ``sent`` and ``dropped`` copies.
    ring
        The last 15 minutes: ``step_s``, ``t`` (µs) and per revision a list of each figure.
    """

    name: str
    seq: int
    state: State
    sentence: str = ""
    wanted: int = 0
    pid: int = 0
    started: float = 0.0
    host: str = ""
    since: int = 0
    updated: int = 0
    url: str = ""
    port: int | None = None
    revisions: tuple[RevisionStatus, ...] = ()
    rollout: dict[str, Any] | None = None
    log: dict[str, Any] = field(default_factory=dict)
    shadow: dict[str, Any] = field(default_factory=dict)
    ring: dict[str, Any] = field(default_factory=dict)

    @property
    def socket(self) -> Path | None:
        """The public socket, or None before there is one."""
        return Path(self.url.removeprefix("unix:")) if self.url.startswith("unix:") else None

    @property
    def alive(self) -> bool:
        """Whether the supervisor that wrote this still runs."""
        if self.host != platform.node():
            return time.time_ns() // 1000 - self.updated < _FRESH_US
        return is_alive(self.pid, self.started)

    def workers(self) -> list[WorkerStatus]:
        """All workers that still run, of whatever revision."""
        if self.host != platform.node():
            return []
        every = [worker for revision in self.revisions for worker in revision.workers]
        return [worker for worker in every if is_alive(worker.pid, worker.started)]

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {"v": _FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, data: Any) -> Status:
        """Read what `to_json` gave; what a newer program added is left out.

        Raises
        ------
        Corrupt
            It is something else.
        """
        try:
            revisions = tuple(
                made(
                    RevisionStatus,
                    each,
                    workers=tuple(made(WorkerStatus, one) for one in each.get("workers") or ()),
                )
                for each in data.get("revisions") or ()
            )
            found = made(cls, data, revisions=revisions)
            if not (isinstance(found.pid, int) and isinstance(found.url, str)):
                raise TypeError("its process or its address")
            return found
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Corrupt(f"This says of no endpoint how it stands: {error!r}.") from None


def recorded(root: Path, name: str) -> Status | None:
    """Read what was written last, whether or not its writer still runs; None of no such file."""
    try:
        with places.status(root, name).open("rb") as file:
            return Status.from_json(json.loads(file.read(_MOST_BYTES)))
    except (FileNotFoundError, Corrupt, ValueError):
        # It is written every second: a torn one says as little as none.
        return None


def read(root: Path, name: str) -> Status | None:
    """Read how an endpoint stands now.

    Returns
    -------
    Status or None
        None when nobody serves it, and nobody has said why. When its supervisor is gone and its
        workers go on, it is degraded.
    """
    found = recorded(root, name)
    if found is None or found.state in ("stopped", "failed") or supervised(root, found):
        return found
    left = found.workers()
    if not left:
        return None
    return replace(
        found,
        state="degraded",
        sentence=f"The supervisor is gone; {len(left)} of its workers go on answering until the "
        "next one, which they start, takes over.",
    )


def supervised(root: Path, found: Status) -> bool:
    """Whether a supervisor lives: the one that wrote this, or one that has just begun."""
    # A clock that was set takes start times along, but no lock.
    return found.alive or is_held(places.lock(root, found.name))


def write(root: Path, status: Status) -> None:
    """Replace how an endpoint stands; who reads meanwhile sees the old or the new whole.

    Raises
    ------
    FileNotFoundError
        The project is gone; it is not made again for that.
    """
    if not desired.folder(root).is_dir():
        raise FileNotFoundError(f"{desired.folder(root)} is gone")
    text = json.dumps(status.to_json(), ensure_ascii=False, separators=(",", ":"))
    desired.replace_file(places.status(root, status.name), text.encode(), mode=0o644, sync=False)


def start_of(pid: int) -> float:
    """When a process started, in seconds since 1970; 0 of one that is gone."""
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def is_alive(pid: int, started: float) -> bool:
    """Whether the process that had this id at this start runs; ids are used again."""
    import psutil

    if pid <= 0 or started <= 0:
        return False
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - started) > _SAME_S:
            return False
        # One that nobody has waited for yet has ended all the same.
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return os.path.exists(f"/proc/{pid}")
