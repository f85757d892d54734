"""What ``doctor`` looks at: the installation, then a project. Nothing is changed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops_lab.cli.finding import Finding, State, pip, seen
from mlops_lab.cli.installation import examine_installation
from mlops_lab.cli.output import shown, size
from mlops_lab.errors import LabError

__all__ = ["examine"]

LITTLE_SPACE = 1 << 30
NO_SPACE = 100 << 20


def examine(directory: Path | None) -> Iterator[Finding]:
    """All findings, as they are made.

    Parameters
    ----------
    directory
        A project, or a folder in it; default the current folder.
    """
    yield from examine_installation()
    yield from _project(directory)


def _project(directory: Path | None) -> Iterator[Finding]:
    from mlops_lab.project import Project

    near = directory or Path(os.environ.get("MLOPS_LAB_PROJECT") or Path.cwd())
    if not near.exists():
        yield Finding("project", "failed", f"there is no folder {near}", f"mlops-lab init {near}")
        return
    try:
        project = Project.find(near)
    except (LabError, OSError) as error:
        yield Finding("project", "failed", str(error))
        yield from _space(near)
        return
    if project is None:
        yield Finding("project", "hint", f"none in {near.absolute()} or above", "mlops-lab init")
        yield from _locks(near)
        yield from _space(near)
        return
    try:
        said = f"{project.name}, {project.root}"
    except LabError as error:
        yield Finding("project", "failed", str(error))
    else:
        read_only = ", read-only here" if project.read_only else ""
        yield Finding("project", "warning" if read_only else "ok", said + read_only)
    yield from seen("roles", _roles(project))
    yield from seen("store", _store(project))
    yield from seen("monitors", _monitors(project))
    yield from _space(project.root)
    yield from seen("git", _git(project.root))


def _roles(project: Any) -> Iterator[Finding]:
    from mlops_lab.governance.access import CONFIG_NAME, SECTION

    where = f"c.{SECTION}.roles in {CONFIG_NAME}.py; `jupyter --paths` says where that may stand"
    try:
        rules, own = project.access.rules, project.access.role_of(project.identity)
    except LabError as error:
        yield Finding("roles", "failed", f"{error} ({where})", "jupyter --paths")
        return
    who = f"you ({project.identity.id}) are {own}"
    if rules.roles:
        said = f"{len(rules.roles)} given by name, others are {rules.of_others}; {who}"
    elif rules.default:
        said = f"everybody is {rules.default}"
    else:
        said = "everybody is admin: nobody has been given a role"
    yield Finding("roles", "ok", f"{said} ({where})")


def _monitors(project: Any) -> Iterator[Finding]:
    """Files with faults, and what their channels miss here; nothing in a project without any."""
    try:
        files = project.monitors.files()
    except LabError as error:
        yield Finding("monitors", "failed", str(error))
        return
    for file in files:
        if file.spec is None:
            yield Finding("monitors", "warning", str(file.faults[0]), f"edit {file.path}")
            continue
        for channel in file.spec.channels:
            missing = [name for name in channel.variables if not os.environ.get(name)]
            if missing:
                told = f"{file.name} tells {channel.label}, and {' and '.join(missing)} is not set"
                yield Finding("monitors", "hint", told, f"export {missing[0]}=…")
    sound = [file for file in files if file.spec is not None]
    due = sum(file.spec.schedule is not None for file in sound)
    if sound and len(sound) == len(files):
        count = f"{len(sound)} without faults" if len(sound) > 1 else f"{sound[0].name}, no faults"
        when = f", {due} with a schedule, which a running Jupyter Server keeps" if due else ""
        yield Finding("monitors", "ok", count + when)


def _store(project: Any) -> Iterator[Finding]:
    began = time.monotonic()
    try:
        status = project.store.status()
    except LabError as error:
        yield Finding("store", "failed", str(error), "mlops-lab store fold --rebuild")
        return
    took = time.monotonic() - began
    if status.locks:
        yield Finding(
            "locks",
            "failed",
            f"{status.locks}; several processes could lose data",
            "move the project to a local file system",
        )
    elif status.network:
        yield Finding(
            "locks", "warning", f"work, but this is a network file system ({status.network})"
        )
    else:
        yield Finding("locks", "ok", "a lock taken here shuts a second process out")
    total = f"{size(status.journal_bytes)} of journals, {status.decisions:,} decisions"
    if status.rejected:
        yield Finding(
            "store",
            "warning",
            f"{status.rejected} unreadable lines are set aside",
            "mlops-lab store verify",
        )
    elif status.newer:
        yield Finding(
            "store",
            "warning",
            f"{status.newer} lines are of a newer program; they are kept and read by it",
            f"{pip()} install --upgrade mlops-lab",
        )
    else:
        yield Finding("store", "ok", f"{total}, read in {took:.1f} s")


def _locks(near: Path) -> Iterator[Finding]:
    """The lock test where there is no store yet."""
    from mlops_lab.store.lock import locks_work

    folder = near if near.is_dir() else near.parent
    if not os.access(folder, os.W_OK):
        yield Finding("folder", "warning", f"nothing can be written in {shown(folder)}")
        return
    problem = locks_work(folder)
    if problem:
        yield Finding("locks", "failed", problem, "make the project on a local file system")
    else:
        yield Finding("locks", "ok", "a lock taken here shuts a second process out")


def _space(near: Path) -> Iterator[Finding]:
    folder = near.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    state: State = "failed" if free < NO_SPACE else "warning" if free < LITTLE_SPACE else "ok"
    yield Finding(
        "disk", state, f"{size(free)} free", "" if state == "ok" else f"du -sh {shown(folder)}"
    )


def _git(root: Path) -> Iterator[Finding]:
    if any((folder / ".git").exists() for folder in (root, *root.parents)):
        yield Finding(
            "git",
            "hint",
            "`git clean -fdx` would delete the store, like every ignored file",
            "git clean -fdx -e .mlops",
        )
