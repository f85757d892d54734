from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlops_lab.errors import InvalidInput
from mlops_lab.serving.records import Rollout
from mlops_lab.serving.rollouts.ab import effects, ratio_check
from mlops_lab.serving.rollouts.compare import compare
from mlops_lab.serving.rollouts.intervals import running_means, t_mixture
from mlops_lab.serving.rollouts.losses import LOSSES, loss_of

DAY = 86_400_000_000
START = 20_000 * DAY
NAMES = {"r1": "5", "r2": "6"}
AB = Rollout("a" * 32, "ab", "r2", "r1", 50.0, salt="s")
CANARY = replace(AB, kind="canary")


def log(
    days: int, *, effect: float = 0.0, per_day: int = 200, seed: int = 1, users: int = 0
) -> pd.DataFrame:
    """Answers to numbers, with their truth: every user once, or so many of them day by day."""
    rng = np.random.default_rng(seed)
    n = days * per_day
    day = np.repeat(np.arange(days), per_day)
    user = rng.integers(0, users, n) if users else np.arange(n)
    mine = (rng.random(users or n) < 0.5)[user]
    of_user = rng.normal(0, 0.5, users)[user] if users else 0.0
    miss = 5 + rng.normal(0, 0.3, days)[day] + of_user + rng.normal(0, 0.5, n) + effect * mine
    return pd.DataFrame(
        {
            "prediction_id": [f"p{k}" for k in range(n)],
            "t": START + day * DAY + rng.integers(0, DAY, n),
            "revision": np.where(mine, "r2", "r1"),
            "rollout": "a" * 32,
            "unit": [f"u{k}" for k in user],
            "status": 200,
            "prediction": 0.0,
            "delay": miss,
        }
    )


def judged(rows: Any, rollout: Rollout = AB, **options: Any) -> Any:
    asked = {"truth": "delay", "now": START + 400 * DAY, "names": NAMES} | options
    return compare(rows, rollout, **asked)


def test_a_better_candidate_wins_and_says_by_how_much() -> None:
    found = judged(log(28, effect=-0.3))
    assert (found.state, found.winner, found.metric) == ("better", "6", "absolute_error")
    assert found.low < -0.3 < found.high < 0
    assert found.sentence.startswith("6 is better than 5: its absolute error is lower by .")
    assert found.sentence.endswith(
        "valid at every look) over 28 days; days, not rows, are the sample."
    )
    assert judged(log(28, effect=0.3)).winner == "5"
    # Of an outcome that is wanted, more is better.
    assert judged(log(28, effect=0.3), metric="outcome").winner == "6"
    assert found.to_json()["winner"] == "6"
    assert len(found.series.at) == len(found.series.low) == found.clusters == 28
    assert found.ratio is not None
    assert found.ratio.passed


def test_nobody_wins_early_and_nothing_is_even_before_its_time() -> None:
    rows = log(28)
    assert judged(rows).state == "even"
    assert judged(rows, horizon=56).state == "early"
    few = judged(log(5, effect=-3.0))
    assert few.state == "early"
    assert "5 of 28 days" in few.sentence
    # The day that is not over is not in it.
    assert judged(rows, now=START + 10 * DAY + 1).clusters == 10
    hours = judged(rows, every="hour")
    assert "hours, not rows, are the sample" in hours.sentence


