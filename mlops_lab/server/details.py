"""All about one run: what its view shows, in one answer."""

from __future__ import annotations

from typing import Any

from mlops_lab.orchestration.detached import log_path
from mlops_lab.project import Project
from mlops_lab.server.encode import time_text
from mlops_lab.server.rows import encode_metric, error_of, rows_of
from mlops_lab.tracking import reading
from mlops_lab.tracking.records import MetricSummary, RunRecord
from mlops_lab.tracking.rows import RowFacts, read_rows

__all__ = ["run_detail"]

_MAX_STEPS = 500


def run_detail(project: Project, run_id: str) -> dict[str, Any]:
    """Read one run with params, metrics, notes, environment, gates, steps, cells and error."""
    record = project.runs.get(run_id)
    goals = project.settings.goals
    # One look at the store for everything: the parts of the answer belong to one moment.
    with project.store.read(fresh=False) as cursor:
        row = rows_of(cursor, [record], goals, sparkline="auto")[0]
        params = reading.params(cursor, record.id)
        metrics = reading.metrics(cursor, record.id, goals)
        notes = reading.notes(cursor, record.id)
        cells = reading.cells(cursor, record.id)
        artifacts = len(reading.artifacts(cursor, record.id, ""))
        children = cursor.execute(
            "select run_id from lab.run where parent = ? and kind = 'step' "
            "and lifecycle = 'active' and started_at is not null "
            "order by started_at, run_id limit ?",
            [record.id, _MAX_STEPS],
        ).fetchall()
        steps = read_rows(cursor, reading.runs(cursor, [child for (child,) in children]), goals)
        inputs = project.datasets.inputs(record.id)
        logged = project.models.logged(record.id)
        environment = project.runs.environment(record.id)
    return {
        **row,
        "params": [
            {"key": one.key, "value": one.value, "type": one.type, "changed": one.changed}
            for one in params
        ],
        "metrics": [_metric(metric) for metric in metrics],
        "notes": [
            {"text": note.text, "at": time_text(note.created_at), "author": note.author}
            for note in notes
        ],
        "environment": environment,
        "gates": _gates(project, record),
        "steps": [_step(step) for step in steps],
        "error": error_of(record) or _first_error(steps),
        "artifacts": artifacts,
        "cells": [
            {
                "id": cell.id,
                "index": cell.index,
                "total": cell.total,
                "state": cell.state,
                "duration_s": cell.seconds,
                "source": cell.source,
            }
            for cell in cells
        ],
        "has_log": log_path(project.store, record.id).is_file(),
        "can_cancel": record.is_open and record.kind in ("pipeline", "transfer", "report"),
        "inputs": [
            {"kind": one.kind, "name": one.name, "version": one.version, "role": one.role}
            for one in inputs
        ],
        "models": [
            {
                "id": one.id,
                "name": one.name,
                "flavor": one.flavor,
                "unsafe": one.unsafe,
                "size_bytes": one.size_bytes,
                "registered": [
                    {"model": model, "version": version} for model, version in one.registered
                ],
            }
            for one in logged
        ],
    }


def _metric(metric: MetricSummary) -> dict[str, Any]:
    return {
        "key": metric.key,
        "n": metric.n,
        "last": metric.last,
        "last_step": metric.last_step,
        "min": metric.min,
        "max": metric.max,
        "best": metric.best,
        "best_step": metric.best_step,
        "direction": metric.goal,
        "guessed": metric.guessed,
        "not_finite": metric.not_finite,
    }


def _gates(project: Project, record: RunRecord) -> list[dict[str, Any]]:
    if record.kind != "pipeline":
        return []
    return [
        {
            "index": gate.index,
            "kind": gate.kind,
            "expression": gate.expression,
            "state": gate.state,
            "sentence": gate.sentence,
        }
        for gate in project.pipelines.gates(record.id)
    ]


def _step(step: RowFacts) -> dict[str, Any]:
    record = step.record
    notebook = record.source.get("notebook")
    return {
        "run_id": record.id,
        "name": record.name,
        "notebook": notebook if isinstance(notebook, str) else None,
        "status": record.status,
        "started_at": time_text(record.started_at),
        "ended_at": time_text(record.ended_at),
        "duration_s": round(record.duration_s, 6),
        "metric": encode_metric(step.metric(step.goal.key)) if step.goal else None,
        "error": error_of(record),
    }


def _first_error(steps: list[RowFacts]) -> dict[str, Any] | None:
    failed = [step.record for step in steps if step.record.status == "failed"]
    return error_of(failed[-1]) if failed else None
