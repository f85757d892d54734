"""The counts of a window of scores: what metrics, calibration and estimates are computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mlops_lab.compute.score_grid import ScoreGrid

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Integers: TypeAlias = npt.NDArray[np.int64]

__all__ = ["ALL", "NO_BIN", "NO_LABEL", "POINT", "ScoreCounts", "Segment", "part_of"]

POINT: Final = {
    "score": 32,
    "square": 32,
    "log_one": 28,
    "log_zero": 28,
    "error": 32,
    "absolute": 32,
    "fourth": 24,
    "outside": 0,
    "expected": 32,
}
"""Binary digits behind the point of each sum: a sum of so many whole parts is exact."""

_OF_ROWS: Final = frozenset(("log_one", "log_zero", "outside", "expected"))
"""Sums that have nothing to do with the unit of the scores."""

_POWERS: Final = {"square": 2, "fourth": 4}

NO_BIN: Final = -1
"""The bin of rows without a finite score."""

NO_LABEL: Final = -1
"""The label of rows that have none (yet), and the answer of rows that have none."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows that have the same values in one or two columns.

    Parameters
    ----------
    by
        The columns; none is all rows.
    value
        What they are there.
    """

    by: tuple[str, ...] = ()
    value: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(self.value)


ALL: Final = Segment()
"""All rows."""


@dataclass(frozen=True)
class ScoreCounts:
    """The counts of a window: some chunks of one segment, added up.

    Parameters
    ----------
    grid
        By which was counted.
    width
        How many columns the segment is of: of all rows the bins are the score bins, of one column
        the shown ones, of two there is one bin for all scores.
    bin, label, answer
        Of each cell, int64 of shape ``(n_cells,)``; −1 is none.
    n
        Its rows.
    sums
        Of what the task needs, as whole numbers; see `total`.
    """

    grid: ScoreGrid
    width: int
    bin: Integers
    label: Integers
    answer: Integers
    n: Integers
    sums: Mapping[str, Integers]

    @property
    def bins(self) -> int:
        """How many score bins there are."""
        return (self.grid.bins, len(self.grid.shown) - 1, 1)[self.width]

    @cached_property
    def rows(self) -> int:
        """All rows."""
        return int(self.n.sum())

    @cached_property
    def labelled(self) -> int:
        """Rows with a label."""
        return int(self.n[self.label != NO_LABEL].sum())

    @cached_property
    def scored(self) -> int:
        """Rows with a finite score."""
        return int(self.n[self.bin != NO_BIN].sum())

    @cached_property
    def judged(self) -> int:
        """Rows with a label and a finite score, where there is one: what came is known of them."""
        return int(self.n[(self.label != NO_LABEL) & (self.bin != NO_BIN)].sum())

    @property
    def has_losses(self) -> bool:
        """Whether there are rows with a label, and scores that are probabilities."""
        return self.grid.score is not None and self.grid.probability and self.judged > 0

    @cached_property
    def scores(self) -> Integers:
        """Rows by score bin, whatever their label, shape ``(bins,)``."""
        return self.by_bin(self.n)

    @cached_property
    def negative(self) -> Integers:
        """Rows with the first label by score bin."""
        return self.by_bin(self.n, self.label == 0)

    @cached_property
    def positive(self) -> Integers:
        """Rows with the second label, the positive one, by score bin."""
        return self.by_bin(self.n, self.label == 1)

    @cached_property
    def mean_scores(self) -> Floats:
        """The mean score in each bin, shape ``(bins,)``; not a number where there are no rows."""
        import numpy as np

        with np.errstate(invalid="ignore"):
            means: Floats = self.value("score", self.by_bin(self.sums["score"])) / self.scores
        return means

    @cached_property
    def confusion(self) -> Integers:
        """Rows with a label and an answer, by label and answer; of several classes the last ones
        are answers that are none of the labels. Shape ``(n_labels, n_labels)``, or one more.
        """
        import numpy as np

        size = len(self.grid.labels) + (self.grid.task == "multiclass")
        found = np.zeros((size, size), np.int64)
        there = (self.label != NO_LABEL) & (self.answer != NO_LABEL)
        np.add.at(found, (self.label[there], self.answer[there]), self.n[there])
        return found

    def by_bin(self, values: Integers, where: npt.NDArray[np.bool_] | None = None) -> Integers:
        """Add up a value of the cells by score bin; rows without a score are left out."""
        import numpy as np

        there = self.bin != NO_BIN if where is None else where & (self.bin != NO_BIN)
        found = np.zeros(self.bins, np.int64)
        np.add.at(found, self.bin[there], values[there])
        return found

    def total(self, name: str, where: npt.NDArray[np.bool_] | None = None) -> float:
        """A sum over the cells with a score, in its own unit.

        Parameters
        ----------
        name
            ``score``, ``square`` (of the score, of a regression of the error), ``log_one`` and
            ``log_zero`` (−ln of the score, of 1 − the score), ``outside`` (rows whose score is not
            in 0 … 1), ``expected`` (positive labels, by the grid's curve), ``error``, ``absolute``,
            ``fourth`` (power of the error).
        where
            Which cells.
        """
        there = self.bin != NO_BIN if where is None else where & (self.bin != NO_BIN)
        # Python's whole numbers: no number of rows is too large for them.
        return float(self.value(name, sum(self.sums[name][there].tolist())))

    def value(self, name: str, whole: Any) -> Any:
        """A sum of whole parts in the unit of what was summed."""
        return whole * part_of(self.grid, name)

    def means(self, name: str) -> Floats:
        """The mean of a summed value in each cell, shape ``(n_cells,)``."""
        found: Floats = self.value(name, self.sums[name] / self.n)
        return found

    @cached_property
    def mixed(self) -> npt.NDArray[np.bool_]:
        """Which bins may hold rows with different scores, shape ``(bins,)``."""
        import numpy as np

        found = np.ones(self.bins, bool)
        if self.grid.points and not self.width:
            found[1::2] = False
        return found

    def shown(self) -> Integers:
        """Rows by shown score bin and label (0, 1, none), shape ``(100, 3)``."""
        import numpy as np

        found = np.zeros((len(self.grid.shown) - 1, 3), np.int64)
        there = self.bin != NO_BIN
        where = self.bin[there] if self.width else self.grid.coarse[self.bin[there]]
        label = np.where(self.label < 0, 2, np.minimum(self.label, 1))
        np.add.at(found, (where, label[there]), self.n[there])
        return found


def part_of(grid: ScoreGrid, name: str) -> float:
    """What one whole part of a sum is worth."""
    unit = 1.0 if name in _OF_ROWS else grid.unit ** _POWERS.get(name, 1)
    return float(unit * 2.0 ** -POINT[name])
