"""``unreadable``: texts where numbers are expected, such as ``n/a`` or ``1,5``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_lab.monitoring.quality.rates import Rate, Rates
from mlops_lab.wording import listed, quoted

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts
    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.quality.material import Material
    from mlops_lab.monitoring.records import QualityFinding

__all__ = ["CHECK"]

NEVER = 0.001
"""Where the reference has none at all, so small a share is news: a model cannot read a word."""

MOST = 3
"""Texts that are told."""


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
        """How many."""
        return (
            f"{rate.name} holds no number in {rate.told}. Write a missing number as an empty cell, "
            "and numbers with a point."
        )

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """As every share; with the words, which counts of numbers do not have."""
        for finding in super().look(looking):
            words = looking.scans.words(finding.column or "")
            such = f" They are texts such as {listed(map(quoted, words[:MOST]))}." if words else ""
            yield replace(finding, sentence=f"{finding.sentence}{such}")


CHECK = Unreadable()
