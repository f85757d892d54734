from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from mlops_lab.errors import InvalidInput
from mlops_lab.expressions import (
    Kind,
    Loose,
    Name,
    calculate,
    evaluate,
    explain,
    parse,
    parse_value,
    unknown_name,
)

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)
VALUES = {
    "auc": 0.71,
    "nan": math.nan,
    "inf": math.inf,
    "big": 10**400,
    "third": Fraction(1, 3),
    "name": "gbm-7",
    "started": datetime(2026, 3, 1, tzinfo=UTC),
    "naive": datetime(2026, 3, 1),
    "duration": timedelta(minutes=90),
    "missing": None,
    "params.depth": Loose.of("6"),
    "params.width": Loose.of(10),
    "params.model": Loose.of("gbm"),
    "params.flag": Loose.of(True),
    "params.none": None,
}


def holds(text: str) -> bool:
    return evaluate(parse(text), lambda name: VALUES[name.dotted], now=NOW)


@pytest.mark.parametrize(
    "text",
    [
        "auc >= 0.7",
        "auc between 0.7 and 0.8",
        "auc not between 0.8 and 0.9",
        "inf > 1e308",
        "big = inf",
        "third * 3 = 1",
        "name like 'gbm-_'",
        "name not like 'GBM%'",
        "name in ('a', 'gbm-7')",
        "started = '2026-03-01'",
        "naive = started",
        "started > now - 7d - 12h - 1s",
        "started < '2026-03-01T00:00:00.000001+00:00'",
        "started = '2026-03-01 02:00+02:00'",
        "'2026-03-01' + 1d = '2026-03-02' + 0s",
        "now - started = 7.5d",
        "duration = 1.5h",
        "duration / 1m = 90",
        "-duration < 0s",
        "params.depth = 6",
        "params.depth = '6'",
        "params.depth < 50",
        "params.depth > '50'",
        "params.depth < params.width",
        "params.model > params.width",
        "params.depth + 1 = 7",
        "params.model = 'gbm'",
        "params.model in (1, 'gbm')",
        "not params.model not in (1, 'rf')",
        "params.depth not in (1, 'rf')",
        "params.flag = 'True'",
        "not params.flag = 1",
        "missing is null",
        "auc / 0 is null",
        "nan is not null",
        "not missing = 1",
        "not missing != 1",
    ],
)
def test_conditions_hold(text):
    assert holds(text)


@pytest.mark.parametrize("op", ["=", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize("name", ["missing", "nan", "params.none", "(auc / 0)", "(missing + 1)"])
def test_comparisons_with_nothing_are_false(name, op):
    assert not holds(f"{name} {op} 0.5")
    assert not holds(f"0.5 {op} {name}")
    assert holds(f"not ({name} {op} 0.5)")


@pytest.mark.parametrize(
    "condition", ["in (1)", "not in (1)", "between 0 and 1", "not between 0 and 1"]
)
@pytest.mark.parametrize("name", ["missing", "nan"])
def test_lists_and_ranges_of_nothing_are_false(name, condition):
    assert not holds(f"{name} {condition}")


def test_not_in_a_list_with_something_missing_is_false():
    assert not holds("auc not in (1, missing)")
    assert holds("auc in (0.71, missing)")


@pytest.mark.parametrize("pattern", ["missing", "params.none"])
def test_like_with_nothing_is_false(pattern):
    assert not holds(f"name like {pattern}")
    assert not holds(f"{pattern} not like name")


def test_like_takes_hostile_patterns_quickly():
    lookup = {"text": "a" * 5_000, "pattern": "%a" * 40 + "b"}
    assert not evaluate(parse("text like pattern"), lambda name: lookup[name.dotted])


@pytest.mark.parametrize(
    ("text", "at", "suggestion"),
    [
        ("auc > '0.7'", 6, "0.7"),
        ("name > 7", 7, "'7'"),
        ("duration > 60", 11, "60s"),
        ("duration > '1h'", 11, "1h"),
        ("started > 7d", 10, None),
        ("params.depth < started", 15, None),
        ("auc like 'a'", 0, None),
        ("-started < now", 0, None),
        ("name + 1 > 0", 0, None),
        ("params.depth in (1, started)", 20, None),
    ],
)
def test_kinds_that_do_not_fit_are_an_error_with_a_place(text, at, suggestion):
    with pytest.raises(InvalidInput) as caught:
        holds(text)
    assert caught.value.details["position"] == at
    assert caught.value.details["suggestion"] == suggestion


def test_declared_kinds_find_an_error_where_the_value_is_missing():
    with pytest.raises(InvalidInput):
        evaluate(parse("x = 'a'"), lambda name: None, kind_of=lambda name: Kind.NUMBER)


def test_a_value_of_no_kind_is_an_error():
    with pytest.raises(InvalidInput, match="list"):
        evaluate(parse("x = 1"), lambda name: [1])  # type: ignore[arg-type, return-value]


def test_each_name_is_looked_up_once():
    asked: list[str] = []

    def lookup(name: Name) -> float:
        asked.append(name.dotted)
        return 1.0

    evaluate(parse("a = 1 and a + b > a"), lookup)
    assert sorted(asked) == ["a", "b"]


def test_values_come_back_as_what_they_stand_for():
    def value(text: str) -> object:
        return calculate(parse_value(text), lambda name: VALUES[name.dotted], now=NOW)

    assert value("now - started") == timedelta(days=7, hours=12)
    assert value("started + 1d") == datetime(2026, 3, 2, tzinfo=UTC)
    assert value("params.depth") == "6"
    assert value("auc / 0") is None
    assert value("inf") == math.inf


def test_explain_gives_both_sides_of_each_comparison():
    compared = explain(
        parse("auc >= params.depth / 10 and not name like 'x' or missing < 1"),
        lambda name: VALUES[name.dotted],
    )
    assert [(c.left_text, c.left, c.op, c.right_text, c.right, c.holds) for c in compared] == [
        ("auc", 0.71, ">=", "params.depth / 10", 0.6, True),
        ("missing", None, "<", "1", 1.0, False),
    ]


def test_unknown_names_get_the_nearest_one():
    expression = parse("statsu = 'failed'")
    assert isinstance(expression.root.children()[0], Name)
    error = unknown_name(expression.text, expression.root.children()[0], ["name", "status"])
    assert error.details == {
        "reason": "There is no name statsu; there are name, status.",
        "position": 0,
        "length": 6,
        "suggestion": "status",
    }
