"""A folder as a value: which file is under which path, by content; itself an object."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mlops_lab.errors import Corrupt
from mlops_lab.store.layout import DIGEST

__all__ = ["MAGIC", "Tree", "TreeEntry"]

MAGIC: Final = b'{"mlops-lab":"tree","v":1}\n'
"""The first line of every tree's bytes."""

_IMPOSSIBLE: Final = re.compile(r"[\0\n\r]")
_NO_NAMES: Final = frozenset({"", ".", ".."})


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
        try:
            entries = tuple(
                TreeEntry(path, digest, size)
                for path, digest, size in json.loads(data[len(MAGIC) :])
            )
        except (ValueError, TypeError, RecursionError) as error:
            raise Corrupt(f"a tree of files cannot be read: {error}") from error
        for one in entries:
            if not (type(one.path) is str and type(one.digest) is str and type(one.size) is int):
                raise Corrupt(f"{one!r} in a tree is no file")
        return cls(entries)

    def to_bytes(self) -> bytes:
        """Give the one way to write it, in the order of the paths' bytes."""
        listed = [(one.path, one.digest, one.size) for one in self.entries]
        return MAGIC + json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode()

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
    before: bytes | None = None
    folders = {""}
    for entry in entries:
        path = entry.path
        if _IMPOSSIBLE.search(path):
            raise Corrupt(f"the path {path!r} in a tree has a character no file may have")
        name = path.rpartition("/")[2]
        if name in _NO_NAMES:
            raise Corrupt(f"the path {path!r} in a tree would lead out of its folder")
        _add_folders(path, folders)
        if not DIGEST.fullmatch(entry.digest) or entry.size < 0:
            raise Corrupt(f"{path!r} in a tree has no content id and size")
        place = _place(entry)
        if before is not None and place <= before:
            what = "is there twice" if place == before else "is not in its order"
            raise Corrupt(f"the path {path!r} in a tree {what}")
        before = place
    for entry in entries:
        if entry.path in folders:
            raise Corrupt(f"{entry.path!r} in a tree is a file and a folder")


def _add_folders(path: str, folders: set[str]) -> None:
    """Note the folders above a path; one that is known has been looked at."""
    folder, _, _ = path.rpartition("/")
    if path.startswith("/"):
        raise Corrupt(f"the path {path!r} in a tree would lead out of its folder")
    while folder not in folders:
        if folder.rpartition("/")[2] in _NO_NAMES:
            raise Corrupt(f"the path {path!r} in a tree would lead out of its folder")
        folders.add(folder)
        folder, _, _ = folder.rpartition("/")
