"""The Jupyter Server extension: wires settings, routes and events; enabled on install."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from traitlets import Dict, Enum, List, Unicode

from mlops_lab.governance import ROLES, Rules
from mlops_lab.governance.access import SECTION
from mlops_lab.server import (
    artifacts,
    data,
    governance,
    lineage,
    monitoring,
    orchestration,
    projects,
    proxying,
    registry,
    reports,
    serving,
    tracking,
    triggers,
)
from mlops_lab.server.events import SCHEMA, Announcer
from mlops_lab.server.handler import API, SETTING, LabHandler, NoRoute
from mlops_lab.server.known import KnownProjects
from mlops_lab.server.rules import ServerRules
from mlops_lab.server.schedule import Scheduler
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
        *triggers.ROUTES,
        *data.ROUTES,
        *registry.ROUTES,
        *serving.ROUTES,
        *proxying.ROUTES,
        *monitoring.ROUTES,
        *reports.ROUTES,
        *lineage.ROUTES,
        *governance.ROUTES,
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

    roles = Dict(
        key_trait=Unicode(),
        value_trait=Enum(ROLES),
        help="""The role of each user, or of each group as "group:NAME": viewer, contributor,
        approver or admin. Write it to jupyter_mlops_lab_config.py, where kernels and the command
        line read it too. When nobody is named here, everybody is admin.""",
    ).tag(config=True)
    default_role = Enum(
        ("", *ROLES),
        default_value="",
        help="The role of everybody else; when it is empty: viewer if somebody has a role by name.",
    ).tag(config=True)

    webhook_hosts = List(
        trait=Unicode(),
        help="""Hosts of the inner network that the webhooks of monitors may call, as
        "hooks.internal" or "hooks.internal:8443"; all others must be on the internet. Write it to
        jupyter_mlops_lab_config.py, where checks read it too.""",
    ).tag(config=True)

    def initialize_settings(self) -> None:
        """Set up what the handlers share, and tell kernels where a project may be made."""
        server = self.serverapp
        if server is None or server.event_logger is None:
            raise RuntimeError("the extension needs a server with an event bus")
        # Contents that are no files have no root: then projects are looked for where it started.
        root = Path(getattr(server.contents_manager, "root_dir", server.root_dir)).absolute()
        server.event_logger.register_event_schema(SCHEMA)
        known = KnownProjects(root, self._rules(server))
        self.settings[SETTING] = Services(known, Announcer(server.event_logger))
        self._scheduler = Scheduler(known)
        # Kernels inherit the server's environment; whoever set the variable knows better.
        self._set_root = ROOT_VARIABLE not in os.environ
        if self._set_root:
            os.environ[ROOT_VARIABLE] = str(root)

    def _rules(self, server: ServerApp) -> ServerRules:
        files = {Path(file) for app in (self, server) for file in app.loaded_config_files}
        typed = {**server.cli_config.get(SECTION, {}), **self.cli_config.get(SECTION, {})}
        return ServerRules(Rules.of(self.roles, self.default_role), tuple(sorted(files)), typed)

    def initialize_handlers(self) -> None:
        """Add the routes."""
        self.handlers.extend(routes())

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        """Look after schedules from now on: the event loop is there."""
        self._scheduler.start()

    async def stop_extension(self) -> None:
        """Stop watching and close the projects; detached runs go on."""
        await self._scheduler.stop()
        if self._set_root:
            os.environ.pop(ROOT_VARIABLE, None)
        await self.settings[SETTING].close()
