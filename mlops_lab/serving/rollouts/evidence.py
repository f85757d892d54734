"""What a rollout's answers are evidence of: values, and the sentences that say them.

The status of an endpoint carries it as JSON; the endpoint's view, the notebook and the terminal
show the same sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from mlops_lab.wording import counted, number

__all__ = [
    "DOUBT",
    "METRICS",
    "MOST_E",
    "TITLES",
    "Evidence",
    "MetricEvidence",
    "RatioEvidence",
    "Verdict",
    "metric_sentence",
    "ratio_evidence",
    "weight",
    "worse_sentence",
]

_FORMAT: Final = 1

METRICS: Final = ("error", "slow", "reject")
"""What a bad event is: an answer that failed, that took too long, that refused the input."""

TITLES: Final[Mapping[str, str]] = {
    "error": "Errors",
    "slow": "Slow answers",
    "reject": "Rejects",
}

_WORSE: Final[Mapping[str, str]] = {
    "error": "fails more often",
    "slow": "is slower",
    "reject": "rejects more",
}

MOST_E: Final = 1e6
"""Evidence beyond this is told as *over*: nobody needs more digits of certainty."""


DOUBT: Final = 1 / 3
"""From this part of the limit on a canary looks worse, and a ramp waits."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a guard says of a canary.

    Attributes
    ----------
    state
        ``ok``, or ``rollback``: it is to be taken back now. Once said, it stays.
    metric
        What was bad: error, slow, reject; or the hard stop: crashes, health, p99, error_rate.
    e
        The evidence; None of a hard stop.
    limit
        Where the evidence rolls back.
    sentence
        What a person reads as the reason.
    """

    state: Literal["ok", "rollback"]
    metric: str | None
    e: float | None
    limit: float
    sentence: str


@dataclass(frozen=True, slots=True)
class MetricEvidence:
    """The evidence that a canary is worse in one thing.

    Attributes
    ----------
    metric
        error, slow or reject.
    title
        As people read it.
    candidate
        Units whose first bad event fell on the candidate.
    total
        Units with a bad event.
    expected
        How many of them fall on the candidate by chance.
    e
        The evidence, at most a million.
    limit
        Where it rolls back: the number of metrics over alpha.
    state
        ``ok``; ``rollback``; ``waiting``: nothing is counted yet, for the reason in the sentence.
    sentence
        It in words.
    """

    metric: str
    title: str
    candidate: int
    total: int
    expected: float
    e: float
    limit: float
    state: Literal["ok", "rollback", "waiting"]
    sentence: str

    @property
    def doubtful(self) -> bool:
        """Whether it points against the candidate: a third of the way or more, counted in E."""
        return self.e >= self.limit * DOUBT


@dataclass(frozen=True, slots=True)
class RatioEvidence:
    """What share of the requests the candidate answered, beside the planned one.

    Attributes
    ----------
    share
        In percent; None before the first request.
    planned
        In percent, over all requests since the rollout began.
    requests
        So many.
    state
        ``ok``, or ``off``: much more or much less than planned.
    sentence
        It in words.
    """

    share: float | None
    planned: float
    requests: int
    state: Literal["ok", "off"]
    sentence: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a canary at one moment.

    Attributes
    ----------
    rollout
        Its id.
    state
        ``ok`` or ``rollback``.
    sentence
        The verdict in words.
    limit
        Where the evidence of a metric rolls back.
    requests
        Answered by the two revisions since the rollout began.
    answered
        Of the candidate, at its present share.
    metrics
        One per metric.
    ratio
        The share that the candidate really had.
    history
        ``requests`` and the evidence per metric, in step: what the chart draws.
    """

    rollout: str
    state: Literal["ok", "rollback"]
    sentence: str
    limit: float
    requests: int
    answered: int
    metrics: tuple[MetricEvidence, ...]
    ratio: RatioEvidence
    history: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {"v": _FORMAT, **asdict(self)}


def metric_sentence(
    metric: str,
    *,
    candidate: int,
    total: int,
    expected: float,
    e: float,
    limit: float,
    name: str,
    slow_ms: float | None = None,
) -> str:
    """Say the evidence of one metric.

    Examples
    --------
    >>> metric_sentence("error", candidate=1, total=14, expected=0.7, e=0.1619, limit=60, name="6")
    "1 of 14 users' first errors fell on 6; chance gives 0.7. E 0.16 of 60."
    """
    if metric == "slow" and slow_ms is None:
        return "No limit yet: too few answers to know what is slow."
    so_far = f"E {weight(e)} of {number(limit)}."
    over = "" if slow_ms is None else f" over {number(slow_ms)}\N{NO-BREAK SPACE}ms"
    if total == 0:
        return f"None{over}. {so_far}" if metric == "slow" else f"None. {so_far}"
    whose = "users' first" if total != 1 else "user's first"
    what = {"error": "errors", "slow": f"answers{over}", "reject": "rejects"}[metric]
    if total == 1:
        what = {"error": "error", "slow": f"answer{over}", "reject": "reject"}[metric]
    chance = f"chance gives {number(expected, 2)}"
    return f"{candidate:,} of {total:,} {whose} {what} fell on {name}; {chance}. {so_far}"


def worse_sentence(metric: str, evidence: str, name: str, base: str) -> str:
    """Say that a canary is worse than its base, and the evidence of it.

    Examples
    --------
    >>> worse_sentence("slow", "4 of 4 …", "6", "5")
    '6 is slower than 5: 4 of 4 …'
    """
    return f"{name} {_WORSE[metric]} than {base}: {evidence}"


def ratio_evidence(candidate: int, requests: int, planned: float) -> RatioEvidence:
    """Say what share of the requests a candidate answered.

    Users who send many requests make this share jump, so it is no test: it is called off when
    more than half of the planned share is missing, or as much too much, on 1,000 requests or more.
    The test on units is in the comparison of an A/B test.

    Parameters
    ----------
    candidate
        Requests that it answered.
    requests
        Of it and its base.
    planned
        In percent.

    Examples
    --------
    >>> ratio_evidence(1274, 25480, 5.0).sentence.replace("\N{NO-BREAK SPACE}", " ")
    '5.00 % of 25,480 requests, as planned.'
    """
    if requests == 0:
        return RatioEvidence(None, planned, 0, "ok", "No request yet.")
    share = 100.0 * candidate / requests
    off = requests >= _RATIO_FROM and abs(share - planned) > planned / 2
    told = f"{share:.2f}\N{NO-BREAK SPACE}% of {counted(requests, 'request')}"
    plan = f"{number(planned)}\N{NO-BREAK SPACE}%"
    if off:
        sentence = f"{told}; {plan} were planned."
    elif abs(share - planned) <= 0.1 * planned:
        sentence = f"{told}, as planned."
    else:
        sentence = f"{told}; {plan} of the units are in it."
    return RatioEvidence(share, planned, requests, "off" if off else "ok", sentence)


_RATIO_FROM: Final = 1000


def weight(e: float) -> str:
    """Say a value of the evidence, with as many digits as it is worth.

    Examples
    --------
    >>> weight(0.0777), weight(8.13), weight(142.3), weight(5e9)
    ('0.08', '8.1', '142', 'over 1,000,000')
    """
    if e >= MOST_E:
        return f"over {MOST_E:,.0f}"
    if 0.01 <= e < 1:
        return f"{e:.2f}"
    return number(e, 2) if e < 100 else number(round(e))
