"""Every kind of check: a planted violation is found and shown, clean data passes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from mlops_lab.compute import Engine
from mlops_lab.data.checks import kinds

from .conftest import Ask

NAN = float("nan")


def table(**columns: Any) -> pa.Table:
    rows = len(next(iter(columns.values())))
    return pa.table({"id": list(range(1, rows + 1)), **columns})


# check, clean column(s), the same with a violation, the sentence about it, the rows that are shown
PLANTED: dict[str, tuple[str, pa.Table, pa.Table, str, list[tuple[Any, ...]]]] = {
    "not_null": (
        "check: not_null, column: v",
        table(v=["a", "b", ""]),
        table(v=["a", None, ""]),
        "v: 1 of 3 rows missing",
        [(2, None)],
    ),
    "unique": (
        "check: unique, column: v",
        table(v=["a", "b", None, None]),
        table(v=["a", "b", "a", None]),
        "v: 1 of 4 rows repeat a value",
        [(1, "a"), (3, "a")],
    ),
    "range": (
        "check: range, column: v, min: 0, max: 150",
        table(v=[0.0, 150.0, None, NAN]),
        table(v=[0.0, 1048.36, None, NAN]),
        "v: 1 of 4 rows above 150 (max 1,048)",
        [(2, 1048.36)],
    ),
    "set": (
        "check: set, column: v, values: [EWR, JFK]",
        table(v=["EWR", "JFK", None]),
        table(v=["EWR", "LGA", None]),
        "v: 1 of 3 rows hold an unknown value (LGA)",
        [(2, "LGA")],
    ),
    "regex": (
        "check: regex, column: v, pattern: 'N[0-9A-Z]+'",
        table(v=["N725MQ", None]),
        table(v=["N725MQ", "xN725MQ"]),
        "v: 1 of 2 rows do not match N[0-9A-Z]+ (such as 'xN725MQ')",
        [(2, "xN725MQ")],
    ),
    "schema": (
        "check: schema, columns: {id: bigint, v: number}",
        table(v=[1.5]),
        table(v=["1.5"]),
        "schema: v is VARCHAR, not number",
        [("v", "number", "VARCHAR")],
    ),
    "row_count": (
        "check: row_count, min: 2, max: 3",
        table(v=[1, 2]),
        table(v=[1]),
        "row count: 1 rows, fewer than 2",
        [],
    ),
    "freshness": (
        "check: freshness, column: v, max_age: 2d",
        table(v=[dt.datetime(2013, 12, 30), None]),
        table(v=[dt.datetime(2013, 12, 28), None]),
        "v: the newest value, 2013-12-28 00:00:00, is 4 days old, older than 2d",
        [],
    ),
    "sql": (
        'check: sql, title: early landings, query: "select id, v from data where v < -60"',
        table(v=[-60, 5]),
        table(v=[-61, 5]),
        "early landings: 1 of 2 rows found",
        [(1, -61)],
    ),
}


def test_every_kind_has_a_planted_violation() -> None:
    assert set(PLANTED) == set(kinds())


@pytest.mark.parametrize("kind", PLANTED)
def test_clean_data_passes(kind: str, ask: Ask) -> None:
    check, clean, *_ = PLANTED[kind]
    result = ask(clean, check)
    assert (result.state, result.failed, result.sample) == ("passed", 0, None)
    assert result.check == kind
    assert result.sentence


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_violation_is_found(kind: str, ask: Ask) -> None:
    check, _, planted, sentence, rows = PLANTED[kind]
    result = ask(planted, check)
    assert (result.state, result.failed) == ("failed", 1)
    assert result.sentence == sentence
    assert (list(result.sample.rows) if result.sample else []) == rows


@pytest.mark.parametrize("kind", PLANTED)
def test_no_rows_are_no_accident(kind: str, ask: Ask) -> None:
    check, clean, *_ = PLANTED[kind]
    result = ask(clean.slice(0, 0), check)
    # Of nothing, only what asks for something fails.
    assert (result.state == "failed") == (kind in ("row_count", "freshness"))


@pytest.mark.parametrize("kind", sorted(set(PLANTED) - {"schema", "row_count", "sql"}))
def test_a_column_that_is_not_there_fails_with_the_nearest(kind: str, ask: Ask) -> None:
    check, clean, *_ = PLANTED[kind]
    result = ask(clean.rename_columns(["id", "speed"]), check.replace("column: v", "column: sped"))
    assert result.state == "failed"
    assert result.sentence == "sped: There is no column sped. Did you mean speed?"


@pytest.mark.parametrize("kind", sorted(set(PLANTED) - {"schema", "row_count", "sql"}))
def test_a_column_of_another_type_fails(kind: str, ask: Ask) -> None:
    check, clean, *_ = PLANTED[kind]
    nested = pa.table({"id": clean["id"], "v": [[1]] * clean.num_rows})
    result = ask(nested, check)
    if kind in ("not_null", "unique"):
        assert "there is no column" not in result.sentence.lower()
    else:
        assert result.state == "failed"
        assert "[]" in result.sentence


# -- what is special about some -------------------------------------------------------------------
def test_nan_is_missing(ask: Ask) -> None:
    assert ask(table(v=[1.0, NAN]), "check: not_null, column: v").failed == 1


def test_several_columns_together(ask: Ask) -> None:
    data = table(a=[1, 1, 2], b=["x", "y", None])
    assert ask(data, "check: not_null, columns: [a, b]").failed == 1
    assert ask(data, "check: unique, columns: [a, b]").state == "passed"
    twice = table(a=[1, 1, 1], b=["x", "y", "x"])
    found = ask(twice, "check: unique, columns: [a, b]")
    assert found.column == "a, b"
    assert found.sentence == "a, b: 1 of 3 rows repeat a combination of values"
    assert found.sample is not None
    assert [row[0] for row in found.sample.rows] == [1, 3]


def test_a_tolerance_lets_a_share_pass(ask: Ask) -> None:
    data = table(v=[None, *range(9)])
    few = ask(data, "check: not_null, column: v, tolerance: 0.1")
    assert (few.state, few.failed) == ("passed", 1)
    assert few.sentence == "v: 1 of 10 rows missing; 10%, 10% may"
    assert few.sample is not None
    assert ask(data, "check: not_null, column: v, tolerance: 0.09").state == "failed"


def test_range_of_times_and_dates(ask: Ask) -> None:
    days = table(v=[dt.date(2013, 1, 1), dt.date(1969, 7, 20), None])
    found = ask(days, "check: range, column: v, min: '1970-01-01'")
    assert found.sentence == "v: 1 of 3 rows before 1970-01-01 (min 1969-07-20)"
    zoned = table(v=pa.array([dt.datetime(2013, 1, 1, tzinfo=dt.UTC)], pa.timestamp("us", "UTC")))
    assert ask(zoned, "check: range, column: v, max: '2013-01-01 00:00'").state == "passed"
    assert ask(zoned, "check: range, column: v, max: '2012-12-31'").state == "failed"


def test_range_beyond_both_limits(ask: Ask) -> None:
    found = ask(table(v=[-5, 3, 7, 99]), "check: range, column: v, min: 0, max: 10")
    assert found.sentence == ("v: 2 of 4 rows outside 0 to 10: 1 below (min −5), 1 above (max 99)")


def test_limits_of_the_wrong_type(ask: Ask) -> None:
    days = table(v=[dt.date(2013, 1, 1)])
    assert "must be times as text" in ask(days, "check: range, column: v, min: 3").sentence
    assert "is no DATE" in ask(days, "check: range, column: v, min: 'yesterday'").sentence
    assert "must be numbers" in ask(table(v=[1]), "check: range, column: v, min: '3'").sentence


def test_infinity_is_out_of_range(ask: Ask) -> None:
    assert ask(table(v=[float("inf"), 1.0]), "check: range, column: v, max: 1.0e+300").failed == 1


@pytest.mark.parametrize(
    ("values", "column"),
    [
        ("[1, 2]", [1, 2, None]),
        ("[1, 2.5]", [1.0, 2.5, None]),
        ("[true]", [True, None]),
        ("['2013-01-01']", [dt.date(2013, 1, 1)]),
        ("[\"a'b\", '$mlops_check_0']", ["a'b", "$mlops_check_0"]),
    ],
)
def test_sets_of_every_type(values: str, column: list[Any], ask: Ask) -> None:
    assert ask(table(v=column), f"check: set, column: v, values: {values}").state == "passed"


def test_set_of_another_type(ask: Ask) -> None:
    assert "'a' is no BIGINT" in ask(table(v=[1]), "check: set, column: v, values: [a]").sentence
    assert "'b' is no BIGINT" in ask(table(v=[1]), "check: set, column: v, values: [1, b]").sentence


def test_a_long_set_is_asked_at_once(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    run = Engine.rows
    monkeypatch.setattr(Engine, "rows", lambda *given: (asked.append(given[1]), run(*given))[1])
    found = ask(table(v=range(3001)), f"check: set, column: v, values: {list(range(3000))}")
    assert found.failed == 1
    assert len(asked) < 10


@pytest.mark.parametrize("limit", [10**40, 10**400])
def test_numbers_past_all_types_are_numbers(limit: int, ask: Ask) -> None:
    for values in ([1], [1.0]):
        assert ask(table(v=values), f"check: range, column: v, max: {limit}").state == "passed"
        assert ask(table(v=values), f"check: range, column: v, min: {limit}").failed == 1
    assert "is no BIGINT" in ask(table(v=[1]), f"check: set, column: v, values: [{limit}]").sentence


def test_schema_with_missing_and_further_columns(ask: Ask) -> None:
    data = table(v=[1], w=[2])
    found = ask(data, "check: schema, columns: [id, v, x]")
    assert found.sentence == "schema: x is missing; w is not expected"
    assert (found.failed, found.total) == (2, 3)
    assert ask(data, "check: schema, columns: [id, v], extra: true").state == "passed"
    assert "no type" in ask(data, "check: schema, columns: {v: nmber}, extra: true").sentence
    hostile = 'check: schema, columns: {v: "int) from range(3); drop table data; --"}, extra: true'
    assert "no type" in ask(data, hostile).sentence


@pytest.mark.parametrize(
    ("previous", "state", "said"),
    [
        ((), "passed", "no earlier version to compare with"),
        ((10,), "passed", "as many as the last version (10)"),
        ((8, 100, 8), "passed", "25% more than the median of the last 3 (8)"),
        ((20, 21, 22, 23, 24, 1, 1), "failed", "54.5% fewer than the median of the last 5 (22)"),
        ((0,), "failed", "the last version has none"),
    ],
)
def test_row_count_against_the_last_versions(
    previous: tuple[int, ...], state: str, said: str, ask: Ask
) -> None:
    data = table(v=list(range(10)))
    found = ask(data, "check: row_count, within: 0.5", previous=previous)
    assert (found.state, said in found.sentence) == (state, True), found.sentence


def test_a_date_is_fresh_until_its_day_is_over(ask: Ask) -> None:
    now = dt.datetime(2014, 1, 1, 11, tzinfo=dt.UTC)
    days = table(v=[dt.date(2013, 12, 31)])
    assert ask(days, "check: freshness, column: v, max_age: 12h", now=now).state == "passed"
    assert ask(days, "check: freshness, column: v, max_age: 10h", now=now).state == "failed"


def test_freshness_of_nothing(ask: Ask) -> None:
    none = table(v=pa.array([None], pa.timestamp("us")))
    assert "nothing is fresh" in ask(none, "check: freshness, column: v, max_age: 1d").sentence


def test_odd_names_of_columns(ask: Ask) -> None:
    name = 'a "b" $mlops_check_0 %s'
    data = pa.table({"id": [1, 2], name: [1, 99]})
    found = ask(data, f"check: range, column: '{name}', max: 5")
    assert found.failed == 1
    assert found.sample is not None
    assert found.sample.columns == ("id", name)


def test_rows_are_shown_with_what_tells_them_apart(ask: Ask) -> None:
    data = table(v=[None] * 50, w=range(50))
    found = ask(data, "check: not_null, column: v")
    assert found.sample is not None
    assert found.sample.columns == ("id", "v")
    assert len(found.sample.rows) == 20
    without = ask(data, "check: not_null, column: v", key="nowhere")
    assert without.sample is not None
    assert without.sample.columns == ("id", "v", "w")
