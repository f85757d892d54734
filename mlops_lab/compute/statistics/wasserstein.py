"""The Wasserstein distance, in standard deviations of the reference."""

from __future__ import annotations

from math import isfinite

from mlops_lab.compute.counts import Counts
from mlops_lab.compute.statistics.paths import paths_of
from mlops_lab.compute.statistics.statistic import LINE, Measured, Statistic

__all__ = ["Wasserstein", "wasserstein_in_units", "width_of"]

_ROUNDING = 1e-12
"""Widens a certificate by what floating point may lose, relative to the values' size."""


class Wasserstein(Statistic):
    """How far values had to be moved on average: W₁ = ∫ |F(x) − G(x)| dx, over the reference's σ.

    0 means the same; there is no upper end. 1 is as much as moving every value by one standard
    deviation. The sums in the slots give the integral exactly wherever F − G keeps its sign inside
    of a slot; elsewhere it is bounded. A constant reference has no σ: its grid's scale stands in.

    Not symmetric, because σ is the reference's. Without drift it is about σ · sqrt(1 / n + 1 / m)
    times a number below 1.

    References
    ----------
    Vallender (1974), Calculation of the Wasserstein distance between probability distributions on
    the line.
    """

    name = "wasserstein"
    label = "Wasserstein distance"
    symbol = "W₁/σ"
    unit = "σ"
    kinds = LINE
    symmetric = False
    certainty = "certificate"

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        value, low, high = wasserstein_in_units(ref, cur)
        least, most = width_of(ref)
        if not isfinite(high):  # farther apart than numbers reach
            return Measured.nothing()
        return Measured(value / least, low / most, high / least)


def width_of(ref: Counts) -> tuple[float, float]:
    """The least and greatest value that the reference's σ can have; its scale where it has none."""
    least, most = ref.std_bounds
    if not least > 0 or least == float("inf"):
        return ref.grid.scale, ref.grid.scale
    return least, most


def wasserstein_in_units(ref: Counts, cur: Counts) -> tuple[float, float, float]:
    """W₁ in the column's units: the value, and between which numbers it certainly is."""
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        return _bounded(ref, cur)


def _bounded(ref: Counts, cur: Counts) -> tuple[float, float, float]:
    import numpy as np

    grid = ref.grid
    least, most = min(ref.min, cur.min), max(ref.max, cur.max)
    edges = grid.edges
    left, right = np.clip(edges.left, least, most), np.clip(edges.right, least, most)
    width = right - left
    paths = paths_of(ref, cur)
    p, q, before = paths.p, paths.q, paths.before
    # ∫ (F − G) over a slot is before · width + p · (right − mean of ref) − q · (right − …).
    moved = np.zeros(len(p))
    for counts, share, sign in ((ref, p, 1.0), (cur, q, -1.0)):
        inside = right[counts.keys] - counts.means
        moved[counts.keys] += sign * share[counts.keys] * inside
    whole = np.abs(before * width + moved)
    # |∫ (F − G)| is at most ∫ |F − G|, and less only where the sign changes inside of the slot.
    turning = (before - q < 0) & (before + p > 0) & (width > 0)
    most_inside = width * paths.inside
    upper = np.where(turning, np.maximum(most_inside, whole), whole)
    lower = whole
    if ref.reaches_beyond_sums or cur.reaches_beyond_sums:
        upper[[0, -1]] = np.maximum(most_inside, whole)[[0, -1]]
        lower = whole.copy()
        lower[[0, -1]] = 0.0
    slack = _ROUNDING * (abs(least) + abs(most) + grid.scale)
    if np.array_equal(p, q) and np.array_equal(ref.sums, cur.sums):
        return 0.0, 0.0, float(upper.sum())
    value, low, high = float(whole.sum()), float(lower.sum()), float(upper.sum())
    return value, max(0.0, low - slack), high + slack
