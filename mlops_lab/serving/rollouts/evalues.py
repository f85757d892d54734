"""Evidence that may be looked at after every event: e-values of a share.

An e-value is at most 1 on average while nothing is wrong, at every look and whenever one stops
looking; that it ever reaches 1/alpha has a probability of at most alpha (Ville, 1939). So a guard
may look after each request. A z-test looked at like this takes back every third healthy canary.
"""

from __future__ import annotations

import math
from typing import Final

__all__ = ["LEAST", "log_e_above", "log_e_apart"]

LEAST: Final = -700.0
"""The smallest logarithm that is given: what is smaller is no number any more."""


def log_e_above(k: int, m: int, w: float) -> float:
    """Give the logarithm of the evidence that more than a share `w` of events falls on one side.

    .. math:: \\log E = \\log B(k+1, m-k+1) + \\log(1 - I_w(k+1, m-k+1)) - \\log(1-w)
              - k \\log w - (m-k) \\log(1-w)

    The likelihood of k of m, mixed evenly over all shares from w to 1, against that of w: against
    "each event falls on the canary with its share w". One-sided: a canary with fewer bad events
    than its share gives evidence of nothing.

    Parameters
    ----------
    k
        Events on that side, 0 to `m`.
    m
        All events; each of its own unit, else the evidence is worth less than it says.
    w
        The share that side has, in (0, 1). At 0 and 1 there is nothing to compare: 0.0.

    References
    ----------
    Robbins (1970), Statistical methods related to the law of the iterated logarithm (mixtures);
    Ramdas, Grünwald, Vovk and Shafer (2023), Game-theoretic statistics and safe anytime-valid
    inference.

    Examples
    --------
    >>> import math
    >>> [round(math.exp(log_e_above(k, m, 0.05)), 2) for k, m in ((1, 14), (4, 61), (0, 3), (4, 4))]
    [0.16, 0.08, 0.25, 33684.2]
    """
    if not 0.0 < w < 1.0 or m == 0:
        return 0.0
    from scipy.special import betaincc, betaln

    beyond = float(betaincc(k + 1, m - k + 1, w))
    if beyond <= 0.0:
        return LEAST
    rest = math.log1p(-w)
    log_e = float(betaln(k + 1, m - k + 1)) + math.log(beyond) - rest
    return max(log_e - k * math.log(w) - (m - k) * rest, LEAST)


def log_e_apart(k: int, m: int, w: float) -> float:
    """Give the logarithm of the evidence that the share of events on one side is not `w`.

    .. math:: \\log E = \\log B(a+k, b+m-k) - \\log B(a, b) - k \\log w - (m-k) \\log(1-w)

    with a = 100 w and b = 100 (1-w): a mixture around w, for deviations of some percent. What a
    sample-ratio check asks of the units of an A/B test.

    Parameters
    ----------
    k, m, w
        As of `log_e_above`.

    References
    ----------
    Lindon and Malek (2022), Anytime-valid inference for multinomial count data (NeurIPS),
    for two cells.

    Examples
    --------
    >>> log_e_apart(500, 1000, 0.5) < 0 < 20 < log_e_apart(600, 1000, 0.5)
    False
    """
    if not 0.0 < w < 1.0 or m == 0:
        return 0.0
    from scipy.special import betaln

    a, b = _AROUND * w, _AROUND * (1.0 - w)
    log_e = float(betaln(a + k, b + m - k)) - float(betaln(a, b))
    return max(log_e - k * math.log(w) - (m - k) * math.log1p(-w), LEAST)


_AROUND: Final = 100.0
"""How closely the mixture lies around w: the weight of so many units."""
