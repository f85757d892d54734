"""Advisory locks between processes: everything that locks is in this file.

``flock`` belongs to an open file description: closing some other descriptor of the file does not
free it
(as ``lockf`` would), and two descriptors exclude each other even inside one process, so threads
are covered too. A Windows backend is the function :func:`_try_flock` written with ``LockFileEx``.

A lock file holds no data and is never deleted while somebody could wait for it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import FileIO
from pathlib import Path

from mlops_lab.store.interrupts import to_its_end

__all__ = [
    "HeldLock",
    "StoreLock",
    "host_id",
    "is_held",
    "locks_work",
    "network_file_system",
    "remove_if_free",
]

_FIRST_PAUSE_S = 0.0005
_LONGEST_PAUSE_S = 0.01

# File systems that other hosts can write to at the same time. There a free lock proves nothing
# about
# processes of other hosts.
_NETWORK_TYPES = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "gpfs"}
    | {
        "beegfs",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.ceph",
        "fuse.s3fs",
        "fuse.gcsfuse",
        "fuse.rclone",
    }
)

# The files of locks that this process holds just now. A forked child inherits them and would keep
# the lock after its parent let go, so it closes them first thing. It must never unlock: that would
# free the parent's lock as well.
_held: set[FileIO] = set()
_held_guard = threading.Lock()


def _drop_inherited_locks() -> None:
    global _held_guard
    _held_guard = threading.Lock()
    for file in _held:
        file.close()
    _held.clear()


os.register_at_fork(after_in_child=_drop_inherited_locks)


def _try_flock(fd: int, *, exclusive: bool) -> bool:
    """Take the lock if that is possible at once; also true when this descriptor holds it
    already.
    """
    try:
        fcntl.flock(fd, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _flock_until(file: FileIO, deadline: float, *, exclusive: bool) -> bool:
    pause = _FIRST_PAUSE_S
    while not _try_flock(file.fileno(), exclusive=exclusive):
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_S)
    return True


def _open_lock_file(path: Path) -> FileIO:
    file = FileIO(os.open(path, os.O_CLOEXEC | os.O_RDWR | os.O_CREAT, 0o666), "r+")
    with _held_guard:
        _held.add(file)
    return file


def _close_lock_file(file: FileIO) -> None:
    def close() -> None:
        with _held_guard:
            file.close()
            _held.discard(file)

    to_its_end(close)


class StoreLock:
    """The store's one lock: shared to read the index, exclusive to fold and to decide.

    Whoever waits holds the turnstile (``lock.gate``) meanwhile, so that a stream of readers cannot
    starve the process that folds. Safe to use from several threads.

    Parameters
    ----------
    directory
        Where ``lock`` and ``lock.gate`` are, or are made.
    """

    def __init__(self, directory: Path) -> None:
        self._gate = directory / "lock.gate"
        self._lock = directory / "lock"

    @contextmanager
    def hold(self, *, exclusive: bool, wait_s: float) -> Iterator[bool]:
        """Hold the lock inside the ``with``; the value says whether it was had within `wait_s`
        seconds.
        """
        deadline = time.monotonic() + wait_s
        lock = None
        try:
            gate = _open_lock_file(self._gate)
            try:
                got = _flock_until(gate, deadline, exclusive=True)
                if got:
                    lock = _open_lock_file(self._lock)
                    got = _flock_until(lock, deadline, exclusive=exclusive)
            finally:
                _close_lock_file(gate)
            yield got
        finally:
            if lock is not None:
                _close_lock_file(lock)


class HeldLock:
    """An exclusive lock on one file that is held until :meth:`close`, or until the process ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _open_lock_file(path)
        # Somebody who asks whether it is held (`is_held`) has it for a moment: wait.
        fcntl.flock(self._file, fcntl.LOCK_EX)

    @classmethod
    def attempt(cls, path: Path, wait_s: float) -> HeldLock | None:
        """Take the lock, or give None when somebody else has it for longer than `wait_s`."""
        made = cls.__new__(cls)
        made.path = path
        made._file = _open_lock_file(path)
        if _flock_until(made._file, time.monotonic() + wait_s, exclusive=True):
            return made
        made.close()
        return None

    def ensure(self) -> bool:
        """Take the lock again if it was lost (a lease that ran out); False when its file is
        gone.
        """
        try:
            here, there = os.fstat(self._file.fileno()), self.path.stat()
        except (OSError, ValueError):  # gone; closed by a fork
            return False
        if (here.st_ino, here.st_dev) != (there.st_ino, there.st_dev):
            return False
        return _try_flock(self._file.fileno(), exclusive=True)

    def close(self) -> None:
        """Let go; closing twice is fine."""
        _close_lock_file(self._file)


def is_held(path: Path) -> bool:
    """Whether some process holds the lock file `path`; a missing one is held by nobody."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except PermissionError:  # cannot be told: nobody is declared dead for that
        return True
    try:
        return not _try_flock(fd, exclusive=False)
    finally:
        os.close(fd)


def remove_if_free(path: Path) -> bool:
    """Remove a lock file that no process holds; false when one does.

    It is held while it goes, so that whoever opened it a moment ago finds (`HeldLock.ensure`) that
    what it holds is gone, and takes another.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        if not _try_flock(fd, exclusive=True):
            return False
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(fd)


@cache
def host_id() -> str:
    """A random id of this machine, kept in the user's state folder: host names are not unique."""
    state = os.environ.get("XDG_STATE_HOME")
    path = (Path(state) if state else Path.home() / ".local" / "state") / "mlops-lab" / "host-id"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whoever is first decides; a link appears whole or not at all.
        part = path.with_name(f"{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
        if not path.exists():
            part.write_text(secrets.token_hex(16), encoding="ascii")
            with suppress(FileExistsError):
                os.link(part, path)
            part.unlink()
        return path.read_text(encoding="ascii").strip()
    except (OSError, RuntimeError):  # no home folder, or none that can be written
        return ""


@cache
def network_file_system(path: Path) -> str | None:
    """The type of the network file system that `path` is on, None when it is a local one (or
    unknown).
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    real = os.path.realpath(path)
    best, best_type = "", ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        point = left.split()[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        # Of two mounts on one point the later one is seen.
        if inside and len(point) >= len(best):
            best, best_type = point, right.split()[0]
    return best_type if best_type in _NETWORK_TYPES else None


_PROBE = """
import fcntl, sys
with open(sys.argv[1]) as file:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(3)
sys.exit(0)
"""


def locks_work(directory: Path) -> str | None:
    """Test with a second process that a lock taken here shuts it out; the answer is what is wrong,
    or None.
    """
    path = directory / f"locktest-{os.getpid()}-{threading.get_ident()}"
    lock = None
    try:
        lock = HeldLock(path)
        held = _run_probe(path)
        lock.close()
        freed = _run_probe(path)
    except OSError as error:
        return f"file locks cannot be taken in {directory}: {error.strerror}"
    finally:
        if lock is not None:
            lock.close()
        path.unlink(missing_ok=True)
    if held == 3 and freed == 0:
        return None
    return f"a second process does not see the locks that are held in {directory}"


def _run_probe(path: Path) -> int:
    # -I -S: nothing of the user's environment is imported; about 15 ms.
    command = [sys.executable, "-I", "-S", "-c", _PROBE, str(path)]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL, timeout=30).returncode
