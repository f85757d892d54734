"""``new_category``: values that the reference never had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_lab.monitoring.quality.rates import Rate, Rates
from mlops_lab.wording import counted, listed, quoted, share

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts
    from mlops_lab.monitoring.quality.material import Material

__all__ = ["CHECK"]


class NewCategory(Rates):
    """Categories that no model has learnt: it answers them as it answers missing ones."""

    name = "new_category"
    about = "The share of rows with categories that the reference never had."
    rank = 60

    def count(self, counts: Counts, usual: Counts) -> tuple[int, int] | None:
        """Rows of new categories, of those with a value."""
        grid = counts.grid
        if grid.form != "words" or grid.kind not in ("category", "boolean") or not grid.complete:
            return None
        if counts is usual:
            return _once(usual), usual.total
        return counts.new, counts.total

    def levels(self, rate: Rate, material: Material) -> tuple[float, float, float]:
        """From the policy's share of new categories on; three times as many alarm."""
        warn = material.policy.new_share
        return warn, 3 * warn, material.policy.missing_ratio

    def sentence(self, rate: Rate, now: Counts, usual: Counts, material: Material) -> str:
        """Which, and how many rows."""
        shown = [f"{quoted(word)} in {counted(count, 'row')}" for word, count in now.examples]
        all_told = sum(count for _, count in now.examples) == now.new
        expected = f" (of rare ones about {share(rate.usual)} are usual)" if rate.usual_k else ""
        such = listed(shown, open_end=not all_told)
        return (
            f"{rate.name} has values that the reference never had in {share(rate.value)} of "
            f"{counted(rate.n, 'row')}{expected}{rate.since}: {such}. Make sure that they are "
            "meant; a model answers what it has not learnt as if it were missing."
        )


CHECK = NewCategory()


def _once(usual: Counts) -> int:
    """How many rows of the reference have a value that no other row has: at most so many.

    Their share is what new rows have of values never seen (Good, The population frequencies of
    species and the estimation of population parameters, 1953). Of words outside of the vocabulary
    it is not known how often they came, so each counts.
    """
    words = len(usual.grid.words)
    rare = int((usual.n[usual.keys < words] == 1).sum())
    return min(usual.total, rare + len(usual.grid.others) // 8)
