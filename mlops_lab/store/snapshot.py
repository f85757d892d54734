"""Copying users' files into the store: a snapshot is taken, and the snapshot is hashed.

What is hashed is what is kept, whatever becomes of the file meanwhile; a file that changes while it
is copied is noticed and refused. The user's own file is only ever opened for reading.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from mlops_lab.errors import Conflict, Forbidden, InvalidInput, NotFound
from mlops_lab.store.lock import HeldLock, is_held, remove_if_free
from mlops_lab.store.trust import SETTLED_NS, Stamp

__all__ = [
    "Progress",
    "Snapshot",
    "copy_bytes",
    "digest_of_open_file",
    "in_threads",
    "make_durable",
    "open_source",
    "take_snapshot",
    "workplace",
]

Progress = Callable[[int, int], None]
"""Told how many bytes of how many are done."""

T = TypeVar("T")
R = TypeVar("R")

_THREADS: Final = min(8, (os.cpu_count() or 1) + 2)
_WORTH_A_THREAD_BYTES: Final = 4 << 20
_FICLONE: Final = 0x40049409
_BUFFER_BYTES: Final = 1 << 20
_COPY_AT_ONCE: Final = 64 << 20
# With more files than this the file system is asked once instead of file by file.
_SYNC_ONE_BY_ONE: Final = 24

# What copy_file_range says where it cannot, but reading and writing can.
_NO_RANGE_COPY: Final = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF}
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of a file as it was, on its way into the store.

    Attributes
    ----------
    stamp
        What the user's file was recognised by, before and after.
    settled
        Whether a change since then would show in it: else the file must be read again next time.
    """

    source: str
    stamp: Stamp
    part: str
    digest: str
    size: int
    settled: bool


def take_snapshot(source: str, part: str) -> Snapshot:
    """Copy a file to `part` and hash the copy.

    Raises
    ------
    Conflict
        The file was written to, cut or replaced meanwhile.
    InvalidInput
        It is no file: a pipe, a socket, a device.
    NotFound, Forbidden
        It is not there (any more), or must not be read.
    """
    fd = open_source(source)
    try:
        before = os.fstat(fd)
        stamp = _settled_stamp(fd, before)
        settled = stamp.settled(time.time_ns())
        out = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            copied = copy_bytes(fd, out, stamp.size)
            digest = digest_of_open_file(out)
            os.fchmod(out, os.fstat(out).st_mode & 0o444)
        finally:
            os.close(out)
        if copied != stamp.size or not _is_still(source, fd, stamp):
            raise Conflict(
                f"{source} changed while it was being committed: wait until whoever writes it is "
                "done, or commit a copy"
            )
    finally:
        os.close(fd)
    return Snapshot(source, stamp, part, digest, stamp.size, settled)


def open_source(source: str | Path) -> int:
    """Open a regular file for reading; anything else could block for ever or have no end."""
    try:
        # Whatever is put in the place of the file meanwhile: a pipe must not make us wait.
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {source}.") from error
    except PermissionError as error:
        raise Forbidden(f"{source} cannot be read: {error.strerror}.") from error
    except OSError as error:
        if error.errno not in (errno.ENXIO, errno.ENODEV, errno.ELOOP):
            raise
        raise InvalidInput(f"{source} is no file that can be read: {error.strerror}.") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise InvalidInput(f"{source} is no regular file: only files and folders can be committed.")
    return fd


def copy_bytes(source: int, target: int, size: int) -> int:
    """Copy from one descriptor to another, sharing the blocks where the file system can; returns
    how many bytes there were.
    """
    try:
        import fcntl

        fcntl.ioctl(target, _FICLONE, source)
        return os.fstat(target).st_size
    except (ImportError, OSError):
        pass  # most file systems cannot
    done = 0
    copy_range = getattr(os, "copy_file_range", None)
    while copy_range is not None and done < size:
        try:
            count = copy_range(source, target, min(size - done, _COPY_AT_ONCE))
        except OSError as error:
            if done or error.errno not in _NO_RANGE_COPY:
                raise
            break
        if count == 0:
            return done
        done += count
    while chunk := os.read(source, _BUFFER_BYTES):
        view = memoryview(chunk)
        while view:
            written = os.write(target, view)
            if written == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            view = view[written:]
        done += len(chunk)
    return done


