"""The program of a supervisor: one endpoint, served until it is stopped."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_lab.errors import Conflict, NotFound
from mlops_lab.serving import desired, places, status
from mlops_lab.store.lock import HeldLock

if TYPE_CHECKING:
    from mlops_lab.serving.manager import EndpointManager

__all__ = ["serve"]

_LOCK_S: Final = 1.0
"""Somebody who asks whether the lock is held has it for a moment."""


def serve(
    root: Path, name: str, *, foreground: bool, manager: Callable[[], EndpointManager]
) -> int:
    """Supervise an endpoint in this process, until it is stopped or told to end.

    Parameters
    ----------
    root
        The project's folder.
    name
        The endpoint's.
    foreground
        For a terminal or a container: the workers end with this process, the log goes to standard
        output, and a model that does not start ends it.
    manager
        Opens what takes decisions; called when the guard or the ramp has one to take.

    Returns
    -------
    int
        0 after a stop or SIGTERM, 130 after SIGINT, 1 when the model did not start in the
        foreground.

    Raises
    ------
    NotFound
        Nothing was deployed to it.
    Conflict
        Another process supervises it, and this one is in the foreground; in the background that is
        all well.
    """
    from mlops_lab.serving.supervisor import Supervisor

    root = root.resolve()
    name = desired.check_name(name)
    logging.basicConfig(
        stream=sys.stdout if foreground else sys.stderr,
        format="%(asctime)s %(process)d %(levelname)s %(message)s",
    )
    should = desired.read(root, name)
    if should is None:
        raise NotFound(
            f"Nothing was deployed to {name}: `mlops-lab endpoint deploy {name} MODEL@VERSION`."
        )
    lock = HeldLock.attempt(places.lock(root, name), _LOCK_S)
    if lock is None:
        if not foreground:
            return 0
        found = status.read(root, name)
        who = "another process" if found is None else f"process {found.pid} on {found.host}"
        raise Conflict(
            f"{name} is served by {who}: `mlops-lab endpoint stop {name}` ends that first."
        )
    try:
        before = status.recorded(root, name)
        return Supervisor(
            root, should, manager, foreground=foreground, before=before, owns=lock.ensure
        ).run()
    finally:
        lock.close()
