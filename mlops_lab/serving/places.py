"""Where an endpoint's sockets and files are.

The path of a unix socket may have 107 characters (``sun_path`` in unix(7)), less than many a
project's folder has: sockets are in a private folder below the runtime or the temporary one.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from mlops_lab.errors import Conflict, Forbidden
from mlops_lab.serving import desired

__all__ = [
    "guard",
    "lock",
    "log",
    "predictions",
    "private",
    "public",
    "sockets",
    "sockets_made",
    "status",
]

LONGEST_SOCKET: Final = 107
"""Bytes of a unix socket's path on Linux; macOS takes 103."""

_ROOM: Final = 40
"""What the name of a socket in its folder may take."""


def status(root: Path, name: str) -> Path:
    """The file that says how an endpoint stands."""
    return desired.folder(root) / f"{desired.check_name(name)}.status.json"


def lock(root: Path, name: str) -> Path:
    """The file whose lock an endpoint's supervisor holds as long as it lives."""
    return desired.folder(root) / f"{desired.check_name(name)}.lock"


def guard(root: Path, name: str) -> Path:
    """The file with what the guard of a rollout has seen."""
    return desired.folder(root) / f"{desired.check_name(name)}.guard"


def log(root: Path, name: str) -> Path:
    """The file that an endpoint's processes print to."""
    return root / ".mlops" / "logs" / f"endpoint-{desired.check_name(name)}.log"


def predictions(root: Path, name: str) -> Path:
    """The folder of an endpoint's prediction log."""
    return root / ".mlops" / "predictions" / desired.check_name(name)


def sockets(root: Path, name: str) -> Path:
    """The folder of an endpoint's sockets, as this process would make it.

    Which folder that is depends on the process's environment: where a running endpoint listens
    is in its status.
    """
    told = f"{os.path.realpath(root)}\0{desired.check_name(name)}"
    key = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    below = f"mlops-lab-{os.getuid()}"
    for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir()):
        if base and os.path.isdir(base) and os.access(base, os.W_OK):
            folder = Path(base) / below / key
            if len(os.fsencode(folder)) + _ROOM <= LONGEST_SOCKET:
                return folder
    return Path("/tmp") / below / key  # noqa: S108 - the private folder in it is made sure of


def sockets_made(root: Path, name: str) -> Path:
    """Make the folder of an endpoint's sockets; only this user may enter it.

    Raises
    ------
    Conflict
        Somebody else made a folder of that name.
    Forbidden
        It cannot be made.
    """
    folder = sockets(root, name)
    for each in (folder.parent, folder):
        try:
            each.mkdir(mode=0o700, exist_ok=True, parents=True)
            found = each.lstat()
        except OSError as error:
            raise Forbidden(f"No sockets can be made in {each}: {error.strerror}.") from error
        # The temporary folder is everybody's: who made this one could read what is asked.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise Conflict(
                f"{each} is not a folder of yours: remove it, or set XDG_RUNTIME_DIR to a folder "
                "that only you may write."
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            each.chmod(0o700)
    return folder


def public(root: Path, name: str) -> Path:
    """The socket that answers everybody who may enter its folder."""
    return sockets(root, name) / "public.sock"


def private(folder: Path, revision: str, index: int, key: str) -> Path:
    """The socket of one worker: of each start another one, so that no old worker has its path."""
    return folder / f"{revision}-{index}-{key}.sock"
