"""Values that came, and values that went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_lab.compute.counts import Counts
from mlops_lab.compute.kinds import Kind
from mlops_lab.compute.statistics.statistic import Measured, Statistic

if TYPE_CHECKING:
    from mlops_lab.compute.slots import Ints

__all__ = ["LostShare", "NewShare", "lost_values"]

_KINDS: Final[tuple[Kind, ...]] = ("integer", "category", "boolean")


class NewShare(Statistic):
    """The share of current values that the reference never had: from 0 to 1.

    Words outside of the vocabulary are told apart from new ones by their hashes. Of rare values
    some are new by chance: their share in the reference's rows is about (values seen once) / n
    (Good, 1953, The population frequencies of species), so up to 1 % says little.

    Not known against a window that itself has words which the grid does not know.
    """

    name = "new_share"
    label = "New values"
    symbol = "new"
    unit = "share"
    kinds = _KINDS
    bounds = (0.0, 1.0)
    symmetric = False

    def _applies(self, ref: Counts, cur: Counts) -> bool:
        words = ref.grid.form == "words" and ref.grid.complete and not ref.new
        return (words or ref.grid.form == "values") and super()._applies(ref, cur)

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        import numpy as np

        known = np.isin(cur.keys, ref.keys)
        return Measured.exactly(int(cur.n[~known].sum()) / cur.total)


class LostShare(Statistic):
    """The share of the reference's values that the current window has none of: from 0 to 1.

    A small window misses rare values by chance: what has share p is missing from n rows with
    probability (1 − p)ⁿ.
    """

    name = "lost_share"
    label = "Lost values"
    symbol = "lost"
    unit = "share"
    kinds = _KINDS
    bounds = (0.0, 1.0)
    symmetric = False

    def _applies(self, ref: Counts, cur: Counts) -> bool:
        return ref.grid.form != "bins" and super()._applies(ref, cur)

    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        return Measured.exactly(int(_lost(ref, cur).sum()) / ref.total)


def _lost(ref: Counts, cur: Counts) -> Ints:
    import numpy as np

    return np.where(np.isin(ref.keys, cur.keys), 0, ref.n)


def lost_values(ref: Counts, cur: Counts, most: int = 5) -> list[tuple[str, int]]:
    """The most frequent words of the reference that the current window has none of."""
    if ref.grid.form != "words":
        return []
    there = set(cur.keys.tolist())
    labels = ref.grid.labels()
    found = [
        (labels[key], count)
        for key, count in zip(ref.keys.tolist(), ref.n.tolist(), strict=True)
        if key not in there and key < ref.grid.other_slot
    ]
    return sorted(found, key=lambda one: -one[1])[:most]
