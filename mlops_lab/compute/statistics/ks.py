"""The Kolmogorov–Smirnov distance."""

from __future__ import annotations

from mlops_lab.compute.counts import Counts
from mlops_lab.compute.statistics.statistic import LINE, Measured, Statistic

__all__ = ["KolmogorovSmirnov"]


class KolmogorovSmirnov(Statistic):
    """The greatest difference between the two distribution functions: D = sup |F(x) − G(x)|.

    From 0 (the same) to 1 (apart). At every border between slots the difference is exact, so the
    value is at most D; inside of a slot with shares p and q it is at most max(|d + p|, |d − q|),
    with d the difference before it, which gives the other end. `compute.exact_ks` closes the gap.

    Without drift it is about 0.87 · sqrt(1 / n + 1 / m) on average: at n = 100 that is .09, so it
    says nothing in small windows without its p-value.

    References
    ----------
    Smirnov (1939), On the estimation of the discrepancy between empirical curves of distribution
    for two independent samples.
    """

    name = "ks"
    label = "Kolmogorov–Smirnov"
    symbol = "D"
    kinds = LINE
    bounds = (0.0, 1.0)
    certainty = "certificate"

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        import numpy as np

        first, second = ref.dense, cur.dense
        n, m = ref.total, cur.total
        after = np.cumsum(first) / n - np.cumsum(second) / m
        before = np.concatenate([[0.0], after[:-1]])
        p, q = first / n, second / m
        inside = np.maximum(np.abs(before + p), np.abs(before - q))
        # Where one side has nothing, or there is one value, the borders tell all.
        inside[(first == 0) | (second == 0) | ref.grid.edges.atom] = 0.0
        low = float(np.abs(after).max())
        return Measured(low, low, min(1.0, max(low, float(inside.max()))))
