"""The project in which a pipeline runs: what its parts share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlops_lab.governance import Identity
from mlops_lab.orchestration.versions import Versions
from mlops_lab.store import Store
from mlops_lab.tracking import RunManager

__all__ = ["Site"]


@dataclass(frozen=True, slots=True)
class Site:
    """Where a pipeline runs.

    Parameters
    ----------
    root
        The project's folder.
    store, runs
        Where its lines go.
    versions
        Its datasets and models.
    identity
        Who runs it.
    """

    root: Path
    store: Store
    runs: RunManager
    versions: Versions
    identity: Identity
