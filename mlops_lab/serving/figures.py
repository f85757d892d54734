"""The live figures of an endpoint: what its workers report, added up per revision."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mlops_lab.serving.latency import merge, quantile
from mlops_lab.serving.status import RevisionStatus, Status

__all__ = ["Figures", "RevisionFigures"]

STEP_S: Final = 5
"""Seconds of one point of the ring."""

STEPS: Final = 180
"""Points of the ring: 15 minutes."""

_RECENT: Final = 12
"""Points that the answer times of now are taken from: the last minute."""

_RATE: Final = 2
"""Points that the requests per second of now are taken from."""

_COUNTS: Final = ("requests", "rows", "errors", "rejected")


@dataclass(slots=True)
class _Step:
    requests: int = 0
    errors: int = 0
    latency: dict[int, int] = field(default_factory=dict)

    def point(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "errors": self.errors,
            "p50_ms": _ms(quantile(self.latency, 0.5)),
            "p99_ms": _ms(quantile(self.latency, 0.99)),
        }


class RevisionFigures:
    """What one revision answered."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self.ring: deque[dict[str, Any]] = deque(maxlen=STEPS)
        self._steps: deque[_Step] = deque([_Step()], maxlen=_RECENT + 1)
        self._new_requests = 0
        self._new_latency: dict[int, int] = {}

    def add(self, counts: Mapping[str, Mapping[str, int]], latency: Iterable[Any]) -> None:
        """Add a report of one of its workers."""
        step = self._steps[-1]
        told = [(int(bucket), int(count)) for bucket, count in latency]
        for role in counts.values():
            for name in _COUNTS:
                self.totals[name] += int(role.get(name, 0))
            step.requests += int(role.get("requests", 0))
            step.errors += int(role.get("errors", 0))
            self._new_requests += int(role.get("requests", 0))
        merge(step.latency, told)
        merge(self._new_latency, told)

    def turn(self) -> None:
        """Close the present point of the ring."""
        self.ring.append(self._steps[-1].point())
        self._steps.append(_Step())

    def since_look(self) -> tuple[int, dict[int, int]]:
        """Give requests and latencies since this was asked last."""
        told = self._new_requests, self._new_latency
        self._new_requests, self._new_latency = 0, {}
        return told

    def now(self, elapsed_s: float) -> dict[str, Any]:
        """Give the figures of now.

        Parameters
        ----------
        elapsed_s
            How old the present point is, in seconds.
        """
        latency: dict[int, int] = {}
        for step in self._steps:
            merge(latency, step.latency)
        last = list(self._steps)[-_RATE:]
        span = elapsed_s + STEP_S * (len(last) - 1)
        return {
            **{name: self.totals[name] for name in _COUNTS},
            "rps": round(sum(step.requests for step in last) / max(span, 1.0), 3),
            "p50_ms": _ms(quantile(latency, 0.5)),
            "p99_ms": _ms(quantile(latency, 0.99)),
        }


class Figures:
    """The figures of all revisions of an endpoint.

    Parameters
    ----------
    now_us
        µs, UTC.
    before
        What the supervisor before has written: its totals and its ring go on.
    """

    def __init__(self, now_us: int, before: Status | None = None) -> None:
        self._turned = now_us
        self._times: deque[int] = deque(maxlen=STEPS)
        self._revisions: dict[str, RevisionFigures] = {}
        self.log: Counter[str] = Counter()
        self.shadow: Counter[str] = Counter()
        if before is not None:
            self._restore(before)

    def of(self, revision: str) -> RevisionFigures:
        """The figures of one revision."""
        found = self._revisions.get(revision)
        if found is None:
            found = self._revisions[revision] = RevisionFigures()
        return found

    def report(self, revision: str, message: Mapping[str, Any]) -> None:
        """Add a report of a worker."""
        self.of(revision).add(message.get("counts") or {}, message.get("latency") or ())
        for mine, told in ((self.log, message.get("log")), (self.shadow, message.get("shadow"))):
            for name in ("written", "dropped", "sent"):
                mine[name] += int((told or {}).get(name, 0))

    def turn(self, now_us: int) -> None:
        """Begin new points of the ring as time goes by."""
        if now_us - self._turned > STEP_S * STEPS * 1_000_000:
            self._turned = now_us - STEP_S * STEPS * 1_000_000
        while now_us - self._turned >= STEP_S * 1_000_000:
            self._times.append(self._turned)
            for each in self._revisions.values():
                each.turn()
            self._turned += STEP_S * 1_000_000

    def now(self, revision: str, now_us: int) -> dict[str, Any]:
        """The figures of one revision as its status shows them."""
        return self.of(revision).now((now_us - self._turned) / 1e6)

    def ring(self, revisions: Iterable[str]) -> dict[str, Any]:
        """The last 15 minutes of some revisions, for their charts."""
        times = list(self._times)
        told = {}
        for revision in revisions:
            points = list(self.of(revision).ring)[-len(times) :] if times else []
            # One that came later has no figures of the time before.
            missing = len(times) - len(points)
            told[revision] = {
                name: [empty] * missing + [point[name] for point in points]
                for name, empty in (
                    ("requests", 0),
                    ("errors", 0),
                    ("p50_ms", None),
                    ("p99_ms", None),
                )
            }
        return {"step_s": STEP_S, "t": times, "revisions": told}

    def _restore(self, before: Status) -> None:
        ring = before.ring if isinstance(before.ring, Mapping) else {}
        times = [int(t) for t in ring.get("t") or ()]
        self._times.extend(times)
        for each in before.revisions:
            self._of_before(each, (ring.get("revisions") or {}).get(each.id) or {}, len(times))
        for mine, told in ((self.log, before.log), (self.shadow, before.shadow)):
            mine.update({name: int(n) for name, n in told.items() if isinstance(n, int)})

    def _of_before(self, told: RevisionStatus, ring: Mapping[str, Any], count: int) -> None:
        figures = self.of(told.id)
        for name in _COUNTS:
            figures.totals[name] = int(getattr(told, name))
        columns = [ring.get(name) for name in ("requests", "errors", "p50_ms", "p99_ms")]
        if all(isinstance(column, list) and len(column) == count for column in columns):
            for point in zip(*columns, strict=True):
                names = ("requests", "errors", "p50_ms", "p99_ms")
                figures.ring.append(dict(zip(names, point, strict=True)))


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000.0, 3)
