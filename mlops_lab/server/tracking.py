"""Routes of runs and experiments: lists, one run, what it logged, and what people do to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from jupyter_server.auth.decorator import authorized
from pydantic import Field, model_validator
from tornado.web import authenticated

from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.governance import Identity
from mlops_lab.monitoring import pages
from mlops_lab.project import Project
from mlops_lab.server.details import run_detail
from mlops_lab.server.encode import time_text
from mlops_lab.server.handler import Body, LabHandler, Query, needs
from mlops_lab.server.notebook import notebook_card
from mlops_lab.server.paths import relative
from mlops_lab.server.rows import encode_rows, rows_of
from mlops_lab.tracking import reading
from mlops_lab.tracking.goals import SYSTEM_PREFIX, goal_of_metric
from mlops_lab.tracking.records import ANY, History
from mlops_lab.tracking.rows import count_runs, list_goal, read_rows

__all__ = ["ROUTES"]

_MAX_SERIES = 200

_OWN_TAGS = "mlops."
"""How the names of tags begin that the program sets itself, such as a run's name and star."""


class _RunsQuery(Query):
    where: str | None = None
    order_by: str | None = None
    limit: int = Field(default=50, ge=1, le=500)
    cursor: str | None = None
    offset: int = Field(default=0, ge=0)
    parent: str = "none"
    sparkline: str | None = None
    notebook: str | None = None
    deleted: bool = False


class _PointsQuery(Query):
    points: int = Field(default=300, ge=2, le=10_000)


class _PathQuery(Query):
    path: str = Field(min_length=1)


class _RunPatch(Body):
    name: str | None = Field(default=None, min_length=1)
    starred: bool | None = None
    tags: dict[Annotated[str, Field(min_length=1)], str | None] | None = None
    note: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _says_something(self) -> _RunPatch:
        if not self.model_fields_set:
            raise ValueError("nothing to change: name, starred, tags or note")
        own = [key for key in self.tags or () if key.startswith(_OWN_TAGS)]
        if own:
            raise ValueError(f"{own[0]!r} is the program's own; name and starred set them")
        return self


class _Ids(Body):
    ids: Annotated[list[str], Field(min_length=1, max_length=10_000)]


class Experiments(LabHandler):
    """``/projects/{key}/experiments``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """List the experiments."""
        await self.answer(key, _experiments)


class Runs(LabHandler):
    """``/projects/{key}/runs``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """Search, a page at a time, with all that the rows show."""
        query = self.query(_RunsQuery)
        await self.answer(key, lambda project: _runs(project, query))


class RunsDelete(LabHandler):
    """``/projects/{key}/runs/delete``."""

    permissions = needs(post="runs:write")

    @authenticated
    @authorized
    async def post(self, key: str) -> None:
        """Delete runs and all below them."""
        ids, who = self.body(_Ids).ids, self.identity
        await self.answer(
            key, lambda project: {"deleted": project.runs.delete(_whole(project, ids), by=who)}
        )


class RunsRestore(LabHandler):
    """``/projects/{key}/runs/restore``."""

    permissions = needs(post="runs:write")

    @authenticated
    @authorized
    async def post(self, key: str) -> None:
        """Bring deleted runs back."""
        ids, who = self.body(_Ids).ids, self.identity
        await self.answer(
            key, lambda project: {"restored": project.runs.restore(_whole(project, ids), by=who)}
        )


class Run(LabHandler):
    """``/projects/{key}/runs/{run_id}``."""

    permissions = needs(get="runs:read", patch="runs:write")

    @authenticated
    @authorized
    async def get(self, key: str, run_id: str) -> None:
        """Say all about one run."""
        await self.answer(key, lambda project: run_detail(project, run_id))

    @authenticated
    @authorized
    async def patch(self, key: str, run_id: str) -> None:
        """Rename, star, tag or annotate it."""
        patch, who = self.body(_RunPatch), self.identity
        await self.answer(key, lambda project: _update(project, run_id, patch, who))


class RunSeen(LabHandler):
    """``/projects/{key}/runs/{run_id}/seen``."""

    permissions = needs(post="runs:write")

    @authenticated
    @authorized
    async def post(self, key: str, run_id: str) -> None:
        """Take a run out of what waits for a person."""
        known = await self.known(key)
        runs = known.project.runs
        await self.services.in_thread(lambda: runs.dismiss(runs.get(run_id).id))
        self.set_status(204)


class Needs(LabHandler):
    """``/projects/{key}/needs``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """List what waits for a person."""
        await self.answer(key, _needs)


class Notebook(LabHandler):
    """``/projects/{key}/notebook``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """Say what a notebook's own runs say."""
        path = relative(self.query(_PathQuery).path).as_posix()
        await self.answer(key, lambda project: notebook_card(project, path))


class Histories(LabHandler):
    """``/projects/{key}/runs/{run_id}/metrics``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str, run_id: str) -> None:
        """Give the histories of a run's metrics, or of those that are named."""
        points = self.query(_PointsQuery).points
        wanted = self.get_query_arguments("key", strip=False)
        await self.answer(key, lambda project: _histories(project, run_id, wanted, points))


