from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_lab.errors import InvalidInput
from mlops_lab.expressions import evaluate, names, parse, parse_order, parse_value
from mlops_lab.expressions.lexer import MAX_LENGTH
from mlops_lab.expressions.nodes import And, Arithmetic, Between, Compare, Name, Not, Or
from mlops_lab.expressions.parser import MAX_DEPTH, MAX_OPERATIONS


def wrong(text: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    return caught.value


def test_or_binds_weaker_than_and_and_not_weaker_than_comparison():
    root = parse("a = 1 or not b = 2 and c = 3").root
    assert isinstance(root, Or)
    assert isinstance(root.operands[1], And)
    assert isinstance(root.operands[1].operands[0], Not)
    assert isinstance(root.operands[1].operands[0].operand, Compare)


def test_between_binds_its_and():
    root = parse("a between 1 and 2 and b = 3").root
    assert isinstance(root, And)
    assert isinstance(root.operands[0], Between)


def test_product_binds_stronger_than_sum_and_minus_strongest():
    root = parse_value("1 - 2 - 3 * -4").root
    assert isinstance(root, Arithmetic)
    assert root.op == "-"
    assert isinstance(root.left, Arithmetic)
    assert isinstance(root.right, Arithmetic)
    assert root.right.op == "*"


@pytest.mark.parametrize(
    ("text", "parts", "function"),
    [
        ("params.lr", ("params", "lr"), None),
        ("params.`learning rate`", ("params", "learning rate"), None),
        ("tags.`mlops.star`", ("tags", "mlops.star"), None),
        ("`a``b`", ("a`b",), None),
        ("params.in", ("params", "in"), None),
        ("metrics.größe", ("metrics", "größe"), None),
        ("champion.evaluate.auc", ("champion", "evaluate", "auc"), None),
        ("best(val/loss)", ("val/loss",), "best"),
        ("BEST ( auc )", ("auc",), "best"),
        ("max(`a)b`)", ("a)b",), "max"),
        ("mean(top-5 accuracy)", ("top-5 accuracy",), "mean"),
        ("best", ("best",), None),
    ],
)
def test_names_are_read_as_typed(text, parts, function):
    [name] = names(parse(f"{text} > 0"))
    assert (name.parts, name.function) == (parts, function)


def test_keywords_are_read_in_any_case():
    assert evaluate(
        parse("x BETWEEN 1 AND 2 Or x Is Not Null AND NOT x IN (1) and 'b' Not Like 'a'"),
        lambda name: 1,
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), (".5", 0.5), ("5.", 5.0), ("12h / 1m", 720.0), ("2w / 1d", 14.0),
     ("1.5h / 1s", 5400.0), ("1e1s / 1ms", 10_000.0)],
)  # fmt: skip
def test_numbers_and_durations_have_their_value(text, value):
    from mlops_lab.expressions import calculate

    assert calculate(parse_value(text), lambda name: None) == value


def test_a_quote_inside_a_text_is_written_twice():
    assert evaluate(parse("x = 'it''s'"), lambda name: "it's")


@pytest.mark.parametrize(
    ("text", "at", "typed", "suggestion"),
    [
        ("", 0, "", None),
        ("   ", 3, "", None),
        ("status == 'failed'", 7, "==", "="),
        ("a <> 1", 2, "<>", "!="),
        ("a = 1 && b = 2", 6, "&&", "and"),
        ("a = 1 || b = 2", 6, "||", "or"),
        ("!(a = 1)", 0, "!", "not"),
        ('status = "failed"', 9, '"failed"', "'failed'"),
        ("status = “failed”", 9, "“failed”", "'failed'"),
        ("status = 'failed", 9, "'", None),
        ("params.`lr > 1", 7, "`", None),
        ("a = 1 b = 2", 6, "b", None),
        ("a =", 3, "", None),
        ("a = = 2", 4, "=", None),
        ("(a = 1", 6, "", None),
        ("a = 1)", 5, ")", None),
        ("a < b < c", 6, "<", None),
        ("a = 1 = 2", 6, "=", None),
        ("a is 1", 5, "1", None),
        ("a in 1", 5, "1", None),
        ("a in ()", 6, ")", None),
        ("a in (1, 2", 10, "", None),
        ("a between 1 or 2", 12, "or", None),
        ("a not = 1", 6, "=", None),
        ("a = not b", 4, "not", None),
        ("a > 7x", 5, "x", None),
        ("a > 7D", 5, "D", "d"),
        ("a > 1e999", 4, "1e999", None),
        ("a # b", 2, "#", None),
        ("params. lr > 1", 6, ".", None),
        ("a = .", 4, ".", None),
        ("best() > 1", 5, ")", "best(auc)"),
        ("best(auc > 1", 5, "a", "best(auc)"),
        ("bset(auc) > 1", 0, "bset", "best(auc)"),
        ("a = 1 and (bset( val/loss ) > 1)", 11, "bset", "best(val/loss)"),
        ("maximum(auc > 1", 0, "maximum", "max(auc)"),
        ("nothing (1)", 0, "nothing", None),
        ("and = 1", 0, "and", None),
        ("a > 1 desc", 6, "desc", None),
        ("gbm", 0, "gbm", "name like '%gbm%'"),
        ("'gbm'", 0, "'gbm'", "name like '%gbm%'"),
        ("a + 1", 0, "a + 1", None),
        ("7", 0, "7", None),
        ("a = 1 and 7", 10, "7", None),
        ("(a = 1) = (b = 2)", 1, "a = 1", None),
        ("1 = 'a'", 0, "1", "'1'"),
        ("'2026-03-01' > now - 7", 15, "now - 7", None),
        ("now > '2026-13-01'", 6, "'2026-13-01'", None),
        ("now > 'yesterday'", 6, "'yesterday'", None),
        ("now + now > 1d", 0, "now + now", None),
        ("-'a' = 1", 0, "-'a'", None),
        ("'a' + 1 = 1", 0, "'a'", None),
        ("1 like 'a'", 0, "1", None),
        ("a = 1 and 7d > 60", 10, "7d", None),
        ("x in (1, 7d) and 1 = 7d", 17, "1", "1s"),
        ("a = '\ud800'", 5, "\ud800", None),
    ],
)
def test_errors_point_at_what_is_wrong(text, at, typed, suggestion):
    error = wrong(text)
    assert error.details["position"] == at
    assert text[at : at + error.details["length"]] == typed
    assert error.details["suggestion"] == suggestion


