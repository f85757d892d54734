"""The mistakes that the example shows: each is refused, by the gates that its README says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlops_lab import example
from mlops_lab.orchestration.gates import Champion, GateFacts, decide
from mlops_lab.orchestration.params import resolve_params, step_params
from mlops_lab.orchestration.spec import PipelineSpec, load_spec

from .conftest import SMALL, Ran, kept_file, metrics

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FIGHT = {
    "evaluate.auc >= champion.evaluate.auc - 0.005",
    "evaluate.log_loss <= champion.evaluate.log_loss",
}
REFUSED = {
    "leak": {"evaluate.auc <= 0.85"},
    "weights": {
        "evaluate.skill >= 0.01",
        "evaluate.ece <= 0.15",
        "evaluate.log_loss <= champion.evaluate.log_loss",
    },
    "shuffled": {
        "evaluate.auc >= 0.60",
        "evaluate.skill >= 0.01",
        "evaluate.worst_carrier_gap <= 0.10",
        *FIGHT,
    },
    "without": FIGHT,
    "celsius": FIGHT,
}
"""The gates that refuse each mistake; all others let it pass."""


def commands() -> dict[str, dict[str, str]]:
    """The README's commands that make a mistake: what stands behind each ``-p``, by the mistake.

    The leak has a pipeline of its own.
    """
    text = (example.source() / "README.md").read_text(encoding="utf-8")
    assert "\nmlops-lab pipeline run leak " in text
    found: dict[str, dict[str, str]] = {"leak": {}}
    for line in re.findall(r"^mlops-lab pipeline run january (-p .*)$", text, re.M):
        words = shlex.split(line, comments=True)
        params = dict(word.split("=", 1) for word in words if word != "-p")
        found[list(params)[-1].removeprefix("train.")] = params
    return found


def small(name: str) -> dict[str, str]:
    """The params of the small variant that are a step's own."""
    found = dict(one.split("=") for one in SMALL)
    return {key: value for key, value in found.items() if key.startswith(f"{name}.")}


def spec_of(mistake: str) -> PipelineSpec:
    name = "leak" if mistake == "leak" else "january"
    return load_spec(example.source() / "pipelines" / f"{name}.yaml", root=example.source())


@pytest.fixture(scope="module")
def exams(
    passing: Ran, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, dict[str, float]]]:
    """What `train` and `evaluate` log for each mistake, on the data of the pipeline that passed.

    One process for all: most of a pipeline's time is kernels that load pandas and scikit-learn.
    """
    project = example.create(tmp_path_factory.mktemp("mistakes"))
    files = {
        name: str(kept_file(passing, "prepare", f"outputs/{name}.parquet"))
        for name in ("train", "holdout")
    }
    asked: list[dict[str, Any]] = []
    for number, (mistake, params) in enumerate(commands().items()):
        spec = spec_of(mistake)
        shared, own = resolve_params(spec, {**small("train"), **small("evaluate"), **params})
        candidate = str(project / f"candidate-{number}.skops")
        given = {
            name: step_params(spec.step(name), shared, own[name]) for name in ("train", "evaluate")
        }
        given["train"] |= {**files, "candidate": candidate}
        given["evaluate"] |= {**files, "model": candidate, "tries": 1}
        asked.append(given)
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("by_hand.py"))],
        input=json.dumps({"notebooks": str(project / "notebooks"), "exams": asked}),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return dict(zip(commands(), json.loads(ended.stdout.splitlines()[-1]), strict=True))


def of(figures: dict[str, float]) -> dict[str, Any]:
    return {key: SimpleNamespace(last=value) for key, value in figures.items()}


def test_every_mistake_of_the_readme_is_here() -> None:
    assert set(commands()) == set(REFUSED)


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_mistake_is_refused_by_the_gates_that_see_it(
    mistake: str, exams: dict[str, Any], passing: Ran
) -> None:
    logged = exams[mistake]
    facts = GateFacts(
        params={},
        metrics={name: of(figures) for name, figures in logged.items()},
        outputs={"train": {"model": {"size_bytes": logged["train"]["size_bytes"]}}},
        champion=Champion("champion", "flight-delay", 1, of(metrics(passing, "evaluate"))),
    )
    gates = spec_of(mistake).gates
    ruled = [decide(gate, facts) for gate in gates if gate.kind == "metric"]
    assert len(ruled) == 9
    refused = {one.expression: one.sentence for one in ruled if one.state != "passed"}
    assert set(refused) == REFUSED[mistake], refused
