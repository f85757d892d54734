"""Edges of a histogram that a person would choose."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise

__all__ = ["MAX_BINS", "number_edges", "time_edges"]

MAX_BINS = 30

_FAR = 0.5
"""A value further from the middle 98 % than this share of its width gets into a wide last bin."""

_EXACT = 2.0**52
"""Halves of whole numbers above are no doubles."""

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)

# Seconds that people count time in; from a month on it is the calendar.
_TIMES = (
    1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1,
    1, 2, 5, 10, 15, 30,
    60, 120, 300, 600, 900, 1800,
    3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600,
    86400, 2 * 86400, 7 * 86400, 14 * 86400,
)  # fmt: skip
_MONTHS = (1, 2, 3, 6)


def number_edges(
    least: float, most: float, *, low: float, high: float, whole: bool
) -> list[float] | None:
    """At most 31 edges over all values, at round numbers.

    Parameters
    ----------
    least, most
        The smallest and largest value; finite.
    low, high
        The first and last percentile. Where values lie far outside of them the first or last bin
        reaches out to them, instead of flattening all others.
    whole
        The values are whole numbers: a bin holds whole numbers of them.

    Returns
    -------
    list of float
        Ascending, ``edges[0] <= least`` and ``most <= edges[-1]``; None where floating point has
        no room for them.

    >>> number_edges(0, 1048, low=0, high=40, whole=False)[-3:]
    [38.0, 40.0, 1048.0]
    """
    if whole and most - least < MAX_BINS and abs(most) < _EXACT:
        start = least - 0.5
        return [start + i for i in range(int(most - least) + 2)]
    if most == least:
        width = max(0.5, abs(most) * 0.05)
        edges = [most - width, most + width]
        return edges if all(map(math.isfinite, edges)) else None
    first, last = _near(least, most, low, high)
    width = last - first
    if not math.isfinite(width) or width <= 0:
        return None
    room = MAX_BINS - (first > least) - (last < most)
    step = _nice(width / room, whole)
    while math.ceil(last / step) - math.floor(first / step) > room:
        step = _nice(step * 1.01, whole)
    start, end = math.floor(first / step), math.ceil(last / step)
    # Products, not sums: an edge must be the number that it is written as.
    edges = [_clean(i * step, step) for i in range(start, end + 1)]
    if edges[0] > least:
        edges.insert(0, float(least))
    if edges[-1] < most:
        edges.append(float(most))
    if any(a >= b for a, b in pairwise(edges)) or not all(map(math.isfinite, edges)):
        return None  # the step is below what a double can tell apart, or an end above what it holds
    return edges


def time_edges(
    least: float, most: float, *, low: float, high: float, unit: float = 1.0
) -> list[float]:
    """At most 31 edges in seconds since 1970, at full seconds, hours, days, months or years (UTC).

    Parameters
    ----------
    least, most, low, high
        As in `number_edges`: a date that stands for "never" does not flatten the others.
    unit
        The narrowest bin where all values are equal; of dates, of any: 86,400.

    >>> edges = time_edges(0, 99e6, low=0, high=99e6)
    >>> [datetime.fromtimestamp(edge, UTC).isoformat()[:7] for edge in edges[:3]]
    ['1970-01', '1970-03', '1970-05']
    """
    if most <= least:
        return [least, least + unit]
    first, last = _near(least, most, low, high)
    far = (first > least) + (last < most)
    edges = _round_times(first, last, MAX_BINS - far, unit if unit > 1 else 0.0)
    if edges[0] > least:
        edges.insert(0, least)
    if edges[-1] < most:
        edges.append(most)
    return edges


def _near(least: float, most: float, low: float, high: float) -> tuple[float, float]:
    """The ends of the values but for those that lie far outside."""
    span = high - low
    first = least if span <= 0 or low - least <= _FAR * span else low
    last = most if span <= 0 or most - high <= _FAR * span else high
    return (first, last) if first < last else (least, most)


def _round_times(least: float, most: float, room: int, narrowest: float) -> list[float]:
    width = most - least
    for step in _TIMES:
        # Weeks begin on Monday; 1970 began on a Thursday.
        shift = 4 * 86400 if step in (7 * 86400, 14 * 86400) else 0
        start = math.floor((least - shift) / step)
        end = max(math.ceil((most - shift) / step), start + 1)
        if end - start <= room and step >= narrowest:
            return [i * step + shift for i in range(start, end + 1)]
    if not -46_000_000_000 < least <= most < 230_000_000_000:  # outside of the years 512 to 9258
        return [least + i * width / room for i in range(room)] + [most]
    return _calendar(least, most, room)


def _calendar(least: float, most: float, room: int) -> list[float]:
    first, last = datetime.fromtimestamp(least, UTC), datetime.fromtimestamp(most, UTC)
    from_month = first.year * 12 + first.month - 1
    to_month = last.year * 12 + last.month  # of the edge after the last value
    steps = [*_MONTHS, *(12 * years for years in (1, 2, 5, 10, 20, 50, 100, 200, 500))]
    step = next(s for s in steps if -(-to_month // s) - from_month // s <= room)
    months = range(from_month // step * step, -(-to_month // step) * step + 1, step)
    return [datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp() for month in months]


def _nice(step: float, whole: bool) -> float:
    exponent = math.floor(math.log10(step)) if step > 0 else 0
    power = 10.0**exponent
    found = next(n * power for n in _STEPS if n * power >= step * (1 - 1e-12))
    return float(max(1, math.ceil(found))) if whole else found


def _clean(edge: float, step: float) -> float:
    """Without the digits that multiplying with a decimal fraction leaves behind."""
    digits = 2 - math.floor(math.log10(step))
    return round(edge, digits) + 0.0 if digits < 300 else edge
