"""Every registered statistic keeps what it promises; known answers from scipy and the papers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.spatial.distance import jensenshannon

from mlops_lab.compute import (
    DRIFT_KINDS,
    Chunk,
    Chunking,
    Counts,
    Cube,
    Grids,
    KindFound,
    Rows,
    count,
    exact_ks,
    exact_wasserstein,
    fit_grids,
)
from mlops_lab.compute.number_grid import number_grid
from mlops_lab.compute.statistics import (
    STATISTICS,
    Statistic,
    chi_square_p,
    difference_interval,
    ks_p,
    lost_values,
    significance,
    statistics_for,
    two_proportions,
    wilson,
)
from mlops_lab.compute.statistics.significance import pooled
from mlops_lab.compute.statistics.total_variation import expected_variation
from mlops_lab.compute.statistics.wasserstein import width_of
from mlops_lab.compute.tally import Tally
from mlops_lab.errors import InvalidInput

every = pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS)


def counted(reference: Any, current: Any, kind: str | None = None) -> tuple[Counts, Counts]:
    """Both sides of a column ``x`` on the reference's grid."""
    first, second = (
        one if isinstance(one, pa.Table) else pa.table({"x": one}) for one in (reference, current)
    )
    grids = fit_grids(first, kinds={"x": kind} if kind else None)
    return count(first, grids).window()["x"], count(second, grids).window()["x"]


def samples(n: int = 4_000, m: int = 900) -> dict[str, tuple[Any, Any]]:
    """A pair of samples of every shape that has given trouble to somebody."""
    chance = np.random.default_rng(5)
    letters = np.array(list("abcdefgh"))
    gaps = chance.random(n) < 0.2
    return {
        "normal": (chance.normal(0, 1, n), chance.normal(0.3, 1, m)),
        "same": (chance.normal(0, 1, n), chance.normal(0, 1, m)),
        "far": (chance.normal(0, 1, n), chance.normal(1e6, 1, m)),
        "heavy": (chance.standard_cauchy(n), chance.standard_cauchy(m) * 2),
        "lognormal": (chance.lognormal(0, 3, n), chance.lognormal(0.5, 3, m)),
        "rain": (
            np.where(chance.random(n) < 0.7, 0.0, chance.gamma(1, 1, n)),
            np.where(chance.random(m) < 0.5, 0.0, chance.gamma(1, 1, m)),
        ),
        "rounded": (np.round(chance.normal(50, 9, n), 1), np.round(chance.normal(49, 9, m), 1)),
        "few": (chance.integers(0, 12, n), chance.integers(2, 16, m)),
        "whole": (chance.integers(0, 5_000, n), chance.integers(100, 5_500, m)),
        "constant": (np.full(n, 7.25), np.full(m, 7.25)),
        "left a constant": (np.full(n, 7.25), chance.normal(7.25, 1, m)),
        "tiny": (chance.normal(0, 1e-12, n), chance.normal(1e-12, 1e-12, m)),
        "big": (chance.normal(1e9, 1, n), chance.normal(1e9 + 0.5, 1, m)),
        "one row": (chance.normal(0, 1, n), np.array([0.5])),
        "from one row": (np.array([0.5]), chance.normal(0, 1, m)),
        "gaps": (pa.array(chance.normal(0, 1, n), mask=gaps), chance.normal(0, 1, m)),
        "letters": (letters[chance.integers(0, 6, n)], letters[chance.integers(1, 8, m)]),
        "one letter": (np.repeat("a", n), np.repeat("b", m)),
        "flags": (chance.random(n) < 0.1, chance.random(m) < 0.2),
    }


PAIRS = {name: counted(*pair) for name, pair in samples().items()}
EMPTY = counted(np.arange(40) / 7, pa.nulls(5, pa.float64()))
LINES = [name for name, (ref, _) in PAIRS.items() if ref.grid.ordered]


