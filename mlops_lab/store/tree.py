"""A folder as a value: which file is under which path, by content; itself an object."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mlops_lab.errors import Corrupt
from mlops_lab.store.layout import DIGEST

__all__ = ["MAGIC", "Tree", "TreeEntry"]

MAGIC: Final = b'{"mlops-lab":"tree","v":1}\n'
"""The first line of every tree's bytes."""


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One file of a folder: its path with ``/``, the content id, the size in bytes."""

    path: str
    digest: str
    size: int


@dataclass(frozen=True)
class Tree:
    """The files of a folder, in the order of their paths. Equal folders have equal trees.

    Parameters
    ----------
    entries
        The files; paths are relative, without ``..``, and none is inside of another.

    Raises
    ------
    Corrupt
        A path would lead out of the folder, is there twice, or is a file and a folder.
    """

    entries: tuple[TreeEntry, ...]

    def __post_init__(self) -> None:
        _refuse_bad_paths(self.entries)

    @classmethod
    def of(cls, entries: Iterable[TreeEntry]) -> Tree:
        """Make a tree of files in any order."""
        return cls(tuple(sorted(entries, key=_place)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Tree:
        """Read what `to_bytes` wrote; nothing in it is believed.

        Raises
        ------
        Corrupt
            It is no tree, or one that nobody may unpack.
        """
        if not data.startswith(MAGIC):
            raise Corrupt(f"this is no tree of files: it begins with {data[:40]!r}")
        *lines, rest = data[len(MAGIC) :].split(b"\n")
        if rest:
            raise Corrupt(f"a tree of files was cut off: it ends with {rest[:40]!r}")
        entries = []
        for number, line in enumerate(lines, start=2):
            try:
                path, digest, size = json.loads(line)
            except (ValueError, TypeError, RecursionError) as error:
                raise Corrupt(f"line {number} of a tree is no file: {line[:80]!r}") from error
            if not (isinstance(path, str) and isinstance(digest, str) and type(size) is int):
                raise Corrupt(f"line {number} of a tree is no file: {line[:80]!r}")
            entries.append(TreeEntry(path, digest, size))
        return cls(tuple(entries))

    def to_bytes(self) -> bytes:
        """Give the one way to write it: a line per file, in the order of the paths' bytes."""
        lines = (
            json.dumps([one.path, one.digest, one.size], ensure_ascii=False, separators=(",", ":"))
            for one in self.entries
        )
        return MAGIC + b"".join(line.encode() + b"\n" for line in lines)

    @cached_property
    def digest(self) -> str:
        """The content id of the folder."""
        from blake3 import blake3

        return f"b3-{blake3(self.to_bytes()).hexdigest()}"

    @property
    def size_bytes(self) -> int:
        """The bytes of all files together."""
        return sum(entry.size for entry in self.entries)


def _place(entry: TreeEntry) -> bytes:
    return entry.path.encode("utf-8", "surrogatepass")


def _refuse_bad_paths(entries: tuple[TreeEntry, ...]) -> None:
    before = b""
    files: set[str] = set()
    folders: set[str] = set()
    for entry in entries:
        parts = entry.path.split("/")
        if not entry.path.isprintable() and any(c in entry.path for c in "\0\n\r"):
            raise Corrupt(f"the path {entry.path!r} in a tree has a character no file may have")
        if any(part in ("", ".", "..") for part in parts):
            raise Corrupt(f"the path {entry.path!r} in a tree would lead out of its folder")
        if not DIGEST.fullmatch(entry.digest) or entry.size < 0:
            raise Corrupt(f"{entry.path!r} in a tree has no content id and size")
        place = _place(entry)
        if place <= before and files:
            what = "is there twice" if entry.path in files else "is not in its order"
            raise Corrupt(f"the path {entry.path!r} in a tree {what}")
        before = place
        files.add(entry.path)
        folders.update("/".join(parts[:n]) for n in range(1, len(parts)))
    for path in files & folders:
        raise Corrupt(f"{path!r} in a tree is a file and a folder")
