"""The pipelines of a project: which there are, running them, stopping them."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import NotFound
from mlops_lab.expressions import nearest
from mlops_lab.faults import Fault
from mlops_lab.governance import Access, Identity
from mlops_lab.orchestration import detached, scratch
from mlops_lab.orchestration.acting import acting
from mlops_lab.orchestration.deploying import deploy_approved
from mlops_lab.orchestration.events import Listener
from mlops_lab.orchestration.executor import Executor, check_kernels
from mlops_lab.orchestration.model import json_schema
from mlops_lab.orchestration.params import resolve_params, step_params
from mlops_lab.orchestration.results import (
    Deployment,
    GateRecord,
    PipelineResult,
    Plan,
    PlannedStep,
)
from mlops_lab.orchestration.site import Site
from mlops_lab.orchestration.sources import Source, VersionInput
from mlops_lab.orchestration.spec import PipelineSpec, load_spec, read_spec
from mlops_lab.orchestration.versions import Versions
from mlops_lab.store import Store
from mlops_lab.tracking import RunManager
from mlops_lab.tracking.records import RunRecord

if TYPE_CHECKING:
    from mlops_lab.data.manager import DatasetManager
    from mlops_lab.registry.manager import ModelManager
    from mlops_lab.serving.manager import EndpointManager

__all__ = ["FOLDER", "PipelineFile", "PipelineManager"]

FOLDER = "pipelines"
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class PipelineFile:
    """A pipeline file of the project, sound or not.

    Parameters
    ----------
    path
        Relative to the project.
    name
        Its name; the file's stem when it cannot be read.
    params
        As the file gives them; none when it is not sound.
    steps
        Their names in the order in which they run.
    gates
        How many there are.
    faults
        What is wrong or doubtful, in the order of the file.
    """

    path: str
    name: str
    params: Mapping[str, Any]
    steps: tuple[str, ...]
    gates: int
    faults: tuple[Fault, ...]


class PipelineManager:
    """Finds, runs and stops the pipelines of one project. Thread-safe; a run takes its thread.

    Parameters
    ----------
    root
        The project's folder.
    store, runs
        Where runs are kept.
    identity
        Who acts.
    datasets, models
        Give the managers of what pipelines take, make and promote.
    endpoints
        Gives the manager of what serves what was promoted.
    access
        Who may run them; by default everybody.
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        runs: RunManager,
        identity: Identity,
        datasets: Callable[[], DatasetManager],
        models: Callable[[], ModelManager],
        endpoints: Callable[[], EndpointManager],
        access: Access | None = None,
    ) -> None:
        self._access = access or Access()
        self._endpoints = endpoints
        self.root = root
        self._store = store
        self._runs = runs
        self._identity = identity
        self._versions = Versions(store, datasets, models)

    # --- files ------------------------------------------------------------------------------

    def list(self) -> builtins.list[PipelineFile]:
        """The pipeline files below ``pipelines/``, by path, with their faults."""
        return [self._file(path) for path in self.paths()]

    def paths(self) -> builtins.list[Path]:
        """The pipeline files below ``pipelines/``, sound or not, in their order."""
        folder = self.root / FOLDER
        return sorted(
            path for suffix in SUFFIXES for path in folder.rglob(f"*{suffix}") if path.is_file()
        )

    def resolve(self, path: str | Path) -> Path:
        """The file that is meant: absolute, or from the project's folder, or from here.

        A bare name, ``flight-delay``, is the file of that name below ``pipelines/``.

        Raises
        ------
        NotFound
            There is no such file; the message has the nearest.
        """
        written = Path(path).expanduser()
        candidates = [self.root / written, Path.cwd() / written]
        if written.name == str(path) and not written.suffix:
            candidates += [self.root / FOLDER / f"{written.name}{suffix}" for suffix in SUFFIXES]
        for candidate in candidates:
            if candidate.is_file():
                return Path(os.path.normpath(candidate))
        known = {Path(one.path).stem: one.path for one in self.list()}
        near = nearest(written.stem, known)
        hint = f" Did you mean {known[near]}?" if near else ""
        raise NotFound(f"There is no pipeline {str(path)!r} in {self.root}.{hint}")

    def load(self, path: str | Path) -> PipelineSpec:
        """Read and check a pipeline.

        Raises
        ------
        NotFound
            There is no such file.
        InvalidInput
            With ``file:line:column: sentence`` for everything that is wrong in it.
        """
        found = self.resolve(path)
        return load_spec(found, file=self._relative(found), root=self.root)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of pipeline files."""
        return json_schema()

    # --- runs -------------------------------------------------------------------------------

    def plan(self, path: str | Path, params: Mapping[str, Any] | None = None) -> Plan:
        """What running the pipeline would do, without doing it."""
        spec = self.load(path)
        shared, own = resolve_params(spec, params)
        return Plan(
            name=spec.name,
            path=self._relative(spec.path),
            params=shared,
            steps=tuple(
                PlannedStep(
                    name=step.name,
                    notebook=self._relative(step.notebook),
                    params=step_params(step, shared, own[step.name]),
                    inputs={name: self._told(source) for name, source in step.inputs.items()},
                    outputs={name: str(output) for name, output in step.outputs.items()},
                    needs=tuple(step.needs),
                    retries=step.retries,
                    timeout_s=step.timeout_s,
                )
                for step in spec.steps
            ),
            gates=tuple(gate.text for gate in spec.gates),
            promote=self._told_promotion(spec),
            deploy=None if spec.deploy is None else f"it becomes {spec.deploy}",
            warnings=tuple(str(fault) for fault in spec.warnings),
        )

    def run(
        self,
        path: str | Path,
        params: Mapping[str, Any] | None = None,
        *,
        dry_run: bool = False,
        run_id: str | None = None,
        listener: Listener | None = None,
    ) -> PipelineResult:
        """Run a pipeline in this process, to its end.

        Call it in the main thread: only there do Ctrl-C and SIGTERM stop it in good order. A
        failed step, a rejected gate and an interrupt are results, not exceptions.

        Parameters
        ----------
        path
            The pipeline file, see `resolve`.
        params
            In the place of the file's: ``{"seed": 3, "train.max_depth": 4}``. Text is read by
            the type that the file gives.
        dry_run
            Only check and plan: ``result.plan``.
        run_id
            The id the run should have, 32 hex characters.
        listener
            Hears what happens, in this thread.

        Raises
        ------
        NotFound, InvalidInput, Forbidden
            Before anything has run.
        """
        if dry_run:
            plan = self.plan(path, params)
            spec = self.load(path)
            check_kernels(spec)
            self._versions.refuse_missing(spec)
            return PipelineResult(
                run_id="",
                name=plan.name,
                path=plan.path,
                status="planned",
                params=plan.params,
                warnings=plan.warnings,
                plan=plan,
            )
        who = acting(self._runs, self._access, self._identity, run_id)
        self._access.require(who, "pipelines:run")
        self.recover()
        executor = Executor(self._site(who), self.load(path), listener=listener)
        return executor.run(params, run_id=run_id)

    def deploy_approved(self, by: Identity | None = None) -> builtins.list[Deployment]:
        """Have served what pipelines wanted to deploy, and people have promoted since.

        Returns
        -------
        list of Deployment
            What became of each; told once.
        """
        return deploy_approved(self._site(by or self._identity))

    def start_detached(
        self,
        path: str | Path,
        params: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
        source: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        owner: str = "journal",
        by: Identity | None = None,
    ) -> str:
        """Run a pipeline in a process of its own, which outlives this one.

        Parameters
        ----------
        path, params, run_id
            As of `run`.
        source, tags
            What else the run says of where it comes from, and its tags.
        owner
            ``remote`` where this process may be gone before that one has begun.
        by
            Who asks; default: whoever runs this process.

        Returns
        -------
        str
            The run's id: it is ``scheduled`` until that process has started it.

        Raises
        ------
        NotFound, InvalidInput, Conflict, Forbidden
            Before anything was started.
        """
        who = by or self._identity
        spec = self.startable(path, params, by=who)
        self.recover()
        return detached.start(
            self.root,
            self._store,
            self._runs,
            spec.path,
            name=spec.name,
            params=params or {},
            run_id=run_id,
            source=source,
            tags=tags,
            owner=owner,
            by=by,
            role=self._access.role_of(who),
        )

    def startable(
        self, path: str | Path, params: Mapping[str, Any] | None = None, *, by: Identity
    ) -> PipelineSpec:
        """Check all of a pipeline that can be checked before it runs.

        Raises
        ------
        NotFound, InvalidInput, Forbidden
            It cannot be started.
        """
        self._access.require(by, "pipelines:run")
        spec = self.load(path)
        resolve_params(spec, params)
        check_kernels(spec)
        self._versions.refuse_missing(spec)
        return spec

    def cancel(self, run_id: str, by: Identity | None = None) -> str:
        """Ask a run to stop: a decision, and a signal when it runs on this machine.

        Parameters
        ----------
        run_id
            The run or a unique prefix; a step's run stops its pipeline.
        by
            Who asks; default: whoever runs this process.

        Returns
        -------
        str
            The id of the run that was asked.

        Raises
        ------
        Conflict
            It has ended already.
        """
        record = self._pipeline_of(run_id)
        self._runs.cancel(record.id, by=by or self._identity)
        detached.interrupt(record)
        return record.id

    def process_of(self, run_id: str) -> int | None:
        """The process of this machine that is running a pipeline run, or the step of one."""
        return detached.process_of(self._pipeline_of(run_id))

    def gates(self, run_id: str) -> builtins.list[GateRecord]:
        """What the gates of a pipeline run said, in the order of the file."""
        rows = self._store.query(
            'select index, kind, expression, state, sentence, "left", "right" from lab.gates '
            "where run_id = ? order by index",
            [run_id],
        )
        return [GateRecord(*row) for row in rows]

    def steps(self, run_id: str) -> builtins.list[RunRecord]:
        """The steps of a pipeline run as they are now, in the order in which they started.

        A step that was tried again is there once per try.
        """
        self.recover()
        page = self._runs.search(parent=run_id, order_by="started", limit=500)
        return [record for record in page.items if record.kind == "step"]

    def recover(self) -> None:
        """Keep what killed executors left in their scratch folders, and clear these."""
        if not self._store.read_only:
            scratch.recover(self._store, self._runs)

    # --- inside -----------------------------------------------------------------------------

    def _site(self, who: Identity) -> Site:
        return Site(self.root, self._store, self._runs, self._versions, who, self._endpoints)

    def _told(self, source: Source) -> str:
        """An input as a plan tells it: a reference with the version that it names now."""
        if not isinstance(source, VersionInput):
            return str(source)
        now = self._versions.now(source)
        if now == source.ref:
            return str(source)
        return f"{source} ({'now ' + now if now else 'not there yet'})"

    def _told_promotion(self, spec: PipelineSpec) -> str | None:
        promote = spec.promote
        if promote is None:
            return None
        holder = self._versions.holder(promote.name, promote.alias)
        now = f"now {holder.version}" if holder else "nobody yet"
        told = f"{promote.model} becomes {promote.alias} of {promote.name} ({now})"
        if promote.replaces is None or not promote.asked:
            return told
        return f"{told}; {promote.against} is judged in {'.'.join(promote.replaces)}"

    def _pipeline_of(self, run_id: str) -> RunRecord:
        record = self._runs.get(run_id)
        while record.kind == "step" and record.parent is not None:
            record = self._runs.get(record.parent)
        return record

    def _file(self, path: Path) -> PipelineFile:
        spec, faults = read_spec(path, file=self._relative(path), root=self.root)
        steps = tuple(step.name for step in spec.steps) if spec else ()
        gates = len(spec.gates) if spec else 0
        name = spec.name if spec else path.stem
        params = spec.params if spec else {}
        return PipelineFile(self._relative(path), name, params, steps, gates, tuple(faults))

    def _relative(self, path: Path) -> str:
        relative = os.path.relpath(path, self.root)
        return str(path) if relative.startswith("..") else relative
