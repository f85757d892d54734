"""What a drift statistic is, and what it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import ClassVar, Final, Literal, TypeAlias

from mlops_lab.compute.counts import Counts
from mlops_lab.compute.kinds import Kind

__all__ = ["COUNTED", "EVERY", "LINE", "Certainty", "Measured", "Statistic"]

Certainty: TypeAlias = Literal["exact", "certificate", "confidence"]

LINE: Final[tuple[Kind, ...]] = ("number", "integer", "text")
"""Kinds whose values have an order and a distance; of texts it is their length."""

COUNTED: Final[tuple[Kind, ...]] = ("number", "integer", "text", "category", "boolean")
"""Kinds with a distribution."""

EVERY: Final[tuple[Kind, ...]] = (*COUNTED, "time", "id", "other")


@dataclass(frozen=True, slots=True)
class Measured:
    """The value of a statistic, and between which numbers it is.

    Parameters
    ----------
    value
        NaN where there is nothing to compare: a side without values.
    low, high
        See `Statistic.certainty`.
    """

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether there was something to compare."""
        return isfinite(self.value)

    @classmethod
    def exactly(cls, value: float) -> Measured:
        """A value that is known as it is."""
        return cls(value, value, value)

    @classmethod
    def nothing(cls) -> Measured:
        """The answer where a side has no values."""
        return cls(nan, nan, nan)


class Statistic(ABC):
    """A number that says how far a current window is from a reference.

    Attributes
    ----------
    name
        Of the column of figures: ``ks``.
    label, symbol
        For people: "Kolmogorov–Smirnov", "D".
    unit
        "" of a pure number, "σ" of standard deviations of the reference, "column" of the column's
        own unit, "share" from 0 to 1.
    kinds
        Of the columns that it is for.
    bounds
        The least and greatest value it can take.
    symmetric
        Whether exchanging reference and current changes nothing (where numbers are compared by
        tenths of the reference: on the same tenths).
    certainty
        What `Measured.low` and `high` are: *exact* (the value itself), *certificate* (the
        statistic of the rows is certainly between them), or *confidence* (a 95 % interval for
        what the sample stands for).
    """

    name: ClassVar[str]
    label: ClassVar[str]
    symbol: ClassVar[str]
    unit: ClassVar[str] = ""
    kinds: ClassVar[tuple[Kind, ...]]
    bounds: ClassVar[tuple[float, float]] = (0.0, inf)
    symmetric: ClassVar[bool] = True
    certainty: ClassVar[Certainty] = "exact"

    def measure(self, ref: Counts, cur: Counts) -> Measured:
        """Compare two windows of one column.

        Parameters
        ----------
        ref, cur
            Counts on the same grid.

        Returns
        -------
        Measured
            NaN where a side is empty, or where the statistic does not apply to the grid.
        """
        if not self._applies(ref, cur):
            return Measured.nothing()
        return self._measure(ref, cur)

    def _applies(self, ref: Counts, cur: Counts) -> bool:
        return ref.grid.kind in self.kinds and ref.total > 0 and cur.total > 0

    @abstractmethod
    def _measure(self, ref: Counts, cur: Counts) -> Measured:
        """Compare two windows that have values."""
