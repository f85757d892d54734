"""The ramp of a rollout: when its share is to be raised next, and what holds it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mlops_lab.serving.records import Rollout
from mlops_lab.serving.rollouts.evidence import Evidence, weight
from mlops_lab.wording import counted, number

__all__ = ["ENOUGH", "Raise", "due", "held", "plan_sentence"]

ENOUGH: Final = 20
"""Answers of the candidate at its present share before it gets more: none shows nothing."""


@dataclass(frozen=True, slots=True)
class Raise:
    """A raise that is to be made now.

    Attributes
    ----------
    share
        In percent; at 100 the candidate is to be promoted.
    reason
        What the decision says.
    """

    share: float
    reason: str


def due(rollout: Rollout, now: int, evidence: Evidence | None = None) -> Raise | None:
    """Say whether the share is to be raised now.

    One step at a time, also when several are overdue: each share has to be seen first.

    Parameters
    ----------
    rollout
        With its ramp.
    now
        µs, UTC.
    evidence
        Of a canary; its raises wait while something points against it. None of a shadow.
    """
    step = _next(rollout)
    if step is None or now < step[0] or held(rollout, now, evidence) is not None:
        return None
    planned = _when(step[0], now)
    said = f"The ramp raises it from {number(rollout.share)} to {number(step[1])} %, as planned"
    return Raise(step[1], f"{said} for {planned} UTC.")


def held(rollout: Rollout, now: int, evidence: Evidence | None) -> str | None:
    """Say why a raise that is due is not made; None where nothing is due, or nothing holds it."""
    step = _next(rollout)
    if step is None or now < step[0] or evidence is None:
        return None
    if evidence.state == "rollback":
        return "It is to be rolled back."
    worst = max(evidence.metrics, key=lambda one: one.e)
    if worst.doubtful:
        return (
            f"The raise to {number(step[1])} % waits: {worst.title.lower()} point against it, "
            f"E {weight(worst.e)} of {number(worst.limit)}."
        )
    if evidence.answered < ENOUGH:
        return (
            f"The raise to {number(step[1])} % waits for {counted(ENOUGH, 'answer')} at the "
            f"present share; there are {evidence.answered:,}."
        )
    return None


def plan_sentence(rollout: Rollout) -> str:
    """Say the shares to come.

    Examples
    --------
    >>> ramp = ((1_795_262_400_000_000, 20.0), (1_795_348_800_000_000, 50.0))
    >>> plan_sentence(Rollout("a" * 32, "canary", "r2", "r1", 5.0, ramp=ramp, began=ramp[0][0]))
    'ramp: 5 % now, 20 % Sat 12:00, 50 % Sun 12:00'
    >>> plan_sentence(Rollout("a" * 32, "shadow", "r2", "r1", 100.0))
    '100 %, until somebody changes it'
    """
    steps = [
        f"{number(share)} % {_when(at, rollout.began)}"
        for at, share in rollout.ramp
        if share > rollout.share
    ]
    if not steps:
        return f"{number(rollout.share)} %, until somebody changes it"
    return f"ramp: {number(rollout.share)} % now, {', '.join(steps)}"


def _next(rollout: Rollout) -> tuple[int, float] | None:
    return next((step for step in rollout.ramp if step[1] > rollout.share), None)


def _when(at: int, now: int) -> str:
    """The weekday and the time; the date too where the weekday alone could be another one."""
    near = 0 <= at - now < _WEEK_US
    return f"{datetime.fromtimestamp(at / 1e6, UTC):{'%a %H:%M' if near else '%a %d %b %H:%M'}}"


_WEEK_US: Final = 6 * 86_400_000_000
