"""The domain alarm: rows that the reference never met, beyond what it shows of itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlops_lab.monitoring import domain

from .quality.conftest import make_material


def _weeks(first: str, means: list[float], seed: int = 0, rows: int = 500) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    start = pd.Timestamp(first)
    return pd.concat(
        pd.DataFrame(
            {
                "at": start
                + pd.Timedelta(days=7 * week)
                + pd.to_timedelta(np.sort(random.integers(0, 7 * 24 * 60, rows)), unit="min"),
                "temp": random.normal(mean, 5, rows),
                "gate": random.choice(["A", "B"], rows),
            }
        )
        for week, mean in enumerate(means)
    )


REFERENCE = _weeks("2013-01-07", [40.0] * 10)


def test_two_of_three_weeks_outside_alarm() -> None:
    current = _weeks("2013-04-01", [40, 55, 40, 55, 55, 40], seed=1)

    found = domain.judge(make_material(REFERENCE, current))

    assert set(found) == {"temp"}
    temp = found["temp"]
    assert temp.states == "owoaao"
    assert temp.low == pytest.approx(40 - 2.576 * 5, abs=1)
    assert temp.high == pytest.approx(40 + 2.576 * 5, abs=1)
    assert temp.natural is not None
    assert temp.natural < 0.05
    assert temp.share[1] == pytest.approx(0.64, abs=0.06)


def test_what_the_reference_shows_of_itself_is_natural() -> None:
    # Weeks of 30 and of 50 degrees: half of a cold week is out of the range of the others.
    reference = _weeks("2013-01-07", [30, 50, 40, 40, 40, 55, 40, 40, 28, 40])
    current = _weeks("2013-04-01", [52, 52, 52], seed=1)

    found = domain.judge(make_material(reference, current))["temp"]

    assert found.natural is not None
    assert found.natural > 0.02
    assert found.states == "ooo"


def test_small_and_unfinished_chunks_do_not_alarm() -> None:
    current = pd.concat(
        [
            _weeks("2013-04-01", [90], rows=60),
            _weeks("2013-04-08", [90], rows=200),
            _weeks("2013-04-15", [90], rows=500),
        ]
    )

    found = domain.judge(make_material(REFERENCE, current, partial=frozenset({2})))["temp"]

    assert found.states == "shh"


def test_broken_chunks_are_left_to_data_quality() -> None:
    current = _weeks("2013-04-01", [90, 90, 90])

    found = domain.judge(make_material(REFERENCE, current), quality={("temp", 1)})["temp"]

    assert found.states == "wqa"


def test_one_chunk_warns_and_alarms_at_twice_the_level() -> None:
    slightly = _weeks("2013-04-01", [47], seed=1).drop(columns="at")
    far = _weeks("2013-04-01", [60], seed=1).drop(columns="at")
    reference = REFERENCE.drop(columns="at")

    states = [
        domain.judge(make_material(reference, one, time=None))["temp"].states
        for one in (slightly, far)
    ]

    assert states == ["w", "a"]


def test_a_reference_without_numbers_has_no_range() -> None:
    current = _weeks("2013-04-01", [40])

    assert domain.judge(make_material(REFERENCE.assign(temp=np.nan), current)) == {}
    assert domain.judge(make_material(REFERENCE.head(50), current)) == {}
