"""What a model's figures should be before any label is there (CBPE), from its scores alone.

Confidence-based performance estimation: if the score s of a row stands for the probability c(s) of
a positive label, then what the confusion matrix, AUC or a loss will come to is a sum over the
scores. c is learnt on the reference, so the estimate sees that the rows became harder, and is blind
to a change of what the same row leads to: it assumes no concept change (NannyML, Confidence-based
performance estimation, 2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from mlops_lab.compute.isotonic import Curve
from mlops_lab.monitoring.performance.calibration import curve_of
from mlops_lab.monitoring.performance.intervals import Estimate
from mlops_lab.monitoring.performance.metrics import auc_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mlops_lab.compute import ScoreCounts

    Floats: TypeAlias = npt.NDArray[np.float64]

__all__ = ["BAND", "ESTIMATED", "Cbpe"]

BAND: Final = 3.0
"""The estimate's interval is so many standard deviations of what chance makes of the labels."""

ESTIMATED: Final = (
    "auc",
    "log_loss",
    "brier",
    "f1",
    "precision",
    "recall",
    "positive_share",
    "gap",
)
"""What is estimated."""


@dataclass(frozen=True, slots=True)
class Cbpe:
    """Estimates a model's figures from its scores.

    Parameters
    ----------
    curve
        What a score stands for, learnt on the reference's labels.
    """

    curve: Curve

    @classmethod
    def fit(
        cls, reference: ScoreCounts, rows: int, without: ScoreCounts | None = None
    ) -> Cbpe | None:
        """Learn from a reference; None where it has fewer than so many labels, or one label only.

        Parameters
        ----------
        reference
            With labels.
        rows
            The policy's `cbpe_rows`: with fewer, the curve is noise.
        without
            A part of the reference to leave out: what is estimated must not have been learnt from.
        """
        left = reference.judged - (0 if without is None else without.judged)
        if reference.grid.task != "binary" or reference.grid.score is None or left < rows:
            return None
        curve = curve_of(reference, without)
        return None if curve is None else cls(curve)

    def estimate(self, counts: ScoreCounts) -> dict[str, Estimate]:
        """Estimate what the figures of a window will be, with its interval.

        The interval is what chance does to the labels of these rows: with pᵢ = c(scoreᵢ) and
        dᵢ the slope of the figure in the label, the variance is Σ pᵢ(1 − pᵢ) dᵢ². It does not
        contain the error of c, nor a concept change.

        Parameters
        ----------
        counts
            Of all rows with a score, whether they have a label or not.

        Returns
        -------
        dict[str, Estimate]
            By name of `ESTIMATED`; losses and gap only of scores from 0 to 1. Empty without rows.

        Examples
        --------
        >>> import numpy as np
        >>> import pyarrow
        >>> from mlops_lab.compute import count_scores, fit_scores
        >>> draw = np.random.default_rng(1)
        >>> scores = draw.random(4000)
        >>> rows = pyarrow.table({"p": scores, "y": draw.random(4000) < scores})
        >>> grid = fit_scores(rows, score="p", target="y")
        >>> reference = count_scores(rows, grid).window()
        >>> late = count_scores(rows.slice(0, 1000).select(["p"]), grid).window()
        >>> round(Cbpe.fit(reference, 1000).estimate(late)["positive_share"].value, 2)
        0.49
        """
        if not counts.scored:
            return {}
        return _Expected.of(counts, self.curve).all()


