"""Whether a cause starts its pipeline now, or what it waits for: rules without a store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from mlops_lab.orchestration.triggers.history import History
from mlops_lab.orchestration.triggers.kind import Look, Trigger

__all__ = ["Standing", "State", "judge"]

State = Literal["new", "quiet", "held", "ready", "failed"]

_PATIENCE: Final = 10
"""A stream that never pauses starts after so many times the debounce."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a trigger stands.

    Parameters
    ----------
    trigger
        The rule.
    state
        ``new``: what is there already starts nothing; ``quiet``: nothing came; ``held``: something
        came and waits; ``ready``: it starts now; ``failed``: it cannot be seen.
    sentence
        Why, as people read it.
    look
        What it sees; None when it cannot be seen.
    until
        When what holds it is over, where that is known.
    labels
        How many labels there are by now, where it counts them.
    whole
        Whether its cause is complete, so that any start of the pipeline answers it.
    """

    trigger: Trigger
    state: State
    sentence: str
    look: Look | None = None
    until: datetime | None = None
    labels: int | None = None
    whole: bool = False


def judge(
    trigger: Trigger,
    look: Look,
    history: History,
    now: datetime,
    labels: int | None = None,
    busy: str | None = None,
) -> Standing:
    """Say whether a trigger starts its pipeline now.

    Parameters
    ----------
    look
        What it sees.
    history
        What was started before.
    now
        The moment, UTC.
    labels
        How many labels there are; needed where the trigger asks for some.
    busy
        What else has to end first, in words.
    """
    limits, cause = trigger.limits, look.cause
    if trigger.key not in history.marks:
        said = "it watches from now on: what is there already starts nothing"
        return Standing(trigger, "new", said, look, labels=labels)
    if cause is None:
        return Standing(trigger, "quiet", look.note, look, labels=labels)

    def held(why: str, until: datetime | None = None, *, whole: bool = True) -> Standing:
        return Standing(trigger, "held", f"{why}: {cause.sentence}", look, until, labels, whole)

    pause = timedelta(seconds=limits.debounce_s)
    if cause.at + pause > now and cause.since + _PATIENCE * pause > now:
        over = cause.at + pause
        return held(f"it waits for a pause until {_clock(over, now)}", over, whole=False)
    if limits.new_labels is not None and labels is not None:
        new = max(0, labels - history.labels.get(trigger.key, 0))
        if new < limits.new_labels:
            said = f"it waits for labels, {new:,} of {limits.new_labels:,} came"
            return held(said, whole=False)
    if busy is not None:
        return held(busy)
    if history.going is not None:
        return held(f"run {history.going[:8]} goes on")
    if history.starts:
        over = history.starts[0].at + timedelta(seconds=limits.cooldown_s)
        if over > now:
            return held(f"it cools down until {_clock(over, now)}", over)
    if limits.max_per_day is not None:
        day = timedelta(days=1)
        today = [one.at for one in history.starts if one.at > now - day]
        if len(today) >= limits.max_per_day:
            over = today[limits.max_per_day - 1] + day
            many = f"{limits.max_per_day:,} {'start' if limits.max_per_day == 1 else 'starts'}"
            return held(f"{many} a day are its limit until {_clock(over, now)}", over)
    return Standing(trigger, "ready", cause.sentence, look, labels=labels, whole=True)


def _clock(moment: datetime, now: datetime) -> str:
    """A moment to come, as short as it is clear."""
    if moment - now < timedelta(hours=20):
        return f"{moment:%H:%M} UTC"
    return f"{moment:%Y-%m-%d %H:%M} UTC"
