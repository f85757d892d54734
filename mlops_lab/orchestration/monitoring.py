"""Checks of monitors in processes of their own: for a server, a schedule, a button."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlops_lab.governance import Access, Identity, current_identity
from mlops_lab.monitoring.manager import EXPERIMENT, KIND, MonitorManager, Progress
from mlops_lab.monitoring.results import Check
from mlops_lab.orchestration import detached
from mlops_lab.orchestration.acting import acting
from mlops_lab.orchestration.executor import process_facts
from mlops_lab.store import Store
from mlops_lab.tracking import RunManager

if TYPE_CHECKING:
    from mlops_lab.monitoring.spec import MonitorSpec

__all__ = ["check_as_run", "start_check", "start_due"]


def start_check(
    monitors: MonitorManager,
    store: Store,
    runs: RunManager,
    access: Access,
    name: str,
    *,
    run_id: str | None = None,
    by: Identity,
    source: Mapping[str, Any] | None = None,
) -> str:
    """Check a monitor in a process of its own.

    Parameters
    ----------
    name
        A monitor whose file has no faults.
    run_id
        The id that the run should have.
    by
        Who asks.
    source
        What else the run says of where it comes from.

    Returns
    -------
    str
        The run's id: it is ``scheduled`` until that process has begun. While a check of the same
        monitor goes on it is that one's, unless another id is asked for.

    Raises
    ------
    NotFound, InvalidInput, Forbidden
        Before anything was started.
    """
    access.require(by, "monitors:check")
    spec = monitors.load(name)
    if run_id is None:
        going = monitors.running(spec.name)
        if going is not None:
            return going
    elif runs.find(run_id) is not None:
        return run_id
    run_id = run_id or secrets.token_hex(16)
    root = monitors.root
    words = [sys.executable, "-P", "-m", "mlops_lab", "--project", str(root)]
    words += ["monitor", "check", f"--run-id={run_id}", "--fail-on=never", "--", spec.name]
    return detached.launch(
        root,
        store,
        runs,
        words,
        run_id=run_id,
        kind=KIND,
        stem=spec.name,
        experiment=EXPERIMENT,
        source={"monitor": spec.name, "file": spec.file, **(source or {})},
        by=by,
        role=access.role_of(by),
    )


def start_due(
    monitors: MonitorManager,
    store: Store,
    runs: RunManager,
    access: Access,
    spec: MonitorSpec,
    *,
    by: Identity,
) -> str | None:
    """Start the check of a monitor whose time has come, unless another server was first.

    Returns
    -------
    str or None
        The run's id; None when nothing is due, or while a check of the monitor goes on: then the
        slot is taken after it.
    """
    due = monitors.due(spec)
    if due is None or monitors.running(spec.name) is not None:
        return None
    # Before the slot is taken: nobody else would get it afterwards.
    access.require(by, "monitors:check")
    run_id = monitors.take_slot(spec, due, by=by)
    if run_id is None:
        return None
    slot = due.slot.isoformat(timespec="minutes").replace("+00:00", "Z")
    told = {"slot": slot, "missed": due.missed}
    return start_check(monitors, store, runs, access, spec.name, run_id=run_id, by=by, source=told)


def check_as_run(
    monitors: MonitorManager,
    runs: RunManager,
    access: Access,
    name: str,
    *,
    run_id: str | None = None,
    progress: Progress | None = None,
) -> Check:
    """Check a monitor in this process, as the run that somebody may have scheduled for it.

    A run that was scheduled ends also when the monitor's file is not sound any more.
    """
    who = acting(runs, access, current_identity(), run_id)
    scheduled = runs.find(run_id) if run_id is not None else None
    facts = {**(scheduled.source if scheduled else {}), **process_facts()}
    try:
        return monitors.check(name, run_id=run_id, by=who, source=facts, progress=progress)
    except BaseException as error:
        left = runs.find(run_id) if run_id is not None else None
        if left is not None and left.status == "scheduled":
            runs.end(left.id, "failed", reason=str(error)[:1000])
        raise
