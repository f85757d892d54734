"""Runs a pipeline: its steps in their order, each a child run, then its gates."""

from __future__ import annotations

import logging
import os
import platform
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any

from mlops_lab.config import load_settings
from mlops_lab.errors import Conflict
from mlops_lab.orchestration.attempt import Stop, stop_for
from mlops_lab.orchestration.deploying import deploy_promoted, deployment_that_waits, kept_line
from mlops_lab.orchestration.engines.run import check_kernel
from mlops_lab.orchestration.events import (
    Event,
    Listener,
    PipelineFinished,
    PipelineStarted,
)
from mlops_lab.orchestration.judging import Judging, Outcome
from mlops_lab.orchestration.params import resolve_params, step_params
from mlops_lab.orchestration.results import Deployment, PipelineResult, StepResult
from mlops_lab.orchestration.scratch import drop_outputs, scratch_root
from mlops_lab.orchestration.site import Site
from mlops_lab.orchestration.spec import PipelineSpec
from mlops_lab.orchestration.step import OpenRuns, StepRunner, error_facts, relative, sentence
from mlops_lab.orchestration.stopping import CancelWatch, SignalSeen, signals_into
from mlops_lab.tracking.capture import log_environment

__all__ = ["Executor", "check_kernels", "process_facts"]

logger = logging.getLogger(__name__)


def process_facts() -> dict[str, Any]:
    """What identifies this process to somebody who wants to send it a signal."""
    import psutil

    return {
        "pid": os.getpid(),
        "process_started": psutil.Process().create_time(),
        "host": platform.node(),
    }


def check_kernels(spec: PipelineSpec) -> None:
    """Refuse a pipeline with a notebook whose kernel is not installed here.

    Raises
    ------
    InvalidInput
        With the kernels that are installed.
    """
    for facts in {step.notebook: step.facts for step in spec.steps}.values():
        check_kernel(facts)


