"""``mlops-lab trigger``: what it says, what it starts, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mlops_lab.project import Project

from .conftest import LOG_AUC, Call, write_pipeline


@pytest.fixture
def small(here: Path) -> Project:
    """A pipeline whose gate asks for more than it reaches, started by a dataset."""
    path = write_pipeline(here, LOG_AUC, gates=["fit.auc >= 0.8"])
    path.write_text(path.read_text() + "triggers:\n  - dataset: flights\n")
    return Project.open(here)


def test_a_project_without_triggers_says_how_one_is_written(here: Path, call: Call) -> None:
    said = call("trigger", "list")
    assert (said.code, said.out[:40]) == (0, "No triggers yet: `triggers: [{schedule: ")
    assert call("trigger", "list", "--json").json == {"pipelines": []}
    assert call("trigger", "run", "--watch", "--once").code == 2


def test_what_was_started_is_waited_for_and_its_outcome_is_the_exit_code(
    small: Project, call: Call
) -> None:
    assert call("trigger", "run").out.startswith("Nothing has happened")
    small.datasets.commit("flights", pd.DataFrame({"a": [1]}))
    planned = call("trigger", "run", "--dry-run")
    assert planned.out.startswith("small: would start: flights 1 was committed")
    assert "flights 1 was committed" in call("trigger", "list").out

    said = call("trigger", "run", "--wait")

    assert said.code == 3, said.out
    assert "small: run " in said.out
    assert "auc 0.7 is below 0.80" in said.out or "auc 0.7 is below 0.8" in said.out
    (one,) = call("trigger", "list", "--json").json["pipelines"]
    (start,) = one["starts"]
    assert (start["status"], start["outcome"]) == ("finished", "rejected")
    assert [each["state"] for each in one["triggers"]] == ["quiet"]
    shown = call("run", "show", start["run_id"][:8]).out
    assert "Started by a trigger: flights 1 was committed" in shown
    found = call("run", "list", "tags.trigger = 'dataset'", "--json").json
    assert start["run_id"] in str(found)


def test_a_file_with_faults_is_said(small: Project, call: Call) -> None:
    path = small.root / "pipelines" / "small.yaml"
    path.write_text(path.read_text().replace("dataset:", "dataste:"))
    said = call("trigger", "run")
    assert said.code == 0
    assert "pipelines/small.yaml: Its triggers wait until it is sound." in said.out
    assert "Did you mean dataset?" in call("trigger", "list").out
