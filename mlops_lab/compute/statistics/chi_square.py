"""Pearson's χ², and Cramér's V, which does not grow with the number of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_lab.compute.counts import Counts
from mlops_lab.compute.kinds import Kind
from mlops_lab.compute.statistics.shares import matched
from mlops_lab.compute.statistics.statistic import Measured, Statistic

if TYPE_CHECKING:
    from mlops_lab.compute.slots import Ints

__all__ = ["ChiSquare", "CramersV", "CramersVCorrected", "chi_square"]

_KINDS: Final[tuple[Kind, ...]] = ("integer", "category", "boolean")


class ChiSquare(Statistic):
    """χ² = Σ (observed − expected)² / expected over both samples and all categories.

    From 0 on; without drift it is about (categories − 1). It grows with the number of rows, so it
    is shown with its p-value (`significance`), which pools the rare cells, and never as an effect.

    References
    ----------
    Pearson (1900), On the criterion that a given system of deviations from the probable …
    """

    name = "chi_square"
    label = "Chi-square"
    symbol = "χ²"
    kinds = _KINDS

    def _applies(self, ref: Counts, cur: Counts) -> bool:
        return super()._applies(ref, cur) and ref.grid.form != "bins"

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        return Measured.exactly(chi_square(*matched(ref, cur)))


class CramersV(ChiSquare):
    """V = sqrt(χ² / N): of two samples, from 0 (the same) to 1 (nothing in common).

    Without drift about sqrt((categories − 1) / N).

    References
    ----------
    Cramér (1946), Mathematical Methods of Statistics, page 282.
    """

    name = "cramers_v"
    label = "Cramér's V"
    symbol = "V"
    bounds = (0.0, 1.0)

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        first, second = matched(ref, cur)
        squared = chi_square(first, second) / int(first.sum() + second.sum())
        return Measured.exactly(min(1.0, squared**0.5))


class CramersVCorrected(ChiSquare):
    """Cramér's V without what chance adds: 0 on average when nothing changed.

    sqrt(max(0, χ² / N − (k − 1) / (N − 1)) / min(k̃ − 1, r̃ − 1)) with the two samples as r = 2 rows,
    k categories, r̃ = r − (r − 1)² / (N − 1) and k̃ = k − (k − 1)² / (N − 1).

    References
    ----------
    Bergsma (2013), A bias-correction for Cramér's V and Tschuprow's T.
    """

    name = "cramers_v_corrected"
    label = "Cramér's V above chance"
    symbol = "V*"
    bounds = (0.0, 1.0)

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        first, second = matched(ref, cur)
        rows, k = int(first.sum() + second.sum()), len(first)
        squared = max(0.0, chi_square(first, second) / rows - (k - 1) / (rows - 1))
        room = min(k - (k - 1) ** 2 / (rows - 1), 2 - 1 / (rows - 1)) - 1
        if squared == 0.0 or room <= 0:
            return Measured.exactly(0.0)
        return Measured.exactly(min(1.0, (squared / room) ** 0.5))


def chi_square(first: Ints, second: Ints) -> float:
    """χ² of two rows of counts in which no category is empty on both sides."""
    n, m = int(first.sum()), int(second.sum())
    both = first + second
    total = 0.0
    for observed, rows in ((first, n), (second, m)):
        expected = both * (rows / (n + m))
        total += float(((observed - expected) ** 2 / expected).sum())
    return total
