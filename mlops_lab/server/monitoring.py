"""Routes of monitoring: monitors and what they saw, alerts and what people decide about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from jupyter_server.auth.decorator import authorized
from pydantic import Field
from tornado.web import authenticated

from mlops_lab.monitoring import pages
from mlops_lab.monitoring.alerts import AlertRecord
from mlops_lab.monitoring.exposing import MEDIA_TYPE, metrics_text
from mlops_lab.orchestration.monitoring import start_check
from mlops_lab.project import Project
from mlops_lab.server.handler import Body, LabHandler, Query, needs
from mlops_lab.server.text import Comment, Name

__all__ = ["ROUTES"]

_CHECKS = 100
_DELIVERIES = 20

RunId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class _EvaluationQuery(Query):
    run: str | None = None


class _AlertsQuery(Query):
    status: Literal["all", "open", "acknowledged", "muted", "resolved"] = "open"
    monitor: Name | None = None
    limit: int = Field(default=200, ge=1, le=1_000)


class _CheckBody(Body):
    run_id: RunId | None = None


class _WindowBody(Body):
    from_: Annotated[str, Field(min_length=1, max_length=100, alias="from")]
    until: Annotated[str, Field(min_length=1, max_length=100)]
    segment: Annotated[str, Field(max_length=1_000)] | None = None
    column: Annotated[str, Field(min_length=1, max_length=1_000)] | None = None


class _CommentBody(Body):
    comment: Comment = ""


class _MuteBody(_CommentBody):
    until: Annotated[str, Field(min_length=1, max_length=40)]


class Monitors(LabHandler):
    """``/projects/{key}/monitors``."""

    permissions = needs(get="monitors:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """List the monitors, with what is wrong in their files."""
        await self.answer(key, lambda project: pages.monitors_page(project.monitors.list()))


class Monitor(LabHandler):
    """``/projects/{key}/monitors/{name}``."""

    permissions = needs(get="monitors:read")

    @authenticated
    @authorized
    async def get(self, key: str, name: str) -> None:
        """Give one monitor with its file and its checks."""

        def call(project: Project) -> dict[str, Any]:
            monitors = project.monitors
            record = monitors.get(name)
            return pages.monitor_page(
                record,
                monitors.text(name),
                monitors.evaluations(record.name, limit=_CHECKS),
                monitors.deliveries(record.name, limit=_DELIVERIES),
            )

        await self.answer(key, call)


class MonitorEvaluation(LabHandler):
    """``/projects/{key}/monitors/{name}/evaluation``."""

    permissions = needs(get="monitors:read")

    @authenticated
    @authorized
    async def get(self, key: str, name: str) -> None:
        """Give what a check saw; by default the last one."""
        run = self.query(_EvaluationQuery).run
        await self.answer(key, lambda project: project.monitors.evaluation(name, run).to_json())


class MonitorCheck(LabHandler):
    """``/projects/{key}/monitors/{name}/check``."""

    permissions = needs(post="monitors:check")

    @authenticated
    @authorized
    async def post(self, key: str, name: str) -> None:
        """Check a monitor as detached work."""
        body, who = self.body(_CheckBody), self.identity

        def call(project: Project) -> dict[str, Any]:
            run_id = start_check(
                project.monitors,
                project.store,
                project.runs,
                project.access,
                name,
                run_id=body.run_id,
                by=who,
            )
            return {"run_id": run_id}

        await self.answer(key, call, status=202)


class MonitorWindow(LabHandler):
    """``/projects/{key}/monitors/{name}/window``."""

    permissions = needs(post="monitors:read")

    @authenticated
    @authorized
    async def post(self, key: str, name: str) -> None:
        """Look at a range of chunks as if it were one, with certified values."""
        body = self.body(_WindowBody)
        await self.answer(
            key,
            lambda project: pages.window_page(
                project.monitors.window(
                    name, body.from_, body.until, segment=body.segment, column=body.column
                )
            ),
        )


class Alerts(LabHandler):
    """``/projects/{key}/alerts``."""

    permissions = needs(get="monitors:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """List alerts, the most pressing first."""
        query = self.query(_AlertsQuery)

        def call(project: Project) -> dict[str, Any]:
            found = project.monitors.alerts(
                status=query.status, monitor=query.monitor, limit=query.limit
            )
            return pages.alerts_page(found, len(project.monitors.waiting()))

        await self.answer(key, call)


class Alert(LabHandler):
    """``/projects/{key}/alerts/{id}``."""

    permissions = needs(get="monitors:read")

    @authenticated
    @authorized
    async def get(self, key: str, id: str) -> None:
        """Say all about one alert: why, what was like it, what was decided."""
        await self.answer(key, lambda project: pages.alert_page(project.monitors.detail(id)))


class _Settle(LabHandler):
    """What a person decides about an alert."""

    permissions = needs(post="alerts:edit")

    async def settle(self, key: str, decide: Callable[[Project], AlertRecord]) -> None:
        """Decide, and answer with the alert as it is then."""
        await self.answer(key, lambda project: pages.alert_row(decide(project)))


class Acknowledge(_Settle):
    """``/projects/{key}/alerts/{id}/acknowledge``."""

    @authenticated
    @authorized
    async def post(self, key: str, id: str) -> None:
        """Say that somebody looks after it."""
        body, who = self.body(_CommentBody), self.identity
        await self.settle(key, lambda p: p.monitors.acknowledge(id, body.comment, by=who))


class Mute(_Settle):
    """``/projects/{key}/alerts/{id}/mute``."""

    @authenticated
    @authorized
    async def post(self, key: str, id: str) -> None:
        """Have it say nothing for a while."""
        body, who = self.body(_MuteBody), self.identity
        await self.settle(key, lambda p: p.monitors.mute(id, body.until, body.comment, by=who))


class Resolve(_Settle):
    """``/projects/{key}/alerts/{id}/resolve``."""

    @authenticated
    @authorized
    async def post(self, key: str, id: str) -> None:
        """Say that it is over."""
        body, who = self.body(_CommentBody), self.identity
        await self.settle(key, lambda p: p.monitors.resolve(id, body.comment, by=who))


class Reopen(_Settle):
    """``/projects/{key}/alerts/{id}/reopen``."""

    @authenticated
    @authorized
    async def post(self, key: str, id: str) -> None:
        """Take back that it was resolved, acknowledged or muted."""
        body, who = self.body(_CommentBody), self.identity
        await self.settle(key, lambda p: p.monitors.reopen(id, body.comment, by=who))


class Metrics(LabHandler):
    """``/projects/{key}/metrics``: for Prometheus, which asks with a token of the server's."""

    permissions = needs(get="monitors:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """Give how the monitors stand, as Prometheus reads it."""
        known = await self.known(key)
        project = known.project

        def call() -> str:
            monitors = project.monitors
            return metrics_text(project.name, monitors.list(), monitors.alerts(status="open"))

        text = await self.services.in_thread(call)
        await self.finish(text, set_content_type=MEDIA_TYPE)


_NAME = r"/monitors/([^/]+)"
_ID = r"/alerts/([^/]+)"

ROUTES = [
    (r"/monitors", Monitors),
    (_NAME, Monitor),
    (_NAME + "/evaluation", MonitorEvaluation),
    (_NAME + "/check", MonitorCheck),
    (_NAME + "/window", MonitorWindow),
    (r"/alerts", Alerts),
    (_ID, Alert),
    (_ID + "/acknowledge", Acknowledge),
    (_ID + "/mute", Mute),
    (_ID + "/resolve", Resolve),
    (_ID + "/reopen", Reopen),
    (r"/metrics", Metrics),
]
