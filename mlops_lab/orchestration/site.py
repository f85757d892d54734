"""The project in which a pipeline runs: what its parts share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_lab.governance import Identity
from mlops_lab.orchestration.versions import Versions
from mlops_lab.store import Store
from mlops_lab.tracking import RunManager

if TYPE_CHECKING:
    from mlops_lab.serving.manager import EndpointManager

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
    endpoints
        Gives the manager of what serves.
    """

    root: Path
    store: Store
    runs: RunManager
    versions: Versions
    identity: Identity
    endpoints: Callable[[], EndpointManager]
