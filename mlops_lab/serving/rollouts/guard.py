"""The guard of a canary: it looks at every bad event, and rolls back by itself.

Of each metric only a unit's first bad event counts: one broken client that tries again and again
is one event. If the candidate is no worse, that event falls on it with its share of the units, so
the evidence is that of `log_e_above`, and a healthy canary is taken back with a probability of at
most alpha over all looks, all metrics and all changes of the share.

When the share changes, the mixture begins anew, and its evidence multiplies that of the shares
before. Beginning at 1 each time would spend alpha anew with every share: of 1,000 healthy canaries
that rise from 5 to 10, 20 and 50 %, 9 % were taken back like that, and 3 % like this
(tests/bench/rollouts.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mlops_lab.errors import Corrupt
from mlops_lab.serving.records import Rollout
from mlops_lab.serving.rollouts.evalues import log_e_above
from mlops_lab.serving.rollouts.evidence import (
    DOUBT,
    METRICS,
    MOST_E,
    TITLES,
    Evidence,
    MetricEvidence,
    Verdict,
    metric_sentence,
    ratio_evidence,
    weight,
    worse_sentence,
)
from mlops_lab.serving.rollouts.slowness import SlowWindows
from mlops_lab.wording import counted, number, share

__all__ = ["CERTAIN", "CRASHES", "Figures", "Guard", "Side"]

_FORMAT: Final = 1

CRASHES: Final = 3
"""A canary that crashed so often is taken back whatever else it did."""

CERTAIN: Final = 1000.0
"""Evidence at which a canary has more errors than its guard allows, whatever its base has."""

_MOST_SEEN: Final = 100_000
"""Units per metric that are remembered; nothing is counted after them: so many decide anything."""

_HISTORY: Final = 240
"""Points of the chart; more are thinned to half."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one revision answered since the last look.

    Attributes
    ----------
    requests
        Answers, whatever they were.
    latency
        How many fell in each bucket of `mlops_lab.serving.latency`.
    """

    requests: int = 0
    latency: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened since the last look.

    Attributes
    ----------
    base, candidate
        The two revisions.
    crashes
        Of the candidate's workers, since the last look.
    unhealthy
        Why the candidate cannot serve, as a sentence, when it cannot; else None.
    """

    base: Side = field(default_factory=Side)
    candidate: Side = field(default_factory=Side)
    crashes: int = 0
    unhealthy: str | None = None


@dataclass(slots=True)
class _Stage:
    """What was counted while the share was one."""

    share: float
    counts: dict[str, list[int]] = field(default_factory=lambda: {m: [0, 0] for m in METRICS})
    requests: int = 0
    answered: int = 0

    @property
    def w(self) -> float:
        return self.share / 100.0


