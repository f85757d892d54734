"""Estimates without labels: as from the raw rows, right while the concept holds, blind when not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

from mlops_lab.compute import ScoreCounts, count_scores, fit_scores
from mlops_lab.monitoring.performance.cbpe import ESTIMATED, Cbpe
from mlops_lab.monitoring.performance.metrics import measure

from .scored import WEEK, rows, weeks


def two(reference: pd.DataFrame, current: pd.DataFrame) -> tuple[ScoreCounts, ScoreCounts]:
    grid = fit_scores(reference, score="score", target="late")
    return count_scores(reference, grid).window(), count_scores(current, grid).window()


def by_rows(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, float]:
    """The published algorithm, row by row."""
    late = reference["late"].astype(bool)
    curve = IsotonicRegression(out_of_bounds="clip").fit(reference["score"], late)
    s = current["score"].to_numpy()
    p = curve.predict(s)
    order = np.argsort(s, kind="stable")
    below = np.cumsum((1 - p)[order]) - (1 - p)[order] / 2
    called = s >= 0.5
    hits = p[called].sum()
    return {
        "auc": float((p[order] * below).sum() / (p.sum() * (1 - p).sum())),
        "log_loss": float((-p * np.log(s) - (1 - p) * np.log(1 - s)).mean()),
        "brier": float((p * (1 - s) ** 2 + (1 - p) * s**2).mean()),
        "f1": float(2 * hits / (called.sum() + p.sum())),
        "precision": float(hits / called.sum()),
        "recall": float(hits / p.sum()),
        "positive_share": float(p.mean()),
        "gap": float(s.mean() - p.mean()),
    }


def test_bins_give_what_rows_give() -> None:
    reference, current = rows(20_000, 1, more_late=0.05), rows(6_000, 2, noise=0.2)
    before, now = two(reference, current)
    cbpe = Cbpe.fit(before, 1000)
    assert cbpe is not None
    found, expected = cbpe.estimate(now), by_rows(reference, current)
    assert set(found) == set(expected) == set(ESTIMATED)
    for name, value in expected.items():
        # What is left is the order of rows within one of a thousand bins.
        assert found[name].value == pytest.approx(value, abs=2e-5), name


def test_interval_holds_while_the_concept_does() -> None:
    reference = rows(60_000, 3)
    grid = fit_scores(reference, score="score", target="late")
    cbpe = Cbpe.fit(count_scores(reference, grid).window(), 1000)
    assert cbpe is not None
    inside: dict[str, list[bool]] = {}
    spread: dict[str, list[float]] = {}
    parts = count_scores(weeks([rows(2000, 100 + i) for i in range(40)]), grid, chunking=WEEK)
    for chunk in parts.chunks:
        counts = parts.window([chunk.key])
        realised = measure(counts)
        for name, one in cbpe.estimate(counts).items():
            assert one.low is not None
            assert one.high is not None
            inside.setdefault(name, []).append(one.low <= realised[name].value <= one.high)
            half = max(one.value - one.low, one.high - one.value)
            spread.setdefault(name, []).append((realised[name].value - one.value) / (half / 3))
    assert set(inside) == set(ESTIMATED)
    for name, hits in inside.items():
        assert np.mean(hits) >= 0.95, name
        # Three standard deviations are what the band says they are.
        assert 0.7 < np.std(spread[name]) < 1.4, name


def test_sees_harder_rows_and_is_blind_to_another_concept() -> None:
    reference = rows(20_000, 4)
    harder = reference[reference["score"].between(0.25, 0.45)]
    other = rows(5_000, 5, more_late=0.2)
    before, hard = two(reference, harder)
    cbpe = Cbpe.fit(before, 1000)
    assert cbpe is not None
    found = cbpe.estimate(hard)["auc"].value
    real = roc_auc_score(harder["late"].astype(bool), harder["score"])
    assert found == pytest.approx(real, abs=0.02)
    assert real < 0.6
    _, changed = two(reference, other)
    estimate = cbpe.estimate(changed)["positive_share"]
    assert estimate.high is not None
    assert estimate.high < measure(changed)["positive_share"].value - 0.1


def test_what_cannot_be_learnt_is_none() -> None:
    frame = rows(3_000, 6)
    before, empty = two(frame, frame.head(0))
    assert Cbpe.fit(before, 5_000) is None
    for labels in (True, None):
        other, _ = two(frame.assign(late=labels), frame)
        assert Cbpe.fit(other, 1_000) is None
    cbpe = Cbpe.fit(before, 1_000)
    assert cbpe is not None
    assert cbpe.estimate(empty) == {}


def test_constant_scores_rank_nothing() -> None:
    frame = rows(3_000, 7).assign(score=0.3)
    before, now = two(frame, frame)
    cbpe = Cbpe.fit(before, 1_000)
    assert cbpe is not None
    found = cbpe.estimate(now)
    assert found["auc"].value == pytest.approx(0.5)
    assert found["positive_share"].value == pytest.approx(frame["late"].astype(bool).mean())
