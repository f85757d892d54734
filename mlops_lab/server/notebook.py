"""What the sidebar's card and the toolbar's chip say about one notebook."""

from __future__ import annotations

import math
from typing import Any

from mlops_lab.project import Project
from mlops_lab.server.rows import encode_rows
from mlops_lab.tracking import reading
from mlops_lab.tracking.goals import SYSTEM_PREFIX, Goal
from mlops_lab.tracking.records import MetricSummary
from mlops_lab.tracking.rows import RowFacts, best_of_notebook, notebook_runs, read_rows

__all__ = ["notebook_card"]

MAX_METRICS = 2


def notebook_card(project: Project, path: str) -> dict[str, Any]:
    """Give the notebook's open run, its last one, its best one, and how they compare.

    Parameters
    ----------
    path
        The notebook, relative to the project.
    """
    goals = project.settings.goals
    with project.store.read() as cursor:
        found = notebook_runs(cursor, path)
        ids = [run_id for run_id in (found.active, found.last) if run_id]
        rows = {
            row.record.id: row
            for row in read_rows(cursor, reading.runs(cursor, ids), goals, sparkline="auto")
        }
        shown = rows.get(ids[0]) if ids else None
        best_id = None
        if shown is not None and shown.goal is not None:
            best_id = best_of_notebook(cursor, path, shown.goal, apart_from=found.active)
        if best_id is not None and best_id not in rows:
            best_rows = read_rows(cursor, reading.runs(cursor, [best_id]), goals, sparkline="auto")
            rows |= {row.record.id: row for row in best_rows}
        encoded = {row["id"]: row for row in encode_rows(cursor, list(rows.values()))}
        metrics = []
        if shown is not None:
            best = rows.get(best_id) if best_id and best_id != shown.record.id else None
            for metric in _shown_metrics(shown, list(goals)):
                curves = reading.sparklines(cursor, {shown.record.id: metric.key}, 60)
                metrics.append(
                    {
                        "key": metric.key,
                        "value": metric.last,
                        "direction": metric.goal,
                        "difference": _difference(metric, best),
                        "sparkline": curves.get(shown.record.id, []),
                    }
                )
    return {
        "path": path,
        "active": encoded.get(found.active),
        "last": encoded.get(found.last),
        "best": encoded.get(best_id),
        "runs": found.runs,
        "metrics": metrics,
    }


def _shown_metrics(row: RowFacts, declared: list[str]) -> list[MetricSummary]:
    """The goal metric first, then the declared ones, then the others as they were logged."""
    metrics = [metric for metric in row.metrics if not metric.key.startswith(SYSTEM_PREFIX)]
    goal: Goal | None = row.goal

    def rank(metric: MetricSummary) -> tuple[bool, int]:
        is_goal = goal is not None and metric.key == goal.key
        at = declared.index(metric.key) if metric.key in declared else len(declared)
        return not is_goal, at

    return sorted(metrics, key=rank)[:MAX_METRICS]


def _difference(metric: MetricSummary, best: RowFacts | None) -> float | None:
    """How far the metric stands from where the best run ended; None when it cannot be said."""
    other = best.metric(metric.key) if best else None
    if other is None or not (math.isfinite(metric.last) and math.isfinite(other.last)):
        return None
    return metric.last - other.last