@dataclass(frozen=True, slots=True)
class _Expected:
    """What is expected of the rows of a window: an entry for each score bin that has some.

    Parameters
    ----------
    counts
        Of the window.
    n, p, score
        Rows, probability of a positive label, mean score.
    called, hits
        Rows that were called positive, and how many of them should be.
    one, zero, square
        Sums of −ln score, −ln (1 − score) and of score²; empty where scores are no probabilities.
    """

    counts: ScoreCounts
    n: Floats
    p: Floats
    score: Floats
    called: Floats
    hits: Floats
    one: Floats
    zero: Floats
    square: Floats

    @classmethod
    def of(cls, counts: ScoreCounts, curve: Curve) -> _Expected:
        import numpy as np

        there = counts.scores > 0
        n = counts.scores[there].astype(float)
        score = counts.mean_scores[there]
        called = counts.by_bin(counts.n, counts.answer == 1)[there].astype(float)

        def summed(name: str) -> Floats:
            if not counts.grid.probability:
                return np.zeros(0)
            found: Floats = counts.value(name, counts.by_bin(counts.sums[name])[there])
            return found

        p, hits = _probabilities(counts, curve, score, there)
        one, zero, square = summed("log_one"), summed("log_zero"), summed("square")
        return cls(counts, n, p, score, called, hits, one, zero, square)

    def all(self) -> dict[str, Estimate]:
        """Every figure that can be had."""
        found = {
            "auc": self._auc(),
            **self._losses(),
            **self._confusion(),
            "positive_share": self._mean(self.n * self.p, 1.0),
        }
        if self.counts.grid.probability:
            gap = float((self.n * (self.score - self.p)).sum() / self.n.sum())
            half = BAND * self._spread(1.0)
            found["gap"] = Estimate(gap, gap - half, gap + half, self._rows)
        return {name: one for name, one in found.items() if one is not None}

    @property
    def _rows(self) -> int:
        return self.counts.scored

    def _mean(self, sums: Floats, slope: Floats | float) -> Estimate:
        """The mean of what is summed by bin; `slope` is what a label adds to it."""
        value = float(sums.sum() / self.n.sum())
        half = BAND * self._spread(slope)
        return Estimate(value, max(value - half, 0.0), value + half, self._rows)

    def _spread(self, slope: Floats | float) -> float:
        """The standard deviation of a mean over all rows in which a label counts `slope`."""
        variance = (self.n * self.p * (1 - self.p) * slope**2).sum()
        return math.sqrt(variance) / float(self.n.sum())

    def _losses(self) -> dict[str, Estimate]:
        if not self.counts.grid.probability:
            return {}
        p, n = self.p, self.n
        loss = self._mean(p * self.one + (1 - p) * self.zero, (self.one - self.zero) / n)
        squared = self.square - 2 * p * self.score * n + p * n
        return {"log_loss": loss, "brier": self._mean(squared, 1 - 2 * self.score)}

    def _confusion(self) -> dict[str, Estimate | None]:
        """F1, precision and recall; rows without an answer count as not called."""
        hits = float(self.hits.sum())
        called, positive = float(self.called.sum()), float((self.n * self.p).sum())
        rest = self.n - self.called

        def ratio(value: float, if_called: float, if_not: float) -> Estimate:
            noise = self.p * (1 - self.p)
            variance = (noise * (self.called * if_called**2 + rest * if_not**2)).sum()
            half = BAND * math.sqrt(float(variance))
            low, high = max(value - half, 0.0), min(value + half, 1.0)
            return Estimate(value, low, high, self._rows)

        both = called + positive
        f1 = 2 * hits / both if both else 0.0
        recall = hits / positive if positive else 0.0
        return {
            "f1": ratio(f1, (2 - f1) / both, -f1 / both) if both else None,
            "precision": ratio(hits / called, 1 / called, 0.0) if called else None,
            "recall": ratio(recall, (1 - recall) / positive, -recall / positive)
            if positive
            else None,
        }

    def _auc(self) -> Estimate | None:
        import numpy as np

        positive, negative = self.n * self.p, self.n * (1 - self.p)
        value = auc_of(positive, negative)
        if value is None:
            return None
        below = np.cumsum(negative) - negative / 2
        above = positive.sum() - np.cumsum(positive) + positive / 2
        p, q = float(positive.sum()), float(negative.sum())
        # The slope of AUC = pairs won / (P Q) in the probability of one row.
        slope = (below - above - value * (q - p)) / (p * q)
        half = BAND * math.sqrt(float((self.n * self.p * (1 - self.p) * slope**2).sum()))
        return Estimate(value, max(value - half, 0.0), min(value + half, 1.0), self._rows)


def _probabilities(
    counts: ScoreCounts, curve: Curve, score: Floats, there: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """The mean probability in each bin, and the positive labels expected of those called so.

    By the curve that the rows were counted with it is known of each row; by another one the mean
    score of a bin stands for its rows.
    """
    called = counts.answer == 1
    if counts.grid.curve == curve:
        sums = counts.sums["expected"]
        every, some = (counts.by_bin(sums, where)[there] for where in (None, called))
        n = counts.scores[there]
        return counts.value("expected", every / n), counts.value("expected", some)
    p = curve(score)
    return p, p * counts.by_bin(counts.n, called)[there]
