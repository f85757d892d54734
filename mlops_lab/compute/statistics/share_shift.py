"""Changes of a share of the rows: missing, zero, not finite, unreadable, true."""

from __future__ import annotations

from abc import abstractmethod

from mlops_lab.compute.counts import Counts
from mlops_lab.compute.statistics.proportions import difference_interval
from mlops_lab.compute.statistics.statistic import EVERY, Measured, Statistic

__all__ = [
    "MissingShift",
    "NotFiniteShift",
    "ShareShift",
    "TrueShift",
    "UnreadableShift",
    "ZeroShift",
]


class ShareShift(Statistic):
    """The current share minus the reference's, with its 95 % interval.

    From −1 to 1; 0.01 is a percentage point. The interval is Newcombe's, which holds for shares
    of 0 and for few rows.

    References
    ----------
    Newcombe (1998), Interval estimation for the difference between independent proportions,
    method 10.
    """

    unit = "share"
    bounds = (-1.0, 1.0)
    symmetric = False
    certainty = "confidence"

    @abstractmethod
    def count(self, counts: Counts) -> tuple[int, int]:
        """How many there are, and of how many."""

    def _applies(self, ref: Counts, cur: Counts) -> bool:
        return ref.grid.kind in self.kinds and self.count(ref)[1] > 0 and self.count(cur)[1] > 0

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        k, n = self.count(ref)
        j, m = self.count(cur)
        low, high = difference_interval(k, n, j, m)
        return Measured(j / m - k / n, low, high)


class MissingShift(ShareShift):
    """Of the share of rows without a value; NaN counts as missing. Minus 1 to 1."""

    name = "missing_shift"
    label = "Change of missing values"
    symbol = "Δ missing"
    kinds = EVERY

    def count(self, counts: Counts) -> tuple[int, int]:
        """Rows without a value, and all rows."""
        return counts.missing + counts.nan, counts.rows


class ZeroShift(ShareShift):
    """Of the share of zeros among the finite numbers. Minus 1 to 1."""

    name = "zero_shift"
    label = "Change of zeros"
    symbol = "Δ zero"
    kinds = ("number", "integer")

    def count(self, counts: Counts) -> tuple[int, int]:
        """Zeros, and finite numbers."""
        return counts.zero, counts.total


class NotFiniteShift(ShareShift):
    """Of the share of infinite numbers in all rows."""

    name = "not_finite_shift"
    label = "Change of infinite values"
    symbol = "Δ infinite"
    kinds = ("number", "integer")

    def count(self, counts: Counts) -> tuple[int, int]:
        """Infinite numbers, and all rows."""
        return counts.positive_infinite + counts.negative_infinite, counts.rows


class UnreadableShift(ShareShift):
    """Of the share of rows whose value is no number (or time) where one is expected."""

    name = "unreadable_shift"
    label = "Change of unreadable values"
    symbol = "Δ unreadable"
    kinds = ("number", "integer", "time")

    def count(self, counts: Counts) -> tuple[int, int]:
        """Unreadable values, and all rows."""
        return counts.unreadable, counts.rows


class TrueShift(ShareShift):
    """Of the share of true among true and false."""

    name = "true_shift"
    label = "Change of true"
    symbol = "Δ true"
    kinds = ("boolean",)

    def count(self, counts: Counts) -> tuple[int, int]:
        """True ones, and values that are there."""
        return counts.count_of("true"), counts.total
