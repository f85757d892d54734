"""Alarms of one cause as one incident, with the sentence that says what it is.

A cause is a kind of alarm: data quality by its check, drift, domain, performance, concept, and so
on. Columns that alarm while it is open join it. It begins in the chunk that first makes an alert
and ends after two quiet chunks in a row, or when another reference begins: a promotion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from mlops_lab.monitoring.headlines import domain_told, drift_told, quality_told
from mlops_lab.monitoring.records import (
    ColumnEvaluation,
    Evaluation,
    Incident,
    IncidentKind,
    Severity,
)
from mlops_lab.wording import counted

__all__ = ["WHOLE", "Cause", "Episode", "Found", "episodes", "find_incidents", "ranked"]

WHOLE: Final = ":all"
"""Behind the cause of a fault of the data as a whole, which no chunk has."""

_JUDGED: Final = "owa"
_KINDS: Final[Sequence[IncidentKind]] = (
    "quality",
    "performance",
    "concept",
    "drift",
    "domain",
    "fairness",
    "prediction",
)
"""What is broken first, then what hurts, then what may be its cause."""
_RANK: Final[Mapping[Severity, int]] = {"alert": 0, "warn": 1, "info": 2}


class Found(Protocol):
    """An alarm that another part found and worded: of performance, concept, fairness."""

    @property
    def kind(self) -> str:
        """As of `Incident`."""

    @property
    def chunk(self) -> str:
        """Its key."""

    @property
    def state(self) -> str:
        """``warn``, ``alert`` or ``info``."""

    @property
    def metric(self) -> str:
        """Of which line."""

    @property
    def sentence(self) -> str:
        """What it is."""

    @property
    def segment(self) -> str | None:
        """Of which part of the rows."""

    @property
    def impact(self) -> float | None:
        """How much it weighs."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What may become incidents.

    Parameters
    ----------
    name
        In front of the incident's key.
    kind
        As of `Incident`.
    lines
        The letters of each member (a column, a metric) by chunk.
    begins
        Letters that begin an incident; others may only go on with it.
    at_most
        How bad it can be: what is only to be known is *info*.
    segment
        Of which part of the rows.
    """

    name: str
    kind: IncidentKind
    lines: Mapping[str, str]
    begins: str = "a"
    at_most: Severity = "alert"
    segment: str | None = None


@dataclass(slots=True)
class Episode:
    """From the first alarm of a cause to its last; places of chunks."""

    first: int
    last: int
    members: list[str]
    open: bool = True
    alert: bool = False
    loud: dict[str, list[int]] = field(default_factory=dict)

    def add(self, member: str, place: int, letter: str) -> None:
        """Note a loud chunk of a member."""
        if member not in self.members:
            self.members.append(member)
        self.loud.setdefault(member, []).append(place)
        self.last = place
        self.alert |= letter == "a"


def episodes(cause: Cause, epochs: Sequence[str | None], quiet_chunks: int) -> list[Episode]:
    """Join the alarms of a cause over time.

    Parameters
    ----------
    epochs
        What each chunk is compared with: where it changes, what was open ends.
    quiet_chunks
        So many judged chunks in a row without a sound end it; what is not judged counts as neither.

    Examples
    --------
    >>> cause = Cause("domain", "domain", {"temp": "owaoaoowo"})
    >>> [(one.first, one.last, one.open) for one in episodes(cause, [None] * 9, 2)]
    [(2, 4, False)]
    """
    found: list[Episode] = []
    running: Episode | None = None
    quiet = 0
    for place, epoch in enumerate(epochs):
        if running and place and epoch != epochs[place - 1]:
            running.open, running = False, None
        letters = {member: line[place] for member, line in cause.lines.items()}
        starting = [member for member, letter in letters.items() if letter in cause.begins]
        if running is None:
            if not starting:
                continue
            running, quiet = Episode(place, place, []), 0
            found.append(running)
        loud = {
            member
            for member in letters
            if member in starting or (member in running.members and letters[member] in "wa")
        }
        for member in letters:
            if member in loud:
                running.add(member, place, letters[member])
        if loud:
            quiet = 0
        elif any(letters[member] in _JUDGED for member in running.members):
            quiet += 1
        if quiet >= quiet_chunks:
            running.open, running = False, None
    return found


def find_incidents(evaluation: Evaluation, found: Iterable[Found] = ()) -> tuple[Incident, ...]:
    """Give the incidents of an evaluation that has everything else: open and worst ones first.

    Parameters
    ----------
    evaluation
        Its `alerts` are not looked at.
    found
        What performance found.
    """
    found = list(found)
    epochs = _epochs(evaluation)
    quiet = evaluation.policy.quiet_chunks
    incidents = [_of_whole_quality(evaluation, check) for check in _whole_checks(evaluation)]
    for cause in _causes(evaluation, found):
        for episode in episodes(cause, epochs, quiet):
            incidents.append(_incident(evaluation, cause, episode, found))
    return ranked(incidents, evaluation)


def ranked(incidents: Iterable[Incident], evaluation: Evaluation) -> tuple[Incident, ...]:
    """Open ones first, then the grave, the new, and by kind what is broken before what follows."""
    order = {chunk.key: place for place, chunk in enumerate(evaluation.chunks)}
    return tuple(
        sorted(
            incidents,
            key=lambda one: (
                not one.open,
                _RANK[one.severity],
                -order.get(one.first, 0),
                _KINDS.index(one.kind),
                -(one.impact or 0.0),
                one.key,
            ),
        )
    )


def _epochs(evaluation: Evaluation) -> list[str | None]:
    """What ends an incident when it changes; small chunks between do not know their version."""
    if evaluation.reference.kind != "training":
        return [None] * len(evaluation.chunks)
    return [chunk.version for chunk in evaluation.chunks]


def _causes(evaluation: Evaluation, found: Sequence[Found]) -> list[Cause]:
    causes = _quality_causes(evaluation)
    once = "wa" if len(evaluation.chunks) == 1 else "a"
    groups: dict[tuple[str, IncidentKind, Severity], dict[str, str]] = {}
    ranges: dict[tuple[str, Severity], dict[str, str]] = {}
    for column in evaluation.columns:
        minor = _is_minor(column, evaluation)
        groups.setdefault(_group(column, evaluation, minor), {})[column.name] = column.states
        if column.outside is not None and column.outside.states:
            place: tuple[str, Severity] = ("domain:minor", "info") if minor else ("domain", "alert")
            ranges.setdefault(place, {})[column.name] = column.outside.states
    causes += [
        Cause(name, kind, lines, once, at_most) for (name, kind, at_most), lines in groups.items()
    ]
    causes += [
        Cause(name, "domain", lines, once, at_most) for (name, at_most), lines in ranges.items()
    ]
    return causes + _found_causes(evaluation, found)


def _is_minor(column: ColumnEvaluation, evaluation: Evaluation) -> bool:
    """Whether a column is known not to matter to the model."""
    return column.importance is not None and column.importance < evaluation.policy.importance


def _group(
    column: ColumnEvaluation, evaluation: Evaluation, minor: bool
) -> tuple[str, IncidentKind, Severity]:
    if column.role in ("score", "prediction"):
        # Answers move with the weather: where the truth is known it pages, and they explain.
        return "prediction", "prediction", "info" if _has_usual(evaluation) else "warn"
    if column.role == "target":
        return "drift:target", "drift", "info" if evaluation.performance else "alert"
    # Seasons move what is inside of the range, too: who names columns for it asks about that alone.
    told = minor or (column.outside is not None and column.outside.alone)
    return ("drift:minor", "drift", "info") if told else ("drift", "drift", "alert")


def _has_usual(evaluation: Evaluation) -> bool:
    """Whether performance can be judged: a reference without labels has nothing usual."""
    performance = evaluation.performance
    return performance is not None and any(
        any(one.natural_at(place) for place in range(len(one.states)))
        or any(value is not None for value in one.estimated)
        for one in performance.metrics.values()
    )


def _has_answers(evaluation: Evaluation) -> bool:
    """Whether drift of the answers is told by their own column."""
    return any(column.role in ("score", "prediction") for column in evaluation.columns)


def _quality_causes(evaluation: Evaluation) -> list[Cause]:
    place = {chunk.key: i for i, chunk in enumerate(evaluation.chunks)}
    lines: dict[str, dict[str, list[str]]] = {}
    for one in evaluation.quality:
        if one.chunk is None or one.chunk not in place:
            continue
        members = lines.setdefault(one.check, {})
        letters = members.setdefault(one.column or "", ["o"] * len(evaluation.chunks))
        at = place[one.chunk]
        letters[at] = "a" if one.state == "alert" or letters[at] == "a" else "w"
    return [
        Cause(
            f"quality:{check}",
            "quality",
            {member: "".join(letters) for member, letters in members.items()},
            "wa",
        )
        for check, members in lines.items()
    ]


def _found_causes(evaluation: Evaluation, found: Sequence[Found]) -> list[Cause]:
    place = {chunk.key: i for i, chunk in enumerate(evaluation.chunks)}
    quiet = {
        i: "o" if evaluation.performance is None or evaluation.performance.mature[i] else "h"
        for i in place.values()
    }
    lines: dict[tuple[str, str | None, str], dict[str, list[str]]] = {}
    kinds: dict[tuple[str, str | None, str], IncidentKind] = {}
    for one in found:
        kind = _kind(one.kind)
        if one.chunk not in place or (kind == "prediction" and _has_answers(evaluation)):
            continue
        minor = one.state == "info"
        name = f"{one.kind}:{one.metric}" if kind == "fairness" else one.kind
        cause = (name, one.segment, "info" if minor else "alert")
        kinds[cause] = kind
        letters = lines.setdefault(cause, {}).setdefault(
            one.metric, [quiet[i] for i in range(len(place))]
        )
        letters[place[one.chunk]] = "w" if one.state == "warn" else "a"
    return [
        Cause(
            name if segment is None else f"{name}:{segment}",
            kinds[name, segment, at_most],
            {metric: "".join(letters) for metric, letters in members.items()},
            # That nothing explains a shock is said at once; what lasts becomes an alert.
            "wa" if kinds[name, segment, at_most] == "concept" else "a",
            "info" if at_most == "info" else "alert",
            segment,
        )
        for (name, segment, at_most), members in lines.items()
    ]


def _kind(text: str) -> IncidentKind:
    kinds: dict[str, IncidentKind] = {
        "performance": "performance",
        "concept": "concept",
        "fairness": "fairness",
        "prediction": "prediction",
    }
    return kinds[text]


def _incident(
    evaluation: Evaluation, cause: Cause, episode: Episode, found: Sequence[Found]
) -> Incident:
    chunks = evaluation.chunks
    severity: Severity = "alert" if episode.alert else "warn"
    if _RANK[severity] < _RANK[cause.at_most]:
        severity = cause.at_most
    sentence, impact = _told(evaluation, cause, episode, found)
    return Incident(
        key=f"{cause.name}@{chunks[episode.first].key}",
        kind=cause.kind,
        severity=severity,
        columns=tuple(member for member in episode.members if member),
        segment=cause.segment,
        first=chunks[episode.first].key,
        last=chunks[episode.last].key,
        open=episode.open,
        sentence=sentence,
        impact=impact,
    )


def _told(
    evaluation: Evaluation, cause: Cause, episode: Episode, found: Sequence[Found]
) -> tuple[str, float | None]:
    """The sentence of an incident, and its impact."""
    match cause.kind:
        case "quality":
            return quality_told(evaluation, cause.name.partition(":")[2], episode.loud), None
        case "domain":
            return domain_told(evaluation, episode.loud)
        case "drift":
            return drift_told(evaluation, episode.loud)
        case "prediction" if _has_answers(evaluation):
            return drift_told(evaluation, episode.loud)
        case _:
            keys = {evaluation.chunks[i].key for places in episode.loud.values() for i in places}
            of = [one for one in found if one.kind == cause.kind and one.chunk in keys]
            of = [one for one in of if one.metric in episode.members] or of
            worst = max(of, key=lambda one: (one.state == "alert", one.impact or 0.0, one.chunk))
            return worst.sentence, worst.impact


def _whole_checks(evaluation: Evaluation) -> list[str]:
    """The checks that found something about the data as a whole."""
    return list(dict.fromkeys(one.check for one in evaluation.quality if one.chunk is None))


def _of_whole_quality(evaluation: Evaluation, check: str) -> Incident:
    of = [one for one in evaluation.quality if one.check == check and one.chunk is None]
    worst: Literal["warn", "alert"] = "alert" if any(o.state == "alert" for o in of) else "warn"
    told = next(one for one in of if one.state == worst).sentence
    more = "" if len(of) == 1 else f" And {counted(len(of) - 1, 'more finding')} of this check."
    first, last = _ends(evaluation)
    return Incident(
        key=f"quality:{check}{WHOLE}@{first}",
        kind="quality",
        severity=worst,
        columns=tuple(dict.fromkeys(one.column for one in of if one.column)),
        segment=None,
        first=first,
        last=last,
        open=True,
        sentence=f"{told}{more}",
    )


def _ends(evaluation: Evaluation) -> tuple[str, str]:
    if not evaluation.chunks:
        return "all", "all"
    return evaluation.chunks[0].key, evaluation.chunks[-1].key
