"""Performance over time: what alarms, what does not, and what is said of odd data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_lab.compute import Segment, count_scores, fit_scores
from mlops_lab.errors import InvalidInput
from mlops_lab.monitoring import performance
from mlops_lab.monitoring.outcomes import Performance
from mlops_lab.monitoring.settings import Policy, Settings
from mlops_lab.monitoring.wire import decode, encode

from .scored import FIRST, WEEK, judged, named, rows, weeks

REFERENCE = weeks([rows(2000, seed) for seed in range(10)], pd.Timestamp("2013-01-07"))
KEYS = [f"{FIRST + pd.Timedelta(weeks=i):%Y-%m-%d}" for i in range(9)]


def year(
    more_late: Sequence[float], noise: Sequence[float] | None = None, **more: Any
) -> Performance:
    parts = [
        rows(2000, 500 + i, one, noise[i] if noise else 0.0) for i, one in enumerate(more_late)
    ]
    return judged(REFERENCE, weeks(parts), **more)


def states(found: Performance, metric: str) -> str:
    return found.metrics[metric].states


def kinds(found: Performance) -> list[tuple[str, str, str]]:
    return [(one.kind, one.chunk, one.state) for one in found.live.findings]


def test_quiet_weeks_alarm_nothing() -> None:
    found = year([0.0] * 9)
    assert {line.states for line in found.metrics.values()} == {"o" * 9}
    assert found.live.findings == ()
    assert found.notes == ()
    assert found.mature == (True,) * 9
    for name in ("auc", "log_loss", "f1", "positive_share", "gap"):
        line = found.metrics[name]
        assert None not in (*line.realised, *line.low, *line.high, *line.estimated)
        assert line.natural is not None
        assert line.natural.low < line.natural.median < line.natural.high


def test_two_of_three_alarm_and_one_large_one_at_once() -> None:
    found = year([0.0, 0.09, 0.0, 0.09, 0.0, 0.0, 0.3, 0.0])
    assert states(found, "gap") == "owoaooao"
    told = [one for one in found.live.findings if one.kind == "performance"]
    assert [(one.chunk, one.state) for one in told if one.metric == "gap"] == [
        (KEYS[1], "warn"),
        (KEYS[3], "alert"),
        (KEYS[6], "alert"),
    ]
    first = told[0]
    assert "were late from 8 to 14 April where" in first.sentence
    fired = dict(first.lines)["What fired"]
    assert any("warns where the gap's size is 0.05 or more" in line for line in fired)
    assert any("assumes no concept change" in line for line in fired)


def test_ranking_worse_is_an_alarm_of_auc_only() -> None:
    found = year([0.0, 0.0, 0.0, 0.0], [0.0, 0.6, 0.6, 0.0])
    assert states(found, "auc") == "oaao"
    assert states(found, "gap") == "oooo"
    sentence = next(one.sentence for one in found.live.findings if one.metric == "auc")
    assert "below the usual" in sentence


def test_outliers_of_the_reference_blind_nothing() -> None:
    parts = [rows(2000, seed, 0.3 if seed == 4 else 0.0) for seed in range(10)]
    odd = weeks(parts, pd.Timestamp("2013-01-07"))
    found = judged(odd, weeks([rows(2000, 77), rows(2000, 78, 0.15), rows(2000, 79, 0.15)]))
    natural = found.metrics["gap"].natural
    assert natural is not None
    assert natural.high < 0.1
    assert states(found, "gap")[1:] == "wa"


def test_concept_alarm_needs_quiet_inputs_or_the_opposite_promise() -> None:
    shock = [0.0, 0.25, 0.0]
    found = year(shock)
    concept = [one for one in found.live.findings if one.kind == "concept"]
    assert {(one.chunk, one.metric) for one in concept} >= {(KEYS[1], "positive_share")}
    assert {one.chunk for one in concept} == {KEYS[1]}
    assert {one.state for one in concept} == {"warn"}
    lasting = [one for one in year([0.0, 0.25, 0.25]).live.findings if one.kind == "concept"]
    assert [one.state for one in lasting if one.metric == "positive_share"] == ["warn", "alert"]
    assert "and no input explains it" in concept[0].sentence
    loud = {KEYS[1]: ["temp drifted by 0.3."]}
    assert not [one for one in year(shock, loud=loud).live.findings if one.kind == "concept"]
    # The inputs promise an easy week, and it comes worse: they are no reason.
    parts = [rows(2000, 500), rows(6000, 501, 0.3), rows(2000, 502)]
    parts[1] = parts[1][parts[1]["score"] < 0.25].head(2000)
    found = judged(REFERENCE, weeks(parts), loud=loud)
    concept = [one for one in found.live.findings if one.kind == "concept"]
    assert concept
    assert "the inputs say the opposite" in concept[0].sentence
    assert dict(concept[0].lines)["Inputs"][0] == "temp drifted by 0.3."


def test_better_than_promised_is_no_concept_alarm() -> None:
    draw = np.random.default_rng(1)
    easy = rows(2000, 9)
    easy["late"] = draw.random(2000) < np.clip(2.6 * easy["score"] - 0.45, 0, 1)
    found = judged(REFERENCE, weeks([easy]))
    assert found.metrics["auc"].realised[0] > (found.metrics["auc"].estimated_high[0] or 1)  # type: ignore[operator]
    assert not [one for one in found.live.findings if one.metric in ("auc", "log_loss")]


def test_immature_and_partial_weeks_are_drawn_and_never_alarm() -> None:
    parts = [rows(2000, 500 + i, 0.3 if i else 0.0) for i in range(3)]
    parts[1].loc[parts[1].index[1000:], "late"] = None
    parts[2]["late"] = None
    found = judged(REFERENCE, weeks(parts))
    assert found.maturity == (1.0, 0.5, 0.0)
    assert found.mature == (True, False, False)
    assert states(found, "gap") == "oh-"
    assert states(found, "mean_score") == "ooo"
    assert found.metrics["auc"].estimated[2] is not None
    assert not kinds(found)
    last = judged(REFERENCE, weeks([rows(2000, 5), rows(2000, 6, 0.3)]), partial=[KEYS[1]])
    assert states(last, "gap") == "oh"
    assert not kinds(last)


def test_small_weeks_do_not_alarm() -> None:
    found = judged(REFERENCE, weeks([rows(80, 1, 0.4), rows(250, 2, 0.4), rows(400, 3, 0.4)]))
    assert states(found, "gap") == "sha"
    assert found.metrics["auc"].estimated == (None,) * 3


def test_each_version_has_its_own_reference() -> None:
    grid = fit_scores(REFERENCE, score="score", target="late", segments=["carrier"])
    late = weeks([rows(2000, 60 + i, 0.15) for i in range(9)], pd.Timestamp("2013-01-07"))
    current = weeks([rows(2000, 500 + i, 0.15) for i in range(4)])
    count = {
        name: count_scores(frame, grid, chunking=WEEK)
        for name, frame in (("1", REFERENCE), ("2", late), ("now", current))
    }
    found = performance.judge(
        count["1"],
        count["now"],
        Settings(),
        chunks=named(count["now"]),
        versions={"1": count["1"], "2": count["2"]},
        version_of=dict(zip(KEYS[:4], "1122", strict=True)),
    )
    assert states(found, "gap") == "waoo"
    gap = found.metrics["gap"]
    first, last = gap.natural_at(0), gap.natural_at(3)
    assert first is not None
    assert last is not None
    assert first.median == pytest.approx(last.median + 0.15, abs=0.02)
    assert gap.naturals == (first, first, last, last)
    assert gap.natural == last
    assert found.metrics["score_drift"].natural_at(0).low == 0  # type: ignore[union-attr]
    assert decode(Performance, json.loads(json.dumps(encode(found)))) == found
    share = found.metrics["positive_share"].estimated
    assert (share[3] or 0) - (share[0] or 0) == pytest.approx(0.15, abs=0.02)
    # A window is held against the version that answered its end, as its last chunk is.
    for place, key in enumerate(KEYS[:4]):
        brushed = performance.window(found.live, key, key)["estimated_positive_share"].value
        drawn = found.metrics["positive_share"].estimated[place]
        assert brushed == pytest.approx(drawn, rel=1e-3), key


def test_without_a_reference_only_the_gap_alarms() -> None:
    found = judged(None, weeks([rows(2000, 1), rows(2000, 2, 0.3, 0.5)]))
    assert states(found, "gap") == "oa"
    assert states(found, "auc") == "oo"
    assert found.metrics["auc"].estimated == (None, None)
    assert found.reference_counts is None
    assert any("Without a reference" in note for note in found.notes)


def test_few_reference_chunks_are_provisional() -> None:
    found = judged(REFERENCE[REFERENCE["at"] < "2013-02-01"], weeks([rows(2000, 2, 0.2)]))
    assert found.metrics["gap"].natural is None
    assert states(found, "gap") == "a"  # alone: nothing can come twice
    assert any("alarms are provisional" in note for note in found.notes)


def test_scores_that_move_are_told_and_never_more_than_a_warning() -> None:
    shifted = rows(8000, 3)
    shifted = shifted[shifted["score"] > 0.3].head(2000)
    found = judged(REFERENCE, weeks([rows(2000, 2), shifted]))
    assert states(found, "score_drift") == "ow"
    (one,) = [one for one in found.live.findings if one.kind == "prediction"]
    assert (one.chunk, one.state) == (KEYS[1], "warn")
    assert "they are higher" in one.sentence


def test_goes_to_json_and_back() -> None:
    found = judged(
        REFERENCE,
        weeks([rows(2000, 2, 0.2), rows(2000, 3)]),
        Settings(fairness=("carrier",)),
        segments=["carrier", "origin"],
    )
    text = json.dumps(encode(found))
    assert decode(Performance, json.loads(text)) == found
    assert "live" not in encode(found)
    assert found.counts is not None
    assert found.counts.shape == (2, 100, 3)
    assert found.counts.array().sum() == 4000
    assert found.reference_counts is not None
    assert found.reference_counts.shape == (100, 3)
    assert len(found.score_edges) == 101
    assert found.calibration is not None
    assert found.calibration.chunks is not None
    assert found.calibration.chunks.shape == (2, 10, 3)
    assert len(found.calibration.reference) == 10


def test_window_of_any_range_and_segment() -> None:
    parts = [rows(2000, 500 + i) for i in range(4)]
    current = weeks(parts)
    found = judged(REFERENCE, current, segments=["carrier", "origin"])
    both = performance.window(found.live, KEYS[1], KEYS[2])
    rest = pd.concat(parts[1:3])
    assert both["positive_share"].value == pytest.approx(rest["late"].astype(bool).mean())
    assert both["estimated_positive_share"].value == pytest.approx(rest["score"].mean(), abs=0.01)
    one = performance.window(found.live, KEYS[1], KEYS[2], segment=("carrier", "UA"))
    ua = rest[rest["carrier"] == "UA"]
    assert one["mean_score"].value == pytest.approx(ua["score"].mean())
    pair = Segment(("carrier", "origin"), ("UA", "JFK"))
    assert performance.window(found.live, segment=pair)["gap"].n == int(
        ((current["carrier"] == "UA") & (current["origin"] == "JFK")).sum()
    )
    with pytest.raises(InvalidInput, match="no chunk '2012-01-02'"):
        performance.window(found.live, "2012-01-02")
    with pytest.raises(InvalidInput, match=f"{KEYS[2]} is after {KEYS[1]}"):
        performance.window(found.live, KEYS[2], KEYS[1])
    with pytest.raises(InvalidInput, match="no segment 'XX'"):
        performance.window(found.live, segment=("carrier", "XX"))


def _odd(frame: pd.DataFrame, how: str) -> pd.DataFrame:
    match how:
        case "constant":
            return frame.assign(score=0.3)
        case "one class":
            return frame.assign(late=False)
        case "no labels":
            return frame.assign(late=None)
        case "no column of labels":
            return frame.drop(columns="late")
        case "no scores":
            return frame.assign(score=np.nan)
        case "some without":
            return frame.assign(score=frame["score"].where(frame.index % 4 > 0))
        case "perfect":
            return frame.assign(score=frame["late"].astype(float))
        case "beyond one":
            return frame.assign(score=frame["score"] * 2)
        case _:
            return frame.head(1)


@pytest.mark.parametrize(
    "how",
    [
        "constant",
        "one class",
        "no labels",
        "no column of labels",
        "no scores",
        "some without",
        "beyond one",
        "one row",
    ],
)
def test_odd_weeks_give_a_performance_or_a_sentence(how: str) -> None:
    current = weeks([_odd(rows(1200, 7), how), rows(1200, 8)])
    found = judged(REFERENCE, current, segments=["carrier"])
    json.dumps(encode(found), allow_nan=False)
    assert all(len(line.states) == 2 for line in found.metrics.values())
    expected = {
        "no scores": "1,200 rows of 2,400 have no score that is a number",
        "some without": "300 rows of 2,400 have no score",
        "beyond one": "have a score outside of 0 to 1",
    }.get(how)
    if expected:
        assert any(expected in note for note in found.notes)
    if how == "one class":
        assert found.metrics["auc"].realised[0] is None
        assert states(found, "auc") == "-o"
    if how == "constant":
        assert found.metrics["auc"].realised[0] == 0.5


@pytest.mark.parametrize("how", ["constant", "one class", "no labels", "one row", "perfect"])
def test_odd_references_give_a_performance_and_a_sentence(how: str) -> None:
    reference = _odd(REFERENCE, how)
    found = judged(reference, weeks([rows(1200, 7), rows(1200, 8)]))
    json.dumps(encode(found), allow_nan=False)
    expected = {
        "constant": "they rank nothing",
        "one class": "has one label only",
        "no labels": "The reference has no labels",
        "one row": "it has 1",
        "perfect": "",
    }[how]
    assert not expected or any(expected in note for note in found.notes), found.notes


def test_a_reference_of_logits_and_of_labels_nobody_knows() -> None:
    def logits(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(score=np.log(frame["score"] / (1 - frame["score"])))

    found = judged(logits(REFERENCE), logits(weeks([rows(2000, 1), rows(2000, 2, 0.0, 0.6)])))
    assert states(found, "auc") == "oa"
    assert "gap" not in found.metrics or found.metrics["gap"].realised == (None, None)
    assert found.calibration is None
    assert any("are no probabilities" in note for note in found.notes)
    current = weeks([rows(1500, 4)])
    current["late"] = current["late"].map({True: "yes", False: "no"}).where(current.index > 5, "?")
    named = REFERENCE.assign(late=REFERENCE["late"].map({True: "yes", False: "no"}))
    fit = {"score": "score", "target": "late", "positive": "yes"}
    found = judged(named, current, fit=fit)
    assert found.positive == "yes"
    assert any("6 rows have a late of '?', which the reference" in note for note in found.notes)


def test_only_answers() -> None:
    def called(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(answer=frame["score"] > 0.4).drop(columns="score")

    fit = {"prediction": "answer", "target": "late"}
    found = judged(called(REFERENCE), called(weeks([rows(2000, 1), rows(2000, 2)])), fit=fit)
    assert found.score == "answer"
    assert found.metrics["auc"].realised == (None, None)
    assert None not in found.metrics["f1"].realised
    assert found.metrics["f1"].estimated == (None, None)


def test_several_classes_and_numbers() -> None:
    draw = np.random.default_rng(3)

    def make(n: int, right: float, off: float) -> pd.DataFrame:
        came = draw.choice(list("abc"), n)
        answer = np.where(draw.random(n) < right, came, draw.choice(list("abc"), n))
        minutes = draw.gamma(2, 20, n)
        guess = minutes + draw.normal(off, 8, n)
        return pd.DataFrame({"came": came, "answer": answer, "minutes": minutes, "guess": guess})

    reference = weeks([make(1000, 0.8, 0.0) for _ in range(9)])
    current = weeks([make(1000, 0.8, 0.0), make(1000, 0.6, 8.0), make(1000, 0.6, 8.0)])
    classes = judged(reference, current, fit={"target": "came", "prediction": "answer"})
    assert classes.kind == "multiclass"
    assert list(classes.metrics)[:2] == ["accuracy", "macro_f1"]
    assert states(classes, "accuracy") == "oaa"
    assert classes.calibration is None
    number = judged(reference, current, fit={"target": "minutes", "prediction": "guess"})
    assert number.kind == "regression"
    assert states(number, "mae")[0] == "o"
    assert states(number, "mae")[2] == "a"
    assert states(number, "bias")[2] == "a"
    assert any("bias" in one.sentence for one in number.live.findings)
    perfect = reference.assign(guess=reference["minutes"])
    ended = judged(perfect, current, fit={"target": "minutes", "prediction": "guess"})
    assert states(ended, "mae")[0] in "wa"
    for one in (classes, number):
        assert decode(Performance, encode(one)) == one


def test_false_alarms_of_many_quiet_years() -> None:
    """Weeks of a model that differs from week to week by chance alone, or by a point or two."""
    alerts = warns = 0
    for seed in range(3):
        draw = np.random.default_rng(seed)
        wander = draw.normal(0, 0.015, 40)
        parts = [rows(600, 1000 * seed + i, float(one)) for i, one in enumerate(wander)]
        found = judged(
            weeks(parts[:12], pd.Timestamp("2013-01-07")),
            weeks(parts[12:]),
            Settings(policy=Policy()),
        )
        for metric in ("auc", "gap"):
            alerts += states(found, metric).count("a")
            warns += states(found, metric).count("w")
    assert alerts <= 1  # of 168 cells
    assert warns <= 6
