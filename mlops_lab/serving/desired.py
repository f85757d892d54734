"""Where it stands what an endpoint should serve, and replacing that so that nobody reads a half."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from mlops_lab.errors import Corrupt, InvalidInput, StorageFull
from mlops_lab.names import name_of
from mlops_lab.serving.records import Desired
from mlops_lab.store.layout import DISK_FULL
from mlops_lab.store.lock import HeldLock

__all__ = [
    "check_name",
    "folder",
    "held",
    "path_of",
    "read",
    "replace_file",
    "token_hash",
    "token_of",
    "write",
]

_LONGEST_BYTES: Final = 200
"""A file system takes 255 bytes, and what is kept of an endpoint puts words behind its name."""
_MOST_BYTES: Final = 1_000_000


def check_name(text: object) -> str:
    """Check an endpoint's name, and give it in the one form in which it is kept.

    Raises
    ------
    InvalidInput
        It is no name, is too long for a file's, or would be taken for another endpoint's file.
    """
    name = name_of(text, "An endpoint")
    if len(name.encode()) > _LONGEST_BYTES:
        raise InvalidInput(
            f"An endpoint's name is a file's, which has up to {_LONGEST_BYTES} bytes in UTF-8; "
            f"this one has {len(name.encode())}."
        )
    if name.casefold().endswith(".status"):
        raise InvalidInput(
            f"An endpoint's name does not end in .status, as the file with the state of "
            f"{name[: -len('.status')]} does; got {name!r}."
        )
    return name


def folder(root: Path) -> Path:
    """The folder with what the endpoints of a project should serve and how they stand."""
    return root / ".mlops" / "endpoints"


def path_of(root: Path, name: str) -> Path:
    """The file that says what an endpoint should serve."""
    return folder(root) / f"{check_name(name)}.json"


def read(root: Path, name: str) -> Desired | None:
    """Read what an endpoint should serve; None when there is no such file.

    Raises
    ------
    Corrupt
        The file says something else.
    """
    path = path_of(root, name)
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES)
        return Desired.from_json(json.loads(data))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Corrupt(f"{path} is no JSON: {error}.") from None


def write(root: Path, desired: Desired) -> None:
    """Replace what an endpoint should serve; who reads meanwhile sees the old or the new whole."""
    text = json.dumps(desired.to_json(), ensure_ascii=False, separators=(",", ":"))
    replace_file(path_of(root, desired.name), text.encode(), mode=0o644)


def replace_file(path: Path, data: bytes, *, mode: int, sync: bool = True) -> None:
    """Replace a file at once.

    Parameters
    ----------
    mode
        Who may read it, before the umask.
    sync
        Whether it is on the disk before it has its name; what is written every second need not be.

    Raises
    ------
    StorageFull
        There is no room; the old file stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if error.errno not in DISK_FULL:
            raise
        raise StorageFull(f"{path} was not written: {error.strerror}.") from error


@contextmanager
def held(root: Path) -> Iterator[None]:
    """Keep others from writing these files inside the ``with``: of two writers the later decision
    wins, whoever is slower.
    """
    folder(root).mkdir(parents=True, exist_ok=True)
    lock = HeldLock(folder(root) / ".lock")
    try:
        yield
    finally:
        lock.close()


def token_of(root: Path, name: str, *, make: bool = False) -> str | None:
    """The token that an endpoint's TCP port asks for; only this user may read its file.

    Parameters
    ----------
    make
        Make one where there is none.
    """
    path = folder(root) / f"{check_name(name)}.token"
    with suppress(FileNotFoundError):
        return path.read_text(encoding="ascii").strip()
    if not make:
        return None
    with held(root):
        if not path.exists():
            replace_file(path, secrets.token_urlsafe(32).encode(), mode=0o600)
    return path.read_text(encoding="ascii").strip()


def token_hash(token: str) -> str:
    """What is kept of a token where anybody may read."""
    return hashlib.sha256(token.encode()).hexdigest()
