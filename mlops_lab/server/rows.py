"""Runs as rows: what tracking and orchestration know of them, in the shape of the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlops_lab.server.encode import time_text
from mlops_lab.server.subline import Facts, GateFact, StepFact, distinctive, subline
from mlops_lab.tracking.goals import Direction, Goal
from mlops_lab.tracking.records import MetricSummary, RunRecord
from mlops_lab.tracking.rows import RowFacts, read_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["encode_metric", "encode_rows", "error_of", "rows_of"]

# Tags that say what columns of their own say already.
_OWN_TAGS = ("mlops.name", "mlops.star", "mlops.seen")


def rows_of(
    cursor: DuckDBPyConnection,
    records: Sequence[RunRecord],
    goals: Mapping[str, Direction],
    *,
    sparkline: str | None = None,
    prefer: Goal | None = None,
) -> list[dict[str, Any]]:
    """Read and encode the rows of some runs; see :func:`encode_rows` for ``prefer``."""
    rows = read_rows(cursor, records, goals, sparkline=sparkline)
    return encode_rows(cursor, rows, prefer=prefer)


def encode_rows(
    cursor: DuckDBPyConnection, rows: Sequence[RowFacts], *, prefer: Goal | None = None
) -> list[dict[str, Any]]:
    """Encode rows, each with the sub-line that tells it from the others.

    Parameters
    ----------
    prefer
        The metric that the list is about; a run that has not logged it shows its own.
    """
    gates = _gates(cursor, [row.record.id for row in rows if row.record.outcome])
    return [_encode(row, rows, gates.get(row.record.id, []), prefer) for row in rows]


def encode_metric(metric: MetricSummary | None) -> dict[str, Any] | None:
    """The metric that stands for a run."""
    if metric is None:
        return None
    return {
        "key": metric.key,
        "value": metric.last,
        "best": metric.best,
        "direction": metric.goal,
        "guessed": metric.guessed,
    }


def error_of(record: RunRecord) -> dict[str, Any] | None:
    """What went wrong in a run, with every member present."""
    error = record.error
    if error is None:
        return None
    cell_index = error.get("cell_index")
    traceback = error.get("traceback")
    return {
        "name": str(error.get("name") or "Error"),
        "message": str(error.get("message") or ""),
        "cell_index": cell_index if isinstance(cell_index, int) else None,
        "traceback": "\n".join(map(str, traceback)) if isinstance(traceback, list) else traceback,
    }


def _encode(
    row: RowFacts, among: Sequence[RowFacts], gates: list[GateFact], prefer: Goal | None
) -> dict[str, Any]:
    record = row.record
    metric = row.metric(prefer.key) if prefer else None
    if metric is None and row.goal is not None:
        metric = row.metric(row.goal.key)
    return {
        "id": record.id,
        "name": record.name,
        "kind": record.kind,
        "status": record.status,
        "outcome": record.outcome,
        "lifecycle": record.lifecycle,
        "experiment": {"id": record.experiment_id, "name": record.experiment},
        "parent": record.parent,
        "author": record.author,
        "source": {
            "notebook": _text(record.source.get("notebook")),
            "pipeline": _text(record.source.get("pipeline")),
            **_trigger(record.source.get("trigger")),
        },
        "started_at": time_text(record.started_at),
        "ended_at": time_text(record.ended_at),
        "duration_s": round(record.duration_s, 6),
        "starred": record.starred,
        "step": record.step,
        "planned_steps": record.planned_steps,
        "cell": _cell(record.cell),
        "subline": subline(_facts(row, among, gates)),
        "reason": record.reason,
        "metric": encode_metric(metric),
        "sparkline": {"key": row.curve[0], "values": row.curve[1]} if row.curve else None,
        "children": record.children,
        "tags": {key: value for key, value in row.tags.items() if key not in _OWN_TAGS},
    }


def _trigger(said: object) -> dict[str, str]:
    """What started a pipeline by itself, of runs that something has."""
    sentence = _text(said.get("sentence")) if isinstance(said, Mapping) else None
    return {"trigger": sentence} if sentence else {}


def _facts(row: RowFacts, among: Sequence[RowFacts], gates: list[GateFact]) -> Facts:
    record = row.record
    siblings = [
        other.params
        for other in among
        if other.record.experiment == record.experiment and other.record.kind == record.kind
    ]
    return Facts(
        kind=record.kind,
        status=record.status,
        outcome=record.outcome,
        reason=record.reason or _reason_of_error(record),
        notebook=_text(record.source.get("notebook")),
        cell=_place(record),
        step=record.step,
        planned_steps=record.planned_steps,
        params=distinctive(row.params, siblings) if record.status == "finished" else (),
        steps=[StepFact(step.name, step.status, _place(step)) for step in reversed(row.children)],
        gates=gates,
    )


def _reason_of_error(record: RunRecord) -> str | None:
    error = error_of(record)
    if error is None:
        return None
    where = f" in cell {error['cell_index']}" if error["cell_index"] else ""
    said = f": {error['message']}" if error["message"] else ""
    return f"{error['name']}{where}{said}"


def _place(record: RunRecord) -> tuple[int, int | None] | None:
    cell = record.cell
    if cell is None or cell.get("index") is None:
        return None
    return int(cell["index"]), cell.get("total")


def _cell(cell: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if cell is None else {key: cell.get(key) for key in ("id", "index", "total")}


def _gates(cursor: DuckDBPyConnection, ids: Sequence[str]) -> dict[str, list[GateFact]]:
    if not ids:
        return {}
    rows = cursor.execute(
        "select run_id, expression, state from lab.gates "
        "where run_id in (select unnest($ids::varchar[])) order by run_id, index",
        {"ids": list(ids)},
    ).fetchall()
    found: dict[str, list[GateFact]] = {}
    for run_id, expression, state in rows:
        found.setdefault(run_id, []).append(GateFact(expression, state))
    return found


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
