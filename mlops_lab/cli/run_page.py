"""One run in full, for a terminal and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlops_lab.cli.output import Column, age, duration, glyph, number, print_table, shown, size
from mlops_lab.orchestration.results import verdict

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_lab.orchestration.results import GateRecord
    from mlops_lab.project import Project
    from mlops_lab.tracking.records import ArtifactRecord, MetricSummary, ParamRecord, RunRecord

__all__ = ["print_run", "run_document", "run_facts"]

_MOST_ARTIFACTS = 12


def run_facts(record: RunRecord) -> dict[str, Any]:
    """What a list says about each run and a page about its own, for programs."""
    return {
        "id": record.id,
        "name": record.name,
        "kind": record.kind,
        "status": record.status,
        "outcome": record.outcome,
        "experiment": record.experiment,
        "parent": record.parent,
        "author": record.author,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "duration_s": round(record.duration_s, 3),
        "starred": record.starred,
        "reason": record.reason,
    }


def run_document(project: Project, record: RunRecord) -> dict[str, Any]:
    """Everything about a run, for programs."""
    runs = project.runs
    return {
        **run_facts(record),
        "lifecycle": record.lifecycle,
        "source": record.source,
        "error": record.error,
        "cell": record.cell,
        "params": {param.key: param.value for param in runs.params(record.id)},
        "metrics": {
            metric.key: {
                "last": metric.last,
                "best": metric.best,
                "min": metric.min,
                "max": metric.max,
                "n": metric.n,
                "goal": metric.goal,
                "guessed": metric.guessed,
            }
            for metric in runs.metrics(record.id)
        },
        "tags": runs.tags(record.id),
        "notes": [{"text": note.text, "at": note.created_at} for note in runs.notes(record.id)],
        "artifacts": [
            {
                "path": one.path,
                "size_bytes": one.size,
                "media_type": one.media,
                "digest": one.digest,
            }
            for one in runs.artifacts(record.id)
        ],
        "steps": [
            {
                "name": step.name,
                "run_id": step.id,
                "status": step.status,
                "duration_s": round(step.duration_s, 3),
                "reason": step.reason,
            }
            for step in _steps(project, record)
        ],
        "gates": [
            {
                "index": gate.index,
                "kind": gate.kind,
                "expression": gate.expression,
                "state": gate.state,
                "sentence": gate.sentence,
            }
            for gate in _gates(project, record)
        ],
    }


def print_run(target: Console, project: Project, record: RunRecord) -> None:
    """Show a run: the sentence first, then what it was given and what came of it."""
    runs = project.runs
    _head(target, record)
    _error(target, record)
    steps, gates = _steps(project, record), _gates(project, record)
    if steps:
        _title(target, "steps")
        print_table(
            target,
            ["", "step", "id", ("took", {"justify": "right"}), ""],
            [
                (
                    glyph("passed" if step.status == "finished" else step.status),
                    step.name,
                    step.id[:8],
                    duration(step.duration_s),
                    step.reason or "",
                )
                for step in steps
            ],
        )
    if gates:
        _print_gates(target, gates)
    params, metrics = runs.params(record.id), runs.metrics(record.id)
    if params:
        _print_params(target, params)
    if metrics:
        _print_metrics(target, metrics)
    artifacts = runs.artifacts(record.id)
    if artifacts:
        _print_artifacts(target, project, record, artifacts)
    tags = {
        key: value for key, value in runs.tags(record.id).items() if not key.startswith("mlops.")
    }
    if tags:
        _title(target, "tags")
        for key, value in tags.items():
            target.print(f" {key}  {value}", markup=False)
    notes = runs.notes(record.id)
    if notes:
        _title(target, "notes")
        for note in notes:
            target.print(f" {note.text}", markup=False)


def _head(target: Console, record: RunRecord) -> None:
    from rich.text import Text

    words = verdict(record.status, record.outcome)
    star = " ★" if record.starred else ""
    target.print(
        Text.assemble(
            glyph(record.status, record.outcome),
            "  ",
            (record.name + star, "bold"),
            "  ",
            (record.id, "dim"),
        )
    )
    deleted = " · deleted" if record.lifecycle == "deleted" else ""
    when = f"{record.started_at:%Y-%m-%d %H:%M:%S} UTC ({age(record.started_at)})"
    target.print(
        f"   {words}{deleted} · {record.kind} · {duration(record.duration_s)} · {when}",
        markup=False,
    )
    source = record.source.get("notebook") or record.source.get("pipeline")
    facts = [record.experiment, str(source or record.source.get("program") or ""), record.author]
    target.print("   " + " · ".join(fact for fact in facts if fact), markup=False, style="dim")
    trigger = record.source.get("trigger")
    if isinstance(trigger, dict) and trigger.get("sentence"):
        target.print(f"   Started by a trigger: {trigger['sentence']}.", markup=False)


def _error(target: Console, record: RunRecord) -> None:
    if record.reason:
        target.print(f"   {record.reason}", markup=False)
    if record.status == "killed" and record.cell and "in cell" not in (record.reason or ""):
        at = f"{record.cell.get('index')} of {record.cell.get('total')}"
        target.print(f"   Its last cell was {at}.", markup=False)
    if not record.error:
        return
    told = f"{record.error.get('name')}: {record.error.get('message')}"
    if told not in (record.reason or ""):
        target.print(f"   {told}", markup=False, style="red")
    trace = str(record.error.get("traceback") or "").strip()
    if trace:
        from rich.text import Text

        # Kernels colour their tracebacks; a stranger's escape codes must not reach the terminal.
        lines = Text.from_ansi(trace).plain.splitlines()
        target.print()
        for line in lines[-20:]:
            target.print(f"   {line}", markup=False, style="dim", overflow="fold")


def _print_gates(target: Console, gates: Sequence[GateRecord]) -> None:
    from rich.text import Text

    _title(target, "gates")
    for gate in gates:
        style = "bold red" if gate.state == "rejected" else ""
        target.print(
            Text.assemble(
                " ",
                glyph(gate.state),
                "  ",
                (gate.sentence, style),
                (f"   {gate.expression}", "dim"),
            )
        )


def _print_params(target: Console, params: Sequence[ParamRecord]) -> None:
    _title(target, "params")
    rows = [(param.key, _short(param.value)) for param in params]
    print_table(target, ["param", "value"], rows)


def _print_metrics(target: Console, metrics: Sequence[MetricSummary]) -> None:
    _title(target, "metrics")
    arrow = {"max": "↑", "min": "↓"}
    right = {"justify": "right"}
    curves = any(metric.n > 1 for metric in metrics)
    columns: list[Column] = [
        "metric",
        ("last", right),
        ("best", right),
        ("at step", right),
        ("points", right),
    ]
    rows = [
        (
            f"{metric.key} {arrow[metric.goal]}{'?' if metric.guessed else ''}",
            number(metric.last),
            number(metric.best) if metric.n > 1 else "",
            str(metric.best_step) if metric.n > 1 else "",
            f"{metric.n:,}" if metric.n > 1 else "",
        )
        for metric in metrics
    ]
    # Best and points of a metric that was logged once say nothing.
    width = len(columns) if curves else 2
    print_table(target, columns[:width], [row[:width] for row in rows])


def _print_artifacts(
    target: Console, project: Project, record: RunRecord, artifacts: Sequence[ArtifactRecord]
) -> None:
    _title(target, "artifacts")
    rows = [(one.path, size(one.size), one.media) for one in artifacts[:_MOST_ARTIFACTS]]
    print_table(target, ["path", ("size", {"justify": "right"}), "type"], rows)
    if len(artifacts) > _MOST_ARTIFACTS:
        target.print(f" and {len(artifacts) - _MOST_ARTIFACTS} more", style="dim")
    for one in artifacts:
        if one.kind == "notebook":
            file = project.runs.artifact_file(record.id, one.path)
            target.print(f" executed notebook: {shown(file)}", markup=False, style="dim")


def _short(text: str, most: int = 80) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= most else one_line[: most - 1] + "…"


def _title(target: Console, text: str) -> None:
    target.print()
    target.print(text, style="dim", markup=False)


def _steps(project: Project, record: RunRecord) -> Sequence[RunRecord]:
    return project.pipelines.steps(record.id) if record.kind == "pipeline" else []


def _gates(project: Project, record: RunRecord) -> Sequence[GateRecord]:
    return project.pipelines.gates(record.id) if record.kind == "pipeline" else []
