"""Differences of profiles and of rows."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_lab.compute import diff_profiles, diff_rows, profile
from mlops_lab.errors import InvalidInput

BEFORE = pa.table(
    {
        "id": [1, 2, 3, 4],
        "v": [1.0, 2.0, None, float("nan")],
        "s": ["a", "b", "c", "d"],
        "old": [1, 1, 1, 1],
    }
)
AFTER = pa.table(
    {
        "id": [2, 3, 4, 5],
        "v": [2.5, None, float("nan"), 5.0],
        "s": ["b", "x", "d", "e"],
        "new": [1, 1, 1, 1],
    }
)


def changes(before: Any, after: Any, name: str = "x") -> list[str]:
    found = diff_profiles(profile(pa.table({"x": before})), profile(pa.table({"x": after})))
    (one,) = [one for one in found.columns if one.name == name]
    return list(one.changes)


def test_schema_and_rows() -> None:
    found = diff_profiles(
        profile(BEFORE), profile(AFTER.set_column(0, "id", pa.array([1, 2, 3, 4], pa.int32())))
    )
    assert (found.added, found.removed) == (("new",), ("old",))
    assert [(one.name, one.before, one.after) for one in found.retyped] == [
        ("id", "BIGINT", "INTEGER")
    ]
    assert (found.rows_before, found.rows_after) == (4, 4)
    assert [one.name for one in found.columns] == ["id", "v", "s"]
    assert found.to_json()["schema"]["changed"][0]["after"] == "INTEGER"


def test_equal_data_has_no_difference() -> None:
    found = diff_profiles(profile(BEFORE), profile(BEFORE))
    assert found.is_empty
    assert not any(one.changes for one in found.columns)


def test_what_moved_is_said_with_its_numbers() -> None:
    values = np.arange(100.0)
    assert changes(values, values + 30) == [
        "mean 49.5 → 79.5 (+1.03 sd)",
        "median 49 → 79 (+1.03 sd)",
        "min 0 → 30",
        "max 99 → 129",
    ]
    assert changes(values, values + 0.01) == ["min 0 → 0.01", "max 99 → 99.01"]


def test_times_and_empty_texts_can_be_read() -> None:
    hours = np.arange("2013-01-01", "2013-01-03", dtype="datetime64[h]").astype("datetime64[us]")
    later = hours + np.timedelta64(24, "h")
    assert changes(hours, later)[-1] == "max 2013-01-02 23:00:00 → 2013-01-03 23:00:00"
    assert changes(["", "b"] * 10, ["", "", "", "b"] * 5) == [
        "(empty text) 50% → 75%",
        "b 50% → 25%",
    ]


def test_missing_values_are_said() -> None:
    assert changes([1, 1, 1, 1], [1, 1, 1, None]) == ["missing 0% → 25%"]


def test_values_of_a_category_that_came_and_went() -> None:
    found = changes(["a", "a", "b", "c"] * 10, ["a", "b", "b", "d"] * 10)
    assert found == ["new: d", "gone: c", "a 50% → 25%", "b 25% → 50%"]


def test_booleans_by_their_share() -> None:
    assert changes([True, False], [True, True]) == ["true 50% → 100%"]


def test_rows_by_key() -> None:
    found = diff_rows(BEFORE, AFTER, "id")
    assert (found.added, found.removed, found.changed, found.same) == (1, 1, 2, 1)
    assert found.columns == {"v": 1, "s": 1}
    assert found.examples.columns == ("id", "change", "column", "before", "after")
    assert set(found.examples.rows) == {
        (2, "changed", "v", 2.0, 2.5),
        (3, "changed", "s", "c", "x"),
        (5, "added", None, None, None),
        (1, "removed", None, None, None),
    }


def test_keys_of_several_columns_and_of_odd_names() -> None:
    names = ['k "1"', "k0", "there_b", "value_before"]
    before = pa.table([[1, 1, None], ["a", "b", "a"], [1, 2, 3], [1, 2, 3]], names=names)
    after = pa.table([[1, 1, None], ["a", "b", "a"], [1, 2, 4], [1, 2, 3]], names=names)
    found = diff_rows(before, after, names[:2])
    assert (found.changed, found.same, found.columns) == (1, 2, {"there_b": 1})
    assert found.examples.rows == ((None, "a", "changed", "there_b", 3, 4),)


def test_types_that_differ_are_compared_by_value() -> None:
    before = pa.table({"id": [1, 2], "v": pa.array([1, 2], pa.int32()), "d": [1, 2]})
    after = pa.table({"id": pa.array([1, 2], pa.int16()), "v": [1.0, 2.5], "d": ["1", "3"]})
    found = diff_rows(before, after, "id")
    assert found.columns == {"v": 1, "d": 1}
    assert (found.changed, found.same) == (1, 1)


def test_a_key_of_another_type_is_compared_by_its_text() -> None:
    texts = pa.table({"k": ["1", "x"], "v": [1, 2]})
    found = diff_rows(pa.table({"k": [1, 2], "v": [1, 2]}), texts, "k")
    assert (found.added, found.removed, found.same) == (1, 1, 1)
    days = [dt.date(2013, 1, 1), dt.date(2013, 1, 2)]
    times = pa.array(days, pa.date32()).cast(pa.timestamp("us"))
    found = diff_rows(pa.table({"k": days, "v": days}), pa.table({"k": times, "v": times}), "k")
    assert (found.changed, found.same) == (0, 2)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (5, "The key 5 is none"),
        ([5], r"The key \[5\] is none"),
        ("s_", r"no column s_\. Did you mean s\?"),
        ("old", "after has no column old"),
        ([], "is none"),
        (["id", "id"], "is none"),
    ],
)
def test_keys_that_are_none(key: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        diff_rows(BEFORE, AFTER, key)


def test_a_key_that_is_not_unique_is_named() -> None:
    with pytest.raises(InvalidInput, match="before has 2 rows with id 7"):
        diff_rows(pa.table({"id": [7, 7]}), pa.table({"id": [7]}), "id")


def test_nothing_to_compare() -> None:
    empty = pa.table({"id": pa.array([], pa.int64())})
    assert diff_rows(empty, empty, "id").same == 0
    found = diff_rows(empty, pa.table({"id": [1]}), "id")
    assert (found.added, found.changed) == (1, 0)


ROWS = st.dictionaries(st.integers(0, 12), st.none() | st.integers(0, 2), max_size=12)


@given(ROWS, ROWS)
@settings(max_examples=12)
def test_counts_are_those_of_dictionaries(
    before: dict[int, int | None], after: dict[int, int | None]
) -> None:
    def table(rows: dict[int, int | None]) -> pa.Table:
        return pa.table(
            [pa.array(list(rows), pa.int64()), pa.array(list(rows.values()), pa.int64())],
            names=["id", "v"],
        )

    found = diff_rows(table(before), table(after), "id")
    both = before.keys() & after.keys()
    changed = sum(before[key] != after[key] for key in both)
    assert (found.added, found.removed) == (len(after.keys() - both), len(before.keys() - both))
    assert (found.changed, found.same) == (changed, len(both) - changed)
