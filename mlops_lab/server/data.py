"""Routes of data: datasets, what is in a version, how two differ, committing and naming."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from jupyter_server.auth.decorator import authorized
from pydantic import Field
from tornado.web import authenticated

from mlops_lab.data.records import DatasetRecord, VersionRecord
from mlops_lab.errors import InvalidInput, LabError
from mlops_lab.governance import Identity
from mlops_lab.names import alias_name, name_of
from mlops_lab.orchestration.transfer import start_commit
from mlops_lab.project import Project
from mlops_lab.server.encode import time_text
from mlops_lab.server.handler import Body, LabHandler, Query, needs
from mlops_lab.server.paths import confined
from mlops_lab.server.text import Name, Note

__all__ = ["ROUTES"]

MOST_ENTRIES: Final = 200
PREVIEW_ROWS: Final = 100
PREVIEW_COLUMNS: Final = 200

_DATASET: Final = "A dataset"

T = TypeVar("T")


class _CommitBody(Body):
    path: str = Field(min_length=1)
    name: Name
    note: Note | None = None
    alias: Name | None = None
    run_id: str | None = Field(default=None, pattern="^[0-9a-f]{32}$")


class _VersionBody(Body):
    version: int = Field(ge=1, lt=10**18)


class _DiffQuery(Query):
    against: int = Field(ge=1, lt=10**18)
    key: str | None = Field(default=None, max_length=1_000)


class Datasets(LabHandler):
    """``/projects/{key}/datasets``."""

    permissions = needs(get="datasets:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """List the datasets."""
        await self.answer(key, _datasets)


class Dataset(LabHandler):
    """``/projects/{key}/datasets/{name}``."""

    permissions = needs(get="datasets:read")

    @authenticated
    @authorized
    async def get(self, key: str, name: str) -> None:
        """Give one dataset with its versions."""
        name = name_of(name, _DATASET)
        await self.answer(key, lambda project: _dataset(project, name))


class Commit(LabHandler):
    """``/projects/{key}/datasets/commit``, and a dataset that is called so."""

    permissions = needs(get="datasets:read", post="datasets:commit")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """Give the dataset whose name is ``commit``."""
        await self.answer(key, lambda project: _dataset(project, "commit"))

    @authenticated
    @authorized
    async def post(self, key: str) -> None:
        """Commit a file or folder of the project as detached work."""
        body, who = self.body(_CommitBody), self.identity
        await self.answer(key, lambda project: _commit(project, body, who), status=202)


class Version(LabHandler):
    """``/projects/{key}/datasets/{name}/versions/{n}``."""

    permissions = needs(get="datasets:read", delete="datasets:delete")

    @authenticated
    @authorized
    async def get(self, key: str, name: str, number: str) -> None:
        """Say all about one version."""
        ref = _ref(name, number)
        await self.answer(key, lambda project: _version(project, ref))

    @authenticated
    @authorized
    async def delete(self, key: str, name: str, number: str) -> None:
        """Delete a version that nothing needs."""
        name, who = name_of(name, _DATASET), self.identity
        known = await self.known(key)
        datasets = known.project.datasets
        await self.services.in_thread(lambda: datasets.delete(name, int(number), by=who))
        self.set_status(204)


class Difference(LabHandler):
    """``/projects/{key}/datasets/{name}/versions/{n}/diff``."""

    permissions = needs(get="datasets:read")

    @authenticated
    @authorized
    async def get(self, key: str, name: str, number: str) -> None:
        """Say how a version differs from another, by rows too where a key is given."""
        query = self.query(_DiffQuery)
        ref, against = _ref(name, number), _ref(name, str(query.against))
        columns = [part.strip() for part in (query.key or "").split(",") if part.strip()]
        await self.answer(
            key,
            lambda project: project.datasets.diff(against, ref, key=columns or None).to_json(),
        )


class Alias(LabHandler):
    """``/projects/{key}/datasets/{name}/aliases/{alias}``."""

    permissions = needs(put="datasets:alias", delete="datasets:alias")

    @authenticated
    @authorized
    async def put(self, key: str, name: str, alias: str) -> None:
        """Let an alias name a version."""
        await self._move(key, name, alias, self.body(_VersionBody).version)

    @authenticated
    @authorized
    async def delete(self, key: str, name: str, alias: str) -> None:
        """Take an alias away."""
        await self._move(key, name, alias, None)

    async def _move(self, key: str, name: str, alias: str, version: int | None) -> None:
        name, alias, who = name_of(name, _DATASET), alias_name(alias), self.identity
        known = await self.known(key)
        datasets = known.project.datasets
        await self.services.in_thread(lambda: datasets.set_alias(name, alias, version, by=who))
        self.set_status(204)


def _ref(name: str, number: str) -> str:
    if not int(number):
        raise InvalidInput("Versions are numbered from 1.")
    return f"{name_of(name, _DATASET)}@{int(number)}"


def _datasets(project: Project) -> dict[str, Any]:
    with project.store.read() as cursor:
        found = cursor.execute(
            "select dataset, version, rows, size_bytes, created_at from lab.dataset_versions "
            "where is_latest"
        ).fetchall()
        listed = project.datasets.list()
    latest = {name: (version, rows, size, at) for name, version, rows, size, at in found}
    return {
        "datasets": [
            {
                "name": one.name,
                "versions": one.versions,
                "latest": _latest(latest.get(one.name)),
                **_row_facts(one),
            }
            for one in listed
        ]
    }


def _latest(found: tuple[Any, ...] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    version, rows, size, at = found
    return {
        "version": version,
        "rows": rows,
        "size_bytes": size,
        "created_at": time_text(at),
    }


def _row_facts(record: DatasetRecord) -> dict[str, Any]:
    return {
        "aliases": [{"alias": a, "version": v} for a, v in record.aliases.items()],
        "state": record.state,
        "updated_at": time_text(record.updated_at),
    }


def _dataset(project: Project, name: str) -> dict[str, Any]:
    versions = project.datasets.versions(name)
    runs = _run_names(project, versions)
    newest = versions[0]
    latest = next((one for one in versions if one.is_latest), None)
    aliases = sorted((alias, one.version) for one in versions for alias in one.aliases)
    return {
        "dataset": {
            "name": newest.name,
            "versions": len(versions),
            "latest": latest
            and {
                "version": latest.version,
                "rows": latest.rows,
                "size_bytes": latest.size_bytes,
                "created_at": time_text(latest.created_at),
            },
            "aliases": [{"alias": alias, "version": version} for alias, version in aliases],
            "state": newest.state,
            "updated_at": time_text(newest.created_at),
        },
        "versions": [_version_row(one, runs) for one in versions],
    }


def _version_row(version: VersionRecord, runs: Mapping[str, str]) -> dict[str, Any]:
    run = version.run_id
    return {
        "version": version.version,
        "digest": version.digest,
        "kind": version.kind,
        "file": version.file,
        "files": version.files,
        "size_bytes": version.size_bytes,
        "rows": version.rows,
        "columns": version.columns,
        "note": version.note,
        "author": version.author,
        "created_at": time_text(version.created_at),
        "run": None if run is None else {"id": run, "name": runs.get(run, run[:8])},
        "aliases": list(version.aliases),
        "is_latest": version.is_latest,
        "state": version.state,
        "checks": [
            {"suite": one.suite, "state": one.state, "failed": one.failed} for one in version.checks
        ],
    }


def _version(project: Project, ref: str) -> dict[str, Any]:
    datasets = project.datasets
    version = datasets.get(ref)
    profile = _if_kept(lambda: datasets.profile(version))
    reports = _if_kept(lambda: datasets.reports(version)) or ()
    entries = _if_kept(lambda: datasets.entries(version)) or ()
    return {
        **_version_row(version, _run_names(project, [version])),
        "name": version.name,
        "source": dict(version.source),
        "profile": None if profile is None else profile.to_json(),
        "reports": [report.to_json() for report in reports],
        "preview": None if profile is None else _if_kept(lambda: _preview(project, version)),
        "entries": [{"path": path, "size_bytes": size} for path, size in entries[:MOST_ENTRIES]],
        "python": f'lab.dataset("{version.ref}").{"path" if profile is None else "df()"}',
    }


def _if_kept(read: Callable[[], T]) -> T | None:
    """What is read from the store's objects; None when it is gone or damaged: the rest is shown."""
    try:
        return read()
    except LabError:
        return None


