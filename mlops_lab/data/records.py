"""What data keeps, as values: datasets, their versions, and what runs were given.

Everything here is frozen. Times are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

__all__ = [
    "CheckSummary",
    "CheckoutReport",
    "DatasetRecord",
    "ExternalInput",
    "InputRecord",
    "Kind",
    "State",
    "VersionRecord",
]

Kind = Literal["file", "folder", "table"]
State = Literal["passed", "warned", "blocked"]


@dataclass(frozen=True, slots=True)
class CheckSummary:
    """What one suite said of a version last.

    Attributes
    ----------
    failed
        How many checks failed.
    result
        The content id of the whole report.
    """

    suite: str
    state: State
    failed: int
    result: str | None
    suite_digest: str | None = None


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One version of a dataset: immutable but for its aliases and what suites say of it.

    Attributes
    ----------
    digest
        The content id: of the file itself, or of the folder's list of files.
    kind
        A ``file`` or ``folder`` as it was given, or a ``table`` that was written as Parquet.
    file
        The own name of the file or folder.
    rows, columns
        Of tables, else None.
    profile_digest
        The content id of its profile, None for what is no table.
    source
        Where it came from: ``{"path": …}``, ``{"sql": …}``, ``{"frame": "pandas"}`` …
    run_id
        The run that made it.
    state
        The worst that suites say of it, None when none has looked.
    """

    name: str
    version: int
    digest: str
    kind: Kind
    file: str
    files: int
    size_bytes: int
    rows: int | None
    columns: int | None
    profile_digest: str | None
    source: Mapping[str, Any]
    note: str | None
    author: str | None
    created_at: datetime
    run_id: str | None
    aliases: tuple[str, ...]
    is_latest: bool
    state: State | None
    checks: tuple[CheckSummary, ...] = ()
    is_tree: bool = False

    @property
    def ref(self) -> str:
        """How it is referred to: ``flights@3``."""
        return f"{self.name}@{self.version}"

    @property
    def node(self) -> str:
        """Its node in lineage."""
        return f"dataset:{self.ref}"


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """A dataset: its name and what its versions come to.

    Attributes
    ----------
    versions
        How many there are, deleted ones not counted.
    latest
        The newest version that is not blocked; None when all are.
    rows, size_bytes, state, updated_at
        Of the newest version, blocked or not.
    """

    name: str
    versions: int
    latest: int | None
    aliases: Mapping[str, int]
    rows: int | None
    size_bytes: int
    state: State | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ExternalInput:
    """Something a run was given that is no version of ours.

    Attributes
    ----------
    digest
        The content id it had then, None when it could not be read.
    source
        Where it was: a path or an address.
    """

    name: str
    digest: str | None
    source: str
    context: str | None = None

    @property
    def path(self) -> Path:
        """Where it was found."""
        return Path(self.source)


@dataclass(frozen=True, slots=True)
class InputRecord:
    """One input of a run: a dataset's version, a model's, or something external."""

    kind: Literal["dataset", "model", "external"]
    name: str
    version: int | None
    digest: str | None
    role: str | None
    used_at: datetime
    external: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckoutReport:
    """What a checkout did: paths relative to where it went.

    Attributes
    ----------
    written, unchanged, removed
        Files that were written, that were there already, and that another version had left.
    """

    dest: Path
    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]

    def __repr__(self) -> str:
        counts = (
            f"{len(self.written):,} written",
            f"{len(self.unchanged):,} unchanged",
            f"{len(self.removed):,} removed",
        )
        paths = (*self.written, *self.unchanged)
        # A single file may have been given a name of its own: say that one.
        where = self.dest / paths[0] if len(paths) == 1 else self.dest
        return f"<CheckoutReport {where}: {', '.join(counts)}>"
