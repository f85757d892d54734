"""Notices what changes in the projects that somebody looks at, and announces it.

Some times a second it looks at the sizes of journals and decisions; what is new is folded into the
index first and announced then, so that whoever reads because of the announcement finds it. A look
costs next to nothing, a fold and what readers ask for then do: after one it waits longer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mlops_lab.monitoring.spec import list_monitors, stated_name
from mlops_lab.project import Project
from mlops_lab.server.events import Announcer
from mlops_lab.store.changes import Changes

__all__ = ["PERIOD_S", "WATCH_S", "Watcher"]

PERIOD_S = 0.15
"""Between two looks while nothing changes: what comes after a pause is on screen at once."""
REST_S = 0.4
"""After a change: a stream of points is announced this often at most."""
WATCH_S = 60.0

NOUNS: Final = {
    "dataset": "datasets",
    "model": "models",
    "monitor": "monitors",
    "alert": "alerts",
    "endpoint": "endpoints",
}
"""What decisions call a thing, and the REST noun under which its changes are announced."""

_log = logging.getLogger(__name__)


class MonitorFiles:
    """The files of a project's monitors, which editors and ``git pull`` change beside us."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[Path, tuple[int, int]] = {}
        self._names: dict[Path, str] = {}
        self.look()

    def look(self) -> set[str]:
        """The names of monitors whose files came, changed or went since the last look."""
        now = {}
        # Gone between two calls, or not for us to read: the next look sees.
        with suppress(OSError):
            for path in list_monitors(self._root):
                found = path.stat()
                now[path] = (found.st_mtime_ns, found.st_size)
        if now == self._seen:
            return set()
        changed = {path for path, _ in now.items() ^ self._seen.items()}
        before = {self._names.pop(path) for path in changed if path in self._names}
        self._names |= {path: stated_name(path) for path in changed if path in now}
        self._seen = now
        return before | {self._names[path] for path in changed if path in now}


@dataclass(slots=True)
class _Watched:
    """One project while it is watched. Its looks run in a thread, one after the other."""

    project: Project
    until: float
    changes: Changes
    open_runs: dict[str, str]
    files: MonitorFiles
    pending: set[str] = field(default_factory=set)
    things: dict[str, set[str]] = field(default_factory=dict)
    everything: bool = False
    stale: bool = False
    complaint: str = ""

    def look(self) -> bool:
        """Collect what changed and bring the index up to date; whether it may be announced."""
        seen = self.changes.look()
        self.pending |= seen.runs
        edited = self.files.look()
        if edited:
            self.things.setdefault("monitors", set()).update(edited)
        for concept, name in seen.things:
            if concept in NOUNS:
                self.things.setdefault(NOUNS[concept], set()).add(name)
        self.everything |= seen.everything
        self.stale |= bool(seen)
        if not self.stale:
            return bool(edited)  # People write these: the index has nothing of them.
        # By force: a fold that is skipped because the last one is young would hide the lines that
        # came since, and nothing would announce them again.
        report = self.project.store.fold(force=True)
        if report.missed or report.behind:
            return False
        now = open_runs(self.project)
        self.pending |= {run for run, _ in now.items() ^ self.open_runs.items()}
        self.open_runs = now
        if self.pending:
            self.things.setdefault("monitors", set()).update(_checked(self.project, self.pending))
        self.stale = False
        return self.everything or bool(self.pending) or any(self.things.values())


class Watcher:
    """Watches projects for a minute after each renewal; looks at nothing otherwise.

    Lives on the event loop; what blocks runs in the executor.

    Parameters
    ----------
    announcer
        Told on the event loop what changed.
    executor
        Where files are read and lines folded.
    period_s, rest_s
        Seconds to the next look when nothing has changed, and when something has.
    watch_s
        Seconds that a renewal lasts.
    """

    def __init__(
        self,
        announcer: Announcer,
        executor: ThreadPoolExecutor,
        *,
        period_s: float = PERIOD_S,
        rest_s: float = REST_S,
        watch_s: float = WATCH_S,
    ) -> None:
        self._announcer = announcer
        self._executor = executor
        self._period_s = period_s
        self._rest_s = rest_s
        self._watch_s = watch_s
        self._watched: dict[str, _Watched] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def watched(self) -> frozenset[str]:
        """The keys of the projects that are looked at now."""
        return frozenset(self._watched)

    async def renew(self, project: Project) -> None:
        """Watch a project from now on.

        When this returns for a new one, the first look has been taken: whatever comes later is
        announced, whatever came before is in the index that the caller reads.
        """
        watched = self._watched.get(project.key)
        if watched is None or watched.project is not project:
            first = await asyncio.get_running_loop().run_in_executor(
                self._executor,
                lambda: (Changes(project.root), open_runs(project), MonitorFiles(project.root)),
            )
            # Another request may have been quicker; its earlier look sees more.
            watched = self._watched.get(project.key)
            if watched is None or watched.project is not project:
                watched = self._watched[project.key] = _Watched(project, 0.0, *first)
        watched.until = time.monotonic() + self._watch_s
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch(), name="mlops-lab watcher")

    async def stop(self) -> None:
        """Watch nothing any more."""
        self._watched.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _watch(self) -> None:
        changed = False
        while self._watched:
            await asyncio.sleep(self._rest_s if changed else self._period_s)
            changed = False
            for key, watched in list(self._watched.items()):
                if watched.until < time.monotonic():
                    del self._watched[key]
                    continue
                changed |= await self._look(key, watched)

    async def _look(self, key: str, watched: _Watched) -> bool:
        try:
            ready = await asyncio.get_running_loop().run_in_executor(self._executor, watched.look)
        except Exception as error:  # noqa: BLE001 - a background loop goes on, and says why
            self._complain(key, watched, error)
            return True
        watched.complaint = ""
        if ready:
            self._announce(key, watched)
        return ready or watched.stale

    def _announce(self, key: str, watched: _Watched) -> None:
        """Say what changed, each kind by itself; an announcement without ids means all of it."""
        if watched.everything:
            for noun in ("runs", *NOUNS.values()):
                self._announcer.changed(key, noun, ())
        else:
            if watched.pending:
                self._announcer.changed(key, "runs", set(watched.pending))
            for noun, names in watched.things.items():
                if names:
                    self._announcer.changed(key, noun, names)
        watched.pending.clear()
        watched.things.clear()
        watched.everything = False

    def _complain(self, key: str, watched: _Watched, error: Exception) -> None:
        """Log once what goes on to fail: twice a second would bury everything else."""
        said = repr(error)
        if said != watched.complaint:
            watched.complaint = said
            _log.warning("project %s cannot be watched: %s", key, said)


def _checked(project: Project, runs: Collection[str]) -> set[str]:
    """The monitors that some runs are checks of: a check that begins or ends changes how they
    stand.
    """
    rows = project.store.query(
        "select distinct source->>'monitor' from lab.run where kind = 'monitor' "
        "and run_id in (select unnest($1::varchar[]))",
        [list(runs)],
        fresh=False,
    )
    return {str(name) for (name,) in rows if name is not None}


def open_runs(project: Project) -> dict[str, str]:
    """The runs that may end without a line of theirs: those that are scheduled or running."""
    rows = project.store.query(
        "select run_id, status from lab.runs where status in ('scheduled', 'running')", fresh=False
    )
    return {str(run): str(status) for run, status in rows}
