"""What an incident is, in one sentence with its numbers: of drift, of the domain, of data quality.

Each is told of the chunk in which it was worst, and of the column that weighs most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from mlops_lab.monitoring.moves import median_before, moved_most
from mlops_lab.monitoring.records import ColumnEvaluation, Evaluation, QualityFinding
from mlops_lab.wording import change, during, listed, number, share, span

__all__ = ["SYMBOLS", "domain_told", "drift_told", "quality_told"]

SYMBOLS: Final = {"ks": "D", "tvd": "TVD", "auc": "AUC"}
"""How effects are written."""

Loud: TypeAlias = Mapping[str, Sequence[int]]
"""Places of the loud chunks, by column."""


def drift_told(evaluation: Evaluation, loud: Loud) -> tuple[str, float | None]:
    """Which columns drifted, and how far the weightiest one; with the impact."""
    columns = {column.name: column for column in evaluation.columns}

    def peak(name: str) -> int:
        effect = columns[name].effect
        return max(loud[name], key=lambda place: effect[place] or 0.0)

    def beyond(name: str) -> float:
        """How far it is above what it may be: 1 is just there."""
        column, place = columns[name], peak(name)
        usual = max(column.warn, column.natural_at(place) or 0.0)
        return (column.effect[place] or 0.0) / usual if usual else 0.0

    impacts = {
        name: (columns[name].effect[peak(name)] or 0.0) * (columns[name].importance or 0.0)
        for name in loud
        if columns[name].importance is not None
    }
    first = max(loud, key=lambda name: (impacts.get(name, 0.0), beyond(name)))
    told = _drift_of(evaluation, columns[first], peak(first))
    if len(loud) == 1:
        sentence = f"{first} drifted: {told}."
    else:
        others = [name for name in loud if name != first]
        sentence = f"{listed([first, *others])} drifted; {first}: {told}."
    return sentence, max(impacts.values(), default=None)


def domain_told(evaluation: Evaluation, loud: Loud) -> tuple[str, float | None]:
    """How many rows of which column are out of the reference's range; with the impact."""
    columns = {column.name: column for column in evaluation.columns}

    def worst(name: str) -> tuple[float, int]:
        outside = columns[name].outside
        assert outside is not None
        return max((outside.share[place] or 0.0, place) for place in loud[name])

    first = max(loud, key=worst)
    rows, place = worst(first)
    column, outside = columns[first], columns[first].outside
    assert outside is not None
    low, high, reached = outside.at(place)
    natural = "" if reached is None else f"; natural is up to {share(reached)}"
    others = [name for name in loud if name != first]
    also = f" Also {listed(others)}." if others else ""
    impacts = [
        worst(name)[0] * (columns[name].importance or 0.0)
        for name in loud
        if columns[name].importance is not None
    ]
    return (
        f"{share(rows)} of the rows{_when(evaluation, place)} have a {first} outside of "
        f"{span(low, high, column.unit)}, where the reference has nearly all{natural}.{also}",
        max(impacts, default=None),
    )


def quality_told(evaluation: Evaluation, check: str, loud: Loud) -> str:
    """The worst finding of a check, and which columns have other ones."""
    keys = {evaluation.chunks[place].key for places in loud.values() for place in places}
    of = [one for one in evaluation.quality if one.check == check and one.chunk in keys]
    worst = max(of, key=lambda one: (one.state == "alert", one.chunk or ""))
    others = [name for name in loud if name and name not in _told_by(worst, of)]
    return f"{worst.sentence} Also {listed(others)}." if others else worst.sentence


def _told_by(finding: QualityFinding, of: Sequence[QualityFinding]) -> set[str | None]:
    """The columns that a sentence is about: of two that were swapped it is the same."""
    return {one.column for one in of if one.sentence == finding.sentence}


def _drift_of(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> str:
    """What moved in units, and how far the distributions are apart."""
    natural = column.natural_at(place)
    usual = "no natural range is known"
    if natural is not None:
        usual = f"natural is up to {number(natural)}"
    effect = f"{SYMBOLS[column.measure]} {number(column.effect[place])}"
    told = f"{effect}{_when(evaluation, place)}, {usual}"
    was, now = median_before(evaluation, column, place), column.median[place]
    if was is not None and now is not None:
        return f"{told}; median {change(was, now, column.unit)}" if was != now else told
    most = moved_most(evaluation, column, place)
    return f"{told}; {most.told}" if most is not None else told


def _when(evaluation: Evaluation, place: int) -> str:
    return "" if len(evaluation.chunks) == 1 else f" {during(evaluation.chunks[place].label)}"
