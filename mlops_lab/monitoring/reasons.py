"""Which gates of the policy a cell passed, in sentences with their numbers."""

from __future__ import annotations

from typing import Final

from mlops_lab.errors import NotFound
from mlops_lab.monitoring.incidents import SYMBOLS
from mlops_lab.monitoring.records import ColumnEvaluation, Evaluation
from mlops_lab.monitoring.wording import counted, number, share

__all__ = ["gate_sentences", "loudest_chunk"]

_JUDGED: Final = "owa"
_LOUD: Final = "wa"


def gate_sentences(evaluation: Evaluation, column: str, chunk: str) -> tuple[str, ...]:
    """Say of every gate whether a cell passed it, and what it came to.

    Parameters
    ----------
    column, chunk
        A column's name and a chunk's key.

    Returns
    -------
    tuple[str, ...]
        One sentence for each gate that was asked: size, chance, nature, persistence.
    """
    found, place = evaluation.column(column), evaluation.place(chunk)
    unjudged = _unjudged(evaluation, found, place)
    if unjudged is not None:
        return (unjudged,)
    effect = found.effect_low[place]
    assert effect is not None, "a judged cell has an effect"
    told = [
        _size(found, place, effect),
        _chance(evaluation, found, place),
        _nature(evaluation, found, place, effect),
        _persistence(evaluation, found, place, effect),
    ]
    return tuple(one for one in told if one)


def loudest_chunk(evaluation: Evaluation, column: str) -> str:
    """The chunk in which a column alarms most: by state, then by effect, then the last.

    Raises
    ------
    NotFound
        There is no such column, or there are no chunks.
    """
    found = evaluation.column(column)
    if not evaluation.chunks:
        raise NotFound("The evaluation has no chunk: there were no rows.")
    rank = {"a": 3, "w": 2, "q": 1}
    place = max(
        range(len(evaluation.chunks)),
        key=lambda at: (rank.get(found.states[at], 0), found.effect[at] or 0.0, at),
    )
    return evaluation.chunks[place].key


def _unjudged(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> str | None:
    policy, chunk = evaluation.policy, evaluation.chunks[place]
    rows = counted(chunk.rows, "row")
    match column.states[place]:
        case "s":
            return (
                f"{chunk.label} has {rows}, or the reference so few values: below {policy.small:,} "
                "it is drawn and never alarms."
            )
        case "h" if chunk.state == "partial":
            return f"{chunk.label} is not over: it is drawn and judged when all of it is there."
        case "h":
            return (
                f"{chunk.label} has {rows}, or the reference so few values: below "
                f"{policy.drift_rows:,} only data quality is judged."
            )
        case "q":
            return f"Data quality first: what is wrong with {column.name} in {chunk.label} is told."
        case "-":
            return f"{column.name} has no value to compare in {chunk.label}."
        case _:
            return None


def _size(column: ColumnEvaluation, place: int, effect: float) -> str:
    symbol = SYMBOLS[column.measure]
    high = column.effect_high[place]
    least = " at least" if high is not None and number(high) != number(effect) else ""
    side = "from" if effect >= column.warn else "below"
    counts = "on which" if effect >= column.warn else "from which"
    return f"{symbol} is{least} {number(effect)}: {side} {number(column.warn)}, {counts} it counts."


def _chance(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> str:
    policy, p = evaluation.policy, column.p_value[place]
    if evaluation.chunks[place].rows > policy.significance_rows:
        return (
            f"With more than {policy.significance_rows:,} rows everything is significant: the size "
            "decides."
        )
    if p is None:
        return ""
    cells = sum(letter in _JUDGED for one in evaluation.columns for letter in one.states)
    said = "p below 1e−16" if p < 1e-16 else f"p {number(p)}"
    return (
        f"{said}; of {counted(cells, 'cell')} that were judged together at most "
        f"{share(policy.q)} of the significant ones are so by chance."
    )


def _nature(evaluation: Evaluation, column: ColumnEvaluation, place: int, effect: float) -> str:
    natural = column.naturals[place] if column.naturals else column.natural
    if natural is None:
        least = evaluation.policy.natural_chunks
        return (
            f"What is natural is not known: it takes {least} chunks of the reference. Provisional."
        )
    side = "above" if effect > natural else "within"
    return f"It is {side} what is natural: up to {number(natural)} in the reference's own chunks."


def _persistence(
    evaluation: Evaluation, column: ColumnEvaluation, place: int, effect: float
) -> str:
    if column.states[place] not in _LOUD:
        return ""
    policy = evaluation.policy
    needed, of = policy.persistence
    once = column.alert if len(evaluation.chunks) == 1 else policy.twice * column.alert
    if effect >= once:
        return f"From {number(once)} on it is an alert at once."
    judged = [at for at in range(place + 1) if column.states[at] in _JUDGED][-of:]
    loud = sum(column.states[at] in _LOUD for at in judged)
    end = "an alert" if loud >= needed else f"an alert from {needed} on"
    return f"Loud in {loud} of the last {counted(len(judged), 'chunk')} that were judged: {end}."
