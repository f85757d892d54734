"""``pipeline run`` of a pipeline that promotes: the last line, and exit codes 3 and 4."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Call, write_notebook

pytestmark = pytest.mark.timeout(300)

# A model that is a number: keeping and registering it is real, fitting it takes no time.
TRAIN = """
import json, pathlib, tempfile
import mlops_lab as lab
from mlops_lab.project import Project

models = Project.locate().models
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "model.json").write_text(json.dumps({"flavor": "sklearn", "unsafe": False}))
(folder / "skill.txt").write_text(str(skill))
run = lab.start_run()
run.log_metric("auc", skill)
models.log_package(run.id, "model", folder)
models.register(model, run_id=run.id)
"""

PIPELINE = """
name: delay
params: {skill: 0.7}
steps:
  train: {notebook: ../notebooks/train.ipynb, outputs: {model: model:delay}}
gates:
  - metric: train.auc >= 0.6
GATE
promote: {model: train.model, alias: champion}
"""


def write(here: Path, gate: str = "") -> None:
    write_notebook(here / "notebooks" / "train.ipynb", "skill = 0.5\nmodel = 'm'", TRAIN)
    (here / "pipelines").mkdir(exist_ok=True)
    (here / "pipelines" / "delay.yaml").write_text(PIPELINE.replace("GATE", gate))


def test_run_that_promotes_says_so_in_its_last_line(here: Path, call: Call) -> None:
    write(here)

    first = call("pipeline", "run", "delay")
    assert first.code == 0, first.out
    assert first.out.rstrip().splitlines()[-1] == "✓  delay 1 is champion now"

    second = call("pipeline", "run", "delay", "-p", "skill=0.5")
    assert second.code == 3
    assert second.out.rstrip().splitlines()[-1] == "⊗  delay 2 does not become champion; 1 stays"

    plan = call("pipeline", "show", "delay")
    assert "train.model becomes champion of delay (now 1)" in plan.out


def test_run_that_waits_exits_with_4_and_names_the_command(here: Path, call: Call) -> None:
    write(here, "  - approval: {role: approver, count: 1}")

    said = call("pipeline", "run", "delay", "--junit", "gates.xml")

    assert said.code == 4
    assert "gate waiting: waits for approval by an approver of delay 1 as champion" in said.out
    assert "‖  finished, waits for approval" in said.out
    assert "mlops-lab model approve delay@1 --alias champion" in said.out
    assert said.out.rstrip().splitlines()[-1].startswith("‖  ")
    assert "<skipped" in (here / "gates.xml").read_text()


def test_run_that_the_policy_refuses_says_why(here: Path, call: Call) -> None:
    write(here)
    with (here / "mlops.toml").open("a") as file:
        file.write('\n[aliases.champion]\nafter = "staging"\n')

    said = call("pipeline", "run", "delay")

    assert said.code == 3
    assert "The policy of champion refuses delay 1: Has not been staging yet" in said.out
    assert said.out.rstrip().splitlines()[-1] == "⊗  delay 1 does not become champion"
