"""Where the mass of a column moved: which bins or categories gained rows, and which lost them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mlops_lab.monitoring.records import ColumnEvaluation, Evaluation, NumberBins
from mlops_lab.monitoring.wire import significant
from mlops_lab.wording import number, quoted, share, span

__all__ = ["Move", "median_before", "moved_most", "moves", "moves_told"]

LEAST: Final = 0.01
"""A bin of which less than a point of the rows came or went is not told."""

MOST: Final = 0.75
"""Share of the change of a range that the told part of it has."""


@dataclass(frozen=True, slots=True)
class Move:
    """A range or category with its share of the rows, before and now.

    Parameters
    ----------
    where
        As a sentence says it: ``above 52 °F``, ``'EV'``.
    """

    where: str
    before: float
    now: float

    @property
    def told(self) -> str:
        """``above 52 °F 3 % → 62 %``; two numbers without a unit between them have a comma."""
        comma = "," if self.where[-1:].isdigit() else ""
        return f"{self.where}{comma} {share(self.before)} → {share(self.now)}"


def moves(
    column: ColumnEvaluation, before: Sequence[int], now: Sequence[int], most: int = 3
) -> list[Move]:
    """Say where the mass moved, the largest change first.

    Neighbouring bins that all gained, or all lost, are one range; of it that part is told in which
    most of it happened.

    Parameters
    ----------
    column
        Has the bins.
    before, now
        Their counts in the reference and in the chunk.
    most
        So many are told.
    """
    n, m = sum(before), sum(now)
    if not n or not m:
        return []
    old, new = [count / n for count in before], [count / m for count in now]
    if isinstance(column.bins, NumberBins):
        runs = [_core(run, old, new) for run in _runs(old, new)]
        named = [(_range(column, first, last), first, last) for first, last in runs]
    else:
        # Of true and false one says it all.
        flag = column.kind == "boolean" and set(column.bins.values) == {"false", "true"}
        values = [value if flag else quoted(value) for value in column.bins.values]
        values += ["all others"] * column.bins.other
        values += ["new categories"] * column.bins.new
        named = [(value, i, i) for i, value in enumerate(values) if not (flag and value == "false")]
    found = [
        Move(where, sum(old[first : last + 1]), sum(new[first : last + 1]))
        for where, first, last in named
    ]
    found = [one for one in found if abs(one.now - one.before) >= LEAST]
    return sorted(found, key=lambda one: -abs(one.now - one.before))[:most]


def moves_told(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> str:
    """Where the mass moved in a chunk, as a sentence; empty where nothing of a point did."""
    found = moves(column, *_counts(evaluation, column, place))
    if not found:
        return ""
    return f"Mass moved in {column.name}: {'; '.join(one.told for one in found)}."


def moved_most(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> Move | None:
    """The largest move in a chunk; None where nothing of a point moved."""
    return next(iter(moves(column, *_counts(evaluation, column, place), most=1)), None)


def _counts(
    evaluation: Evaluation, column: ColumnEvaluation, place: int
) -> tuple[Sequence[int], Sequence[int]]:
    """Rows by bin, of the reference that a chunk has and of the chunk."""
    if column.counts.shape[0] <= place:
        return (), ()
    counts = column.counts.array()
    before = column.reference_counts
    if evaluation.reference.kind == "rolling":
        earlier = evaluation.live.compared.before[place] if evaluation.live is not None else ()
        rows = [i for i, chunk in enumerate(evaluation.chunks) if chunk.key in earlier]
        before = tuple(counts[rows].sum(axis=0).tolist())
    elif not isinstance(before, tuple):
        before = before.get(evaluation.chunks[place].version or "", ())
    return (before, counts[place].tolist()) if before else ((), ())


def median_before(evaluation: Evaluation, column: ColumnEvaluation, place: int) -> float | None:
    """The median of what a chunk is compared with; None where several references are no longer
    at hand.
    """
    one = evaluation.reference.kind != "rolling" and isinstance(column.reference_counts, tuple)
    if one:
        return column.reference.median
    if evaluation.live is None:
        return None
    window = evaluation.live.compared.windows[place]
    found = window[column.name].median if column.name in window.columns else None
    return significant(found)


def _runs(old: Sequence[float], new: Sequence[float]) -> list[tuple[int, int]]:
    """Neighbouring bins with changes of one sign."""
    found: list[tuple[int, int]] = []
    sign = 0
    for i, (before, now) in enumerate(zip(old, new, strict=True)):
        here = (now > before) - (now < before)
        if found and here in (sign, 0):
            found[-1] = (found[-1][0], i)
        else:
            found.append((i, i))
            sign = here
    return found


def _core(run: tuple[int, int], old: Sequence[float], new: Sequence[float]) -> tuple[int, int]:
    """The shortest part of a range that has most of its change."""
    first, last = run
    changes = [abs(new[i] - old[i]) for i in range(first, last + 1)]
    whole = sum(changes)
    kept = whole
    # From the side where less is lost.
    while first < last:
        left, right = changes[first - run[0]], changes[last - run[0]]
        if kept - min(left, right) < MOST * whole:
            break
        kept -= min(left, right)
        if left <= right:
            first += 1
        else:
            last -= 1
    return first, last


def _range(column: ColumnEvaluation, first: int, last: int) -> str:
    assert isinstance(column.bins, NumberBins)
    edges, unit = column.bins.edges, column.unit
    bins = len(edges) - 1
    # The outer bins hold what lies beyond them, too.
    if first == 0 and last == bins - 1:
        return "everywhere"
    if last == bins - 1:
        return f"above {number(edges[first], unit=unit)}"
    if first == 0:
        return f"below {number(edges[last + 1], unit=unit)}"
    return span(edges[first], edges[last + 1], unit)
