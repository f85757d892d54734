"""The example's pipelines, each run once for all tests and workers: a run takes many seconds."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlops_lab import example
from mlops_lab.project import Project

# Every twentieth flight: a quarter of the rows, fewer trees, smaller leaves and smaller groups.
_FEWER = {"train.max_iter": 60, "train.min_samples_leaf": 25, "evaluate.min_flights": 60}
SMALL = ("sample=5", *(f"{name}={value}" for name, value in _FEWER.items()))
# What a model that is going to be refused need not be asked.
UNASKED = tuple(f"train.{name}=false" for name in ("cv", "curve", "importance"))
# Four weeks of the year, and what trains the next model as small as the first.
SPRING = ("sample=5", "year.until=2013-04-26", f"year.training={json.dumps(_FEWER)}")

Ran = dict[str, Any]


def mlops_lab(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mlops_lab", *arguments],
        cwd=cwd,
        # Workers share the cores: threads that wait for each other only burn them.
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=840,
        check=False,
    )


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this test run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "example"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def run_once(shared: Path) -> Callable[..., Ran]:
    """Runs a pipeline of the example, or gives what it came to when another test has done so."""

    def run(
        name: str, project: Path | None = None, params: Sequence[str] = SMALL, copy: bool = False
    ) -> Ran:
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = shared / f"{name}.json"
            if not done.exists():
                folder = shared / f"project-{name}"
                if project is None:
                    example.create(shared, folder.name)
                elif copy:
                    shutil.copytree(project, folder)
                else:
                    folder = project
                options = [part for param in params for part in ("-p", param)]
                ended = mlops_lab("pipeline", "run", name, *options, "--json", cwd=folder)
                document = json.loads(ended.stdout) if ended.stdout else {"error": ended.stderr}
                document["returncode"] = ended.returncode
                document["project"] = str(folder)
                done.write_text(json.dumps(document))
            return json.loads(done.read_text())

    return run


@pytest.fixture(scope="session")
def passing(run_once: Callable[..., Ran]) -> Ran:
    """The pipeline as it is, on the small variant."""
    return run_once("flight-delay")


@pytest.fixture(scope="session")
def january(run_once: Callable[..., Ran], passing: Ran) -> Ran:
    """The pipeline whose model has seen two weeks of January, against the champion."""
    return run_once("january", Path(passing["project"]), (*SMALL, *UNASKED))


@pytest.fixture(scope="session")
def spring(run_once: Callable[..., Ran], passing: Ran, january: Ran) -> Ran:
    """The first weeks after, in a project of their own: they have other champions."""
    return run_once("year", Path(passing["project"]), SPRING, copy=True)


def run_of(ran: Ran, step: str) -> str:
    """The id of a step's run."""
    return next(one["run_id"] for one in ran["steps"] if one["name"] == step)


def kept_file(ran: Ran, step: str, path: str) -> Path:
    """Where a project keeps what a step left."""
    return Project.open(Path(ran["project"])).runs.artifact_file(run_of(ran, step), path)


def metrics(ran: Ran, step: str) -> dict[str, float]:
    """What a step logged."""
    return next(one["metrics"] for one in ran["steps"] if one["name"] == step)


def rejected(ran: Ran) -> list[str]:
    """The expressions of the gates that rejected."""
    return [gate["expression"] for gate in ran["gates"] if gate["state"] == "rejected"]
