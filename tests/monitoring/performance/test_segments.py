"""The worst segments: a planted one is found, and chance finds none."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlops_lab.compute import ScoreCube, count_scores, fit_scores
from mlops_lab.monitoring.performance.segments import worst_segments
from mlops_lab.monitoring.settings import Policy

from .scored import FIRST, WEEK, rows, weeks


def counted(frame: pd.DataFrame, columns: list[str]) -> ScoreCube:
    grid = fit_scores(frame, score="score", target="late", segments=columns)
    return count_scores(frame, grid, chunking=WEEK)


def spread(n: int, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed + 10_000)
    return rows(n, seed).assign(
        a=draw.integers(0, 20, n).astype(str),
        b=draw.integers(0, 9, n).astype(str),
        at=FIRST,
    )


def test_planted_pair_comes_first_with_its_share() -> None:
    frame = weeks([spread(6000, 1), spread(6000, 2)])
    bad = (frame["a"] == "7") & (frame["b"] == "3") & (frame["at"] > frame["at"].min())
    frame.loc[bad, "late"] = True
    cube = counted(frame, ["a", "b"])
    found = worst_segments(cube, Policy(group_rows=20), ["2013-04-08"], "2013-04-08")
    first = found[0]
    assert (first.by, first.value, first.chunk) == (("a", "b"), ("7", "3"), "2013-04-08")
    assert first.n == bad.sum()
    part = frame[bad]
    gap = float(part["score"].mean() - 1)
    assert first.value_of is not None
    assert abs(first.value_of - gap) < 1e-8
    assert first.low is not None
    assert first.high is not None
    assert first.low < gap < first.high < -0.4
    quiet = worst_segments(cube, Policy(group_rows=20), ["2013-04-01"])
    assert quiet == ()


def test_chance_finds_nothing() -> None:
    """Two hundred segments of a calibrated model, ten times: q = .01 of all looks at most."""
    hits = sum(
        bool(worst_segments(counted(spread(5000, 50 + seed), ["a", "b"]), Policy(group_rows=20)))
        for seed in range(10)
    )
    assert hits <= 1


def test_small_groups_are_not_judged() -> None:
    frame = weeks([spread(6000, 3)])
    frame.loc[frame.index[:90], ["a", "late"]] = ["tiny", True]
    cube = counted(frame, ["a"])
    assert worst_segments(cube, Policy()) == ()
    assert worst_segments(cube, Policy(group_rows=50))[0].value == ("tiny",)


def test_pairs_say_no_more_than_their_column() -> None:
    frame = weeks([rows(20_000, 4)])
    frame.loc[(frame["carrier"] == "EV") & (frame.index % 2 == 0), "late"] = True
    found = worst_segments(counted(frame, ["carrier", "origin"]), Policy())
    assert [one.value for one in found] == [("EV",)]
    share = found[0].share_of_gap
    assert share is not None
    assert share > 0.9


def test_other_tasks_have_their_own_measure() -> None:
    draw = np.random.default_rng(5)
    n = 8000
    frame = pd.DataFrame({"kind": draw.choice(list("abc"), n), "city": draw.choice(list("xyz"), n)})
    frame["answer"] = np.where((frame["city"] == "y") & (draw.random(n) < 0.3), "a", frame["kind"])
    frame["came"] = draw.normal(30, 5, n)
    frame["guess"] = frame["came"] + draw.normal(0, 2, n) + 3.0 * (frame["city"] == "z")
    right = fit_scores(frame, target="kind", prediction="answer", segments=["city"])
    found = worst_segments(count_scores(frame, right), Policy())
    assert [(one.metric, one.value) for one in found] == [("accuracy", ("y",))]
    assert found[0].share_of_gap == 1.0
    number = fit_scores(frame, target="came", prediction="guess", segments=["city"])
    found = worst_segments(count_scores(frame, number), Policy())
    assert [(one.metric, one.value) for one in found] == [("bias", ("z",))]
    assert found[0].value_of is not None
    assert abs(found[0].value_of - 3) < 0.2
