from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

from mlops_lab.server.encode import time_text, to_json


def test_numbers_that_are_not_finite_are_text() -> None:
    value = {"a": [1.0, float("nan")], "b": (float("inf"), -float("inf")), "c": {"d": None}}
    assert json.loads(to_json(value)) == {
        "a": [1.0, "NaN"],
        "b": ["Infinity", "-Infinity"],
        "c": {"d": None},
    }


def test_a_lone_surrogate_still_makes_an_answer() -> None:
    assert to_json("\udc80").encode() == b'"\\udc80"'


def test_times_are_utc_with_z() -> None:
    there = datetime(2026, 11, 21, 12, 30, tzinfo=timezone(timedelta(hours=2)))
    assert time_text(there) == "2026-11-21T10:30:00.000000Z"
    assert time_text(datetime(2026, 11, 21, tzinfo=UTC)) == "2026-11-21T00:00:00.000000Z"
    assert time_text(None) is None
