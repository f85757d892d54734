"""The counts of one column in one window, and what can be told from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf, nan
from typing import TYPE_CHECKING, Final

from mlops_lab.compute.grids import Grid

if TYPE_CHECKING:
    from mlops_lab.compute.slots import Floats, Ints

__all__ = ["Counts", "Later", "Window"]


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """How many values of a column fall into each slot of its grid.

    Parameters
    ----------
    grid
        Whose slots.
    keys
        Slots that hold something, ascending; shape ``(k,)``, int64.
    n
        How many values each holds, int64.
    high, low
        Exact sums of distances from the grid's centre: see `sums`. Zeros where there is no order.
    missing
        Rows without a value.
    nan, positive_infinite, negative_infinite
        Numbers that are not finite.
    unreadable
        Values that are no numbers where numbers are expected.
    min, max
        The least and greatest finite value; NaN where there is none.
    examples
        The most frequent values that the reference does not have, at most 5, with their counts.
    total
        Finite values that are there: the sum of `n`.
    """

    grid: Grid
    keys: Ints
    n: Ints
    high: Ints
    low: Ints
    missing: int = 0
    nan: int = 0
    positive_infinite: int = 0
    negative_infinite: int = 0
    unreadable: int = 0
    min: float = nan
    max: float = nan
    examples: tuple[tuple[str, int], ...] = ()
    total: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", int(self.n.sum()))

    @property
    def not_finite(self) -> int:
        """NaN and infinite values."""
        return self.nan + self.positive_infinite + self.negative_infinite

    @property
    def rows(self) -> int:
        """All rows of the window."""
        return self.total + self.missing + self.not_finite + self.unreadable

    @property
    def missing_share(self) -> float:
        """Rows without a value (NaN counts as one) over all rows; 0 without rows."""
        rows = self.rows
        return (self.missing + self.nan) / rows if rows else 0.0

    @property
    def dense(self) -> Ints:
        """The counts of all slots; shape ``(grid.size,)``, not to be written to."""
        return _dense(self)

    @property
    def sums(self) -> Floats:
        """The sums of the values in the slots of `keys`, in the column's units."""
        import numpy as np

        from mlops_lab.compute.slots import from_fixed

        offsets: Floats = from_fixed(self.high, self.low, self.grid.scale)
        with np.errstate(over="ignore"):  # at the end of numbers a sum is infinite
            return offsets + self.n * self.grid.centre

    @property
    def means(self) -> Floats:
        """The means of the values in the slots of `keys`, not to be written to."""
        return _means(self)

    @property
    def mean(self) -> float:
        """The arithmetic mean; NaN without values or order."""
        from mlops_lab.compute.slots import carried, from_fixed

        if not self.grid.ordered or not len(self.n):
            return nan
        high, low = carried(self.high.sum(), self.low.sum())
        offset = from_fixed(int(high), int(low), self.grid.scale)
        # Rounding must not carry it beyond the values: of equal ones it is that value.
        return min(max(float(self.grid.centre + offset / self.total), self.min), self.max)

    @property
    def reaches_beyond_sums(self) -> bool:
        """Whether values are so far from the centre that sums count them as nearer."""
        from mlops_lab.compute.slots import CLIP

        reach = CLIP * self.grid.scale
        return self.max - self.grid.centre > reach or self.grid.centre - self.min > reach

    @property
    def std(self) -> float:
        """The standard deviation with n below, from the means of the slots.

        What varies inside of a slot is not in it: it is too low by less than a ten-thousandth for
        all but the heaviest tails; `std_bounds` tells the certain interval.
        """
        return self.std_bounds[0]

    @property
    def std_bounds(self) -> tuple[float, float]:
        """Between which numbers the standard deviation certainly is.

        A sample between two ends with mean m varies by at most (m − left)(right − m) (Bhatia and
        Davis, 2000, A better bound on the variance).
        """
        return _std_bounds(self)

    @property
    def ends(self) -> tuple[Floats, Floats]:
        """The left and right ends of the slots of `keys`, no wider than the values reach."""
        import numpy as np

        edges = self.grid.edges
        left = np.maximum(edges.left[self.keys], self.min)
        right = np.minimum(edges.right[self.keys], self.max)
        return left, right

    def quantile(self, q: float) -> float:
        """A quantile: exact where a slot holds one value, else interpolated in its slot.

        Parameters
        ----------
        q
            From 0 to 1.
        """
        left, right, before, held = self._at(q)
        if left == right or not held:
            return left
        share = min(max((q * self.total - before) / held, 0.0), 1.0)
        return left * (1 - share) + right * share

    def quantile_bounds(self, q: float) -> tuple[float, float]:
        """The ends of the slot that the quantile certainly lies in."""
        left, right, _, _ = self._at(q)
        return left, right

    def _at(self, q: float) -> tuple[float, float, int, int]:
        """The ends of the slot of a quantile, how many values lie before it, and how many in it."""
        import numpy as np

        if not self.grid.ordered or not len(self.n):
            return nan, nan, 0, 0
        ranks = _ranks(self)
        at = min(int(np.searchsorted(ranks, q * int(ranks[-1]), "left")), len(ranks) - 1)
        edges, key, held = self.grid.edges, int(self.keys[at]), int(self.n[at])
        left, right = max(float(edges.left[key]), self.min), min(float(edges.right[key]), self.max)
        return left, right, int(ranks[at]) - held, held

    @property
    def median(self) -> float:
        """The middle value."""
        return self.quantile(0.5)

    def edges(self) -> list[float]:
        """Round numbers to draw a histogram between: at most 31, ascending.

        The bulk (1st to 99th percentile) gets the width; what lies far outside goes into the first
        and the last bin.
        """
        from mlops_lab.compute.bins import number_edges

        if not self.grid.ordered or not len(self.n):
            return []
        if self.grid.form == "values" and _is_whole(self):
            return [value - 0.5 for value in range(int(self.min), int(self.max) + 2)]
        found = number_edges(
            self.min, self.max, low=self.quantile(0.01), high=self.quantile(0.99), whole=False
        )
        return found or [self.min, self.max]

    def histogram(self, edges: Sequence[float] | None = None) -> tuple[list[float], Ints]:
        """Counts between edges; a slot counts where the mean of its values lies.

        Parameters
        ----------
        edges
            Ascending, in the column's units; default those of `edges`. Values outside count in
            the first and last bin.
        """
        import numpy as np

        chosen = self.edges() if edges is None else [float(one) for one in edges]
        if len(chosen) < 2 or not self.grid.ordered:
            return chosen, np.zeros(max(len(chosen) - 1, 0), dtype=np.int64)
        found = np.zeros(len(chosen) - 1, dtype=np.int64)
        if len(self.n):
            at = np.searchsorted(chosen, self.means, "right") - 1
            np.add.at(found, np.clip(at, 0, len(found) - 1), self.n)
        return chosen, found

    def share(self, value: float | str | bool) -> float:
        """The share of one value among those that are there: exact of words, atoms and values."""
        total = self.total
        if not total:
            return nan
        return self.count_of(value) / total

    def count_of(self, value: float | str | bool) -> int:
        """How many of the values are this one; of a bin, those in the bin."""
        import numpy as np

        if self.grid.form == "words":
            text = str(value).lower() if isinstance(value, bool) else str(value)
            if text not in self.grid.words:
                return dict(self.examples).get(text, 0)
            slot = self.grid.words.index(text)
        elif self.grid.ordered:
            slot = int(self.grid.slots_of(np.array([float(value)]))[0])
        else:
            return 0
        return int(self.n[self.keys == slot].sum())

    @property
    def zero(self) -> int:
        """Values that are zero, which has a slot of its own on every grid of numbers."""
        return self.count_of(0.0) if self.grid.ordered else 0

    @property
    def new(self) -> int:
        """Values that the reference does not have."""
        import numpy as np

        match self.grid.form:
            case "words":
                return int(self.n[self.keys == self.grid.new_slot].sum())
            case "values":
                return int(self.n[np.asarray(self.keys) % 2 == 0].sum())
            case _:
                return 0

    @property
    def other(self) -> int:
        """Words that the reference has, but outside of the vocabulary."""
        if self.grid.form != "words":
            return 0
        return int(self.n[self.keys == self.grid.other_slot].sum())

    def top(self, k: int = 10) -> list[tuple[str | float, int]]:
        """The most frequent words or single values, with their counts."""
        if self.grid.form == "words":
            labels: list[str | float] = [*self.grid.labels()]
        elif self.grid.ordered:
            edges = self.grid.edges
            labels = [
                float(left) if atom else nan
                for left, atom in zip(edges.left, edges.atom, strict=True)
            ]
        else:
            return []
        found = [
            (labels[key], count)
            for key, count in zip(self.keys.tolist(), self.n.tolist(), strict=True)
            if labels[key] == labels[key]
        ]
        return sorted(found, key=lambda one: -one[1])[:k]

    def share_outside(self, low: float = -inf, high: float = inf) -> float:
        """The share of values below `low` or above `high`; a slot counts where its mean lies."""
        import numpy as np

        total = self.total
        if not total or not self.grid.ordered:
            return nan
        means = self.means
        return int(self.n[np.logical_or(means < low, means > high)].sum()) / total


