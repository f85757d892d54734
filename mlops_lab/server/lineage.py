"""The route of lineage: what something was made from, and what was made from it."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from pydantic import Field
from tornado.web import authenticated

from mlops_lab.lineage import Direction
from mlops_lab.server.handler import LabHandler, Query, needs

__all__ = ["ROUTES"]

_LONGEST_NODE = 300


class _LineageQuery(Query):
    node: str = Field(min_length=1, max_length=_LONGEST_NODE)
    depth: int = Field(default=6, ge=0, le=100)
    direction: Direction = "both"


class LineageGraph(LabHandler):
    """``/projects/{key}/lineage``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """Give the graph around one node."""
        query = self.query(_LineageQuery)
        await self.answer(
            key,
            lambda project: project.lineage.graph(
                query.node, direction=query.direction, depth=query.depth
            ).to_json(),
        )


ROUTES = [(r"/lineage", LineageGraph)]
