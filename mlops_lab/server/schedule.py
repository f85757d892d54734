"""Once a minute: start the checks that are due, and send what channels were not told yet.

A server works for the projects that it has met, and for the one it was started in. Of several
servers with one project each due time is taken by one, by a decision.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from mlops_lab.errors import LabError
from mlops_lab.governance import current_identity
from mlops_lab.orchestration.monitoring import start_due
from mlops_lab.project import Project
from mlops_lab.server.known import KnownProjects

__all__ = ["PERIOD_S", "Scheduler"]

PERIOD_S: Final = 60.0
STOP_S: Final = 5.0

_log = logging.getLogger(__name__)


class Scheduler:
    """Looks after schedules. Lives on the event loop; what blocks runs in a thread of its own.

    Parameters
    ----------
    known
        The projects.
    period_s
        Seconds between two looks.
    """

    def __init__(self, known: KnownProjects, *, period_s: float = PERIOD_S) -> None:
        self._known = known
        self._period_s = period_s
        # One thread, and not one of the handlers': a channel may take its time.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="mlops-lab schedule")
        self._task: asyncio.Task[None] | None = None
        self._complaints: dict[str, str] = {}

    def start(self) -> None:
        """Look from now on."""
        if self._task is None:
            self._task = asyncio.create_task(self._watch(), name="mlops-lab schedule")

    async def stop(self) -> None:
        """Look no more; checks that were started go on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        stopped = asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)
        # A channel that is slow just now must not hold the whole server.
        with suppress(TimeoutError):
            await asyncio.wait_for(stopped, STOP_S)

    def look(self) -> list[str]:
        """Start what is due in every project; the ids of the runs. Blocks."""
        started: list[str] = []
        for known in self._known.all():
            try:
                started += self.look_at(known.project)
                self._settle(known.project, None)
            except Exception as error:  # noqa: BLE001 - a background loop goes on, and says why
                self._settle(known.project, error)
        return started

    def look_at(self, project: Project) -> list[str]:
        """Start what is due in one project, and send what is left to be told."""
        if project.read_only or not (project.root / "monitors").is_dir():
            return []
        started = []
        who = current_identity()
        for file in project.monitors.files():
            if file.spec is None or file.spec.schedule is None:
                continue
            try:
                run = start_due(
                    project.monitors,
                    project.store,
                    project.runs,
                    project.access,
                    file.spec,
                    by=who,
                )
                self._settle(project, None, file.name)
            except (LabError, OSError) as error:
                self._settle(project, error, file.name)
                continue
            if run is not None:
                _log.info("monitor %s is due: run %s", file.name, run)
                started.append(run)
        project.monitors.deliver()
        return started

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._meet_own)
        while True:
            await loop.run_in_executor(self._executor, self.look)
            await asyncio.sleep(self._period_s)

    def _meet_own(self) -> None:
        """Meet the project that the server was started in: nobody may open it for days."""
        try:
            self._known.near("")
        except LabError as error:
            _log.warning("the project around the server's root cannot be opened: %s", error)

    def _settle(self, project: Project, error: Exception | None, monitor: str = "") -> None:
        """Log once what goes on to fail."""
        key, said = f"{project.key}/{monitor}", repr(error)
        if error is None:
            self._complaints.pop(key, None)
        elif self._complaints.get(key) != said:
            self._complaints[key] = said
            who = f"the monitor {monitor}" if monitor else "the monitors"
            _log.warning("%s of %s: %s", who, project.root, error)
