"""Finding runs and reading what belongs to them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.store import Store
from mlops_lab.tracking import reading
from mlops_lab.tracking.goals import Direction, Goal, goal_metric
from mlops_lab.tracking.needs import read_needs
from mlops_lab.tracking.records import (
    ANY,
    ArtifactRecord,
    CellRecord,
    History,
    MetricSummary,
    Need,
    NoteRecord,
    Page,
    ParamRecord,
    RunRecord,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["ENVIRONMENT_PATH", "RUN_ID", "RunFinder", "SearchRuns"]

ENVIRONMENT_PATH: Final = "mlops/environment.json"
RUN_ID: Final = re.compile(r"[0-9a-f]{32}")

_PREFIX: Final = re.compile(r"[0-9a-f]{4,32}")
_CANDIDATES: Final = 10


class SearchRuns(Protocol):
    """Finds runs, a page at a time; see `mlops_lab.tracking.search.search_runs`."""

    def __call__(
        self,
        where: str | None,
        *,
        order_by: str | None,
        limit: int,
        cursor: str | None,
        offset: int,
        parent: str | None,
        deleted: bool,
        notebook: str | None,
    ) -> Page:
        """Give one page."""


class RunFinder:
    """The runs of one project, to be read. Safe to use from several threads.

    Parameters
    ----------
    store
        Where they are kept.
    goals
        Gives the project's goals as they are now.
    search
        Finds runs by an expression; given, so that logging need not load the language of searches.
    """

    def __init__(
        self, store: Store, goals: Callable[[], Mapping[str, Direction]], search: SearchRuns
    ) -> None:
        self._store = store
        self._goals = goals
        self._search = search

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self._store.root

    def get(self, id_or_prefix: str) -> RunRecord:
        """Give a run by its id or a unique prefix of four or more characters.

        Raises
        ------
        NotFound
            There is none; the message says how to search.
        InvalidInput
            It is no id, or several runs begin so: the message lists them.
        """
        if not isinstance(id_or_prefix, str) or not _PREFIX.fullmatch(id_or_prefix):
            raise InvalidInput(
                f"A run is named by 4 to 32 hex characters of its id; got {id_or_prefix!r}. "
                f"To search by name: lab.runs(\"name = '…'\"), or `mlops-lab run list "
                f"\"name = '…'\"`."
            )
        ids, found = self._matching(id_or_prefix)
        if not found:
            # Folds are rationed: another process may have started it a quarter of a second ago.
            self._store.fold(force=True, wait_s=1.0)
            ids, found = self._matching(id_or_prefix)
        if not found:
            raise NotFound(
                f"There is no run {id_or_prefix!r} in {self._store.root}. lab.runs() lists them."
            )
        if len(found) > 1:
            listed = "\n".join(
                f"  {r.id[:12]}  {r.name}  {r.started_at:%Y-%m-%d %H:%M}" for r in found
            )
            more = "\n  …" if len(ids) > _CANDIDATES else ""
            raise InvalidInput(
                f"Several runs begin with {id_or_prefix!r}; take more characters:\n{listed}{more}",
                candidates=[r.id for r in found],
            )
        return found[0]

    def _matching(self, prefix: str) -> tuple[list[str], list[RunRecord]]:
        with self._store.read() as cursor:
            ids = reading.matching_ids(cursor, prefix, _CANDIDATES + 1)
            return ids, reading.runs(cursor, ids[:_CANDIDATES])

    def find(self, run_id: str) -> RunRecord | None:
        """Give a run by its whole id, or None."""
        return self._find(run_id) if RUN_ID.fullmatch(run_id) else None

    def children(self, run_id: str) -> list[RunRecord]:
        """Give the runs right below a run, oldest first."""
        with self._store.read() as cursor:
            return reading.runs(cursor, reading.children(cursor, run_id))

    def family(self, run_id: str) -> list[str]:
        """Give the ids of a run, of the other steps of its pipeline's run, and of that run; of one
        without such a run those right below it. Nothing of an unknown run.
        """
        with self._store.read() as cursor:
            parent = reading.parent(cursor, run_id)
            if parent is None:
                return []
            others = reading.children(cursor, parent or run_id)
        return [run_id, *(one for one in others if one != run_id), *([parent] if parent else [])]

    def get_many(self, run_ids: Sequence[str]) -> list[RunRecord]:
        """Give the runs of these whole ids in this order; unknown ones are left out."""
        with self._store.read() as cursor:
            return reading.runs(cursor, run_ids)

    def names(self, run_ids: Iterable[str]) -> dict[str, str]:
        """Give the names of the runs of these whole ids; unknown ones are left out."""
        ids = list(run_ids)
        if not ids:
            return {}
        return dict(
            self._store.query(
                "select run_id, name from lab.run where run_id in (select unnest($1::varchar[])) "
                "and started_at is not null",
                [ids],
            )
        )

    def search(
        self,
        where: str | None = None,
        *,
        order_by: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        offset: int = 0,
        parent: str | None = ANY,
        deleted: bool = False,
        notebook: str | None = None,
    ) -> Page:
        """Give the runs for which the expression ``where`` is true, a page at a time."""
        return self._search(
            where,
            order_by=order_by,
            limit=limit,
            cursor=cursor,
            offset=offset,
            parent=parent,
            deleted=deleted,
            notebook=notebook,
        )

    # ------------------------------------------------------------------ what belongs to a run

    def params(self, run_id: str) -> list[ParamRecord]:
        """Give a run's params with their last values."""
        with self._store.read() as cursor:
            return reading.params(cursor, run_id)

    def metrics(self, run_id: str) -> list[MetricSummary]:
        """Give the summaries of a run's metrics."""
        with self._store.read() as cursor:
            return reading.metrics(cursor, run_id, self._goals())

    def history(self, run_id: str, key: str, *, points: int | None = None) -> History:
        """Give the points of a metric; with ``points`` about so many at most, extremes kept."""
        with self._store.read() as cursor:
            return reading.history(cursor, run_id, key, points)

    def sparklines(
        self, run_ids: Sequence[str], key: str | None = None, points: int = 60
    ) -> dict[str, tuple[str, list[float]]]:
        """Give a small curve per run: of ``key``, else of the metric that stands for the run."""
        with self._store.read() as cursor:
            keys = (
                dict.fromkeys(run_ids, key)
                if key is not None
                else {run_id: goal.key for run_id, goal in self._goals_of(cursor, run_ids).items()}
            )
            curves = reading.sparklines(cursor, keys, points)
        return {run_id: (keys[run_id], curve) for run_id, curve in curves.items()}

    def goals_of(self, run_ids: Sequence[str]) -> dict[str, Goal]:
        """Give the metric that stands for each run; a run without metrics is left out."""
        with self._store.read() as cursor:
            return self._goals_of(cursor, run_ids)

    def goal_of(self, run_id: str) -> Goal | None:
        """Give the metric that stands for a run: its first with a goal, else its first."""
        return self.goals_of([run_id]).get(run_id)

    def tags(self, run_id: str) -> dict[str, str]:
        """Give a run's tags."""
        return self.tags_of([run_id])[run_id]

    def tags_of(self, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Give the tags of several runs, by run id."""
        with self._store.read() as cursor:
            return reading.tags(cursor, run_ids)

    def artifacts(self, run_id: str, under: str = "") -> list[ArtifactRecord]:
        """Give a run's artifacts at or below a folder."""
        with self._store.read() as cursor:
            return reading.artifacts(cursor, run_id, under.strip("/"))

    def artifact_file(self, run_id: str, path: str) -> Path:
        """Give the read-only file that holds an artifact's bytes.

        Raises
        ------
        NotFound
            The run has no such artifact; the message names those near it.
        """
        kept = self.artifacts(run_id)
        for artifact in kept:
            if artifact.path == path:
                return self._store.objects.path(artifact.digest)
        names = ", ".join(artifact.path for artifact in kept[:10]) or "none"
        raise NotFound(f"The run has no artifact {path!r}; it has: {names}.")

    def cells(self, run_id: str) -> list[CellRecord]:
        """Give the last state of each cell of a run's notebook."""
        with self._store.read() as cursor:
            return reading.cells(cursor, run_id)

    def notes(self, run_id: str) -> list[NoteRecord]:
        """Give a run's notes, oldest first."""
        with self._store.read() as cursor:
            return reading.notes(cursor, run_id)

    def environment(self, run_id: str) -> dict[str, Any] | None:
        """Give what the run ran in: Python, packages, hardware, git; None when it is not kept."""
        with self._store.read() as cursor:
            digest = reading.environment_digest(cursor, run_id, ENVIRONMENT_PATH)
        if digest is None:
            return None
        with self._store.objects.open(digest) as file:
            value = json.loads(file.read())
        return value if isinstance(value, dict) else None

    def needs(self) -> list[Need]:
        """Give what waits for a person, newest first."""
        with self._store.read() as cursor:
            return read_needs(cursor)

    def _find(self, run_id: str) -> RunRecord | None:
        with self._store.read() as cursor:
            return next(iter(reading.runs(cursor, [run_id])), None)

    def _goals_of(self, cursor: DuckDBPyConnection, run_ids: Sequence[str]) -> dict[str, Goal]:
        goals = self._goals()
        chosen = {
            run_id: goal_metric(keys, goals)
            for run_id, keys in reading.metric_keys(cursor, run_ids).items()
        }
        return {run_id: goal for run_id, goal in chosen.items() if goal is not None}
