"""Routes of pipelines: their files, starting and stopping them, and what they print."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from pydantic import Field
from tornado.web import authenticated

from mlops_lab.governance import Identity
from mlops_lab.project import Project
from mlops_lab.server.handler import Body, LabHandler, Query, needs
from mlops_lab.server.log import read_log
from mlops_lab.server.paths import confined_file

__all__ = ["ROUTES"]


class _LogQuery(Query):
    offset: int = 0


class _RunPipeline(Body):
    path: str = Field(min_length=1)
    params: dict[str, Any] = Field(default_factory=dict)
    run_id: str | None = Field(default=None, pattern="^[0-9a-f]{32}$")


class Pipelines(LabHandler):
    """``/projects/{key}/pipelines``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """List the pipeline files, with what is wrong in them."""
        await self.answer(key, _list)


class PipelinesRun(LabHandler):
    """``/projects/{key}/pipelines/run``."""

    permissions = needs(post="pipelines:run")

    @authenticated
    @authorized
    async def post(self, key: str) -> None:
        """Start a pipeline as detached work."""
        body, who = self.body(_RunPipeline), self.identity
        await self.answer(key, lambda project: _start(project, body, who), status=202)


class Cancel(LabHandler):
    """``/projects/{key}/runs/{run_id}/cancel``."""

    permissions = needs(post="runs:write")

    @authenticated
    @authorized
    async def post(self, key: str, run_id: str) -> None:
        """Ask a pipeline run to stop."""
        who = self.identity

        def call(project: Project) -> dict[str, Any]:
            return {"run_id": project.pipelines.cancel(run_id, by=who)}

        await self.answer(key, call, status=202)


class Log(LabHandler):
    """``/projects/{key}/runs/{run_id}/log``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str, run_id: str) -> None:
        """Give a piece of what a detached run printed."""
        offset = self.query(_LogQuery).offset
        await self.answer(key, lambda project: read_log(project, run_id, offset))


def _list(project: Project) -> dict[str, Any]:
    return {
        "pipelines": [
            {
                "path": file.path,
                "name": file.name,
                "params": dict(file.params),
                "steps": list(file.steps),
                "gates": file.gates,
                "faults": [
                    {
                        "line": fault.mark.line,
                        "column": fault.mark.column,
                        "message": fault.as_dict()["message"],
                    }
                    for fault in file.faults
                    if not fault.warning
                ],
            }
            for file in project.pipelines.list()
        ]
    }


def _start(project: Project, body: _RunPipeline, who: Identity) -> dict[str, Any]:
    path = confined_file(project.root, body.path)
    run_id = project.pipelines.start_detached(path, body.params, run_id=body.run_id, by=who)
    return {"run_id": run_id}


ROUTES = [
    (r"/pipelines", Pipelines),
    (r"/pipelines/run", PipelinesRun),
    (r"/runs/([^/]+)/cancel", Cancel),
    (r"/runs/([^/]+)/log", Log),
]
