"""Why an alarm fired, in computed sentences: nothing here is written by hand or guessed.

What fired with its numbers; where the mass of the inputs moved; in which parts of the rows; what
changed in the same chunk; what did not; what followed and what was similar before. Everything is
read from the evaluation; parts of the rows are counted again while its counts are at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from mlops_lab.errors import NotFound
from mlops_lab.monitoring.cells import (
    LOUD,
    by_share,
    cell_told,
    gates_told,
    is_outside,
    lasting_told,
    letter_of,
    loud_columns,
    mass_told,
    minor_told,
    outside_told,
    segments_apart,
    weight,
)
from mlops_lab.monitoring.headlines import SYMBOLS
from mlops_lab.monitoring.incidents import WHOLE
from mlops_lab.monitoring.records import (
    ColumnEvaluation,
    Evaluation,
    Incident,
    QualityFinding,
    Section,
)
from mlops_lab.monitoring.telling import metrics_beyond, metrics_within, segments_told
from mlops_lab.wording import counted, during, listed, number

__all__ = ["explain_cell", "explain_incident"]

_COLUMNS: Final = 3
_SIMILAR: Final = 3

_SCHEMA: Final = ("column", "type")

_OF_INPUTS: Final = ("drift", "domain", "prediction")
"""Kinds of incident that are about their columns."""


def explain_incident(evaluation: Evaluation, incident: Incident) -> tuple[Section, ...]:
    """Explain an incident in the chunk in which it became one.

    Parameters
    ----------
    evaluation
        Which has everything but the explanations.
    incident
        One of its alerts.

    Returns
    -------
    tuple[Section, ...]
        *What fired*, *Inputs*, *Where*, *At the same time*, *Unchanged*, *Done*, *Similar*: those
        that have something to say.
    """
    if not evaluation.chunks:
        return (Section("What fired", (incident.sentence,)),)
    place = _place(evaluation, incident.first)
    loud = loud_columns(evaluation, place)
    named = [evaluation.column(name) for name in incident.columns if _has(evaluation, name)]
    return _sections(
        (
            "What fired",
            [*_fired(evaluation, incident, place, named), _lasted(evaluation, incident)],
        ),
        ("Inputs", _inputs(evaluation, incident, place, named, loud)),
        ("Where", _where(evaluation, incident, place, named)),
        ("At the same time", _together(evaluation, incident, place)),
        ("Unchanged", _unchanged(evaluation, incident, place)),
        ("Done", _done(evaluation, incident)),
        ("Similar", _similar(evaluation, incident)),
    )


def explain_cell(
    evaluation: Evaluation, column: str, chunk: str | None = None
) -> tuple[str, tuple[Section, ...]]:
    """Explain one column in one chunk, whether it alarms or not.

    Parameters
    ----------
    column
        Its name.
    chunk
        The chunk's key; default the one with the largest effect.

    Returns
    -------
    sentence, sections
        What it is, and why.

    Raises
    ------
    NotFound
        There is no such column or chunk, or no chunk at all.
    """
    found = evaluation.column(column)
    if not evaluation.chunks:
        raise NotFound(f"There is no chunk to explain {column} in. {evaluation.summary.sentence}")
    if chunk is None:
        place = -max((value or 0.0, -place) for place, value in enumerate(found.effect))[1]
    else:
        place = evaluation.place(chunk)
    label = evaluation.chunks[place].label
    sentence = cell_told(evaluation, found, place, label)
    quality = [one.sentence for one in _quality_at(evaluation, place) if one.column == column]
    return sentence, _sections(
        ("What fired", [*quality, *gates_told(evaluation, found, place)]),
        ("Inputs", mass_told(evaluation, found, place)),
        ("Where", segments_apart(evaluation, found, place)),
        ("Unchanged", _same_things(evaluation, place)),
    )


# ---------------------------------------------------------------------------- what fired


def _fired(
    evaluation: Evaluation, incident: Incident, place: int, named: Sequence[ColumnEvaluation]
) -> list[str]:
    match incident.kind:
        case "quality":
            here = [one for one in _quality_at(evaluation, place) if _is_of(one, incident)]
            return list(dict.fromkeys(one.sentence for one in here)) or [incident.sentence]
        case "domain":
            lines = []
            for column in by_share(named, place)[:_COLUMNS]:
                lines += outside_told(evaluation, column, place)
            letters = [one.outside.states for one in named if one.outside is not None]
            return lines + lasting_told(letters, place, evaluation.policy.persistence[1])
        case "drift" | "prediction" if named:
            ranked = sorted(named, key=lambda one: -weight(one, place))
            return [
                line for one in ranked[:_COLUMNS] for line in gates_told(evaluation, one, place)
            ]
        case "performance" | "concept":
            beyond = metrics_beyond(evaluation.performance, place, incident.sentence)
            return [incident.sentence, *beyond]
        case _:
            return [incident.sentence]


def _lasted(evaluation: Evaluation, incident: Incident) -> str:
    """Whose numbers these are, where it went on; else empty."""
    first, last = (_place(evaluation, key) for key in (incident.first, incident.last))
    if last <= first or incident.cause.endswith(WHOLE):
        return ""
    labels = [evaluation.chunks[place].label for place in (first, last)]
    return f"These are the numbers of {labels[0]}, when it began; loud last {during(labels[1])}."


# ---------------------------------------------------------------------------- inputs


def _inputs(
    evaluation: Evaluation,
    incident: Incident,
    place: int,
    named: Sequence[ColumnEvaluation],
    loud: Sequence[ColumnEvaluation],
) -> list[str]:
    lines: list[str] = []
    if incident.kind == "quality":
        names = [one.name for one in loud if one.name not in incident.columns]
        broken = [one.name for one in named if letter_of(one, place) == "q"]
        if broken:
            lines.append(f"Drift of {listed(broken)} is not judged here: data quality first.")
        return [*lines, f"Loud besides: {listed(names, 5)}."] if names else lines
    told = named if incident.kind in _OF_INPUTS else loud
    for column in sorted(told, key=lambda one: -weight(one, place))[:_COLUMNS]:
        lines += mass_told(evaluation, column, place)
        if incident.kind != "domain" and is_outside(column, place):
            lines += outside_told(evaluation, column, place)
    others = [one for one in loud if one not in told]
    lines += [minor_told(evaluation, one, place) for one in others[:_COLUMNS]]
    wrong = any(one.state == "alert" for one in _quality_at(evaluation, place))
    if not loud and not wrong and incident.kind in ("performance", "concept"):
        lines.append("No input is above its natural range: the inputs do not explain it.")
    return lines


# ---------------------------------------------------------------------------- where


def _where(
    evaluation: Evaluation, incident: Incident, place: int, told: Sequence[ColumnEvaluation]
) -> list[str]:
    lines = [f"In {incident.segment}."] if incident.segment else []
    if incident.kind in ("performance", "concept"):
        lines += segments_told(evaluation.performance, evaluation.chunks[place].key, _COLUMNS)
    if incident.kind in _OF_INPUTS and told:
        first = max(told, key=lambda one: weight(one, place))
        lines += segments_apart(evaluation, first, place)
    return lines


# ---------------------------------------------------------------------------- the rest


def _together(evaluation: Evaluation, incident: Incident, place: int) -> list[str]:
    """Schema, missing values, volume, answers and model version, where this chunk changed them."""
    lines = [
        one.sentence
        for one in _quality_at(evaluation, place)
        if not (incident.kind == "quality" and _is_of(one, incident))
    ]
    if incident.kind == "domain":
        lines += _drift_besides(evaluation, incident, place)
    for column in evaluation.columns:
        answer = column.role in ("score", "prediction") and column.name not in incident.columns
        if answer and letter_of(column, place) in LOUD:
            natural = column.natural_at(place)
            known = "" if natural is None else f"; natural is up to {number(natural)}"
            effect = f"{SYMBOLS[column.measure]} {number(column.effect[place])}"
            lines.append(f"The {column.role} moved: {effect}{known}.")
    version = evaluation.chunks[place].version
    before = evaluation.chunks[place - 1].version if place else None
    if version is not None and before is not None and version != before:
        lines.append(f"Version {version} answers from here on; before it was {before}.")
    return list(dict.fromkeys(lines))[:5]


def _drift_besides(evaluation: Evaluation, incident: Incident, place: int) -> list[str]:
    """Columns that are out of their range and drifted as well: two alarms of one cause."""
    names = [
        one.name
        for one in evaluation.columns
        if one.name in incident.columns and letter_of(one, place) in LOUD
    ]
    return [f"Drift of {listed(names)} alarms as well."] if names else []


def _unchanged(evaluation: Evaluation, incident: Incident, place: int) -> list[str]:
    lines = _same_things(evaluation, place)
    answers = [one for one in evaluation.columns if one.role in ("score", "prediction")]
    for column in answers:
        if letter_of(column, place) in LOUD or column.name in incident.columns:
            continue
        if column.effect[place] is None:
            continue
        natural = column.natural_at(place)
        within = "" if natural is None else f" within its natural {number(natural)}"
        lines.append(
            f"The {column.role} moved{within}: {SYMBOLS[column.measure]} "
            f"{number(column.effect[place])}."
        )
    quiet = [
        one.name
        for one in evaluation.columns
        if one.role == "feature" and one.states[place] == "o" and one.name not in incident.columns
    ]
    if quiet:
        lines.append(
            f"{counted(len(quiet), 'input')} within the natural range: {listed(quiet, 6)}."
        )
    if incident.kind in ("performance", "concept"):
        lines += metrics_within(evaluation.performance, place)
    return lines


def _same_things(evaluation: Evaluation, place: int) -> list[str]:
    """What of schema, missing share and volume has no finding in a chunk."""
    checks = {one.check for one in _quality_at(evaluation, place)}
    same = []
    if not checks & set(_SCHEMA):
        same.append("schema")
    if "missing" not in checks:
        same.append("missing share")
    if "volume" not in checks:
        same.append(f"volume ({counted(evaluation.chunks[place].rows, 'row')})")
    if not same:
        return []
    told = listed(same)
    return [f"{told[0].upper()}{told[1:]}."]


def _done(evaluation: Evaluation, incident: Incident) -> list[str]:
    """What happened to the model from the incident's first chunk on, until it ended."""
    begin = evaluation.chunks[_place(evaluation, incident.first)].from_
    return [
        event.sentence
        for event in sorted(evaluation.events, key=lambda one: one.at)
        if begin is not None and event.at >= begin
    ][:_SIMILAR]


