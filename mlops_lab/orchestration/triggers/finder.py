"""The triggers of a project, to be read: their files, what they see, and what they have started."""

from __future__ import annotations

import builtins
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import LabError
from mlops_lab.faults import Fault, Mark
from mlops_lab.orchestration.spec import PipelineSpec, read_spec
from mlops_lab.orchestration.triggers.history import History, own_runs, read_histories
from mlops_lab.orchestration.triggers.kind import Scene, Trigger
from mlops_lab.orchestration.triggers.limits import Standing, judge
from mlops_lab.orchestration.triggers.registry import KINDS
from mlops_lab.serving.desired import read as read_desired
from mlops_lab.store import Store

if TYPE_CHECKING:
    from mlops_lab.data.manager import DatasetManager
    from mlops_lab.monitoring.manager import MonitorManager
    from mlops_lab.orchestration.manager import PipelineManager
    from mlops_lab.registry.manager import ModelManager

__all__ = ["PipelineTriggers", "TriggerFinder"]

_SPEAKS: Final = re.compile(rb"\btriggers[\"']?\s*:")


@dataclass(frozen=True, slots=True)
class PipelineTriggers:
    """A pipeline with triggers, as they stand.

    Parameters
    ----------
    path
        Its file, relative to the project.
    name
        Its name; the file's stem when it cannot be read.
    faults
        What is wrong in the file: nothing starts it then.
    standings
        Its triggers in the order of the file; none of a file with faults.
    history
        What they have seen and started.
    spec
        The pipeline; None when its file has faults.
    """

    path: str
    name: str
    faults: tuple[Fault, ...]
    standings: tuple[Standing, ...]
    history: History
    spec: PipelineSpec | None = None

    @property
    def ready(self) -> builtins.list[Standing]:
        """The triggers that start it now."""
        return [one for one in self.standings if one.state == "ready"]


class TriggerFinder:
    """The triggers of one project as they stand. Safe to use from several threads.

    Parameters
    ----------
    root
        The project's folder.
    store
        Where the decisions and the runs are.
    pipelines, datasets, models, monitors
        Give the managers of what is started and watched.
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        pipelines: Callable[[], PipelineManager],
        datasets: Callable[[], DatasetManager],
        models: Callable[[], ModelManager],
        monitors: Callable[[], MonitorManager],
    ) -> None:
        self.root = root
        self._store = store
        self._pipelines = pipelines
        self._datasets = datasets
        self._models = models
        self._monitors = monitors
        self._sound: dict[Path, tuple[object, PipelineSpec]] = {}

    def list(self, now: datetime | None = None) -> builtins.list[PipelineTriggers]:
        """Every pipeline that has triggers, by its file, with how they stand at a moment."""
        now = now or datetime.now(UTC)
        return self._all(self._histories(now), now)

    def _histories(self, now: datetime) -> dict[str, History]:
        with self._store.read() as cursor:
            return read_histories(cursor, now)

    def _all(
        self, histories: Mapping[str, History], now: datetime
    ) -> builtins.list[PipelineTriggers]:
        found = (self._at(path, histories, now) for path in self._pipelines().paths())
        return [one for one in found if one is not None]

    def _at(
        self, path: Path, histories: Mapping[str, History], now: datetime
    ) -> PipelineTriggers | None:
        """One pipeline's triggers as they stand; None when it has none."""
        relative = os.path.relpath(path, self.root)
        history = histories.get(relative, History())
        spec, faults = self._read(path, relative)
        if spec is None:
            if not faults:
                return None
            return PipelineTriggers(relative, path.stem, tuple(faults), (), history)
        if not spec.triggers:
            return None
        scene = self._scene(relative, now)
        tried = _tried(self.root, spec)
        standings = tuple(_standing(each, history, scene, tried) for each in spec.triggers)
        return PipelineTriggers(relative, spec.name, (), standings, history, spec)

    def _read(self, path: Path, relative: str) -> tuple[PipelineSpec | None, Sequence[Fault]]:
        """A pipeline file; one that never speaks of triggers is not looked into."""
        try:
            known = self._sound.get(path)
            if known is not None and known[0] == _stamp(known[1]):
                return known[1], []
            if not _SPEAKS.search(path.read_bytes()):
                return None, []
        except OSError as error:
            mark = Fault(relative, Mark(), f"It cannot be read: {error.strerror}.")
            return None, [mark]
        self._sound.pop(path, None)
        spec, faults = read_spec(path, file=relative, root=self.root)
        if spec is None:
            return None, [one for one in faults if not one.warning]
        self._sound[path] = (_stamp(spec), spec)
        return spec, []

    def _scene(self, pipeline: str, now: datetime) -> Scene:
        def own(runs: Any) -> set[str]:
            with self._store.read(fresh=False) as cursor:
                return own_runs(cursor, pipeline, runs)

        return Scene(
            root=self.root,
            store=self._store,
            pipeline=pipeline,
            now=now,
            datasets=self._datasets,
            models=self._models,
            monitors=self._monitors,
            own=own,
        )


def _tried(root: Path, spec: PipelineSpec) -> str | None:
    """Whether what the pipeline has deployed before is still being tried, in words."""
    if spec.deploy is None:
        return None
    try:
        present = read_desired(root, spec.deploy.endpoint)
    except LabError:
        return None
    if present is None or present.rollout is None or present.rollout.kind != "canary":
        return None
    candidate = present.revision(present.rollout.candidate)
    return f"{candidate.ref} is a canary of {present.name} still"


def _standing(trigger: Trigger, history: History, scene: Scene, tried: str | None) -> Standing:
    kind, mark = KINDS[trigger.kind], history.marks.get(trigger.key)
    labels: int | None = None
    try:
        look = kind.look(trigger.rule, mark, scene)
        if trigger.limits.new_labels is not None and (mark is None or look.cause is not None):
            labels = kind.labels(trigger.rule, scene)
    except LabError as error:
        return Standing(trigger, "failed", error.message)
    # What alarms is the version that the canary is to replace: trained anew all the time, no canary
    # would ever come to its end.
    busy = tried if trigger.kind == "alert" else None
    return judge(trigger, look, history, scene.now, labels, busy)


def _stamp(spec: PipelineSpec) -> object:
    """Changes with every file that a pipeline is made of."""
    found = []
    for path in [spec.path, *(step.notebook for step in spec.steps)]:
        stat = path.stat()
        found.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return found
