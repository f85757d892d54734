"""What the whole evaluation says of a week that performance is about."""

from __future__ import annotations

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
        target="late",
        score="score",
        columns=["carrier"],
        domain=False,
    )
    alert = next(one for one in found.alerts if one.kind == "performance")
    said = {section.title: section.lines for section in alert.sections}
    assert any("The score moved: D" in line for line in said["At the same time"])
    assert not any("score moved" in line for line in said["Unchanged"])
    concept = next(one for one in found.alerts if one.kind == "concept")
    assert "the scores promised" in concept.sentence
