"""Counting scores and outcomes: the same whatever the rows come in, and additive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from mlops_lab.compute import (
    Chunking,
    ScoreCounts,
    ScoreCube,
    ScoreGrid,
    Segment,
    count_scores,
    fit_scores,
)
from mlops_lab.errors import Corrupt, InvalidInput

WEEK = Chunking("week", "at")


def table(n: int = 5000, seed: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    score = draw.beta(2, 5, n)
    frame = pd.DataFrame(
        {
            "at": pd.Timestamp("2013-04-01") + pd.to_timedelta(draw.integers(0, 28, n), unit="D"),
            "score": score,
            "late": draw.random(n) < score,
            "carrier": draw.choice(["EV", "UA", "B6"], n),
            "origin": draw.choice(["EWR", "JFK"], n),
            "miles": draw.integers(80, 5000, n),
        }
    )
    frame["late"] = frame["late"].astype(object).where(draw.random(n) < 0.9, None)
    return frame


def same(one: ScoreCube, other: ScoreCube) -> bool:
    return (
        one.chunks == other.chunks
        and all(np.array_equal(one.cells[key], other.cells[key]) for key in one.cells)
        and all(np.array_equal(one.sums[key], other.sums[key]) for key in one.sums)
    )


def total(counts: ScoreCounts) -> tuple[int, int, float]:
    return counts.rows, counts.labelled, counts.total("score")


FORMS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "pandas": lambda frame, _: frame,
    "shuffled": lambda frame, _: frame.sample(frac=1, random_state=3),
    "polars": lambda frame, _: pl.from_pandas(frame),
    "arrow": lambda frame, _: pl.from_pandas(frame).to_arrow(),
    "duckdb": lambda frame, _: duckdb.from_arrow(pl.from_pandas(frame).to_arrow()),
    "parquet": lambda frame, folder: (frame.to_parquet(folder / "t.parquet"), folder)[1],
    "upper": lambda frame, _: frame.rename(
        columns={"score": "SCORE", "late": "Late", "miles": "Miles"}
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_same_digits_from_any_form_and_order(form: str, tmp_path: Path) -> None:
    frame = table()
    segments = ["carrier", "origin", "miles"]
    grid = fit_scores(frame, score="score", target="late", segments=segments)
    given = FORMS[form](frame, tmp_path)
    assert fit_scores(given, score="score", target="late", segments=segments).bins == grid.bins
    found = count_scores(given, grid, chunking=WEEK)
    assert same(found, count_scores(frame, grid, chunking=WEEK))
    if form != "upper":
        again = fit_scores(given, score="score", target="late", segments=segments)
        assert again.digest == grid.digest


def test_parts_add_up_to_the_whole_and_windows_too() -> None:
    frame = table()
    grid = fit_scores(frame, score="score", target="late", segments=["carrier"])
    whole = count_scores(frame, grid, chunking=WEEK)
    parts = [count_scores(frame.iloc[i::3], grid, chunking=WEEK) for i in range(3)]
    assert same(ScoreCube.merge(*parts), whole)
    each = [total(whole.window([chunk.key])) for chunk in whole.chunks]
    assert [sum(column) for column in zip(*each, strict=True)] == pytest.approx(
        total(whole.window()), rel=1e-15
    )
    carriers = [total(whole.window(None, one)) for one in whole.segments(["carrier"])]
    assert [sum(column) for column in zip(*carriers, strict=True)] == pytest.approx(
        total(whole.window()), rel=1e-15
    )


def test_bytes_come_back_and_others_are_corrupt() -> None:
    frame = table(400)
    grid = fit_scores(frame, score="score", target="late", segments=["carrier", "miles"])
    cube = count_scores(frame, grid, chunking=WEEK)
    data = cube.to_bytes()
    back = ScoreCube.from_bytes(data)
    assert same(back, cube)
    assert back.grid == grid
    assert back.to_bytes() == data == count_scores(frame[::-1], grid, chunking=WEEK).to_bytes()
    assert ScoreGrid.from_json(grid.to_json()) == grid
    for bad in (b"", b"no counts", data[:100], data[:-40]):
        with pytest.raises(Corrupt, match="no counts"):
            ScoreCube.from_bytes(bad)
    with pytest.raises(Corrupt, match="no grid"):
        ScoreGrid.from_json({"format": 1})


def test_other_grids_do_not_add() -> None:
    frame = table(400)
    cubes = [
        count_scores(frame, fit_scores(frame, score="score", target="late", bins=bins))
        for bins in (100, 200)
    ]
    with pytest.raises(InvalidInput, match="not counted on one grid"):
        ScoreCube.merge(*cubes)


def test_segments_are_what_pandas_groups() -> None:
    frame = table(3000)
    grid = fit_scores(frame, score="score", target="late", segments=["carrier", "origin"])
    cube = count_scores(frame, grid, chunking=WEEK)
    for (carrier, origin), part in frame.groupby(["carrier", "origin"]):
        for segment in (
            Segment(("carrier", "origin"), (carrier, origin)),
            Segment(("origin", "carrier"), (origin, carrier)),
        ):
            counts = cube.window(None, segment)
            assert counts.rows == len(part)
            assert counts.total("score") == pytest.approx(part["score"].sum(), rel=1e-8)
    assert cube.window(["2013-04-08"], Segment(("carrier",), ("EV",))).rows == int(
        ((frame["carrier"] == "EV") & frame["at"].between("2013-04-08", "2013-04-14")).sum()
    )
    with pytest.raises(InvalidInput, match="has no segment 'DL'"):
        cube.window(None, Segment(("carrier",), ("DL",)))
    with pytest.raises(InvalidInput, match="was not counted"):
        cube.window(None, Segment(("miles",), ("1",)))


def test_segments_of_numbers_new_values_and_ids() -> None:
    frame = table(3000).assign(id=lambda t: t.index.astype(str), many=lambda t: t.index // 20)
    frame["many"] = "m" + frame["many"].astype(str)
    columns = ["miles", "id", "many", "carrier"]
    grid = fit_scores(frame, score="score", target="late", segments=columns)
    assert [len(one.told) for one in grid.segments] == [6, 51, 5]
    assert grid.notes == ("id has another value in nearly every row: it has no segments.",)
    later = frame.assign(carrier=frame["carrier"].replace({"EV": "new", "UA": None}))
    cube = count_scores(later, grid)
    sizes = {str(one): cube.window(None, one).rows for one in cube.segments(["carrier"])}
    assert sizes == {
        "B6": int((frame["carrier"] == "B6").sum()),
        "(other)": int((frame["carrier"] == "EV").sum()),
        "(missing)": int((frame["carrier"] == "UA").sum()),
    }
    bands = [cube.window(None, one).rows for one in cube.segments(["miles"])]
    assert len(bands) == 4
    assert min(bands) > 600


LABELS: dict[str, tuple[Any, Any, Any]] = {
    "boolean": (True, False, None),
    "whole": (1, 0, None),
    "float": (1.0, 0.0, None),
    "text of them": ("true", "False", None),
    "minus one": (1, -1, None),
    "yes": ("yes", "no", "yes"),
    "two": (2, 1, 2),
}


@pytest.mark.parametrize("form", LABELS)
def test_labels_in_any_form(form: str) -> None:
    yes, no, positive = LABELS[form]
    frame = pd.DataFrame({"p": [0.1, 0.9, 0.8, 0.3], "y": [no, yes, no, None]})
    if form == "whole":
        frame["y"] = frame["y"].astype("Int64")
    grid = fit_scores(frame, score="p", target="y", positive=positive)
    counts = count_scores(frame, grid).window()
    assert counts.confusion.tolist() == [[1, 1], [0, 1]]
    assert counts.labelled == 3


def test_labels_of_reference_and_current_may_differ_in_type() -> None:
    reference = pd.DataFrame({"p": [0.1, 0.9], "y": [0, 1]})
    grid = fit_scores(reference, score="p", target="y")
    for labels in ([False, True], [0.0, np.nan], ["0", "1"], [None, None]):
        current = pl.DataFrame({"p": [0.1, 0.9], "y": labels})
        known = sum(one is not None and one == one for one in labels)
        assert count_scores(current, grid).window().labelled == known
    assert count_scores(pl.DataFrame({"p": [0.1, 0.9]}), grid).window().labelled == 0


def test_labels_that_the_reference_does_not_have_are_told() -> None:
    reference = pd.DataFrame({"p": [0.1, 0.9], "y": ["no", "yes"]})
    grid = fit_scores(reference, score="p", target="y", positive="yes")
    current = pd.DataFrame({"p": [0.1, 0.9, 0.5], "y": ["yes", "cancelled", "cancelled"]})
    cube = count_scores(current, grid)
    assert cube.strange == {"cancelled": 2}
    assert cube.window().labelled == 1
    assert ScoreCube.merge(cube, cube).strange == {"cancelled": 4}


def test_scores_that_are_no_numbers_are_counted_apart() -> None:
    frame = pl.DataFrame(
        {"p": [0.2, float("nan"), None, float("inf"), 0.7], "y": [1, 1, 0, 0, None]}
    )
    counts = count_scores(frame, fit_scores(frame, score="p", target="y")).window()
    assert (counts.rows, counts.scored, counts.labelled, counts.judged) == (5, 2, 4, 1)
    assert counts.total("score") == pytest.approx(0.9)


def test_rows_without_a_time_are_told() -> None:
    frame = table(100)
    frame.loc[:9, "at"] = pd.NaT
    cube = count_scores(frame, fit_scores(frame, score="score", target="late"), chunking=WEEK)
    assert (cube.undated, cube.window().rows) == (10, 90)


def test_bins_follow_scores_that_are_close_together() -> None:
    draw = np.random.default_rng(5)
    rare = pd.DataFrame({"p": draw.beta(0.3, 60, 20_000), "y": draw.random(20_000) < 0.01})
    grid = fit_scores(rare, score="p", target="y")
    counts = count_scores(rare, grid).window()
    assert not grid.even
    assert (counts.scores > 0).sum() > 600
    logits = rare.assign(p=np.log(rare["p"] / (1 - rare["p"])))
    wide = fit_scores(logits, score="p", target="y")
    assert not wide.probability
    counts = count_scores(logits, wide).window()
    assert (counts.scores > 0).sum() > 600
    assert counts.total("score") == pytest.approx(logits["p"].sum(), rel=1e-7)


TEXT = pd.DataFrame({"p": [0.1, 0.9, 0.5], "y": ["no", "yes", "no"], "three": ["a", "b", "c"]})
NUMBERS = pd.DataFrame({"p": [0.1, 0.9, 0.5], "y": [1, 2, 2], "k": [1, 2, 3], "t": ["x"] * 3})
DATES = pd.DataFrame({"p": [0.1], "y": [pd.Timestamp("2013-01-01")]})
REFUSED: dict[str, tuple[pd.DataFrame, dict[str, Any], str]] = {
    "text": (TEXT, {"score": "p", "target": "y"}, "say which one is the positive one"),
    "numbers": (NUMBERS, {"score": "p", "target": "y"}, "'1', '2': say which one"),
    "no such label": (TEXT, {"score": "p", "target": "y", "positive": "Yes"}, "no value 'Yes'"),
    "three": (TEXT, {"score": "p", "target": "three"}, "3 values .* a score is about two"),
    "three, one positive": (
        TEXT,
        {"score": "p", "target": "three", "positive": "a"},
        "there can be one other",
    ),
    "text as score": (NUMBERS, {"score": "t", "target": "y", "positive": 1}, "score t is VARCHAR"),
    "times as labels": (DATES, {"score": "p", "target": "y"}, "TIMESTAMP.*no label"),
    "typo": (NUMBERS, {"score": "pp", "target": "y"}, "no column of the pandas frame. Did you"),
    "neither": (NUMBERS, {"target": "y"}, "needs the column of the model's score"),
    "both scores": (
        NUMBERS.assign(q=0.5),
        {"score": "p", "prediction": "q", "target": "y", "positive": 1},
        "has fractions",
    ),
    "threshold": (
        NUMBERS,
        {"score": "p", "target": "y", "positive": 1, "threshold": float("nan")},
        "threshold of the score is a number",
    ),
    "no bins": (NUMBERS, {"score": "p", "target": "y", "positive": 1, "bins": 0}, "one bin"),
    "huge": (
        NUMBERS.assign(p=[1e300, -1e300, 5e299]),
        {"score": "p", "target": "y", "positive": 1},
        "numbers up to 1e.300: these cannot",
    ),
    "its own truth": (NUMBERS, {"score": "y", "target": "y", "positive": 1}, "are one column, y"),
    "no labels in text": (
        TEXT.assign(y=pd.Series([None] * 3, dtype="string")),
        {"score": "p", "target": "y"},
        "no labels in the reference",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant_is_said(case: str) -> None:
    frame, arguments, sentence = REFUSED[case]
    with pytest.raises(InvalidInput, match=sentence):
        fit_scores(frame, **arguments)


def test_current_data_of_other_columns_is_said() -> None:
    grid = fit_scores(TEXT, score="p", target="y", positive="yes", segments=["three"])
    with pytest.raises(InvalidInput, match="score p is no column"):
        count_scores(TEXT.rename(columns={"p": "q"}), grid)
    with pytest.raises(InvalidInput, match="segment three is no column"):
        count_scores(TEXT.drop(columns="three"), grid)
    with pytest.raises(InvalidInput, match="in the reference it is numbers"):
        count_scores(TEXT.assign(p="high"), grid)


def test_no_rows_and_one_row() -> None:
    frame = table(200)
    grid = fit_scores(frame, score="score", target="late", segments=["carrier"])
    for n in (0, 1):
        cube = count_scores(frame.head(n), grid, chunking=WEEK)
        assert cube.window().rows == n
        assert ScoreCube.from_bytes(cube.to_bytes()).window().rows == n
    empty = fit_scores(frame.head(0), score="score", target="late")
    assert count_scores(frame, empty).window().rows == 200


@pytest.mark.parametrize("names", [("g", "q"), ("t", "p"), ("chunk", "label"), ("s0", "bin")])
def test_columns_may_be_called_as_ours_are(names: tuple[str, str]) -> None:
    frame = table(500)
    score, late = names
    other = frame.rename(columns={"score": score, "late": late, "carrier": "values0"})
    grid = fit_scores(other, score=score, target=late, segments=["values0"])
    cube = count_scores(other, grid, chunking=WEEK)
    plain = fit_scores(frame, score="score", target="late", segments=["carrier"])
    assert same(cube, count_scores(frame, plain, chunking=WEEK))
    for by in ("size", "count"):
        chunking = Chunking(by, size=200, count=3)
        assert count_scores(other, grid, chunking=chunking).window().rows == 500
