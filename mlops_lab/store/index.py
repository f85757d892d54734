"""The index file: made, folded into, made again; all under the store's lock."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_lab.errors import StorageFull
from mlops_lab.store.batch import Rejected
from mlops_lab.store.duck import Host, IndexDamaged, is_damage, is_disk_full
from mlops_lab.store.fold import DECISIONS, BatchFolder, create_tables
from mlops_lab.store.layout import ConceptTables, Layout, index_schema
from mlops_lab.store.lock import host_id, network_file_system
from mlops_lab.store.objects import Objects
from mlops_lab.store.tail import (
    Batch,
    JournalFile,
    Opening,
    WriterState,
    list_journals,
    read_batch,
    read_opening,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["BACKLOG_BATCH_BYTES", "BATCH_BYTES", "Index", "Pass"]

logger = logging.getLogger(__name__)

BATCH_BYTES = 4 << 20
"""Journal bytes of one transaction: bounds how long anybody else waits."""

BACKLOG_BATCH_BYTES = 16 << 20
"""The same while a long backlog is folded by somebody who wants all of it."""

_REJECTED_TEXT_CHARS = 2_000
_UNUSED_AFTER_S = 30 * 86_400
_LITTER_AFTER_S = 86_400
# A change of a folder younger than this may be followed by one with the same time stamp.
_SETTLED_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Pass:
    """One batch's outcome; what had been listed is complete unless `behind`."""

    lines: int
    rejected: int
    behind: bool