class Later(Mapping[str, Counts]):
    """Counts by column, each summed up when it is asked for first. Safe for several threads.

    Parameters
    ----------
    names
        Of the columns, in order.
    make
        Gives the counts of one; asked once, or by two threads at once the same.
    """

    __slots__ = ("_made", "_make", "_names")

    def __init__(self, names: Iterable[str], make: Callable[[str], Counts]) -> None:
        self._names = dict.fromkeys(names)
        self._make = make
        self._made: dict[str, Counts] = {}

    def __getitem__(self, name: str) -> Counts:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._made:
            self._made.setdefault(name, self._make(name))
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The counts of all columns over some chunks and one segment.

    Parameters
    ----------
    rows
        In it.
    columns
        By name.
    """

    rows: int
    columns: Mapping[str, Counts]

    def __getitem__(self, name: str) -> Counts:
        return self.columns[name]


# A reference is compared with many windows, one after the other: what is made of it is kept.
_KEPT: Final = 64


@lru_cache(_KEPT)
def _dense(counts: Counts) -> Ints:
    import numpy as np

    found = np.zeros(counts.grid.size, dtype=np.int64)
    found[counts.keys] = counts.n
    found.flags.writeable = False
    return found


@lru_cache(_KEPT)
def _ranks(counts: Counts) -> Ints:
    import numpy as np

    return np.cumsum(counts.n)


@lru_cache(_KEPT)
def _means(counts: Counts) -> Floats:
    import numpy as np

    left, right = counts.ends
    found = np.clip(counts.sums / counts.n, left, right)
    found.flags.writeable = False
    return found


@lru_cache(_KEPT)
def _std_bounds(counts: Counts) -> tuple[float, float]:
    import numpy as np

    if not counts.grid.ordered or not len(counts.n):
        return nan, nan
    if counts.min == counts.max:
        return 0.0, 0.0
    left, right = counts.ends
    means, total, centre = counts.means, counts.total, counts.mean
    with np.errstate(over="ignore", invalid="ignore"):
        between = float(np.sum(counts.n * (means - centre) ** 2)) / total
        inside = np.where(counts.n > 1, (means - left) * (right - means), 0.0)
        if counts.reaches_beyond_sums:
            ends = (counts.keys == 0) | (counts.keys == counts.grid.size - 1)
            inside = np.where(ends, (right - left) ** 2, inside)
        within = float(np.sum(counts.n * np.maximum(inside, 0.0))) / total
    return between**0.5, (between + within) ** 0.5


def _is_whole(counts: Counts) -> bool:
    values = counts.grid.values
    span = counts.max - counts.min
    return span < 30 and all(value == int(value) for value in values) and counts.new == 0
