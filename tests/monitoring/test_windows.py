"""Chunks that suit the data, and a reference that never contains what it judges."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_lab.compute import Chunking, Cube, Window, count, fit_grids, open_engine
from mlops_lab.compute.source import Source
from mlops_lab.monitoring.settings import Policy
from mlops_lab.monitoring.windows import (
    choose_chunking,
    compare_fixed,
    compare_rolling,
    compare_training,
    is_partial,
    label_of,
    see,
    without,
)

WEEK = Chunking("week", "at")
FIRST = datetime(2024, 1, 1)


def rows(weeks: range, each: int = 50, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "at": [FIRST + timedelta(weeks=week, hours=3 * i) for i in range(each)],
                    "x": rng.normal(week, 1.0, each),
                    "c": rng.choice(["a", "b", "d"], each),
                    "version": str(week // 2),
                }
            )
            for week in weeks
        ],
        ignore_index=True,
    )


def cube(frame: pd.DataFrame, like: pd.DataFrame | None = None) -> Cube:
    grids = fit_grids(frame if like is None else like, columns=["x", "c"], time="at")
    return count(frame, grids, chunking=WEEK)


def same(one: Window, other: Window) -> bool:
    return one.rows == other.rows and all(
        one[name].keys.tolist() == other[name].keys.tolist()
        and one[name].n.tolist() == other[name].n.tolist()
        and np.allclose(one[name].sums, other[name].sums)
        and one[name].missing == other[name].missing
        for name in one.columns
    )


def test_a_window_without_a_part_is_the_rest() -> None:
    whole = cube(rows(range(4)))
    key = whole.keys[1]
    rest = [one for one in whole.keys if one != key]
    assert same(without(whole.window(None), whole.window([key])), whole.window(rest))


def test_a_chunk_is_compared_with_the_reference_without_it() -> None:
    frame = rows(range(6))
    reference = cube(frame)
    compared = compare_fixed(
        reference, cube(frame[frame["at"] < FIRST + timedelta(weeks=8)], frame)
    )
    assert compared.left_out == reference.keys
    for place, key in enumerate(reference.keys):
        rest = [one for one in reference.keys if one != key]
        assert same(compared.windows[place], reference.window(rest))


def test_other_rows_of_the_same_week_are_compared_with_all() -> None:
    frame = rows(range(6))
    reference = cube(frame)
    compared = compare_fixed(reference, cube(rows(range(6), seed=9), frame))
    assert compared.left_out == (None,) * 6
    assert same(compared.windows[0], reference.window(None))


def test_rolling_reference_is_only_the_days_before() -> None:
    current = cube(rows(range(8)))
    compared = compare_rolling(current, current, 28)
    assert compared.windows[0].rows == 0
    assert [len(keys) for keys in compared.before] == [0, 1, 2, 3, 4, 4, 4, 4]
    for place, keys in enumerate(compared.before):
        assert all(key < current.keys[place] for key in keys)


def test_each_chunk_meets_the_data_of_the_version_that_answered_it() -> None:
    frame = rows(range(12))
    first, second = cube(rows(range(3)), frame), cube(rows(range(6)), frame)
    current = cube(rows(range(6, 9)), frame)
    compared = compare_training(first, {"2": second}, current, ["1", "2", None])
    assert compared.epochs == (None, "2", None)
    assert [window.rows for window in compared.windows] == [150, 300, 150]
    assert set(compared.own) == {None, "2"}


def test_own_chunks_are_compared_with_the_others() -> None:
    reference = cube(rows(range(10)))
    pairs = compare_fixed(reference, reference).own[None]
    assert len(pairs) == 10
    assert all(part.rows + rest.rows == 500 for part, rest in pairs)


def test_torn_ends_of_a_reference_do_not_count() -> None:
    frame = pd.concat([rows(range(9)), rows(range(9, 10), each=10)], ignore_index=True)
    reference = cube(frame)
    assert len(compare_fixed(reference, reference).own[None]) == 9


def seen(frame: pd.DataFrame, chunking: Chunking = WEEK, **options: Any) -> Any:
    with open_engine() as engine:
        return see(engine, Source.of(frame).view(engine), chunking, **options)


def test_the_version_of_a_chunk_is_that_of_most_rows() -> None:
    frame = rows(range(2))
    frame.loc[:10, "version"] = "7"
    frame.loc[frame.index > 60, "version"] = None
    assert seen(frame, version="version").versions == ("0", "0")


@pytest.mark.parametrize(("hours", "partial"), [(167, False), (160, False), (100, True)])
def test_a_week_is_over_when_its_data_has_come(hours: int, partial: bool) -> None:
    times = pd.date_range(FIRST, periods=4 * 7 * 24 + hours, freq="h")
    found = seen(pd.DataFrame({"at": times}))
    assert is_partial(found, 4) is partial
    assert not is_partial(found, 2)


def test_a_day_that_ends_as_usual_is_over() -> None:
    days = pd.date_range(FIRST, periods=9, freq="D")
    open_hours = [day + timedelta(hours=hour) for day in days for hour in range(9, 17)]
    found = seen(pd.DataFrame({"at": open_hours}), Chunking("day", "at"))
    assert not is_partial(found, 8)
    morning = seen(pd.DataFrame({"at": open_hours[:-6]}), Chunking("day", "at"))
    assert is_partial(morning, 8)


def test_infinite_and_missing_times_are_in_no_chunk() -> None:
    with open_engine() as engine:
        found = see(
            engine,
            "(select unnest([timestamp '2024-01-02', 'infinity', '-infinity', null]) as at)",
            WEEK,
        )
    assert (found.rows, found.undated) == ((1,), 3)


@pytest.mark.parametrize(
    ("a_day", "days", "step"),
    [
        (4_000, 60, "day"),
        (900, 90, "week"),
        (100, 365, "month"),
        (90, 90, "week"),
        (4, 30, "month"),
    ],
)
def test_the_shortest_period_with_enough_rows_is_chosen(a_day: int, days: int, step: str) -> None:
    rows = {f"{FIRST + timedelta(days=i):%Y-%m-%d}": a_day for i in range(days)}
    found, told = choose_chunking(rows, rows, Chunking(time="at"), Policy())
    assert found == step
    assert told.startswith(f"by {step}")


def test_without_a_reference_in_time_the_period_still_has_enough_rows() -> None:
    rows = {f"{FIRST + timedelta(days=i):%Y-%m-%d}": 400 for i in range(60)}
    found, told = choose_chunking({}, rows, Chunking(time="at"), Policy())
    assert found == "day"
    assert "too few to know what is natural" in told


def test_labels_are_by_the_clock_of_the_zone() -> None:
    chunking = Chunking("week", "at", "America/New_York")
    assert label_of(chunking.chunk("2013-04-01"), chunking) == "1 to 7 April"
