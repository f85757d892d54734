"""What goes into a step and comes out of it: a file, or a version of a dataset or model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mlops_lab.data.hashing import digest_on_disk
from mlops_lab.errors import InvalidInput
from mlops_lab.store import Store

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
    InvalidInput
        It cannot be read.
    """
    digest = digest_on_disk(store.objects, path, store.dir)
    if digest is None:
        raise InvalidInput(f"{path.name} cannot be read, or is an empty folder.")
    return digest
