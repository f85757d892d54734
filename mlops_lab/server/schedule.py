"""Once a minute: start the checks that are due and the pipelines that something has happened for,
and send what channels were not told yet. What is decided in between is looked at soon after.

A server works for the projects that it has met, and for the one it was started in. Of several
servers with one project each due time and each cause is taken by one, by a decision.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

from mlops_lab.errors import LabError
from mlops_lab.governance import current_identity
from mlops_lab.orchestration.monitoring import start_due
from mlops_lab.orchestration.triggers.watching import PERIOD_S, Pulse
from mlops_lab.project import Project
from mlops_lab.server.known import KnownProjects
from mlops_lab.serving.processes import revive

__all__ = ["PERIOD_S", "TICK_S", "Scheduler"]

TICK_S: Final = 2.0
"""Between two questions whether something was decided."""
STOP_S: Final = 5.0

_log = logging.getLogger(__name__)

Complain: TypeAlias = Callable[[str, object], None]
"""Says of something, by its name, what is wrong with it; None is nothing any more."""


def check_monitors(project: Project, complain: Complain) -> list[str]:
    """Start the checks of monitors that are due, and send what is left to be told."""
    if not (project.root / "monitors").is_dir():
        return []
    started, who = [], current_identity()
    for file in project.monitors.files():
        if file.spec is None or file.spec.schedule is None:
            continue
        name = f"the monitor {file.name}"
        try:
            run = start_due(
                project.monitors,
                project.store,
                project.runs,
                project.access,
                file.spec,
                by=who,
            )
            complain(name, None)
        except (LabError, OSError) as error:
            complain(name, error)
            continue
        if run is not None:
            _log.info("monitor %s is due: run %s", file.name, run)
            started.append(run)
    project.monitors.deliver()
    return started


def pull_triggers(project: Project, complain: Complain) -> list[str]:
    """Start the pipelines that something has happened for."""
    if not (project.root / "pipelines").is_dir():
        return []
    found = project.triggers.look(by=current_identity())
    for one in found.started:
        _log.info("%s is started, %s: run %s", one.pipeline, one.sentence, one.run_id)
    for deployment in found.deployed:
        level = logging.WARNING if deployment.state == "failed" else logging.INFO
        _log.log(level, "%s: %s", deployment.endpoint, deployment.sentence)
    wrong: dict[str, list[str]] = {}
    for problem in found.problems:
        wrong.setdefault(problem.pipeline, []).append(problem.sentence)
    complain(
        "the triggers of pipelines",
        "; ".join(f"{pipeline}: {' '.join(said)}" for pipeline, said in sorted(wrong.items()))
        or None,
    )
    return [one.run_id for one in found.started]


DUTIES: Final[Mapping[str, Callable[[Project, Complain], list[str]]]] = {
    "the monitors": check_monitors,
    "the triggers": pull_triggers,
}
"""What is looked after, by what to call it."""


class Scheduler:
    """Looks after schedules. Lives on the event loop; what blocks runs in a thread of its own.

    Parameters
    ----------
    known
        The projects.
    period_s
        Seconds between two looks at everything.
    """

    def __init__(self, known: KnownProjects, *, period_s: float = PERIOD_S) -> None:
        self._known = known
        self._period_s = period_s
        # One thread, and not one of the handlers': a channel may take its time.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="mlops-lab schedule")
        self._task: asyncio.Task[None] | None = None
        self._complaints: dict[str, str] = {}
        self._pulses: dict[str, Pulse] = {}
        self._revived: set[Path] = set()

    def start(self) -> None:
        """Look from now on."""
        if self._task is None:
            self._task = asyncio.create_task(self._watch(), name="mlops-lab schedule")

    async def stop(self) -> None:
        """Look no more; what was started goes on."""
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
            self._decided(known.project)
            self._revive(known.project)
            for what in DUTIES:
                started += self._do(what, known.project)
        return started

    def _revive(self, project: Project) -> None:
        """Start what should serve and does not, as after a reboot: once, what fails then rests."""
        if project.root in self._revived or project.read_only:
            return
        self._revived.add(project.root)
        for name in revive(project.root):
            _log.info("the endpoint %s should serve and did not: it is started", name)

    def look_at_decided(self) -> list[str]:
        """Pull the triggers of projects in which something was decided since the last look."""
        started: list[str] = []
        for known in self._known.all():
            if self._decided(known.project):
                started += self._do("the triggers", known.project)
        return started

    def _do(self, what: str, project: Project) -> list[str]:
        if project.read_only:
            return []
        try:
            started = DUTIES[what](project, lambda name, error: self._tell(project, name, error))
            self._tell(project, what, None)
        except Exception as error:  # noqa: BLE001 - a background loop goes on, and says why
            self._tell(project, what, error)
            return []
        return started

    def _decided(self, project: Project) -> bool:
        pulse = self._pulses.get(project.key)
        if pulse is None:
            pulse = self._pulses[project.key] = Pulse(project.store.dir)
        return pulse.beats()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._meet_own)
        due = loop.time()
        while True:
            if loop.time() >= due:
                due = loop.time() + self._period_s
                await loop.run_in_executor(self._executor, self.look)
            else:
                await loop.run_in_executor(self._executor, self.look_at_decided)
            await asyncio.sleep(min(TICK_S, self._period_s))

    def _meet_own(self) -> None:
        """Meet the project that the server was started in: nobody may open it for days."""
        try:
            self._known.near("")
        except LabError as error:
            _log.warning("the project around the server's root cannot be opened: %s", error)

    def _tell(self, project: Project, name: str, wrong: object) -> None:
        """Log once what goes on to be wrong."""
        key, said = f"{project.key}/{name}", repr(wrong)
        if wrong is None:
            self._complaints.pop(key, None)
        elif self._complaints.get(key) != said:
            self._complaints[key] = said
            _log.warning("%s of %s: %s", name, project.root, wrong)
