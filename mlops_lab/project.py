"""A project: the folder with ``mlops.toml``, its store, and one manager per concept.

The only place that wires: it opens the store with every concept's tables and gives each concept's
manager what it needs.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.data import tables as data
from mlops_lab.errors import Forbidden, InvalidInput, NotFound
from mlops_lab.governance import Access, Identity, current_identity
from mlops_lab.monitoring import tables as monitoring
from mlops_lab.orchestration import tables as orchestration
from mlops_lab.registry import tables as registry
from mlops_lab.serving import tables as serving
from mlops_lab.store import Store
from mlops_lab.tracking import TABLES, ExperimentManager, RunManager

if TYPE_CHECKING:
    from mlops_lab.config import Settings
    from mlops_lab.data.manager import DatasetManager
    from mlops_lab.lineage import Lineage
    from mlops_lab.monitoring.manager import MonitorManager
    from mlops_lab.orchestration.manager import PipelineManager
    from mlops_lab.orchestration.triggers.manager import TriggerManager
    from mlops_lab.registry.manager import ModelManager
    from mlops_lab.serving.batch import Scorer
    from mlops_lab.serving.manager import EndpointManager
    from mlops_lab.store.beside import Beside
    from mlops_lab.tracking.goals import Direction
    from mlops_lab.tracking.records import Page

__all__ = ["Project"]

_log = logging.getLogger("mlops_lab")

FILE_NAME: Final = "mlops.toml"

_TEMPLATE: Final = """\
# Settings of this MLOps Lab project. Commit this file; what the program keeps is in .mlops.
# Every key can be overruled by the environment: MLOPS_LAB_SECTION_KEY.

[project]
# What people see; by default the folder's name.
{name}

[goals]
# Whether a metric is better high ("max") or low ("min"). Unset, it is guessed and shown as a guess.
# auc = "max"
# log_loss = "min"

[tracking]
# What a run keeps by itself.
# environment = true    # Python, packages, hardware, git commit
# notebook = true       # a copy of the notebook or script
# diff_kb = 512         # uncommitted changes up to this size, 0 keeps none

