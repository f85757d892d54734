"""A pipeline run: what its gates said, its steps as a graph, and the notebooks that ran."""

from __future__ import annotations

from typing import Any, Final

from mlops_lab.errors import InvalidInput, LabError
from mlops_lab.handles.card import duration, short_number
from mlops_lab.handles.run import Run
from mlops_lab.orchestration.results import PipelineResult
from mlops_lab.reports.html import Html
from mlops_lab.reports.items.run import write_head, write_params
from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.lineage import write_graph
from mlops_lab.reports.media import shows, write_file
from mlops_lab.reports.table import Cells
from mlops_lab.reports.writer import Writer, state_word
from mlops_lab.tracking.records import RunRecord

__all__ = ["KIND", "write_gates"]

_METRICS: Final = 3


class PipelineItem(ItemKind):
    """A run of a pipeline."""

    name = "a pipeline run"
    gives = "a run (lab.run(…)), several of them, a pipeline run"
    rank = 10

    def takes(self, thing: Any) -> bool:
        """What `Pipeline.run` gives, and runs of pipelines."""
        if isinstance(thing, PipelineResult):
            return True
        if not isinstance(thing, Run):
            return False
        try:
            return thing.kind == "pipeline"
        except LabError:
            return False  # the kind of other runs says why it cannot be read

    def write(self, thing: Any, out: Writer) -> None:
        """Write the judgement first, then what led to it."""
        run = _run_of(thing, out)
        record, project = run.record, run._project
        write_head(run, record, out)
        write_gates(project.pipelines.gates(run.id), out)
        steps = [Run(project, one.id) for one in project.pipelines.steps(run.id)]
        if steps:
            out.heading("Steps", 3)
            out.table(_steps(steps), tools=False)
        write_graph(project, f"run:{run.id}", record.name, out)
        write_params(run, out)
        for step in steps:
            _write_notebook(step, out)

    def told(self, thing: Any) -> str:
        """By its id."""
        return (
            f"pipeline run {(thing.run_id if isinstance(thing, PipelineResult) else thing.id)[:8]}"
        )


def write_gates(gates: Any, out: Writer) -> None:
    """Write what each gate said, with its numbers, and what it was asked."""
    if not gates:
        return
    out.heading("Gates", 3)
    rows = [
        (
            Html(state_word(gate.state).markup, gate.state),
            gate.sentence,
            gate.expression,
        )
        for gate in gates
    ]
    out.table(Cells(("state", "sentence", "gate"), rows), tools=False)


def _run_of(thing: Any, out: Writer) -> Run:
    if isinstance(thing, Run):
        return thing
    project = out.options.project
    if not thing.run_id:
        raise InvalidInput(
            "it is a plan, which has not run: lab.pipeline(…).run() without dry_run."
        )
    if project is None or project.runs.find(thing.run_id) is None:
        raise InvalidInput(f"the project of run {thing.run_id[:8]} is not the one around.")
    return Run(project, thing.run_id)


def _steps(steps: list[Run]) -> Cells:
    rows = []
    for step in steps:
        record = step.record
        metrics = [one for one in step.metrics.values() if not one.key.startswith("system/")]
        # Those with a declared goal are what people ask for.
        shown = sorted(metrics, key=lambda one: one.guessed)[:_METRICS]
        rows.append(
            (
                Html(f"{state_word(record.status).markup}", record.status),
                record.name,
                Html(duration(record.duration_s), record.duration_s),
                " · ".join(f"{one.key} {short_number(one.last)}" for one in shown) or None,
                record.source.get("notebook"),
            )
        )
    return Cells(("state", "step", "took", "metrics", "notebook"), rows)


def _write_notebook(step: Run, out: Writer) -> None:
    """Write what the notebook of a step shows; of a failed one also why."""
    record: RunRecord = step.record
    found = [one for one in step.artifacts.values() if one.path.endswith(".ipynb")]
    if not found and not record.error:
        return
    out.heading(f"Notebook of {record.name}", 3, glyph=record.status)
    if record.error:
        out.notice(f"{record.error.get('name')}: {record.error.get('message')}", "failed")
    for artifact in found:
        if not shows(artifact.media_type, artifact.size_bytes):
            out.told(
                f"{artifact.path} has {artifact.size_bytes:,} bytes: too much to be shown here."
            )
            continue
        opened = len(found) == 1 and record.status == "failed"
        with out.fold(artifact.path, opened=opened), out.guarded("It cannot be shown"):
            write_file(artifact.file, artifact.media_type, artifact.path, out)


KIND = PipelineItem()
