"""What a comparison of two revisions says: values, and their sentences."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from mlops_lab.serving.rollouts.ab import Ratio
from mlops_lab.serving.rollouts.losses import Loss
from mlops_lab.wording import counted, points, signed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HORIZONS", "LEAST", "Comparison", "Every", "Question", "Series", "State"]

State = Literal["early", "better", "worse", "even", "ratio"]

Every = Literal["hour", "day", "week", "unit"]
"""What is the sample: periods in UTC, or the units of an A/B test."""

HORIZONS: Final[Mapping[str, int]] = {"hour": 168, "day": 28, "week": 12, "unit": 10_000}
"""How many are planned when nobody says it: the interval is narrowest there."""

LEAST: Final = 7
"""Periods before anybody wins: a week has days of its own."""


@dataclass(frozen=True, slots=True)
class Series:
    """How the difference went: what a chart draws.

    Attributes
    ----------
    at
        Where each period begins, in µs, UTC; of units their number.
    difference, low, high
        The mean of all so far and its interval; None while it has none.
    """

    at: tuple[int, ...] = ()
    difference: tuple[float, ...] = ()
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which of two revisions is better, as far as that is known.

    Attributes
    ----------
    state
        ``early``: nobody can say yet; ``better`` or ``worse``: the candidate is; ``even``: what
        was planned is over and shows no difference; ``ratio``: the split is not as planned, and
        nothing is compared.
    sentence
        It in words.
    metric, label, goal
        By what; for people; whether low (min) or high (max) is good.
    base, candidate
        What they are called.
    base_mean, candidate_mean
        Over the answers with an outcome; None without one.
    difference, low, high
        The candidate minus its base, and its interval, valid at every look; None without one.
    every, clusters, horizon
        What the sample is, how many there are, how many were planned.
    answers, labelled
        Of both, in the comparison; those with an outcome.
    left_out
        Answers without a unit, which stay out of an A/B test; where units are the sample, those of
        a unit's later days.
    ratio
        The check of the split; None where there is none to check.
    series
        How it went.
    """

    state: State
    sentence: str
    metric: str
    label: str
    goal: str
    base: str
    candidate: str
    base_mean: float | None
    candidate_mean: float | None
    difference: float | None
    low: float | None
    high: float | None
    every: str
    clusters: int
    horizon: int
    answers: int
    labelled: int
    left_out: int = 0
    ratio: Ratio | None = None
    series: Series = field(default_factory=Series)

    @property
    def winner(self) -> str | None:
        """Who is better, or None."""
        return {"better": self.candidate, "worse": self.base}.get(self.state)

    def __repr__(self) -> str:
        return f"<Comparison: {self.sentence}>"

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {"winner": self.winner, **asdict(self)}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a comparison: it is part of every answer.

    Attributes
    ----------
    loss
        By what.
    base, candidate
        What they are called.
    every, horizon, alpha
        The sample, how many are planned, how often the interval may be wrong.
    now
        µs, UTC.
    left_out, ratio
        As of `Comparison`.
    """

    loss: Loss
    base: str
    candidate: str
    every: str
    horizon: int
    alpha: float
    now: int
    left_out: int = 0
    ratio: Ratio | None = None

    @property
    def sample(self) -> str:
        """What the sample is, in words."""
        if self.every == "unit":
            return "each unit counts once, as if days made no difference"
        return f"{self.every}s, not rows, are the sample"

    def decided(
        self, frame: pd.DataFrame, means: tuple[float, float], clusters: int, series: Series
    ) -> Comparison:
        """Say who is better by how the difference went; parameters as of `told`."""
        low, high = series.low[-1], series.high[-1]
        least = 0 if self.every == "unit" else LEAST
        state: State = "early"
        if low is not None and high is not None:
            if clusters >= least and (low > 0 or high < 0):
                state = "better" if (high < 0) == (self.loss.goal == "min") else "worse"
            elif clusters >= self.horizon:
                state = "even"
        sentence = self._sentence(state, series, clusters)
        return self.told(state, sentence, frame, means=means, clusters=clusters, series=series)

    def without_outcome(self, frame: pd.DataFrame, labelled: int, over: bool = True) -> Comparison:
        """Say that nothing can be compared yet.

        Parameters
        ----------
        frame
            The answers, with their losses.
        labelled
            How many of them have an outcome.
        over
            Whether any period is over.
        """
        why = ""
        if labelled and self.every != "unit":
            why = ", but of no " + (
                f"{self.every} that has both" if over else f"whole {self.every}"
            )
        sentence = (
            f"Too early. {labelled:,} of {counted(len(frame), 'answer')} have an outcome{why}. "
            f"{counted(self.horizon, self.every)} were planned; {self.sample}."
        )
        return self.told("early", sentence, frame)

    def told(
        self,
        state: State,
        sentence: str,
        frame: pd.DataFrame,
        *,
        means: tuple[float, float] | None = None,
        clusters: int = 0,
        series: Series | None = None,
    ) -> Comparison:
        """Answer it.

        Parameters
        ----------
        state, sentence, clusters, series
            As of `Comparison`.
        frame
            The answers, with their losses.
        means
            Of the base and the candidate, where both have outcomes.
        """
        labelled = frame.get("loss", frame.get("base"))
        series = series or Series()
        return Comparison(
            state=state,
            sentence=sentence,
            metric=self.loss.name,
            label=self.loss.label,
            goal=self.loss.goal,
            base=self.base,
            candidate=self.candidate,
            base_mean=None if means is None else means[0],
            candidate_mean=None if means is None else means[1],
            difference=series.difference[-1] if series.difference else None,
            low=series.low[-1] if series.low else None,
            high=series.high[-1] if series.high else None,
            every=self.every,
            clusters=clusters,
            horizon=self.horizon,
            answers=len(frame),
            labelled=0 if labelled is None else int(labelled.notna().sum()),
            left_out=self.left_out,
            ratio=self.ratio,
            series=series,
        )

    def _sentence(self, state: State, series: Series, clusters: int) -> str:
        difference, low, high = series.difference[-1], series.low[-1], series.high[-1]
        planned = counted(self.horizon, self.every)
        if low is None or high is None:
            return (
                f"Too early. {clusters:,} of {planned} have their outcomes, too few for an "
                f"interval; {self.sample}."
            )
        tell = points if self.loss.shares else _teller(low, high)
        interval = f"{tell(low)} to {tell(high)}, valid at every look"
        what = counted(clusters, self.every)
        if state in ("better", "worse"):
            turn = "lower" if difference < 0 else "higher"
            return (
                f"{self.candidate} is {state} than {self.base}: its {self.loss.label} is {turn} "
                f"by {tell(abs(difference))[1:]} ({interval}) over {what}; {self.sample}."
            )
        differs = f"{self.candidate} differs by {tell(difference)} ({interval})"
        if state == "even":
            return (
                f"No difference is shown after {what}, as planned: the {self.loss.label} of "
                f"{differs}; {self.sample}."
            )
        return (
            f"Too early. After {clusters:,} of {planned} the {self.loss.label} of {differs}; "
            f"{self.sample}."
        )


def _teller(low: float, high: float) -> Callable[[float], str]:
    """Say differences with as many decimals as their interval is worth."""
    width = high - low
    digits = 3 if not 0 < width < 0.02 else min(1 - math.floor(math.log10(width)), 9)

    def tell(value: float) -> str:
        told = signed(value, digits)
        return "+0" if told == "=" else told

    return tell
