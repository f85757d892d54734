"""The table of runs that a search finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.expressions import nearest
from mlops_lab.handles.card import age, duration
from mlops_lab.handles.html import GLYPHS
from mlops_lab.handles.run import Run
from mlops_lab.handles.table import ArrowRows, Grid, Mark, Rows, Slice, Table
from mlops_lab.project import Project
from mlops_lab.tracking import reading
from mlops_lab.tracking.frame import runs_frame
from mlops_lab.tracking.goals import SYSTEM_PREFIX, goal_of_metric
from mlops_lab.tracking.rows import RowFacts, read_rows
from mlops_lab.tracking.search import ANY, Search, find_ids

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Runs", "runs", "runs_of"]

_METRICS: Final = 4
_PARAMS: Final = 5
_COMPARED: Final = 20
_EQUAL: Final = 8


class Runs(Table[Run]):
    """The runs of a search, newest first unless it says otherwise.

    It gives `Run` handles; `df` has a row for each run with its params, last metrics and tags.
    """

    _source: _RunRows

    def best(self, metric: str) -> Run:
        """Give the run with the best value of a metric, by the metric's goal.

        Parameters
        ----------
        metric
            Its name as it was logged.

        Raises
        ------
        NotFound
            None of the runs has a finite value of it; the message names the nearest metric.

        Examples
        --------
        >>> import mlops_lab as lab
        >>> lab.runs("experiment = 'flight-delay'").best("auc")  # doctest: +SKIP
        """
        if not isinstance(metric, str) or not metric.strip():
            raise InvalidInput(f"best takes the name of a metric; got {metric!r}.")
        run_id = self._source.best(metric)
        if run_id is None:
            near = nearest(metric, self._source.metric_names())
            also = f" Did you mean {near!r}?" if near else ""
            raise NotFound(f"None of these {len(self):,} runs has a metric {metric!r}.{also}")
        return Run(self._source.project, run_id)

    def compare(self, limit: int = _COMPARED) -> Table[dict[str, Any]]:
        """Put runs beside one another: the params and tags that differ, and all metrics.

        Parameters
        ----------
        limit
            How many of the runs, from the first.
        """
        chosen = self[:limit]
        frame = chosen.arrow()
        kept = ["name"]
        equal: list[str] = []
        for name in frame.column_names:
            if name.startswith("metrics."):
                kept.append(name)
            elif name.startswith(("params.", "tags.")):
                values = set(frame[name].to_pylist())
                if len(values) > 1:
                    kept.append(name)
                else:
                    equal.append(f"{name} = {values.pop()}")
        more = f" and {len(equal) - _EQUAL} more" if len(equal) > _EQUAL else ""
        remarks = [f"equal in all: {', '.join(equal[:_EQUAL])}{more}"] if equal else []
        if len(chosen) < len(self):
            remarks.append(f"the first {len(chosen):,} of {len(self):,} runs")
        rows = ArrowRows(frame.select(kept), noun="runs", remark=" · ".join(remarks))
        return Table(rows)


def runs(
    where: str | None = None,
    order_by: str | None = None,
    *,
    parent: Run | str | None = ANY,
    deleted: bool = False,
) -> Runs:
    """Find runs of this project.

    Parameters
    ----------
    where
        A condition, such as ``best(auc) > 0.7 and params.model = 'gbm'``; None for every run.
        Names are name, experiment, status, outcome, kind, parent, started, ended, duration,
        author, id, notebook; ``params.x``, ``tags.x``, ``metrics.x`` (its last value) and
        ``best(x)``, ``last(x)``, ``min(x)``, ``max(x)``, ``mean(x)`` of a metric.
    order_by
        Such as ``best(auc) desc, started``; by default the newest first. Missing values are last.
    parent
        A run, its id or a prefix of it for its children, None for runs that have no parent; by
        default all.
    deleted
        Give the deleted runs instead of the others.

    Raises
    ------
    InvalidInput
        An expression is wrong; the message points at the character.

    Examples
    --------
    >>> import mlops_lab as lab
    >>> lab.runs("started > now - 7d", order_by="best(auc) desc").df()  # doctest: +SKIP
    """
    project = Project.locate(create=False)
    if isinstance(parent, Run):
        parent = parent.id
    elif parent not in (ANY, None):
        parent = project.runs.get(parent).id
    return Runs(_FoundRuns(project, Search(where, order_by, parent, deleted)))


def runs_of(found: Sequence[Run]) -> Runs:
    """Make a table of runs that somebody has at hand; all of one project.

    Raises
    ------
    InvalidInput
        They are of different projects.
    """
    projects = {run._project.key: run._project for run in found}
    if len(projects) > 1:
        raise InvalidInput(
            "These runs are of different projects: they share no goals to compare by."
        )
    return Runs(_ChosenRuns(next(iter(projects.values())), found))


# -- where the rows come from -------------------------------------------------------------------
class _RunRows(Rows[Run], Protocol):
    """Rows that are runs."""

    project: Project

    def best(self, metric: str) -> str | None:
        """Give the id of the run with the best value of a metric."""

    def metric_names(self) -> list[str]:
        """Give the metrics that some of the runs have."""


class _FoundRuns:
    """The runs of a search, a page at a time."""

    noun = "runs"

    def __init__(self, project: Project, search: Search) -> None:
        self.project = project
        self._search = search

    def page(self, limit: int, cursor: str | None) -> Slice[Run]:
        signature = self.project.store.signature()
        page = self.project.runs.search(
            self._search.where,
            order_by=self._search.order_by,
            limit=limit,
            cursor=cursor,
            parent=self._search.parent,
            deleted=self._search.deleted,
        )
        # A loop over names and dates of many runs then reads the store once, not once per run.
        found = [
            Run(self.project, record.id, seen=None if record.is_open else (signature, record))
            for record in page.items
        ]
        return Slice(found, page.next_cursor, page.total, page.hint)

    def pick(self, rows: Sequence[Run], indices: Sequence[int]) -> _ChosenRuns:
        return _ChosenRuns(self.project, rows)

    def arrow(self) -> pa.Table:
        with self.project.store.read() as cursor:
            return runs_frame(cursor, find_ids(cursor, self.project.settings.goals, self._search))

    def grid(self, rows: Sequence[Run]) -> Grid:
        return _grid(self.project, [run.id for run in rows])

    def best(self, metric: str) -> str | None:
        goal = goal_of_metric(metric, self.project.settings.goals)
        value = f"best(`{metric.replace('`', '``')}`)"
        search = Search(
            self._search.where,
            f"{value} {'asc' if goal.direction == 'min' else 'desc'}",
            self._search.parent,
            self._search.deleted,
        )
        page = _FoundRuns(self.project, search).page(1, None)
        return _best_of(self.project, [run.id for run in page.rows], metric)

    def metric_names(self) -> list[str]:
        rows = self.project.store.query(
            "select key from lab.metric_summary group by key order by count(*) desc"
        )
        return [row[0] for row in rows]


class _ChosenRuns:
    """Some of the runs of a search."""

    noun = "runs"

    def __init__(self, project: Project, found: Sequence[Run]) -> None:
        self.project = project
        self._runs = list(found)
        self._ids = [run.id for run in found]

    def page(self, limit: int, cursor: str | None) -> Slice[Run]:
        start = int(cursor) if cursor else 0
        end = start + limit
        total = len(self._runs)
        return Slice(self._runs[start:end], str(end) if end < total else None, total)

    def pick(self, rows: Sequence[Run], indices: Sequence[int]) -> _ChosenRuns:
        return _ChosenRuns(self.project, rows)

    def arrow(self) -> pa.Table:
        with self.project.store.read() as cursor:
            return runs_frame(cursor, self._ids)

    def grid(self, rows: Sequence[Run]) -> Grid:
        return _grid(self.project, [run.id for run in rows])

    def best(self, metric: str) -> str | None:
        return _best_of(self.project, self._ids, metric)

    def metric_names(self) -> list[str]:
        with self.project.store.read() as cursor:
            found = reading.metric_keys(cursor, self._ids)
        return sorted({key for keys in found.values() for key in keys})


def _best_of(project: Project, ids: Sequence[str], metric: str) -> str | None:
    goals = project.settings.goals
    with project.store.read() as cursor:
        metrics = reading.metrics_of(cursor, ids, goals)
    values = {
        run_id: summary.best
        for run_id in ids
        for summary in metrics.get(run_id, ())
        if summary.key == metric and summary.best is not None
    }
    if not values:
        return None
    choose = min if goal_of_metric(metric, goals).direction == "min" else max
    return choose(values, key=lambda run_id: values[run_id])


# -- how they look ------------------------------------------------------------------------------
def _grid(project: Project, ids: Sequence[str]) -> Grid:
    goals = project.settings.goals
    with project.store.read() as cursor:
        rows = read_rows(cursor, reading.runs(cursor, ids), goals)
    metrics = _shown_metrics(rows, goals)
    params = _shown_params(rows)
    experiments = {row.record.experiment for row in rows}
    titles = ["name", "id", "started", "duration"]
    if len(experiments) > 1:
        titles.insert(2, "experiment")
    cells = []
    for row in rows:
        run = row.record
        glyph, colour = GLYPHS[run.outcome or run.status]
        cell: list[object] = [Mark(glyph, colour, run.name), run.id[:8]]
        if len(experiments) > 1:
            cell.append(run.experiment)
        cell += [age(run.started_at), duration(run.duration_s)]
        found = {metric.key: metric.best for metric in row.metrics}
        cell += [found.get(key) for key in metrics]
        cell += [row.params.get(key) for key in params]
        cells.append(tuple(cell))
    titles += [f"best({key})" for key in metrics]
    titles += [f"params.{key}" for key in params]
    return Grid(tuple(titles), tuple(cells))


def _shown_metrics(rows: Sequence[RowFacts], goals: Mapping[str, Any]) -> list[str]:
    """Choose the metrics with a column: those with a declared goal first, then the most common."""
    counts: dict[str, int] = {}
    for row in rows:
        for metric in row.metrics:
            if not metric.key.startswith(SYSTEM_PREFIX):
                counts[metric.key] = counts.get(metric.key, 0) + 1
    return sorted(counts, key=lambda key: (key not in goals, -counts[key]))[:_METRICS]


def _shown_params(rows: Sequence[RowFacts]) -> list[str]:
    """Choose the params with a column: those that differ from run to run first."""
    values: dict[str, set[str | None]] = {}
    for row in rows:
        for key in row.params:
            values.setdefault(key, set())
    for key, seen in values.items():
        seen.update(row.params.get(key) for row in rows)
    return sorted(values, key=lambda key: len(values[key]) == 1)[:_PARAMS]
