"""The processes of the triggers' tests, which `nursery.py` forks."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from mlops_lab.orchestration import detached
from mlops_lab.project import Project


def look(root: str, go: str, acks: str) -> None:
    """Look until somebody has started the pipeline, and write down whether it was us."""
    project = Project.open(root)
    project.triggers.list()
    Path(acks).write_text("there\n", encoding="utf-8")
    while not os.path.exists(go):
        time.sleep(0.001)
    while True:
        found = project.triggers.look()
        with Path(acks).open("a", encoding="utf-8") as file:
            file.writelines(f"{one.run_id}\n" for one in found.started)
        if any(one.kind == "trigger.start" for one in project.store.decisions()):
            return


def die(root: str) -> None:
    """Decide a start, and die before the run is launched."""

    def killed(*_: object, **__: object) -> str:
        os.kill(os.getpid(), signal.SIGKILL)
        return ""

    detached.launch = killed
    Project.open(root).triggers.look()


VERBS = {"look": look, "die": die}


def warm() -> None:
    import duckdb  # noqa: F401

    import mlops_lab.monitoring.manager
    import mlops_lab.orchestration.manager
    import mlops_lab.orchestration.triggers.manager  # noqa: F401
