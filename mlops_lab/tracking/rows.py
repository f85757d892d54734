"""What the rows of a list need beside the runs themselves, read for all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_lab.tracking import reading
from mlops_lab.tracking.goals import Direction, Goal, goal_metric
from mlops_lab.tracking.records import MetricSummary, RunRecord

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = [
    "Counts",
    "NotebookRuns",
    "RowFacts",
    "best_of_notebook",
    "count_runs",
    "list_goal",
    "notebook_runs",
    "read_rows",
]

# A pipeline run logs nothing itself: what its steps logged stands for it, the latest step first.
# What a step came to with another model, the champion, is not what the pipeline's own came to.
_STEPS: Final = """
select parent, list(run_id order by started_at desc),
    list(run_id order by started_at desc) filter (not exists (
        from lab.tag t where t.run = r.run and t.key = 'mlops.champion'))
from lab.run r
where parent in (select unnest($ids::varchar[])) and kind = 'step' and lifecycle = 'active'
  and started_at is not null
group by parent
"""

_COUNTS: Final = """
select count(*), count(*) filter (status = 'running'), count(*) filter (parent is null),
       count(*) filter (parent is null and status = 'running')
from lab.run where started_at is not null and lifecycle = 'active'
"""

# A step of a pipeline is a run of its notebook; a child that the notebook itself started is not.
_OF_NOTEBOOK: Final = """
from lab.run r where r.source->>'notebook' = $path and r.started_at is not null
and r.lifecycle = 'active' and (r.parent is null or r.kind = 'step')
"""


@dataclass(frozen=True, slots=True)
class RowFacts:
    """A run with what its row shows.

    Attributes
    ----------
    metrics
        Its summaries in the order in which they were first logged; of a pipeline run without any,
        those of its steps, the latest step's first.
    params
        Name to last value as text, in the order in which they were first logged.
    goal
        The metric that stands for it.
    curve
        That metric's course, or the asked one's, in at most 60 finite values; empty when not read.
    children
        The running steps of a running pipeline.
    """

    record: RunRecord
    metrics: tuple[MetricSummary, ...]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    goal: Goal | None
    curve: tuple[str, list[float]] | None
    children: tuple[RunRecord, ...] = ()

    def metric(self, key: str) -> MetricSummary | None:
        """The summary of a metric, or None."""
        return next((metric for metric in self.metrics if metric.key == key), None)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many active runs there are, and how many of them run now; ``top`` without child runs."""

    all: int
    running: int
    top: int
    top_running: int


@dataclass(frozen=True, slots=True)
class NotebookRuns:
    """The runs of one notebook that matter: the newest that is open, the newest that has ended."""

    runs: int
    active: str | None
    last: str | None


def count_runs(cursor: DuckDBPyConnection) -> Counts:
    """Count the runs of the project."""
    row = cursor.execute(_COUNTS).fetchone()
    return Counts(*row) if row else Counts(0, 0, 0, 0)


def read_rows(
    cursor: DuckDBPyConnection,
    records: Sequence[RunRecord],
    goals: Mapping[str, Direction],
    *,
    sparkline: str | None = None,
    points: int = 60,
) -> list[RowFacts]:
    """Read what the rows of these runs show, in a handful of queries however many they are.

    Parameters
    ----------
    goals
        What the project declares.
    sparkline
        None for no curves, ``auto`` for each run's goal metric, else a metric's key.
    points
        Values per curve at most.
    """
    if not records:
        return []
    ids = [record.id for record in records]
    steps, stand_ins = _steps(cursor, [one.id for one in records if one.kind == "pipeline"])
    standing_in = [step for of_run in stand_ins.values() for step in of_run]
    summaries = reading.metrics_of(cursor, [*ids, *standing_in], goals)
    params = reading.params_of(cursor, ids)
    tags = reading.tags(cursor, ids)
    metrics = {
        run_id: summaries.get(run_id)
        or [metric for step in stand_ins.get(run_id, ()) for metric in summaries.get(step, ())]
        for run_id in ids
    }
    chosen = {
        run_id: goal_metric((metric.key for metric in of_run), goals)
        for run_id, of_run in metrics.items()
    }
    curves: dict[str, tuple[str, list[float]]] = {}
    if sparkline is not None:
        keys = {
            run_id: sparkline if sparkline != "auto" else goal.key
            for run_id, goal in chosen.items()
            if goal is not None
        }
        found = reading.sparklines(cursor, keys, points)
        curves = {run_id: (keys[run_id], values) for run_id, values in found.items()}
    running = {record.id for record in records if record.status == "running"}
    children = reading.runs(cursor, [step for run_id in running for step in steps.get(run_id, ())])
    return [
        RowFacts(
            record=record,
            metrics=tuple(metrics[record.id]),
            params=params.get(record.id, {}),
            tags=tags[record.id],
            goal=chosen[record.id],
            curve=curves.get(record.id),
            children=tuple(child for child in children if child.parent == record.id),
        )
        for record in records
    ]


def list_goal(rows: Iterable[RowFacts], goals: Mapping[str, Direction]) -> Goal | None:
    """Choose the one metric that a list names in its title.

    The first declared goal that any row has; else the one that stands for most rows.
    """
    rows = list(rows)
    present = {metric.key for row in rows for metric in row.metrics}
    declared = next((key for key in goals if key in present), None)
    if declared is not None:
        return Goal(declared, goals[declared], guessed=False)
    votes: dict[Goal, int] = {}
    for row in rows:
        if row.goal is not None:
            votes[row.goal] = votes.get(row.goal, 0) + 1
    return max(votes, key=lambda goal: votes[goal], default=None)


def notebook_runs(cursor: DuckDBPyConnection, path: str) -> NotebookRuns:
    """Find the runs of a notebook, by its path relative to the project."""
    row = cursor.execute(
        f"""select count(*),
            arg_max(r.run_id, (r.started_at, r.run_id))
                filter (r.status in ('running', 'scheduled')),
            arg_max(r.run_id, (r.started_at, r.run_id))
                filter (r.status not in ('running', 'scheduled')) {_OF_NOTEBOOK}""",
        {"path": path},
    ).fetchone()
    return NotebookRuns(*row) if row else NotebookRuns(0, None, None)


def best_of_notebook(
    cursor: DuckDBPyConnection, path: str, goal: Goal, *, apart_from: str | None
) -> str | None:
    """Find the finished run of a notebook with the best value of a metric."""
    value = "m.lowest.value" if goal.direction == "min" else "-m.highest.value"
    row = cursor.execute(
        f"""select m2.run_id from (
            select r.run_id, {value} as value, r.started_at
            from lab.metric_summary m join (select r.* {_OF_NOTEBOOK}) r using (run)
            where m.key = $key and r.status = 'finished' and r.run_id is distinct from $apart) m2
        where m2.value is not null order by m2.value, m2.started_at desc limit 1""",  # noqa: S608
        {"path": path, "key": goal.key, "apart": apart_from},
    ).fetchone()
    return row[0] if row else None


def _steps(
    cursor: DuckDBPyConnection, ids: Sequence[str]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The steps of pipelines' runs, the latest first; and those whose metrics stand for the run."""
    found = cursor.execute(_STEPS, {"ids": list(ids)}).fetchall() if ids else []
    return {run: steps for run, steps, _ in found}, {run: own or [] for run, _, own in found}