class Index:
    """The DuckDB file that journals and decisions are folded into. Every method needs the lock its
    name implies.

    Parameters
    ----------
    layout
        Where journals, decisions and objects are.
    folder
        Where the index file is: the store itself, or a private place for a project that cannot be
        written.
    writable
        Whether drained journals may be moved and rejected lines set aside.
    """

    def __init__(
        self,
        layout: Layout,
        folder: Path,
        concepts: Sequence[ConceptTables],
        objects: Objects,
        *,
        writable: bool,
    ) -> None:
        self._layout = layout
        self._concepts = concepts
        self._writable = writable
        self.schema = index_schema(concepts)
        self.path = folder / f"index-{self.schema}.duckdb"
        self.host = Host(folder / "tmp")
        self._folder = BatchFolder(concepts, objects)

    def fold_batch(self, *, sweep: bool, limit: int) -> Pass:
        """Move one batch into the index. Needs the exclusive lock.

        Parameters
        ----------
        sweep
            Also look at journals in done/ that have been folded to their end: a writer that was
            taken for dead may have added to one.
        """
        import duckdb

        fresh = not self.path.exists()
        if fresh:
            # A write-ahead log without its database belongs to a file that is gone.
            self._wal().unlink(missing_ok=True)
        if fresh or sweep:
            self._tidy()
        before_ns = _mtime_ns(self.path)
        listed_ns = time.time_ns()
        try:
            with self.host.attached(self.path, read_only=False) as cursor:
                meta = self._ensure_tables(cursor)
                done, drained = self._fold_attached(
                    cursor, meta, listed_ns, sweep=sweep, limit=limit
                )
        except duckdb.Error as error:
            if is_disk_full(error):
                raise StorageFull(f"there is no room to fold into {self.path}: {error}") from error
            if is_damage(error):
                raise IndexDamaged(str(error)) from error
            raise
        if self._writable:
            self._move_done(drained)
        # An index that is behind must not claim to be complete for longer than it did.
        self._stamp(before_ns if done.behind else listed_ns)
        return done

    def _fold_attached(
        self,
        cursor: DuckDBPyConnection,
        meta: dict[str, str],
        listed_ns: int,
        *,
        sweep: bool,
        limit: int,
    ) -> tuple[Pass, list[JournalFile]]:
        """Fold a batch; also gives the journals of the dead that have nothing left to fold."""
        known = {
            writer: (off, state)
            for writer, off, state in cursor.execute(
                "select writer, off, state from lab.journal"
            ).fetchall()
        }
        offsets = {writer: off for writer, (off, _) in known.items()}
        done_ns = _mtime_ns(self._layout.done)
        sweep = sweep or meta.get("done_ns") != str(done_ns)
        files = self._listing(offsets, with_done=sweep)
        batch = read_batch(((file, offsets.get(file.writer, 0)) for file in files), limit)
        writers = self._writers(files, batch, known)
        lines, rejected = 0, []
        changed = [
            writer for writer in writers if known.get(writer.name) != (writer.off, writer.state)
        ]
        if changed:
            applied = self._folder.fold(cursor, batch, changed)
            lines, rejected = applied.lines, applied.rejected
        if not batch.behind:
            settled = str(done_ns) if listed_ns - done_ns > _SETTLED_NS else ""
            if meta.get("complete") != "yes" or meta.get("done_ns") != settled:
                _note_complete(cursor, settled)
        if self._writable:
            self._set_aside(rejected)
        drained = [
            file
            for file, writer in zip(files, writers, strict=False)
            if writer.state == "dead" and file.path.parent == self._layout.journal
        ]
        return Pass(lines, len(rejected), batch.behind), drained

    def is_complete(self, cursor: DuckDBPyConnection) -> bool:
        """Whether everything had been folded once; false in an index that is still being made."""
        import duckdb

        try:
            rows = cursor.execute("select 1 from lab.meta where key = 'complete'").fetchall()
        except duckdb.CatalogException:
            return False
        return bool(rows)

    def remove(self) -> None:
        """Delete the index file. Needs the exclusive lock."""
        self.host.close()
        self.path.unlink(missing_ok=True)
        self._wal().unlink(missing_ok=True)

    def complete_at(self) -> float | None:
        """When the index was last known to be complete, in seconds since the epoch; None when
        there is none.
        """
        stamp = _mtime_ns(self.path)
        return stamp / 1e9 if stamp else None

    def _ensure_tables(self, cursor: DuckDBPyConnection) -> dict[str, str]:
        """Make the tables of a new index; returns what it says about itself."""
        import duckdb

        try:
            meta = dict(cursor.execute("select key, value from lab.meta").fetchall())
        except duckdb.CatalogException:
            meta = {}
        except duckdb.Error as error:
            raise IndexDamaged(str(error)) from error
        if meta.get("schema") == self.schema:
            return meta
        tables = cursor.execute(
            "select count(*) from duckdb_tables() where database_name = 'lab'"
        ).fetchone()
        if meta or tables != (0,):
            raise IndexDamaged("the file holds other tables than its name says")
        create_tables(cursor, self._concepts, self.schema)
        return {"schema": self.schema}

    def _listing(self, offsets: dict[str, int], *, with_done: bool) -> list[JournalFile]:
        """The files to read: decisions first, then the journals, when asked those put away, too."""
        files = []
        decisions = self._layout.decisions
        if decisions.exists():
            files.append(JournalFile(DECISIONS, decisions, decisions.stat().st_size, True))
        files += list_journals(self._layout.journal)
        if with_done:
            present = {file.writer for file in files}
            files += [
                file
                for file in list_journals(self._layout.done, living=False)
                if file.writer not in present and offsets.get(file.writer, -1) < file.size
            ]
        return files

    def _writers(
        self, files: Sequence[JournalFile], batch: Batch, known: dict[str, tuple[int, str]]
    ) -> list[WriterState]:
        """One state per file, in the files' order, then those whose files are gone."""
        ends = {piece.writer: piece.end for piece in batch.pieces}
        found = []
        for file in files:
            off, before = known.get(file.writer, (0, ""))
            off = ends.get(file.writer, off)
            opening = read_opening(file.path) if not before or not file.held else Opening()
            # Dead only when all that it wrote is folded: its `end` may be in what is left.
            left = batch.behind and off < file.size
            dead = not file.held and not left and self._may_judge(file, opening)
            found.append(WriterState(file.writer, off, "dead" if dead else "live", opening))
        present = {file.writer for file in files}
        for name, (off, state) in known.items():
            if state == "live" and name not in present:
                found.append(WriterState(name, off, "gone", Opening()))
        return found

    def _may_judge(self, file: JournalFile, opening: Opening) -> bool:
        """Whether a free lock means death: always on this machine's own disk, where host names may
        change; over a network only for writers of this host. Who is done is dead."""
        if file.path.parent == self._layout.done or network_file_system(self._layout.dir) is None:
            return True
        return (opening.host, opening.host_id) == (socket.gethostname(), host_id())

    def _set_aside(self, rejected: Iterable[Rejected]) -> None:
        """Keep rejected lines where a person finds them; once, though folds may be repeated."""
        by_writer: dict[str, list[Rejected]] = {}
        for line in rejected:
            by_writer.setdefault(line.writer, []).append(line)
        for writer, lines in by_writer.items():
            path = self._layout.rejected / f"{writer}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            known = _offsets_in(path)
            with path.open("a", encoding="utf-8") as file:
                for line in lines:
                    if line.off not in known:
                        entry = {
                            "off": line.off,
                            "reason": line.reason,
                            "line": line.text[:_REJECTED_TEXT_CHARS],
                        }
                        file.write(json.dumps(entry, ensure_ascii=True) + "\n")

    def _move_done(self, files: Iterable[JournalFile]) -> None:
        for file in files:
            self._layout.done.mkdir(parents=True, exist_ok=True)
            try:
                # A writer that lives after all sees by this that its journal was closed.
                file.path.chmod(file.path.stat().st_mode & 0o444)
                file.path.rename(self._layout.done / file.path.name)
            except FileNotFoundError:
                continue
            except PermissionError:  # somebody else's file in a shared folder
                logger.warning("cannot move %s to done/", file.path)
                continue
            file.path.with_suffix(".lock").unlink(missing_ok=True)

    def _stamp(self, ns: int) -> None:
        """The index's modification time says when it was last known to be complete."""
        try:
            os.utime(self.path, ns=(ns, ns))
        except PermissionError:  # somebody else's file in a shared folder: its own time stands
            return

    def _tidy(self) -> None:
        """Remove the index files of programs that nobody runs any more, and what crashes left."""
        for path in self.path.parent.glob("index-*.duckdb"):
            if path != self.path and _age_s(path) > _UNUSED_AFTER_S:
                path.unlink(missing_ok=True)
                path.with_name(path.name + ".wal").unlink(missing_ok=True)
        if not self._writable or not self._layout.tmp.exists():
            return
        for path in self._layout.tmp.iterdir():
            if _age_s(path) > _LITTER_AFTER_S:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    def _wal(self) -> Path:
        return self.path.with_name(self.path.name + ".wal")


def _note_complete(cursor: DuckDBPyConnection, done_ns: str) -> None:
    """Everything has been folded once; and done/ had been looked through at that change of it."""
    cursor.execute("begin")
    cursor.execute("delete from lab.meta where key in ('complete', 'done_ns')")
    cursor.execute("insert into lab.meta values ('complete', 'yes'), ('done_ns', ?)", [done_ns])
    cursor.execute("commit")


def _age_s(path: Path) -> float:
    """Seconds since a file was changed; none for one that its owner took away meanwhile."""
    try:
        return time.time() - path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _mtime_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _offsets_in(path: Path) -> set[int]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return set()
    found = set()
    for line in lines:
        try:
            found.add(int(json.loads(line)["off"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found
