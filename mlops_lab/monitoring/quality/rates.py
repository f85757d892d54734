"""Checks that are shares of rows: missing, infinite, out of range, new categories.

A share is a finding when it is so many points above the reference's, and so many times as large,
when chance does not explain it (two proportions, over all cells of the check together), and when
the reference's own chunks do not show it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mlops_lab.monitoring.policy import NaturalRange, natural_range, significant_cells
from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.monitoring.quality.material import Material
from mlops_lab.wording import points, share

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts
    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.records import QualityFinding

__all__ = ["Rate", "Rates", "two_proportions"]

_Z = 1.959964
_FEW = 10


@dataclass(frozen=True, slots=True)
class Rate:
    """A share in a chunk, beside the reference's.

    Parameters
    ----------
    name, place
        The column and the chunk.
    k, n
        Rows of the kind, and rows, in the chunk.
    usual_k, usual_n
        In the reference.
    natural
        What the reference's own chunks have; None is too few of them.
    since
        Words that say since when it is so; empty where it begins.
    """

    name: str
    place: int
    k: int
    n: int
    usual_k: int
    usual_n: int
    natural: NaturalRange | None = None
    since: str = ""

    @property
    def value(self) -> float:
        """The share in the chunk."""
        return self.k / self.n

    @property
    def usual(self) -> float:
        """The share in the reference."""
        return self.usual_k / self.usual_n

    @property
    def difference(self) -> float:
        """In the chunk minus in the reference."""
        return self.value - self.usual

    @property
    def told(self) -> str:
        """``34.2 % of the rows, usually 2.1 % (+32.1 points ± 1.2)``, and what is natural."""
        p, q = self.value, self.usual
        half = _Z * (p * (1 - p) / self.n + q * (1 - q) / self.usual_n) ** 0.5
        natural = ""
        if self.natural is not None and self.natural.high > q:
            natural = f"; its own chunks reach {share(self.natural.high)}"
        wide = f" ± {100 * half:.1f}" if half >= 0.0005 else ""
        return (
            f"{share(p)} of the rows{self.since}, usually {share(q)} "
            f"({points(p - q)}{wide}{natural})"
        )


class Rates(Check):
    """A check that counts rows of a kind.

    Attributes
    ----------
    falls
        Whether a share that became much smaller is a finding as well (a warning).
    waits
        Whether the rows may only have come too early: of labels nothing is found.
    """

    falls: ClassVar[bool] = False
    waits: ClassVar[bool] = False

    @abstractmethod
    def count(self, counts: Counts, usual: Counts) -> tuple[int, int] | None:
        """Rows of the kind and rows that could be, or None where the column can have none."""

    @abstractmethod
    def sentence(self, rate: Rate, now: Counts, usual: Counts, material: Material) -> str:
        """What is found, since when, and what to do."""

    def levels(self, rate: Rate, material: Material) -> tuple[float, float, float]:
        """Points that warn, points that alarm, and the factor."""
        policy = material.policy
        return policy.missing_warn, policy.missing_alert, policy.missing_ratio

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """Compare every chunk's share with that of its reference."""
        material = looking.material
        rates = self._rates(looking)
        significant = _significant(rates, material)
        begun: dict[str, tuple[int, int]] = {}
        for rate, beyond_chance in zip(rates, significant, strict=True):
            state = self.grade(rate, material) if beyond_chance else None
            if state is None:
                continue
            natural = self._natural(rate, material)
            if natural is not None and natural.low <= rate.value <= natural.high:
                continue
            first, last = begun.get(rate.name, (rate.place, rate.place - 1))
            first = first if last == rate.place - 1 else rate.place
            begun[rate.name] = (first, rate.place)
            since = material.since(first, rate.place)
            full = Rate(*_key(rate), natural=natural, since=since)
            now = material.now(rate.place, rate.name)
            usual = material.usual(rate.place, rate.name)
            assert usual is not None
            told = self.sentence(full, now, usual, material)
            yield looking.found(
                self,
                state,
                told,
                column=rate.name,
                place=rate.place,
                value=rate.value,
                usual=rate.usual,
            )

    def _rates(self, looking: Looking) -> list[Rate]:
        material, found = looking.material, []
        for name in material.names:
            if self.waits and name == material.target:
                continue
            for place, now, usual in material.places(name, material.policy.small):
                if looking.is_explained(name, place):
                    continue
                here, there = self.count(now, usual), self.count(usual, usual)
                if here is None or there is None or not here[1] or not there[1]:
                    continue
                found.append(Rate(name, place, *here, *there))
        return found

    def grade(self, rate: Rate, material: Material) -> str | None:
        """``alert``, ``warn``, or None of a share that is as it may be."""
        warn, alert, ratio = self.levels(rate, material)
        difference, value, usual = rate.difference, rate.value, rate.usual
        if difference >= warn and value >= ratio * usual:
            return "alert" if difference >= alert else "warn"
        if self.falls and -difference >= alert and usual >= ratio * value:
            return "warn"
        return None

    def _natural(self, rate: Rate, material: Material) -> NaturalRange | None:
        shares = []
        for part, rest in material.own_at(rate.place):
            counted = None
            if rate.name in part.columns and part.rows >= material.policy.small:
                counted = self.count(part[rate.name], rest[rate.name])
            shares.append(counted[0] / counted[1] if counted and counted[1] else None)
        return natural_range(shares, material.policy)


def two_proportions(k: int, n: int, usual_k: int, usual_n: int) -> float:
    """How likely two samples of one population differ so much in a share, or more.

    The normal test with the pooled share; Fisher's exact one where fewer than ten rows are of the
    kind, or all but so few.

    Parameters
    ----------
    k, n, usual_k, usual_n
        Rows of the kind and all rows, of both samples; n from 1.

    Examples
    --------
    >>> two_proportions(10, 100, 10, 100), round(two_proportions(30, 100, 10, 100), 5)
    (1.0, 0.00041)
    """
    from math import erfc, sqrt

    both, all_rows = k + usual_k, n + usual_n
    if min(both, all_rows - both) < _FEW:
        if both in (0, all_rows):
            return 1.0
        from scipy.stats import fisher_exact

        return float(fisher_exact([[k, n - k], [usual_k, usual_n - usual_k]]).pvalue)
    pooled = both / all_rows
    error = sqrt(pooled * (1 - pooled) * (1 / n + 1 / usual_n))
    return erfc(abs(k / n - usual_k / usual_n) / error / sqrt(2))


def _significant(rates: list[Rate], material: Material) -> list[bool]:
    """Which shares chance does not explain; with very many rows it explains none."""
    most = material.policy.significance_rows
    tested = [
        two_proportions(one.k, one.n, one.usual_k, one.usual_n)
        if min(one.n, one.usual_n) <= most
        else 0.0
        for one in rates
    ]
    return significant_cells(tested, material.policy.q)


def _key(rate: Rate) -> tuple[str, int, int, int, int, int]:
    return rate.name, rate.place, rate.k, rate.n, rate.usual_k, rate.usual_n
