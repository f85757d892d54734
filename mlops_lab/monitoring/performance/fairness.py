"""Who gets which errors: selection rate, TPR, FPR and precision of each group, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_lab.monitoring.outcomes import GroupRates, Rate
from mlops_lab.monitoring.performance.intervals import share_of
from mlops_lab.monitoring.settings import Policy
from mlops_lab.wording import named, share

if TYPE_CHECKING:
    from mlops_lab.compute import ScoreCube

__all__ = ["RATES", "RATIO", "Disparity", "disparities", "group_rates"]

RATIO: Final = 0.8
"""The four-fifths rule of the Uniform Guidelines on Employee Selection Procedures, 1978: a rate of
less than so much of the highest group's is worth a look."""

WORSE: Final = 0.1
"""A ratio that fell by so much below the reference's is a change, not a property."""

RATES: Final[Mapping[str, str]] = {
    "selection_rate": "selection rate",
    "tpr": "true positive rate",
    "fpr": "false positive rate",
    "precision": "precision",
}


@dataclass(frozen=True, slots=True)
class Disparity:
    """The groups of a column between which a rate differs most.

    Parameters
    ----------
    by, rate
        The column, and a name of `RATES`.
    lowest, highest
        Group and rate.
    ratio, difference
        Lowest over highest, highest less lowest.
    apart
        Whether their intervals do not touch.
    before
        The ratio in the reference, between whichever groups it was there; None is unknown.
    """

    by: str
    rate: str
    lowest: tuple[str, Rate]
    highest: tuple[str, Rate]
    ratio: float
    difference: float
    apart: bool
    before: float | None = None

    @property
    def worse(self) -> bool:
        """Whether it became unequal, or more so, since the reference."""
        return (
            self.apart
            and self.ratio < RATIO
            and self.before is not None
            and self.ratio <= self.before - WORSE
        )

    @property
    def sentence(self) -> str:
        """What it is."""
        (low, (a, *_)), (high, (b, *_)) = self.lowest, self.highest
        known = "" if self.before is None else f"; in the reference {self.before:.2f}"
        return (
            f"{RATES[self.rate]} of {self.by} {named(high)} {share(b)}, "
            f"of {named(low)} {share(a)}: "
            f"ratio {self.ratio:.2f}{known}."
        )


def group_rates(
    cube: ScoreCube, columns: Sequence[str], policy: Policy, chunks: Sequence[str] | None = None
) -> tuple[GroupRates, ...]:
    """Give the rates of each group of some columns.

    Selection rate: called positive of all rows with an answer. TPR, FPR: called positive of the
    positive, of the negative rows. Precision: positive of those that were called so. Equal rates
    and equal calibration exclude each other where the groups differ in what comes (Chouldechova,
    Fair prediction with disparate impact, 2017).

    Parameters
    ----------
    cube
        Counted with the columns as segments, of a task with two labels.
    columns
        Whose values are the groups.
    policy
        Groups of fewer than `group_rows` rows have no rates.
    chunks
        Only these; None is all.
    """
    from mlops_lab.compute import Segment

    found: list[GroupRates] = []
    if cube.grid.task != "binary":
        return ()
    names = {bands.column.casefold(): bands for bands in cube.grid.segments}
    for column in columns:
        bands = names.get(column.casefold())
        if bands is None:
            continue
        for value in bands.told:
            counts = cube.window(chunks, Segment((bands.column,), (value,)))
            answered = int(counts.n[counts.answer >= 0].sum())
            if not answered:
                continue
            (right, false), (missed, hits) = counts.confusion.tolist()
            enough = answered >= policy.group_rows
            called = int(counts.n[counts.answer == 1].sum())
            rates = [
                _rate(k, n) if enough else None
                for k, n in (
                    (called, answered),
                    (hits, hits + missed),
                    (false, false + right),
                    (hits, hits + false),
                )
            ]
            found.append(GroupRates(bands.column, value, answered, *rates))
    return tuple(found)


def disparities(
    groups: Sequence[GroupRates], before: Sequence[GroupRates] = ()
) -> tuple[Disparity, ...]:
    """Give for each column and rate the two groups that are furthest apart.

    Parameters
    ----------
    groups, before
        Of the current data, and of the reference; groups without rates are left out.
    """
    found = []
    for by in dict.fromkeys(one.by for one in groups):
        for rate in RATES:
            known = _known(groups, by, rate)
            ratio = _ratio(known)
            if ratio is None:
                continue
            lowest, highest = known[0], known[-1]
            found.append(
                Disparity(
                    by,
                    rate,
                    lowest,
                    highest,
                    ratio,
                    highest[1][0] - lowest[1][0],
                    lowest[1][2] < highest[1][1],
                    _ratio(_known(before, by, rate)),
                )
            )
    return tuple(found)


def _known(groups: Sequence[GroupRates], by: str, rate: str) -> list[tuple[str, Rate]]:
    rates = [(one.group, getattr(one, rate)) for one in groups if one.by == by]
    return sorted(((group, one) for group, one in rates if one is not None), key=lambda o: o[1][0])


def _ratio(known: Sequence[tuple[str, Rate]]) -> float | None:
    if len(known) < 2 or not known[-1][1][0]:
        return None
    return float(known[0][1][0] / known[-1][1][0])


def _rate(k: int, n: int) -> Rate | None:
    found = share_of(k, n)
    if found is None or found.low is None or found.high is None:
        return None
    return found.value, found.low, found.high
