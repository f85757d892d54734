"""The Hellinger distance."""

from __future__ import annotations

from mlops_lab.compute.counts import Counts
from mlops_lab.compute.statistics.shares import matched, shares
from mlops_lab.compute.statistics.statistic import COUNTED, Measured, Statistic

__all__ = ["Hellinger"]


class Hellinger(Statistic):
    """sqrt(½ Σ (√p − √q)²): from 0 (the same) to 1 (nothing in common).

    Over tenths of the reference, values or categories. Without drift its square is about
    (cells − 1)(1 / n + 1 / m) / 8.

    References
    ----------
    Hellinger (1909), Neue Begründung der Theorie quadratischer Formen von unendlichvielen
    Veränderlichen.
    """

    name = "hellinger"
    label = "Hellinger distance"
    symbol = "H"
    kinds = COUNTED
    bounds = (0.0, 1.0)

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        import numpy as np

        p, q = (shares(one) for one in matched(ref, cur))
        squared = float(((np.sqrt(p) - np.sqrt(q)) ** 2).sum()) / 2
        return Measured.exactly(min(1.0, squared**0.5))
