"""The example's pipelines on real data: directions and ranges, never third decimals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Ran, metrics, mlops_lab, rejected

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_pipeline_passes_all_gates(passing: Ran) -> None:
    assert (passing["status"], passing["outcome"], passing["returncode"]) == (
        "finished",
        "passed",
        0,
    ), passing.get("error") or passing["gates"]
    assert len(passing["gates"]) == 6


def test_prepare_keeps_what_is_known_about_the_data(passing: Ran) -> None:
    found = metrics(passing, "prepare")
    assert found["rows"] == 4039
    assert (found["train_rows"], found["holdout_rows"]) == (3254, 646)
    assert 0.20 < found["late_rate"] < 0.26
    assert found["refused_wind_speed"] == 1  # 1,048 mph at Newark
    assert found["block_distance_correlation"] > 0.99
    # American and Envoy report their planes under other numbers; pressure has gaps.
    assert 0.10 < found["missing/seats"] < 0.25
    assert found["missing/seats"] <= found["missing/plane_age"]
    assert 0.05 < found["missing/pressure"] < 0.20


def test_evaluate_finds_real_but_modest_skill(passing: Ran) -> None:
    found = metrics(passing, "evaluate")
    assert 0.64 < found["auc"] < 0.78
    assert 0.40 < found["log_loss"] < 0.52
    assert 0.03 < found["skill"] < 0.18
    assert found["ece"] < 0.10
    assert abs(found["gap"]) < 0.06
    assert 0.0 < found["warned"] < 0.5
    assert found["precision"] > 0.25
    # Nobody warned costs three per late flight.
    assert found["cost_per_1000"] < 640


def test_train_compares_settings_in_child_runs(passing: Ran) -> None:
    project = Path(passing["project"])
    train = next(step for step in passing["steps"] if step["name"] == "train")
    children = json.loads(
        mlops_lab(
            "run", "list", f"parent = '{train['run_id']}'", "--all", "--json", cwd=project
        ).stdout
    )["runs"]
    assert len(children) == 6
    assert all(child["status"] == "finished" for child in children)
    assert {child["params"]["max_leaf_nodes"] for child in children} == {"7", "15", "31"}
    assert all(0.6 < child["metrics"]["auc"] < 0.85 for child in children)


def test_train_logs_a_learning_curve(passing: Ran) -> None:
    project = Path(passing["project"])
    train = next(step for step in passing["steps"] if step["name"] == "train")
    shown = json.loads(mlops_lab("run", "show", train["run_id"], "--json", cwd=project).stdout)
    curve = shown["metrics"]["log_loss"]
    assert curve["n"] == 24
    assert curve["goal"] == "min"
    assert not curve["guessed"]
    assert curve["best"] <= curve["last"] < curve["max"]
    assert metrics(passing, "train")["train/log_loss"] < curve["last"]  # it learns by heart


@pytest.mark.parametrize(
    ("step", "figures"),
    [
        ("prepare", {"block-minutes", "missing-values", "late-by-week", "late-by-hour"}),
        ("train", {"auc-by-week", "learning-curve", "importance"}),
        ("evaluate", {"roc", "calibration", "cost", "carriers", "latency"}),
    ],
)
def test_step_keeps_its_charts_and_its_notebook(passing: Ran, step: str, figures: set[str]) -> None:
    project = Path(passing["project"])
    run_id = next(one["run_id"] for one in passing["steps"] if one["name"] == step)
    shown = json.loads(mlops_lab("run", "show", run_id, "--json", cwd=project).stdout)
    paths = {artifact["path"] for artifact in shown["artifacts"]}
    assert {f"{name}.vl.json" for name in figures} <= paths
    assert f"notebook/{step}.ipynb" in paths


def test_leaking_model_is_refused_as_too_good_to_be_true(leaking: Ran) -> None:
    assert (leaking["status"], leaking["outcome"], leaking["returncode"]) == (
        "finished",
        "rejected",
        3,
    ), leaking.get("error") or leaking["gates"]
    assert rejected(leaking) == ["evaluate.auc <= 0.85"]
    assert metrics(leaking, "evaluate")["auc"] > 0.88


def test_model_of_two_weeks_is_refused_for_its_lack_of_skill(january: Ran) -> None:
    assert january["returncode"] == 3, january.get("error") or january["gates"]
    assert "evaluate.skill >= 0.01" in rejected(january)
    assert metrics(january, "evaluate")["skill"] < 0.01


def test_two_weeks_rank_worse_than_eleven(passing: Ran, january: Ran) -> None:
    assert metrics(january, "evaluate")["auc"] < metrics(passing, "evaluate")["auc"] - 0.02
