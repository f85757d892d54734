"""Whatever is given to `lab.drift` gives a named finding or a sentence, and never a stack trace."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlops_lab as lab
from mlops_lab.errors import InvalidInput

Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(autouse=True)
def _outside_of_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _flights(first: str, seed: int, *, weeks: int = 10, rows: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    n = weeks * rows
    hours = np.sort(random.integers(0, weeks * 7 * 18, n))
    at = pd.Timestamp(first) + pd.to_timedelta((hours // 18) * 24 + 5 + hours % 18, unit="h")
    return pd.DataFrame(
        {
            "at": at + pd.to_timedelta(random.integers(0, 3600, n), unit="s"),
            "carrier": random.choice(["EV", "UA", "B6", "DL"], n, p=[0.4, 0.3, 0.2, 0.1]),
            "temp": random.normal(45, 9, n).round(2),
            "pressure": random.normal(1017, 7, n).round(1),
            "distance": random.choice([199, 488, 719, 1023, 2475], n),
        }
    )


REFERENCE = _flights("2013-01-07", 1)
CURRENT = _flights("2013-04-01", 2, weeks=3)


def _nothing(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


def _of(**columns: Any) -> Change:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(
            **{name: made(frame) if callable(made) else made for name, made in columns.items()}
        )

    return change


ODD: dict[str, tuple[Change, Change]] = {
    "one row": (_nothing, lambda f: f.head(1)),
    "a reference of one row": (lambda f: f.head(1), _nothing),
    "no rows": (_nothing, lambda f: f.head(0)),
    "a reference without rows": (lambda f: f.head(0), _nothing),
    "all missing": (_nothing, lambda f: f.assign(carrier=None, temp=np.nan, pressure=None)),
    "a reference that is all missing": (_of(temp=np.nan, carrier=None), _nothing),
    "both all missing": (_of(temp=None), _of(temp=None)),
    "constants": (_of(temp=1.0, carrier="x"), _of(temp=1.0, carrier="x")),
    "a constant that moved": (_of(temp=1.0), _of(temp=2.0)),
    "only infinities": (_of(temp=np.inf), _of(temp=-np.inf)),
    "numbers at the end of numbers": (_of(temp=1.7e308), _of(temp=-1.7e308)),
    "whole numbers beyond doubles": (_of(temp=2**62), _of(temp=2**62 + 1)),
    "lists": (_of(temp=lambda f: [[1.0]] * len(f)), _of(temp=lambda f: [[1.0]] * len(f))),
    "odd names": (
        lambda f: f.rename(columns={"temp": "a \"b\" 'c' {d} %s", "carrier": "<script>"}),
        lambda f: f.rename(columns={"temp": "a \"b\" 'c' {d} %s", "carrier": "<script>"}),
    ),
    "odd values": (_of(carrier="{since}"), _of(carrier=lambda f: ["{x}", "a\nb"] * (len(f) // 2))),
    "times that are missing": (_nothing, _of(at=lambda f: f["at"].where(f.index % 2 > 0))),
    "times that are all missing": (_nothing, _of(at=pd.NaT)),
    "one time": (_nothing, _of(at=pd.Timestamp("2013-04-01 12:00"))),
    "a zone on one side": (_nothing, _of(at=lambda f: f["at"].dt.tz_localize("Asia/Tokyo"))),
    "times of the year 1": (
        _nothing,
        _of(
            at=lambda f: f["at"].astype("datetime64[us]") - pd.Timedelta(days=700_000).as_unit("us")
        ),
    ),
    "a whole number for a category": (_nothing, _of(carrier=7)),
    "another order of rows": (_nothing, lambda f: f.sample(frac=1, random_state=1)),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_data_is_answered_in_sentences(name: str) -> None:
    before, after = ODD[name]
    time = "at" if re.search("row|time|zone", name) else None

    try:
        found = lab.drift(before(REFERENCE), after(CURRENT), time=time)
    except InvalidInput as error:
        said = str(error).strip()
    else:
        said = _checked(found)

    assert said.endswith((".", "…", "?"))


def _checked(found: Any) -> str:
    """Every sentence of an evaluation is one; gives that of its summary."""

    told = found.to_json()
    for finding in told["quality"]:
        assert finding["sentence"].endswith((".", "…"))
        assert "{since}" not in finding["sentence"].replace("'{since}'", "")
    for alert in told["alerts"]:
        assert alert["sections"], alert["key"]
    return str(told["summary"]["sentence"])


def _state(told: dict[str, Any], column: str) -> str:
    """The letters of a column; what is gone has none."""
    return next((one["states"] for one in told["columns"] if one["name"] == column), "")


def _checks(told: dict[str, Any]) -> set[tuple[str | None, str]]:
    return {(one["column"], one["check"]) for one in told["quality"] if one["state"] == "alert"}


def test_faults_are_data_quality_first() -> None:
    broken = CURRENT.assign(
        temp=CURRENT["temp"].where(CURRENT.index % 3 > 0),
        pressure=CURRENT["pressure"] * 1000,
        distance=CURRENT["distance"].astype(float).where(CURRENT.index % 9 > 0, np.inf),
        carrier=CURRENT["carrier"].str.lower(),
    )

    told = lab.drift(REFERENCE, broken, time="at", by="week").to_json()

    assert told["summary"]["state"] == "quality"
    assert _checks(told) == {
        ("temp", "missing"),
        ("pressure", "unit"),
        ("distance", "infinite"),
        ("carrier", "encoding"),
    }
    for column in ("temp", "pressure", "distance", "carrier"):
        assert _state(told, column) == "qqq"
    assert {one["kind"] for one in told["alerts"]} == {"quality"}
    lines = [line for one in told["alerts"] for part in one["sections"] for line in part["lines"]]
    assert any("data quality first" in line for line in lines)


TABLES: dict[str, tuple[Change, set[tuple[str | None, str]]]] = {
    "words among numbers": (
        _of(temp=lambda f: f["temp"].astype(str).where(f.index % 9 > 0, "n/a")),
        {("temp", "unreadable"), ("temp", "type")},
    ),
    "swapped columns": (
        lambda f: f.rename(columns={"temp": "pressure", "pressure": "temp"}),
        {("pressure", "swapped"), ("temp", "swapped")},
    ),
    "a renamed column": (lambda f: f.rename(columns={"temp": "t2m"}), {("temp", "column")}),
    "another zone": (_of(at=lambda f: f["at"] + pd.Timedelta(hours=5)), {("at", "clock")}),
    "rows twice": (lambda f: pd.concat([f, f.tail(300)]), {(None, "duplicates")}),
    "a week twice": (
        lambda f: pd.concat(
            [
                f[f["at"] < "2013-04-15"],
                f[(f["at"] >= "2013-04-08") & (f["at"] < "2013-04-15")].assign(
                    at=lambda g: g["at"] + pd.Timedelta(days=7)
                ),
            ]
        ),
        {(None, "duplicates")},
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_faults_of_whole_tables_are_named(name: str) -> None:
    breaks, checks = TABLES[name]

    told = lab.drift(REFERENCE, breaks(CURRENT), time="at", by="week").to_json()

    assert told["summary"]["state"] == "quality"
    assert _checks(told) >= checks
    drifted = [one for one in told["alerts"] if one["kind"] in ("drift", "domain")]
    broken = {column for column, _ in checks}
    assert not [one for one in drifted if set(one["columns"]) & broken]


def test_sides_without_a_common_column_are_named() -> None:
    with pytest.raises(InvalidInput, match="no column in common: the reference has temp; the curr"):
        lab.drift(REFERENCE[["temp"]], CURRENT[["pressure"]])


def test_a_column_of_mixed_objects_is_named() -> None:
    with pytest.raises(InvalidInput, match="column temp holds values of several types"):
        lab.drift(REFERENCE, CURRENT.assign(temp=[1, "x"] * (len(CURRENT) // 2)))


def test_many_columns_are_looked_at_in_bounded_time() -> None:
    random = np.random.default_rng(0)
    names = [f"c{i}" for i in range(200)]
    sides = [pd.DataFrame(random.normal(size=(300, 200)), columns=names) for _ in range(2)]
    sides[1]["c7"] = np.inf
    sides[1]["c8"] *= 1000

    found = lab.drift(*sides)

    assert [(one.column, one.check) for one in found.quality] == [
        ("c7", "infinite"),
        ("c8", "unit"),
    ]


@pytest.mark.parametrize("seed", range(2))
def test_a_random_half_of_the_reference_raises_nothing(seed: int) -> None:
    half = REFERENCE.sample(frac=0.5, random_state=seed)

    found = lab.drift(REFERENCE, half, time="at" if seed % 2 else None)

    assert found.to_json()["quality"] == []
    assert found.alerts == ()


def test_nobody_flies_at_night_in_the_reference_either() -> None:
    day = CURRENT[CURRENT["at"] < "2013-04-03"]

    found = lab.drift(REFERENCE, day, time="at", by="hour", columns=["temp"], progress=False)

    assert found.quality == ()


def test_a_rolling_reference_is_what_medians_are_told_of() -> None:
    shifted = CURRENT.assign(temp=CURRENT["temp"] + 40.0 * (CURRENT["at"] >= "2013-04-15"))
    steady = shifted["temp"][shifted["at"] < "2013-04-15"].median()

    found = lab.drift(
        "rolling 14d", shifted, time="at", by="week", columns=["temp"], progress=False
    )

    told = "\n".join(
        line for one in found.explain("temp", "2013-04-15").sections for line in one.lines
    )
    assert f"Median of temp {steady:.3g} → " in told