def test_the_message_shows_the_place():
    assert str(wrong("status == 'failed'")).splitlines()[1:] == [
        "  status == 'failed'",
        "         ^^",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "(" * 10_000 + "a = 1" + ")" * 10_000,
        "not " * 4_000 + "a = 1",
        "-" * 10_000 + "1 > 0",
        "a = " + "+".join(["1"] * 5_000),
        "a = " + "1*(" * 3_000,
        "a in (" * 3_000,
        "a between " * 1_900,
        "a = '" + "'" * 10_000,
        "a = 1 and " * 2_000,
        "best(" * 4_000,
        "`" * 9_999,
    ],
)
def test_hostile_input_is_refused_in_words(text):
    assert wrong(text).details["position"] <= len(text)


def test_a_megabyte_is_refused_unread():
    error = wrong("a = 1 and " * 100_000)
    assert f"{MAX_LENGTH:,}" in str(error)
    assert len(str(error)) < 200


def test_limits_leave_room_for_honest_use():
    assert evaluate(parse("(" * (MAX_DEPTH - 2) + "x = 1" + ")" * (MAX_DEPTH - 2)), lambda name: 1)
    assert evaluate(parse("x < " + " + ".join(["1"] * MAX_OPERATIONS)), lambda name: 1)
    assert evaluate(parse(" or ".join(["x = 1"] * 1_500)), lambda name: 1)
    assert evaluate(parse(f"x not in ({', '.join(['2'] * 5_000)})"), lambda name: 1)


def place_of_error(read: Callable[[str], object], text: str) -> tuple[int, int] | None:
    try:
        read(text)
    except InvalidInput as error:
        return error.details["position"], error.details["length"]
    return None


@given(st.text(alphabet="abx01 .'`()=<>!+-*/,andortliksu%_7d\n", max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text):
    place = place_of_error(parse, text)
    assert place is None or (0 <= place[0] <= len(text) and place[1] >= 1)


@given(st.text(max_size=40))
def test_any_unicode_is_read_or_refused_with_a_place(text):
    place = place_of_error(parse_order, text)
    assert place is None or (0 <= place[0] <= len(text) and place[1] >= 1)


def test_order_terms_have_values_and_directions():
    terms = parse_order("best(auc) desc, started, ended - started asc")
    assert [term.descending for term in terms] == [True, False, False]
    assert isinstance(terms[0].value.root, Name)
    assert isinstance(terms[2].value.root, Arithmetic)


@pytest.mark.parametrize(
    ("text", "at"),
    [("", 0), ("a desc b", 7), ("a,", 2), ("a > 1", 2), ("a descending", 2), ("a desc asc", 7)],
)
def test_errors_in_an_order_point_at_what_is_wrong(text, at):
    with pytest.raises(InvalidInput) as caught:
        parse_order(text)
    assert caught.value.details["position"] == at


@pytest.mark.parametrize(
    ("text", "suggestion"), [("a dsc", "desc"), ("best(auc) ascc, b", "asc"), ("a down", None)]
)
def test_order_knows_the_nearest_direction(text, suggestion):
    with pytest.raises(InvalidInput, match="asc, desc or a comma") as caught:
        parse_order(text)
    assert caught.value.details["suggestion"] == suggestion
