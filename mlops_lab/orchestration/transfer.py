"""Commits that take their time: a run of kind ``transfer`` in a process of its own."""

from __future__ import annotations

import os
import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_lab.errors import Conflict
from mlops_lab.governance import Access, Identity, current_identity
from mlops_lab.orchestration import detached
from mlops_lab.orchestration.acting import acting
from mlops_lab.orchestration.executor import process_facts
from mlops_lab.store import Store
from mlops_lab.tracking import RunManager

if TYPE_CHECKING:
    from mlops_lab.data.manager import DatasetManager
    from mlops_lab.data.records import VersionRecord

__all__ = ["KIND", "commit_as_run", "start_commit"]

KIND: Final = "transfer"

MOST_AT_ONCE: Final = 8
"""Commits in processes of their own; more would only take the disk away from each other."""

# Progress is a metric: often enough to be watched, seldom enough to cost nothing.
_PROGRESS_EVERY_S: Final = 1.0


def start_commit(
    root: Path,
    store: Store,
    runs: RunManager,
    name: str,
    path: Path,
    *,
    note: str | None = None,
    alias: str | None = None,
    run_id: str | None = None,
    by: Identity,
    role: str | None = None,
) -> str:
    """Commit a file or folder in a process of its own.

    Parameters
    ----------
    root
        The project's folder.
    name
        The dataset.
    path
        An absolute path.
    note, alias
        As of `DatasetManager.commit`.
    run_id
        The id the run should have. One that exists is answered with, and nothing is started.
    by, role
        Who asks, and the role that they have where they ask: the new process may know of fewer
        groups.

    Returns
    -------
    str
        The run's id: it is ``scheduled`` until that process has begun.

    Raises
    ------
    Conflict
        As many are going on as the disk can serve.
    """
    if run_id is not None and runs.find(run_id) is not None:
        return run_id
    going = runs.search(
        f"kind = '{KIND}' and status in ('scheduled', 'running')", limit=MOST_AT_ONCE
    ).items
    if len(going) >= MOST_AT_ONCE:
        raise Conflict(
            f"{MOST_AT_ONCE} commits are going on, such as {going[0].name}: wait for one to end."
        )
    run_id = run_id or secrets.token_hex(16)
    words = [sys.executable, "-P", "-m", "mlops_lab", "--project", str(root)]
    words += ["data", "commit", f"--run-id={run_id}"]
    words += [f"--note={note}"] if note else []
    words += [f"--alias={alias}"] if alias else []
    return detached.launch(
        root,
        store,
        runs,
        [*words, "--", name, str(path)],
        run_id=run_id,
        kind=KIND,
        stem=f"commit-{name}",
        source={"dataset": name, "path": os.path.relpath(path, root)},
        role=role,
        by=by,
    )


def commit_as_run(
    runs: RunManager,
    datasets: DatasetManager,
    access: Access,
    name: str,
    path: Path,
    *,
    run_id: str,
    note: str | None = None,
    alias: str | None = None,
) -> VersionRecord:
    """Commit a file or folder as the run that somebody scheduled, for whoever scheduled it.

    Parameters
    ----------
    access
        Who may what.
    run_id
        The scheduled run; it ends as the commit does.
    """
    who = acting(runs, access, current_identity(), run_id)
    scheduled = runs.find(run_id)
    runs.start(
        run_id=run_id,
        kind=KIND,
        params={"dataset": name, "path": str(path)},
        source={**(scheduled.source if scheduled else {}), **process_facts()},
        by=who,
    )
    try:
        if runs.is_cancelled(run_id):  # before there was a process that a signal could reach
            raise KeyboardInterrupt
        version = datasets.commit(
            name,
            path,
            note=note,
            alias=alias,
            run_id=run_id,
            by=who,
            progress=_Progress(runs, run_id),
        )
    except KeyboardInterrupt:
        runs.end(run_id, "killed", reason="It was stopped.")
        raise
    except BaseException as error:
        message = {"name": type(error).__name__, "message": str(error)}
        runs.end(run_id, "failed", reason=str(error)[:1000], error=message)
        raise
    blocked = " Its checks block it." if version.state == "blocked" else ""
    runs.end(run_id, reason=f"Committed {version.name} {version.version}.{blocked}")
    return version


class _Progress:
    """Logs how many bytes are in the store, once a second."""

    def __init__(self, runs: RunManager, run_id: str) -> None:
        self._runs = runs
        self._run_id = run_id
        self._next = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next or done == total:
            self._next = now + _PROGRESS_EVERY_S
            # As the machine's own metrics: no goal of the project, which `bytes` would become.
            progress = {"system/bytes": done, "system/bytes_total": total}
            self._runs.log_metrics(self._run_id, progress)
