"""Which projects this server has met: a route names a project by its key, never by a path."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mlops_lab.config import FILE_NAME
from mlops_lab.errors import NotFound
from mlops_lab.governance import Rules
from mlops_lab.project import Project, find_root, key_of
from mlops_lab.server.paths import contents_folder, contents_path
from mlops_lab.server.rules import ServerRules

__all__ = ["KnownProject", "KnownProjects"]

# A search must not hang on a home folder: about a tenth of a second at most.
_SEARCH_DEPTH = 5
_SEARCH_FOLDERS = 5000
_NO_PROJECTS = {"node_modules", "__pycache__", "site-packages"}


@dataclass(frozen=True, slots=True)
class KnownProject:
    """A project and where the contents manager has it (None outside the server's root)."""

    project: Project
    path: str | None


class KnownProjects:
    """The projects met so far, by key; one open :class:`Project` each. Thread-safe; may block.

    Parameters
    ----------
    server_root
        The folder that contents paths are relative to.
    rules
        Who has which role, by the server's configuration; by default everybody is admin.
    """

    def __init__(self, server_root: Path, rules: ServerRules | None = None) -> None:
        self.server_root = server_root
        self.rules = rules or ServerRules(Rules())
        self._known: dict[str, KnownProject] = {}
        self._lock = threading.Lock()

    def near(self, path: str) -> KnownProject | None:
        """The project of a contents path: of its folder or the nearest one above.

        The search goes on above the server's root: a server is often started inside a project.
        """
        folder = contents_folder(self.server_root, path)
        project = Project.find(folder)
        return None if project is None else self.remember(project, seen_from=folder)

    def remember(self, project: Project, *, seen_from: Path | None = None) -> KnownProject:
        """Keep a project for as long as the server lives.

        Parameters
        ----------
        project
            One that was found or made.
        seen_from
            A folder inside it, as the file browser names it: links included.
        """
        with self._lock:
            known = self._known.get(project.key)
            if known is None or known.project is not project:
                path = known.path if known else self._shown_path(project.root, seen_from)
                project.access.adopt(self.rules.of_project(project.root))
                known = self._known[project.key] = KnownProject(project, path)
            return known

    def get(self, key: str) -> KnownProject:
        """The project of a key.

        A server that has just started has met nobody, but a link or a restored layout may already
        ask: an unknown key is looked for below the server's root and above it.

        Raises
        ------
        NotFound
            There is none, it is too deep below the root, or its folder is gone.
        """
        with self._lock:
            known = self._known.get(key)
            if known is not None and not (known.project.root / FILE_NAME).is_file():
                # Deleted or moved: a project made anew at the same place is opened afresh.
                del self._known[key]
                known.project.close()
                known = None
        if known is None:
            root = self._search(key)
            if root is None:
                raise NotFound(
                    f"There is no project with the key {key} here. Was its folder moved or "
                    "deleted? Open one of its notebooks to find it again."
                )
            known = self.remember(Project.open(root), seen_from=root)
        return known

    def all(self) -> list[KnownProject]:
        """Every known project that is still there, in the order in which they were met."""
        with self._lock:
            known = list(self._known.values())
        return [one for one in known if (one.project.root / FILE_NAME).is_file()]

    def close(self) -> None:
        """Close every project."""
        with self._lock:
            for known in self._known.values():
                known.project.close()
            self._known.clear()

    def _search(self, key: str) -> Path | None:
        """The root of the project with a key: above the server's root, else not too deep below."""
        above = find_root(self.server_root)
        if above is not None and key_of(above) == key:
            return above
        for folder, names, files in islice(os.walk(self.server_root), _SEARCH_FOLDERS):
            if FILE_NAME in files:
                real = Path(folder).resolve()
                if key_of(real) == key:
                    return real
            depth = len(Path(folder).relative_to(self.server_root).parts)
            names[:] = [
                name
                for name in names
                if depth < _SEARCH_DEPTH and name[0] != "." and name not in _NO_PROJECTS
            ]
        return None

    def _shown_path(self, root: Path, seen_from: Path | None) -> str | None:
        folder = seen_from
        while folder is not None and folder.is_relative_to(self.server_root):
            if folder.samefile(root):
                return contents_path(self.server_root, folder)
            folder = folder.parent
        return contents_path(self.server_root, root)
