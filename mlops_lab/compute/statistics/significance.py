"""How surprising a difference is when nothing changed: p-values by kind."""

from __future__ import annotations

from functools import lru_cache
from math import nan, sqrt
from typing import TYPE_CHECKING, Final

from mlops_lab.compute.counts import Counts
from mlops_lab.compute.kinds import Kind
from mlops_lab.compute.statistics.chi_square import chi_square
from mlops_lab.compute.statistics.ks import KolmogorovSmirnov
from mlops_lab.compute.statistics.proportions import two_proportions
from mlops_lab.compute.statistics.shares import matched

if TYPE_CHECKING:
    from mlops_lab.compute.slots import Ints

__all__ = ["LIMIT_N", "chi_square_p", "ks_p", "pooled", "significance"]

LIMIT_N: Final = 1_000
"""From this effective n on the corrected limit law is right to 0.00002 …"""

SMALL_N: Final = 100
CLEAR_P: Final = 0.1
"""… and from this one on to 0.0002, which is enough where the answer is clearly no: the finite law
costs two milliseconds, and most of many cells have not changed."""

EXPECTED: Final = 5.0
"""A cell with fewer expected rows, on either side, is pooled with others (Cochran, 1954)."""

_KS = KolmogorovSmirnov()


def significance(ref: Counts, cur: Counts, kind: Kind | None = None) -> float:
    """The p-value of "nothing changed".

    Parameters
    ----------
    ref, cur
        Counts on the same grid.
    kind
        As what to take the column; default the grid's. *number*, *integer* and *text*: the
        Kolmogorov–Smirnov test (conservative where values repeat), with the lower end of the
        certificate; *category*: χ² with rare cells pooled; *boolean*: two proportions; others: two
        proportions of what is missing.

    Returns
    -------
    float
        From 0 to 1; NaN where a side is empty.
    """
    chosen = kind or ref.grid.kind
    if chosen in ("time", "id", "other"):
        if not ref.rows or not cur.rows:
            return nan
        return two_proportions(ref.missing, ref.rows, cur.missing, cur.rows)
    n, m = ref.total, cur.total
    if not n or not m:
        return nan
    if chosen in ("number", "integer", "text") and ref.grid.ordered:
        return ks_p(_KS.measure(ref, cur).value, n, m)
    if chosen == "boolean":
        return two_proportions(ref.count_of("true"), n, cur.count_of("true"), m)
    return chi_square_p(*matched(ref, cur))


def ks_p(d: float, n: int, m: int) -> float:
    """The p-value of a Kolmogorov–Smirnov distance between samples of n and m rows.

    With the effective size e = n m / (n + m): Kolmogorov's limit law K of t = d · sqrt(e), with
    Vrbik's correction t + 1 / (6 sqrt(e)) + (t − 1) / (4 e), from e = 1,000 on, and from e = 100 on
    where it says .1 or more; else the one-sample law of that size, as scipy's
    ``ks_2samp(method="asymp")``.

    References
    ----------
    Kolmogorov (1933), Sulla determinazione empirica di una legge di distribuzione. Simard and
    L'Ecuyer (2011), Computing the two-sided Kolmogorov–Smirnov distribution. Vrbik (2018),
    Small-sample corrections to Kolmogorov–Smirnov test statistic.
    """
    from scipy.special import kolmogorov

    if d <= 0:
        return 1.0
    effective = n * m / (n + m)
    if effective >= SMALL_N:
        root = sqrt(effective)
        t = d * root
        limit = float(kolmogorov(t + 1 / (6 * root) + (t - 1) / (4 * effective)))
        if effective >= LIMIT_N or limit >= CLEAR_P:
            return limit
    return _finite_ks_p(d, max(1, round(effective)))


@lru_cache(65_536)
def _finite_ks_p(d: float, n: int) -> float:
    from scipy.stats import kstwo

    return float(min(1.0, max(0.0, kstwo.sf(d, n))))


def chi_square_p(first: Ints, second: Ints) -> float:
    """The p-value of χ² of two rows of counts, rare cells pooled."""
    from scipy.special import chdtrc

    one, two = pooled(first, second)
    if len(one) < 2:
        return 1.0
    return float(chdtrc(len(one) - 1, chi_square(one, two)))


def pooled(first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """Join cells that expect fewer than 5 rows on a side; what is still too small joins the
    smallest of the others.
    """
    import numpy as np

    n, m = int(first.sum()), int(second.sum())
    both = first + second
    least = EXPECTED * (n + m) / min(n, m)
    order = np.argsort(-both, kind="stable")
    first, second, both = first[order], second[order], both[order]
    keep = int((both >= least).sum())
    if keep == len(both):
        return first, second
    rest = int(both[keep:].sum())
    if rest < least and keep > 0:
        keep -= 1
    join = np.append(np.arange(keep), keep)
    return np.add.reduceat(first, join), np.add.reduceat(second, join)
