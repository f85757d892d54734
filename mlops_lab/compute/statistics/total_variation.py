"""The total variation distance, raw and minus what chance makes of it."""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

from mlops_lab.compute.counts import Counts
from mlops_lab.compute.statistics.shares import matched, shares
from mlops_lab.compute.statistics.statistic import COUNTED, Measured, Statistic

if TYPE_CHECKING:
    from mlops_lab.compute.slots import Ints

__all__ = ["TotalVariation", "TotalVariationExcess", "expected_variation"]


class TotalVariation(Statistic):
    """TVD = ½ Σ |p − q|: the share of rows that would have to change their value.

    From 0 to 1, over tenths of the reference, values or categories. In small windows with many
    categories chance alone makes it large: see `TotalVariationExcess`.

    References
    ----------
    Levin, Peres and Wilmer (2017), Markov Chains and Mixing Times, chapter 4.
    """

    name = "total_variation"
    label = "Total variation"
    symbol = "TVD"
    kinds = COUNTED
    bounds = (0.0, 1.0)

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        first, second = matched(ref, cur)
        return Measured.exactly(_variation(first, second))


class TotalVariationExcess(Statistic):
    """TVD minus its expectation without drift, and at least 0: what alarms of categories.

    The expectation is ½ Σ sqrt(2 / π · p̄ (1 − p̄)(1 / n + 1 / m)) with p̄ the share in both samples
    together: the mean absolute value of a normal difference, for each cell.
    """

    name = "total_variation_excess"
    label = "Total variation above chance"
    symbol = "TVD*"
    kinds = COUNTED
    bounds = (0.0, 1.0)

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        first, second = matched(ref, cur)
        excess = _variation(first, second) - expected_variation(first, second)
        return Measured.exactly(max(0.0, excess))


def _variation(first: Ints, second: Ints) -> float:
    import numpy as np

    return min(1.0, float(np.abs(shares(first) - shares(second)).sum()) / 2)


def expected_variation(first: Ints, second: Ints) -> float:
    """The TVD that two samples of these sizes have on average when nothing changed."""
    import numpy as np

    n, m = int(first.sum()), int(second.sum())
    both = (first + second) / (n + m)
    spread = np.sqrt(both * (1 - both))
    return float(spread.sum()) / 2 * sqrt(2 / pi * (1 / n + 1 / m))
