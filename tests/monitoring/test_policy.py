"""An alarm is all of the gates, not one of them."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from mlops_lab.errors import InvalidInput
from mlops_lab.monitoring.policy import (
    CellFacts,
    LineFacts,
    judge,
    natural_range,
    persist,
    significant_cells,
)
from mlops_lab.monitoring.settings import Policy, policy_of

POLICY = Policy()
LOUD = CellFacts(effect=0.12, p_value=1e-9, n=3_000, natural=0.08)
QUIET = replace(LOUD, effect=0.01, p_value=0.5)


def letters(*cells: CellFacts, **line: Any) -> str:
    facts = LineFacts(cells, warn=0.05, alert=0.10, **line)
    return "".join(gates.state for gates in judge([facts], POLICY)[0])


@pytest.mark.parametrize(
    ("change", "letter"),
    [
        ({}, "w"),
        ({"effect": 0.049, "natural": 0.01}, "o"),  # too small
        ({"p_value": 0.2}, "o"),  # chance
        ({"natural": 0.13}, "o"),  # nature
        ({"natural": None}, "w"),  # nature is not known: provisional
        ({"effect": 0.21}, "a"),  # twice the alert level and nature, at once
        ({"effect": 0.21, "natural": 0.15}, "w"),
        ({"n": 99}, "s"),
        ({"n": 100}, "h"),
        ({"n": 299}, "h"),
        ({"n": 300}, "w"),
        ({"n": 100_001, "p_value": 0.9}, "w"),  # everything is significant there: size decides
        ({"n": 100_000, "p_value": 0.9}, "o"),
        ({"quality": True}, "q"),
        ({"quality": True, "n": 0}, "q"),
        ({"effect": None, "n": 0}, "-"),
        ({"judged": False}, "h"),
        ({"enough": False}, "o"),
        ({"p_value": None}, "w"),
    ],
)
def test_each_gate_can_stop_an_alarm(change: dict[str, Any], letter: str) -> None:
    assert letters(replace(LOUD, **change), QUIET) == f"{letter}o"


def test_two_of_the_last_three_judged_chunks_make_an_alert() -> None:
    assert letters(LOUD, QUIET, LOUD) == "woa"
    assert letters(LOUD, QUIET, QUIET, LOUD) == "woow"
    few = replace(LOUD, n=50)
    assert letters(LOUD, few, few, LOUD) == "wssa"


def test_a_promotion_begins_anew() -> None:
    assert letters(LOUD, LOUD, LOUD, epochs=("1", "2", "2")) == "wwa"


def test_with_one_chunk_the_alert_level_decides() -> None:
    assert letters(LOUD) == "a"
    assert letters(replace(LOUD, effect=0.09)) == "w"


def test_more_cells_ask_for_smaller_p_values() -> None:
    alone = judge([LineFacts((replace(LOUD, p_value=0.004), QUIET), 0.05, 0.1)], POLICY)
    among = judge(
        [
            LineFacts((replace(LOUD, p_value=0.004), QUIET), 0.05, 0.1),
            LineFacts((QUIET,) * 100, 0.05, 0.1),
        ],
        POLICY,
    )
    assert alone[0][0].state == "w"
    assert among[0][0].state == "o"
    assert among[0][0].significant is False


def test_gates_tell_what_each_said() -> None:
    gates = judge([LineFacts((LOUD, QUIET, LOUD), 0.05, 0.1)], POLICY)[0]
    assert (gates[2].effect, gates[2].significant, gates[2].natural) == (True, True, True)
    assert (gates[2].running, gates[2].of, gates[2].at_once) == (2, 3, False)
    assert (gates[1].effect, gates[1].significant, gates[1].natural) == (False, False, False)


def test_an_odd_week_does_not_enter_the_natural_range() -> None:
    rng = np.random.default_rng(3)
    weeks = rng.normal(0.0, 0.03, 13).tolist()
    usual = natural_range(weeks, POLICY)
    odd = natural_range([*weeks, -0.25], POLICY)
    assert usual is not None
    assert odd is not None
    assert max(usual.radius, odd.radius) < 0.1  # with the odd week in it would be beyond .25


def test_the_larger_ones_of_natural_effects_are_natural() -> None:
    rng = np.random.default_rng(4)
    effects = 0.04 * np.abs(rng.normal(size=(1000, 31)))  # days that differ by .1 sd, and the next

    def above(mad: float) -> float:
        pairs = [(line, natural_range(line[:-1], POLICY, mad)) for line in effects]
        return float(np.mean([line[-1] > one.high for line, one in pairs if one]))

    # One of 31 is the largest.
    assert above(POLICY.effect_mad) < 0.045 < 0.05 < above(POLICY.mad)
    odd = natural_range([*effects[0][:30], 0.38], POLICY, POLICY.effect_mad)
    assert odd is not None
    assert odd.high < 0.16


def test_natural_range_needs_eight_chunks() -> None:
    assert natural_range([0.1] * 7 + [None, float("nan")], POLICY) is None
    assert natural_range([0.1] * 8, POLICY) is not None


@given(st.lists(st.floats(0, 1), min_size=8, max_size=40), st.floats(0.1, 10), st.floats(-5, 5))
def test_natural_range_moves_with_its_values(xs: list[float], scale: float, by: float) -> None:
    before = natural_range(xs, POLICY)
    after = natural_range([x * scale + by for x in xs], POLICY)
    assert before is not None
    assert after is not None
    assert before.low <= before.median <= before.high
    if before.chunks == after.chunks:  # at the edge of 3 MAD rounding may decide
        assert after.median == pytest.approx(before.median * scale + by, abs=1e-9)
        assert after.radius == pytest.approx(before.radius * scale, abs=1e-9)


@given(st.lists(st.none() | st.floats(0, 1), max_size=60), st.floats(0.001, 0.5))
def test_multiplicity_only_takes_away(p_values: list[float | None], q: float) -> None:
    found = significant_cells(p_values, q)
    assert len(found) == len(p_values)
    known = [(p, one) for p, one in zip(p_values, found, strict=True) if p is not None]
    assert all(p <= q for p, one in known if one)
    kept = [p for p, one in known if one]
    assert all(one for p, one in known if kept and p <= max(kept))
    assert not any(one for p, one in zip(p_values, found, strict=True) if p is None)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.001, 0.5))
def test_multiplicity_is_that_of_scipy(p_values: list[float], q: float) -> None:
    assert significant_cells(p_values, q) == (false_discovery_control(p_values) <= q).tolist()


@given(st.text("owshq-", max_size=30))
def test_persistence_changes_warnings_only(line: str) -> None:
    found = "".join(letter for letter, *_ in persist(line, [False] * len(line), POLICY))
    assert found.replace("a", "w") == line


def test_every_number_of_the_policy_has_its_reason() -> None:
    told = Policy.__doc__ or ""
    missing = [one.name for one in fields(Policy) if one.name not in told]
    assert not missing


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ks_allert": 0.2}, "Did you mean ks_alert"),
        ({"ks_warn": "much"}, "ks_warn is a number"),
        ({"ks_warn": 5}, "from 0 to 1"),
        ({"ks_warn": True}, "ks_warn is a number"),
        ({"ks_warn": float("nan")}, "ks_warn is a number"),
        ({"ks_warn": 0.2}, "after the alert"),
        ({"small": 1.5}, "whole number"),
        ({"persistence": [3, 2]}, "two whole numbers"),
        ([1], "is a map"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_told(given: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        policy_of(given)


def test_a_policy_is_given_by_what_differs() -> None:
    found = policy_of({"ks_alert": 0.3, "persistence": [1, 1]})
    assert (found.ks_alert, found.persistence, found.ks_warn) == (0.3, (1, 1), 0.05)
    assert policy_of(None) == Policy()