def test_outcomes_join_as_they_come() -> None:
    rows = log(28, effect=-0.3)
    nothing = judged(rows.assign(delay=None))
    assert nothing.sentence == (
        "Too early. 0 of 5,600 answers have an outcome. 28 days were planned; days, not rows, are "
        "the sample."
    )
    assert judged(rows.drop(columns="delay"), truth=None).sentence == nothing.sentence
    today = judged(rows, now=START + DAY // 2)
    assert "5,600 of 5,600 answers have an outcome, but of no whole day." in today.sentence
    alone = judged(rows[rows["revision"] == "r1"], CANARY)
    assert "but of no day that has both." in alone.sentence
    late = rows.assign(delay=rows["delay"].where(rows["t"] < START + 20 * DAY))
    found = judged(late)
    assert (found.clusters, found.labelled, found.answers) == (20, 4_000, 5_600)
    # A day of which a few outcomes have come waits for the others.
    early = rows["t"] < START + 20 * DAY + DAY // 4
    assert judged(rows.assign(delay=rows["delay"].where(early))).clusters == 20


def test_a_failed_ratio_check_compares_nothing() -> None:
    rows = log(28, effect=-0.5)
    rows = rows[(rows["revision"] == "r1") | (rows.index % 3 > 0)]
    found = judged(rows)
    assert (found.state, found.winner, found.difference) == ("ratio", None, None)
    assert "50\N{NO-BREAK SPACE}% were planned" in found.sentence


def test_who_has_no_unit_is_left_out_of_an_ab_test() -> None:
    rows = log(28)
    rows.loc[:999, "unit"] = None
    assert judged(rows).left_out == 1_000
    assert judged(rows, CANARY).left_out == 0
    assert judged(rows, CANARY).ratio is None


def test_users_who_come_back_widen_the_interval() -> None:
    once = judged(log(28, seed=3))
    often = judged(log(28, seed=3, users=60))
    assert (often.high - often.low) > 2 * (once.high - once.low)


def test_units_may_be_the_sample_of_an_ab_test_alone() -> None:
    found = judged(log(28, effect=-0.3), every="unit", horizon=2_000)
    assert (found.state, found.every, found.clusters) == ("better", "unit", 5_600)
    assert "each unit counts once, as if days made no difference" in found.sentence
    back = judged(log(28, effect=-0.3, users=300), every="unit")
    assert back.clusters <= 300
    assert back.left_out > 0
    with pytest.raises(InvalidInput, match="A/B test"):
        judged(log(7), CANARY, every="unit")


def test_a_shadow_is_compared_on_the_same_requests() -> None:
    rows = log(14)
    twin = rows.assign(revision="r2", prediction=1.0)
    both = pd.concat([rows.assign(revision="r1"), twin], ignore_index=True)
    found = judged(pa.Table.from_pandas(both), replace(AB, kind="shadow", share=100.0))
    assert (found.state, found.winner, found.clusters) == ("better", "6", 14)
    assert found.difference == pytest.approx(-1.0)


def test_what_cannot_be_asked_is_said() -> None:
    rows = log(3)
    for wrong, word in (
        ({"every": "month"}, "month"),
        ({"metric": "f1"}, "log_loss"),
        ({"time": "when"}, "when"),
        ({"metric": "log_loss"}, "probabilities"),
    ):
        with pytest.raises(InvalidInput, match=word):
            judged(rows, **wrong)
    assert judged(rows.iloc[:0]).state == "early"
    at = pd.to_datetime(rows["t"], unit="us")
    assert judged(rows.assign(at=at.astype(str)), time="at").clusters == 3
    for odd in ("yesterday?", None, 1.5):
        with pytest.raises(InvalidInput, match="time"):
            judged(rows.assign(at=odd), time="at")


def test_odd_values_are_no_evidence() -> None:
    rows = log(28, effect=-0.3)
    odd = rows.copy()
    odd.loc[::50, "delay"] = np.inf
    found = judged(odd)
    assert (found.winner, found.labelled) == ("6", len(rows) - len(rows[::50]))
    assert all(np.isfinite(x) for x in found.series.difference)
    same = judged(rows.assign(delay=1.0, prediction=1.0))
    assert "differs by +0 (+0 to +0, valid at every look)" in same.sentence
    small = judged(rows.assign(delay=rows["delay"] / 1e4))
    assert "better than 5: its absolute error is lower by .0000" in small.sentence


def test_losses_know_their_truths() -> None:
    answers = pd.DataFrame(
        {
            "prediction": [True, False, True],
            "probability_False": [0.2, 0.9, 0.5],
            "probability_True": [0.8, 0.1, 0.5],
        }
    )
    for truth in ([True, True, None], [1, 1, None], [1.0, 1.0, None], ["True", "True", None]):
        known = pd.Series(truth)
        assert loss_of(answers, known).name == "log_loss"
        assert LOSSES["log_loss"].rows(answers, known)[:2] == pytest.approx(-np.log([0.8, 0.1]))
        assert LOSSES["brier"].rows(answers, known)[:2] == pytest.approx([0.04, 0.81])
        assert list(LOSSES["error"].rows(answers, known)[:2]) == [0.0, 1.0]
        for loss in LOSSES.values():
            assert np.isnan(loss.rows(answers, pd.Series([None] * 3))).all(), loss.name
    never_seen = LOSSES["log_loss"].rows(answers, pd.Series(["other", "True", "False"]))
    assert np.isfinite(never_seen).all()
    assert loss_of(answers[["prediction"]], pd.Series([1, 0, 1])).name == "error"


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_t_mixture_inverts_its_likelihood_ratio(scale: float) -> None:
    n, alpha, g = 28, 0.05, 0.4
    from mlops_lab.serving.rollouts.intervals import _half_width

    a = (_half_width(n, g, alpha) ** 2) * n / (n - 1)
    ratio = (1 + n * g) ** -0.5 * ((1 + a) / (1 + a / (1 + n * g))) ** (n / 2)
    assert ratio == pytest.approx(1 / alpha)
    values = np.random.default_rng(1).normal(3.0, 1.0, 50)
    means, half = running_means(values, 28, alpha)
    scaled = running_means(values * scale, 28, alpha)
    assert scaled[0] == pytest.approx(means * scale)
    assert scaled[1][1:] == pytest.approx(half[1:] * scale)
    assert np.isinf(half[0])
    assert t_mixture(28, 28, alpha) < t_mixture(28, 500, alpha)


def test_intervals_stand_on_nothing_and_on_constants() -> None:
    assert [len(one) for one in running_means(np.array([]), 28, 0.05)] == [0, 0]
    means, half = running_means(np.full(9, 2.0), 28, 0.05)
    assert means[-1] == 2.0
    assert half[-1] == 0.0
    none = np.zeros(300)
    for share in (50.0, 5.0):
        _, low, high = effects(none, np.arange(300) % 2 == 0, share=share, horizon=99, alpha=0.05)
        assert not ((low > 0) | (high < 0)).any()
    assert ratio_check(0, 0, 50.0).passed
