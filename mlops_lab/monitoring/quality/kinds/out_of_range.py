"""``range``: numbers that cannot be: negative where none was, or far beyond all that there were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_lab.monitoring.quality.rates import Rate, Rates
from mlops_lab.wording import number, share, span

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts
    from mlops_lab.monitoring.quality.material import Material

__all__ = ["CHECK"]

REACH = 1.0
"""How many times the reference's whole width a number may lie beyond its ends. A summer is warmer
than every day of a winter, and that is drift; −999 stands for something else."""

KNOWN = 1_000
"""Rows from which on a reference that has no negative number says that there is none."""


class OutOfRange(Rates):
    """Numbers outside of what a column can be."""

    name = "range"
    about = "Negative numbers where none was, and numbers far beyond the reference's ends."
    rank = 40

    def count(self, counts: Counts, usual: Counts) -> tuple[int, int] | None:
        """Values beyond the limits, of those that are there."""
        if not counts.grid.ordered or counts.grid.kind not in ("number", "integer"):
            return None
        if not usual.total or not counts.total:
            return None
        low, high = limits(usual)
        if counts.min >= low and counts.max <= high:
            return 0, counts.total
        return round(counts.share_outside(low, high) * counts.total), counts.total

    def sentence(self, rate: Rate, now: Counts, usual: Counts, material: Material) -> str:
        """Where they lie, and the value that most of them are."""
        low, high = limits(usual)
        unit = material.unit(rate.name)
        usually = f"the reference has {span(usual.min, usual.max, unit)}"
        at = _one_value(now, low, high)
        if at is not None:
            return (
                f"{rate.name} is {number(at, unit=unit)} in {share(now.share(at))} of the values"
                f"{rate.since}; {usually}. A number that stands for something else, as "
                f"{number(at)} for missing, must be left empty."
            )
        if now.min < low and low == 0:
            return (
                f"{rate.name} is negative in {rate.told}, down to {number(now.min, unit=unit)}; "
                f"{usually}. Look for a sign, or a difference of two columns that were "
                "swapped."
            )
        reach = now.max if now.max > high else now.min
        return (
            f"{rate.name} is far outside in {rate.told}, as far as {number(reach, unit=unit)}; "
            f"{usually}. Look for a unit, or numbers that stand for something else."
        )


CHECK = OutOfRange()


def limits(usual: Counts) -> tuple[float, float]:
    """Between which numbers a column can be, after what it was."""
    width = usual.max - usual.min
    low, high = usual.min - REACH * width, usual.max + REACH * width
    if usual.min >= 0 and usual.total >= KNOWN:
        low = 0.0 if width > 0 else low
    if width == 0:
        # A constant says nothing of how far others may lie: `constant` tells when it moves.
        return float("-inf"), float("inf")
    return low, high


def _one_value(now: Counts, low: float, high: float) -> float | None:
    """The one value that nearly all of those beyond the limits have."""
    beyond = (now.means < low) | (now.means > high)
    if not beyond.any():
        return None
    n, means = now.n[beyond], now.means[beyond]
    most = int(n.argmax())
    if n[most] < 0.9 * n.sum():
        return None
    value = round(float(means[most]), 9)
    # A whole number repeated is a code; the mean of a wide slot seldom is whole.
    return value if value == int(value) else None
