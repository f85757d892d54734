"""Saying by its content which version a folder or file on disk is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_lab.store.tree import Tree, TreeEntry

if TYPE_CHECKING:
    from mlops_lab.store import Store

__all__ = ["file_digest", "tree_digest"]

# What a saved model is, not what anybody's folder may be: that one is not hashed to its last byte.
_MANIFEST: Final = "model.json"
_MOST_FILES: Final = 100


def tree_digest(store: Store, path: Path) -> str | None:
    """Give the content id of a folder with a saved model, or of the one that a file is in.

    Parameters
    ----------
    path
        One of the store's views is known by its name; any other folder is hashed.
    """
    # Not the resolved path: the files of a view are links to objects without names.
    for folder in (path, *path.absolute().parents):
        known = store.objects.view_of(folder)
        if known is not None:
            return known
    if not (path / _MANIFEST).is_file():
        return None
    entries: list[TreeEntry] = []
    for file in sorted(path.rglob("*")):
        if file.is_dir():
            continue
        if not file.is_file() or len(entries) == _MOST_FILES:
            return None
        entries.append(
            TreeEntry(
                file.relative_to(path).as_posix(), file_digest(store, file), file.stat().st_size
            )
        )
    return Tree.of(entries).digest


def file_digest(store: Store, file: Path) -> str:
    """Give the content id of a file, without reading it when the store remembers it."""
    known = store.digest_of_file(file)
    return known if known is not None else _hash(file)


def _hash(file: Path) -> str:
    from blake3 import blake3

    hasher = blake3()
    with file.open("rb") as opened:
        while chunk := opened.read(1 << 20):
            hasher.update(chunk)
    return f"b3-{hasher.hexdigest()}"
