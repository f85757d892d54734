"""Counting one column of numbers, batch by batch."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

import numpy as np

from mlops_lab.compute.cube import FACTS, ColumnCells
from mlops_lab.compute.grids import Grid
from mlops_lab.compute.merging import summed
from mlops_lab.compute.slots import Floats, Ints, carried, distances, fixed_point

__all__ = ["DENSE", "Tally"]

DENSE: Final = 1 << 20
"""Up to so many places (cells × slots) a column is counted in full arrays, above in sparse ones."""

_BLOCK: Final = 1 << 14
"""So many values at a time stay in the processor's cache."""

_CARRY: Final = 512
"""After so many additions of at most 2⁵³ each a sum still fits into 64 bits."""

_COMPACT: Final = 4_000_000
"""Sparse entries are added up when there are so many."""


class Tally:
    """The counts of one column, while its values come by. Not for several threads.

    Parameters
    ----------
    grid
        Of the column.
    cells
        How many there are.
    """

    def __init__(self, grid: Grid, cells: int) -> None:
        self.grid = grid
        self.cells = cells
        self.size = grid.size
        self.facts = {name: np.zeros(cells, dtype=np.int64) for name in FACTS}
        self.min = np.full(cells, np.inf)
        self.max = np.full(cells, -np.inf)
        self._dense = cells * self.size <= DENSE
        length = cells * self.size if self._dense else 0
        self._n = np.zeros(length, dtype=np.int64)
        self._high = np.zeros(length, dtype=np.int64)
        self._low = np.zeros(length, dtype=np.int64)
        self._parts: list[tuple[Ints, Ints, Ints, Ints]] = []
        self._waiting = 0
        self._adds = 0

    def add(self, column: Any, cell: Ints | None) -> None:
        """Count a batch.

        Parameters
        ----------
        column
            An Arrow array of doubles, at most 2²⁰ of them.
        cell
            Of each row; None when there is one cell.
        """
        if column.null_count:
            there = np.asarray(column.is_valid())
            self._fact("missing", ~there, cell)
            values: Floats = np.asarray(column.drop_null())
            cell = None if cell is None else cell[there]
        else:
            values = np.asarray(column)
        if cell is not None:
            self._add_finite(values, cell)
            return
        for start in range(0, len(values), _BLOCK):
            self._add_finite(values[start : start + _BLOCK], None)

    def _add_finite(self, values: Floats, cell: Ints | None) -> None:
        """Count a block that has no gaps, and what is not finite in it apart."""
        if not len(values):
            return
        # Either is NaN where any value is.
        least, most = float(values.min()), float(values.max())
        if not (isfinite(least) and isfinite(most)):
            self._fact("nan", np.isnan(values), cell)
            self._fact("positive_infinite", values == np.inf, cell)
            self._fact("negative_infinite", values == -np.inf, cell)
            finite = np.isfinite(values)
            self._add_finite(values[finite], None if cell is None else cell[finite])
            return
        if cell is None:
            self.min[0] = min(self.min[0], least)
            self.max[0] = max(self.max[0], most)
        else:
            np.minimum.at(self.min, cell, values)
            np.maximum.at(self.max, cell, values)
        self._count(values, (least, most), cell)

    def _fact(self, name: str, marked: Any, cell: Ints | None) -> None:
        if cell is None:
            self.facts[name][0] += int(marked.sum())
        else:
            self.facts[name] += np.bincount(cell[marked], minlength=self.cells)

    def _count(self, values: Floats, reach: tuple[float, float], cell: Ints | None) -> None:
        high: Floats | None = None
        low: Floats | None = None
        if self.grid.ordered:
            centre, scale = self.grid.centre, self.grid.scale
            farthest = max(abs(one - centre) for one in reach) / scale
            z = distances(values, centre, scale)
            slots = self.grid.slots_of(values, z, reach)
            high, low = fixed_point(z, farthest)
        else:
            slots = self.grid.slots_of(values)
        first, last = 0, 0
        if cell is not None:
            first, last = int(cell.min()), int(cell.max())
            slots += (cell - first) * self.size
        length = (last - first + 1) * self.size
        if self._dense:
            places = slice(first * self.size, first * self.size + length)
            self._n[places] += np.bincount(slots, minlength=length)
            # Whole numbers below 2⁵³: doubles add them exactly.
            if high is not None:
                self._high[places] += np.bincount(slots, high, length).astype(np.int64)
            if low is not None:
                self._low[places] += np.bincount(slots, low, length).astype(np.int64)
            self._adds += 1
            if self._adds % _CARRY == 0:
                self._high, self._low = carried(self._high, self._low)
            return
        place, inverse = np.unique(slots, return_inverse=True)
        n = np.bincount(inverse, minlength=len(place)).astype(np.int64)
        sums = [
            np.zeros_like(n) if one is None else np.bincount(inverse, one).astype(np.int64)
            for one in (high, low)
        ]
        self._parts.append((place + first * self.size, n, *carried(sums[0], sums[1])))
        self._waiting += len(place)
        if self._waiting > _COMPACT:
            self._compact()

    def _compact(self) -> None:
        place, n, high, low = (np.concatenate(one) for one in zip(*self._parts, strict=True))
        cell, key, (n, high, low) = summed(
            place // self.size, place % self.size, (n, high, low), self.size
        )
        self._parts = [(cell * self.size + key, n, high, low)]
        self._waiting = 0

    def result(self) -> ColumnCells:
        """What was counted."""
        if self._dense:
            place = np.flatnonzero(self._n)
            n = self._n[place]
            high, low = self._high[place], self._low[place]
        elif self._parts:
            self._compact()
            ((place, n, high, low),) = self._parts
        else:
            place = n = high = low = np.zeros(0, dtype=np.int64)
        high, low = carried(high, low)
        return ColumnCells(
            place // self.size,
            place % self.size,
            n,
            high,
            low,
            self.facts,
            np.where(np.isinf(self.min), np.nan, self.min),
            np.where(np.isinf(self.max), np.nan, self.max),
        )
