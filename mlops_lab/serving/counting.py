"""What a worker counts: totals for its metrics, and what came since its last report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mlops_lab.serving.latency import bucket

__all__ = ["COUNTS", "Counts", "Totals"]

COUNTS: Final = ("requests", "rows", "errors", "rejected", "timeouts", "overload", "forwarded")
"""What is counted for each role.

``errors`` are answers of 500 and above, ``rejected`` those of 400 to 499; ``timeouts`` (504) are
errors too, ``overload`` (429) is rejected too. ``forwarded`` requests are answered by another
worker and are among nothing else here.
"""

_MOST_UNITS: Final = 10_000

Event = tuple[str, str, str, int]
"""A bad event of a unit under a rollout: metric (error, slow, reject), revision, the unit's key,
and when it happened, in µs, UTC: the guard counts events in their order."""


@dataclass(slots=True)
class Totals:
    """What was counted since the worker began.

    Attributes
    ----------
    roles
        By role and count of `COUNTS`.
    latency
        How many answers fell into each bucket of `mlops_lab.serving.latency`.
    seconds
        What all answers took together.
    """

    roles: dict[str, Counter[str]] = field(default_factory=dict)
    latency: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0


class Counts:
    """A worker's counts. Of the event loop's thread alone."""

    def __init__(self) -> None:
        self.totals = Totals()
        self._told: dict[str, Counter[str]] = {}
        self._told_latency: Counter[int] = Counter()
        self._units: list[Event] = []

    def answered(self, role: str, status: int, rows: int, seconds: float) -> None:
        """Count an answer that this worker gave."""
        counts = self._of(role)
        counts["requests"] += 1
        counts["rows"] += rows
        if status >= 500:
            counts["errors"] += 1
            if status == 504:
                counts["timeouts"] += 1
        elif status >= 400:
            counts["rejected"] += 1
            if status == 429:
                counts["overload"] += 1
        self.totals.latency[bucket(seconds)] += 1
        self.totals.seconds += seconds

    def forwarded(self, role: str) -> None:
        """Count a request that another worker answered."""
        self._of(role)["forwarded"] += 1

    def bad(self, event: Event) -> None:
        """Note a bad event of a unit; the supervisor makes sure that each counts once."""
        if len(self._units) < _MOST_UNITS:
            self._units.append(event)

    def since(self) -> tuple[dict[str, Any], list[tuple[int, int]], list[Event]]:
        """Give what came since `told`: counts by role, latencies by bucket, events."""
        counts = {
            role: dict(more)
            for role, now in self.totals.roles.items()
            if (more := now - self._told.get(role, Counter()))
        }
        return counts, list((self.totals.latency - self._told_latency).items()), self._units

    def told(self) -> None:
        """Note that what `since` gave has arrived; nothing was counted in between."""
        self._told = {role: now.copy() for role, now in self.totals.roles.items()}
        self._told_latency = self.totals.latency.copy()
        self._units = []

    def to_json(self) -> Mapping[str, Any]:
        """Give the totals as JSON, for the metrics of the whole endpoint."""
        return {
            "roles": {role: dict(counts) for role, counts in self.totals.roles.items()},
            "latency": list(self.totals.latency.items()),
            "seconds": self.totals.seconds,
        }

    def _of(self, role: str) -> Counter[str]:
        found = self.totals.roles.get(role)
        if found is None:
            found = self.totals.roles[role] = Counter(dict.fromkeys(COUNTS, 0))
        return found
