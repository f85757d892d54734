"""What gates may speak of, once the steps have finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops_lab.expressions import Given, Loose, Name, nearest

if TYPE_CHECKING:
    from mlops_lab.data.suite_run import SuiteReport
    from mlops_lab.monitoring.alerts import AlertRecord
    from mlops_lab.monitoring.results import MonitorRecord
    from mlops_lab.orchestration.items import Item
    from mlops_lab.tracking.records import MetricSummary

__all__ = ["Champion", "GateFacts", "Promoted", "Subject", "is_number", "subject_of"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose value a name in a gate is.

    ``owner`` is a step or ``params``; ``champion`` says that it is the step's run with the champion
    in it. ``rest`` is what comes after: the metric.
    """

    owner: str
    rest: tuple[str, ...]
    champion: bool = False

    @property
    def word(self) -> str:
        """The metric, or the param."""
        return ".".join(self.rest)


def subject_of(name: Name) -> Subject:
    """Take a gate's name apart.

    ``best(evaluate.val/loss)`` speaks of the metric ``val/loss`` of step ``evaluate``, and
    ``champion.evaluate.auc`` of the metric ``auc`` that the same step logs for the champion.
    """
    first, rest = name.parts[0], name.parts[1:]
    if name.function is not None:
        champion = first.startswith("champion.")
        step, _, metric = first.removeprefix("champion.").partition(".")
        return Subject(step, (metric,) if metric else (), champion)
    if first == "champion":
        return Subject(rest[0] if rest else "", rest[1:], True)
    return Subject(first, rest)


@dataclass(frozen=True, slots=True)
class Champion:
    """The model that the new one is compared with, judged by the same step on the same inputs.

    Parameters
    ----------
    alias
        The name it holds: ``champion``.
    model
        The registered model.
    version
        Its number; None when nobody holds the name yet.
    metrics
        What the step logged for it.
    refused
        Why it could not be judged, as a sentence.
    """

    alias: str
    model: str
    version: int | None = None
    metrics: Mapping[str, MetricSummary] = field(default_factory=dict)
    refused: str | None = None

    @property
    def label(self) -> str:
        """How a sentence calls it: ``champion 2``."""
        return f"{self.alias} {self.version}"


@dataclass(frozen=True, slots=True)
class Promoted:
    """The version that is to be promoted; ``holds`` says that it has the alias already."""

    model: str
    version: int
    alias: str
    holds: bool = False


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What gates may speak of.

    Parameters
    ----------
    params
        The pipeline's params.
    metrics
        By step, then by key.
    outputs
        What is known of each output (``size_bytes`` …), by step, then by output.
    champion
        The one to compare with, where a gate asks for it.
    inputs
        What each step was given, by step and name.
    check_data
        Runs a suite over an input; None where nothing can be checked.
    promoted
        What the gates decide about, where something is promoted.
    monitor
        Gives a monitor as it stands, and its alerts; None where there are none to be asked.
    """

    params: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, MetricSummary]]
    outputs: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    champion: Champion | None = None
    inputs: Mapping[tuple[str, str], Item] = field(default_factory=dict)
    check_data: Callable[[Item, str], SuiteReport] | None = None
    promoted: Promoted | None = None
    monitor: Callable[[str], tuple[MonitorRecord, list[AlertRecord]]] | None = None

    def get(self, name: Name) -> Given:
        """The value of a name in a gate, or None when it is missing."""
        subject = subject_of(name)
        if subject.champion:
            summary = self.champion.metrics.get(subject.word) if self.champion else None
        elif subject.owner == "params":
            value = self.params.get(subject.rest[0])
            return value if isinstance(value, str) or is_number(value) else Loose.of(value)
        else:
            summary = self.metrics.get(subject.owner, {}).get(subject.word)
        if summary is not None:
            number = getattr(summary, name.function or "last")
            return None if number is None else float(number)
        if len(subject.rest) == 2 and name.function is None and not subject.champion:
            output, word = subject.rest
            return self.outputs.get(subject.owner, {}).get(output, {}).get(word)
        return None

    def missing(self, name: Name) -> str:
        """Why a name has no value, as a sentence with the nearest one that has."""
        subject = subject_of(name)
        if subject.owner == "params" and not subject.champion:
            return f"param {subject.word} is null"
        who = f"step {subject.owner}"
        if subject.champion:
            who += f" with {self.champion.label}" if self.champion else " with the champion"
            known = list(self.champion.metrics) if self.champion else []
        else:
            known = list(self.metrics.get(subject.owner, ()))
        output = self.outputs.get(subject.owner, {}).get(subject.rest[0])
        if output is not None and len(subject.rest) == 2 and not subject.champion:
            has = ", ".join(sorted(output))
            return f"output {subject.rest[0]} of {who} has no {subject.rest[1]}; it has {has}"
        near = nearest(subject.word, known)
        if near:
            return f"{who} logged no metric {subject.word}; the nearest is {near}"
        has = f"it logged {', '.join(sorted(known)[:8])}" if known else "it logged no metrics"
        return f"{who} logged no metric {subject.word}; {has}"


def is_number(value: object) -> bool:
    """Whether a value is a number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)
