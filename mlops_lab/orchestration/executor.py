"""Runs a pipeline: its steps in their order, each a child run, then its gates."""

from __future__ import annotations

import logging
import os
import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from mlops_lab.errors import Conflict
from mlops_lab.orchestration.attempt import Attempt, CellJournal, Stop
from mlops_lab.orchestration.engines.run import CellFailure, check_kernel, run_notebook
from mlops_lab.orchestration.engines.session import Session
from mlops_lab.orchestration.events import (
    Event,
    GateDecided,
    Listener,
    PipelineFinished,
    PipelineStarted,
    StepFinished,
    StepRetried,
    StepStarted,
)
from mlops_lab.orchestration.gates import GateFacts, decide
from mlops_lab.orchestration.params import resolve_params, step_params
from mlops_lab.orchestration.protocol import kernel_environment
from mlops_lab.orchestration.results import GateRecord, PipelineResult, StepError, StepResult
from mlops_lab.orchestration.scratch import (
    NOTEBOOK_MEDIA,
    Scratch,
    scratch_root,
    sockets_folder,
)
from mlops_lab.orchestration.spec import PipelineSpec, Step, StepOutput
from mlops_lab.orchestration.stopping import CancelWatch, SignalSeen, signals_into
from mlops_lab.store import Store
from mlops_lab.tracking import RunManager
from mlops_lab.tracking.records import MetricSummary

__all__ = ["Executor", "process_facts"]

logger = logging.getLogger(__name__)


def process_facts() -> dict[str, Any]:
    """What identifies this process to somebody who wants to send it a signal."""
    import psutil

    return {
        "pid": os.getpid(),
        "process_started": psutil.Process().create_time(),
        "host": platform.node(),
    }


