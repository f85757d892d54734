"""Why an alarm fired, in computed sentences: nothing here is written by hand or guessed.

What fired with its numbers; where the mass of the inputs moved; in which parts of the rows; what
changed in the same chunk; what did not; what followed and what was similar before. Everything is
read from the evaluation; parts of the rows are counted again while its counts are at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from mlops_lab.errors import LabError
from mlops_lab.monitoring.incidents import SYMBOLS
from mlops_lab.monitoring.moves import moves_told
from mlops_lab.monitoring.records import (
    ColumnEvaluation,
    Evaluation,
    Incident,
    QualityFinding,
    Section,
)
from mlops_lab.monitoring.telling import metrics_beyond, metrics_within, segments_told
from mlops_lab.monitoring.wording import (
    change,
    counted,
    listed,
    number,
    share,
    span,
)

__all__ = ["explain_cell", "explain_incident"]

LOUD: Final = "wa"
_JUDGED: Final = "owa"

_COLUMNS: Final = 3
_SEGMENTS: Final = 12
_SIMILAR: Final = 3

_SCHEMA: Final = ("column", "type")


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
    loud = _loud_columns(evaluation, place)
    of_inputs = incident.kind in ("drift", "domain", "prediction")
    named = [evaluation.column(name) for name in incident.columns if _has(evaluation, name)]
    told = named if of_inputs else loud
    return _sections(
        ("What fired", _fired(evaluation, incident, place, named)),
        ("Inputs", _inputs(evaluation, incident, place, told, loud)),
        ("Where", _where(evaluation, incident, place, told)),
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
        There is no such column or chunk.
    """
    found = evaluation.column(column)
    if chunk is None:
        effects = [(value or 0.0, -place) for place, value in enumerate(found.effect)]
        place = -max(effects)[1] if effects else 0
    else:
        place = evaluation.place(chunk)
    label = evaluation.chunks[place].label if evaluation.chunks else "all rows"
    sentence = _cell_told(evaluation, found, place, label)
    quality = [one.sentence for one in _quality_at(evaluation, place) if one.column == column]
    return sentence, _sections(
        ("What fired", [*quality, *_gates(evaluation, found, place)]),
        ("Inputs", _mass(evaluation, found, place)),
        ("Where", _by_segment(evaluation, found, place)),
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
            return [
                sentence
                for column in _by_share(named, place)[:_COLUMNS]
                for sentence in _outside(column, place)
            ] + _lasting(named, place, lambda column: column.outside and column.outside.states)
        case "drift" | "prediction" if named:
            ranked = sorted(named, key=lambda one: -_weight(one, place))
            return [line for one in ranked[:_COLUMNS] for line in _gates(evaluation, one, place)]
        case "performance" | "concept":
            beyond = metrics_beyond(evaluation.performance, place, incident.sentence)
            return [incident.sentence, *beyond]
        case _:
            return [incident.sentence]


def _gates(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> list[str]:
    """Effect, chance, nature and persistence of a cell, each with its numbers."""
    effect = column.effect[place]
    if effect is None:
        return []
    policy, symbol = evaluation.policy, SYMBOLS[column.measure]
    low = column.effect_low[place] if column.effect_low else None
    certain = effect if low is None else low
    levels = (
        f"alert from {number(column.alert)}"
        if certain >= column.alert
        else f"warning from {number(column.warn)}"
        if certain >= column.warn
        else f"below {number(column.warn)}, from where it warns"
    )
    natural = _natural(column, place)
    nature = (
        "how far the reference strays by itself is not known: it has "
        f"{counted(evaluation.reference.chunks, 'chunk')}, and {policy.natural_chunks} tell"
        if natural is None
        else f"natural is up to {number(natural)}"
    )
    lines = [f"{column.name}: {symbol} {number(effect)}, {levels}; {nature}."]
    rows = min(evaluation.chunks[place].rows, column.reference.n)
    p_value = column.p_value[place]
    if rows > policy.significance_rows:
        lines.append(
            f"With more than {policy.significance_rows:,} rows on both sides chance explains "
            "nothing: the effect decides."
        )
    elif p_value is not None:
        tested = sum(p is not None for one in evaluation.columns for p in one.p_value)
        said = "p below 1e−16" if p_value < 1e-16 else f"p {number(p_value)}"
        lines.append(
            f"{said}, judged among {counted(tested, 'cell')} with at most {share(policy.q)} false "
            "ones (Benjamini and Hochberg)."
        )
    return lines + _lasting([column], place, lambda one: one.states)


def _lasting(columns: Sequence[ColumnEvaluation], place: int, states: object) -> list[str]:
    """In how many of the last judged chunks a column was loud."""
    assert callable(states)
    for column in columns:
        letters = states(column) or ""
        recent = [one for one in letters[: place + 1] if one in _JUDGED][-3:]
        loud = sum(one in LOUD for one in recent)
        if len(recent) > 1 and loud > 1:
            return [f"Loud in {loud} of the last {counted(len(recent), 'chunk')}."]
    return []


def _outside(column: ColumnEvaluation, place: int) -> list[str]:
    outside = column.outside
    if outside is None or outside.share[place] is None:
        return []
    natural = "" if outside.natural is None else f" Natural is up to {share(outside.natural)}."
    return [
        f"{share(outside.share[place])} of the rows have a {column.name} outside of "
        f"{span(outside.low, outside.high, column.unit)}, where the reference has {share(0.99)} "
        f"of its own.{natural}"
    ]


# ---------------------------------------------------------------------------- inputs


def _inputs(
    evaluation: Evaluation,
    incident: Incident,
    place: int,
    told: Sequence[ColumnEvaluation],
    loud: Sequence[ColumnEvaluation],
) -> list[str]:
    lines: list[str] = []
    if incident.kind == "quality":
        names = [one.name for one in loud if one.name not in incident.columns]
        if incident.columns:
            judged = f"Drift of {listed(incident.columns)} is not judged here"
            lines.append(f"{judged}: data quality first.")
        return [*lines, f"Loud besides: {listed(names, 5)}."] if names else lines
    for column in sorted(told, key=lambda one: -_weight(one, place))[:_COLUMNS]:
        lines += _mass(evaluation, column, place)
        if incident.kind != "domain" and column.outside and _letter(column, place) in LOUD:
            lines += _outside(column, place)
    others = [one for one in loud if one not in told]
    lines += [_minor(evaluation, one, place) for one in others[:_COLUMNS]]
    wrong = any(one.state == "alert" for one in _quality_at(evaluation, place))
    if not loud and not wrong and incident.kind in ("performance", "concept"):
        lines.append("No input is above its natural range: the inputs do not explain it.")
    return lines


def _mass(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> list[str]:
    """Where the mass moved, and the median with its unit."""
    before = _reference_counts(evaluation, column, place)
    lines = []
    if before and column.counts.shape[0] > place:
        sentence = moves_told(column, before, column.counts.array()[place].tolist())
        lines += [sentence] * bool(sentence)
    was, now = column.reference.median, column.median[place]
    if was is not None and now is not None and was != now:
        lines.append(f"Median of {column.name} {change(was, now, column.unit)}.")
    return lines


def _minor(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> str:
    """A column that is loud, too: why it is no alarm of its own where it is none."""
    natural = _natural(column, place)
    above = "" if natural is None else f" is above its natural {number(natural)}"
    told = f"{column.name} {SYMBOLS[column.measure]} {number(column.effect[place])}{above}"
    if column.importance is not None and column.importance < evaluation.policy.importance:
        return f"{told}, but its importance is {number(column.importance, 2)}: information only."
    return f"{told}."


# ---------------------------------------------------------------------------- where


def _where(
    evaluation: Evaluation, incident: Incident, place: int, told: Sequence[ColumnEvaluation]
) -> list[str]:
    lines = [f"In {incident.segment}."] if incident.segment else []
    if incident.kind in ("performance", "concept"):
        lines += segments_told(evaluation.performance, evaluation.chunks[place].key, _COLUMNS)
    if incident.kind in ("drift", "domain", "prediction") and told:
        first = max(told, key=lambda one: _weight(one, place))
        lines += _by_segment(evaluation, first, place)
    return lines


def _by_segment(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> list[str]:
    """How far a column moved in each part of the rows; told apart only where counts are there."""
    parts = evaluation.segments
    if parts is None or evaluation.live is None or parts.by == column.name:
        return []
    key = evaluation.chunks[place].key
    found: list[tuple[float, str, int]] = []
    for value in parts.values[:_SEGMENTS]:
        try:
            rows, effect = evaluation.live.effect(evaluation, column, key, value)
        except LabError:
            continue
        if effect is not None and rows >= evaluation.policy.drift_rows:
            found.append((effect, value, rows))
    if len(found) < 2:
        return []
    found.sort(reverse=True)
    symbol = SYMBOLS[column.measure]
    shown = [f"{value} {symbol} {number(effect, 2)} (n {n:,})" for effect, value, n in found[:3]]
    most, least = found[0], found[-1]
    if most[0] < 1.5 * least[0]:
        low, high = number(least[0], 2), number(most[0], 2)
        values = low if low == high else f"{low} to {high}"
        return [
            f"About as much in every {parts.by}: {symbol} {values} in "
            f"{counted(len(found), 'part')}."
        ]
    return [f"Most by {parts.by}: {listed(shown)}; least {least[1]} {number(least[0], 2)}."]


# ---------------------------------------------------------------------------- the rest


def _together(evaluation: Evaluation, incident: Incident, place: int) -> list[str]:
    """Schema, missing values, volume, answers and model version, where this chunk changed them."""
    lines = [
        one.sentence
        for one in _quality_at(evaluation, place)
        if not (incident.kind == "quality" and _is_of(one, incident))
    ]
    for column in evaluation.columns:
        answer = column.role in ("score", "prediction") and column.name not in incident.columns
        if answer and _letter(column, place) in LOUD:
            natural = _natural(column, place)
            known = "" if natural is None else f"; natural is up to {number(natural)}"
            effect = f"{SYMBOLS[column.measure]} {number(column.effect[place])}"
            lines.append(f"The {column.role} moved: {effect}{known}.")
    version = evaluation.chunks[place].version
    before = evaluation.chunks[place - 1].version if place else None
    if version is not None and before is not None and version != before:
        lines.append(f"Version {version} answers from here on; before it was {before}.")
    return list(dict.fromkeys(lines))[:5]


def _unchanged(evaluation: Evaluation, incident: Incident, place: int) -> list[str]:
    lines = _same_things(evaluation, place)
    answers = [one for one in evaluation.columns if one.role in ("score", "prediction")]
    for column in answers:
        if _letter(column, place) in LOUD or column.name in incident.columns:
            continue
        if column.effect[place] is None:
            continue
        natural = _natural(column, place)
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


# ---------------------------------------------------------------------------- facts


def _cell_told(evaluation: Evaluation, column: ColumnEvaluation, place: int, label: str) -> str:
    states = {
        "o": "is within what is natural",
        "w": "warns",
        "a": "alarms",
        "q": "has a fault of data quality, which comes first",
        "s": "has too few rows to judge",
        "h": "has too few rows to judge drift",
        "-": "has nothing to compare",
    }
    letter = _letter(column, place)
    effect = column.effect[place] if column.effect else None
    figures = "" if effect is None else f": {SYMBOLS[column.measure]} {number(effect)}"
    natural = _natural(column, place)
    usual = "" if natural is None or effect is None else f", natural up to {number(natural)}"
    return f"{column.name} {states[letter]} in {label}{figures}{usual}."


def _loud_columns(evaluation: Evaluation, place: int) -> list[ColumnEvaluation]:
    found = [
        one
        for one in evaluation.columns
        if one.role == "feature" and (_letter(one, place) in LOUD or _is_outside(one, place))
    ]
    return sorted(found, key=lambda one: -_weight(one, place))


def _is_outside(column: ColumnEvaluation, place: int) -> bool:
    """Whether too many rows of a chunk are out of the column's range."""
    states = column.outside.states if column.outside is not None else ""
    return place < len(states) and states[place] in LOUD


def _weight(column: ColumnEvaluation, place: int) -> float:
    """Impact where importance is known; else how far the effect is above what is natural."""
    effect = column.effect[place] or 0.0
    if column.importance is not None:
        return effect * max(column.importance, 0.0)
    usual = max(_natural(column, place) or 0.0, column.warn)
    return effect / usual if usual else 0.0


def _by_share(columns: Sequence[ColumnEvaluation], place: int) -> list[ColumnEvaluation]:
    def outside(column: ColumnEvaluation) -> float:
        return (column.outside.share[place] or 0.0) if column.outside is not None else 0.0

    return sorted(columns, key=outside, reverse=True)


def _letter(column: ColumnEvaluation, place: int) -> str:
    return column.states[place] if place < len(column.states) else "-"


def _natural(column: ColumnEvaluation, place: int) -> float | None:
    return column.naturals[place] if column.naturals else column.natural


def _reference_counts(
    evaluation: Evaluation, column: ColumnEvaluation, place: int
) -> Sequence[int]:
    counts = column.reference_counts
    if isinstance(counts, tuple):
        return counts
    return counts.get(evaluation.chunks[place].version or "", ())


def _quality_at(evaluation: Evaluation, place: int) -> list[QualityFinding]:
    """Findings of a chunk, and those about the whole."""
    key = evaluation.chunks[place].key
    return [one for one in evaluation.quality if one.chunk in (key, None)]


def _is_of(finding: QualityFinding, incident: Incident) -> bool:
    """Whether a finding belongs to an incident of quality: its key names the check."""
    return incident.key.startswith(f"quality:{finding.check}")


def _has(evaluation: Evaluation, name: str) -> bool:
    return any(one.name == name for one in evaluation.columns)


def _place(evaluation: Evaluation, key: str) -> int:
    """Where a chunk is; the first one of an incident about the whole."""
    return next((i for i, chunk in enumerate(evaluation.chunks) if chunk.key == key), 0)


def _sections(*parts: tuple[str, Iterable[str]]) -> tuple[Section, ...]:
    found = [(title, tuple(line for line in lines if line)) for title, lines in parts]
    return tuple(Section(title, lines) for title, lines in found if lines)