@every
def test_a_statistic_tells_what_it_is(statistic: Statistic) -> None:
    documented = statistic.__doc__ or ""
    assert statistic.label
    assert statistic.symbol
    assert set(statistic.kinds) <= set(DRIFT_KINDS)
    assert len(documented) > 40
    assert statistic in statistics_for(statistic.kinds[0])


@every
def test_a_statistic_is_nothing_on_itself_and_within_its_bounds(statistic: Statistic) -> None:
    least, most = statistic.bounds
    for ref, cur in PAIRS.values():
        for one in (ref, cur):
            itself = statistic.measure(one, one)
            assert not itself.known or itself.value == 0.0
        measured = statistic.measure(ref, cur)
        if not measured.known:
            assert math.isnan(measured.low)
            assert math.isnan(measured.high)
            continue
        assert least <= measured.value <= most
        assert measured.low - 1e-9 <= measured.value <= measured.high + 1e-9
        if statistic.certainty == "exact":
            assert measured.low == measured.value == measured.high


@every
def test_a_symmetric_statistic_does_not_mind_who_is_first(statistic: Statistic) -> None:
    for ref, cur in PAIRS.values():
        if statistic.symmetric and (statistic.name == "ks" or not ref.grid.ordered):
            there, back = statistic.measure(ref, cur), statistic.measure(cur, ref)
            assert there.value == pytest.approx(back.value, abs=1e-12, nan_ok=True)


@every
def test_a_statistic_is_silent_where_there_is_nothing(statistic: Statistic) -> None:
    ref, cur = EMPTY
    for one, other in ((ref, cur), (cur, ref), (cur, cur)):
        measured = statistic.measure(one, other)
        if statistic.certainty != "confidence":
            assert not measured.known


@pytest.mark.parametrize("name", LINES)
def test_distances_are_scipys(name: str) -> None:
    first, second = (
        np.asarray(pa.array(one).drop_null().cast(pa.float64())) for one in samples()[name]
    )
    ref, cur = PAIRS[name]
    d = stats.ks_2samp(first, second, method="asymp").statistic
    w = stats.wasserstein_distance(first, second)
    sigma = first.std() or ref.grid.scale
    ks = STATISTICS["ks"].measure(ref, cur)
    moved = STATISTICS["wasserstein"].measure(ref, cur)
    assert ks.low - 1e-15 <= d <= ks.high + 1e-15
    assert ks.high - ks.low < 0.02 or min(ref.total, cur.total) == 1
    assert moved.low <= w / sigma * (1 + 1e-9)
    assert moved.high >= w / sigma * (1 - 1e-9)
    sides = [pa.table({"x": one}) for one in samples()[name]]
    assert exact_ks(*sides, ref, cur) == pytest.approx(d, abs=1e-12)
    assert exact_wasserstein(*sides, ref, cur, in_units=True) == pytest.approx(w, rel=1e-12)
    assert exact_wasserstein(*sides, ref, cur) == pytest.approx(w / sigma, rel=1e-12)
    assert STATISTICS["mean_shift"].measure(ref, cur).value == pytest.approx(
        second.mean() - first.mean(), abs=1e-9 * ref.grid.scale + 1e-9 * abs(first.mean())
    )
    shift = STATISTICS["median_shift"].measure(ref, cur)
    exact = np.quantile(second, 0.5, method="inverted_cdf") - np.quantile(
        first, 0.5, method="inverted_cdf"
    )
    assert shift.low - 1e-12 * abs(first).max() <= exact <= shift.high + 1e-12 * abs(first).max()


ANY = arrays(
    np.float64, st.integers(1, 40), elements=st.floats(-1e3, 1e3).map(lambda x: round(x, 6))
)


