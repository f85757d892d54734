"""The metrics of performance: what each is, and how it is computed from counts.

A metric is measured on the rows that have a label and a finite score. Two parts of a window have
the same digits as the window in one piece, because counts add.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from mlops_lab.monitoring.performance.calibration import calibration_error
from mlops_lab.monitoring.performance.intervals import (
    Estimate,
    Z,
    auc_interval,
    f1_interval,
    mean_interval,
    share_of,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mlops_lab.compute import ScoreCounts
    from mlops_lab.compute.score_grid import Task

    Floats: TypeAlias = npt.NDArray[np.float64]

__all__ = ["METRICS", "Metric", "auc_of", "measure", "metrics_of"]

Goal: TypeAlias = Literal["max", "min"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Parameters
    ----------
    name, label
        In code and on the wire; for people.
    task
        Of which kind of model.
    goal
        Whether high or low is good; None is neither.
    measure
        From the counts of a window; None is what cannot be had: one class only, no probabilities.
    labels
        Whether it needs labels: a mean score does not.
    """

    name: str
    label: str
    task: Task
    goal: Goal | None
    measure: Callable[[ScoreCounts], Estimate | None]
    labels: bool = True


def measure(counts: ScoreCounts) -> dict[str, Estimate]:
    """Give every metric of a window that can be had, by name."""
    found = {name: one.measure(counts) for name, one in metrics_of(counts.grid.task).items()}
    return {name: one for name, one in found.items() if one is not None}


def metrics_of(task: Task) -> Mapping[str, Metric]:
    """The metrics of a kind of model, in the order in which they are shown."""
    return {name: one for (of, name), one in METRICS.items() if of == task}


# ------------------------------------------------------------------ two labels


def auc_of(positive: object, negative: object) -> float | None:
    """Give the area under the ROC curve of rows by score bin; equal scores count one half.

    ``AUC = Σₖ pₖ (n₁ + … + nₖ₋₁ + nₖ/2) / (P N)`` with pₖ positive and nₖ negative rows in bin k:
    how often a positive row has a higher score than a negative one. From 0 to 1, .5 is chance; None
    with rows of one label only.

    Examples
    --------
    >>> auc_of([0, 1, 1], [1, 1, 0])
    0.875
    """
    import numpy as np

    p, n = np.asarray(positive, dtype=float), np.asarray(negative, dtype=float)
    pairs = p.sum() * n.sum()
    if not pairs > 0:
        return None
    return float((p * (np.cumsum(n) - n / 2)).sum() / pairs)


def auc(counts: ScoreCounts) -> Estimate | None:
    """AUC, equal to that of the raw scores within its certificate; see `auc_of`."""
    if counts.width > 1 or counts.grid.score is None:
        return None
    found = auc_of(counts.positive, counts.negative)
    if found is None:
        return None
    p, n = counts.positive.astype(float), counts.negative.astype(float)
    # Rows in one bin whose scores may differ: however they are ordered, AUC moves at most so far.
    inside = (p * n / 2)[counts.mixed].sum()
    certificate = float(inside / (p.sum() * n.sum()))
    return auc_interval(found, float(p.sum()), float(n.sum()), certificate)


def log_loss(counts: ScoreCounts) -> Estimate | None:
    """−Σ ln(probability of what came) / n, at least 0; scores are kept 2.2e−16 from 0 and 1."""
    if not counts.has_losses:
        return None
    n, one, zero = counts.judged, counts.label == 1, counts.label == 0
    mean = (counts.total("log_one", one) + counts.total("log_zero", zero)) / n
    # Rows of one bin and label are taken to lose the same: their own spread is next to nothing.
    losses = counts.means("log_one") * one + counts.means("log_zero") * zero
    return mean_interval(mean, _mean_square(counts, losses), n)


def brier(counts: ScoreCounts) -> Estimate | None:
    """Σ (score − label)² / n, from 0 to 1 (Brier, Verification of forecasts, 1950)."""
    if not counts.has_losses:
        return None
    n, one = counts.judged, counts.label == 1
    losses = counts.means("square") - 2 * counts.means("score") * one + one
    return mean_interval(_squared_error(counts) / n, _mean_square(counts, losses), n)


def gap(counts: ScoreCounts) -> Estimate | None:
    """Mean score less the share of positives: 0 where the probabilities are right on the whole."""
    if not counts.has_losses:
        return None
    n = counts.judged
    mean = (counts.total("score", counts.label >= 0) - _positives(counts)) / n
    return mean_interval(mean, _squared_error(counts) / n, n)


def positive_share(counts: ScoreCounts) -> Estimate | None:
    """The share of rows with a label that have the positive one."""
    return share_of(_positives(counts), counts.judged)


def mean_score(counts: ScoreCounts) -> Estimate | None:
    """The mean score of all rows, those without a label included."""
    if counts.grid.score is None or not counts.scored:
        return None
    n = counts.scored
    return mean_interval(counts.total("score") / n, counts.total("square") / n, n)


def f1(counts: ScoreCounts) -> Estimate | None:
    """2 TP / (2 TP + FP + FN), from 0 to 1."""
    (_, false), (misses, hits) = counts.confusion.tolist()
    return f1_interval(hits, misses, false)


