"""What an evaluation was computed from, while it is at hand: any range of chunks is a sum of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import InvalidInput
from mlops_lab.monitoring.drawing import binned
from mlops_lab.monitoring.measuring import chance_of, effect_of
from mlops_lab.monitoring.records import (
    ColumnEvaluation,
    Evaluation,
    WindowColumn,
    WindowFound,
)
from mlops_lab.monitoring.windows import Compared, without
from mlops_lab.monitoring.wire import significant

if TYPE_CHECKING:
    from mlops_lab.compute import Cube, Window

__all__ = ["Live", "LiveLater", "window_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """Counts and references of an evaluation. Safe to use from several threads.

    Parameters
    ----------
    current
        The chunks' counts.
    reference
        Of a fixed reference its counts, so that chunks can be taken out of it; else None.
    compared
        By chunk what it is compared with.
    versions
        Counts by model version, for references by training.
    performance
        What performance keeps for its own windows.
    """

    current: Cube
    reference: Cube | None
    compared: Compared
    versions: dict[str, Cube]
    performance: Any = None

    def window(
        self, evaluation: Evaluation, first: str, last: str, segment: str | None = None
    ) -> WindowFound:
        """Look at a range of chunks as if it were one: see `window_of`."""
        return window_of(evaluation, self, first, last, segment)

    def effect(
        self, evaluation: Evaluation, column: ColumnEvaluation, chunk: str, segment: str
    ) -> tuple[int, float | None]:
        """How many rows of a chunk are in a segment, and how far one column moved in it.

        Raises
        ------
        NotFound
            There is no such chunk or segment.
        """
        place = evaluation.place(chunk)
        only = (column.name,)
        now = self.current.window([chunk], segment, only)
        before = _reference(self, place, place, segment, only).columns.get(column.name)
        if before is None or not before.total or not now[column.name].total:
            return now.rows, None
        return now.rows, effect_of(column.measure, before, now[column.name]).value


class LiveLater:
    """The counts of an evaluation that was read back, put together when somebody asks for them.

    Parameters
    ----------
    make
        Counts, or takes what was kept of it.
    """

    def __init__(self, make: Callable[[], Live]) -> None:
        self._make = make

    @cached_property
    def live(self) -> Live:
        """The counts."""
        return self._make()

    @property
    def compared(self) -> Compared:
        """By chunk what it is compared with."""
        return self.live.compared

    def window(
        self, evaluation: Evaluation, first: str, last: str, segment: str | None = None
    ) -> WindowFound:
        """As `Live.window`."""
        return self.live.window(evaluation, first, last, segment)

    def effect(
        self, evaluation: Evaluation, column: ColumnEvaluation, chunk: str, segment: str
    ) -> tuple[int, float | None]:
        """As `Live.effect`."""
        return self.live.effect(evaluation, column, chunk, segment)


def window_of(
    evaluation: Evaluation, live: Live, first: str, last: str, segment: str | None = None
) -> WindowFound:
    """Look at a range of chunks as if it were one.

    Parameters
    ----------
    first, last
        Keys of its first and last chunk.
    segment
        A value of the evaluation's segment; None is all rows. The reference is cut likewise where
        it has that segment.

    Raises
    ------
    NotFound
        There is no such chunk or segment.
    InvalidInput
        The range is the wrong way round, or no segment was counted.
    """
    start, end = evaluation.place(first), evaluation.place(last)
    if start > end:
        raise InvalidInput(f"The range goes from {first} to {last}, which is before it.")
    keys = [chunk.key for chunk in evaluation.chunks[start : end + 1]]
    if segment is not None and not live.current.names:
        raise InvalidInput(
            f"No segment was counted, so there is no {segment!r}: evaluate with segment=…"
        )
    window = live.current.window(keys, segment)
    reference = _reference(live, start, end, segment)
    return WindowFound(
        from_=first,
        until=last,
        segment=segment,
        rows=window.rows,
        columns=tuple(
            _column(one, reference, window, _counts(one, window, start, end, segment))
            for one in evaluation.columns
        ),
        performance=_performance(evaluation, live, first, last, segment),
        scanned=False,
    )


def _reference(
    live: Live, start: int, end: int, segment: str | None, columns: Sequence[str] | None = None
) -> Window:
    """What a range is compared with: that of its last chunk, without any chunk of the range."""
    compared = live.compared
    epoch = compared.epochs[end]
    cube = live.versions.get(epoch) if epoch is not None else live.reference
    if cube is None:
        return compared.windows[start]  # the days before it began
    cut = segment if segment in cube.names else None
    if columns is not None:
        columns = [name for name in columns if name in cube.columns]
    whole = cube.window(None, cut, columns)
    for key in compared.left_out[start : end + 1]:
        if key is not None and key in cube.keys:
            whole = without(whole, cube.window([key], cut, columns))
    return whole


def _counts(
    column: ColumnEvaluation, window: Window, start: int, end: int, segment: str | None
) -> tuple[int, ...]:
    """Counts of the bins: of all rows the sum of what is drawn of the chunks, to the row."""
    if segment is not None or not column.counts.raw:
        return tuple(binned(window[column.name], column.bins))
    return tuple(column.counts.array()[start : end + 1].sum(axis=0).tolist())


def _column(
    column: ColumnEvaluation, reference: Window, window: Window, counts: tuple[int, ...]
) -> WindowColumn:
    from mlops_lab.compute.statistics import STATISTICS

    before, now = reference.columns.get(column.name), window[column.name]
    missing = significant(now.missing_share) if now.rows else None
    if before is None or not before.total or not now.total:
        nothing = (None,) * 6
        return WindowColumn(column.name, *nothing, missing, None, counts)
    effect = effect_of(column.measure, before, now)
    return WindowColumn(
        name=column.name,
        effect=significant(effect.value),
        effect_low=significant(effect.low),
        effect_high=significant(effect.high),
        wasserstein=significant(STATISTICS["wasserstein"].measure(before, now).value),
        psi=significant(STATISTICS["psi"].measure(before, now).value),
        p_value=significant(chance_of(column.measure, column.kind, effect, before, now)),
        missing=missing,
        median=significant(now.median),
        counts=counts,
    )


def _performance(
    evaluation: Evaluation, live: Live, first: str, last: str, segment: str | None
) -> dict[str, float | None] | None:
    if live.performance is None or evaluation.performance is None:
        return None
    from mlops_lab.compute.counting import MISSING
    from mlops_lab.compute.grids import OTHER
    from mlops_lab.monitoring.performance import window

    by = evaluation.segments.by if evaluation.segments else None
    # What has no name of its own is written in brackets by the one, without by the other.
    named = {OTHER: "other", MISSING: "missing"}.get(segment or "", segment)
    cut = None if named is None or by is None else (by, named)
    found = window(live.performance, first, last, segment=cut)
    return {name: significant(one.value) for name, one in found.items()}
