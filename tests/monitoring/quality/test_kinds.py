"""Every kind of finding is found where it is, in words that say since when and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from mlops_lab.monitoring.quality import CHECKS, Looked

from .conftest import Weeks, look_at

Broken = Callable[[pd.DataFrame, "pd.Series[bool]"], pd.DataFrame]


@dataclass(frozen=True)
class Case:
    """A fault: how it is made, and which check says what of which columns."""

    check: str
    columns: tuple[str | None, ...]
    breaks: Broken
    said: str
    state: str = "alert"


def _set(**columns: Callable[[pd.Series], object]) -> Broken:  # type: ignore[type-arg]
    """Change columns from the third week on."""

    def breaks(frame: pd.DataFrame, late: pd.Series[bool]) -> pd.DataFrame:
        found = frame.copy()
        for name, change in columns.items():
            values = found[name].astype(object)
            values[late] = change(frame.loc[late, name])
            words = any(isinstance(one, str) for one in values)
            # As a file would have it: where one value is a word, all are text.
            found[name] = values.astype("string") if words else values.infer_objects()
        return found

    return breaks


def _swap(a: str, b: str) -> Broken:
    def breaks(frame: pd.DataFrame, late: pd.Series[bool]) -> pd.DataFrame:
        found = frame.copy()
        found.loc[late, [a, b]] = frame.loc[late, [b, a]].to_numpy()
        return found

    return breaks


def _later(hours: int) -> Broken:
    def breaks(frame: pd.DataFrame, late: pd.Series[bool]) -> pd.DataFrame:
        return frame.assign(at=frame["at"].where(~late, frame["at"] + pd.Timedelta(hours=hours)))

    return breaks


def _again(frame: pd.DataFrame, late: pd.Series[bool]) -> pd.DataFrame:
    return pd.concat([frame, frame[late].head(150)])


def _week_again(frame: pd.DataFrame, late: pd.Series[bool]) -> pd.DataFrame:
    second = frame[(frame["at"] >= "2013-04-08") & ~late]
    third = second.assign(at=second["at"] + pd.Timedelta(days=7))
    return pd.concat([frame[~late], third, frame[frame["at"] >= "2013-04-22"]])


def _every(count: int, value: object) -> Callable[[pd.Series], object]:  # type: ignore[type-arg]
    def change(values: pd.Series) -> object:  # type: ignore[type-arg]
        return values.where(np.arange(len(values)) % count > 0, value)

    return change


CASES = [
    Case("missing", ("temp",), _set(temp=_every(5, None)), "temp is missing in 2"),
    Case("missing", ("temp",), _set(temp=lambda x: None), "temp has no value in any of"),
    Case("missing", ("pressure",), _set(pressure=lambda x: x.fillna(0.0)), "filled with 0"),
    Case("infinite", ("wind",), _set(wind=_every(20, -np.inf)), "wind is −∞ in"),
    Case(
        "unreadable",
        ("temp",),
        _set(temp=_every(20, "n/a")),
        "temp holds no number in .* such as 'n/a'",
    ),
    Case("range", ("wind",), _set(wind=_every(20, -999.0)), "wind is −999 in 5"),
    Case(
        "range",
        ("distance",),
        _set(
            distance=lambda x: -x * (np.arange(len(x)) % 10 == 0) + x * (np.arange(len(x)) % 10 > 0)
        ),
        "distance is negative in",
    ),
    Case("new_category", ("carrier",), _set(carrier=_every(20, "ZZ")), "'ZZ' in"),
    Case("encoding", ("carrier",), _set(carrier=lambda x: x.str.lower()), "'ev' for 'EV'"),
    Case("encoding", ("dest",), _set(dest=lambda x: x + " "), "with spaces around"),
    Case(
        "id_like",
        ("carrier",),
        _set(carrier=lambda x: [f"K{i}" for i in range(len(x))]),
        "carrier tells rows apart now",
    ),
    Case("constant", ("temp",), _set(temp=lambda x: 50.0), "temp is 50 in all of"),
    Case("constant", ("carrier",), _set(carrier=lambda x: "EV"), "carrier is 'EV' in all of"),
    Case(
        "encoding",
        ("city",),
        _set(city=lambda x: x.str[:8]),
        "'Chicago ' for 'Chicago Midway' and 'São Paul' for 'São Paulo'",
    ),
    Case("unit", ("temp",), _set(temp=lambda x: x * 1000), "÷ 1,000 brings it back"),
    Case("unit", ("wind",), _set(wind=lambda x: -x), "since 15 April: the sign is turned round"),
    Case("unit", ("pressure",), _set(pressure=lambda x: x / 33.86389), "inHg"),
    Case("unit", ("temp",), _set(temp=lambda x: (x - 32) / 1.8), "°C where °F was"),
    Case("unit", ("temp",), _set(temp=lambda x: x * 2.204623), "pounds where kg was"),
    Case("swapped", ("pressure", "temp"), _swap("pressure", "temp"), "and .* look swapped"),
    Case("swapped", ("carrier", "dest"), _swap("carrier", "dest"), "and .* look swapped"),
    Case("clock", ("at",), _later(5), "at is 5 hours later than usual"),
    Case("duplicates", (None,), _again, "from 15 to 21 April repeat another one in every column"),
    Case("duplicates", (None,), _week_again, "15 to 21 April repeats 8 to 14 April"),
    Case(
        "volume",
        (None,),
        lambda f, late: f[(np.arange(len(f)) % 4 == 0) | ~late],
        "rows came from 15 to 21 April, 2",
    ),
    Case(
        "volume",
        (None,),
        lambda f, late: f[~late | (f["at"] >= "2013-04-22")],
        "No row at all is from 15 to 21 April: 1 week without data",
    ),
    Case("type", ("late",), lambda f, late: f.assign(late=f["at"]), "times (TIMESTAMP) now"),
    Case("column", ("temp",), lambda f, late: f.rename(columns={"temp": "t2m"}), "called t2m now"),
    Case("column", ("dest",), lambda f, late: f.drop(columns="dest"), "dest is gone", "warn"),
    Case(
        "column",
        ("temp",),
        lambda f, late: f.assign(t2m=f["temp"].where(late), temp=f["temp"].where(~late)),
        "temp is called t2m now since 15 April",
    ),
]


@pytest.fixture(scope="module")
def reference(weeks: Weeks) -> pd.DataFrame:
    return weeks(seed=1)


@pytest.fixture(scope="module")
def current(weeks: Weeks) -> pd.DataFrame:
    return weeks("2013-04-01", count=4, seed=2)


def _told(looked: Looked) -> str:
    return "\n".join(one.sentence for one in looked.findings)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.said[:18]}")
def test_a_fault_is_named(case: Case, reference: pd.DataFrame, current: pd.DataFrame) -> None:
    broken = case.breaks(current, current["at"] >= "2013-04-15").reset_index(drop=True)

    looked = look_at(reference, broken)

    found = [one for one in looked.findings if one.check == case.check]
    assert {one.column for one in found} == set(case.columns), _told(looked)
    assert {one.state for one in found} == {case.state}
    assert re.search(case.said.replace("(", r"\(").replace(")", r"\)"), _told(looked))
    for one in looked.findings:
        assert one.chunk in (None, "2013-04-15", "2013-04-22", "2013-04-29"), one
        assert one.sentence[-1] in ".…"
        assert "{" not in one.sentence
        assert not re.search(r"significant|poisoned|healthy", one.sentence)


def test_every_check_has_a_fault_that_it_finds() -> None:
    assert set(CHECKS) == {case.check for case in CASES} | {"stale"}


def test_a_later_chunk_says_since_when(reference: pd.DataFrame, current: pd.DataFrame) -> None:
    broken = _set(temp=_every(5, None))(current, current["at"] >= "2013-04-15")

    first, second = look_at(reference, broken).findings

    assert "since" not in first.sentence
    assert "since 15 April" in second.sentence


def test_a_stopped_source_is_told_to_the_minute(
    reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    ago = pd.Timedelta(minutes=40)
    stopped = (current["at"] - ago).clip(upper=pd.Timestamp("2013-04-18 18:00"))

    looked = look_at(
        reference.assign(observed=reference["at"] - ago), current.assign(observed=stopped)
    )

    first = looked.findings[0]
    assert (first.check, first.column, first.chunk) == ("stale", "observed", "2013-04-15")
    assert first.sentence.startswith("observed stops at 18 April 18:00, and rows go on until 21")


def test_a_clock_that_is_wrong_stops_no_source(
    reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    late = current["at"] >= "2013-04-15"
    moved = _later(4)(current, late).assign(observed=current["at"])

    looked = look_at(reference.assign(observed=reference["at"]), moved[moved["at"] < "2013-04-29"])

    assert {one.check for one in looked.findings} == {"clock"}


def test_values_that_stand_still_for_a_day_are_stale(weeks: Weeks) -> None:
    # Enough rows that a single day says something, as of a join that goes on with its last value.
    reference, current = weeks(seed=3, rows=1400), weeks("2013-04-01", count=3, rows=1400, seed=4)
    dead = current["at"] >= "2013-04-20 18:00"
    for name in ("temp", "dewp", "wind"):
        current.loc[dead, name] = current.loc[~dead, name].iloc[-1]

    looked = look_at(reference, current)

    assert [(one.check, one.chunk) for one in looked.findings] == [("stale", "2013-04-15")]
    assert "stand still on 21 April" in looked.findings[0].sentence


def test_daylight_saving_names_the_day_on_which_clocks_changed(weeks: Weeks) -> None:
    reference, current = weeks(seed=1, rows=2000), weeks("2013-03-18", count=4, seed=2, rows=2000)
    summer = current["at"] >= "2013-03-31 01:00"
    moved = current.assign(at=current["at"].where(~summer, current["at"] - pd.Timedelta(hours=1)))

    looked = look_at(reference, moved)

    assert {one.check for one in looked.findings} == {"clock"}
    first = looked.findings[0]
    assert (first.state, first.chunk) == ("warn", "2013-04-01")
    assert "1 hour earlier than usual" in first.sentence
    assert "The clocks changed on 31 March (as in Europe/Berlin)" in first.sentence

    april = current["at"] >= "2013-04-08"
    moved = current.assign(at=current["at"].where(~april, current["at"] - pd.Timedelta(hours=1)))
    (later,) = look_at(reference, moved).findings
    # A week in between had the usual hours: it was not the clocks' day.
    assert "clocks changed" not in later.sentence


def test_a_new_column_is_a_note(reference: pd.DataFrame, current: pd.DataFrame) -> None:
    looked = look_at(reference, current.assign(gate=np.arange(len(current))))

    assert looked.findings == ()
    assert looked.notes == ("The reference has no gate: it is not compared.",)


@pytest.mark.parametrize("seed", range(2))
def test_clean_weeks_have_no_finding(weeks: Weeks, seed: int) -> None:
    looked = look_at(weeks(seed=seed), weeks("2013-04-01", count=4, seed=seed + 50))

    assert looked.findings == ()


@pytest.mark.parametrize("seed", range(3))
def test_a_random_half_of_the_reference_has_no_finding(weeks: Weeks, seed: int) -> None:
    frame = weeks(seed=seed, count=4, rows=300)
    half = frame.sample(frac=0.5, random_state=seed).sort_values("at")

    for time in ("at", None):
        assert look_at(frame, half, time=time).findings == (), time


def test_rows_without_a_time_that_come_twice_are_of_no_chunk(reference: pd.DataFrame) -> None:
    (found,) = look_at(
        reference, reference.tail(900).iloc[np.arange(1000) % 900], time=None
    ).findings

    assert re.match(r"100 rows of 1,000 \(10\s%\) repeat another one", found.sentence)


def test_seasons_are_no_fault_of_the_data(weeks: Weeks) -> None:
    reference, current = weeks(seed=1), weeks("2013-04-01", count=8, seed=2)
    warmer = (current["at"] - current["at"].min()).dt.days
    current["temp"] += 0.6 * warmer
    current["dewp"] += 0.5 * warmer

    assert look_at(reference, current).findings == ()


def _odd_shapes(first: str, days: int, rows: int, seed: int) -> pd.DataFrame:
    """Heavy and long tails, many zeros, days that differ: what real columns are like."""
    random = np.random.default_rng(seed)
    n = days * rows
    start = pd.Timestamp(first)
    at = start + pd.to_timedelta(np.sort(random.integers(0, days * 86_400, n)), unit="s")
    effect = random.normal(0, 0.25, days)[(at - start).days.to_numpy()]
    return pd.DataFrame(
        {
            "at": at,
            "heavy": np.exp(random.normal(0, 2, n)),
            "cauchy": random.standard_cauchy(n),
            "zeros": np.where(random.random(n) < 0.7, 0, random.gamma(1, 5, n)).round(1),
            "count": random.poisson(3 + 2 * abs(effect)),
            "flag": random.random(n) < 0.02 + 0.02 * abs(effect),
            "tail": random.zipf(1.6, n).clip(max=400).astype(str),
            "gaps": np.where(random.random(n) < 0.05 + 0.05 * abs(effect), np.nan, effect),
            "rare": random.choice(["a", "b", "c"], n, p=[0.98, 0.015, 0.005]),
        }
    )


@pytest.mark.parametrize("seed", range(2))
def test_odd_shapes_another_volume_and_days_that_differ_have_no_finding(seed: int) -> None:
    reference = _odd_shapes("2024-01-01", 56, 150, seed)
    current = _odd_shapes("2024-02-26", 28, 300, seed + 100)

    assert look_at(reference, current, by="day").findings == ()
