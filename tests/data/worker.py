"""The processes of the data's tests: small verbs, which `nursery.py` forks."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from mlops_lab.errors import Conflict
from mlops_lab.project import Project


def commit(root: str, name: str, sources: list[str], acks: str, go: str | None = None) -> None:
    """Commit one after the other, and write down each version that was told."""
    while go is not None and not os.path.exists(go):
        time.sleep(0.001)
    project = Project.open(root)
    fd = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for source in sources:
        version = None
        while version is None:
            with contextlib.suppress(Conflict):  # collected under our hands three times
                version = project.datasets.commit(name, Path(source))
        os.write(fd, f"{version.version} {version.digest} {source}\n".encode())


def checkout(root: str, refs: list[str], dest: str, acks: str) -> None:
    """Check one version out over the other until killed."""
    project = Project.open(root)
    fd = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        for ref in refs:
            project.datasets.checkout(ref, dest)
            os.write(fd, f"{ref}\n".encode())


def collect(root: str, acks: str) -> None:
    """Collect again and again until killed, with a second in the place of two weeks."""
    project = Project.open(root)
    fd = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        for digest in project.store.objects.digests():
            path, now = project.store.objects.path(digest), time.time()
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < now - 1:
                    os.utime(path, (now - 20 * 86_400, now - 20 * 86_400))
        report = project.store.collect(apply=True)
        os.write(fd, f"{len(report.items)}\n".encode())


VERBS = {"commit": commit, "checkout": checkout, "collect": collect}


def warm() -> None:
    import duckdb  # noqa: F401
    import pyarrow  # noqa: F401

    import mlops_lab.compute
    import mlops_lab.data.manager
    import mlops_lab.data.suite_run  # noqa: F401
