"""When a figure is an alarm: how far it is from what is usual, and from which distance on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from mlops_lab.monitoring.performance.baseline import Baseline
from mlops_lab.monitoring.performance.intervals import Estimate
from mlops_lab.monitoring.policy import NaturalRange, persist
from mlops_lab.monitoring.settings import Policy

__all__ = ["LEVELS", "Judged", "Level", "Look", "judge_line"]

How: TypeAlias = Literal["size", "drop", "rise", "shift"]


@dataclass(frozen=True, slots=True)
class Level:
    """How a metric is judged.

    Parameters
    ----------
    how
        What its effect is: ``size`` |value|; ``drop`` below the usual value; ``rise`` above it, as
        a share of it; ``shift`` from it, as a share of the usual RMSE.
    policy
        The levels: names in front of ``_warn`` and ``_alert`` in the policy.
    """

    how: How
    policy: str

    def warn(self, policy: Policy) -> float:
        """From which effect on it warns."""
        return float(getattr(policy, f"{self.policy}_warn"))

    def at_once(self, policy: Policy, alone: bool = False) -> float:
        """From which effect on one chunk is an alert, whatever those before it were.

        Parameters
        ----------
        policy
            Has the levels.
        alone
            There is one chunk only: nothing can come a second time.
        """
        return float(getattr(policy, f"{self.policy}_alert")) * (1.0 if alone else policy.twice)


LEVELS: Final[dict[str, Level]] = {
    "gap": Level("size", "gap"),
    "auc": Level("drop", "auc"),
    "accuracy": Level("drop", "auc"),
    "macro_f1": Level("drop", "auc"),
    "mae": Level("rise", "error"),
    "rmse": Level("rise", "error"),
    "bias": Level("shift", "error"),
}
"""The metrics that alarm; the others are drawn."""


@dataclass(frozen=True, slots=True)
class Look:
    """A figure in one chunk, and what it is judged by.

    Parameters
    ----------
    value
        None is no figure.
    n
        Rows that it is of.
    baseline
        What it is compared with; None is nothing.
    mature
        Whether its labels have come.
    judged
        Whether the chunk may alarm: one that is not over may not.
    """

    value: Estimate | None
    n: int
    baseline: Baseline | None
    mature: bool = True
    judged: bool = True


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of it.

    Parameters
    ----------
    state
        The letter.
    effect
        How far from usual, as the level measures it.
    usual
        The value that is.
    natural
        The range in which it strays by itself.
    running, of
        So many of the last so many judged chunks were loud.
    """

    state: str
    effect: float | None = None
    usual: float | None = None
    natural: NaturalRange | None = None
    running: int = 0
    of: int = 0


def judge_line(
    metric: str, looks: Sequence[Look], policy: Policy, epochs: Sequence[str | None] = ()
) -> list[Judged]:
    """Judge a metric over the chunks.

    Loud is: the effect reaches the warning level, *and* the interval does not contain what is usual
    (chance), *and* the value is outside the natural range of the reference's chunks, where they are
    enough to have one. Two of the last three judged chunks are an alert, and so is twice the alert
    level at once; where there is one chunk only, the alert level is.

    Parameters
    ----------
    metric
        A name of `LEVELS`; any other is never loud.
    looks
        Of the chunks in order.
    policy
        Has the levels.
    epochs
        Which reference each chunk has: warnings before another one do not count.
    """
    level = LEVELS.get(metric)
    found, letters, at_once = [], [], []
    for look in looks:
        letter, effect, usual, natural = _judge(metric, level, look, policy)
        found.append((effect, usual, natural))
        letters.append(letter)
        at_once.append(
            level is not None
            and effect is not None
            and effect >= level.at_once(policy, len(looks) == 1)
        )
    lasting = persist(letters, at_once, policy, epochs)
    return [
        Judged(letter, effect, usual, natural, running, of)
        for (effect, usual, natural), (letter, running, of) in zip(found, lasting, strict=True)
    ]


def unjudged(look: Look, policy: Policy) -> str | None:
    """The letter of a figure that is not judged, else None."""
    if look.value is None:
        return "-"
    if look.n < policy.small:
        return "s"
    if look.n < policy.drift_rows or not look.mature or not look.judged:
        return "h"
    return None


def _judge(
    metric: str, level: Level | None, look: Look, policy: Policy
) -> tuple[str, float | None, float | None, NaturalRange | None]:
    letter = unjudged(look, policy)
    if look.value is None or level is None:
        return letter or "o", None, None, None
    base = look.baseline
    natural = None if base is None else base.natural(metric)
    usual = 0.0 if base is None and level.how == "size" else None
    if base is not None:
        usual = base.median(metric)
    if level.how == "size" and usual is None:
        usual = 0.0
    if usual is None:
        return letter or "o", None, None, None
    effect = _effect(level, look.value.value, usual, base)
    if letter is not None or effect is None:
        return letter or "o", effect, usual, natural
    value = look.value
    low = value.value if value.low is None else value.low
    high = value.value if value.high is None else value.high
    by_chance = low <= usual <= high
    by_nature = natural is not None and natural.low <= value.value <= natural.high
    loud = effect >= level.warn(policy) and not by_chance and not by_nature
    return "w" if loud else "o", effect, usual, natural


def _effect(level: Level, value: float, usual: float, base: Baseline | None) -> float | None:
    match level.how:
        case "size":
            return abs(value)
        case "drop":
            return usual - value
        case "rise":
            # From no error at all any one is a rise without measure: it counts as the whole.
            return (value - usual) / usual if usual else float(value > 0)
        case "shift":
            scale = None if base is None else base.median("rmse")
            if scale is None:
                return None
            return abs(value - usual) / scale if scale else float(value != usual)