def _similar(evaluation: Evaluation, incident: Incident) -> list[str]:
    """Earlier incidents of the same kind that share a column, or a cause without columns."""
    here = _place(evaluation, incident.first)
    lines = []
    for one in evaluation.alerts:
        if one.kind != incident.kind or one.key == incident.key:
            continue
        if one.kind == "quality" and one.cause != incident.cause:
            continue
        first, last = _place(evaluation, one.first), _place(evaluation, one.last)
        if first >= here:
            continue
        shared = [name for name in one.columns if name in incident.columns]
        if incident.columns and not shared:
            continue
        what = f", {listed(shared)}" if shared else ""
        ended = "still open" if one.open else f"until {evaluation.chunks[last].label}"
        lines.append((first, f"{evaluation.chunks[first].label}{what}: {ended}."))
    return [line for _, line in sorted(lines, reverse=True)[:_SIMILAR]]


def _quality_at(evaluation: Evaluation, place: int) -> list[QualityFinding]:
    """Findings of a chunk, and those about the whole."""
    key = evaluation.chunks[place].key
    return [one for one in evaluation.quality if one.chunk in (key, None)]


def _is_of(finding: QualityFinding, incident: Incident) -> bool:
    """Whether a finding belongs to an incident of quality: its key names the check."""
    whole = WHOLE if finding.chunk is None else ""
    return incident.cause == f"quality:{finding.check}{whole}"


def _has(evaluation: Evaluation, name: str) -> bool:
    return any(one.name == name for one in evaluation.columns)


def _place(evaluation: Evaluation, key: str) -> int:
    """Where a chunk is; the first one of an incident about the whole."""
    return next((i for i, chunk in enumerate(evaluation.chunks) if chunk.key == key), 0)


def _sections(*parts: tuple[str, Iterable[str]]) -> tuple[Section, ...]:
    found = [(title, tuple(line for line in lines if line)) for title, lines in parts]
    return tuple(Section(title, lines) for title, lines in found if lines)
