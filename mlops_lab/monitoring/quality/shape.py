"""Whether two columns have the same distribution, told from counts: also after a change of unit.

Counts know a distribution function exactly at the ends of their slots. Two are compared there, with
a little slack, so that rounding after a conversion makes no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mlops_lab.compute.counts import Counts

    Floats = npt.NDArray[np.float64]

__all__ = ["Shape", "distance", "is_moved", "nearest", "shape_of", "word_distance"]

POINTS: Final = 300
"""So many points of a distribution function are looked at: steps of a third of a per cent."""

SLACK: Final = 0.02
"""Of the standard deviation: what a conversion may round."""

MOVED: Final = 0.5
"""Standard deviations by which a mean moves before a column is looked at twice …"""
STRETCHED: Final = 3.0
"""… or so many times by which its width changes."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A distribution function: ascending points, and the share of values up to each.

    Parameters
    ----------
    x, upto
        Both ends of every slot that holds something: a jump is two points at one place.
    mean, std, low, high
        Of the values; the last two are their extremes.
    """

    x: Floats
    upto: Floats
    mean: float
    std: float
    low: float
    high: float

    def mapped(self, factor: float, offset: float = 0.0) -> Shape:
        """The distribution of ``factor · value + offset``; the factor may be negative."""
        import numpy as np

        with np.errstate(over="ignore"):  # what becomes infinite fits nothing
            x, upto = self.x * factor + offset, self.upto
        ends = sorted((self.low * factor + offset, self.high * factor + offset))
        if factor < 0:
            x, upto = x[::-1], 1.0 - upto[::-1]
        return Shape(x, upto, self.mean * factor + offset, self.std * abs(factor), ends[0], ends[1])

    def at(self, wanted: float) -> float:
        """A quantile, interpolated."""
        import numpy as np

        return float(np.interp(wanted, self.upto, self.x))


@lru_cache(256)
def shape_of(counts: Counts) -> Shape | None:
    """The distribution of a column with an order; None without values."""
    import numpy as np

    if not counts.grid.ordered or not counts.total:
        return None
    left, right = counts.ends
    upto = np.cumsum(counts.n) / counts.total
    x = np.stack([left, right], axis=1).reshape(-1)
    shares = np.stack([np.r_[0.0, upto[:-1]], upto], axis=1).reshape(-1)
    return Shape(x, shares, counts.mean, counts.std, counts.min, counts.max)


def distance(now: Shape, usual: Shape) -> float:
    """The largest difference of two distribution functions where `now` is known exactly.

    A lower bound of D. It looks at `now`'s ends of slots only, so that `now` may have been counted
    on a grid that is coarse for it.
    """
    import numpy as np

    step = max(1, len(now.x) // (2 * POINTS))
    x, upto = now.x[::step], now.upto[::step]
    slack = SLACK * usual.std
    low = np.interp(x - slack, usual.x, usual.upto, left=0.0, right=1.0)
    high = np.interp(x + slack, usual.x, usual.upto, left=0.0, right=1.0)
    return float(np.maximum(np.maximum(low - upto, upto - high), 0.0).max())


def nearest(now: Shape, others: Sequence[Shape]) -> float:
    """The distance to the one of others that is nearest; 1 without any."""
    return min((distance(now, one) for one in others), default=1.0)


def is_moved(now: Counts, usual: Counts) -> bool:
    """Whether a column is so far from where it was that it may be another one, or in another unit.

    Cheap, for every column and chunk: means and extremes only.
    """
    if not now.grid.ordered or not now.total or not usual.total:
        return False
    width, before = now.max - now.min, usual.max - usual.min
    if before == 0 or width == 0:
        return now.mean != usual.mean
    if not 1 / STRETCHED < width / before < STRETCHED:
        return True
    mean, std = _centre(usual)
    return abs(now.mean - mean) >= MOVED * std


@lru_cache(256)
def _centre(usual: Counts) -> tuple[float, float]:
    """Mean and standard deviation of a reference, which every chunk is asked beside."""
    return usual.mean, usual.std


def word_distance(now: Counts, usual: Counts) -> float:
    """Which share of rows has other words: total variation, where two vocabularies may differ.

    What `now`'s vocabulary does not know is one word there; so it is for `usual`.
    """
    if not now.total or not usual.total:
        return 1.0
    here, there = now.grid.words, usual.grid.words
    slots = {word: i for i, word in enumerate(there)}
    dense_now, dense_usual = now.dense, usual.dense
    differing = 0.0
    unknown = 1.0
    for i, word in enumerate(here):
        mine = dense_now[i] / now.total
        theirs = dense_usual[slots[word]] / usual.total if word in slots else 0.0
        differing += abs(mine - theirs)
        unknown -= theirs
    rest = (now.new + now.other) / now.total
    return float(differing + abs(rest - unknown)) / 2
