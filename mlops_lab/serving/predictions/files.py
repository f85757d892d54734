"""The files of a prediction log, and how the open ones become Parquet.

``<endpoint>/open/<µs>-<worker>-<hex>.arrows`` is an Arrow stream that its writer appends to and
holds a lock on for life: one whose lock is free belongs to a dead writer, and whoever comes next
settles it. ``<endpoint>/day=YYYY-MM-DD/<the same stem>.parquet`` is what becomes of it. While both
are there (somebody died between) the Parquet file counts.
"""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_lab.store.beside import read_stream

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["OPEN", "OpenFile", "adopt", "day_of", "open_files", "settle", "settled_path"]

logger = logging.getLogger(__name__)

OPEN: Final = "open"
SUFFIX: Final = ".arrows"

_ROW_GROUP: Final = 100_000
_SHORT: Final = 1 << 20
"""Bytes that the columns of a file never take: what is shorter may have died before its rows."""


def day_of(stem: str) -> str:
    """The day (UTC) of a file by its name: ``2026-11-22``; the first number in it is µs.

    >>> day_of("1795345200000000-r1-0-1")
    '2026-11-22'
    """
    at = datetime.fromtimestamp(int(stem.partition("-")[0]) / 1e6, UTC)
    return at.date().isoformat()


def settled_path(path: Path) -> Path:
    """What an open file becomes."""
    return path.parent.parent / f"day={day_of(path.stem)}" / f"{path.stem}.parquet"


def open_files(folder: Path) -> list[Path]:
    """The open files of a log, oldest first; those that have become Parquet are left out."""
    try:
        names = sorted(os.listdir(folder / OPEN))
    except FileNotFoundError:
        return []
    found = [folder / OPEN / name for name in names if name.endswith(SUFFIX)]
    return [path for path in found if not settled_path(path).exists()]


def settle(path: Path) -> int:
    """Make Parquet of an open file whose lock the caller holds; gives its rows.

    Raises
    ------
    OSError
        The disk is full, or the folder cannot be written; the open file stays.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = settled_path(path)
    rows = 0
    if not target.exists():
        part = target.with_name(f".{target.name}.part")
        writer: pq.ParquetWriter | None = None
        waiting: list[pa.RecordBatch] = []
        try:
            for batch in read_stream(path):
                if writer is None:
                    # Not its parents: a project that was deleted is not made again.
                    target.parent.mkdir(exist_ok=True)
                    writer = pq.ParquetWriter(part, batch.schema, compression="zstd")
                waiting.append(batch)
                rows += batch.num_rows
                if sum(one.num_rows for one in waiting) >= _ROW_GROUP:
                    writer.write_table(pa.Table.from_batches(waiting))
                    waiting.clear()
            if writer is not None:
                if waiting:
                    writer.write_table(pa.Table.from_batches(waiting))
                writer.close()
                _sync(part)
                part.replace(target)
        except BaseException:
            with suppress(Exception):
                if writer is not None:
                    writer.close()
            part.unlink(missing_ok=True)
            raise
    if rows or target.exists() or not _is_damaged(path):
        path.unlink(missing_ok=True)
    else:
        # Kept for people: it may hold what a program that knows Arrow can save.
        logger.warning("the prediction log %s cannot be read, and is set aside", path.name)
        path.replace(path.with_suffix(".torn"))
    return rows


def _is_damaged(path: Path) -> bool:
    """Whether a file without rows has no columns either; a short one may just have begun."""
    import pyarrow as pa

    data = path.read_bytes()
    try:
        pa.ipc.read_schema(pa.py_buffer(data))
    except (OSError, pa.ArrowException):
        return len(data) > _SHORT
    return False


def adopt(folder: Path) -> int:
    """Settle the open files of writers that are dead; gives how many.

    What cannot be settled now (the disk is full) is left to the next one.
    """
    done = 0
    for path in open_files(folder):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(fd).st_nlink:  # else another one has just done it
                settle(path)
                done += 1
        except BlockingIOError:  # its writer lives
            continue
        except Exception:  # of one file: the others have rows, too
            logger.exception("the prediction log %s cannot be closed now", path.name)
        finally:
            os.close(fd)
    return done


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class OpenFile:
    """The stream that a writer appends to. Of one thread."""

    def __init__(self, path: Path, schema: bytes, columns: int) -> None:
        for folder in (path.parents[1], path.parent):  # not their parents, as above
            folder.mkdir(exist_ok=True)
        self.path = path
        self.columns = columns
        self.began = int(path.stem.partition("-")[0])
        self.size = 0
        self.spoilt = False
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o666)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            self.append(schema)
        except BaseException:
            path.unlink(missing_ok=True)
            os.close(self._fd)
            raise

    def append(self, data: bytes) -> None:
        """Append all of it, or leave the file as it was.

        Raises
        ------
        OSError
            The disk took less.
        """
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError:
            try:
                os.ftruncate(self._fd, self.size)
            except OSError:
                self.spoilt = True  # readers cut its end; nothing may come after it
            raise
        self.size += len(data)

    def is_gone(self) -> bool:
        """Whether somebody deleted it, or has settled it (a lock that was lost)."""
        return os.fstat(self._fd).st_nlink == 0

    def settle(self) -> None:
        """Make Parquet of it and let go; what fails is left to the next who comes."""
        try:
            if not self.is_gone():
                settle(self.path)
        except Exception:
            logger.exception("the prediction log %s cannot be closed now", self.path.name)
        finally:
            os.close(self._fd)
