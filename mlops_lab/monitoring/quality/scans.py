"""What checks ask of the rows themselves, each question once, for both sides.

Rows are scanned again for it, so questions are few and about the end of the data: a check of a
night must not read a year.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from mlops_lab.monitoring.quality.material import Material

if TYPE_CHECKING:
    from mlops_lab.compute import Engine, Source
    from mlops_lab.compute.feed import DayValues, Repeats

__all__ = ["Scans"]

MOST_ROWS: Final = 2_000_000
"""So many rows are looked at again: the newest chunks that have no more. It costs a second."""

Side: TypeAlias = Literal["current", "reference"]

_T = TypeVar("_T")


class Scans:
    """Opens a side's rows when the first question comes, and closes them after the last one."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._stack = ExitStack()
        self._open: dict[Side, tuple[Engine, str]] = {}

    def __enter__(self) -> Scans:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @cached_property
    def places(self) -> range:
        """The chunks whose rows may be looked at again: the newest ones."""
        count, first = len(self._material.current), len(self._material.current)
        rows = 0
        while first > 0:
            rows += self._material.current[first - 1].rows
            if rows > MOST_ROWS and first < count:
                break
            first -= 1
        return range(first, count)

    def repeats(self) -> tuple[dict[int, Repeats], Repeats | None]:
        """Rows that come twice: by place of the chunk, and in the reference as a whole."""
        from mlops_lab.compute.feed import count_repeats

        def count_all(engine: Engine, view: str) -> list[Repeats]:
            return count_repeats(engine, view, time=None, kind="")

        material = self._material
        kind = material.types.get(material.time or "", "")
        bounds = {place: self._bounds(place, kind) for place in self.places}
        known = {place: one for place, one in bounds.items() if one is not None}
        found: dict[int, Repeats] = {}
        if known and len(known) == len(bounds):
            marks = sorted({mark for one in known.values() for mark in one})
            listed = self._ask(
                "current",
                lambda engine, view: count_repeats(
                    engine, view, marks, time=material.time, kind=kind
                ),
            )
            # Between chunks there may be gaps: an interval is a chunk's when it begins with it.
            if listed is not None:
                found = {place: listed[marks.index(one[0])] for place, one in known.items()}
        elif len(material.chunks) == 1 and self.places.start == 0:
            whole = self._ask(
                "current", lambda engine, view: count_repeats(engine, view, time=None, kind="")
            )
            found = {} if whole is None else {0: whole[0]}
        rows = max((one.rows for one in material.compared.windows), default=0)
        if not found or rows > MOST_ROWS:
            return found, None
        usual = self._ask(
            "reference", lambda engine, view: count_repeats(engine, view, time=None, kind="")
        )
        return found, None if usual is None else usual[0]

    def values(self, side: Side, columns: tuple[str, ...]) -> DayValues | None:
        """How many different values each day brings, of a side's newest days."""
        from mlops_lab.compute.feed import distinct_values

        time, kind = self._time(side)
        if time is None:
            return None
        first = self._bounds(self.places.start, kind) if self.places.start else None
        since = first[0] if side == "current" and first is not None else None
        return self._ask(
            side,
            lambda engine, view: distinct_values(
                engine, view, columns, time=time, kind=kind, since=since
            ),
        )

    @cached_property
    def hours(self) -> tuple[dict[int, tuple[int, ...]], tuple[int, ...]] | None:
        """Rows by hour of the local day: by place of the chunk, and of the reference."""
        time, kind = self._time("current")
        theirs, their_kind = self._time("reference")
        if time is None or theirs is None or "DATE" in (kind, their_kind):
            return None
        mine = self._ask("current", lambda engine, view: self._by_place(engine, view, time, kind))
        counted = self._ask(
            "reference", lambda engine, view: self._local_hours(engine, view, theirs, their_kind)
        )
        if mine is None or counted is None:
            return None
        usual = [0] * 24
        for hour, rows in counted:
            usual[hour.hour] += rows
        return mine, tuple(usual)

    def ids(self, side: Side, columns: tuple[str, ...]) -> dict[str, tuple[int, int]]:
        """How many values, and how many different ones, columns of identifiers have."""
        from mlops_lab.compute.feed import distinct_ids

        windows = (
            self._material.current if side == "current" else self._material.compared.windows[:1]
        )
        if sum(one.rows for one in windows) > MOST_ROWS:
            return {}
        return self._ask(side, lambda engine, view: distinct_ids(engine, view, list(columns))) or {}

    def words(self, name: str) -> list[str]:
        """The most frequent texts in a column of numbers; none where that is not at hand."""
        from mlops_lab.compute.feed import unreadable_words

        return self._ask("current", lambda engine, view: unreadable_words(engine, view, name)) or []

    def _by_place(
        self, engine: Engine, view: str, time: str, kind: str
    ) -> dict[int, tuple[int, ...]]:
        material = self._material
        # Bounds may leave gaps: a chunk is told by its own two.
        bounds = [(one.from_, one.until) for one in material.chunks]
        starts = [start for start, _ in bounds if start is not None]
        if len(starts) < len(bounds):
            return {}
        found: dict[int, list[int]] = {}
        for at, rows in self._local_hours(engine, view, time, kind):
            place = bisect_right(starts, at) - 1
            until = bounds[place][1] if place >= 0 else None
            if until is not None and at < until:
                found.setdefault(place, [0] * 24)[at.hour] += rows
        return {place: tuple(rows) for place, rows in found.items()}

    def _local_hours(
        self, engine: Engine, view: str, time: str, kind: str
    ) -> list[tuple[datetime, int]]:
        from mlops_lab.compute.feed import is_zoned, rows_by_hour

        zone = ZoneInfo(self._material.timezone)
        hours, rows = rows_by_hour(engine, view, time=time, kind=kind)
        begin = datetime(1970, 1, 1, tzinfo=UTC)
        found = []
        for hour, count in zip(hours.tolist(), rows.tolist(), strict=True):
            at = begin + timedelta(hours=hour)
            local = at.astimezone(zone) if is_zoned(kind) else at.replace(tzinfo=zone)
            found.append((local, count))
        return found

    def _bounds(self, place: int, kind: str) -> tuple[datetime, datetime] | None:
        """A chunk's bounds on the clock of a column: without a time zone it shows the local time.

        None where the chunk has no times.
        """
        from mlops_lab.compute.feed import is_zoned

        chunk = self._material.chunks[place]
        if chunk.from_ is None or chunk.until is None:
            return None
        if is_zoned(kind):
            return chunk.from_, chunk.until
        zone = ZoneInfo(self._material.timezone)
        begin, end = (
            one.astimezone(zone).replace(tzinfo=UTC) for one in (chunk.from_, chunk.until)
        )
        return begin, end

    def _time(self, side: Side) -> tuple[str | None, str]:
        material = self._material
        types = material.types if side == "current" else material.reference_types
        name = material.time
        if name is None or name not in types:
            return None, ""
        kind = types[name]
        return (name, kind) if kind == "DATE" or kind.startswith("TIMESTAMP") else (None, "")

    def _ask(self, side: Side, question: Callable[[Engine, str], _T]) -> _T | None:
        """Put a question to a side's rows; None where they are not there."""
        material = self._material
        source: Source | None = material.source if side == "current" else material.reference
        if source is None:
            return None
        with source.reading():
            if side not in self._open:
                from mlops_lab.compute import open_engine

                engine = self._stack.enter_context(open_engine(material.tmp))
                self._open[side] = (engine, source.view(engine))
            return question(*self._open[side])
