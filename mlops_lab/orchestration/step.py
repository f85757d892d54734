"""Runs one step: a child run per try, its inputs linked, its outputs and notebook kept."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from mlops_lab.orchestration.attempt import Attempt, CellJournal, Stop
from mlops_lab.orchestration.engines.run import CellFailure, run_notebook
from mlops_lab.orchestration.engines.session import Session
from mlops_lab.orchestration.events import Event, StepFinished, StepRetried, StepStarted
from mlops_lab.orchestration.protocol import kernel_environment
from mlops_lab.orchestration.results import StepError, StepResult
from mlops_lab.orchestration.scratch import (
    NOTEBOOK_MEDIA,
    Scratch,
    scratch_root,
    sockets_folder,
)
from mlops_lab.orchestration.sources import InputFile, StepOutput
from mlops_lab.orchestration.spec import PipelineSpec, Step
from mlops_lab.orchestration.stopping import CancelWatch
from mlops_lab.store import Store
from mlops_lab.tracking import RunManager
from mlops_lab.tracking.records import MetricSummary

__all__ = ["OpenRuns", "StepRunner", "error_facts", "relative", "sentence"]


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
class Kept:
    """An output in the store."""

    path: Path
    size_bytes: int


class StepRunner:
    """Runs the steps of one pipeline run, one after the other. Used by one thread.

    Parameters
    ----------
    root
        The project's folder.
    store, runs, open_runs
        Where its lines go.
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
    metrics
        Metrics by step, of its last try.
    stop
        Set when somebody ended the whole run.
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        runs: RunManager,
        open_runs: OpenRuns,
        spec: PipelineSpec,
        *,
        run_id: str,
        inbox: SimpleQueue[Any],
        cancels: CancelWatch,
        tell: Callable[[Event], None],
    ) -> None:
        self.root = root
        self.store = store
        self.runs = runs
        self.open_runs = open_runs
        self.spec = spec
        self.run_id = run_id
        self.inbox = inbox
        self.cancels = cancels
        self.tell = tell
        self.kept: dict[tuple[str, str], Kept] = {}
        self.metrics: dict[str, dict[str, MetricSummary]] = {}
        self.stop: Stop | None = None

    def run(self, step: Step, index: int, params: Mapping[str, Any]) -> StepResult:
        """Run a step, and again as often as it says when it fails.

        Parameters
        ----------
        index
            Its place in the order, from 1.
        params
            What is injected, without its paths.
        """
        tries = step.retries + 1
        for attempt in range(1, tries + 1):
            result = self._try(step, index, attempt, params)
            if result.status != "failed" or self.stop is not None or attempt == tries:
                break
            if result.error is not None:
                self.tell(StepRetried(step.name, attempt, tries, result.error))
        self.tell(StepFinished(step.name, result))
        return result

    def _try(self, step: Step, index: int, attempt: int, params: Mapping[str, Any]) -> StepResult:
        began = time.monotonic()
        notebook = relative(step.notebook, self.root)
        child = self.open_runs.start(
            name=step.name,
            experiment=self.spec.name,
            params=params,
            tags={"mlops.attempt": attempt} if attempt > 1 else None,
            parent=self.run_id,
            kind="step",
            source={"notebook": notebook, "pipeline": relative(self.spec.path, self.root)},
        )
        self.tell(StepStarted(step.name, child, index, len(self.spec.steps), notebook, attempt))
        folder = scratch_root(self.store.dir) / self.run_id / f"{step.name}-{attempt}"
        scratch = Scratch(folder, child)
        outputs = scratch.output_paths(step)
        paths = {**self._inputs(step, scratch), **outputs}
        injected = {**params, **{name: str(path) for name, path in paths.items()}}
        runner = Attempt(step.name, self.inbox, self.cancels, self.tell, step.timeout_s)
        with sockets_folder(folder) as sockets:
            session = Session(
                folder=step.notebook.parent,
                environment=kernel_environment(child, self.root),
                listener=CellJournal(step.name, _cell_logger(self.runs, child), self.inbox),
                sockets=sockets,
                log=scratch.log,
            )
            failure = runner.run(
                session, lambda: run_notebook(step.facts, injected, scratch.notebook, session)
            )
        result = StepResult(
            name=step.name,
            status="finished",
            notebook=notebook,
            run_id=child,
            executed=self._keep_notebook(step, child, scratch.notebook),
            params=injected,
            attempts=attempt,
        )
        self.stop = _stop_of_run(runner.stop, failure)
        if failure is None:
            missing = [name for name, path in outputs.items() if not path.is_file()]
            if missing:
                failure = _not_written(missing[0], outputs[missing[0]])
            else:
                result = replace(result, outputs=self._keep_outputs(step, child, outputs))
        if failure is not None:
            status = "failed" if self.stop is None else "killed"
            result = replace(result, status=status, error=_error(failure, runner.stop))
        self._close_step(child, result)
        shutil.rmtree(folder, ignore_errors=True)
        self.metrics[step.name] = {one.key: one for one in self._metrics_of(child)}
        return replace(
            result,
            metrics={key: one.last for key, one in self.metrics[step.name].items()},
            duration_s=time.monotonic() - began,
        )

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

    def _inputs(self, step: Step, scratch: Scratch) -> dict[str, Path]:
        kept: dict[str, tuple[Path, str]] = {}
        files: dict[str, Path] = {}
        for name, source in step.inputs.items():
            if isinstance(source, StepOutput):
                file = str(self.spec.step(source.step).outputs[source.output])
                kept[name] = (self.kept[source.step, source.output].path, file)
            elif isinstance(source, InputFile):
                files[name] = source.path
        return {**files, **scratch.link_inputs(kept)}

    def _keep_outputs(self, step: Step, child: str, outputs: Mapping[str, Path]) -> dict[str, Path]:
        kept: dict[str, Path] = {}
        for name, path in outputs.items():
            record = self.runs.put_artifact(
                child, f"outputs/{name}{path.suffix}", path, kind=_artifact_kind(path)
            )
            target = self.store.objects.path(record.digest)
            self.kept[step.name, name] = Kept(target, record.size)
            kept[name] = target
        return kept

    def _keep_notebook(self, step: Step, child: str, path: Path) -> Path | None:
        if not path.exists():
            return None  # the kernel never started
        record = self.runs.put_artifact(
            child, f"notebook/{step.name}.ipynb", path, media=NOTEBOOK_MEDIA, kind="notebook"
        )
        return self.store.objects.path(record.digest)

    def _metrics_of(self, child: str) -> list[MetricSummary]:
        # A gate must see every point, so fold until nothing is left; readers otherwise stop at
        # their budget.
        while True:
            report = self.store.fold(wait_s=10, force=True)
            if not report.behind and not report.missed:
                return self.runs.metrics(child)


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


def _artifact_kind(path: Path) -> str:
    return "table" if path.suffix in (".parquet", ".csv") else "file"


def _not_written(name: str, path: Path) -> CellFailure:
    if path.is_dir():
        message = f"output {name} is a folder; an output is one file"
    else:
        message = f"the notebook did not write its output {name}: {path.name}"
    return CellFailure("MissingOutput", message)


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
