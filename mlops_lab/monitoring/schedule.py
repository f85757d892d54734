"""When a monitor is due: cron's five words in a time zone, daylight saving included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from mlops_lab.errors import InvalidInput

__all__ = ["Due", "Schedule", "zone_of"]

_MOST_MISSED: Final = 1_000
"""Missed slots are counted so far."""


@dataclass(frozen=True, slots=True)
class Due:
    """A slot that is due.

    Parameters
    ----------
    slot
        The newest that has passed, in UTC.
    missed
        How many before it were not taken either: one check stands for all of them.
    """

    slot: datetime
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron expression in a time zone.

    Days and weeks begin there. As in Debian's cron, what falls into the hour that a clock leaves
    out runs right after it, and what falls into the hour that comes twice runs once.

    Parameters
    ----------
    text
        Five words: minute, hour, day of the month, month, day of the week.
    timezone
        As ``America/New_York``.

    Examples
    --------
    >>> at = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    >>> Schedule.of("0 6 * * mon", "America/New_York").after(at).isoformat()
    '2026-11-23T11:00:00+00:00'
    """

    text: str
    timezone: str = "UTC"

    @classmethod
    def of(cls, text: str, timezone: str = "UTC") -> Schedule:
        """Check an expression.

        Raises
        ------
        InvalidInput
            It is none, never comes, or comes more often than once a minute.
        """
        from cronsim import CronSimError

        schedule = cls(" ".join(text.split()), timezone)
        if len(schedule.text.split()) != 5:
            raise InvalidInput(
                f"A schedule has five words, minute hour day month weekday, as '0 6 * * mon'; got "
                f"{text!r}."
            )
        zone_of(timezone)
        try:
            schedule.after(datetime.now(UTC))
        except (CronSimError, StopIteration, OverflowError) as error:
            why = f"{str(error)[:1].lower()}{str(error)[1:]}" or "it never comes"
            raise InvalidInput(f"{text!r} is no schedule: {why}.") from error
        return schedule

    def after(self, moment: datetime) -> datetime:
        """The first slot after a moment, in UTC."""
        return next(self._slots(moment))

    def due(self, last: datetime, now: datetime) -> Due | None:
        """The slot that is to be taken now, or None.

        Parameters
        ----------
        last
            The newest slot that was taken; before the first, the moment from which on it counts.
        """
        slots = islice(self._slots(now, back=True), _MOST_MISSED)
        newest = next(slots, None)
        if newest is None or newest <= last:
            return None
        missed = 0
        for slot in slots:
            if slot <= last:
                break
            missed += 1
        return Due(newest, missed)

    def _slots(self, moment: datetime, *, back: bool = False) -> Iterator[datetime]:
        from cronsim import CronSim

        local = moment.astimezone(zone_of(self.timezone))
        if back:
            # A slot that is right now is due: the search begins behind it.
            local = moment.astimezone(UTC).replace(microsecond=0)
            local = datetime.fromtimestamp(local.timestamp() + 1, zone_of(self.timezone))
        for slot in CronSim(self.text, local, reverse=back):
            yield slot.astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    """Give a time zone by its name.

    Raises
    ------
    InvalidInput
        There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidInput(
            f"There is no time zone {name!r}: write one such as UTC or America/New_York."
        ) from error
