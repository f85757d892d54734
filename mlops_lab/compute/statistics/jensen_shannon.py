"""The Jensen–Shannon distance."""

from __future__ import annotations

from mlops_lab.compute.counts import Counts
from mlops_lab.compute.statistics.shares import matched, shares
from mlops_lab.compute.statistics.statistic import COUNTED, Measured, Statistic

__all__ = ["JensenShannon"]


class JensenShannon(Statistic):
    """sqrt(½ KL(p ‖ m) + ½ KL(q ‖ m)) with m = (p + q) / 2 and logarithms to base 2.

    From 0 (the same) to 1 (nothing in common), over tenths of the reference, values or categories.
    Without drift its square is about (cells − 1)(1 / n + 1 / m) / (8 ln 2).

    References
    ----------
    Endres and Schindelin (2003), A new metric for probability distributions.
    """

    name = "jensen_shannon"
    label = "Jensen–Shannon distance"
    symbol = "JS"
    kinds = COUNTED
    bounds = (0.0, 1.0)

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        import numpy as np

        p, q = (shares(one) for one in matched(ref, cur))
        middle = (p + q) / 2
        divergence = 0.0
        for one in (p, q):
            there = one > 0
            divergence += float((one[there] * np.log2(one[there] / middle[there])).sum()) / 2
        return Measured.exactly(min(1.0, max(0.0, divergence) ** 0.5))
