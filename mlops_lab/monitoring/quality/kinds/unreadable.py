"""``unreadable``: texts where numbers are expected, such as ``n/a`` or ``1,5``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_lab.monitoring.quality.rates import Rate, Rates
from mlops_lab.monitoring.wording import counted, listed, quoted

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts
    from mlops_lab.monitoring.quality.material import Material

__all__ = ["CHECK"]

NEVER = 0.001
"""Where the reference has none at all, so small a share is news: a model cannot read a word."""


class Unreadable(Rates):
    """Values of a column of numbers that are no numbers."""

    name = "unreadable"
    about = "Texts in a column of numbers."
    rank = 40

    def count(self, counts: Counts, usual: Counts) -> tuple[int, int] | None:
        """What could not be read as a number, of all rows."""
        return (counts.unreadable, counts.rows) if counts.grid.ordered else None

    def levels(self, rate: Rate, material: Material) -> tuple[float, float, float]:
        """The first words among numbers count for more than some more of them."""
        warn, alert, ratio = super().levels(rate, material)
        return (NEVER if rate.usual_k == 0 else warn), alert, ratio

    def sentence(self, rate: Rate, now: Counts, usual: Counts, material: Material) -> str:
        """How many, and which."""
        words = [quoted(word) for word, _ in now.examples]
        such = f", such as {listed(words)}" if words else ""
        return (
            f"{rate.name} holds no number in {counted(rate.k, 'row')}{such}: {rate.told}{{since}}. "
            "Write a missing number as an empty cell, and numbers with a point."
        )


CHECK = Unreadable()
