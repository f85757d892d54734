"""The population stability index."""

from __future__ import annotations

from mlops_lab.compute.counts import Counts
from mlops_lab.compute.statistics.shares import grouped, matched, shares
from mlops_lab.compute.statistics.statistic import COUNTED, Measured, Statistic

__all__ = ["PopulationStability"]

EMPTY = 1e-4
"""What an empty cell counts as, so that the logarithm exists."""


class PopulationStability(Statistic):
    """PSI = Σ (q − p) · ln(q / p) over tenths of the reference, or over its categories.

    From 0 on; an empty cell counts as 0.0001. Custom calls .1 a shift and .25 a large one, but it
    is too high by about (cells − 1)(1 / n + 1 / m) without any drift, and blind to a tilt of many
    cells: it is shown, and does not alarm.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards. Yurdakul and Naranjo (2020), Statistical properties of
    the population stability index.
    """

    name = "psi"
    label = "Population stability index"
    symbol = "PSI"
    kinds = COUNTED

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        import numpy as np

        cells = grouped if ref.grid.ordered else matched
        p, q = (shares(one) for one in cells(ref, cur))
        p, q = np.where(p == 0, EMPTY, p), np.where(q == 0, EMPTY, q)
        return Measured.exactly(float(((q - p) * np.log(q / p)).sum()))
