"""Bad events in the order in which they happened, whatever worker tells of them first.

Workers report five times a second, one after the other, and a busy one late. If the candidate's
events of a second were counted before its base's of the same second, it would look bad each time:
so nothing is given out that is later than the last report of any worker.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from operator import itemgetter
from typing import Any, Final

__all__ = ["InOrder"]

PATIENCE_US: Final = 5_000_000
"""A worker that was silent for so long is waited for no more; it is killed by then."""

SETTLE_US: Final = 1_000_000
"""After a change of the share, until all workers route by it: what happens then is not counted."""

Event = tuple[str, str, str]
"""Metric, revision, and the unit's key."""

_AT: Final = itemgetter(0)


class InOrder:
    """Puts events of several workers into the order of time. Not thread-safe.

    Examples
    --------
    >>> order = InOrder()
    >>> order.add("r2-0", 30, [("error", "r2", "b", 20)])
    >>> order.add("r1-0", 25, [("error", "r1", "a", 10), ("error", "r1", "c", 24)])
    >>> order.until(40)
    [('error', 'r1', 'a'), ('error', 'r2', 'b'), ('error', 'r1', 'c')]
    """

    def __init__(self) -> None:
        self._events: list[tuple[int, Event]] = []
        self._heard: dict[Any, int] = {}
        self._from = 0

    def add(self, worker: Any, t: int, events: Iterable[tuple[str, str, str, int]]) -> None:
        """Take a worker's report.

        Parameters
        ----------
        worker
            Whose.
        t
            When it was made, in µs, UTC: it told all that happened until then.
        events
            ``(metric, revision, unit key, µs)``.
        """
        self._heard[worker] = max(t, self._heard.get(worker, 0))
        for metric, revision, unit, at in events:
            if at >= self._from:
                bisect.insort(self._events, (at, (metric, revision, unit)), key=_AT)

    def until(self, now: int) -> list[Event]:
        """Give out, in their order, the events until which every worker has told its own.

        Parameters
        ----------
        now
            µs, UTC.
        """
        self._heard = {w: t for w, t in self._heard.items() if t > now - PATIENCE_US}
        known = min(self._heard.values(), default=now)
        count = bisect.bisect_right(self._events, known, key=_AT)
        given, self._events = self._events[:count], self._events[count:]
        return [event for _, event in given]

    def begin(self, now: int) -> list[Event]:
        """Begin anew, as the share changes: give out what is left, and pass over what comes until
        every worker knows of it.

        Parameters
        ----------
        now
            µs, UTC.
        """
        left = [event for at, event in self._events if at < now]
        self._events, self._from = [], now + SETTLE_US
        return left
