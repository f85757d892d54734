"""Finding datasets and their versions, and delivering what a version holds."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.data.hashing import digest_on_disk, hash_file
from mlops_lab.data.records import CheckSummary, DatasetRecord, VersionRecord
from mlops_lab.data.scan import scan_folder
from mlops_lab.errors import Corrupt, InvalidInput, NotFound
from mlops_lab.expressions.suggest import nearest
from mlops_lab.names import Reference, name_of, parse_reference
from mlops_lab.store import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlops_lab.compute import Profile

__all__ = ["WHAT", "DatasetFinder", "delivering", "read_versions"]

WHAT: Final = "A dataset"
"""How sentences about names begin."""

_LISTED: Final = 8

_COLUMNS: Final = """
    dataset, version, digest, kind, file, files, size_bytes, rows, columns, profile, source, note,
    author, created_at, run_id, aliases, is_latest, state, checks, is_tree
"""


def read_versions(
    cursor: DuckDBPyConnection, condition: str, params: dict[str, Any]
) -> list[VersionRecord]:
    """Read versions that are not deleted, newest first.

    Parameters
    ----------
    cursor
        Sees the index as ``lab``.
    condition
        SQL over the columns of ``dataset_versions``; values come as `params`.
    """
    rows = cursor.execute(
        f"select {_COLUMNS} from lab.dataset_versions where {condition} "  # noqa: S608 ours
        "order by dataset, version desc",
        params,
    ).fetchall()
    return [_record(row) for row in rows]


def _record(row: Sequence[Any]) -> VersionRecord:
    (
        name,
        version,
        digest,
        kind,
        file,
        files,
        size,
        rows,
        columns,
        profile,
        source,
        note,
        author,
        created_at,
        run_id,
        aliases,
        is_latest,
        state,
        checks,
        is_tree,
    ) = row
    return VersionRecord(
        name=name,
        version=version,
        digest=digest,
        kind=kind,
        file=file,
        files=files,
        size_bytes=size,
        rows=rows,
        columns=columns,
        profile_digest=profile,
        source=json.loads(source) if source else {},
        note=note,
        author=author,
        created_at=_utc(created_at),
        run_id=run_id,
        aliases=tuple(aliases),
        is_latest=is_latest,
        state=state,
        checks=tuple(
            CheckSummary(
                one["suite"], one["state"], one["failed"], one["result"], one["suite_digest"]
            )
            for one in checks
        ),
        is_tree=is_tree,
    )


class DatasetFinder:
    """The datasets of one project, to be read. Safe to use from several threads.

    Parameters
    ----------
    root
        The project's folder.
    store
        Where they are kept.
    """

    def __init__(self, root: Path, store: Store) -> None:
        self._root = root
        self._store = store

    # ------------------------------------------------------------------ finding

    def list(self) -> Sequence[DatasetRecord]:
        """All datasets, by name."""
        with self._store.read() as cursor:
            rows = cursor.execute(
                "select dataset, versions, latest, rows, size_bytes, state, updated_at "
                "from lab.datasets order by dataset"
            ).fetchall()
            named = cursor.execute(
                "select dataset, unnest(aliases), version from lab.dataset_versions"
            ).fetchall()
        aliases: dict[str, dict[str, int]] = {}
        for dataset, alias, version in named:
            aliases.setdefault(dataset, {})[alias] = version
        return [
            DatasetRecord(
                name, n, latest, dict(sorted(aliases.get(name, {}).items())), count, size, state,
                _utc(updated_at),
            )
            for name, n, latest, count, size, state, updated_at in rows
        ]  # fmt: skip

    def versions(self, name: str) -> Sequence[VersionRecord]:
        """The versions of a dataset, newest first.

        Raises
        ------
        NotFound
            There is no such dataset.
        """
        parsed = parse_reference(name, WHAT)
        with self._store.read() as cursor:
            found = read_versions(cursor, "dataset = $name", {"name": parsed.name})
        if not found:
            raise self._unknown(parsed)
        return found

    def find(self, ref: str | VersionRecord) -> VersionRecord | None:
        """The version that a reference names, or None: ``flights``, ``flights@3``,
        ``flights@train``.
        """
        if isinstance(ref, VersionRecord):
            ref = ref.ref
        parsed = parse_reference(ref, WHAT)
        params: dict[str, Any] = {"name": parsed.name}
        if parsed.version is not None:
            condition, params["version"] = "version = $version", parsed.version
        elif parsed.alias is not None:
            condition, params["alias"] = "list_contains(aliases, $alias)", parsed.alias
        else:
            condition = "is_latest"
        with self._store.read() as cursor:
            found = read_versions(cursor, f"dataset = $name and {condition}", params)
        return found[0] if found else None

    def get(self, ref: str | VersionRecord) -> VersionRecord:
        """The version that a reference names; one that was read already is not read again.

        Raises
        ------
        NotFound
            There is none; the message says which there are, or the line that would make it.
        InvalidInput
            It is no reference.
        """
        if isinstance(ref, VersionRecord):
            return ref
        found = self.find(ref)
        if found is None:
            raise self._unknown(parse_reference(ref, WHAT))
        return found

    def has(self, name: str) -> bool:
        """Whether there is a dataset of this name."""
        sql = "select 1 from lab.datasets where dataset = ? limit 1"
        return bool(self._store.query(sql, [name_of(name, WHAT)]))

    def with_digest(self, name: str, digest: str) -> VersionRecord | None:
        """The version of a dataset that has this content."""
        with self._store.read() as cursor:
            found = read_versions(
                cursor, "dataset = $name and digest = $digest", {"name": name, "digest": digest}
            )
        return found[0] if found else None

    def made_by(self, run_ids: Sequence[str], name: str | None = None) -> Sequence[VersionRecord]:
        """The versions that runs made, or made again with the same content; the latest made last.

        Parameters
        ----------
        run_ids
            Whole ids.
        name
            Only of this dataset.
        """
        with self._store.read() as cursor:
            made = cursor.execute(
                "select dataset, version, max(off) from lab.dataset_commit "
                "where run_id in (select unnest($runs::varchar[])) group by all order by 3",
                {"runs": [*run_ids]},
            ).fetchall()
            found = {
                (one.name, one.version): one
                for one in read_versions(
                    cursor,
                    "(dataset, version) in "
                    "(select unnest($names::varchar[]), unnest($versions::bigint[]))",
                    {"names": [one[0] for one in made], "versions": [one[1] for one in made]},
                )
            }
        wanted = ((dataset, version) for dataset, version, _ in made if name in (None, dataset))
        return [found[key] for key in wanted if key in found]

    def recognise(self, path: Path | str) -> VersionRecord | None:
        """The version whose content a file or folder on disk is; None when it is none.

        What was committed or checked out and is as it was costs some ``stat`` calls. A file that is
        not known so is hashed when a version has its size.
        """
        path = Path(os.path.expanduser(path))
        if os.path.isdir(path):
            digest = self._store.objects.view_of(path) or self._digest_of_folder(path)
        elif os.path.isfile(path):
            digest = self._store.objects.digest_of_file(path) or self._digest_of_size(path)
        else:
            return None
        if digest is None:
            return None
        with self._store.read() as cursor:
            found = read_versions(cursor, "digest = $digest", {"digest": digest})
        return max(found, key=lambda one: one.created_at, default=None)

    # ------------------------------------------------------------------ delivering

    def path(self, ref: str | VersionRecord) -> Path:
        """A path to a version's file or folder, read-only, with its own name.

        Its bytes are made sure of first.

        Raises
        ------
        Corrupt
            They are not what was committed; nothing is delivered.
        """
        found = self.get(ref)
        return self._trusted(found)

    def profile(self, ref: str | VersionRecord) -> Profile | None:
        """The profile of a version, None for what is no table."""
        from mlops_lab.compute import Profile

        digest = self.get(ref).profile_digest
        if digest is None:
            return None
        return Profile.from_json(json.loads(self._store.objects.trusted(digest).read_bytes()))

    def entries(self, ref: str | VersionRecord) -> Sequence[tuple[str, int]]:
        """The files of a version: path inside it and size in bytes."""
        found = self.get(ref)
        if not found.is_tree:
            return [(found.file, found.size_bytes)]
        tree = self._store.objects.tree(found.digest)
        return [(entry.path, entry.size) for entry in tree.entries]

    def _trusted(self, found: VersionRecord) -> Path:
        with delivering(found):
            return self._store.objects.view(found.digest, found.file, tree=found.is_tree)

    # ------------------------------------------------------------------ inside

    # Asked first, and hashed with no lock held: a large file takes its time.
    def _digest_of_size(self, path: Path) -> str | None:
        try:
            size = path.stat().st_size
        except OSError:
            return None
        known = self._store.query(
            "select 1 from lab.dataset_versions where size_bytes = ? and not is_tree limit 1",
            [size],
        )
        return hash_file(path) if known else None

    def _digest_of_folder(self, path: Path) -> str | None:
        try:
            files = scan_folder(path, self._store.dir)
            size = sum(os.stat(file).st_size for _, file in files)
        except (InvalidInput, OSError):
            return None
        known = self._store.query(
            "select 1 from lab.dataset_versions "
            "where size_bytes = ? and files = ? and is_tree limit 1",
            [size, len(files)],
        )
        return digest_on_disk(self._store.objects, path, self._store.dir) if known else None

    def _unknown(self, ref: Reference) -> NotFound:
        with self._store.read() as cursor:
            of_name = read_versions(cursor, "dataset = $name", {"name": ref.name})
            names = [] if of_name else cursor.execute("select dataset from lab.datasets").fetchall()
        if not of_name:
            near = nearest(ref.name, [name for (name,) in names])
            hint = f" Did you mean {near}?" if near else ""
            return NotFound(
                f"There is no dataset {ref.name}.{hint} "
                f'lab.dataset("{ref.name}").commit("data/…") makes it.'
            )
        if ref.alias is not None:
            aliases = sorted(f"{a} ({v.version})" for v in of_name for a in v.aliases)
            has = f"it has {_some(aliases)}" if aliases else "it has none yet"
            return NotFound(f"{ref.name} has no alias {ref.alias}; {has}.")
        if ref.version is not None:
            numbers = [str(one.version) for one in of_name]
            return NotFound(f"{ref.name} has no version {ref.version}; it has {_some(numbers)}.")
        newest = of_name[0]
        said = ", ".join(check.suite for check in newest.checks if check.state == "blocked")
        return NotFound(
            f"Every version of {ref.name} is blocked by its checks, so none is the latest "
            f"(the newest, {newest.ref}, by the suite {said}). To read one all the same: "
            f'lab.dataset("{newest.ref}").'
        )


@contextmanager
def delivering(version: VersionRecord) -> Iterator[None]:
    """Say of what is wrong in the store which version it keeps from being delivered."""
    try:
        yield
    except Corrupt as error:
        raise Corrupt(f"{version.ref} cannot be delivered: {error}", **error.details) from error
    except NotFound as error:
        raise Corrupt(
            f"{version.ref} cannot be delivered: {error}. Commit the original again to have it "
            "back."
        ) from error


def _some(words: Sequence[str]) -> str:
    more = f" and {len(words) - _LISTED} more" if len(words) > _LISTED else ""
    return ", ".join(words[:_LISTED]) + more


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC)
