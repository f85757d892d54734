"""The Kolmogorov–Smirnov distance."""

from __future__ import annotations

from mlops_lab.compute.counts import Counts
from mlops_lab.compute.statistics.paths import paths_of
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

        paths = paths_of(ref, cur)
        low = float(np.abs(paths.after).max())
        # Where one side has nothing, or there is one value, the borders tell all.
        hiding = (paths.p > 0) & (paths.q > 0) & ~ref.grid.edges.atom
        most = float(paths.inside.max(initial=low, where=hiding))
        return Measured(low, low, min(1.0, most))
