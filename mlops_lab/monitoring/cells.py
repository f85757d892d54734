"""One column in one chunk, as sentences: why it is loud, where its mass moved, in which parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mlops_lab.errors import LabError
from mlops_lab.monitoring.headlines import SYMBOLS
from mlops_lab.monitoring.moves import median_before, moves_told
from mlops_lab.monitoring.records import ColumnEvaluation, Evaluation
from mlops_lab.wording import change, counted, during, listed, number, share, span

__all__ = [
    "LOUD",
    "by_share",
    "cell_told",
    "gates_told",
    "is_outside",
    "lasting_told",
    "letter_of",
    "loud_columns",
    "mass_told",
    "minor_told",
    "outside_told",
    "segments_apart",
    "weight",
]

LOUD: Final = "wa"
_JUDGED: Final = "owa"

_SEGMENTS: Final = 12


def cell_told(evaluation: Evaluation, column: ColumnEvaluation, place: int, label: str) -> str:
    """What a column is in a chunk, in one sentence."""
    states = {
        "o": "is within what is natural",
        "w": "warns",
        "a": "alarms",
        "q": "has a fault of data quality, which comes first",
        "s": "has too few rows to judge",
        "h": "has too few rows to judge drift",
        "-": "has nothing to compare",
    }
    letter = letter_of(column, place)
    effect = column.effect[place] if column.effect else None
    figures = "" if effect is None else f": {SYMBOLS[column.measure]} {number(effect)}"
    natural = column.natural_at(place)
    usual = "" if natural is None or effect is None else f", natural up to {number(natural)}"
    return f"{column.name} {states[letter]} {during(label)}{figures}{usual}."


def gates_told(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> list[str]:
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
    natural = column.natural_at(place)
    chunks = evaluation.reference.chunks
    nature = (
        "how far the reference strays by itself is not known: it "
        + (f"has {counted(chunks, 'chunk')}" if chunks else "is not cut into chunks")
        + f", and {policy.natural_chunks} tell"
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
    return lines + lasting_told([column.states], place, policy.persistence[1])


def lasting_told(letters: Sequence[str], place: int, window: int) -> list[str]:
    """In how many of the last judged chunks it was loud: of the first line that was, several times.

    Parameters
    ----------
    letters
        Of each line, a letter for each chunk.
    window
        How many judged chunks are looked back at.
    """
    for line in letters:
        recent = [one for one in line[: place + 1] if one in _JUDGED][-window:]
        loud = sum(one in LOUD for one in recent)
        if loud > 1:
            return [f"Loud in {loud} of the last {counted(len(recent), 'chunk')}."]
    return []


def outside_told(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> list[str]:
    """How many rows are out of the column's range, and how many may be."""
    outside = column.outside
    if outside is None or outside.share[place] is None:
        return []
    low, high, reached = outside.at(place)
    inside = 1 - 2 * evaluation.policy.domain_quantile
    natural = "" if reached is None else f" Natural is up to {share(reached)}."
    return [
        f"{share(outside.share[place])} of the rows have a {column.name} outside of "
        f"{span(low, high, column.unit)}, where the reference has {share(inside)} "
        f"of its own.{natural}"
    ]


def mass_told(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> list[str]:
    """Where the mass moved, and the median with its unit."""
    sentence = moves_told(evaluation, column, place)
    lines = [sentence] * bool(sentence)
    was, now = median_before(evaluation, column, place), column.median[place]
    if was is not None and now is not None and was != now:
        lines.append(f"Median of {column.name} {change(was, now, column.unit)}.")
    return lines


def minor_told(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> str:
    """A column that is loud, too: why it is no alarm of its own where it is none."""
    natural = column.natural_at(place)
    above = "" if natural is None else f" is above its natural {number(natural)}"
    told = f"{column.name} {SYMBOLS[column.measure]} {number(column.effect[place])}{above}"
    if column.importance is not None and column.importance < evaluation.policy.importance:
        return f"{told}, but its importance is {number(column.importance, 2)}: information only."
    return f"{told}."


def segments_apart(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> list[str]:
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


def loud_columns(evaluation: Evaluation, place: int) -> list[ColumnEvaluation]:
    """The inputs that are loud in a chunk, the weightiest first."""
    found = [
        one
        for one in evaluation.columns
        if one.role == "feature" and (letter_of(one, place) in LOUD or is_outside(one, place))
    ]
    return sorted(found, key=lambda one: -weight(one, place))


def is_outside(column: ColumnEvaluation, place: int) -> bool:
    """Whether too many rows of a chunk are out of the column's range."""
    states = column.outside.states if column.outside is not None else ""
    return place < len(states) and states[place] in LOUD


def weight(column: ColumnEvaluation, place: int) -> float:
    """Impact where importance is known; else how far the effect is above what is natural."""
    effect = column.effect[place] or 0.0
    if column.importance is not None:
        return effect * max(column.importance, 0.0)
    usual = max(column.natural_at(place) or 0.0, column.warn)
    return effect / usual if usual else 0.0


def by_share(columns: Sequence[ColumnEvaluation], place: int) -> list[ColumnEvaluation]:
    """Columns with the most rows out of their range first."""

    def outside(column: ColumnEvaluation) -> float:
        return (column.outside.share[place] or 0.0) if column.outside is not None else 0.0

    return sorted(columns, key=outside, reverse=True)


def letter_of(column: ColumnEvaluation, place: int) -> str:
    """The letter of a cell."""
    return column.states[place] if place < len(column.states) else "-"