class Guard:
    """Counts the bad events of a canary and says when it must go.

    Not thread-safe: one loop feeds it and looks.

    Parameters
    ----------
    rollout
        The canary.
    names
        By revision what people call it: ``{"r1": "5", "r2": "6"}``; else its id.

    Examples
    --------
    >>> rollout = Rollout("a" * 32, "canary", candidate="r2", base="r1", share=5.0)
    >>> guard = Guard(rollout, names={"r1": "5", "r2": "6"})
    >>> guard.feed([("error", "r2", f"unit{n}") for n in range(3)])
    >>> guard.look(0, Figures()).sentence.partition(": ")[2]
    "3 of 3 users' first errors fell on 6; chance gives 0.15. E 2,105 of 60."
    """

    def __init__(self, rollout: Rollout, *, names: Mapping[str, str] | None = None) -> None:
        self._rollout = rollout
        self._names = dict(names or {})
        self._stages = [_Stage(rollout.share)]
        self._carried = dict.fromkeys(METRICS, 0.0)
        self._log_e = dict.fromkeys(METRICS, 0.0)
        self._seen: dict[str, set[str]] = {metric: set() for metric in METRICS}
        self._candidate_errors = 0
        self._crashes = 0
        self._windows = SlowWindows(rollout.guard.p99_ms)
        self._stopped: Verdict | None = None
        self._history: dict[str, list[float]] = {"requests": [], **{m: [] for m in METRICS}}
        self._draw()

    @property
    def rollout(self) -> Rollout:
        """What it guards, with the share of now."""
        return self._rollout

    @property
    def limit(self) -> float:
        """The evidence of one metric at which a canary goes: the metrics share alpha."""
        return len(METRICS) / self._rollout.guard.alpha

    @property
    def slow_ms(self) -> float | None:
        """What takes longer is slow; None while the base has answered too little to say it.

        Settled once and kept: a limit that followed the traffic would change what is counted.
        """
        return self._windows.slow_ms

    def follow(self, rollout: Rollout) -> None:
        """Take note of another share of the same rollout: the mixture begins anew.

        Raises
        ------
        ValueError
            It is another rollout, which needs a guard of its own.
        """
        if rollout.id != self._rollout.id:
            raise ValueError(f"This guard is of rollout {self._rollout.id}, not of {rollout.id}.")
        if rollout.share != self._rollout.share:
            self._carried = dict(self._log_e)
            self._stages.append(_Stage(rollout.share))
        self._rollout = rollout

    def feed(self, events: Iterable[tuple[str, str, str]]) -> None:
        """Count bad events, and judge when all of them are counted.

        Parameters
        ----------
        events
            ``(metric, revision, unit key)``, all that happened since the last ones on either side:
            `mlops_lab.serving.rollouts.ordering.InOrder` gives them so. Repeated ones and those of
            other revisions are passed over.
        """
        stage = self._stages[-1]
        touched: set[str] = set()
        for metric, revision, unit in events:
            if revision not in (self._rollout.candidate, self._rollout.base):
                continue
            seen = self._seen.get(metric)
            if seen is None or unit in seen or len(seen) >= _MOST_SEEN:
                continue
            seen.add(unit)
            touched.add(metric)
            counts = stage.counts[metric]
            counts[0] += revision == self._rollout.candidate
            counts[1] += 1
            if metric == "error" and revision == self._rollout.candidate:
                self._candidate_errors += 1
        # Not after each one: within a moment their order may say which side told of them first.
        for metric in METRICS:
            if metric not in touched:
                continue
            counts = stage.counts[metric]
            self._log_e[metric] = self._carried[metric] + log_e_above(counts[0], counts[1], stage.w)
            if self._log_e[metric] >= math.log(self.limit):
                self._stop(metric, self._worse(metric), self._e(metric))

    def look(self, now: int, figures: Figures) -> Verdict:
        """Judge what has come in.

        Parameters
        ----------
        now
            µs, UTC.
        figures
            What happened since the last look.
        """
        both = figures.base.requests + figures.candidate.requests
        self._stages[-1].requests += both
        self._stages[-1].answered += figures.candidate.requests
        self._crashes += figures.crashes
        name = self._name(self._rollout.candidate)
        if figures.unhealthy is not None:
            self._stop("health", f"{name} cannot serve: {figures.unhealthy}")
        if self._crashes >= CRASHES:
            self._stop("crashes", f"{name} crashed {_times(self._crashes)}.")
        slow = self._windows.look(now, figures.base.latency, figures.candidate.latency)
        # One client with heavy requests is slow wherever it is: three are needed to blame a model.
        if slow is not None and self._slow_units() >= _SLOW_UNITS:
            self._stop("p99", f"{name} {slow}")
        self._errors_over()
        if both:
            self._draw()
        return self._stopped or Verdict("ok", None, None, self.limit, self._calm())

    def evidence(self) -> Evidence:
        """Give what is known now."""
        verdict = self._stopped
        requests = sum(stage.requests for stage in self._stages)
        planned = sum(stage.share * stage.requests for stage in self._stages)
        return Evidence(
            rollout=self._rollout.id,
            state="ok" if verdict is None else "rollback",
            sentence=self._calm() if verdict is None else verdict.sentence,
            limit=self.limit,
            requests=requests,
            answered=self._stages[-1].answered,
            metrics=tuple(self._metric(metric) for metric in METRICS),
            ratio=ratio_evidence(
                self._answered(),
                requests,
                planned / requests if requests else self._rollout.share,
            ),
            history={key: tuple(values) for key, values in self._history.items()},
        )

    def to_json(self) -> dict[str, Any]:
        """Give all that it knows, for the guard of a supervisor that begins after this one."""
        return {
            "v": _FORMAT,
            "rollout": self._rollout.id,
            "stages": [[s.share, s.counts, s.requests, s.answered] for s in self._stages],
            "carried": self._carried,
            "log_e": self._log_e,
            "seen": {metric: sorted(units) for metric, units in self._seen.items()},
            "candidate": [self._candidate_errors, self._crashes],
            "windows": self._windows.to_json(),
            "history": self._history,
        }

    @classmethod
    def from_json(
        cls, rollout: Rollout, data: Any, *, names: Mapping[str, str] | None = None
    ) -> Guard:
        """Go on where `to_json` was taken.

        Raises
        ------
        Corrupt
            It is something else, or of another rollout.
        """
        try:
            if data["rollout"] != rollout.id:
                raise ValueError("another rollout")
            stages = [
                _Stage(
                    float(share_),
                    {metric: [int(n) for n in counts[metric]] for metric in METRICS},
                    int(requests),
                    int(answered),
                )
                for share_, counts, requests, answered in data["stages"]
            ]
            guard = cls(replace(rollout, share=stages[-1].share), names=names)
            guard._stages = stages
            guard._carried = {m: float(data["carried"][m]) for m in METRICS}
            guard._log_e = {m: float(data["log_e"][m]) for m in METRICS}
            guard._seen = {m: set(data["seen"][m]) for m in METRICS}
            guard._candidate_errors, guard._crashes = (int(n) for n in data["candidate"])
            guard._windows = SlowWindows.from_json(rollout.guard.p99_ms, data["windows"])
            guard._history = {k: [float(x) for x in data["history"][k]] for k in guard._history}
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise Corrupt(f"This is no evidence of this rollout: {error!r}.") from None
        guard.follow(rollout)
        return guard

    def _name(self, revision: str) -> str:
        return self._names.get(revision, revision)

    def _e(self, metric: str) -> float:
        return math.exp(min(self._log_e[metric], math.log(MOST_E)))

    def _answered(self) -> int:
        return sum(stage.answered for stage in self._stages)

    def _slow_units(self) -> int:
        return sum(stage.counts["slow"][0] for stage in self._stages)

    def _metric(self, metric: str) -> MetricEvidence:
        candidate = sum(stage.counts[metric][0] for stage in self._stages)
        total = sum(stage.counts[metric][1] for stage in self._stages)
        expected = sum(stage.counts[metric][1] * stage.w for stage in self._stages)
        e = self._e(metric)
        waiting = metric == "slow" and self.slow_ms is None
        worse = self._stopped is not None and self._stopped.metric == metric
        return MetricEvidence(
            metric=metric,
            title=TITLES[metric],
            candidate=candidate,
            total=total,
            expected=expected,
            e=e,
            limit=self.limit,
            state="rollback" if worse else "waiting" if waiting else "ok",
            sentence=metric_sentence(
                metric,
                candidate=candidate,
                total=total,
                expected=expected,
                e=e,
                limit=self.limit,
                name=self._name(self._rollout.candidate),
                slow_ms=self.slow_ms if metric == "slow" else None,
            ),
        )

    def _worse(self, metric: str) -> str:
        names = self._name(self._rollout.candidate), self._name(self._rollout.base)
        return worse_sentence(metric, self._metric(metric).sentence, *names)

    def _stop(self, metric: str, sentence: str, e: float | None = None) -> None:
        if self._stopped is None:
            self._stopped = Verdict("rollback", metric, e, self.limit, sentence)

    def _errors_over(self) -> None:
        """Stop when the candidate has surely more errors than its guard allows.

        Units that failed, against requests: of sticky units that is fewer than the errors are.
        """
        k, n = self._candidate_errors, self._answered()
        allowed = self._rollout.guard.error_rate
        if k > n * allowed and log_e_above(k, n, allowed) >= math.log(CERTAIN):
            self._stop(
                "error_rate",
                f"{counted(k, 'user')} got errors in {counted(n, 'request')} to "
                f"{self._name(self._rollout.candidate)}; at most {share(allowed)} may fail.",
            )

    def _calm(self) -> str:
        name = self._name(self._rollout.candidate)
        most = max(self._e(metric) for metric in METRICS)
        so_far = f"E {weight(most)} of {number(self.limit)}."
        if most >= self.limit * DOUBT:
            return f"{name} looks worse, not surely yet: {so_far}"
        return f"No evidence that {name} is worse: {so_far}"

    def _draw(self) -> None:
        history = self._history
        requests = float(sum(stage.requests for stage in self._stages))
        values = {metric: self._e(metric) for metric in METRICS}
        last = history["requests"]
        # The end of a level is moved, not repeated: a quiet hour is one step of the chart.
        level = len(last) > 1 and all(
            history[m][-1] == history[m][-2] == values[m] for m in METRICS
        )
        if level:
            last[-1] = requests
            return
        last.append(requests)
        for metric in METRICS:
            history[metric].append(values[metric])
        if len(last) > _HISTORY:
            for points in history.values():
                # The newest point stays.
                points[:] = points[-1::-2][::-1]


_SLOW_UNITS: Final = 3


def _times(count: int) -> str:
    return {3: "three times", 4: "four times"}.get(count, f"{count:,} times")