def digest_of_open_file(fd: int) -> str:
    """Hash all that a descriptor holds, by plain reads: a mapping would die of a cut file."""
    from blake3 import blake3

    os.lseek(fd, 0, os.SEEK_SET)
    # In one thread: those of the hasher's own pool would be missing in a forked child, for ever.
    size = min(_BUFFER_BYTES, os.fstat(fd).st_size + 1)
    hasher, buffer = blake3(), bytearray(size)
    view = memoryview(buffer)
    while count := os.readv(fd, [buffer]):
        hasher.update(view[:count])
    return f"b3-{hasher.hexdigest()}"


def _settled_stamp(fd: int, before: os.stat_result) -> Stamp:
    """The stamp of a file that was not written just now: else a change could hide behind it."""
    stamp = Stamp.of(before)
    if not stamp.settled(time.time_ns()):
        time.sleep(2 * SETTLED_NS / 1e9)
        stamp = Stamp.of(os.fstat(fd))
    return stamp


def _is_still(source: str, fd: int, stamp: Stamp) -> bool:
    try:
        return Stamp.of(os.fstat(fd)) == stamp == Stamp.of(os.stat(source))
    except FileNotFoundError:
        return False


def make_durable(files: Iterable[Path]) -> None:
    """Have the disk keep these files and their names before anybody speaks of them."""
    files = list(files)
    folders = {file.parent for file in files}
    if len(files) > _SYNC_ONE_BY_ONE and _sync_file_system(files[0]):
        return
    for path in [*files, *folders, *{folder.parent for folder in folders}]:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _sync_file_system(path: Path) -> bool:
    """One barrier for all that was written to the file system; False where there is none."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(fd)
    return True


def in_threads(work: Callable[[T], R], items: Sequence[T], size: int) -> Iterator[R]:
    """Do it for each, in their order; reading and hashing let go of the interpreter.

    Parameters
    ----------
    size
        Bytes of all of them. Small files are done one after the other: threads would spend more
        time on waiting for the interpreter than a small file takes.
    """
    if len(items) < 2 or size / len(items) < _WORTH_A_THREAD_BYTES:
        yield from map(work, items)
        return
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="mlops-lab-objects")
    try:
        yield from pool.map(work, items)
    finally:
        # After an error nothing that has not begun is begun.
        pool.shutdown(cancel_futures=True)


@contextmanager
def workplace(tmp: Path) -> Iterator[Path]:
    """A folder for snapshots on their way. What processes that died left in theirs is removed."""
    tmp.mkdir(parents=True, exist_ok=True)
    _sweep(tmp)
    folder, lock = _locked_name(tmp)
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.path.unlink(missing_ok=True)
        lock.close()


def _locked_name(tmp: Path) -> tuple[Path, HeldLock]:
    """A name that is ours, with its lock held before the folder is made."""
    while True:
        folder = tmp / f"put-{os.getpid()}-{secrets.token_hex(6)}"
        lock = HeldLock(folder.with_name(f"{folder.name}.lock"))
        if lock.ensure():
            return folder, lock
        lock.close()  # swept between its making and its locking


def _sweep(tmp: Path) -> None:
    for lock in tmp.glob("put-*.lock"):
        with suppress(OSError):
            # First the lock: whoever finds the folder without one takes it for a dead writer's.
            if remove_if_free(lock):
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
    for folder in tmp.glob("put-*"):
        if folder.suffix != ".lock" and not is_held(folder.with_name(f"{folder.name}.lock")):
            shutil.rmtree(folder, ignore_errors=True)
