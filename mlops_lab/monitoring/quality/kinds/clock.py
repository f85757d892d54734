"""``clock``: the daily profile moved by whole hours: a time zone, or daylight saving time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.wording import counted, number

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.quality.material import Material
    from mlops_lab.monitoring.records import QualityFinding

    Profile = npt.NDArray[np.float64]

__all__ = ["CHECK"]

APART: Final = 0.03
"""How far (total variation, above what chance gives) the profile must be from the usual one …"""
LEFT: Final = 0.4
"""… and which share of that may be left after turning it back."""
STRUCTURE: Final = 0.04
"""How far the usual profile is from itself, turned: a flat one says nothing of hours."""

ROWS: Final = 300
"""A profile of 24 hours needs as many rows as that."""

ZONES: Final = ("America/New_York", "Europe/Berlin", "Australia/Sydney")
"""Whose clocks change on the days on which most clocks do."""


class Clock(Check):
    """Times in another time zone, and local times read as UTC."""

    name = "clock"
    about = "A daily profile that moved by whole hours."
    rank = 31

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """Turn each chunk's profile by every number of hours, and see which fits."""
        import numpy as np

        found = looking.scans.hours
        if found is None:
            return
        material = looking.material
        by_place, usual_rows = found
        usual = np.array(usual_rows, dtype=float)
        if usual.sum() < ROWS or (usual > 0).sum() < 2:
            return
        usual /= usual.sum()
        before: tuple[int, int] = (0, -2)
        first = 0
        regular: datetime | None = None
        for place, rows in sorted(by_place.items()):
            now = np.array(rows, dtype=float)
            if now.sum() < max(ROWS, material.policy.small) or not _is_whole(place, material):
                continue
            now /= now.sum()
            hours = _shift(now, usual, float(sum(rows)), float(sum(usual_rows)))
            if hours == 0:
                regular = material.chunks[place].from_
                continue
            first = first if before == (hours, place - 1) else place
            before = (hours, place)
            raw, left = _apart(now, usual), _apart(np.roll(now, -hours), usual)
            yield looking.found(
                self,
                "alert" if abs(hours) > 1 else "warn",
                f"{material.time} is {counted(abs(hours), 'hour')} "
                f"{'later' if hours > 0 else 'earlier'} than usual"
                f"{material.since(first, place)}: moved back, the rows of the day fall as before "
                f"(total variation {number(raw, 2)} → {number(left, 2)}). "
                f"{_advice(hours, first, material, regular)}",
                column=material.time,
                place=place,
                value=float(hours),
                usual=0.0,
                explains=True,
            )


CHECK = Clock()


def _shift(now: Profile, usual: Profile, rows: float, usual_rows: float) -> int:
    """By how many hours the profile is late, from −11 to 12; 0 where no shift explains it."""
    import numpy as np

    chance = _chance(usual, rows, usual_rows)
    raw = _apart(now, usual) - chance
    if raw < APART:
        return 0
    shifts = range(-11, 13)
    apart = {hours: _apart(np.roll(now, -hours), usual) - chance for hours in shifts}
    best = min(shifts, key=lambda hours: (apart[hours], abs(hours)))
    own = _apart(np.roll(usual, best), usual)
    if best == 0 or apart[best] > LEFT * raw or own < STRUCTURE or raw < own / 2:
        return 0
    return best


def _chance(profile: Profile, n: float, m: float) -> float:
    """The total variation that two samples of one profile have on average."""
    import numpy as np

    return float(np.sqrt(profile * (1 - profile) * (1 / n + 1 / m) * 2 / np.pi).sum()) / 2


def _apart(a: Profile, b: Profile) -> float:
    return float(abs(a - b).sum()) / 2


def _is_whole(place: int, material: Material) -> bool:
    """Whether a chunk has whole days: of an hour or half a day a profile says nothing."""
    chunk = material.chunks[place]
    if chunk.from_ is None or chunk.until is None or place in material.partial:
        return False
    return chunk.until - chunk.from_ >= timedelta(hours=23)


def _advice(hours: int, place: int, material: Material, regular: datetime | None) -> str:
    if abs(hours) > 1:
        return "Look for local times that are read as UTC, or a time zone that was lost."
    changed = _clock_change(hours, place, material, regular)
    if changed:
        return (
            f"The clocks changed on {changed}: what follows the local clock moves by an hour in "
            f"{material.timezone}. Count in the data's own time zone: timezone=…"
        )
    return "Look for a time zone that was lost, or clocks that were not changed."


def _clock_change(
    hours: int, place: int, material: Material, regular: datetime | None
) -> str | None:
    """When clocks changed, where the chunks' own time zone has no such day.

    Not before the last chunk that was as usual (`regular` is when it began), or in the weeks before
    the first one.
    """
    start = material.chunks[place].from_
    until = material.chunks[place].until
    if (
        start is None
        or until is None
        or _offset(material.timezone, start)
        != _offset(material.timezone, start - timedelta(days=100))
    ):
        return None
    day = until
    earliest = start - timedelta(days=35) if regular is None else regular
    while day > earliest:
        for zone in ZONES:
            # Where clocks go forward, what follows them is earlier in a zone that stays.
            if _offset(zone, day) - _offset(zone, day - timedelta(days=1)) == timedelta(
                hours=-hours
            ):
                local = (day - timedelta(hours=12)).astimezone(ZoneInfo(zone))
                return f"{local.day} {local:%B} (as in {zone})"
        day -= timedelta(days=1)
    return None


def _offset(zone: str, at: datetime) -> timedelta:
    return at.astimezone(ZoneInfo(zone)).utcoffset() or timedelta(0)
