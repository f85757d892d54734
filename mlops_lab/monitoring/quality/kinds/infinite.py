"""``infinite``: numbers beyond all numbers, from a division by zero or a logarithm of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_lab.monitoring.quality.rates import Rate, Rates

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts
    from mlops_lab.monitoring.quality.material import Material

__all__ = ["CHECK"]

NEVER = 0.001
"""Where the reference has none at all, so small a share is news: one infinite value makes a mean
infinite, and many models refuse it."""


class Infinite(Rates):
    """Infinite values; NaN counts as missing."""

    name = "infinite"
    about = "The share of infinite numbers."
    rank = 40

    def count(self, counts: Counts, usual: Counts) -> tuple[int, int] | None:
        """Infinite ones of all rows, of columns of numbers."""
        if not counts.grid.ordered:
            return None
        return counts.positive_infinite + counts.negative_infinite, counts.rows

    def levels(self, rate: Rate, material: Material) -> tuple[float, float, float]:
        """The first infinite values count for more than some more of them."""
        warn, alert, ratio = super().levels(rate, material)
        return (NEVER if rate.usual_k == 0 else warn), alert, ratio

    def sentence(self, rate: Rate, now: Counts, usual: Counts, material: Material) -> str:
        """How many, and of which sign."""
        signs = "∞" if not now.negative_infinite else "−∞" if not now.positive_infinite else "±∞"
        return (
            f"{rate.name} is {signs} in {rate.told}. Look for a division by zero or the logarithm "
            "of zero where it is computed."
        )


CHECK = Infinite()