@settings(max_examples=40, deadline=None)
@given(ANY, ANY)
def test_certificates_hold_for_any_values(first: np.ndarray, second: np.ndarray) -> None:
    values, weights = np.unique(first + 0.0, return_counts=True)
    grid, _ = number_grid("x", "DOUBLE", "number", values, weights, True)
    sides = []
    for one in (first, second):
        tally = Tally(grid, 1)
        tally.add(pa.array(one), None)
        rows = np.array([[len(one)]])
        grids = Grids({"x": grid}, {"x": KindFound("number", "")})
        cube = Cube(grids, (Chunk("all"),), (), rows, {"x": tally.result()})
        sides.append(cube.window()["x"])
    ref, cur = sides
    points = np.concatenate([first, second])
    f, g = ((one[None, :] <= points[:, None]).mean(axis=1) for one in (first, second))
    ks = STATISTICS["ks"].measure(ref, cur)
    assert ks.low - 1e-15 <= np.abs(f - g).max() <= ks.high + 1e-15
    w = stats.wasserstein_distance(first, second)
    moved = STATISTICS["wasserstein"].measure(ref, cur)
    least, most = width_of(ref)
    if first.min() < first.max():
        assert least <= first.std() * (1 + 1e-6)
        assert most >= first.std() * (1 - 1e-6)
    assert moved.low * most <= w * (1 + 1e-6) + 1e-9
    assert moved.high * least >= w * (1 - 1e-6) - 1e-9


def test_categories_are_scipys() -> None:
    ref, cur = PAIRS["letters"]
    first, second = ref.dense, cur.dense
    there = (first + second) > 0
    pair = np.array([first[there], second[there]])
    p, q = pair[0] / pair[0].sum(), pair[1] / pair[1].sum()
    found = {name: one.measure(ref, cur).value for name, one in STATISTICS.items()}
    chi = stats.chi2_contingency(pair, correction=False)
    assert found["chi_square"] == pytest.approx(chi.statistic, rel=1e-12)
    assert found["cramers_v"] == pytest.approx(
        stats.contingency.association(pair, method="cramer"), rel=1e-12
    )
    assert found["jensen_shannon"] == pytest.approx(jensenshannon(p, q, base=2), rel=1e-12)
    assert found["total_variation"] == pytest.approx(abs(p - q).sum() / 2, rel=1e-12)
    assert found["hellinger"] == pytest.approx(math.sqrt(1 - np.sqrt(p * q).sum()), rel=1e-12)
    smooth = np.where(p == 0, 1e-4, p), np.where(q == 0, 1e-4, q)
    assert found["psi"] == pytest.approx(
        stats.entropy(smooth[0], smooth[1]) + stats.entropy(smooth[1], smooth[0]), rel=0.01
    )
    assert found["new_share"] == pytest.approx(np.isin(samples()["letters"][1], ["g", "h"]).mean())
    assert lost_values(ref, cur) == [("a", int((samples()["letters"][0] == "a").sum()))]
    # Bergsma's correction, from its paper, for two rows.
    n, k = pair.sum(), pair.shape[1]
    phi = max(0, chi.statistic / n - (k - 1) / (n - 1))
    room = min(k - (k - 1) ** 2 / (n - 1), 2 - 1 / (n - 1)) - 1
    assert found["cramers_v_corrected"] == pytest.approx(math.sqrt(phi / room), rel=1e-12)


def test_p_values_are_scipys() -> None:
    assert ks_p(0.05, 300, 600) == pytest.approx(stats.kstwo.sf(0.05, 200), abs=2e-4)
    for d, n, m in ((0.07, 900, 700), (0.2, 60, 80), (0.03, 3_000, 2_000), (0.01, 90_000, 9_000)):
        effective = n * m / (n + m)
        assert ks_p(d, n, m) == pytest.approx(stats.kstwo.sf(d, round(effective)), abs=2e-5)
    ref, cur = PAIRS["normal"]
    first, second = samples()["normal"]
    d = STATISTICS["ks"].measure(ref, cur).value
    assert ks_p(d, 4_000, 900) == significance(ref, cur)
    exact = stats.ks_2samp(first, second, method="asymp")
    assert ks_p(exact.statistic, 4_000, 900) == pytest.approx(exact.pvalue, rel=1e-12)
    one, two = np.array([50, 30, 20]), np.array([40, 30, 30])
    assert chi_square_p(one, two) == pytest.approx(
        stats.chi2_contingency([one, two], correction=False).pvalue, rel=1e-12
    )
    assert two_proportions(30, 400, 55, 410) == pytest.approx(
        stats.chi2_contingency([[30, 370], [55, 355]], correction=False).pvalue, rel=1e-12
    )
    fisher = stats.fisher_exact([[1, 99], [4, 46]]).pvalue
    assert fisher / 2 < two_proportions(1, 100, 4, 50) < 2.5 * fisher
    assert two_proportions(0, 10, 0, 20) == two_proportions(0, 0, 1, 2) == 1.0


