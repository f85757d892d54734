"""Runs one step: a child run per try, its inputs linked, its outputs and notebook kept."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from mlops_lab.errors import LabError
from mlops_lab.orchestration.attempt import Attempt, CellJournal, Stop
from mlops_lab.orchestration.engines.run import CellFailure, run_notebook
from mlops_lab.orchestration.engines.session import Session
from mlops_lab.orchestration.engines.warm import fork_server, modules_for
from mlops_lab.orchestration.events import Event, StepFinished, StepRetried, StepStarted
from mlops_lab.orchestration.inputs import InputTaker
from mlops_lab.orchestration.items import Item, digest_of_path
from mlops_lab.orchestration.outputs import OutputKeeper
from mlops_lab.orchestration.protocol import kernel_environment
from mlops_lab.orchestration.results import StepError, StepResult
from mlops_lab.orchestration.scratch import (
    NOTEBOOK_MEDIA,
    Scratch,
    scratch_root,
    sockets_folder,
)
from mlops_lab.orchestration.site import Site
from mlops_lab.orchestration.sources import VersionOutput
from mlops_lab.orchestration.spec import PipelineSpec, Step
from mlops_lab.orchestration.stopping import CancelWatch
from mlops_lab.tracking import RunManager
from mlops_lab.tracking.records import MetricSummary

__all__ = ["OpenRuns", "StepRunner", "Task", "error_facts", "relative", "sentence"]


class OpenRuns:
    """The runs that this executor has started and not ended, outermost first."""

    def __init__(self, runs: RunManager) -> None:
        self._runs = runs
        self._ids: list[str] = []

    def innermost_first(self) -> list[str]:
        """Their ids, the last one started first."""
        return self._ids[::-1]

    def start(self, **facts: Any) -> str:
        """Start a run, and remember to end it."""
        run_id = self._runs.start(**facts)
        self._ids.append(run_id)
        return run_id

    def end(self, run_id: str, status: str, **facts: Any) -> None:
        """End a run."""
        self._runs.end(run_id, status, **facts)  # type: ignore[arg-type]
        self._ids.remove(run_id)


@dataclass(frozen=True, slots=True)
class Task:
    """One execution of a step: as it is written, or with another model in one of its inputs.

    Parameters
    ----------
    index
        Its place in the order, from 1.
    params
        What is injected, without its paths.
    label
        What people read.
    folder
        What its scratch folder is called.
    swapped
        Inputs that are given instead of what the step says.
    tags
        Set on its run.
    """

    step: Step
    index: int
    params: Mapping[str, Any]
    label: str
    folder: str
    swapped: Mapping[str, Item] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_again(self) -> bool:
        """Whether the step has run already, and does so with something else in it."""
        return bool(self.swapped)


class StepRunner:
    """Runs the steps of one pipeline run, one after the other. Used by one thread.

    Parameters
    ----------
    site
        The project.
    open_runs
        The runs to be ended.
    spec
        The pipeline.
    run_id
        The pipeline's run.
    inbox, cancels
        Where signals and cancels are seen.
    tell
        Hears what happens.

    Attributes
    ----------
    kept
        Outputs by step and name.
    given
        Inputs by step and name, of its last try.
    metrics
        Metrics by step, of its last try.
    judged_by
        The content id of the notebook that judged the new model, when a gate wants the champion
        judged as well.
    judged_in
        The run in which it did.
    stop
        Set when somebody ended the whole run.
    """

    def __init__(
        self,
        site: Site,
        open_runs: OpenRuns,
        spec: PipelineSpec,
        *,
        run_id: str,
        inbox: SimpleQueue[Any],
        cancels: CancelWatch,
        tell: Callable[[Event], None],
    ) -> None:
        self.site = site
        self.open_runs = open_runs
        self.spec = spec
        self.run_id = run_id
        self.inbox = inbox
        self.cancels = cancels
        self.tell = tell
        self.kept: dict[tuple[str, str], Item] = {}
        self.given: dict[tuple[str, str], Item] = {}
        self.metrics: dict[str, dict[str, MetricSummary]] = {}
        self.judged_by: str | None = None
        self.judged_in: str | None = None
        self.stop: Stop | None = None
        self._inputs = InputTaker(site.store, site.versions, self.kept)
        self._outputs = OutputKeeper(site.store, site.runs, site.versions)
        # One kernel alone would pay for its libraries once either way.
        many = len(spec.steps) > 1
        self._warm = modules_for({one.notebook for one in spec.steps}) if many else ()
        # From now on it imports, while this process hashes data and imports papermill.
        fork_server(kernel_environment(run_id, site.root), self._warm)

    def run(self, step: Step, index: int, params: Mapping[str, Any]) -> StepResult:
        """Run a step, and again as often as it says when it fails.

        Parameters
        ----------
        index
            Its place in the order, from 1.
        params
            What is injected, without its paths.
        """
        return self.execute(Task(step, index, params, step.name, step.name))

    def execute(self, task: Task) -> StepResult:
        """Run a task, and again as often as its step says when it fails."""
        tries = task.step.retries + 1
        for attempt in range(1, tries + 1):
            result = self._try(task, attempt)
            if result.status != "failed" or self.stop is not None or attempt == tries:
                break
            if result.error is not None:
                self.tell(StepRetried(task.label, attempt, tries, result.error))
        self.tell(StepFinished(task.label, result))
        return result

    def _try(self, task: Task, attempt: int) -> StepResult:
        began = time.monotonic()
        step, root = task.step, self.site.root
        notebook = relative(step.notebook, root)
        tags = dict(task.tags) | ({"mlops.attempt": str(attempt)} if attempt > 1 else {})
        child = self.open_runs.start(
            name=task.label,
            experiment=self.spec.name,
            params=task.params,
            tags=tags or None,
            parent=self.run_id,
            kind="step",
            source={"notebook": notebook, "pipeline": relative(self.spec.path, root)},
        )
        self.tell(
            StepStarted(task.label, child, task.index, len(self.spec.steps), notebook, attempt)
        )
        folder = scratch_root(self.site.store.dir) / self.run_id / f"{task.folder}-{attempt}"
        scratch = Scratch(folder, child)
        outputs = scratch.output_paths(step)
        result = StepResult(
            name=task.label, status="finished", notebook=notebook, run_id=child, attempts=attempt
        )
        runner = Attempt(task.label, self.inbox, self.cancels, self.tell, step.timeout_s)
        try:
            given = self._take(task, child)
        except LabError as error:
            failure: CellFailure | None = CellFailure(type(error).__name__, error.message)
        else:
            injected = {**task.params, **_injected(step, given, outputs)}
            failure = self._run_notebook(task, child, scratch, injected, runner)
            result = replace(
                result,
                executed=self._keep_notebook(task, child, scratch.notebook),
                params=injected,
                inputs={name: one.ref for name, one in given.items() if one.kind != "file"},
            )
        self.stop = _stop_of_run(runner.stop, failure)
        summaries = self._metrics_of(child)
        if failure is None and not task.is_again:
            kept = self._keep_outputs(step, child, outputs)
            if isinstance(kept, CellFailure):
                failure = kept
            else:
                self.kept |= {(step.name, name): item for name, item in kept.items()}
                result = replace(
                    result,
                    outputs={name: item.path for name, item in kept.items()},
                    versions={name: item.ref for name, item in kept.items() if item.kind != "file"},
                )
        if failure is not None:
            status = "failed" if self.stop is None else "killed"
            result = replace(result, status=status, error=_error(failure, runner.stop))
        self._close_step(child, result)
        shutil.rmtree(folder, ignore_errors=True)
        metrics = {one.key: one for one in summaries}
        if not task.is_again:
            self.metrics[step.name] = metrics
        return replace(
            result,
            metrics={key: one.last for key, one in metrics.items()},
            duration_s=time.monotonic() - began,
        )

    def _take(self, task: Task, child: str) -> dict[str, Item]:
        """The step's inputs; of the one that judges the champion, with their contents."""
        hashed = self.spec.judging_step == task.step.name
        given = self._inputs.take(task.step, child, swapped=task.swapped, hashed=hashed)
        if not task.is_again:
            self.given |= {(task.step.name, name): item for name, item in given.items()}
            if hashed:
                self.judged_by = digest_of_path(self.site.store, task.step.notebook)
                self.judged_in = child
        return given

    def _run_notebook(
        self,
        task: Task,
        child: str,
        scratch: Scratch,
        injected: Mapping[str, Any],
        runner: Attempt,
    ) -> CellFailure | None:
        step = task.step
        with sockets_folder(scratch.folder) as sockets:
            session = Session(
                folder=step.notebook.parent,
                environment=kernel_environment(child, self.site.root),
                listener=CellJournal(task.label, _cell_logger(self.site.runs, child), self.inbox),
                sockets=sockets,
                log=scratch.log,
                warm=self._warm,
            )
            return runner.run(
                session, lambda: run_notebook(step.facts, injected, scratch.notebook, session)
            )

    def _keep_outputs(
        self, step: Step, child: str, paths: Mapping[str, Path]
    ) -> dict[str, Item] | CellFailure:
        try:
            return self._outputs.keep(step, child, paths)
        except LabError as error:
            return CellFailure(type(error).__name__, error.message)

    def _close_step(self, child: str, result: StepResult) -> None:
        error = result.error
        if error is None:
            self.open_runs.end(child, "finished")
            return
        self.open_runs.end(
            child,
            result.status,
            reason=sentence(str(error)),
            error=error_facts(error),
            cell=error.cell_id,
        )

    def _keep_notebook(self, task: Task, child: str, path: Path) -> Path | None:
        if not path.exists():
            return None  # the kernel never started
        record = self.site.runs.put_artifact(
            child, f"notebook/{task.step.name}.ipynb", path, media=NOTEBOOK_MEDIA, kind="notebook"
        )
        return self.site.store.objects.path(record.digest)

    def _metrics_of(self, child: str) -> list[MetricSummary]:
        # A gate must see every point, so fold until nothing is left; readers otherwise stop at
        # their budget.
        while True:
            report = self.site.store.fold(wait_s=10, force=True)
            if not report.behind and not report.missed:
                return self.site.runs.metrics(child)