class Executor:
    """One execution of one pipeline. Used once, by one thread, best the main one.

    Parameters
    ----------
    site
        The project.
    spec
        The pipeline.
    listener
        Hears what happens; one that raises is not asked again.
    """

    def __init__(
        self,
        site: Site,
        spec: PipelineSpec,
        *,
        listener: Listener | None = None,
    ) -> None:
        self.site = site
        self.root = site.root
        self.store = site.store
        self.runs = site.runs
        self.spec = spec
        self.run_id = ""
        self._listener = listener
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._stop: Stop | None = None
        self._open = OpenRuns(site.runs)

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
            Params nobody declares, a kernel that is not installed, or an input version that does
            not exist; nothing has run then.
        Conflict
            The run exists and is not waiting to be started.
        """
        began = time.monotonic()
        shared, own = resolve_params(self.spec, params)
        check_kernels(self.spec)
        self.site.versions.refuse_missing(self.spec)
        found = self.runs.find(run_id) if run_id is not None else None
        if found is not None and found.status != "scheduled":
            raise Conflict(f"run {found.id[:8]} exists already: it is {found.status}.")
        with signals_into(self._inbox):
            self._begin(shared, run_id, found.source if found is not None else {})
            try:
                result = self._execute(shared, own)
            except BaseException as error:
                # The scratch folder stays: the next run keeps the notebook that is in it.
                self._give_up(error)
                raise
            shutil.rmtree(scratch_root(self.store.dir) / self.run_id, ignore_errors=True)
            result = replace(result, duration_s=time.monotonic() - began)
            self._tell(PipelineFinished(result))
        return result

    # --- the whole --------------------------------------------------------------------------

    def _begin(
        self, params: Mapping[str, Any], run_id: str | None, scheduled: Mapping[str, Any]
    ) -> None:
        self.run_id = self._open.start(
            stem=self.spec.name,
            experiment=self.spec.name,
            params=params,
            kind="pipeline",
            run_id=run_id,
            source={
                **scheduled,
                "pipeline": relative(self.spec.path, self.root),
                **process_facts(),
            },
        )
        self._cancels = CancelWatch(self.store, self.run_id)
        self._steps = StepRunner(
            self.site,
            self._open,
            self.spec,
            run_id=self.run_id,
            inbox=self._inbox,
            cancels=self._cancels,
            tell=self._tell,
        )
        self._capture = threading.Thread(
            target=self._keep_surroundings, name="mlops-lab-environment", daemon=True
        )
        self._capture.start()
        self._tell(
            PipelineStarted(
                self.run_id,
                self.spec.name,
                relative(self.spec.path, self.root),
                tuple(step.name for step in self.spec.steps),
                tuple(str(fault) for fault in self.spec.warnings),
            )
        )

    def _execute(
        self, shared: Mapping[str, Any], own: Mapping[str, Mapping[str, Any]]
    ) -> PipelineResult:
        results: dict[str, StepResult] = {}
        status, reason, error = "finished", None, None
        for index, step in enumerate(self.spec.steps, start=1):
            self._listen()
            if self._stop is None and status == "finished":
                injected = step_params(step, shared, own[step.name])
                result = self._steps.run(step, index, injected)
                self._stop = self._steps.stop
                if result.status == "failed" and result.error is not None:
                    status, error = "failed", result.error
                    cell = f" in cell {error.cell_index}" if error.cell_index else ""
                    reason = f"step {step.name} failed{cell}: {error.name}: {error.message}"
            else:
                result = StepResult(step.name, "skipped", relative(step.notebook, self.root))
            results[step.name] = result
        self._listen()
        if self._stop is not None:
            status, reason, error = "killed", self._stop.sentence, None
        judged = Outcome(None, sentence(reason), (), None)
        if status == "finished" and (self.spec.gates or self.spec.promote is not None):
            outcome = self._judge(shared, own)
            if outcome is None:
                stopped = self._stop.sentence if self._stop is not None else "stopped"
                status, judged = "killed", replace(judged, reason=sentence(stopped))
            else:
                judged = outcome
        self._capture.join(timeout=20)
        facts = error_facts(error) if error else None
        promoted = judged.promotion if judged.state == "passed" else None
        deployment = self._deploy(judged)
        # What became of the model is what a person opens the run for.
        said = [one.sentence for one in (promoted, deployment) if one is not None]
        reason = judged.reason or (f"{'. '.join(said)}." if said else None)
        if deployment is not None and deployment.state == "failed":
            status, judged = "failed", replace(judged, reason=reason)
        self._open.end(self.run_id, status, outcome=judged.state, reason=reason, error=facts)
        finished = {"rejected": 3, "waiting": 4}.get(judged.state or "", 0)
        codes = {"finished": finished, "failed": 1, "killed": 130}
        return PipelineResult(
            run_id=self.run_id,
            name=self.spec.name,
            path=relative(self.spec.path, self.root),
            status=status,
            outcome=judged.state,
            steps=results,
            gates=judged.gates,
            promotion=judged.promotion,
            deployment=deployment,
            params=shared,
            exit_code=codes[status],
            reason=judged.reason,
            warnings=tuple(str(fault) for fault in self.spec.warnings),
        )

    def _judge(
        self, shared: Mapping[str, Any], own: Mapping[str, Mapping[str, Any]]
    ) -> Outcome | None:
        name = self.spec.judging_step
        params = step_params(self.spec.step(name), shared, own[name]) if name is not None else {}
        judging = Judging(
            self.site,
            self.spec,
            self._steps,
            self.run_id,
            shared,
            params,
            self._tell,
            self._is_stopped,
        )
        return judging.run()

    def _deploy(self, judged: Outcome) -> Deployment | None:
        """Have the promoted model served; one that waits for people is served after them."""
        how, promotion = self.spec.deploy, judged.promotion
        if how is None or promotion is None:
            return None
        if promotion.state == "promoted":
            pipeline, who = self.spec.name, self.site.identity
            found = deploy_promoted(self.site, how, promotion, pipeline=pipeline, by=who)
        elif promotion.state == "waiting":
            found = deployment_that_waits(how, promotion)
        else:
            return None
        self.store.append(kept_line(self.run_id, how, promotion, found))
        return found

    def _keep_surroundings(self) -> None:
        """Keep the pipeline's file and the environment, beside the first steps."""
        try:
            wanted = load_settings(self.root).tracking
            if wanted.notebook:
                data = self.spec.path.read_bytes()
                self.runs.put_artifact(
                    self.run_id, f"source/{self.spec.path.name}", data, kind="text"
                )
            if wanted.environment:
                log_environment(self.runs, self.run_id, self.root, diff_kb=wanted.diff_kb)
        except Exception:
            # Whatever is odd about this machine, the run goes on.
            logger.warning("not all of the environment is kept", exc_info=True)

    def _give_up(self, error: BaseException) -> None:
        """Our own fault: say so on every run that is still open, as far as that still works."""
        drop_outputs(scratch_root(self.store.dir) / self.run_id)
        for run_id in self._open.innermost_first():
            try:
                self._open.end(
                    run_id,
                    "failed",
                    reason=f"The executor failed: {type(error).__name__}: {error}",
                )
            except Exception:
                logger.exception("run %s could not be ended", run_id)

    # --- who listens ------------------------------------------------------------------------

    def _listen(self) -> None:
        """Between notebooks: signals that arrived, and cancels."""
        while True:
            try:
                news = self._inbox.get_nowait()
            except Empty:
                break
            if isinstance(news, SignalSeen) and self._stop is None:
                self._stop = stop_for(news, self._cancels)
        who = self._cancels.look()
        if who is not None and self._stop is None:
            self._stop = Stop("cancel", f"cancelled by {who}")

    def _is_stopped(self) -> bool:
        self._stop = self._stop or self._steps.stop
        self._listen()
        return self._stop is not None

    def _tell(self, event: Event) -> None:
        if self._listener is None:
            return
        try:
            self._listener.on_event(event)
        except Exception:
            # A closed terminal must not take the run with it.
            logger.warning("the listener failed and is not asked again", exc_info=True)
            self._listener = None
