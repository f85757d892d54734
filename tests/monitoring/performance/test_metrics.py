"""The metrics against scikit-learn, and their intervals."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mlops_lab.compute import ScoreCounts, count_scores, fit_scores
from mlops_lab.monitoring.performance.calibration import calibration_curve, curve_of
from mlops_lab.monitoring.performance.intervals import (
    Estimate,
    auc_interval,
    f1_interval,
    mean_interval,
    share_of,
)
from mlops_lab.monitoring.performance.metrics import METRICS, measure, metrics_of


def counted(frame: pd.DataFrame, **arguments: Any) -> ScoreCounts:
    return count_scores(frame, fit_scores(frame, **arguments)).window()


def binary(score: Any, late: Any, **arguments: Any) -> dict[str, Estimate]:
    frame = pd.DataFrame({"p": np.asarray(score, float), "y": np.asarray(late, bool)})
    return measure(counted(frame, score="p", target="y", **arguments))


def against_sklearn(found: dict[str, Estimate], score: Any, late: Any) -> None:
    called = np.asarray(score) >= 0.5
    expected = {
        "log_loss": sk.log_loss(late, score, labels=[False, True]),
        "brier": sk.brier_score_loss(late, score),
        "f1": sk.f1_score(late, called, zero_division=np.nan),
        "precision": sk.precision_score(late, called, zero_division=np.nan),
        "recall": sk.recall_score(late, called, zero_division=np.nan),
        "positive_share": np.mean(late),
        "mean_score": np.mean(score),
        "gap": np.mean(score) - np.mean(late),
    }
    for name, value in expected.items():
        if math.isnan(value):
            assert name not in found or found[name].value == 0
        else:
            assert found[name].value == pytest.approx(value, abs=1e-8), name
    if 0 < np.mean(late) < 1:
        auc = found["auc"]
        assert abs(auc.value - sk.roc_auc_score(late, score)) <= auc.certificate + 1e-12
    else:
        assert "auc" not in found


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 1, allow_subnormal=False), st.booleans()), min_size=1, max_size=60
    )
)
def test_equal_to_scikit_learn_for_few_scores(pairs: list[tuple[float, bool]]) -> None:
    score, late = zip(*pairs, strict=True)
    found = binary(score, late)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        against_sklearn(found, score, np.array(late))
    if "auc" in found:
        assert found["auc"].certificate == 0


@pytest.mark.parametrize("shape", [(2, 5), (0.3, 40), (1, 1), (50, 50)])
def test_equal_to_scikit_learn_within_the_certificate(shape: tuple[float, float]) -> None:
    draw = np.random.default_rng(7)
    score = draw.beta(*shape, 20_000)
    late = draw.random(20_000) < score
    found = binary(score, late)
    against_sklearn(found, score, late)
    assert found["auc"].certificate < 0.003
    # What bins do to AUC is far less than they could.
    assert found["auc"].value == pytest.approx(sk.roc_auc_score(late, score), abs=2e-4)


def test_logits_rank_and_have_no_losses() -> None:
    draw = np.random.default_rng(3)
    score = draw.normal(0, 3, 5000)
    late = draw.random(5000) < 1 / (1 + np.exp(-score))
    found = binary(score, late, threshold=0.0)
    assert set(found) == {"auc", "f1", "precision", "recall", "positive_share", "mean_score"}
    assert found["auc"].value == pytest.approx(sk.roc_auc_score(late, score), abs=2e-4)
    assert found["f1"].value == pytest.approx(sk.f1_score(late, score >= 0))


def test_a_column_of_answers_wins_over_the_threshold() -> None:
    frame = pd.DataFrame({"p": [0.9, 0.8, 0.2], "y": [1, 0, 1], "a": [1, 0, 0]})
    counts = counted(frame, score="p", target="y", prediction="a")
    assert counts.confusion.tolist() == [[1, 0], [1, 1]]
    alone = counted(frame, target="y", prediction="a")
    assert "auc" not in measure(alone)


def test_answers_that_are_no_label_are_wrong() -> None:
    frame = pd.DataFrame({"y": list("abcabc"), "a": list("abcabc")})
    grid = fit_scores(frame, target="y", prediction="a")
    other = frame.assign(a=["a", "b", "z", "z", None, "c"])
    found = measure(count_scores(other, grid).window())
    assert found["accuracy"].value == pytest.approx(3 / 5)
    kept = other.dropna()
    expected = sk.f1_score(kept["y"], kept["a"], average="macro", zero_division=0)
    assert found["macro_f1"].value == pytest.approx(expected)


def test_macro_f1_and_accuracy_of_several_labels() -> None:
    draw = np.random.default_rng(2)
    came = draw.choice(list("abcd"), 600, p=[0.6, 0.2, 0.15, 0.05])
    answer = np.where(draw.random(600) < 0.7, came, draw.choice(list("abcde"), 600))
    frame = pd.DataFrame({"y": came, "a": answer})
    found = measure(counted(frame, target="y", prediction="a"))
    assert found["accuracy"].value == pytest.approx(sk.accuracy_score(came, answer))
    expected = sk.f1_score(came, answer, average="macro", zero_division=0)
    macro = found["macro_f1"]
    assert macro.value == pytest.approx(expected)
    assert macro.low is not None
    assert macro.high is not None
    drawn = []
    for seed in range(60):
        pick = np.random.default_rng(seed).integers(0, 600, 600)
        drawn.append(sk.f1_score(came[pick], answer[pick], average="macro", zero_division=0))
    assert macro.high - macro.low == pytest.approx(4 * np.std(drawn), rel=0.3)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 3e7])
def test_errors_of_a_regression(scale: float) -> None:
    draw = np.random.default_rng(4)
    came = draw.gamma(2, 20 * scale, 4000)
    answer = came + draw.normal(scale, 5 * scale, 4000)
    frame = pd.DataFrame({"minutes": came, "answer": answer})
    found = measure(counted(frame, target="minutes", prediction="answer"))
    error = answer - came
    assert found["mae"].value == pytest.approx(np.abs(error).mean(), rel=1e-7)
    assert found["rmse"].value == pytest.approx(np.sqrt((error**2).mean()), rel=1e-6)
    assert found["bias"].value == pytest.approx(error.mean(), rel=1e-6)
    rmse = found["rmse"]
    assert rmse.low is not None
    assert rmse.high is not None
    assert rmse.low < rmse.value < rmse.high


def test_shares_and_f1_hold_as_often_as_they_say() -> None:
    draw = np.random.default_rng(6)

    def holds(found: Estimate | None, truth: float) -> bool:
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        return found.low <= truth <= found.high

    shares = [holds(share_of(int(k), 40), 0.07) for k in draw.binomial(40, 0.07, 1000)]
    assert 0.92 < np.mean(shares) < 0.99
    cells = draw.multinomial(200, [0.2, 0.1, 0.15, 0.55], 1000)
    f1 = [holds(f1_interval(int(a), int(b), int(c)), 0.4 / 0.65) for a, b, c, _ in cells]
    assert 0.93 < np.mean(f1) < 0.98


def test_auc_interval_holds_as_often_as_it_says() -> None:
    draw = np.random.default_rng(8)
    truth, hits = 0.5 * math.erfc(-1.2 / 2), 0
    for _ in range(400):
        one, zero = draw.normal(1.2, 1, 30), draw.normal(0, 1, 60)
        auc = float((one[:, None] > zero[None]).mean())
        found = auc_interval(auc, 30, 60)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= truth <= found.high
    assert 0.92 < hits / 400 < 0.99
    assert (auc_interval(0.0, 5, 5).low, auc_interval(1.0, 5, 5).high) == (0.0, 1.0)


def test_nothing_has_no_interval() -> None:
    assert share_of(0, 0) is None
    assert f1_interval(0, 0, 0) is None
    assert mean_interval(0.0, 0.0, 0) is None


@pytest.mark.parametrize("key", METRICS)
def test_every_metric_of_no_rows_and_one_row(key: tuple[str, str]) -> None:
    task, name = key
    frame = pd.DataFrame({"p": [0.3, 0.7], "y": [0, 1], "c": ["a", "b"], "d": ["b", "b"]})
    frame["z"] = [10.5, 3.0]
    arguments: dict[str, Any] = {
        "binary": {"score": "p", "target": "y"},
        "multiclass": {"target": "c", "prediction": "d", "task": "multiclass"},
        "regression": {"target": "z", "prediction": "p", "task": "regression"},
    }[task]
    grid = fit_scores(frame, **arguments)
    metric = metrics_of(grid.task)[name]
    assert metric.measure(count_scores(frame.head(0), grid).window()) is None
    for part in (frame.head(1), frame):
        found = metric.measure(count_scores(part, grid).window())
        if found is not None:
            assert math.isfinite(found.value)
            assert found.low is None or found.low <= found.value + 1e-12
            assert found.high is None or found.high >= found.value - 1e-12


def test_calibration_is_that_of_scikit_learn() -> None:
    from sklearn.isotonic import IsotonicRegression

    draw = np.random.default_rng(9)
    score = draw.integers(0, 400, 3000) / 400
    late = draw.random(3000) < score**2
    frame = pd.DataFrame({"p": score, "y": late})
    ours = curve_of(counted(frame, score="p", target="y"))
    assert ours is not None
    theirs = IsotonicRegression(out_of_bounds="clip").fit(score, late)
    at = np.linspace(-0.1, 1.1, 200)
    assert np.allclose(ours(at), theirs.predict(at), atol=1e-9)


def test_calibration_error_of_right_and_wrong_probabilities() -> None:
    draw = np.random.default_rng(10)
    score = draw.beta(2, 5, 20_000)
    good = binary(score, draw.random(20_000) < score)["ece"]
    bad = binary(score, draw.random(20_000) < np.clip(score + 0.1, 0, 1))["ece"]
    assert good.value < 0.015
    assert good.low is not None
    assert good.low < 0.006
    assert bad.value == pytest.approx(0.1, abs=0.01)
    assert bad.low is not None
    assert bad.low > 0.08
    frame = pd.DataFrame({"p": score, "y": draw.random(20_000) < score})
    curve = calibration_curve(counted(frame, score="p", target="y"))
    assert len(curve) == 10
    assert sum(one.n for one in curve) == 20_000
    assert max(abs(one.share - one.score) for one in curve) < 0.04
