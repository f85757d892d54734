"""``volume``: many more or many fewer rows than usual, or a chunk without any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import log
from statistics import median
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from mlops_lab.monitoring.policy import natural_range
from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.wording import counted, during, number, period, share

if TYPE_CHECKING:
    from mlops_lab.compute.chunks import Chunk
    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.quality.material import Material
    from mlops_lab.monitoring.records import QualityFinding

__all__ = ["CHECK"]

WARN: Final = 1.5
ALERT: Final = 3.0
"""Times as many rows as usual, or as few."""

CHANCE: Final = 4.0
"""And further away than so many square roots: what comes row by row strays by one of them."""

BEFORE: Final = 8
"""So many chunks before say what is usual …"""
FEWEST: Final = 3
"""… if there are as many as that; else the others, and the reference's own chunks."""


class Volume(Check):
    """Files that came twice or not at all show in the number of rows."""

    name = "volume"
    about = "Many more or fewer rows than usual, and periods without any."
    rank = 50

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """Compare each chunk's rows with those of the chunks before it."""
        material = looking.material
        if len({chunk.until is None for chunk in material.chunks}) != 1 or _is_cut(material):
            return
        yield from self._gaps(looking)
        spread = _spread(material)
        for place in range(len(material.chunks)):
            if place in material.partial:
                continue
            usual = _usual(place, material)
            rows = material.current[place].rows
            if usual is None or not rows:
                continue
            ratio = rows / usual
            if abs(rows - usual) < CHANCE * usual**0.5:
                continue
            if 1 / WARN < ratio < WARN or (spread is not None and abs(log(ratio)) <= spread):
                continue
            # A reference with other rows than a day's (a sample of it) says nothing of volume.
            state = "alert" if not 1 / ALERT < ratio < ALERT else "warn"
            told = f"{number(ratio, 2)} times" if ratio > 1 else f"{share(round(ratio, 2))} of"
            what = (
                "Look for a file that came twice, or rows that a join made more of."
                if ratio > 1
                else "Look for a file that did not come whole, or a filter that takes more."
            )
            yield looking.found(
                self,
                state,
                f"{counted(rows, 'row')} came {during(material.labels[place])}, {told} the usual "
                f"{number(round(usual))}. {what}",
                place=place,
                value=float(rows),
                usual=float(usual),
            )

    def _gaps(self, looking: Looking) -> Iterator[QualityFinding]:
        """Periods between two chunks from which nothing came."""
        material = looking.material
        usual = _longest(material)
        for place in range(1, len(material.chunks)):
            before, after = material.chunks[place - 1], material.chunks[place]
            if before.until is None or after.from_ is None or before.from_ is None:
                continue
            if after.from_ - before.until <= usual:
                continue
            missing = max(1, round((after.from_ - before.until) / (before.until - before.from_)))
            silent = _between(before.until, after.from_, material)
            yield looking.found(
                self,
                "alert",
                f"No row at all is from {silent}: {counted(missing, _noun(before))} without data. "
                "Look for files that did not come.",
                place=place,
                value=0.0,
                usual=_usual(place, material),
            )


CHECK = Volume()


def _is_cut(material: Material) -> bool:
    """Whether chunks have as many rows as they were given: nothing to see there."""
    return (
        not material.chunks
        or not any(one.from_ for one in material.chunks)
        or (material.chunks[0].key.isdigit())
    )


def _usual(place: int, material: Material) -> float | None:
    """Rows of the chunks before; of the first ones, of the others or of the reference's own.

    A reference may be a sample, and most of the others may be wrong: only what is odd beside both
    is odd, so the nearer of the two counts.
    """
    there = [one for one in range(len(material.chunks)) if one not in material.partial]
    before = [one for one in there if one < place][-BEFORE:]
    if len(before) >= FEWEST:
        return float(median(material.current[one].rows for one in before))
    usual = []
    others = [material.current[one].rows for one in there if one != place]
    own = [part.rows for part, _ in material.own_at(place)]
    if len(others) >= FEWEST:
        usual.append(float(median(others)))
    if len(own) >= material.policy.natural_chunks:
        usual.append(float(median(own)))
    rows = max(material.current[place].rows, 1)
    return min((one for one in usual if one), key=lambda one: abs(log(rows / one)), default=None)


def _spread(material: Material) -> float | None:
    """How far, as a logarithm, the volume of the reference's own chunks strays."""
    own = [log(part.rows) for part, _ in material.own if part.rows]
    natural = natural_range(own, material.policy)
    return None if natural is None else natural.radius


def _lengths(chunks: Sequence[Chunk]) -> list[timedelta]:
    """How long nothing came, before each chunk but the first."""
    return [
        after.from_ - before.until
        for before, after in pairwise(chunks)
        if after.from_ is not None and before.until is not None
    ]


def _longest(material: Material) -> timedelta:
    """The longest silence that is usual: nobody works on Sundays."""
    usual = max(_lengths(material.reference_chunks), default=timedelta(0))
    here = sorted(_lengths(material.chunks), reverse=True)
    # What comes again and again within the data is usual as well.
    often = len(here) // 20 + 1
    return max(usual, here[often] if len(here) > often else timedelta(0))


def _noun(chunk: Chunk) -> str:
    """What a period of that length is called."""
    assert chunk.from_ is not None
    assert chunk.until is not None
    length = chunk.until - chunk.from_
    for most, noun in ((timedelta(hours=2), "hour"), (timedelta(hours=26), "day")):
        if length < most:
            return noun
    return "week" if length < timedelta(days=8) else "month"


def _between(start: datetime, end: datetime, material: Material) -> str:
    """From when to when, on the clock of the chunks' zone."""
    zone = ZoneInfo(material.timezone)
    first, last = (at.astimezone(zone).replace(tzinfo=None) for at in (start, end))
    if last - first >= timedelta(hours=23):
        return period(first, last)
    return f"{first.day} {first:%B %H:%M} to {last:%H:%M}"