def _injected(step: Step, given: Mapping[str, Item], outputs: Mapping[str, Path]) -> dict[str, str]:
    """What the notebook sees under the names of its inputs and outputs."""
    names = {
        name: output.name
        for name, output in step.outputs.items()
        if isinstance(output, VersionOutput)
    }
    paths = {**{name: item.path for name, item in given.items()}, **outputs}
    return {**{name: str(path) for name, path in paths.items()}, **names}


def relative(path: Path, root: Path) -> str:
    """A path as it is told: relative to the project, absolute outside of it."""
    told = os.path.relpath(path, root)
    return str(path) if told.startswith("..") else told


def error_facts(error: StepError) -> dict[str, Any]:
    """An error as a run's end line has it."""
    return {
        "name": error.name,
        "message": error.message,
        "cell_index": error.cell_index,
        "traceback": error.traceback,
    }


def _stop_of_run(stop: Stop | None, failure: CellFailure | None) -> Stop | None:
    """The stop of a try that is to stop the run as well; a time-out is the step's own."""
    if stop is not None:
        return None if stop.kind == "timeout" else stop
    if failure is not None and failure.name == "KeyboardInterrupt":
        # Nobody here sent it, but somebody wanted an end.
        return Stop("interrupt", "its kernel was interrupted")
    return None


def _cell_logger(runs: RunManager, run_id: str) -> Any:
    def log(cell_id: str, **facts: Any) -> None:
        runs.log_cell(run_id, cell_id, **facts)

    return log


def _error(failure: CellFailure, stop: Stop | None) -> StepError:
    error = StepError(
        name=failure.name,
        message=failure.message,
        cell_index=failure.cell_index,
        cell_id=failure.cell_id,
        source=failure.source,
        traceback=failure.traceback,
    )
    if stop is None:
        return error
    names = {"timeout": "TimeOut", "interrupt": "Interrupted", "cancel": "Cancelled"}
    return replace(error, name=names[stop.kind], message=stop.sentence)


def sentence(text: str | None) -> str | None:
    """A reason as a sentence of its own."""
    if not text:
        return None
    text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
