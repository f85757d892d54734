"""Routes of triggers: how they stand, what they have started, and a look at them right now."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from mlops_lab.orchestration.triggers import pages
from mlops_lab.server.handler import LabHandler, needs

__all__ = ["ROUTES"]


class Triggers(LabHandler):
    """``/projects/{key}/triggers``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """List the triggers of all pipelines, with what they wait for and have started."""
        await self.answer(key, lambda project: pages.triggers_page(project.triggers.list()))


class TriggersRun(LabHandler):
    """``/projects/{key}/triggers/run``."""

    permissions = needs(post="pipelines:run")

    @authenticated
    @authorized
    async def post(self, key: str) -> None:
        """Start what something has happened for, without waiting for the minute."""
        who = self.identity
        await self.answer(
            key, lambda project: pages.round_page(project.triggers.look(by=who)), status=202
        )


ROUTES = [
    (r"/triggers", Triggers),
    (r"/triggers/run", TriggersRun),
]
