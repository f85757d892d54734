"""Durations fall into buckets that are narrow enough, and counts can be added."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlops_lab.serving import latency

durations = st.floats(latency.FIRST_S, latency.LAST_S)


@given(durations)
def test_a_bucket_is_five_percent_wide_and_holds_what_falls_into_it(seconds: float) -> None:
    index = latency.bucket(seconds)
    assert seconds <= latency.upper_s(index) * (1 + 1e-8)
    assert index == 0 or seconds > latency.upper_s(index - 1) * (1 - 1e-8)


@given(durations, durations)
def test_buckets_are_in_the_order_of_durations(one: float, other: float) -> None:
    if one <= other:
        assert latency.bucket(one) <= latency.bucket(other)


@given(st.sampled_from([-1.0, 0.0, math.nan, math.inf, -math.inf, 1e9]))
def test_any_number_has_a_bucket(seconds: float) -> None:
    assert 0 <= latency.bucket(seconds) < latency.BUCKETS


@given(st.lists(durations, min_size=1, max_size=50), st.floats(0, 1))
def test_a_quantile_is_off_by_at_most_half_a_bucket(seconds: list[float], q: float) -> None:
    counts: dict[int, int] = {}
    for each in seconds:
        latency.merge(counts, {latency.bucket(each): 1})
    found = latency.quantile(counts, q)
    exact = float(np.quantile(seconds, q, method="inverted_cdf"))
    assert found is not None
    assert found / exact < 1.051
    assert exact / found < 1.051


def test_there_is_no_quantile_of_nothing() -> None:
    assert latency.quantile({}, 0.5) is None
