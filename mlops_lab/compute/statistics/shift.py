"""Shifts in the column's own units: of the mean, the median and outer quantiles."""

from __future__ import annotations

from math import inf
from typing import ClassVar

from mlops_lab.compute.counts import Counts
from mlops_lab.compute.statistics.statistic import LINE, Measured, Statistic

__all__ = ["HighShift", "LowShift", "MeanShift", "MedianShift"]


class MeanShift(Statistic):
    """The current mean minus the reference's, in the column's unit.

    Positive: values grew. Exact up to rounding, except that a value farther than 67 million scales
    from the centre counts as that far. Its chance part is σ · sqrt(1 / n + 1 / m).
    """

    name = "mean_shift"
    label = "Shift of the mean"
    symbol = "Δ mean"
    unit = "column"
    kinds = LINE
    bounds = (-inf, inf)
    symmetric = False

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        return Measured.exactly(cur.mean - ref.mean)


class _QuantileShift(Statistic):
    """The current quantile minus the reference's."""

    unit = "column"
    kinds = LINE
    bounds = (-inf, inf)
    symmetric = False
    certainty = "certificate"
    q: ClassVar[float]

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        before, after = ref.quantile_bounds(self.q), cur.quantile_bounds(self.q)
        value = cur.quantile(self.q) - ref.quantile(self.q)
        return Measured(value, after[0] - before[1], after[1] - before[0])


class MedianShift(_QuantileShift):
    """The current median minus the reference's, in the column's unit.

    Between slots it is interpolated; the certificate tells how far it can be off. Its chance part
    is about 1.25 σ · sqrt(1 / n + 1 / m) for normal values.
    """

    name = "median_shift"
    label = "Shift of the median"
    symbol = "Δ median"
    q = 0.5


class LowShift(_QuantileShift):
    """The current 5th percentile minus the reference's: how the lower tail moved."""

    name = "low_shift"
    label = "Shift of the 5th percentile"
    symbol = "Δ p5"
    q = 0.05


class HighShift(_QuantileShift):
    """The current 95th percentile minus the reference's: how the upper tail moved."""

    name = "high_shift"
    label = "Shift of the 95th percentile"
    symbol = "Δ p95"
    q = 0.95
