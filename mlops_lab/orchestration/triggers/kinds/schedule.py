"""``- schedule: "0 3 * * mon"``: at times that cron would say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from mlops_lab.errors import InvalidInput
from mlops_lab.monitoring.schedule import Schedule
from mlops_lab.orchestration.triggers.kind import Cause, Look, Mark, Scene, TriggerKind, shortly
from mlops_lab.shapes import Line, Shape

if TYPE_CHECKING:
    from mlops_lab.document import Place
    from mlops_lab.orchestration.triggers.checking import TriggerChecker

__all__ = ["KIND"]

_CRON = "five words: minute hour day month weekday, such as '0 3 * * mon'"


class Scheduled(Shape):
    """When, and where the clock hangs."""

    cron: Line = Field(min_length=1, max_length=200, description=_CRON)
    timezone: Line = Field(
        default="UTC", max_length=100, description="a time zone such as America/New_York"
    )


class ScheduleTrigger(TriggerKind):
    """Times that were missed while nobody looked are one cause, the newest."""

    name = "schedule"
    shape = Annotated[Scheduled, shortly("cron", Line | Scheduled)]
    about = "Cron's five words in UTC, or a map with cron and timezone."
    example = (
        'five words of cron, such as "0 3 * * mon", or a map such as '
        '{cron: "0 3 * * mon", timezone: Europe/Berlin}'
    )
    words: ClassVar[Mapping[str, str]] = {
        "cron": _CRON,
        "timezone": "a time zone such as America/New_York",
    }
    facts: ClassVar[Mapping[str, str]] = {"slot": "the time that had come, in UTC"}

    def text(self, value: Any) -> str:
        """``schedule: 0 3 * * mon``."""
        wanted: Scheduled = value
        zone = "" if wanted.timezone == "UTC" else f" ({wanted.timezone})"
        return f"schedule: {' '.join(wanted.cron.split())}{zone}"

    def key(self, value: Any) -> str:
        """Its words and its zone."""
        wanted: Scheduled = value
        return f"schedule:{' '.join(wanted.cron.split())} {wanted.timezone}"

    def check(self, value: Any, place: Place, checker: TriggerChecker) -> Schedule | None:
        """It must come, and not more often than once a minute."""
        wanted: Scheduled = value
        try:
            return Schedule.of(wanted.cron, wanted.timezone)
        except InvalidInput as error:
            checker.fault(place, error.message)
            return None

    def look(self, rule: Any, mark: Mark | None, scene: Scene) -> Look:
        """The newest time that has passed."""
        schedule: Schedule = rule
        now = {"slot": _text(scene.now)}
        later = schedule.after(scene.now)
        due = schedule.due(_moment(mark), scene.now) if mark else None
        if due is None:
            return Look(now, next_at=later)
        slot = _text(due.slot)
        missed = f", and {due.missed:,} missed before" if due.missed else ""
        said = f"the schedule {schedule.text} came at {due.slot:%Y-%m-%d %H:%M} UTC{missed}"
        cause = Cause(f"schedule:{slot}", said, due.slot, due.slot, {"slot": slot})
        return Look(now, cause, next_at=later)


KIND = ScheduleTrigger()


def _text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _moment(mark: Mark) -> datetime:
    return datetime.fromisoformat(str(mark["slot"]))