# What a model version needs to be called champion; any alias can have such a table. An alias
# without one takes any model in a safe format.
# [aliases.champion]
# after = "staging"     # another alias that it must have had before
# gates = true          # its pipeline's gates passed
# approvals = 1         # so many people approve
# role = "approver"     # who can
# self_approval = false # whether who made it can
# unsafe = false        # whether formats that can run any code are allowed
"""

_opened: dict[Path, Project] = {}
_lock = threading.Lock()


class Project:
    """One project, open. Safe to use from several threads; a process has one object per project.

    Use `Project.open`, `Project.find`, `Project.create` or `Project.locate`, never the class.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.key = key_of(root)
        self.identity: Identity = current_identity()
        self.access = Access.configured(root)
        concepts = (
            TABLES,
            data.TABLES,
            registry.TABLES,
            serving.TABLES,
            monitoring.TABLES,
            orchestration.TABLES,
        )
        self.store = Store(root, concepts)
        self.store.beside["predictions"] = self._logged
        self._settings: tuple[object, Settings] | None = None

    def __repr__(self) -> str:
        return f"<Project {str(self.root)!r}>"

    # ------------------------------------------------------------------ which project

    @classmethod
    def open(cls, root: Path | str) -> Project:
        """Open the project in this very folder.

        Raises
        ------
        NotFound
            The folder has no ``mlops.toml``; the message has the command that makes it.
        """
        real = Path(root).expanduser().resolve()
        if not (real / FILE_NAME).is_file():
            raise NotFound(f"{real} is no project: it has no {FILE_NAME}. `mlops-lab init {real}`")
        with _lock:
            if real not in _opened:
                _opened[real] = cls(real)
            return _opened[real]

    @classmethod
    def find(cls, near: Path | str) -> Project | None:
        """Open the project of a file or folder: the nearest above it, or None."""
        root = find_root(Path(near))
        return None if root is None else cls.open(root)

    @classmethod
    def create(cls, root: Path | str, *, name: str | None = None) -> Project:
        """Make a project in a folder, or open the one that is there.

        Any number of processes may do so at once.

        Parameters
        ----------
        root
            The folder; made if missing.
        name
            What people see, by default the folder's name.

        Raises
        ------
        Forbidden
            The folder cannot be written.
        """
        folder = Path(root).expanduser().resolve()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / FILE_NAME).exists():
                _write_once(folder / FILE_NAME, _TEMPLATE.format(name=_name_line(name)))
        except OSError as error:
            raise Forbidden(f"No project can be made in {folder}: {error.strerror}.") from error
        return cls.open(folder)

    @classmethod
    def locate(cls, *, create: bool = True, environ: Mapping[str, str] | None = None) -> Project:
        """Open the project of this process, and make one where none is.

        ``MLOPS_LAB_PROJECT`` if it is set; else the nearest above the current folder; else one is
        made at the root of the git repository, else at ``MLOPS_LAB_ROOT``, else here.

        Parameters
        ----------
        create
            Whether one may be made.
        environ
            The environment to read, by default the process's own.

        Raises
        ------
        NotFound
            There is none and none may be made.
        InvalidInput
            It would be made in ``/`` or in the home folder, which only ``mlops-lab init`` does.
        """
        environ = os.environ if environ is None else environ
        if named := environ.get("MLOPS_LAB_PROJECT"):
            return cls.open(named)
        here = Path.cwd()
        found = cls.find(here)
        if found is not None:
            return found
        if not create:
            raise NotFound(
                f"There is no project above {here}. The first lab.start_run() or "
                'lab.dataset("NAME").commit(…) makes one, or `mlops-lab init`.'
            )
        for folder in (_git_root(here), environ.get("MLOPS_LAB_ROOT"), here):
            if folder and not _too_high(Path(folder)):
                project = cls.create(folder)
                _log.warning("MLOps Lab: made a project in %s (settings in mlops.toml).", folder)
                return project
        raise InvalidInput(
            f"There is no project above {here}, and none is made there by itself. Change into the "
            f"folder of your work, or make one here with `mlops-lab init {here}`."
        )

    # ------------------------------------------------------------------ what it has

    @property
    def name(self) -> str:
        """What people see: from ``mlops.toml``, else the folder's name."""
        return self.settings.project.name or self.root.name

    @property
    def settings(self) -> Settings:
        """The settings as they are now; read again when ``mlops.toml`` has changed."""
        from mlops_lab.config import load_settings

        try:
            stat = (self.root / FILE_NAME).stat()
            stamp: object = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        except OSError:
            stamp = None
        if self._settings is None or self._settings[0] != stamp:
            self._settings = (stamp, load_settings(self.root))
        return self._settings[1]

    @property
    def read_only(self) -> bool:
        """Whether this process can only read it."""
        return self.store.read_only

    @cached_property
    def experiments(self) -> ExperimentManager:
        """The named groups of comparable runs."""
        return ExperimentManager(self.store, self.identity)

    @cached_property
    def runs(self) -> RunManager:
        """What was tried."""
        return RunManager(
            self.store,
            self.experiments,
            self.identity,
            self._goals,
            self._search_runs,
            self.access,
        )

    @cached_property
    def datasets(self) -> DatasetManager:
        """Which data."""
        from mlops_lab.data.manager import DatasetManager

        return DatasetManager(self.root, self.store, self.identity, self.access)

    @cached_property
    def pipelines(self) -> PipelineManager:
        """What runs by itself."""
        from mlops_lab.orchestration.manager import PipelineManager

        return PipelineManager(
            self.root,
            self.store,
            self.runs,
            self.identity,
            lambda: self.datasets,
            lambda: self.models,
            lambda: self.endpoints,
            self.access,
        )

    @cached_property
    def triggers(self) -> TriggerManager:
        """What starts pipelines by itself."""
        from mlops_lab.orchestration.triggers.manager import TriggerManager

        return TriggerManager(
            self.root,
            self.store,
            self.runs,
            self.identity,
            lambda: self.pipelines,
            lambda: self.datasets,
            lambda: self.models,
            lambda: self.monitors,
            self.access,
        )

    @cached_property
    def lineage(self) -> Lineage:
        """What was made from what."""
        from mlops_lab.lineage import Lineage

        return Lineage(self.store)

    @cached_property
    def models(self) -> ModelManager:
        """What may be used."""
        from mlops_lab.registry.manager import ModelManager

        return ModelManager(
            self.store, self.runs, self.identity, self.access, lambda: self.settings.aliases
        )

    @cached_property
    def endpoints(self) -> EndpointManager:
        """What answers."""
        from mlops_lab.serving.manager import EndpointManager

        return EndpointManager(
            self.root, self.store, self.identity, lambda: self.models, self.access
        )

    @cached_property
    def scorer(self) -> Scorer:
        """Answers whole tables."""
        from mlops_lab.serving.batch import Scorer

        return Scorer(
            self.store,
            self.runs,
            lambda: self.datasets,
            lambda: self.models,
            self.identity,
            self.access,
        )

    @cached_property
    def monitors(self) -> MonitorManager:
        """Is it still true."""
        from mlops_lab.monitoring.manager import MonitorManager

        return MonitorManager(
            self.root,
            self.store,
            self.runs,
            self.identity,
            lambda: self.datasets,
            lambda: self.models,
            self.access,
            lambda: self.name,
        )

    def sql(self, query: str) -> Any:
        """Run one read-only query in the sandbox; see :func:`mlops_lab.sql`."""
        from mlops_lab.store.sandbox import run_sql

        return run_sql(self.store, query)

    def _logged(self) -> Beside:
        from mlops_lab.serving.predictions.tables import logged

        return logged(self.root)

    def close(self) -> None:
        """End this process's journal; the project can be opened again."""
        with _lock:
            _opened.pop(self.root, None)
        self.store.close()

    def _search_runs(self, where: str | None, **options: Any) -> Page:
        from mlops_lab.tracking.search import search_runs

        return search_runs(self.store, self._goals(), where, **options)

    def _goals(self) -> Mapping[str, Direction]:
        try:
            return self.settings.goals
        except InvalidInput:
            # Half a file, while somebody edits it, must not end a pipeline that reads its metrics.
            if self._settings is None:
                raise
            return self._settings[1].goals


def key_of(root: Path) -> str:
    """What names a project in addresses: 12 hex digits of the hash of its folder's real path."""
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:12]


def find_root(near: Path) -> Path | None:
    """Find the folder of the project that a file or folder belongs to, without opening it."""
    start = near.expanduser().absolute()
    # By the path as given first: a link into another project belongs to where it is seen.
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder.resolve()
    return None


def _git_root(here: Path) -> Path | None:
    return next((f for f in (here, *here.parents) if (f / ".git").exists()), None)


def _too_high(folder: Path) -> bool:
    real = folder.expanduser().resolve()
    home: Path | None = None
    with suppress(RuntimeError):
        home = Path.home().resolve()
    return real in (Path(real.anchor), home)


def _name_line(name: str | None) -> str:
    if name is None:
        return '# name = "…"'
    text = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'name = "{"".join(c for c in text if c >= " " and c != chr(127))}"'


def _write_once(path: Path, text: str) -> None:
    """Write a file that appears whole, and only if nobody else's is there already."""
    part = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    part.write_text(text, encoding="utf-8")
    try:
        os.link(part, path)
    except FileExistsError:
        return
    except OSError:
        # No hard links on this file system: the last of several equal files wins.
        if not path.exists():
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
