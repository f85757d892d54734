"""The shares that divergences compare: of the values themselves, or of tenths of the reference."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mlops_lab.compute.counts import Counts

if TYPE_CHECKING:
    from mlops_lab.compute.slots import Floats, Ints

__all__ = ["GROUPS", "grouped", "matched", "shares"]

GROUPS: Final = 10
"""Numbers with more than 512 different values are compared by tenths of the reference."""

_LAST: Final = 4
"""Several statistics look at the same two windows, one after the other."""


@lru_cache(_LAST)
def matched(ref: Counts, cur: Counts) -> tuple[Ints, Ints]:
    """Counts of the same cells on both sides, at least one of them not zero.

    The cells are the values (or words, other and new), or tenths of the reference.
    """
    if ref.grid.form == "bins":
        return grouped(ref, cur)
    first, second = ref.dense, cur.dense
    there = (first > 0) | (second > 0)
    return first[there], second[there]


@lru_cache(_LAST)
def grouped(ref: Counts, cur: Counts, groups: int = GROUPS) -> tuple[Ints, Ints]:
    """Counts in groups of slots that hold about the same share of the reference each.

    A value that is more frequent than that fills a group alone, so there may be fewer.
    """
    import numpy as np

    group, size = _groups(ref, groups)
    found = []
    for one in (ref, cur):
        # Whole numbers below 2⁵³, which doubles add exactly.
        found.append(np.bincount(group[one.keys], one.n, size).astype(np.int64))
    there = (found[0] > 0) | (found[1] > 0)
    return found[0][there], found[1][there]


@lru_cache(64)
def _groups(ref: Counts, groups: int) -> tuple[Ints, int]:
    """The group of each slot, and how many there are."""
    import numpy as np

    ranks = np.cumsum(ref.dense)
    wanted = np.arange(1, groups) * (int(ranks[-1]) / groups)
    cuts = np.unique(np.searchsorted(ranks, wanted, "left"))
    group: Ints = np.searchsorted(cuts, np.arange(len(ranks)), "left")
    return group, len(cuts) + 1


def shares(counts: Ints) -> Floats:
    """Counts over their sum."""
    result: Floats = counts / counts.sum()
    return result
