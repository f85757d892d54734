"""Reading journals from where the index left off: lines with their position, the bad ones with a
reason.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mlops_lab.store.lock import is_held

__all__ = [
    "Batch",
    "JournalFile",
    "Opening",
    "Piece",
    "WriterState",
    "list_journals",
    "read_batch",
    "read_opening",
]

_LEAST_SHARE = 64 * 1024


@dataclass(frozen=True, slots=True)
class JournalFile:
    """One journal as it was when the folder was listed.

    Parameters
    ----------
    writer
        Its name without suffix.
    size
        Bytes at that time; taken after `held`, so a dead writer's size is final.
    held
        Whether its writer lives.
    """

    writer: str
    path: Path
    size: int
    held: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines of one journal, newlines included; `start` is their position in it."""

    writer: str
    start: int
    data: bytes

    @property
    def end(self) -> int:
        """The position after them."""
        return self.start + len(self.data)


@dataclass(slots=True)
class Batch:
    """What one transaction of a fold takes."""

    pieces: list[Piece] = field(default_factory=list)
    behind: bool = False


def list_journals(folder: Path, *, living: bool = True) -> list[JournalFile]:
    """The journals in `folder`, which may be missing; with `living` false all belong to the
    dead.
    """
    found = []
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return []
    with entries:
        for entry in entries:
            if not entry.name.endswith(".jsonl"):
                continue
            writer = entry.name[: -len(".jsonl")]
            path = Path(entry.path)
            held = living and is_held(path.with_suffix(".lock"))
            try:
                size = path.stat().st_size
            except FileNotFoundError:  # moved or deleted since
                continue
            found.append(JournalFile(writer, path, size, held))
    return found


def read_batch(files: Iterable[tuple[JournalFile, int]], limit: int) -> Batch:
    """Read whole lines of the journals from the given offsets, about `limit` bytes in all.

    Every journal gets its turn: a few megabytes are shared among those that have grown, in random
    order.
    """
    grown = [(file, offset) for file, offset in files if file.size > offset]
    random.shuffle(grown)
    share = max(_LEAST_SHARE, limit // max(1, len(grown)))
    batch, taken = Batch(), 0
    for file, offset in grown:
        if taken >= limit:
            batch.behind = True
            break
        data = _whole_lines(file.path, offset, min(share, file.size - offset), file.size)
        if data:
            batch.pieces.append(Piece(file.writer, offset, data))
            taken += len(data)
        if offset + len(data) < file.size and _more_lines(file, offset + len(data)):
            batch.behind = True
    return batch


def _whole_lines(path: Path, offset: int, length: int, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(length)
            # One line longer than the share: go on to its end.
            while b"\n" not in data and offset + len(data) < size:
                more = file.read(max(length, _LEAST_SHARE))
                if not more:
                    break
                data += more
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


def _more_lines(file: JournalFile, offset: int) -> bool:
    """Whether a whole line follows `offset`; what follows the last newline is torn, not behind."""
    return bool(_whole_lines(file.path, offset, _LEAST_SHARE, file.size))


@dataclass(frozen=True, slots=True)
class Opening:
    """What a journal's first line says about its writer."""

    host: str | None = None
    host_id: str | None = None
    pid: int | None = None
    program: str | None = None
    t: int | None = None


@dataclass(frozen=True, slots=True)
class WriterState:
    """What a fold knows about a writer: how far it is folded, ``live``, ``dead`` or ``gone``, who
    it is.
    """

    name: str
    off: int
    state: str
    opening: Opening


def read_opening(path: Path) -> Opening:
    """The journal's opening line; nothing in it is certain."""
    try:
        with path.open("rb") as file:
            line = json.loads(file.readline(_LEAST_SHARE))
    except (OSError, ValueError):
        return Opening()
    if not isinstance(line, dict) or line.get("e") != "open":
        return Opening()

    def text(key: str) -> str | None:
        return value if isinstance(value := line.get(key), str) else None

    def whole(key: str) -> int | None:
        return value if type(value := line.get(key)) is int else None

    return Opening(text("host"), text("host_id"), whole("pid"), text("program"), whole("t"))
