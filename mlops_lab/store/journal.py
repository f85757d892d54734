"""Telemetry: each writer process appends lines to a journal of its own.

A line is acknowledged when ``os.write`` has returned all of it: from then on it survives the
process. The
journal itself is never locked; ``<writer>.lock`` beside it is held for life and says that the
writer lives.
"""

from __future__ import annotations

import json
import logging
import math
import os
import secrets
import socket
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlops_lab.errors import InvalidInput, StorageFull
from mlops_lab.store.layout import DISK_FULL, LINE_VERSION
from mlops_lab.store.lock import HeldLock, host_id

__all__ = ["LINE_LIMIT", "LONG_LINE_KEYS", "Writer", "encode_line"]

logger = logging.getLogger(__name__)

Line = Mapping[str, Any]

LINE_LIMIT = 64 * 1024
"""Bytes of one journal line; a longer one is kept as an object and the line only names it."""

LONG_LINE_KEYS = frozenset({"e", "r", "t", "object"})
"""The keys of the short line that stands for a longer one, which is in the object that it names."""

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def encode_line(line: Line) -> bytes:
    """One line of JSON with its newline; NaN and infinities become the strings that the fold
    understands.
    """
    try:
        return f"{_encode(line)}\n".encode()
    except ValueError:  # not finite, or a lone surrogate: rare, so paid for only here
        pass
    except TypeError as error:
        raise InvalidInput(f"a journal line holds what JSON cannot say: {error}") from error
    return f"{_encode(_plain(line))}\n".encode()


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _after_fork() -> None:
    for writer in list(_writers):
        writer.forget()


class Writer:
    """This process's journal in one store. Safe to use from several threads; a forked child gets
    its own.

    Parameters
    ----------
    directory
        The journal folder.
    restate
        Gives the lines that a new journal begins with after the old one was taken away: what
        somebody who reads only the new one needs to know about the open runs.
    """

    def __init__(self, directory: Path, restate: Callable[[], list[Line]] = list) -> None:
        self._directory = directory
        self._restate = restate
        self._mutex = threading.Lock()
        self._fd = -1
        self._lock: HeldLock | None = None
        self._torn = False
        self._synced = 0
        self.size = 0
        self.id = ""
        _writers.add(self)

    def append(self, data: bytes) -> None:
        """Write whole lines; when it returns they survive this process.

        Raises
        ------
        StorageFull
            The disk took less than all; nothing of the last incomplete line stays.
        """
        with self._mutex:
            if self._fd < 0:
                self._open()
            self._write(data)
            stat = os.fstat(self._fd)
            if stat.st_nlink == 0:
                # Somebody deleted the journal under us: nobody will ever read that file again.
                self._reopen(f"the journal {self.id} was deleted while it was written to")
                self._write(data)
            elif not stat.st_mode & 0o200:
                # A fold took us for dead and moved the journal to done/. What is in it will be
                # read there.
                self._reopen(f"the journal {self.id} was closed by another process")

    def sync(self) -> None:
        """Ask the disk to keep what was written (one fsync); hold the lock again if it was lost."""
        with self._mutex:
            if self._fd < 0:
                return
            if os.fstat(self._fd).st_nlink == 0:
                # Deleted under us, maybe with its folder: nobody will ever read it again. The next
                # line, if there is one, begins another.
                return
            fd, size = os.dup(self._fd), self.size
            # A folder that was moved away has taken the lock along, which we still hold.
            if (
                self._lock is not None
                and not self._lock.ensure()
                and self._lock.path.parent.is_dir()
            ):
                self._lock.close()
                self._lock = HeldLock(self._lock.path)
        try:
            # Outside the mutex: logging must not wait for the disk.
            if size != self._synced:
                os.fsync(fd)
                self._synced = size
        finally:
            os.close(fd)

    def close(self) -> None:
        """End this journal; the next append opens another."""
        with self._mutex:
            self._close()

    def forget(self) -> None:
        """In a forked child: let go of the parent's journal without touching its lock."""
        self._mutex = threading.Lock()
        if self._fd >= 0:
            os.close(self._fd)
        # The lock module has closed the lock's descriptor, which must not be closed again.
        self._fd, self._lock, self.id, self.size, self._synced, self._torn = (
            -1,
            None,
            "",
            0,
            0,
            False,
        )

    def open(self) -> None:
        """Make the journal now, before the first line."""
        with self._mutex:
            if self._fd < 0:
                self._open()

    def _open(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        host = socket.gethostname()
        safe_host = "".join(c if c.isascii() and (c.isalnum() or c == "-") else "-" for c in host)[
            :40
        ]
        t = time.time_ns() // 1000
        name = f"{t:x}-{safe_host}-{os.getpid()}-{secrets.token_hex(3)}"
        # Lock first: a journal whose lock is free belongs to a dead writer.
        self._lock = HeldLock(self._directory / f"{name}.lock")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(self._directory / f"{name}.jsonl", flags, 0o666)
        self.id, self.size, self._synced, self._torn = name, 0, 0, False
        opening = {
            "e": "open",
            "v": LINE_VERSION,
            "w": name,
            "t": t,
            "host": host,
            "host_id": host_id(),
            "pid": os.getpid(),
            "program": Path(sys.argv[0] or sys.executable).name,
        }
        self._write(encode_line(opening))

    def _reopen(self, reason: str) -> None:
        self._close()
        self._open()
        restated = b"".join(encode_line(line) for line in self._restate())
        if restated:
            self._write(restated)
        warnings.warn(f"{reason}: a new journal was begun", RuntimeWarning, stacklevel=4)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _write(self, data: bytes) -> None:
        if self._torn:
            # Whatever is left of a failed write ends here; a blank line is no line.
            data = b"\n" + data
        # Set before the write: should a signal end it half-way, the next one begins a new line.
        self._torn = True
        written = 0
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                more = os.write(self._fd, data[written:])
                if more == 0:
                    break
                written += more
        except OSError as error:
            self._cut_back(data, written)
            if error.errno not in DISK_FULL:
                raise
            raise self._full(written, len(data)) from error
        if written < len(data):
            self._cut_back(data, written)
            raise self._full(written, len(data))
        self._torn = False
        self.size += written

    def _full(self, written: int, size: int) -> StorageFull:
        return StorageFull(
            f"the journal took {written} of {size} bytes: nothing more can be logged until there "
            f"is room in {self._directory}"
        )

    def _cut_back(self, data: bytes, written: int) -> None:
        # Whole lines stay, for a fold may have read them already; the torn one goes.
        kept = data.rfind(b"\n", 0, written) + 1
        try:
            os.ftruncate(self._fd, os.fstat(self._fd).st_size - (written - kept))
        except OSError:
            logger.exception(
                "cannot cut back the journal %s; its next line begins a new one", self.id
            )
            return
        self.size += kept
        self._torn = False

    def __del__(self) -> None:
        self._close()


os.register_at_fork(after_in_child=_after_fork)
