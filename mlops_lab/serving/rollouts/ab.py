"""Units as the sample: an A/B test whose interval may be looked at after every unit.

Each unit counts once. Its answers of many days are not many units, as its many errors are one
event to the guard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_lab.serving.rollouts.evalues import log_e_apart
from mlops_lab.wording import counted, number

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

__all__ = ["LEAST_UNITS", "Ratio", "effects", "ratio_check"]

LEAST_UNITS: Final = 100
"""Units from which on there is an interval, on each side where the sides are taken apart."""

EVEN: Final = 20.0
"""The smaller share, in percent, from which on units of both sides go into one mean.

Below it one unit of the smaller side weighs like many, and the interval of that mean promises too
much: at 5 % and conversions of 1 %, 20,000 units without any difference had one in 44 tests of 100.
"""

SPREAD: Final = 50.0
"""Values that the variance must rest on, of one mean: rare events and long tails need many units
until their variance is known at all."""

SPREAD_APART: Final = 20.0
"""The same of the two sides taken apart, whose interval is wider."""

RATIO_LIMIT: Final = 100.0
"""Evidence at which the split is not the one that was planned: wrong once in a hundred tests."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Whether the units fell on the two sides as planned.

    Attributes
    ----------
    candidate, units
        Units on the candidate's side, and all.
    planned
        The candidate's share in percent.
    e
        The evidence against it, at most a million.
    passed
        Whether it holds. When it does not, who answers decides who is seen, and nothing that is
        compared means anything.
    sentence
        It in words.
    """

    candidate: int
    units: int
    planned: float
    e: float
    passed: bool
    sentence: str


def ratio_check(candidate: int, units: int, planned: float, what: str = "unit") -> Ratio:
    """Check the sample ratio: valid at every look, as all that follows.

    Parameters
    ----------
    candidate, units
        Units on the candidate's side, and all; each once.
    planned
        In percent.
    what
        What is counted.

    Examples
    --------
    >>> ratio_check(1260, 2500, 50.0).sentence.replace("\N{NO-BREAK SPACE}", " ")
    '50.4 % of 2,500 units, as planned.'
    >>> ratio_check(1500, 2500, 50.0).passed
    False
    """
    import math

    from mlops_lab.serving.rollouts.evidence import MOST_E

    if units == 0:
        return Ratio(0, 0, planned, 1.0, True, "No unit yet.")
    log_e = log_e_apart(candidate, units, planned / 100.0)
    passed = log_e < math.log(RATIO_LIMIT)
    told = f"{100.0 * candidate / units:.1f}\N{NO-BREAK SPACE}% of {counted(units, what)}"
    plan = f"{number(planned)}\N{NO-BREAK SPACE}%"
    sentence = (
        f"{told}, as planned."
        if passed
        else f"{told}, and {plan} were planned: something decides who is seen. Nothing is compared "
        "before that is found."
    )
    e = math.exp(min(log_e, math.log(MOST_E)))
    return Ratio(candidate, units, planned, e, passed, sentence)


def effects(
    outcomes: Floats, candidate: Flags, *, share: float, horizon: int, alpha: float
) -> tuple[Floats, Floats, Floats]:
    """Estimate by how much the candidate's outcomes differ, after every unit.

    Of about even shares it is the asymptotic confidence sequence of the average effect in a
    randomised test, from `ville`: a mean of inverse-probability pseudo-outcomes, centred on what
    was known before each unit. Of uneven shares it is the difference of two confidence sequences,
    one per side with half of alpha each: wider, and true.

    Parameters
    ----------
    outcomes
        Shape ``(n_units,)``: one value per unit, in the order in which the units came.
    candidate
        Shape ``(n_units,)``: on whose side each is.
    share
        Of the candidate, in percent; the same for all of them.
    horizon
        For how many units the interval is to be narrow.
    alpha
        How often it may be wrong at any look.

    Returns
    -------
    estimates, low, high
        Each of shape ``(n_units,)``; infinite while nothing can be said.

    References
    ----------
    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), Time-uniform central limit theory and
    asymptotic confidence sequences, Annals of Statistics.
    """
    if min(share, 100.0 - share) < EVEN:
        return _apart(outcomes, candidate, share / 100.0, horizon, alpha)
    return _together(outcomes, candidate, share / 100.0, horizon, alpha)


def _together(
    outcomes: Floats, candidate: Flags, w: float, horizon: int, alpha: float
) -> tuple[Floats, Floats, Floats]:
    import numpy as np
    from ville import AsymptoticABTest

    test = AsymptoticABTest(
        alpha=alpha, propensity=w, t_opt=max(horizon, 2), min_samples=LEAST_UNITS
    ).fit(outcomes, candidate.astype(float))
    counts = np.arange(1, len(outcomes) + 1)
    before = np.cumsum(outcomes) - outcomes
    centre = np.where(counts > 1, before / np.maximum(counts - 1, 1), 0.0)
    pseudo = (outcomes - centre) * np.where(candidate, 1.0 / w, -1.0 / (1.0 - w))
    quiet = np.arange(len(outcomes)) < _known_from(pseudo, SPREAD)
    low, high = test.lower_.copy(), test.upper_.copy()
    low[quiet], high[quiet] = -np.inf, np.inf
    return test.estimate_, low, high


def _apart(
    outcomes: Floats, candidate: Flags, w: float, horizon: int, alpha: float
) -> tuple[Floats, Floats, Floats]:
    import numpy as np
    from ville import AsymptoticCS

    n = len(outcomes)
    sides = []
    for side, part in ((candidate, w), (~candidate, 1.0 - w)):
        places = np.flatnonzero(side)
        mean, low, high = np.full(n, np.nan), np.full(n, -np.inf), np.full(n, np.inf)
        if len(places):
            values = outcomes[places]
            sequence = AsymptoticCS(
                alpha=alpha / 2, t_opt=max(int(horizon * part), 2), min_samples=LEAST_UNITS
            ).fit(values)
            # What was known of this side after each unit of either.
            last = np.searchsorted(places, np.arange(n), side="right") - 1
            mean[last >= 0] = sequence.estimate_[last[last >= 0]]
            known = last >= _known_from(values, SPREAD_APART)
            low[known] = sequence.lower_[last[known]]
            high[known] = sequence.upper_[last[known]]
        sides.append((mean, low, high))
    (mine, low, high), (other, other_low, other_high) = sides
    return mine - other, low - other_high, high - other_low


def _known_from(values: Floats, need: float) -> int:
    """Say from which place on a variance rests on enough values.

    The number of values that carry it, ``(sum of squares)^2 / sum of fourth powers`` about the
    mean: n over the kurtosis. Of events it is about how many there were.
    """
    import numpy as np

    n = np.arange(1, len(values) + 1)
    x = values - values.mean() if len(values) else values
    first, second, third, fourth = (np.cumsum(x**power) for power in (1, 2, 3, 4))
    mean = first / n
    squares = second - n * mean**2
    fourths = fourth - 4 * mean * third + 6 * mean**2 * second - 3 * n * mean**4
    with np.errstate(divide="ignore", invalid="ignore"):
        carried = np.where(fourths > 0, squares**2 / fourths, 0.0)
    enough = np.flatnonzero((carried >= need) & (n >= LEAST_UNITS))
    return int(enough[0]) if len(enough) else len(values)
