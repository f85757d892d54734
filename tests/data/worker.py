"""The processes of the data's tests: small verbs, and a nursery that forks them cheaply.

Started as ``python worker.py``, it imports everything once and forks a process for each line
``{"verb": …, …}`` that it reads, answering with its id; ``{"wait": pid}`` answers with its code.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import traceback
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


def main() -> None:
    import duckdb  # noqa: F401  imported once here instead of in every process
    import pyarrow  # noqa: F401

    import mlops_lab.compute
    import mlops_lab.data.manager
    import mlops_lab.data.suite_run  # noqa: F401

    codes: dict[int, int] = {}
    for text in sys.stdin:
        order = json.loads(text)
        if (pid := order.pop("wait", None)) is not None:
            while pid not in codes:
                done, status = os.waitpid(-1, 0)
                codes[done] = os.waitstatus_to_exitcode(status)
            print(codes[pid], flush=True)
            continue
        verb = VERBS[order.pop("verb")]
        child = os.fork()
        if child == 0:
            code = 1
            try:
                verb(**order)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(child, flush=True)


if __name__ == "__main__":
    main()
