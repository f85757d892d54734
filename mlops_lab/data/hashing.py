"""The content id of what is on disk, whether or not it was ever kept."""

from __future__ import annotations

import os
from pathlib import Path

from mlops_lab.data.scan import scan_folder
from mlops_lab.errors import InvalidInput, LabError
from mlops_lab.store import Objects, Tree, TreeEntry
from mlops_lab.store.snapshot import digest_of_open_file, open_source

__all__ = ["digest_on_disk", "hash_file"]


def hash_file(path: str | Path) -> str | None:
    """Hash a file by plain reads; None when it is none that can be read."""
    try:
        fd = open_source(path)
    except (LabError, OSError):
        return None
    try:
        return digest_of_open_file(fd)
    finally:
        os.close(fd)


def digest_on_disk(objects: Objects, path: Path, store_dir: Path) -> str | None:
    """The content id of a file or folder: by what is remembered of it, else by reading it."""
    if not path.is_dir():
        return objects.digest_of_file(path) or hash_file(path)
    try:
        files = scan_folder(path, store_dir)
    except InvalidInput:
        return None
    known = objects.digests_of_files([file for _, file in files])
    entries = []
    for inside, file in files:
        digest = known.get(file) or objects.digest_of_file(Path(file)) or hash_file(file)
        if digest is None:
            return None
        entries.append(TreeEntry(inside, digest, os.stat(file).st_size))
    return Tree.of(entries).digest if entries else None