class OneHistory(LabHandler):
    """``/projects/{key}/runs/{run_id}/metrics/{metric}``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str, run_id: str, metric: str) -> None:
        """Give one history."""
        points = self.query(_PointsQuery).points
        await self.answer(
            key, lambda project: _histories(project, run_id, [metric], points)["series"][0]
        )


def _experiments(project: Project) -> dict[str, Any]:
    found = project.experiments.search()
    return {
        "experiments": [
            {
                "id": one.id,
                "name": one.name,
                "runs": one.runs,
                "last_updated_at": time_text(one.last_updated_at),
            }
            for one in found
        ]
    }


def _runs(project: Project, query: _RunsQuery) -> dict[str, Any]:
    parent = None if query.parent == "none" else query.parent
    if parent is not None and parent != ANY:
        parent = _whole(project, [parent])[0]
    page = project.runs.search(
        query.where,
        order_by=query.order_by,
        limit=query.limit,
        cursor=query.cursor,
        offset=query.offset,
        parent=parent,
        deleted=query.deleted,
        notebook=query.notebook,
    )
    goals = project.settings.goals
    # What the search folded is fresh enough for its rows.
    with project.store.read(fresh=False) as cursor:
        counts = count_runs(cursor)
        facts = read_rows(cursor, page.items, goals, sparkline=query.sparkline)
        goal = list_goal(facts, goals)
        rows = encode_rows(cursor, facts, prefer=goal)
    return {
        "runs": rows,
        "next_cursor": page.next_cursor,
        "total": page.total,
        "all": counts.top if query.parent == "none" else counts.all,
        "age_s": round(project.store.age_s, 3),
        "hint": page.hint,
        "goal": goal and {"key": goal.key, "direction": goal.direction, "guessed": goal.guessed},
    }


def _update(project: Project, run_id: str, patch: _RunPatch, who: Identity) -> dict[str, Any]:
    # First what can fail: nothing is written by a request that is refused.
    runs, goals = project.runs, project.settings.goals
    run_id = runs.get(run_id).id
    if patch.name is not None:
        runs.rename(run_id, patch.name)
    if patch.starred is not None:
        runs.star(run_id, patch.starred)
    if patch.tags:
        runs.tag(run_id, patch.tags)
    if patch.note is not None:
        runs.note(run_id, patch.note, by=who)
    with project.store.read() as cursor:
        records = reading.runs(cursor, [run_id])
        return rows_of(cursor, records, goals, sparkline="auto")[0]


def _needs(project: Project) -> dict[str, Any]:
    asked = project.models.queue()
    # A run that waits for an approval is asked about once: by what is to be approved.
    runs = {request.run_id for request in asked}
    waiting = [
        {
            "kind": one.kind,
            "run_id": one.run_id,
            "title": one.title,
            "detail": one.detail,
            "at": time_text(one.at),
        }
        for one in project.runs.needs()
        if not (one.kind == "waiting" and one.run_id in runs)
    ]
    approvals = [
        {
            "kind": "approval",
            "run_id": request.run_id,
            "model": request.model,
            "version": request.version,
            "alias": request.alias,
            "title": f"{request.model} {request.version} to {request.alias}",
            "detail": f"asked by {request.requested_by}",
            "at": time_text(request.requested_at),
        }
        for request in asked
    ]
    opened = project.monitors.waiting()
    monitors = {one.name for one in project.monitors.files()} if opened else set()
    alerts = [pages.need(one, monitors) for one in opened]
    items = [*approvals, *waiting, *alerts]
    return {"items": sorted(items, key=lambda one: str(one["at"]), reverse=True)}


def _histories(
    project: Project, run_id: str, wanted: Sequence[str], points: int
) -> dict[str, list[dict[str, Any]]]:
    record = project.runs.get(run_id)
    goals = project.settings.goals
    with project.store.read(fresh=False) as cursor:
        logged = reading.metric_keys(cursor, [record.id]).get(record.id, [])
        for key in wanted:
            if key not in logged:
                names = ", ".join(logged[:10]) or "none"
                raise NotFound(f"{record.name} has not logged {key!r}; it has: {names}.")
        keys = list(wanted) or [key for key in logged if not key.startswith(SYSTEM_PREFIX)]
        if len(keys) > _MAX_SERIES and wanted:
            raise InvalidInput(f"At most {_MAX_SERIES} metrics at once; {len(keys)} were named.")
        histories = [reading.history(cursor, record.id, key, points) for key in keys[:_MAX_SERIES]]
    return {
        "series": [
            {**_series(history), "direction": goal_of_metric(history.key, goals).direction}
            for history in histories
        ]
    }


def _series(history: History) -> dict[str, Any]:
    return {
        "key": history.key,
        "steps": history.steps,
        "times_ms": [time // 1000 for time in history.times_us],
        "values": history.values,
        "n": history.n,
        "downsampled": history.downsampled,
    }


def _whole(project: Project, ids: Sequence[str]) -> list[str]:
    """Whole ids as they are; prefixes are looked up."""
    return [one if len(one) == 32 else project.runs.get(one).id for one in ids]


ROUTES = [
    (r"/experiments", Experiments),
    (r"/needs", Needs),
    (r"/notebook", Notebook),
    (r"/runs", Runs),
    (r"/runs/delete", RunsDelete),
    (r"/runs/restore", RunsRestore),
    (r"/runs/([^/]+)", Run),
    (r"/runs/([^/]+)/seen", RunSeen),
    (r"/runs/([^/]+)/metrics", Histories),
    (r"/runs/([^/]+)/metrics/(.+)", OneHistory),
]
