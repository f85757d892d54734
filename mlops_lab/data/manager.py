"""The datasets of a project: committing versions, naming them, deleting them."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.data.checkout import Wanted, check_out
from mlops_lab.data.finder import WHAT, delivering, read_versions
from mlops_lab.data.judging import DatasetJudge
from mlops_lab.data.records import CheckoutReport, CheckSummary, VersionRecord
from mlops_lab.data.taking import Taken, take
from mlops_lab.errors import Conflict, Corrupt, InvalidInput, LabError, NotFound
from mlops_lab.governance import Identity
from mlops_lab.lineage import refuse_if_needed
from mlops_lab.names import alias_name, name_of
from mlops_lab.store import Progress, TreeEntry

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


__all__ = ["DatasetManager"]

_log = logging.getLogger("mlops_lab")
_TRIES: Final = 3


class _Already(Exception):  # no error: somebody committed the same meanwhile
    def __init__(self, record: VersionRecord) -> None:
        super().__init__(record.ref)
        self.record = record


class _Gone(Exception):  # no error: a collection took what was about to be named
    pass


class DatasetManager(DatasetJudge):
    """All that can be done with the datasets of one project. Safe to use from several threads.

    Parameters
    ----------
    root
        The project's folder.
    store
        Where they are kept.
    identity
        Who acts, unless a call says otherwise.
    access
        Who may what; by default everybody everything.
    """

    # ------------------------------------------------------------------ committing

    def commit(
        self,
        name: str,
        source: Any,
        *,
        note: str | None = None,
        alias: str | None = None,
        run_id: str | None = None,
        by: Identity | None = None,
        progress: Progress | None = None,
        checks: bool = True,
        origin: Mapping[str, Any] | None = None,
    ) -> VersionRecord:
        """Keep data as a new version; content that a version has already is that version.

        The file or folder itself is only read. When this returns, everything the version consists
        of is on the disk.

        Parameters
        ----------
        name
            The dataset; made with its first version.
        source
            A path to a file or folder, a frame (pandas, polars, Arrow), a DuckDB relation, or SQL.
        note
            What a person wants to say about it.
        alias
            A name that points to this version from now on.
        run_id
            The whole id of the run that makes it.
        progress
            Told how many bytes of how many are in the store.
        checks
            Whether the project's suites for this dataset look at it. What they block is kept, gets
            no alias and is not the latest.
        origin
            What made it, of data that was never the user's: told in place of the path.

        Raises
        ------
        Conflict
            The data changed while it was being committed.
        NotFound, InvalidInput
            There is no such file, or it is nothing that can be committed.
        """
        name = name_of(name, WHAT)
        alias = None if alias is None else alias_name(alias)
        if note is not None and not isinstance(note, str):
            raise InvalidInput(f"A note is text; got {note!r}.")
        who = by or self._identity
        self._access.require(who, "datasets:commit")
        if alias is not None:
            self._access.require(who, "datasets:alias")
        for _ in range(_TRIES):
            taken = take(self._store, name, source, progress=progress, origin=origin)
            known = self.with_digest(name, taken.digest)
            try:
                if known is None:
                    return self._commit_new(name, taken, note, alias, run_id, who, checks)
            except _Already as already:
                known = already.record
            except _Gone:
                continue
            return self._commit_again(known, alias, run_id, who, checks)
        raise Conflict(
            f"What {name} is to consist of was removed from the store again and again while it was "
            "being committed: is a `store gc` running all the time?"
        )

    def _commit_new(
        self,
        name: str,
        taken: Taken,
        note: str | None,
        alias: str | None,
        run_id: str | None,
        who: Identity,
        checks: bool,
    ) -> VersionRecord:
        try:
            known = self._look_at(name, taken, checks=checks)
            self._store.objects.settle(known.objects)
        except (NotFound, FileNotFoundError) as error:
            if all(map(self._store.objects.exists, taken.objects)):
                raise
            raise _Gone from error
        chosen: list[int] = []

        def build(cursor: DuckDBPyConnection) -> Mapping[str, Any]:
            same = read_versions(
                cursor,
                "dataset = $name and digest = $digest",
                {"name": name, "digest": taken.digest},
            )
            if same:
                raise _Already(same[0])
            # Under the lock under which collections work: what is there now stays.
            if not all(self._store.objects.exists(one) for one in (*taken.objects, *known.objects)):
                raise _Gone
            ((last,),) = cursor.execute(
                "select coalesce(max(version), 0) from lab.dataset_commit where dataset = ?", [name]
            ).fetchall()
            chosen[:] = [last + 1]
            return {
                "dataset": name,
                "version": last + 1,
                "digest": taken.digest,
                "kind": taken.kind,
                "file": taken.file,
                "tree": taken.is_tree,
                "files": taken.files,
                "size": taken.size_bytes,
                "rows": known.rows,
                "columns": known.columns,
                "profile": known.profile,
                "source": dict(taken.source),
                "note": note,
                "run": run_id,
                "alias": None if known.blocked else alias,
                "checks": [_as_line(one) for one in known.checks],
            }

        self._store.decide("dataset.commit", build, by=who.as_by())
        record = self.get(f"{name}@{chosen[0]}")
        if known.blocked:
            _log.warning(
                "MLOps Lab: %s is blocked by its checks (%s): it is kept, but is not the latest%s.",
                record.ref,
                ", ".join(known.blocked),
                f" and does not get the alias {alias}" if alias else "",
            )
        return record

    def _commit_again(
        self,
        known: VersionRecord,
        alias: str | None,
        run_id: str | None,
        who: Identity,
        checks: bool,
    ) -> VersionRecord:
        """The same content once more: the same version, and what is new about it."""
        changed = False
        if run_id is not None and run_id != known.run_id and not self._made(known, run_id):
            # So that lineage, and the pipeline that waits for it, see that this run made it, too.
            line = {"dataset": known.name, "version": known.version, "digest": known.digest}
            self._store.decide(
                "dataset.commit", {**line, **_facts(known), "run": run_id}, by=who.as_by()
            )
            changed = True
        if checks and self._judge_again(known, who):
            known = self.get(known.ref)
        if alias is not None and alias not in known.aliases and known.state != "blocked":
            self.set_alias(known.name, alias, known.version, by=who)
            changed = True
        return self.get(known.ref) if changed else known

    def _made(self, known: VersionRecord, run_id: str) -> bool:
        return bool(
            self._store.query(
                "select 1 from lab.dataset_commit "
                "where dataset = ? and version = ? and run_id = ? limit 1",
                [known.name, known.version, run_id],
            )
        )

    # ------------------------------------------------------------------ naming and deleting

    def set_alias(
        self, name: str, alias: str, version: int | None, *, by: Identity | None = None
    ) -> VersionRecord | None:
        """Let an alias point to a version, or with None take it away.

        Raises
        ------
        NotFound
            There is no such version or, to be taken away, no such alias.
        Conflict
            The version is blocked by its checks.
        """
        name, alias = name_of(name, WHAT), alias_name(alias)
        who = by or self._identity
        self._access.require(who, "datasets:alias")
        if version is not None and (type(version) is not int or version < 1):
            raise InvalidInput(f"A version is a whole number from 1; got {version!r}.")
        target = None if version is None else self.get(f"{name}@{version}")
        current = self.find(f"{name}@{alias}")
        if target is not None and current == target:
            return target
        if target is None and current is None:
            raise self._unknown_alias(name, alias)

        def build(cursor: DuckDBPyConnection) -> Mapping[str, Any]:
            now = read_versions(
                cursor,
                "dataset = $name and list_contains(aliases, $alias)",
                {"name": name, "alias": alias},
            )
            if version is not None:
                self._refuse_blocked(cursor, name, version, alias)
            before = now[0].version if now else None
            return {"dataset": name, "alias": alias, "version": version, "from": before}

        self._store.decide("dataset.alias", build, by=who.as_by())
        return None if version is None else self.get(f"{name}@{version}")

    def delete(self, name: str, version: int, *, by: Identity | None = None) -> VersionRecord:
        """Delete a version. Its bytes stay for 14 days and until `store gc`; its number is never
        used again.

        Raises
        ------
        Conflict
            It has an alias, or something was made from it and is still there; the message names
            it.
        """
        record = self.get(f"{name_of(name, WHAT)}@{version}")
        who = by or self._identity
        self._access.require(who, "datasets:delete")

        def build(cursor: DuckDBPyConnection) -> Mapping[str, Any]:
            params = {"name": record.name, "version": record.version}
            now = read_versions(cursor, "dataset = $name and version = $version", params)
            if not now:
                raise NotFound(f"{record.ref} was deleted already.")
            if now[0].aliases:
                named = ", ".join(now[0].aliases)
                raise Conflict(
                    f"{record.ref} is {named}: let that point to another version first.",
                    aliases=list(now[0].aliases),
                )
            refuse_if_needed(cursor, [record.node], record.ref)
            return {"dataset": record.name, "version": record.version}

        self._store.decide("dataset.delete", build, by=who.as_by())
        return record

    # ------------------------------------------------------------------ back to disk

    def checkout(
        self,
        ref: str | VersionRecord,
        dest: Path | str,
        *,
        force: bool = False,
        progress: Progress | None = None,
    ) -> CheckoutReport:
        """Write a version's files to disk; files that are there already are left alone.

        A file goes under its own name into `dest` when that is a folder (or ends with ``/``), else
        it gets that name. The files of a folder go into `dest`; what another version of the dataset
        had left there, and this one has not, is removed.

        Parameters
        ----------
        force
            Overwrite also files that were changed and never committed.
        progress
            Told how many bytes of how many are written.

        Raises
        ------
        Conflict
            Files would be lost that were never committed; nothing was written.
        """
        version = self.get(ref)
        if not isinstance(dest, str | os.PathLike) or "\0" in str(dest):
            raise InvalidInput(f"A version is checked out to a path; got {dest!r}.")
        path = Path(os.path.expanduser(dest))
        with delivering(version):
            if version.is_tree:
                entries = self._store.objects.tree(version.digest).entries
                wanted = Wanted(path, entries, self._left(version, {one.path for one in entries}))
            else:
                inside = os.path.isdir(path) or str(dest).endswith(("/", os.sep))
                folder, name = (path, version.file) if inside else (path.parent, path.name)
                entry = TreeEntry(name, version.digest, version.size_bytes)
                wanted = Wanted(folder, (entry,), {})
            return check_out(
                self._store, version, wanted, self._committed, force=force, progress=progress
            )

    def _committed(self) -> Collection[str]:
        """The contents of all files of all versions."""
        rows = self._store.query("select distinct digest, is_tree from lab.dataset_versions")
        found = {digest for digest, is_tree in rows if not is_tree}
        for digest, is_tree in rows:
            if is_tree:
                found.update(entry.digest for entry in self._files_of(digest))
        return found

    def _left(self, version: VersionRecord, paths: Collection[str]) -> dict[str, set[str]]:
        """What other versions have beside these paths, with the contents they had there."""
        left: dict[str, set[str]] = {}
        for other in self.versions(version.name):
            if other.is_tree and other.digest != version.digest:
                for entry in self._files_of(other.digest):
                    if entry.path not in paths:
                        left.setdefault(entry.path, set()).add(entry.digest)
        return left

    def _files_of(self, digest: str) -> Sequence[TreeEntry]:
        """The files of another version; none when nobody can tell any more, and then none of them
        is overwritten or removed for having been committed.
        """
        try:
            return self._store.objects.tree(digest).entries
        except (Corrupt, NotFound):
            return ()

    # ------------------------------------------------------------------ inside

    def _refuse_blocked(
        self, cursor: DuckDBPyConnection, name: str, version: int, alias: str
    ) -> None:
        params = {"name": name, "version": version}
        found = read_versions(cursor, "dataset = $name and version = $version", params)
        if not found:
            raise NotFound(f"{name}@{version} was deleted.")
        if found[0].state == "blocked":
            suites = ", ".join(one.suite for one in found[0].checks if one.state == "blocked")
            raise Conflict(
                f"{name}@{version} cannot become {alias}: it is blocked by the suite {suites}. "
                f'lab.dataset("{name}@{version}").checks says which check and why.'
            )

    def _unknown_alias(self, name: str, alias: str) -> LabError:
        try:
            self.get(f"{name}@{alias}")
        except NotFound as error:
            return error
        return NotFound(f"{name} has no alias {alias}.")


def _facts(record: VersionRecord) -> dict[str, Any]:
    """What a commit line says of a version that it states again."""
    return {
        "kind": record.kind,
        "file": record.file,
        "tree": record.is_tree,
        "files": record.files,
        "size": record.size_bytes,
        "rows": record.rows,
        "columns": record.columns,
        "profile": record.profile_digest,
        "source": dict(record.source),
        "note": record.note,
        "alias": None,
        "checks": [],
    }


def _as_line(summary: CheckSummary) -> dict[str, Any]:
    return {
        "suite": summary.suite,
        "suite_digest": summary.suite_digest,
        "state": summary.state,
        "failed": summary.failed,
        "result": summary.result,
    }
