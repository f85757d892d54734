"""The drafted suite: what it says, and that the data it came from passes it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_lab.compute import profile
from mlops_lab.data.suite import parse_suite
from mlops_lab.data.suite_draft import infer_suite
from mlops_lab.data.suite_run import SuiteReport, run_suite
from mlops_lab.document import read_document


def judged(table: pa.Table, name: str = "drafted") -> tuple[str, SuiteReport]:
    text = infer_suite(profile(table), name)
    suite, faults = parse_suite(read_document(Path("draft.yaml"), text=text), "draft")
    assert suite is not None, [str(one) for one in faults]
    assert suite.name == name
    return text, run_suite(table, suite)


FLIGHTS = pa.table(
    {
        "flight_id": list(range(1, 201)),
        "origin": ["EWR", "JFK", "LGA", "yes"] * 50,
        "delay": [*range(199), None],
        "speed": [*([5.0] * 100), *([20.0] * 99), 1048.0],
        "at": [dt.datetime(2013, 1, 1) + dt.timedelta(hours=i) for i in range(200)],
        "late": [True, False] * 100,
    }
)


def test_it_says_what_is_true_of_the_data() -> None:
    text, _ = judged(FLIGHTS, "flights")
    for line in (
        "name: flights\n",
        "key: flight_id  # tells rows apart",
        "  - {check: unique, column: flight_id, severity: block}",
        "  - {check: set, column: origin, values: [EWR, JFK, LGA, yes], severity: warn}",
        "  - {check: not_null, column: delay, tolerance: 0.01, severity: warn}",
        "  - {check: range, column: delay, min: 0, max: 300, severity: warn}",
        '  # - {check: freshness, column: at, max_age: "7d", severity: warn}',
        "1,048 lies far outside: is it real?",
    ):
        assert line in text, text


def test_a_value_far_outside_is_asked_about_and_fails() -> None:
    _, report = judged(FLIGHTS)
    failed = [one.sentence for one in report.checks if one.state == "failed"]
    assert failed == ["speed: 1 of 200 rows above 50 (max 1,048)"]
    assert report.state == "warned"


def test_texts_stay_what_they_are() -> None:
    odd = ["true", "null", "7", "2013-01-01", "- x", "a: b", "#", 'q"\\', "'", "ü 😀", "", " a"]
    table = pa.table({name or "empty": [name, name] for name in odd[:10]})
    judged(table, "a: 'b' \"c\"")
    for name in odd:
        _, report = judged(pa.table({"v": [name] * 3}))
        assert report.state == "passed"
    control = pa.table({"a\nb\x07\u202e": ["\x85", "\x85"]})
    text, report = judged(control)
    assert report.state == "passed"
    assert "\x07" not in text
    assert "\u202e" not in text


def test_nothing_to_draft_from() -> None:
    text, report = judged(
        pa.table({"a": pa.array([], pa.int64()), "l": pa.array([], pa.list_(pa.int8()))})
    )
    assert "not_null" not in text
    assert [one.check for one in report.checks if one.state == "failed"] == ["row_count"]


COLUMNS: dict[str, Any] = {
    "f": (pa.float64(), st.floats(-1e9, 1e9)),
    "g": (pa.float64(), st.floats(allow_nan=True, allow_infinity=True)),
    "i": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "s": (pa.string(), st.text(max_size=5)),
    "b": (pa.bool_(), st.booleans()),
    "d": (pa.date32(), st.dates()),
    "n": (pa.float64(), st.none()),
}


@given(
    st.integers(1, 30).flatmap(
        lambda n: st.fixed_dictionaries(
            {
                name: st.lists(st.none() | values, min_size=n, max_size=n)
                for name, (_, values) in COLUMNS.items()
            }
        )
    )
)
@settings(max_examples=8)
def test_the_data_passes_its_own_draft(columns: dict[str, list[Any]]) -> None:
    table = pa.table({name: pa.array(values, COLUMNS[name][0]) for name, values in columns.items()})
    text, report = judged(table)
    failed = [one for one in report.checks if one.state == "failed"]
    # But for what a comment asks about.
    assert len(failed) <= text.count("is it real?"), [one.sentence for one in failed]


def test_a_wide_table_is_drafted_whole() -> None:
    table = pa.table({f"c{i}": np.arange(3) for i in range(120)})
    text, report = judged(table)
    assert text.count("unique") == 120
    assert report.state == "passed"