def test_intervals_are_the_papers() -> None:
    # Newcombe (1998), table II, contrast (a): 56 / 70 − 48 / 80, method 10.
    low, high = difference_interval(48, 80, 56, 70)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
    expected = stats.binomtest(7, 40).proportion_ci(method="wilson")
    assert wilson(7, 40) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert wilson(0, 5)[0] == 0.0
    assert wilson(5, 5)[1] == 1.0


def test_rare_cells_are_pooled_until_each_expects_five() -> None:
    chance = np.random.default_rng(1)
    for _ in range(50):
        first = chance.poisson(chance.gamma(0.5, 20, 30)) + 0
        second = chance.poisson(chance.gamma(0.5, 5, 30)) + 0
        there = (first + second) > 0
        one, two = pooled(first[there], second[there])
        assert (one.sum(), two.sum()) == (first.sum(), second.sum())
        if len(one) > 1:
            least = min(one.sum(), two.sum()) / (one.sum() + two.sum()) * (one + two).min()
            assert least >= 5 - 1e-9


def test_chance_is_taken_off_the_total_variation() -> None:
    chance = np.random.default_rng(4)
    p = chance.dirichlet(np.ones(40))
    pairs = [(chance.multinomial(5_000, p), chance.multinomial(800, p)) for _ in range(200)]
    raw = [abs(a / 5_000 - b / 800).sum() / 2 for a, b in pairs]
    told = [expected_variation(a, b) for a, b in pairs]
    assert np.mean(told) == pytest.approx(np.mean(raw), rel=0.05)


def test_exact_distances_are_of_the_rows_that_were_counted() -> None:
    chance = np.random.default_rng(8)
    n = 3_000
    rows = pa.table(
        {
            "at": np.datetime64("2013-04-01", "us") + (np.arange(n) * 900).astype("timedelta64[s]"),
            "x": chance.normal(np.arange(n) / n, 1.0),
            "c": np.array(["a", "b"])[chance.integers(0, 2, n)],
        }
    )
    grids = fit_grids(rows, time="at")
    chunking = Chunking("week", "at")
    cube = count(rows, grids, chunking=chunking, segment="c")
    window = cube.window([cube.keys[2]], "b")["x"]
    chosen = Rows(rows, chunking, [cube.keys[2]], "c", grids["c"], "b")
    days = rows["at"].to_numpy()
    inside = (days >= np.datetime64("2013-04-15")) & (days < np.datetime64("2013-04-22"))
    here = rows["x"].to_numpy()[inside & (rows["c"].to_numpy() == "b")]
    whole = cube.window()["x"]
    assert exact_ks(rows, chosen, whole, window) == pytest.approx(
        stats.ks_2samp(rows["x"].to_numpy(), here).statistic, abs=1e-12
    )
    assert exact_wasserstein(rows, chosen, whole, window, in_units=True) == pytest.approx(
        stats.wasserstein_distance(rows["x"].to_numpy(), here), rel=1e-12
    )
    with pytest.raises(InvalidInput, match="not those that were counted"):
        exact_wasserstein(rows, rows, whole, window)
    with pytest.raises(InvalidInput, match="no order"):
        exact_ks(rows, rows, cube.window()["c"], cube.window()["c"])
