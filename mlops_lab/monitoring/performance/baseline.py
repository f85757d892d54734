"""What is usual: the figures of the reference, chunk by chunk, and how far they stray by nature."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from mlops_lab.monitoring.performance.cbpe import Cbpe
from mlops_lab.monitoring.performance.intervals import Estimate
from mlops_lab.monitoring.performance.metrics import measure
from mlops_lab.monitoring.policy import NaturalRange, natural_range
from mlops_lab.monitoring.settings import Policy

if TYPE_CHECKING:
    from mlops_lab.compute import ScoreCounts, ScoreCube

__all__ = ["SCORE_DRIFT", "Baseline", "score_drift"]

SCORE_DRIFT: Final = "score_drift"
"""The metric of how far the scores themselves moved."""


@dataclass(frozen=True)
class Baseline:
    """A reference, and what is compared with it.

    Parameters
    ----------
    cube
        Of the reference.
    policy
        Says from how many chunks on something is natural.
    """

    cube: ScoreCube
    policy: Policy

    @cached_property
    def whole(self) -> ScoreCounts:
        """All of it."""
        return self.cube.window()

    @cached_property
    def overall(self) -> Mapping[str, Estimate]:
        """Its figures."""
        return measure(self.whole)

    @cached_property
    def windows(self) -> tuple[ScoreCounts, ...]:
        """Its chunks, those with too few rows left out."""
        every = (self.cube.window([chunk.key]) for chunk in self.cube.chunks)
        return tuple(one for one in every if one.rows >= self.policy.drift_rows)

    @cached_property
    def figures(self) -> tuple[Mapping[str, Estimate], ...]:
        """Those of each chunk, from labels."""
        return tuple(
            measure(one) if one.judged >= self.policy.small else {} for one in self.windows
        )

    @cached_property
    def shares(self) -> tuple[float | None, ...]:
        """The share of rows with a label in each chunk."""
        return tuple(one.labelled / one.rows for one in self.windows)

    @cached_property
    def cbpe(self) -> Cbpe | None:
        """Learnt on all of it; None where that cannot be."""
        return Cbpe.fit(self.whole, self.policy.cbpe_rows)

    def natural(self, metric: str) -> NaturalRange | None:
        """How far a figure strays over the chunks; None where they are too few."""
        return self._naturals.get(metric)

    def median(self, metric: str) -> float | None:
        """What a figure usually is: the chunks' median, else that of the whole."""
        found = self.natural(metric)
        if found is not None:
            return found.median
        whole = self.overall.get(metric)
        return None if whole is None else whole.value

    def residual(self, metric: str) -> NaturalRange | None:
        """How far labels stray from what was estimated; None where chunks are too few."""
        return self._residuals.get(metric)

    @cached_property
    def _naturals(self) -> dict[str, NaturalRange]:
        names = {name for one in self.figures for name in one}
        found = {
            name: natural_range(
                [one[name].value if name in one else None for one in self.figures], self.policy
            )
            for name in names
        }
        found[SCORE_DRIFT] = natural_range(
            [score_drift(self.whole, one, part=True) for one in self.windows], self.policy
        )
        return {name: one for name, one in found.items() if one is not None}

    @cached_property
    def _residuals(self) -> dict[str, NaturalRange]:
        """Each chunk estimated by a curve that was learnt on the others."""
        strays: dict[str, list[float]] = {}
        for window, figures in zip(self.windows, self.figures, strict=True):
            if window.judged < self.policy.cbpe_rows:
                continue
            cbpe = Cbpe.fit(self.whole, self.policy.cbpe_rows, without=window)
            if cbpe is None:
                continue
            for name, estimate in cbpe.estimate(window).items():
                if name in figures:
                    strays.setdefault(name, []).append(figures[name].value - estimate.value)
        found = {name: natural_range(values, self.policy) for name, values in strays.items()}
        return {name: one for name, one in found.items() if one is not None}


def score_drift(
    reference: ScoreCounts, current: ScoreCounts, *, part: bool = False
) -> float | None:
    """Give D of Kolmogorov and Smirnov between the scores of two windows, on the score bins.

    The largest difference of their distribution functions at the edge of a bin, from 0 to 1: never
    above the D of the raw scores.

    Parameters
    ----------
    reference, current
        Counted on the same grid; on different ones, or without a score, there is no D.
    part
        The current rows are among the reference's: they are taken out of it.
    """
    import numpy as np

    if reference.grid.score is None or reference.grid.digest != current.grid.digest:
        return None
    before = reference.scores - current.scores if part else reference.scores
    n, m = before.sum(), current.scores.sum()
    if not n or not m:
        return None
    apart = np.cumsum(before) / n - np.cumsum(current.scores) / m
    return float(np.abs(apart).max())


def is_beyond_chance(drift: float, n: int, m: int) -> bool:
    """Whether D is larger than chance makes it once in a hundred times: D √(nm/(n + m)) > 1.63."""
    return n > 0 and m > 0 and drift * math.sqrt(n * m / (n + m)) > 1.628
