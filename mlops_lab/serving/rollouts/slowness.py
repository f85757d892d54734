"""The hard stop for slow canaries: its p99 is over twice the baseline in three windows on end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mlops_lab.serving import latency
from mlops_lab.wording import number

__all__ = ["SlowWindows"]

TIMES: Final = 2.0
"""How much slower than its base's p99 a canary's p99 may be."""

WINDOWS: Final = 3
"""Windows on end that say so."""

WINDOW_REQUESTS: Final = 20
"""Answers of the candidate that a window has at least."""

WINDOW_US: Final = 10_000_000
"""A window is at least 10 s long: one pause of the machine does not fill two."""

BASELINE: Final = 100
"""Answers of the base from which on its p99 is one."""

SURE: Final = 0.01
"""A window says it when its p99 is over the limit with this probability of an error."""


class SlowWindows:
    """Cuts the answers of a canary into windows and compares them with its base's.

    In a small window the 99 % quantile is its maximum, and one slow answer is no slow model. So a
    window speaks when so many answers are over the limit that its 99 % quantile lies over it with
    a certainty of 99 %, by the binomial law. The baseline is the greater of the base's p99 since
    the rollout began and its p99 within the window: a machine that is slow for both blames nobody.

    Parameters
    ----------
    p99_ms
        The limit that people set, which counts when it is above twice the baseline; or None.
    """

    def __init__(self, p99_ms: float | None) -> None:
        self._p99_ms = p99_ms
        self.slow_ms = p99_ms
        self._base: dict[int, int] = {}
        self._began: int | None = None
        self._window: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._over = 0

    def look(self, now: int, base: Mapping[int, int], candidate: Mapping[int, int]) -> str | None:
        """Take what was answered since the last look; say what is slow when three windows are.

        Parameters
        ----------
        now
            µs, UTC.
        base, candidate
            How many answers fell in each bucket.
        """
        latency.merge(self._base, base)
        latency.merge(self._window[0], base)
        latency.merge(self._window[1], candidate)
        if self._began is None:
            self._began = now
        if sum(self._base.values()) < BASELINE:
            return None
        full = sum(self._window[1].values()) >= WINDOW_REQUESTS and now - self._began >= WINDOW_US
        if not full and self.slow_ms is not None:
            return None
        usual = latency.quantile(self._base, 0.99) or 0.0
        if self.slow_ms is None:
            self.slow_ms = _round(1000.0 * TIMES * usual)
        if not full:
            return None
        within = self._window[0]
        recent = latency.quantile(within, 0.99) if sum(within.values()) >= BASELINE else None
        limit_s = max(TIMES * max(usual, recent or 0.0), (self._p99_ms or 0.0) / 1000.0)
        mine = latency.quantile(self._window[1], 0.99) or 0.0
        self._over = self._over + 1 if _surely_over(self._window[1], limit_s) else 0
        self._window, self._began = ({}, {}), now
        if self._over < WINDOWS:
            return None
        return (
            f"answered 1 of 100 requests in {number(1000.0 * mine, 2)} ms or more, in three "
            f"windows on end; at most {number(1000.0 * limit_s, 2)} ms are allowed."
        )

    def to_json(self) -> dict[str, Any]:
        """Give what it keeps; the window under way begins anew."""
        return {"slow_ms": self.slow_ms, "base": sorted(self._base.items()), "over": self._over}

    @classmethod
    def from_json(cls, p99_ms: float | None, data: Mapping[str, Any]) -> SlowWindows:
        """Read what `to_json` gave."""
        windows = cls(p99_ms)
        windows.slow_ms = None if data["slow_ms"] is None else float(data["slow_ms"])
        windows._base = {int(bucket): int(count) for bucket, count in data["base"]}
        windows._over = int(data["over"])
        return windows


def _surely_over(counts: Mapping[int, int], limit_s: float) -> bool:
    from scipy.special import bdtrc

    total = sum(counts.values())
    # A bucket counts when all of it is over the limit.
    over = sum(n for index, n in counts.items() if index and latency.upper_s(index - 1) >= limit_s)
    return over > 0 and float(bdtrc(over - 1, total, 0.01)) < SURE


def _round(ms: float) -> float:
    """Two digits are enough for a limit that people read."""
    return float(f"{ms:.2g}")
