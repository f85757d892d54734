"""Fixtures of the public verbs: a project, this process in it, and no run left open."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlops_lab.handles import active
from mlops_lab.project import Project
from mlops_lab.tracking.active import active_runs


@pytest.fixture
def project(
    new_project: Callable[[Path], Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    for name in ("MLOPS_LAB_PROJECT", "MLOPS_LAB_RUN", "MLOPS_LAB_ROOT", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    # What a run gathers by itself has its own tests and would slow down all of these.
    monkeypatch.setenv("MLOPS_LAB_TRACKING_ENVIRONMENT", "false")
    monkeypatch.setenv("MLOPS_LAB_TRACKING_NOTEBOOK", "false")
    opened = new_project(tmp_path / "project")
    monkeypatch.chdir(opened.root)
    yield opened
    active_runs.end_all()
    active.set_experiment(None)
    active._process.step, active._process.taken = None, False
    opened.close()
