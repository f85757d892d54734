"""Making a store, and telling whether this process may write the one that is there."""

from __future__ import annotations

import errno
import json
import os
import secrets
import tempfile
import warnings
from hashlib import sha256
from pathlib import Path

from mlops_lab.errors import Conflict, Corrupt, Forbidden, LabError
from mlops_lab.store.layout import FORMAT_VERSION, Layout
from mlops_lab.store.lock import locks_work, network_file_system

__all__ = ["prepare", "private_folder"]

# Asking costs two processes, so of each file system it is asked once.
_DEVICES_WITH_LOCKS: set[int] = set()


def prepare(layout: Layout) -> LabError | None:
    """Make what is missing of ``.mlops``; the answer is why this process must not write, or None.

    Any number of processes may do this at the same time.

    Raises
    ------
    Conflict
        A newer program wrote the store in a format that this one cannot read.
    Corrupt
        ``.mlops/format`` is not what a program wrote.
    Forbidden
        There is no store and none can be made.
    """
    try:
        text = layout.format.read_text(encoding="utf-8")
    except FileNotFoundError:
        try:
            _create(layout)
        except PermissionError as error:
            return _unwritable(layout, error)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
            return _unwritable(layout, error)
        return None
    newer = _newer_format(layout, text)
    if newer is not None:
        return newer
    if not os.access(layout.dir, os.W_OK) or (
        layout.journal.exists() and not os.access(layout.journal, os.W_OK)
    ):
        return Forbidden(_read_only(layout))
    if (kind := network_file_system(layout.dir)) is not None:
        _warn_when_locks_lie(layout, kind)
    return None


def private_folder(store_dir: Path) -> Path:
    """Where the index of a store goes that cannot be written: the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME")
    name = sha256(os.fsencode(os.path.realpath(store_dir))).hexdigest()[:12]
    try:
        folder = (Path(cache) if cache else Path.home() / ".cache") / "mlops-lab" / name
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):
        pass  # no home folder, or none that can be written: the system's temporary one
    folder = Path(tempfile.gettempdir()) / f"mlops-lab-{os.getuid()}" / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _create(layout: Layout) -> None:
    layout.tmp.mkdir(parents=True, exist_ok=True)
    _publish(layout, layout.ignore, "*\n")
    layout.journal.mkdir(exist_ok=True)
    device = layout.tmp.stat().st_dev
    if device not in _DEVICES_WITH_LOCKS:
        if (problem := locks_work(layout.tmp)) is None:
            _DEVICES_WITH_LOCKS.add(device)
        else:
            _warn(layout, problem)
    # Last, because with it the store exists.
    _publish(
        layout, layout.format, json.dumps({"read": FORMAT_VERSION, "write": FORMAT_VERSION}) + "\n"
    )


def _publish(layout: Layout, path: Path, text: str) -> None:
    part = layout.tmp / f"{path.name}-{os.getpid()}-{secrets.token_hex(4)}"
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _unwritable(layout: Layout, error: OSError) -> LabError:
    if not layout.dir.exists():
        raise Forbidden(f"no project can be made in {layout.root}: {error.strerror}") from error
    return Forbidden(_read_only(layout, f" ({error.strerror})"))


def _read_only(layout: Layout, why: str = "") -> str:
    return (
        f"the project {layout.root} can be read but not written here{why}: "
        "copy it to a folder of your own, or ask its owner to let you write"
    )


def _newer_format(layout: Layout, text: str) -> LabError | None:
    try:
        stored = json.loads(text)
        read, write = int(stored["read"]), int(stored["write"])
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt(
            f'{layout.format} should hold {{"read": 1, "write": 1}}, not {text[:80]!r}'
        ) from error
    if read > FORMAT_VERSION:
        raise Conflict(
            f"the store {layout.dir} has format {read}; this program reads up to {FORMAT_VERSION}: "
            "`pip install --upgrade mlops-lab`"
        )
    if write > FORMAT_VERSION:
        return Conflict(
            f"the store {layout.dir} was written by a newer program (format {write}); this one "
            "reads what it knows "
            "and writes nothing: `pip install --upgrade mlops-lab`"
        )
    return None


def _warn_when_locks_lie(layout: Layout, kind: str) -> None:
    if (problem := locks_work(layout.tmp if layout.tmp.exists() else layout.dir)) is not None:
        _warn(layout, f"{problem} ({kind})")


def _warn(layout: Layout, problem: str) -> None:
    warnings.warn(
        f"{problem}. Several processes writing to {layout.dir} at once could lose data: put the "
        "project on a file "
        "system with working locks.",
        RuntimeWarning,
        stacklevel=5,
    )
