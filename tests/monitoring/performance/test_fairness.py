"""Rates of groups: counted as by hand, told with their interval, and an alarm when they change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlops_lab.compute import count_scores, fit_scores
from mlops_lab.monitoring.performance.fairness import RATES, disparities, group_rates
from mlops_lab.monitoring.settings import Policy, Settings

from .scored import judged, rows, weeks

FAIR = Settings(fairness=("carrier",))


def unequal(frame: pd.DataFrame, carrier: str, seed: int = 1) -> pd.DataFrame:
    """Half of a carrier's rows get a high score for nothing."""
    draw = np.random.default_rng(seed)
    hit = (frame["carrier"] == carrier) & (draw.random(len(frame)) < 0.5)
    return frame.assign(score=frame["score"].where(~hit, 0.9))


def test_rates_are_those_of_the_rows() -> None:
    frame = unequal(rows(4000, 1), "UA")
    frame.loc[frame.index[:300], "late"] = None
    grid = fit_scores(frame, score="score", target="late", segments=["carrier"])
    found = {
        one.group: one for one in group_rates(count_scores(frame, grid), ["carrier"], Policy())
    }
    for carrier, part in frame.groupby("carrier"):
        one, called = found[str(carrier)], part["score"] >= 0.5
        known = part["late"].notna()
        late = part["late"] == True  # noqa: E712 - there are missing ones
        expected = {
            "selection_rate": called.mean(),
            "tpr": called[late].mean(),
            "fpr": called[known & ~late].mean(),
            "precision": late[known & called].mean(),
        }
        assert one.n == len(part)
        for rate, value in expected.items():
            got = getattr(one, rate)
            assert got[0] == pytest.approx(value)
            assert got[1] < value < got[2]


def test_small_groups_have_no_rates() -> None:
    frame = rows(1000, 2)
    frame.loc[frame.index[:50], "carrier"] = "tiny"
    found = judged(None, weeks([frame]), FAIR, segments=["carrier"])
    tiny = next(one for one in found.fairness if one.group == "tiny")
    assert [getattr(tiny, rate) for rate in RATES] == [None] * 4
    assert any("fewer than 100 rows have no rates: carrier tiny" in note for note in found.notes)


def test_a_property_is_told_and_a_change_alarms() -> None:
    equal = weeks([rows(2000, seed) for seed in range(9)])
    skewed = weeks([unequal(rows(2000, 20 + seed), "UA", seed) for seed in range(3)])
    as_before = judged(unequal(equal, "UA"), skewed, FAIR, segments=["carrier"])
    assert {one.state for one in as_before.live.findings if one.kind == "fairness"} == {"info"}
    changed = judged(equal, skewed, FAIR, segments=["carrier"])
    found = {one.metric: one for one in changed.live.findings if one.kind == "fairness"}
    assert found["carrier:fpr"].state == "alert"
    assert "false positive rate of carrier UA" in found["carrier:fpr"].sentence
    assert found["carrier:fpr"].chunk == "2013-04-15"
    same = judged(equal, weeks([rows(2000, 40)]), FAIR, segments=["carrier"])
    assert not [one for one in same.live.findings if one.kind == "fairness"]


def test_ratio_and_difference_are_of_the_extremes() -> None:
    frame = unequal(rows(4000, 3), "DL")
    grid = fit_scores(frame, score="score", target="late", segments=["carrier"])
    groups = group_rates(count_scores(frame, grid), ["carrier"], Policy())
    found = {one.rate: one for one in disparities(groups)}
    rates = [one.selection_rate[0] for one in groups if one.selection_rate]
    assert found["selection_rate"].ratio == pytest.approx(min(rates) / max(rates))
    assert found["selection_rate"].difference == pytest.approx(max(rates) - min(rates))
    assert found["selection_rate"].highest[0] == "DL"
    assert found["selection_rate"].apart
    assert found["selection_rate"].before is None
    assert disparities(()) == ()


def test_groups_of_any_name_are_told_apart() -> None:
    frame = rows(3000, 4)
    names = np.array(["other", "(missing)", "(other)", " ", "x\u202ey"])
    frame["carrier"] = names[np.arange(len(frame)) % 5]
    frame.loc[frame.index[:200], "carrier"] = None
    frame.loc[(frame["carrier"] == " ") & (frame.index % 2 == 0), "score"] = 0.9
    cube = count_scores(
        frame, fit_scores(frame, score="score", target="late", segments=["carrier"])
    )
    found = group_rates(cube, ["carrier"], Policy())
    counted = frame["carrier"].fillna("((missing))").value_counts()
    assert {one.group: one.n for one in found} == counted.to_dict()
    assert len(found) == 6
    worst = next(one for one in disparities(found) if one.rate == "fpr")
    assert "rate of carrier ' ' " in worst.sentence
