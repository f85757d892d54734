"""The example's pipelines, each run once for all tests and workers: a run takes many seconds."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_lab import example

# Every twentieth flight: a quarter of the rows, smaller leaves and smaller groups.
SMALL = (
    "sample=5",
    "train.min_samples_leaf=25",
    "evaluate.min_flights=60",
)

Ran = dict[str, Any]


def mlops_lab(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mlops_lab", *arguments],
        cwd=cwd,
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

    def run(name: str, *params: str, label: str | None = None) -> Ran:
        label = label or name
        with (shared / f"{label}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = shared / f"{label}.json"
            if not done.exists():
                project = example.create(shared, f"project-{label}")
                options = [part for param in (*SMALL, *params) for part in ("-p", param)]
                ended = mlops_lab("pipeline", "run", name, *options, "--json", cwd=project)
                document = json.loads(ended.stdout) if ended.stdout else {"error": ended.stderr}
                document["returncode"] = ended.returncode
                document["project"] = str(project)
                done.write_text(json.dumps(document))
            return json.loads(done.read_text())

    return run


@pytest.fixture(scope="session")
def passing(run_once: Callable[..., Ran]) -> Ran:
    """The pipeline as it is, on the small variant."""
    return run_once("flight-delay")


@pytest.fixture(scope="session")
def leaking(run_once: Callable[..., Ran]) -> Ran:
    """The pipeline whose model has seen the departure delay."""
    return run_once("leak")


@pytest.fixture(scope="session")
def january(run_once: Callable[..., Ran]) -> Ran:
    """The pipeline with a model that has seen two weeks of January."""
    return run_once("flight-delay", "train.until=2013-01-15", "train.sweep=false", label="january")


def metrics(ran: Ran, step: str) -> dict[str, float]:
    """What a step logged."""
    return next(one["metrics"] for one in ran["steps"] if one["name"] == step)


def rejected(ran: Ran) -> list[str]:
    """The expressions of the gates that rejected."""
    return [gate["expression"] for gate in ran["gates"] if gate["state"] == "rejected"]
