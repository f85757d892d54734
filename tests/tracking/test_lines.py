"""What people log: every number is taken, everything else is refused with what was seen."""

import json
import math
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_lab.errors import InvalidInput
from mlops_lab.tracking import lines

RUN = "a" * 32


def param(value: Any) -> Any:
    (line,) = lines.param_lines(RUN, {"p": value}, 1, None)
    return line["k"]["p"]


@pytest.mark.parametrize(
    "value",
    [
        1,
        True,
        1.0,
        np.float32(1),
        np.int64(1),
        np.array(1.0),
        np.array([1.0]),
        np.bool_(True),
        Decimal("1"),
        Fraction(1, 1),
    ],
)
def test_number_takes_every_kind_of_number(value: Any) -> None:
    taken = lines.number("loss", value)
    assert taken == 1.0
    assert type(taken) is float


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_number_takes_what_is_not_finite(value: float) -> None:
    assert repr(lines.number("loss", value)) == repr(value)


@pytest.mark.parametrize(
    "value", ["0.5", b"1", None, 1j, [1, 2], np.array([1.0, 2.0]), object(), {"a": 1}, 10**400]
)
def test_number_refuses_the_rest_and_shows_it(value: Any) -> None:
    with pytest.raises(InvalidInput, match=type(value).__name__) as error:
        lines.number("val/loss", value)
    assert "val/loss" in str(error.value)


@pytest.mark.parametrize(
    ("step", "taken"), [(3, 3), (3.0, 3), (np.int32(3), 3), (-(2**63), -(2**63))]
)
def test_step_takes_whole_numbers(step: Any, taken: int) -> None:
    assert lines.step_number(step) == taken


@pytest.mark.parametrize("step", [1.5, "3", math.nan, 2**63, [1]])
def test_step_refuses_the_rest(step: Any) -> None:
    with pytest.raises(InvalidInput):
        lines.step_number(step)


class Colour(Enum):
    RED = "red"


class Model:
    def __repr__(self) -> str:
        return "Model(depth=3)"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("x", "x"),
        (1, 1),
        (True, True),
        (None, None),
        (0.5, 0.5),
        (np.float64(0.5), 0.5),
        (np.int8(3), 3),
        (Path("a/b"), "a/b"),
        (Colour.RED, "red"),
        (date(2026, 1, 2), "2026-01-02"),
        ([1, (2, 3)], [1, [2, 3]]),
        ({"a": {1, 2}}, {"a": [1, 2]}),
        (2**70, str(2**70)),
        (Model(), "Model(depth=3)"),
        (1j, "1j"),
    ],
)
def test_param_takes_anything(value: Any, kept: Any) -> None:
    assert param(value) == kept
    assert type(param(value)) is type(kept)


def test_param_that_contains_itself_ends() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert json.dumps(param(loop))


def test_param_without_text_says_why() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    with pytest.raises(InvalidInput, match="Broken"):
        param(Broken())


@pytest.mark.parametrize("key", ["", "  ", 3, None, "a\nb", "a\x00b", "x" * 1001])
def test_names_that_are_none_are_refused(key: Any) -> None:
    with pytest.raises(InvalidInput):
        list(lines.metric_lines(RUN, {key: 1.0}, 0, 1, None))
    with pytest.raises(InvalidInput):
        list(lines.param_lines(RUN, {key: 1}, 1, None))


@pytest.mark.parametrize("key", ["val/loss", "größe", "损失", "a b'\"`", "🛫", "‮evil", "x" * 1000])
def test_names_of_any_script_are_kept(key: str) -> None:
    (line,) = lines.metric_lines(RUN, {key: 1.0}, 0, 1, None)
    assert line["m"] == {key: 1.0}


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=300).filter(
            str.strip
        ),
        st.one_of(st.floats(), st.text(max_size=3000), st.integers()),
        max_size=60,
    )
)
def test_many_params_make_lines_that_fit_and_lose_nothing(params: dict[str, Any]) -> None:
    made = list(lines.param_lines(RUN, params, 1, "cell"))
    merged = [key for line in made for key in line["k"]]
    assert sorted(merged) == sorted(params)
    assert all(len(json.dumps(line, ensure_ascii=False).encode()) < 65_536 for line in made)


def test_many_metrics_make_lines_that_fit() -> None:
    made = list(lines.metric_lines(RUN, {f"{'k' * 900}{i}": 0.1 for i in range(500)}, 3, 1, None))
    assert sum(len(line["m"]) for line in made) == 500
    assert {line["s"] for line in made} == {3}
    assert all(len(json.dumps(line)) < 65_536 for line in made)


def test_note_is_text() -> None:
    assert lines.note_line(RUN, "hi", 1, "c1", "mara")["c"] == "c1"
    for bad in ("", "  ", 3, None):
        with pytest.raises(InvalidInput):
            lines.note_line(RUN, bad, 1, None, "mara")
