"""The process's in-memory DuckDB, to which the index is attached only while the store's lock is
held.

DuckDB lets one process at a time open a file for writing, and that process shuts out readers; so
nobody
keeps the index open. An ATTACH costs about a millisecond, a new DuckDB instance tens of them.
"""

from __future__ import annotations

import ctypes
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_lab.errors import Forbidden, StorageFull, StoreBusy
from mlops_lab.store.interrupts import is_ctrl_c, to_its_end
from mlops_lab.store.layout import STORAGE_VERSION

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["Host", "IndexDamaged", "IndexHeld", "is_damage", "is_disk_full", "quote_path"]

THREADS = 2
MEMORY_LIMIT = "1GB"


class IndexHeld(StoreBusy):
    """A process that is not ours has opened the index file."""


class IndexDamaged(Exception):
    """The index cannot be read; it is only a copy, so it is made again."""


def quote_path(path: Path) -> str:
    """The path as an SQL literal. It is not a glob in ATTACH; for ``read_*`` see the reader's own
    escape.
    """
    return "'" + str(path).replace("'", "''") + "'"


def is_damage(error: BaseException) -> bool:
    """Whether an error of DuckDB means that the index file does not hold what was written to it."""
    import duckdb

    if isinstance(
        error, duckdb.FatalException | duckdb.InternalException | duckdb.SerializationException
    ):
        return True
    # A full disk, a forbidden file or too many open ones are IO errors, too, and no damage.
    words = (
        "corrupt",
        "checksum",
        "could not read",
        "not a valid duckdb",
        "version number",
        "past end of file",
        "deserializ",
        "wal file",
    )
    return isinstance(error, duckdb.Error) and any(word in str(error).lower() for word in words)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error of DuckDB means that there is no room for the index."""
    return any(word in str(error) for word in ("No space left", "Disk quota", "File too large"))


def _attach_error(index: Path, error: Exception) -> Exception:
    """What an ATTACH that failed means for us."""
    text = str(error)
    holder = None
    if "Unique file handle conflict" in text:
        holder = f"another DuckDB connection of this process (PID {os.getpid()})"
    elif "set lock" in text:
        found = re.search(r"onflicting lock is held in (.+?\(PID \d+\))", text)
        holder = found.group(1) if found else "another process"
    if holder is not None:
        return IndexHeld(
            f"{index.name} is held open by {holder}. Close its connection there; for SQL over the "
            "index that shares it with everybody use lab.sql (`mlops-lab sql`). Logging goes on "
            "meanwhile.",
            holder=holder,
        )
    if "Permission denied" in text:
        return Forbidden(
            f"{index} belongs to somebody else and cannot be opened: in a shared folder the umask "
            "must let the group read and write (`umask 002`)"
        )
    if is_disk_full(error):
        return StorageFull(f"there is no room for the index {index}: {error}")
    return IndexDamaged(text) if is_damage(error) else error


class Host:
    """One DuckDB per process and store; the index is in it as ``lab`` while somebody uses it.

    Safe to use from several threads: each gets its own cursor. Attach for writing only under the
    store's exclusive lock, for reading under at least the shared one.

    Parameters
    ----------
    tmp
        Where a query that does not fit into memory puts what is too much: never the current folder.
    """

    def __init__(self, tmp: Path) -> None:
        self._tmp = tmp
        self._mutex = threading.Lock()
        self._connection: DuckDBPyConnection | None = None
        self._pid = 0
        self._users: set[object] = set()

    @contextmanager
    def attached(self, index: Path, *, read_only: bool) -> Iterator[DuckDBPyConnection]:
        """A cursor that sees the index as ``lab``; results must be fetched inside the ``with``.

        Raises
        ------
        IndexHeld
            A foreign client has the file open.
        IndexDamaged
            The file is not a database any more.
        """
        user = object()
        cursor = None
        try:
            with self._mutex:
                connection = self._connect()
                if not self._users:
                    self._attach(connection, index, read_only=read_only)
                self._users.add(user)
                cursor = connection.cursor()
            yield cursor
        except RuntimeError as error:
            if is_ctrl_c(error):
                # Told as such, else the run would have `failed`.
                raise KeyboardInterrupt from error
            raise
        finally:
            # A user that stays counted keeps the index open, and all other processes out of it.
            to_its_end(lambda: self._leave(user, cursor))

    def close(self) -> None:
        """Give the memory back; the next use makes a new instance."""
        with self._mutex:
            self._discard()

    def _leave(self, user: object, cursor: DuckDBPyConnection | None) -> None:
        import duckdb

        with self._mutex:
            if self._pid != os.getpid():  # forked inside the `with`
                return
            try:
                if cursor is not None:
                    cursor.close()
            except duckdb.Error:
                self._discard()
            if user not in self._users:  # the instance was thrown away meanwhile
                return
            try:
                if self._users == {user} and self._connection is not None:
                    self._connection.execute("detach lab")
            except duckdb.Error:
                # An instance that cannot let go of the file would keep everybody else out.
                self._discard()
            self._users.discard(user)

    def _connect(self) -> DuckDBPyConnection:
        import duckdb

        if self._connection is not None and self._pid != os.getpid():
            # A fork does not copy DuckDB's threads: the child's copy can only be left alone, for
            # ever.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))
            self._connection = None
        if self._connection is None:
            self._connection = duckdb.connect(
                config={
                    "threads": THREADS,
                    "memory_limit": MEMORY_LIMIT,
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                    # Two processes must not share one: the names inside are always the same.
                    "temp_directory": str(self._tmp / f"duckdb-{os.getpid()}"),
                }
            )
            self._pid, self._users = os.getpid(), set()
        return self._connection

    def _attach(self, connection: DuckDBPyConnection, index: Path, *, read_only: bool) -> None:
        import duckdb

        options = "read_only" if read_only else f"storage_version '{STORAGE_VERSION}'"
        try:
            connection.execute(f"attach {quote_path(index)} as lab ({options})")
        except duckdb.Error as error:
            self._discard()
            raise _attach_error(index, error) from error
        except BaseException:  # Ctrl-C: nobody knows whether it is attached
            self._discard()
            raise

    def _discard(self) -> None:
        connection, self._connection, self._users = self._connection, None, set()
        if connection is not None and self._pid == os.getpid():
            to_its_end(lambda: _close(connection))

    def forget(self) -> None:
        """In a forked child: a mutex that another thread held would stay held."""
        self._mutex = threading.Lock()


def _close(connection: DuckDBPyConnection) -> None:
    import duckdb

    with suppress(duckdb.Error):
        connection.close()