def precision(counts: ScoreCounts) -> Estimate | None:
    """The share of true positives among the rows that were called positive."""
    (_, false), (_, hits) = counts.confusion.tolist()
    return share_of(hits, hits + false)


def recall(counts: ScoreCounts) -> Estimate | None:
    """The share of the positive rows that were called so."""
    _, (misses, hits) = counts.confusion.tolist()
    return share_of(hits, hits + misses)


def ece(counts: ScoreCounts) -> Estimate | None:
    """Expected calibration error; see `mlops_lab.monitoring.performance.calibration`."""
    return calibration_error(counts)


def _positives(counts: ScoreCounts) -> int:
    return int(counts.n[(counts.label == 1) & (counts.bin >= 0)].sum())


def _mean_square(counts: ScoreCounts, values: Floats) -> float:
    """The mean of the squares of a value of the cells, over the rows with label and score."""
    there = (counts.label >= 0) & (counts.bin >= 0)
    return float((counts.n * values**2)[there].sum() / counts.judged)


def _squared_error(counts: ScoreCounts) -> float:
    """Σ (score − label)² over the rows with both."""
    square = counts.total("square", counts.label >= 0)
    return square - 2 * counts.total("score", counts.label == 1) + _positives(counts)


# ------------------------------------------------------------------ several labels


def accuracy(counts: ScoreCounts) -> Estimate | None:
    """The share of rows whose answer is what came."""
    return share_of(int(counts.confusion.trace()), int(counts.confusion.sum()))


def macro_f1(counts: ScoreCounts) -> Estimate | None:
    """The mean of the F1 of all labels that came or were answered, from 0 to 1.

    The interval is by the delta method for multinomial counts (Takahashi, Yamamoto, Kuchiba and
    Koyama, Confidence interval for micro-averaged F1 and macro-averaged F1 scores, 2022).
    """
    import numpy as np

    table = counts.confusion.astype(float)
    n = table.sum()
    if not n:
        return None
    p = table / n
    both = p.sum(0) + p.sum(1)
    there = both > 0
    p, both = p[np.ix_(there, there)], both[there]
    diagonal = np.diag(p)
    value = float((2 * diagonal / both).mean())
    down = -2 * diagonal / both**2
    slope = (down[:, None] + down[None, :]) / len(both)
    slope[np.diag_indices_from(slope)] += 2 / both / len(both)
    variance = float((p * slope**2).sum() - (p * slope).sum() ** 2) / n
    half = Z * math.sqrt(max(variance, 0.0))
    return Estimate(value, max(value - half, 0.0), min(value + half, 1.0), round(n))


# ------------------------------------------------------------------ a number


def mae(counts: ScoreCounts) -> Estimate | None:
    """Σ |answer − what came| / n, in units of the target."""
    return _mean_error(counts, "absolute")


def bias(counts: ScoreCounts) -> Estimate | None:
    """Σ (answer − what came) / n, in units of the target: above 0 the answers are too high."""
    return _mean_error(counts, "error")


def rmse(counts: ScoreCounts) -> Estimate | None:
    """√(Σ (answer − what came)² / n), in units of the target."""
    if not counts.judged:
        return None
    n, there = counts.judged, counts.label >= 0
    found = mean_interval(counts.total("square", there) / n, counts.total("fourth", there) / n, n)
    assert found is not None
    return Estimate(
        math.sqrt(max(found.value, 0.0)),
        math.sqrt(max(found.low or 0.0, 0.0)),
        math.sqrt(max(found.high or 0.0, 0.0)),
        n,
    )


def mean_answer(counts: ScoreCounts) -> Estimate | None:
    """The mean answer of all rows."""
    if not counts.scored:
        return None
    return Estimate(counts.total("score") / counts.scored, n=counts.scored)


def _mean_error(counts: ScoreCounts, name: str) -> Estimate | None:
    if not counts.judged:
        return None
    n, there = counts.judged, counts.label >= 0
    return mean_interval(counts.total(name, there) / n, counts.total("square", there) / n, n)


METRICS: Final[Mapping[tuple[Task, str], Metric]] = {
    (one.task, one.name): one
    for one in (
        Metric("auc", "AUC", "binary", "max", auc),
        Metric("log_loss", "log loss", "binary", "min", log_loss),
        Metric("brier", "Brier", "binary", "min", brier),
        Metric("f1", "F1", "binary", "max", f1),
        Metric("precision", "precision", "binary", "max", precision),
        Metric("recall", "recall", "binary", "max", recall),
        Metric("positive_share", "positive share", "binary", None, positive_share),
        Metric("mean_score", "mean score", "binary", None, mean_score, labels=False),
        Metric("gap", "gap", "binary", None, gap),
        Metric("ece", "ECE", "binary", "min", ece),
        Metric("accuracy", "accuracy", "multiclass", "max", accuracy),
        Metric("macro_f1", "macro F1", "multiclass", "max", macro_f1),
        Metric("mae", "MAE", "regression", "min", mae),
        Metric("rmse", "RMSE", "regression", "min", rmse),
        Metric("bias", "bias", "regression", None, bias),
        Metric("mean_score", "mean answer", "regression", None, mean_answer, labels=False),
    )
}
"""Every metric by task and name: what is here is measured, drawn and tested."""
