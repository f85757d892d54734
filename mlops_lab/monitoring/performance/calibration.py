"""Whether a score of .3 means three in ten: the curve, its error, and the map that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from mlops_lab.compute.isotonic import Curve, isotonic
from mlops_lab.monitoring.performance.intervals import Estimate, share_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mlops_lab.compute import ScoreCounts
    from mlops_lab.monitoring.outcomes import CalibrationPoint

    Floats: TypeAlias = npt.NDArray[np.float64]
    Integers: TypeAlias = npt.NDArray[np.int64]

__all__ = ["BINS", "calibration_curve", "calibration_error", "curve_of", "groups_of", "in_groups"]

BINS: Final = 10
"""Parts of about equally many rows: enough to see a bend, and each has rows enough."""

_DRAWS: Final = 200


def curve_of(counts: ScoreCounts, without: ScoreCounts | None = None) -> Curve | None:
    """Learn what a score stands for from the rows with a label.

    Of the data on which the grid was fitted it is known from the single rows already; of any other
    it is learnt on the means of the score bins.

    Parameters
    ----------
    counts
        Of all rows.
    without
        Some of them, to be left out.

    Returns
    -------
    Curve | None
        None where the rows are of one label only.
    """
    positive, n = counts.positive, counts.positive + counts.negative
    sums = counts.by_bin(counts.sums["score"], counts.label >= 0)
    known = counts.grid.curve
    learnt_from = (int(n.sum()), int(positive.sum()))
    if without is None and known is not None and (known.rows, known.positive) == learnt_from:
        return known
    if without is not None:
        positive, n = positive - without.positive, n - without.positive - without.negative
        sums = sums - without.by_bin(without.sums["score"], without.label >= 0)
    there = n > 0
    scores = counts.value("score", sums[there]) / n[there]
    return isotonic(scores, positive[there], n[there])


def groups_of(counts: ScoreCounts, groups: int = BINS) -> Integers:
    """Part the score bins so that about equally many rows with a label are in each part.

    Returns
    -------
    array of int64, shape ``(bins,)``
        The part of each score bin; a bin is never cut.
    """
    import numpy as np

    n = (counts.positive + counts.negative).astype(float)
    total = n.sum()
    if not total:
        return np.zeros(len(n), np.int64)
    middle = (np.cumsum(n) - n / 2) / total
    found: Integers = np.minimum((middle * groups).astype(np.int64), groups - 1)
    return found


def in_groups(counts: ScoreCounts, groups: Integers) -> tuple[Integers, Integers, Floats]:
    """Rows with a label, positive rows, and the sum of scores, in each part of the score bins."""
    import numpy as np

    positive = np.bincount(groups, counts.positive, BINS).astype(np.int64)
    n = np.bincount(groups, counts.positive + counts.negative, BINS).astype(np.int64)
    sums = counts.value("score", counts.by_bin(counts.sums["score"], counts.label >= 0))
    return n, positive, np.bincount(groups, sums, BINS).astype(np.float64)


def calibration_curve(counts: ScoreCounts) -> tuple[CalibrationPoint, ...]:
    """The mean score and the share of positives in each part, with Wilson's interval."""
    from mlops_lab.monitoring.outcomes import CalibrationPoint

    found = []
    for n, k, score in zip(*in_groups(counts, groups_of(counts)), strict=True):
        share = share_of(int(k), int(n))
        if share is not None and share.low is not None and share.high is not None:
            found.append(
                CalibrationPoint(float(score / n), share.value, int(n), share.low, share.high)
            )
    return tuple(found)


def calibration_error(counts: ScoreCounts) -> Estimate | None:
    """Give ECE = Σ nᵦ |mean score − share of positives| / n over ten parts; from 0, which is best.

    It is biased upwards: with n rows it is about √(p(1 − p) · 20/(π n)) without any error. The
    interval, by drawing the positives of each part again (200 times, seeded by the counts), is
    turned around the value, which takes that off (Naeini, Cooper and Hauskrecht, Obtaining well
    calibrated probabilities using Bayesian binning, 2015).
    """
    import numpy as np

    if counts.width > 1 or not counts.has_losses:
        return None
    n, positive, scores = in_groups(counts, groups_of(counts))
    there = n > 0
    n, positive, scores = n[there], positive[there], scores[there]
    total = n.sum()
    value = float(np.abs(scores - positive).sum() / total)
    draws = np.random.default_rng(int(total)).binomial(n, positive / n, (_DRAWS, len(n)))
    low, high = np.quantile(np.abs(scores - draws).sum(1) / total, [0.025, 0.975])
    return Estimate(
        value, float(max(2 * value - high, 0.0)), float(max(2 * value - low, value)), int(total)
    )
