"""Fixtures of the public verbs: a project, this process in it, and no run left open."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlops_lab.handles import active
from mlops_lab.project import Project
from mlops_lab.tracking.active import active_runs


@pytest.fixture
def project(new_project: Callable[[Path], Project], tmp_path: Path) -> Iterator[Project]:
    with inside(new_project(tmp_path / "project")) as opened:
        yield opened


@contextmanager
def inside(opened: Project) -> Iterator[Project]:
    """This process in a project; afterwards it is closed and no run is left open."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLOPS_LAB_PROJECT", "MLOPS_LAB_RUN", "MLOPS_LAB_ROOT", "JPY_SESSION_NAME"):
            patch.delenv(name, raising=False)
        # What a run gathers by itself has its own tests and would slow down all of these.
        patch.setenv("MLOPS_LAB_TRACKING_ENVIRONMENT", "false")
        patch.setenv("MLOPS_LAB_TRACKING_NOTEBOOK", "false")
        patch.chdir(opened.root)
        yield opened
        active_runs.end_all()
        active.set_experiment(None)
        active._process.step, active._process.taken = None, False
        opened.close()
