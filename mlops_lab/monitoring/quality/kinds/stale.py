"""``stale``: a source that stopped while rows go on: old times, and values that stand still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from mlops_lab.compute.feed import is_zoned
from mlops_lab.monitoring.policy import natural_range
from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.wording import counted, listed

if TYPE_CHECKING:
    from mlops_lab.compute.feed import DayValues
    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.quality.material import Material
    from mlops_lab.monitoring.records import QualityFinding

__all__ = ["CHECK"]

LATE: Final = 3.0
"""How many times as far behind as ever before a time must be …"""
AT_LEAST_S: Final = 3_600.0
"""… and how many seconds."""

STILL: Final = 3
"""How many times fewer values than on any usual day a day must bring, in two columns …"""
STILL_ALONE: Final = 6
"""… or in one."""

VARIED: Final = 8
"""Values that a usual day has at least, where their absence says something."""

ROWS: Final = 100
"""Rows that a day needs."""

HALF_A_DAY_S: Final = 13 * 3_600.0
"""As far may a time be behind where the clock of the rows was found to be wrong."""


@dataclass(frozen=True, slots=True)
class _Still:
    """A column on a day on which it brought far fewer values than ever."""

    name: str
    day: datetime
    values: int
    least: int

    @property
    def is_clear(self) -> bool:
        return self.values * STILL_ALONE <= self.least


class Stale(Check):
    """A feed that is dead, and a join that goes on to give its last value."""

    name = "stale"
    about = "A source that stopped: times that stay behind, values that stand still."
    rank = 32

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """First the times, which say exactly when; then the values."""
        yield from self._times(looking)
        yield from self._values(looking)

    def _times(self, looking: Looking) -> Iterator[QualityFinding]:
        """Other columns of times: how far their newest one is behind the newest row."""
        material = looking.material
        if material.time is None or material.time not in material.names:
            return
        others = [
            name
            for name in material.names
            if material.grids[name].kind == "time" and name != material.time
        ]
        for name in others:
            first, last = 0, -2
            for place in range(len(material.chunks)):
                behind, usual = _behind(name, place, material), _usual_behind(name, place, material)
                if behind is None or usual is None:
                    continue
                if behind < max(LATE * usual, usual + AT_LEAST_S):
                    continue
                clock = any(looking.is_explained(material.time, one) for one in (place - 1, place))
                if clock and behind < usual + HALF_A_DAY_S:
                    continue
                first, last = (first if last == place - 1 else place), place
                stopped = _at(name, place, material)
                newest = _at(material.time, place, material)
                yield looking.found(
                    self,
                    "alert",
                    f"{name} stops at {stopped}, and rows go on until {newest}: "
                    f"{_length(behind)} behind, usually at most {_length(usual)}"
                    f"{material.since(first, place)}. Look whether its source still delivers; what "
                    "is joined from it is old.",
                    column=name,
                    place=place,
                    value=behind,
                    usual=usual,
                )

    def _values(self, looking: Looking) -> Iterator[QualityFinding]:
        """Columns that bring far fewer different values in a day than ever."""
        material = looking.material
        columns = tuple(
            name
            for name in material.names
            if material.grids[name].kind in ("number", "integer") and name not in material.ignored
        )
        if not columns or material.time is None or not _is_dated(material):
            return
        usual = looking.scans.values("reference", columns)
        now = looking.scans.values("current", columns) if usual is not None else None
        if usual is None or now is None:
            return
        still: dict[int, list[_Still]] = {}
        for one in _days_still(now, _least(usual)):
            place = _place(one.day, material)
            if place is not None and not looking.is_explained(one.name, place):
                still.setdefault(place, []).append(one)
        for place, found in still.items():
            names = list(dict.fromkeys(one.name for one in found))
            if len(names) < 2 and not any(one.is_clear for one in found):
                continue
            worst = min(found, key=lambda one: one.values / one.least)
            days = sorted({one.day for one in found})
            on = f"on {_day(days[0])}"
            if len(days) > 1:
                on = f"on {counted(len(days), 'day')} from {_day(days[0])}"
            yield looking.found(
                self,
                "alert",
                f"{listed(names)} {'stands' if len(names) == 1 else 'stand'} still {on}: "
                f"{worst.name} has {counted(worst.values, 'value')} a day, and in the reference at "
                f"least {worst.least:,}. Look whether the source still delivers; a join without a "
                "time limit goes on with its last value.",
                column=worst.name,
                place=place,
                value=float(worst.values),
                usual=float(worst.least),
            )


CHECK = Stale()


def _behind(name: str, place: int, material: Material) -> float | None:
    """Seconds from the newest time of a column to the newest row, in a chunk."""
    assert material.time is not None
    window = material.current[place].columns
    newest, other = window[material.time], window[name]
    return newest.max - other.max if newest.total and other.total else None


def _usual_behind(name: str, place: int, material: Material) -> float | None:
    """As far as it is ever behind at the end of a chunk of the reference."""
    assert material.time is not None
    own = [
        part[material.time].max - part[name].max
        for part, _ in material.own_at(place)
        if name in part.columns and part[name].total and part[material.time].total
    ]
    if not own:
        before = [_behind(name, one, material) for one in range(max(0, place - 8), place)]
        own = [one for one in before if one is not None]
        if len(own) < 3:
            return None
    natural = natural_range(own, material.policy)
    return max(natural.high if natural is not None else max(own), 0.0)


def _is_dated(material: Material) -> bool:
    return bool(material.chunks) and all(chunk.from_ is not None for chunk in material.chunks)


def _least(usual: DayValues) -> dict[str, tuple[int, int]]:
    """By column the fewest values of a usual day, and how many rows such days have at least."""
    if len(usual.days) < 3:
        return {}
    full = max(ROWS, sorted(usual.rows)[len(usual.rows) // 2] // 2)
    days = [i for i, rows in enumerate(usual.rows) if rows >= full]
    if len(days) < 3:
        return {}
    return {name: (min(values[i] for i in days), full) for name, values in usual.values.items()}


def _days_still(now: DayValues, least: dict[str, tuple[int, int]]) -> Iterator[_Still]:
    for name, (floor, full) in least.items():
        if floor < VARIED:
            continue
        for day, rows, values in zip(now.days, now.rows, now.values[name], strict=True):
            # With fewer rows there are fewer values: only full days say something.
            if rows >= full and 0 < values * STILL <= floor:
                yield _Still(name, day, values, floor)


def _place(day: datetime, material: Material) -> int | None:
    # Noon: where days of the column's clock and of the chunks differ, most of it is in the chunk.
    noon = (day + timedelta(hours=12)).replace(tzinfo=ZoneInfo(material.timezone))
    for place, chunk in enumerate(material.chunks):
        if (
            chunk.from_ is not None
            and chunk.until is not None
            and chunk.from_ <= noon < chunk.until
        ):
            return place
    return None


def _at(name: str, place: int, material: Material) -> str:
    """A column's newest time in a chunk: as it is, or in the chunks' zone where it has one."""
    at = datetime.fromtimestamp(0, UTC) + timedelta(seconds=material.now(place, name).max)
    if is_zoned(material.types[name]):
        at = at.astimezone(ZoneInfo(material.timezone))
    return f"{at.day} {at:%B %H:%M}"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B}"


def _length(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} seconds"
