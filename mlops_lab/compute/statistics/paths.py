"""The distribution functions of two windows, slot by slot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from mlops_lab.compute.counts import Counts

if TYPE_CHECKING:
    from mlops_lab.compute.slots import Floats

__all__ = ["Paths", "paths_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """F of the reference and G of the current window at the borders between slots.

    All arrays have the shape ``(grid.size,)`` and are not to be written to.

    Parameters
    ----------
    p, q
        The shares of the values that each slot holds, in the reference and the current window.
    before, after
        F − G before each slot and after it.
    inside
        The greatest |F − G| that can be inside of a slot.
    """

    p: Floats
    q: Floats
    before: Floats
    after: Floats
    inside: Floats


@lru_cache(4)  # several statistics look at the same two windows, one after the other
def paths_of(ref: Counts, cur: Counts) -> Paths:
    """The paths of two windows that have values."""
    import numpy as np

    first, second = ref.dense, cur.dense
    difference = np.empty(len(first) + 1)
    difference[0] = 0.0
    np.cumsum(first, out=difference[1:])
    difference[1:] /= ref.total
    difference[1:] -= np.cumsum(second) / cur.total
    before, after = difference[:-1], difference[1:]
    p, q = first / ref.total, second / cur.total
    inside = np.maximum(np.abs(before + p), np.abs(before - q))
    return Paths(p, q, before, after, inside)