def _preview(project: Project, version: VersionRecord) -> dict[str, Any]:
    """The first rows."""
    from mlops_lab.compute import Source, open_engine, read_cells
    from mlops_lab.compute.engine import quote

    source = Source.of(project.datasets.path(version))
    with open_engine(project.store.tmp) as engine:
        view = source.view(engine)
        columns = engine.columns(view)[:PREVIEW_COLUMNS]
        shown = ", ".join(quote(name) for name, _ in columns)
        query = f"select {shown} from {view}"  # noqa: S608 - quoted names
        cells = read_cells(engine, query, limit=PREVIEW_ROWS)
    return {
        "columns": [{"name": name, "type": kind} for name, kind in columns],
        "rows": [list(row) for row in cells.rows],
        "n_rows": version.rows,
    }


def _run_names(project: Project, versions: Iterable[VersionRecord]) -> dict[str, str]:
    return project.runs.names({one.run_id for one in versions if one.run_id})


def _commit(project: Project, body: _CommitBody, who: Identity) -> dict[str, Any]:
    path = confined(project.root, body.path)
    if path.is_relative_to(project.store.dir):
        raise InvalidInput(f"{body.path!r} is the program's own; only your files are data.")
    if body.alias is not None:
        project.access.require(who, "datasets:alias")
    run_id = start_commit(
        project.root,
        project.store,
        project.runs,
        name_of(body.name, _DATASET),
        path,
        note=body.note,
        alias=None if body.alias is None else alias_name(body.alias),
        run_id=body.run_id,
        by=who,
        role=project.access.role_of(who),
    )
    return {"run_id": run_id}


ROUTES = [
    (r"/datasets", Datasets),
    (r"/datasets/commit", Commit),
    (r"/datasets/([^/]+)", Dataset),
    (r"/datasets/([^/]+)/versions/([0-9]{1,18})", Version),
    (r"/datasets/([^/]+)/versions/([0-9]{1,18})/diff", Difference),
    (r"/datasets/([^/]+)/aliases/([^/]+)", Alias),
]
