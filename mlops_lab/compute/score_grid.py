"""How scores and outcomes are counted, learnt once on reference data: labels, score bins, segments.

Two tables can be compared, and their counts added, only when both were counted on the same grid. So
the grid is learnt on the reference, kept with what was counted, and known by its digest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from mlops_lab.compute.counting import MISSING
from mlops_lab.compute.grids import OTHER
from mlops_lab.compute.isotonic import Curve
from mlops_lab.errors import Corrupt

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Integers: TypeAlias = npt.NDArray[np.int64]

__all__ = ["SHOWN_BINS", "Bands", "ScoreGrid", "Task", "even_edges"]

Task: TypeAlias = Literal["binary", "multiclass", "regression"]
"""What a model answers: one of two labels, one of several, a number."""

FORMAT: Final = 1

MOST_PAIR_VALUES: Final = 400
"""Pairs of segment columns with more combinations than this are not counted: too few rows each."""

MOST_PAIRS: Final = 10

SHOWN_BINS: Final = 100
"""In so many score bins counts are shown, and segments counted."""


@dataclass(frozen=True, slots=True)
class Bands:
    """How the values of a column become segments.

    Parameters
    ----------
    column
        Its name.
    values
        Of categories, the most frequent first; what is none of them is *other*.
    edges
        Of numbers: a band is from an edge (included) to the next; empty for categories.
    """

    column: str
    values: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """The names of the segments; the last two are other ones (never of numbers) and missing."""
        if not self.edges:
            return (*self.values, *self._rest)
        cuts = [f"{edge:g}" for edge in self.edges]
        between = [f"{low} to {high}" for low, high in pairwise(cuts)]
        return (f"below {cuts[0]}", *between, f"from {cuts[-1]}", *self._rest)

    @property
    def _rest(self) -> tuple[str, ...]:
        """As in `Cube`; in more brackets where the data has such values itself."""
        found = []
        for name in (OTHER, MISSING):
            while name in self.values:
                name = f"({name})"
            found.append(name)
        return tuple(found)


@dataclass(frozen=True)
class ScoreGrid:
    """What `count_scores` counts by.

    Parameters
    ----------
    task
        What the model answers.
    score, target, prediction
        Columns; of a regression `score` is the answer.
    labels
        The texts of the labels: of a binary task the negative and the positive one, of several
        classes all, by frequency; of a regression none.
    positive
        How people call the positive label: ``true``, ``yes``.
    threshold
        Where there is no prediction column, a score from here on is a predicted positive.
    edges
        Ascending: a score belongs to the last edge that is not greater. The first bin has no edge.
    points
        Each edge is a value with a bin of its own: between two edges lies another bin.
    shown
        The edges of the bins in which counts are shown: `SHOWN_BINS` + 1, the outer ones open.
    probability
        Whether the reference's scores lie in 0 … 1, so that losses mean something.
    unit
        Of sums of what has no natural size (answers of a regression, scores beyond 0 … 1): a power
        of two.
    segments
        The columns that were asked for.
    notes
        What could not be had, as sentences.
    curve
        What a score stands for, learnt on the single rows of the reference; None without labels of
        both kinds. It is summed up, too: bins would be off in the fourth digit.
    """

    task: Task
    score: str | None
    target: str | None
    prediction: str | None
    labels: tuple[str, ...]
    positive: str | None
    threshold: float
    edges: tuple[float, ...]
    points: bool
    shown: tuple[float, ...]
    probability: bool
    unit: float
    segments: tuple[Bands, ...] = ()
    notes: tuple[str, ...] = ()
    curve: Curve | None = None

    @cached_property
    def digest(self) -> str:
        """The hash of everything that counts depend on."""
        from blake3 import blake3

        value = {**self.to_json(), "notes": None}
        return f"b3-{blake3(json.dumps(value, sort_keys=True).encode()).hexdigest()}"

    @cached_property
    def groupings(self) -> tuple[tuple[int, ...], ...]:
        """Which segment columns are counted together: none, each, and pairs with few values."""
        sizes = [len(one.told) - 2 for one in self.segments]
        pairs = [
            pair
            for pair in combinations(range(len(sizes)), 2)
            if sizes[pair[0]] * sizes[pair[1]] <= MOST_PAIR_VALUES
        ]
        return ((), *((i,) for i in range(len(sizes))), *pairs[:MOST_PAIRS])

    @property
    def bins(self) -> int:
        """How many score bins there are."""
        return (2 if self.points else 1) * len(self.edges) + 1

    @property
    def even(self) -> bool:
        """Whether the bins are of equal width in 0 … 1, so that arithmetic finds a score's."""
        return not self.points and self.edges == even_edges(len(self.edges) + 1)

    @property
    def coarse(self) -> Integers:
        """To which shown bin each score bin belongs, shape ``(bins,)``."""
        import numpy as np

        where = np.searchsorted(np.array(self.shown[1:-1]), np.array(self.edges), side="right")
        where = np.repeat(where, 2) if self.points else where
        first = where[:1] if self.points else np.zeros(1, int)
        return np.concatenate([first, where]).astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        """The grid as JSON."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ScoreGrid:
        """Read what `to_json` gave.

        Raises
        ------
        Corrupt
            It is no such grid.
        """
        try:
            if value["format"] != FORMAT:
                raise ValueError(f"format {value['format']!r}")
            told = {key: one for key, one in value.items() if key != "format"}
            for key in ("labels", "edges", "shown", "notes"):
                told[key] = tuple(told[key])
            told["segments"] = tuple(
                Bands(one["column"], tuple(one["values"]), tuple(one["edges"]))
                for one in told["segments"]
            )
            told["curve"] = Curve.from_json(told.get("curve"))
            return cls(**told)
        except (KeyError, TypeError, ValueError) as error:
            raise Corrupt(f"This is no grid of scores: {error!r}.") from error


def even_edges(bins: int) -> tuple[float, ...]:
    """The inner edges of bins of equal width in 0 … 1."""
    return tuple(i / bins for i in range(1, bins))
