"""Telling two sides apart: nothing on clean data, and relations that no single column shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlops_lab.monitoring import classifier


def _frame(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    x = random.normal(size=rows)
    return pd.DataFrame(
        {
            "x": x,
            "y": x + 0.3 * random.normal(size=rows),
            "carrier": random.choice(["EV", "UA", None], rows),
        }
    )


@pytest.mark.parametrize("seed", range(4))
def test_sides_of_one_source_are_not_told_apart(seed: int) -> None:
    found = classifier.multivariate(_frame(600, seed), _frame(600, seed + 100), seed=seed)

    assert found.state == "ok"
    assert found.low is not None
    assert found.low <= 0.55
    assert "do not tell the two sides apart" in found.sentence


def test_broken_relation_is_seen_where_each_column_stayed() -> None:
    current = _frame(1500, 2)
    current["y"] = current["y"].to_numpy()[np.random.default_rng(3).permutation(len(current))]

    found = classifier.multivariate(_frame(1500, 1), current)

    assert found.state == "alert"
    assert {name for name, _ in found.drivers} == {"x", "y"}
    assert "by x and y" in found.sentence or "by y and x" in found.sentence


@pytest.mark.parametrize("rows", [0, 1, 99])
def test_few_rows_are_said_to_be_few(rows: int) -> None:
    found = classifier.multivariate(_frame(500, 1), _frame(rows, 2))

    assert (found.state, found.auc) == ("small", None)
    assert "100 are needed" in found.sentence


def test_no_common_and_constant_columns_are_a_sentence() -> None:
    a, b = _frame(200, 1), _frame(200, 2)

    alien = classifier.multivariate(a[["x"]], b[["y"]])
    constant = classifier.multivariate(a[[]].assign(c=1), b[[]].assign(c=1))

    assert alien.sentence == "The two sides have no column in common."
    assert constant.sentence == "No column has two values to learn from."


def test_infinite_and_mixed_values_break_nothing() -> None:
    a, b = _frame(300, 1), _frame(300, 2)
    a.loc[:5, "x"] = np.inf
    b["carrier"] = [1, "EV", None] * 100

    assert classifier.multivariate(a, b).state in ("warn", "alert")


WORDS = ["the", "flight", "was", "late", "again", "and", "nobody", "said", "why", "we", "waited"]


def _texts(rows: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(4, 20))) for _ in range(rows)]


@pytest.mark.parametrize("seed", range(3))
def test_texts_of_one_source_are_not_told_apart(seed: int) -> None:
    found = classifier.text(_texts(300, seed), _texts(300, seed + 50), seed=seed, permutations=99)

    assert found.state == "ok"


def test_shouting_is_told_by_its_capitals() -> None:
    found = classifier.text(
        _texts(300, 1), [one.upper() for one in _texts(300, 2)], name="comment", permutations=99
    )

    assert found.state == "alert"
    assert found.p_value == pytest.approx(0.01)
    assert found.drivers[0][0] == "share of capitals"
    assert "comment" in found.sentence


def test_another_script_is_told_without_knowing_the_language() -> None:
    greek = [one.translate(str.maketrans("aeioust", "αειουστ")) for one in _texts(200, 2)]

    assert classifier.text(_texts(200, 1), greek, permutations=99).state == "alert"


@pytest.mark.parametrize("odd", [[], [None] * 200, ["x"] * 50])
def test_too_few_texts_are_a_sentence(odd: list[str | None]) -> None:
    assert classifier.text(_texts(200, 1), odd).state == "small"


def test_equal_texts_are_a_sentence() -> None:
    found = classifier.text([""] * 200, [""] * 200, name="note")

    assert found.sentence == "The texts of note are all the same."
