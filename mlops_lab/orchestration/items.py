"""What goes into a step and comes out of it: a file, or a version of a dataset or model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mlops_lab.errors import InvalidInput
from mlops_lab.store import Store
from mlops_lab.store.snapshot import digest_of_open_file, open_source
from mlops_lab.store.tree import Tree, TreeEntry

__all__ = ["Item", "digest_of_path"]


@dataclass(frozen=True, slots=True)
class Item:
    """A file or folder, or a version, as a step is given it or has made it.

    Parameters
    ----------
    kind
        ``file``, ``dataset`` or ``model``.
    path
        What the notebook sees. Versions are read-only and made sure of.
    digest
        The content id; None for a file that nobody had to compare.
    size_bytes
        Of all its bytes; None for a file that was there already.
    name, version
        Of a dataset or model.
    figures
        What else gates may ask of it: ``rows``, ``latency_p95_ms`` …
    made_by
        The run of the step that made it, if one did.
    """

    kind: Literal["file", "dataset", "model"]
    path: Path
    digest: str | None = None
    size_bytes: int | None = None
    name: str | None = None
    version: int | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    made_by: str | None = None

    @property
    def label(self) -> str:
        """How a sentence calls it: ``flights 3``, ``train.parquet``."""
        return self.path.name if self.name is None else f"{self.name} {self.version}"

    @property
    def ref(self) -> str:
        """A version as its manager calls it: ``flights@3``."""
        return f"{self.name}@{self.version}"


def digest_of_path(store: Store, path: Path) -> str:
    """The content id of a file or folder that belongs to somebody, now.

    A file that the store knows and that is as it was costs a ``stat``; all else is read.

    Raises
    ------
    InvalidInput, NotFound, Forbidden
        It cannot be read.
    """
    if not path.is_dir():
        return _digest_of_file(store, path)
    entries = []
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            file = Path(folder) / name
            place = file.relative_to(path).as_posix()
            entries.append(TreeEntry(place, _digest_of_file(store, file), file.stat().st_size))
    if not entries:
        raise InvalidInput(f"{path.name} is an empty folder.")
    return Tree.of(entries).digest


def _digest_of_file(store: Store, path: Path) -> str:
    known = store.objects.digest_of_file(path)
    if known is not None:
        return known
    fd = open_source(path)
    try:
        return digest_of_open_file(fd)
    finally:
        os.close(fd)
