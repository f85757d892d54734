"""``missing``: rows without a value, more of them than usual, or suddenly none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_lab.monitoring.quality.rates import Rate, Rates
from mlops_lab.wording import FIXED, counted, number, share

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts
    from mlops_lab.monitoring.quality.material import Material

__all__ = ["CHECK"]


class Missing(Rates):
    """NULL, and NaN, which frames write for it."""

    name = "missing"
    about = "The share of rows without a value."
    rank = 40
    falls = True
    waits = True

    def count(self, counts: Counts, usual: Counts) -> tuple[int, int]:
        """Rows without a value, of all."""
        return counts.missing + counts.nan, counts.rows

    def grade(self, rate: Rate, material: Material) -> str | None:
        """Gaps that were filled with one value are as wrong as gaps: they look like drift."""
        found = super().grade(rate, material)
        usual = material.usual(rate.place, rate.name)
        if found != "warn" or rate.difference > 0 or usual is None:
            return found
        return "warn" if _filler(material.now(rate.place, rate.name), usual) is None else "alert"

    def sentence(self, rate: Rate, now: Counts, usual: Counts, material: Material) -> str:
        """All, more or fewer than usual: three things to do."""
        if rate.k == rate.n:
            return (
                f"{rate.name} has no value in any of {counted(rate.n, 'row')}{rate.since}, usually "
                f"{share(rate.usual)} are without one. Look for a column that is no longer filled "
                "or was renamed."
            )
        if rate.difference > 0:
            return (
                f"{rate.name} is missing in {rate.told}. Look at what fills it: a join "
                "that finds less, a source that stopped."
            )
        if rate.k:
            return f"{rate.name} is missing in only {rate.told}. {_advice(now, usual)}"
        return (
            f"{rate.name} has a value in each of {counted(rate.n, 'row')}{rate.since}, usually "
            f"{share(rate.usual)} have none. {_advice(now, usual)}"
        )


CHECK = Missing()


def _advice(now: Counts, usual: Counts) -> str:
    filler = _filler(now, usual)
    if filler is None:
        return "Make sure that gaps were not filled on the way."
    return f"Gaps may be filled with {filler}. A filled gap is no measurement: keep it empty."


def _filler(now: Counts, usual: Counts) -> str | None:
    """What gaps are filled with, where one value rose by it."""
    best: tuple[float, str] | None = None
    for value, count in now.top(20):
        rose = count / now.rows - usual.count_of(value) / usual.rows
        if best is None or rose > best[0]:
            told = number(value) if isinstance(value, float) else repr(value)
            best = (rose, f"{told}: {100 * rose:.1f}{FIXED}points more rows have it")
    if best is None or best[0] < 0.5 * (usual.missing_share - now.missing_share):
        return None
    return best[1]
