"""What the whole evaluation says of a week that performance is about."""

from __future__ import annotations

import numpy as np
import pandas as pd

import mlops_lab as lab

from .scored import rows, weeks


def test_scores_that_moved_are_not_told_as_unchanged() -> None:
    reference = weeks([rows(600, seed) for seed in range(9)], pd.Timestamp("2013-01-07"))
    parts = [rows(600, 50), rows(4800, 51, 0.35), rows(600, 52)]
    parts[1] = parts[1][parts[1]["score"] < 0.3].head(1200)
    found = lab.drift(
        reference,
        weeks(parts),
        time="at",
        by="week",
        timezone="America/New_York",
        target="late",
        score="score",
        columns=["carrier"],
        domain=False,
    )
    alert = next(one for one in found.alerts if one.kind == "performance")
    assert "late from 8 to 14 April where" in alert.sentence  # over at midnight in New York
    said = {section.title: section.lines for section in alert.sections}
    assert any("The score moved: D" in line for line in said["At the same time"])
    assert not any("score moved" in line for line in said["Unchanged"])
    concept = next(one for one in found.alerts if one.kind == "concept")
    assert "the scores promised" in concept.sentence


def test_an_input_explains_a_surprise_as_far_as_it_matters() -> None:
    """The timetable changed by a few points, the weather wholly: in both weeks many more are late.

    The timetable is worth next to nothing to the model, so that week nothing explains.
    """

    def inputs(frame: pd.DataFrame, seed: int, busier: float = 0.0, warmer: float = 0.0) -> None:
        draw = np.random.default_rng(seed)
        frame["traffic"] = draw.random(len(frame)) + busier
        frame["temp"] = draw.normal(40 + warmer, 5, len(frame))

    before, after = [rows(600, seed) for seed in range(9)], [rows(1200, 50, 0.3) for _ in range(2)]
    for seed, frame in enumerate(before):
        inputs(frame, seed)
    inputs(after[0], 20, busier=0.15)
    inputs(after[1], 21, warmer=20)
    after.append(rows(100, 52).assign(traffic=0.5, temp=40.0))  # a week that has just begun
    found = lab.drift(
        weeks(before, pd.Timestamp("2013-01-07")),
        weeks(after),
        time="at",
        by="week",
        target="late",
        score="score",
        columns=["traffic", "temp"],
        importance={"traffic": 0.004, "temp": 0.05},
        domain=False,
    )
    drifted = {one.name: one.states for one in found.columns}
    assert (drifted["traffic"][0], drifted["temp"][1]) == ("w", "a")
    (shock,) = [one for one in found.alerts if one.kind == "concept"]
    assert (shock.first, shock.last, shock.severity) == ("2013-04-01", "2013-04-01", "warn")
    assert "no input explains it" in shock.sentence


def test_a_reference_of_scores_without_truth_still_says_that_scores_moved() -> None:
    reference = weeks([rows(400, seed) for seed in range(9)]).drop(columns=["late", "origin"])
    moved = rows(4000, 51)
    parts = [rows(600, 50), moved[moved["score"] > 0.3].head(600), rows(50, 52)]
    found = lab.drift(
        reference, weeks(parts), time="at", by="week", target="late", score="score", domain=False
    )
    performance = found.performance
    assert performance is not None
    assert performance.metrics["score_drift"].states == "ows"
    assert performance.metrics["auc"].realised[0] is not None
    assert any("The reference has no labels" in note for note in performance.notes)
