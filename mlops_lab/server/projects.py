"""Routes of projects: which one a folder belongs to, new ones, the example, watching."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from mlops_lab import example
from mlops_lab.errors import LabError
from mlops_lab.project import Project
from mlops_lab.server.handler import Body, LabHandler, Query, needs
from mlops_lab.server.known import KnownProject
from mlops_lab.server.paths import contents_folder, contents_path
from mlops_lab.tracking.rows import count_runs

__all__ = ["PROJECT_ROUTES", "ROUTES"]


class _NearQuery(Query):
    near: str | None = None


class _Near(Body):
    near: str


class Projects(LabHandler):
    """``/projects``."""

    permissions = needs(get="runs:read", post="runs:write")

    @authenticated
    @authorized
    async def get(self) -> None:
        """List the known projects, and the one that ``near`` belongs to."""
        near = self.query(_NearQuery).near
        known = self.services.known

        def call() -> dict[str, Any]:
            near_one = known.near(near) if near is not None else None
            current = _encode(near_one) if near_one else None
            listed = (current if one is near_one else _encode_if_sound(one) for one in known.all())
            return {"projects": [one for one in listed if one], "current": current}

        await self.send(call)

    @authenticated
    @authorized
    async def post(self) -> None:
        """Make a project of a folder; 200 when it is one already."""
        near = self.body(_Near).near
        known = self.services.known

        def call() -> tuple[bool, KnownProject]:
            folder = contents_folder(known.server_root, near)
            found = known.near(near)
            if found is not None and found.project.root == folder.resolve():
                return False, found
            return True, known.remember(Project.create(folder), seen_from=folder)

        made, project = await self.services.in_thread(call)
        await self.send(lambda: _encode(project), status=201 if made else 200)


class Example(LabHandler):
    """``/projects/example``."""

    permissions = needs(post="pipelines:run")

    @authenticated
    @authorized
    async def post(self) -> None:
        """Make the example project in a folder and start its pipeline."""
        near, who = self.body(_Near).near, self.identity
        known = self.services.known

        def call() -> dict[str, Any]:
            folder = contents_folder(known.server_root, near)
            root = example.create(folder)
            project = known.remember(Project.open(root), seen_from=folder / root.name)
            run_id = project.project.pipelines.start_detached(example.PIPELINE, by=who)
            opened = contents_path(known.server_root, root / example.START)
            return {"project": _encode(project), "run_id": run_id, "path": opened}

        await self.send(call, status=202)


class OneProject(LabHandler):
    """``/projects/{key}``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """Describe one project."""
        known = await self.known(key)
        await self.send(lambda: _encode(known))


class Watch(LabHandler):
    """``/projects/{key}/watch``."""

    permissions = needs(post="runs:read")

    @authenticated
    @authorized
    async def post(self, key: str) -> None:
        """Announce changes for another minute."""
        await self.known(key)
        self.set_status(204)


def _encode_if_sound(known: KnownProject) -> dict[str, Any] | None:
    """None for one that cannot be read: who works in another must not hear of it at every turn."""
    try:
        return _encode(known)
    except LabError:
        return None


def _encode(known: KnownProject) -> dict[str, Any]:
    project = known.project
    with project.store.read() as cursor:
        counts = count_runs(cursor)
    return {
        "key": project.key,
        "name": project.name,
        "path": known.path,
        "directory": str(project.root),
        "read_only": project.read_only,
        "runs": counts.top,
        "running": counts.top_running,
        "goals": dict(project.settings.goals),
    }


ROUTES = [(r"/projects", Projects), (r"/projects/example", Example)]
PROJECT_ROUTES = [(r"", OneProject), (r"/watch", Watch)]
