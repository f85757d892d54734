"""What is known of files without reading them: a small cache that may be lost at any time.

A file whose inode, size, modification and change time are as they were when it was hashed has the
same bytes: whoever writes to it, restores its time or replaces it moves its change time, which
nobody can set. The cache forgets nothing that matters: without it files are hashed again.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = ["SETTLED_NS", "Stamp", "TrustCache"]

logger = logging.getLogger(__name__)

SETTLED_NS: Final = 20_000_000
"""A file that changed less than this ago may change again within the same tick of the clock."""

_WAIT_S: Final = 5.0
_AT_ONCE: Final = 500

_TABLES: Final = """
create table if not exists object(
    digest text primary key, ino int, size int, mtime int, ctime int) without rowid;
create table if not exists file(
    path blob primary key, ino int, size int, mtime int, ctime int, digest text) without rowid;
"""


class Stamp(NamedTuple):
    """By what a file is recognised: it changes whenever the bytes may have changed."""

    ino: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, stat: os.stat_result) -> Stamp:
        """Take it from a ``stat``."""
        # SQLite's numbers are signed; some file systems number with all 64 bits.
        ino = stat.st_ino & 0x7FFF_FFFF_FFFF_FFFF
        return cls(ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)

    def settled(self, now_ns: int) -> bool:
        """Whether a later change would show in it."""
        return max(self.mtime_ns, self.ctime_ns) < now_ns - SETTLED_NS


class TrustCache:
    """Remembers stamps of objects and of users' files. Safe to use from several threads and
    processes, and after a fork: nothing stays open.

    Parameters
    ----------
    path
        Where it is kept; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def objects(self, digests: Sequence[str]) -> dict[str, Stamp]:
        """What is known of these objects."""
        rows = self._select("select digest, ino, size, mtime, ctime from object", "digest", digests)
        return {str(digest): Stamp(*stamp) for digest, *stamp in rows}

    def files(self, paths: Sequence[str]) -> list[tuple[str, Stamp, str, Stamp | None]]:
        """What is known of these absolute paths: each with its stamp, the content id, and the stamp
        of the object with that content.
        """
        rows = self._select(
            "select path, f.ino, f.size, f.mtime, f.ctime, f.digest, "
            "o.ino, o.size, o.mtime, o.ctime from file f left join object o using (digest)",
            "path",
            [os.fsencode(path) for path in paths],
        )
        return [
            (
                os.fsdecode(row[0]),
                Stamp(*row[1:5]),
                row[5],
                None if row[6] is None else Stamp(*row[6:]),
            )
            for row in rows
        ]

    def remember(
        self,
        objects: Mapping[str, Stamp],
        files: Mapping[str, tuple[Stamp, str]] | None = None,
    ) -> None:
        """Note what was seen.

        Parameters
        ----------
        objects
            Content id to the stamp of the object.
        files
            Absolute path to stamp and content id; a file that was changed within the same tick of
            the clock in which it was read must not be among them.
        """
        kept = [
            (os.fsencode(path), s.ino, s.size, s.mtime_ns, s.ctime_ns, digest)
            for path, (s, digest) in (files or {}).items()
        ]
        rows = [(digest, s.ino, s.size, s.mtime_ns, s.ctime_ns) for digest, s in objects.items()]
        with self._open() as db:
            if db is not None:
                db.execute("begin immediate")
                db.executemany("insert or replace into object values(?,?,?,?,?)", rows)
                db.executemany("insert or replace into file values(?,?,?,?,?,?)", kept)
                db.execute("commit")

    def forget(self, digests: Iterable[str]) -> None:
        """Note that these objects are gone."""
        with self._open() as db:
            if db is not None:
                db.execute("begin immediate")
                db.executemany("delete from object where digest = ?", [(d,) for d in digests])
                db.execute("commit")

    def prune(self) -> None:
        """Forget files that are not there any more."""
        with self._open() as db:
            if db is not None:
                paths = [path for (path,) in db.execute("select path from file")]
                gone = [(path,) for path in paths if not os.path.lexists(path)]
                db.execute("begin immediate")
                db.executemany("delete from file where path = ?", gone)
                db.execute("commit")

    def _select(self, sql: str, key: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        with self._open() as db:
            if db is None:
                return found
            for start in range(0, len(values), _AT_ONCE):
                some = values[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                found += db.execute(f"{sql} where {key} in ({marks})", some)
        return found

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection | None]:
        """Open the file, made anew when it is broken; None when it cannot be had."""
        if self._path is None:
            yield None
            return
        try:
            db = self._connect(self._path)
        except (sqlite3.Error, OSError) as error:
            logger.debug("%s cannot be used: %s", self._path, error)
            yield None
            return
        with closing(db):
            try:
                yield db
            except sqlite3.OperationalError as error:
                # Busy, full or read-only: it would only have saved work.
                logger.debug("%s was not used: %s", self._path, error)
            except sqlite3.DatabaseError as error:
                logger.warning("%s was damaged and is made anew: %s", self._path, error)
                _remove(self._path)

    def _connect(self, path: Path) -> sqlite3.Connection:
        try:
            return _open_database(path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            logger.warning("%s was damaged and is made anew: %s", path, error)
            _remove(path)
            return _open_database(path)


def _open_database(path: Path) -> sqlite3.Connection:
    if not path.exists():
        # SQLite would not let the group of a shared folder write it, whatever the umask says.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666))
    db = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
    try:
        # Not durable on purpose: what a crash takes is hashed again.
        db.executescript("pragma synchronous = off; pragma temp_store = memory;" + _TABLES)
        columns = {row[1] for row in db.execute("pragma table_info(file)")}
        if "digest" not in columns:
            raise sqlite3.DatabaseError("its tables are not ours")
    except BaseException:
        db.close()
        raise
    return db


def _remove(path: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
