"""Shares of two samples: intervals, and whether they differ."""

from __future__ import annotations

from math import erfc, sqrt
from typing import Final

__all__ = ["Z95", "difference_interval", "two_proportions", "wilson"]

Z95: Final = 1.959963984540054
"""The 97.5 % quantile of the normal distribution: of intervals of 95 %."""

_ENOUGH: Final = 5.0
"""From so many expected cases in each cell on the normal approximation is good."""


def wilson(k: int, n: int, z: float = Z95) -> tuple[float, float]:
    """The interval of a share k / n.

    Parameters
    ----------
    k, n
        Cases, and rows; at least one row.
    z
        Of how many standard deviations; default 95 %.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference.

    Examples
    --------
    >>> low, high = wilson(0, 10)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.278)
    """
    share, square = k / n, z * z
    middle = share + square / (2 * n)
    half = z * sqrt(share * (1 - share) / n + square / (4 * n * n))
    below = 1 + square / n
    low = 0.0 if k == 0 else (middle - half) / below
    high = 1.0 if k == n else (middle + half) / below
    return low, high


def difference_interval(k: int, n: int, j: int, m: int, z: float = Z95) -> tuple[float, float]:
    """The interval of j / m − k / n.

    References
    ----------
    Newcombe (1998), Interval estimation for the difference between independent proportions,
    method 10.
    """
    before, after = k / n, j / m
    low_before, high_before = wilson(k, n, z)
    low_after, high_after = wilson(j, m, z)
    change = after - before
    low = change - sqrt((after - low_after) ** 2 + (high_before - before) ** 2)
    high = change + sqrt((high_after - after) ** 2 + (before - low_before) ** 2)
    return max(-1.0, low), min(1.0, high)


def two_proportions(k: int, n: int, j: int, m: int) -> float:
    """The p-value of "both shares are the same", on two sides.

    With at least 5 expected cases in each cell the normal test with the pooled share, else twice
    the smaller tail of the hypergeometric distribution (Fisher's exact test, doubled), which is
    conservative.
    """
    if n == 0 or m == 0:
        return 1.0
    both = (k + j) / (n + m)
    if min(n, m) * min(both, 1 - both) >= _ENOUGH:
        error = sqrt(both * (1 - both) * (1 / n + 1 / m))
        return erfc(abs(j / m - k / n) / error / sqrt(2))
    if both in (0.0, 1.0):
        return 1.0
    from scipy.stats import hypergeom

    law = hypergeom(n + m, k + j, m)
    return float(min(1.0, 2 * min(law.cdf(j), law.sf(j - 1))))
