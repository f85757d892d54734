"""The Jupyter Server extension: wires settings, routes and events; enabled on install."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from jupyter_server.extension.application import ExtensionApp

from mlops_lab.server import artifacts, orchestration, projects, tracking
from mlops_lab.server.events import SCHEMA, Announcer
from mlops_lab.server.handler import API, SETTING, LabHandler, NoRoute
from mlops_lab.server.known import KnownProjects
from mlops_lab.server.services import Services

__all__ = ["MlopsLabApp", "routes"]

ROOT_VARIABLE: Final = "MLOPS_LAB_ROOT"
_KEY = r"/projects/([0-9a-f]{12})"


def routes() -> list[tuple[str, type[LabHandler]]]:
    """Every route below the server's base address; the last one catches what is none."""
    of_project = [
        *projects.PROJECT_ROUTES,
        *tracking.ROUTES,
        *artifacts.ROUTES,
        *orchestration.ROUTES,
    ]
    return [
        *((API + path, handler) for path, handler in projects.ROUTES),
        *((API + _KEY + path, handler) for path, handler in of_project),
        (r"/mlops-lab(/.*)?", NoRoute),
    ]


class MlopsLabApp(ExtensionApp):
    """MLOps Lab inside Jupyter Server."""

    name = "mlops_lab"
    load_other_extensions = True

    def initialize_settings(self) -> None:
        """Set up what the handlers share, and tell kernels where a project may be made."""
        server = self.serverapp
        if server is None or server.event_logger is None:
            raise RuntimeError("the extension needs a server with an event bus")
        # Contents that are no files have no root: then projects are looked for where it started.
        root = Path(getattr(server.contents_manager, "root_dir", server.root_dir)).absolute()
        server.event_logger.register_event_schema(SCHEMA)
        self.settings[SETTING] = Services(KnownProjects(root), Announcer(server.event_logger))
        # Kernels inherit the server's environment; whoever set the variable knows better.
        self._set_root = ROOT_VARIABLE not in os.environ
        if self._set_root:
            os.environ[ROOT_VARIABLE] = str(root)

    def initialize_handlers(self) -> None:
        """Add the routes."""
        self.handlers.extend(routes())

    async def stop_extension(self) -> None:
        """Stop watching and close the projects; detached runs go on."""
        if self._set_root:
            os.environ.pop(ROOT_VARIABLE, None)
        await self.settings[SETTING].close()
