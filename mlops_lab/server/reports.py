"""The route of reports: each is made as a run of its own, which keeps the file."""

from __future__ import annotations

from typing import Annotated, Any

from jupyter_server.auth.decorator import authorized
from pydantic import Field
from tornado.web import authenticated

from mlops_lab.governance import Identity
from mlops_lab.project import Project
from mlops_lab.reports.background import start_report
from mlops_lab.server.handler import Body, LabHandler, needs

__all__ = ["ROUTES"]

_Reference = Annotated[str, Field(min_length=3, max_length=300)]


class _ReportBody(Body):
    what: list[_Reference] = Field(min_length=1, max_length=50)
    title: str | None = Field(default=None, min_length=1, max_length=200)
    code: bool = False
    run_id: str | None = Field(default=None, pattern="^[0-9a-f]{32}$")


class Reports(LabHandler):
    """``/projects/{key}/reports``."""

    permissions = needs(post="reports:make")

    @authenticated
    @authorized
    async def post(self, key: str) -> None:
        """Make a report of things of the project, as detached work."""
        body, who = self.body(_ReportBody), self.identity
        await self.answer(key, lambda project: _start(project, body, who), status=202)


def _start(project: Project, body: _ReportBody, who: Identity) -> dict[str, Any]:
    run_id = start_report(
        project,
        body.what,
        title=body.title,
        code=body.code,
        run_id=body.run_id,
        by=who,
        role=project.access.role_of(who),
    )
    return {"run_id": run_id}


ROUTES = [(r"/reports", Reports)]