class Executor:
    """One execution of one pipeline. Used once, by one thread, best the main one.

    Parameters
    ----------
    root
        The project's folder.
    store, runs
        Where its lines go.
    spec
        The pipeline.
    listener
        Hears what happens; one that raises is not asked again.
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        runs: RunManager,
        spec: PipelineSpec,
        *,
        listener: Listener | None = None,
    ) -> None:
        self.root = root
        self.store = store
        self.runs = runs
        self.spec = spec
        self.run_id = ""
        self._listener = listener
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._stop: Stop | None = None
        self._open: list[str] = []
        self._kept: dict[tuple[str, str], tuple[Path, int]] = {}
        self._metrics: dict[str, dict[str, MetricSummary]] = {}

    def run(
        self, params: Mapping[str, Any] | None = None, *, run_id: str | None = None
    ) -> PipelineResult:
        """Execute the pipeline.

        A step that fails, a gate that rejects and an interrupt are results, not exceptions.

        Parameters
        ----------
        params
            In the place of the file's: ``{"seed": 3, "train.max_depth": 4}``.
        run_id
            The id it should have: new, or scheduled by whoever started this process.

        Raises
        ------
        InvalidInput
            Params nobody declares, or a kernel that is not installed; nothing has run then.
        Conflict
            The run exists and is not waiting to be started.
        """
        began = time.monotonic()
        shared, own = resolve_params(self.spec, params)
        for facts in {step.notebook: step.facts for step in self.spec.steps}.values():
            check_kernel(facts)
        if run_id is not None:
            found = self.runs.find(run_id)
            if found is not None and found.status != "scheduled":
                raise Conflict(f"run {run_id[:8]} exists already: it is {found.status}.")
        with signals_into(self._inbox):
            self._begin(shared, run_id)
            try:
                result = self._execute(shared, own)
            except BaseException as error:
                self._give_up(error)
                raise
            finally:
                shutil.rmtree(scratch_root(self.store.dir) / self.run_id, ignore_errors=True)
            result = replace(result, duration_s=time.monotonic() - began)
            self._tell(PipelineFinished(result))
        return result

    # --- the whole --------------------------------------------------------------------------

    def _begin(self, params: Mapping[str, Any], run_id: str | None) -> None:
        self.run_id = self.runs.start(
            stem=self.spec.name,
            experiment=self.spec.name,
            params=params,
            kind="pipeline",
            run_id=run_id,
            source={"pipeline": self._relative(self.spec.path), **process_facts()},
        )
        self._open.append(self.run_id)
        self._cancels = CancelWatch(self.store, self.run_id)
        self._tell(
            PipelineStarted(
                self.run_id,
                self.spec.name,
                self._relative(self.spec.path),
                tuple(step.name for step in self.spec.steps),
                tuple(str(fault) for fault in self.spec.warnings),
            )
        )

    def _execute(
        self, shared: Mapping[str, Any], own: Mapping[str, Mapping[str, Any]]
    ) -> PipelineResult:
        results: dict[str, StepResult] = {}
        status, reason = "finished", None
        for index, step in enumerate(self.spec.steps, start=1):
            self._listen()
            if self._stop is None and status == "finished":
                injected = step_params(step, shared, own[step.name])
                result = self._step(step, index, injected)
                if result.status == "failed":
                    status = "failed"
                    reason = f"step {step.name} failed: {result.error}"
            else:
                result = StepResult(step.name, "skipped", self._relative(step.notebook))
            results[step.name] = result
        self._listen()
        if self._stop is not None:
            status, reason = "killed", self._stop.sentence
        gates: tuple[GateRecord, ...] = ()
        outcome = None
        if status == "finished" and self.spec.gates:
            gates = self._decide(shared)
            rejected = [gate.sentence for gate in gates if gate.state == "rejected"]
            outcome = "rejected" if rejected else "passed"
            reason = "; ".join(rejected) or None
        self._end(self.run_id, status, outcome=outcome, reason=_sentence(reason))
        codes = {"finished": 3 if outcome == "rejected" else 0, "failed": 1, "killed": 130}
        return PipelineResult(
            run_id=self.run_id,
            name=self.spec.name,
            path=self._relative(self.spec.path),
            status=status,
            outcome=outcome,
            steps=results,
            gates=gates,
            params=shared,
            exit_code=codes[status],
            reason=_sentence(reason),
            warnings=tuple(str(fault) for fault in self.spec.warnings),
        )

    def _decide(self, params: Mapping[str, Any]) -> tuple[GateRecord, ...]:
        sizes: dict[str, dict[str, int]] = {}
        for (step, output), (_, size) in self._kept.items():
            sizes.setdefault(step, {})[output] = size
        facts = GateFacts(params, self._metrics, sizes)
        records = tuple(decide(gate, facts) for gate in self.spec.gates)
        now = time.time_ns() // 1000
        self.store.append(
            *(
                {
                    "e": "gate",
                    "r": self.run_id,
                    "t": now,
                    "i": gate.index,
                    "kind": gate.kind,
                    "expression": gate.expression,
                    "state": gate.state,
                    "sentence": gate.sentence,
                    "left": gate.left,
                    "right": gate.right,
                }
                for gate in records
            )
        )
        for gate in records:
            self._tell(GateDecided(gate))
        return records

    def _give_up(self, error: BaseException) -> None:
        """Our own fault: say so on every run that is still open, as far as that still works."""
        for run_id in reversed(self._open):
            try:
                self.runs.end(
                    run_id,
                    "failed",
                    reason=f"The executor failed: {type(error).__name__}: {error}",
                )
            except Exception:
                logger.exception("run %s could not be ended", run_id)

    def _end(self, run_id: str, status: str, **more: Any) -> None:
        self.runs.end(run_id, status, **more)  # type: ignore[arg-type]
        self._open.remove(run_id)

    # --- one step ---------------------------------------------------------------------------

    def _step(self, step: Step, index: int, params: Mapping[str, Any]) -> StepResult:
        tries = step.retries + 1
        for attempt in range(1, tries + 1):
            result = self._try(step, index, attempt, params)
            self._listen()
            if result.status != "failed" or self._stop is not None or attempt == tries:
                break
            if result.error is not None:
                self._tell(StepRetried(step.name, attempt, tries, result.error))
        self._tell(StepFinished(step.name, result))
        return result

    def _try(self, step: Step, index: int, attempt: int, params: Mapping[str, Any]) -> StepResult:
        began = time.monotonic()
        notebook = self._relative(step.notebook)
        child = self.runs.start(
            name=step.name,
            experiment=self.spec.name,
            params=params,
            tags={"mlops.attempt": attempt} if attempt > 1 else None,
            parent=self.run_id,
            kind="step",
            source={"notebook": notebook, "pipeline": self._relative(self.spec.path)},
        )
        self._open.append(child)
        self._tell(StepStarted(step.name, child, index, len(self.spec.steps), notebook, attempt))
        folder = scratch_root(self.store.dir) / self.run_id / f"{step.name}-{attempt}"
        scratch = Scratch(folder, child)
        outputs = scratch.output_paths(step)
        paths = {**self._inputs(step, scratch), **outputs}
        injected = {**params, **{name: str(path) for name, path in paths.items()}}
        runner = Attempt(step.name, self._inbox, self._cancels, self._tell, step.timeout_s)
        with sockets_folder(folder) as sockets:
            session = Session(
                folder=step.notebook.parent,
                environment=kernel_environment(child, self.root),
                listener=CellJournal(step.name, _cell_logger(self.runs, child), self._inbox),
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
        self._stop = _stop_of_run(runner.stop, failure)
        if failure is None:
            missing = [name for name, path in outputs.items() if not path.is_file()]
            if missing:
                failure = _not_written(missing[0], outputs[missing[0]])
            else:
                result = replace(result, outputs=self._keep_outputs(step, child, outputs))
        if failure is not None:
            status = "failed" if self._stop is None else "killed"
            result = replace(result, status=status, error=_error(failure, runner.stop))
        self._close_step(child, result)
        shutil.rmtree(folder, ignore_errors=True)
        self._metrics[step.name] = {one.key: one for one in self._read_metrics(child)}
        return replace(
            result,
            metrics={key: one.last for key, one in self._metrics[step.name].items()},
            duration_s=time.monotonic() - began,
        )

    def _close_step(self, child: str, result: StepResult) -> None:
        error = result.error
        if error is None:
            self._end(child, "finished")
            return
        self._end(
            child,
            result.status,
            reason=_sentence(str(error)),
            error={
                "name": error.name,
                "message": error.message,
                "cell_index": error.cell_index,
                "traceback": error.traceback,
            },
            cell=error.cell_id,
        )

    def _inputs(self, step: Step, scratch: Scratch) -> dict[str, Path]:
        kept: dict[str, tuple[Path, str]] = {}
        files: dict[str, Path] = {}
        for name, source in step.inputs.items():
            if isinstance(source, StepOutput):
                file = self.spec.step(source.step).outputs[source.output]
                kept[name] = (self._kept[source.step, source.output][0], file)
            else:
                files[name] = source.path
        return {**files, **scratch.link_inputs(kept)}

    def _keep_outputs(self, step: Step, child: str, outputs: Mapping[str, Path]) -> dict[str, Path]:
        kept: dict[str, Path] = {}
        for name, path in outputs.items():
            record = self.runs.put_artifact(
                child, f"outputs/{name}{path.suffix}", path, kind=_artifact_kind(path)
            )
            target = self.store.objects.path(record.digest)
            self._kept[step.name, name] = (target, record.size)
            kept[name] = target
        return kept

    def _keep_notebook(self, step: Step, child: str, path: Path) -> Path | None:
        if not path.exists():
            return None  # the kernel never started
        record = self.runs.put_artifact(
            child, f"notebook/{step.name}.ipynb", path, media=NOTEBOOK_MEDIA, kind="notebook"
        )
        return self.store.objects.path(record.digest)

    def _read_metrics(self, child: str) -> list[MetricSummary]:
        # A gate must see every point, so fold until nothing is left; readers otherwise stop at
        # their budget.
        while True:
            report = self.store.fold(wait_s=10, force=True)
            if not report.behind and not report.missed:
                return self.runs.metrics(child)

    # --- who listens ------------------------------------------------------------------------

    def _listen(self) -> None:
        """Between notebooks: signals that arrived, and cancels."""
        while True:
            try:
                news = self._inbox.get_nowait()
            except Empty:
                break
            if isinstance(news, SignalSeen) and self._stop is None:
                words = "Ctrl-C" if news.name == "SIGINT" else news.name
                self._stop = Stop("interrupt", f"stopped by {words}")
        who = self._cancels.look()
        if who is not None and self._stop is None:
            self._stop = Stop("cancel", f"cancelled by {who}")

    def _tell(self, event: Event) -> None:
        if self._listener is None:
            return
        try:
            self._listener.on_event(event)
        except Exception:
            # A closed terminal must not take the run with it.
            logger.warning("the listener failed and is not asked again", exc_info=True)
            self._listener = None

    def _relative(self, path: Path) -> str:
        relative = os.path.relpath(path, self.root)
        return str(path) if relative.startswith("..") else relative


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


def _sentence(text: str | None) -> str | None:
    if not text:
        return None
    text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
