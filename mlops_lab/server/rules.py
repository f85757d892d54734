"""The server's rules: which role everybody has, from its own configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_lab.governance import Rules
from mlops_lab.governance.access import SECTION, grants_inside, read_rules

__all__ = ["ServerRules", "groups_of"]


@dataclass(frozen=True, slots=True)
class ServerRules:
    """Who has which role on this server.

    Attributes
    ----------
    rules
        What the server's configuration says, wherever it stands.
    files
        The configuration files that the server has read.
    typed
        What was said on the server's command line.
    """

    rules: Rules
    files: tuple[Path, ...] = ()
    typed: Mapping[str, Any] | None = None

    def of_project(self, root: Path) -> Rules:
        """The rules for the project in a folder: without what a file inside of it says.

        A server may have been started in a project's folder, or from an environment inside of one:
        its configuration there could have come with a pull request.
        """
        if not any(grants_inside(file, root) and _speaks_of_us(file) for file in self.files):
            return self.rules
        outside = read_rules(root)
        typed = self.typed or {}
        return Rules.of(
            typed.get("roles", outside.roles), typed.get("default_role", outside.default)
        )


def groups_of(user: object) -> tuple[str, ...]:
    """The groups that the IdentityProvider puts somebody in, as JupyterHub's does."""
    found = getattr(user, "groups", None)
    of_hub = getattr(user, "hub_user", None)
    if found is None and isinstance(of_hub, Mapping):
        found = of_hub.get("groups")
    if isinstance(found, str) or not isinstance(found, Iterable):
        return ()
    return tuple(name for name in found if isinstance(name, str))


def _speaks_of_us(file: Path) -> bool:
    try:
        return SECTION in file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
