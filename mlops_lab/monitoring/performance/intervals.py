"""Intervals of what was measured: shares, AUC, F1 and means, from counts alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from mlops_lab.compute.statistics.proportions import Z95, wilson

__all__ = ["Estimate", "Z", "auc_interval", "f1_interval", "mean_interval", "share_of", "z_of"]

Z: Final = Z95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval.

    Parameters
    ----------
    value, low, high
        The ends are None where no interval is known.
    n
        Rows it is of.
    certificate
        How far it can be from what the raw scores give: 0 where every score has a bin of its own.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    certificate: float = 0.0


def z_of(tests: int) -> float:
    """The z of 95 % intervals that all hold together, for so many of them (Bonferroni).

    >>> round(z_of(1), 2), round(z_of(100), 2)
    (1.96, 3.48)
    """
    return NormalDist().inv_cdf(1 - 0.025 / max(tests, 1))


def share_of(k: int, n: int, z: float = Z) -> Estimate | None:
    """Give a share k / n with Wilson's interval; see `mlops_lab.compute.statistics.wilson`.

    Parameters
    ----------
    k, n
        How many of how many rows; no rows have no share: None.
    z
        Of the interval; 1.96 is 95 %.
    """
    if n <= 0:
        return None
    low, high = wilson(k, n, z)
    return Estimate(k / n, low, high, n)


def f1_interval(hits: int, misses: int, false: int) -> Estimate | None:
    """Give F1 = 2 TP / (2 TP + FP + FN) with an interval.

    F1 = 2 J / (1 + J) where J = TP / (TP + FP + FN) is a share, of the rows that are positive or
    were called so: Wilson's interval of J, taken to F1, is one of F1.

    Parameters
    ----------
    hits, misses, false
        True positives, false negatives, false positives; without any there is no F1: None.

    Examples
    --------
    >>> found = f1_interval(30, 10, 20)
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.667, 0.548, 0.767)
    """
    share = share_of(hits, hits + misses + false)
    if share is None or share.low is None or share.high is None:
        return None
    value, low, high = (2 * one / (1 + one) for one in (share.value, share.low, share.high))
    return Estimate(value, low, high, share.n)


def mean_interval(mean: float, square: float, n: float, z: float = Z) -> Estimate | None:
    """Give a mean with the normal interval of large samples, mean ± z s / √n.

    Parameters
    ----------
    mean, square
        Of the values and of their squares.
    n
        How many; None of them have no mean.
    """
    if n <= 0:
        return None
    spread = max(square - mean * mean, 0.0)
    half = z * math.sqrt(spread / max(n - 1, 1))
    return Estimate(mean, mean - half, mean + half, round(n))


def auc_interval(
    auc: float, positive: float, negative: float, certificate: float = 0.0
) -> Estimate:
    """Give an AUC with the score interval of Hanley and McNeil's variance.

    With θ the true AUC, m positive and n negative rows, and N = (m + n)/2 − 1,
    ``V(θ) = θ(1 − θ) (1 + N ((1 − θ)/(2 − θ) + θ/(1 + θ))) / mn``; the interval is of all θ with
    |AUC − θ| ≤ 1.96 √V(θ). Unlike AUC ± 1.96 √V(AUC) it has a width at 1 and stays within 0 and 1
    (Hanley and McNeil, The meaning and use of the area under a ROC curve, 1982; Newcombe,
    Confidence intervals for an effect size measure based on the Mann–Whitney statistic, part 2,
    method 5, 2006).

    Parameters
    ----------
    auc
        As measured.
    positive, negative
        Rows, at least one each.
    certificate
        Of the measured AUC; the interval becomes wider by it.

    Examples
    --------
    >>> found = auc_interval(1.0, 20, 20)
    >>> round(found.low, 2), found.high
    (0.9, 1.0)
    """
    pairs, more = positive * negative, (positive + negative) / 2 - 1

    def far(theta: float) -> bool:
        spread = more * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return abs(auc - theta) > Z * math.sqrt(theta * (1 - theta) * (1 + spread) / pairs)

    def end(inside: float, outside: float) -> float:
        if not far(outside):
            return outside
        for _ in range(50):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if far(middle) else (middle, outside)
        return (inside + outside) / 2

    low = max(0.0, end(auc, 0.0) - certificate)
    high = min(1.0, end(auc, 1.0) + certificate)
    return Estimate(auc, low, high, round(positive + negative), certificate)
