"""Goals: declared once, else a guess that is marked as one."""

import pytest

from mlops_lab.tracking.goals import goal_metric, goal_of_metric


@pytest.mark.parametrize(
    "key",
    [
        "loss",
        "val/loss",
        "log_loss",
        "logloss",
        "train_error",
        "RMSE",
        "mae",
        "val_mse",
        "nll",
        "perplexity",
        "latency_p95_ms",
        "losses",
        "errors",
    ],
)
def test_low_is_guessed_for_what_is_better_low(key: str) -> None:
    goal = goal_of_metric(key, {})
    assert (goal.direction, goal.guessed) == ("min", True)


@pytest.mark.parametrize("key", ["auc", "accuracy", "f1", "closeness", "mean_score", "损失"])
def test_high_is_guessed_for_the_rest(key: str) -> None:
    assert goal_of_metric(key, {}).direction == "max"


def test_declared_goal_is_no_guess() -> None:
    assert goal_of_metric("loss", {"loss": "max"}).direction == "max"
    assert not goal_of_metric("loss", {"loss": "max"}).guessed


def test_the_first_metric_with_a_goal_stands_for_a_run() -> None:
    assert goal_metric(["loss", "auc"], {"auc": "max"}).key == "auc"  # type: ignore[union-attr]
    assert goal_metric(["loss", "auc"], {}).key == "loss"  # type: ignore[union-attr]


def test_samples_of_the_machine_never_stand_for_a_run() -> None:
    assert goal_metric(["system/memory_bytes"], {}) is None
    assert goal_metric(["system/cpu", "loss"], {}).key == "loss"  # type: ignore[union-attr]
