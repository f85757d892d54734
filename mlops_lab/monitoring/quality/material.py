"""What the checks of data quality look at: counts by chunk, what is usual, and schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_lab.monitoring.settings import Policy
from mlops_lab.wording import start

if TYPE_CHECKING:
    from mlops_lab.compute import Source
    from mlops_lab.compute.chunks import Chunk
    from mlops_lab.compute.counts import Counts, Window
    from mlops_lab.compute.grids import Grids
    from mlops_lab.monitoring.windows import Compared

__all__ = ["Material"]


@dataclass(frozen=True, eq=False)
class Material:
    """One evaluation's data, counted; made once and handed to every check.

    Parameters
    ----------
    chunks, labels
        Of the current data, in order, and how people write them.
    current
        By chunk what was counted, on the grids of the reference.
    compared
        By chunk what it is compared with, and the reference's own chunks.
    grids
        Of the reference's columns.
    types, reference_types
        DuckDB's type of every column that the two sides have, counted or not.
    policy
        Has the numbers.
    timezone
        Whose hours count.
    time
        The column of times; None is none.
    source, reference
        The rows, for what counts cannot tell; None skips those checks.
    units
        By column, for sentences.
    ignored
        Columns that are no features: time, target, score, prediction, version. They may be missing
        on one side and are not looked for under another name.
    target
        The column of labels: those that are missing come late, which performance judges.
    watched
        Columns that a person or a model named: these must be there; None is no such list.
    reference_chunks
        When the reference's own chunks were, in order.
    partial
        Places of chunks that are not over.
    tmp
        For scans that do not fit into memory.
    """

    chunks: tuple[Chunk, ...]
    labels: tuple[str, ...]
    current: tuple[Window, ...]
    compared: Compared
    grids: Grids
    types: Mapping[str, str]
    reference_types: Mapping[str, str]
    policy: Policy = Policy()  # noqa: RUF009 it is frozen
    timezone: str = "UTC"
    time: str | None = None
    source: Source | None = None
    reference: Source | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    target: str | None = None
    watched: frozenset[str] | None = None
    reference_chunks: tuple[Chunk, ...] = ()
    partial: frozenset[int] = frozenset()
    tmp: Path | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns that were counted on both sides."""
        counted = self.current[0].columns if self.current else {}
        return tuple(name for name in self.grids if name in counted)

    @property
    def own(self) -> tuple[tuple[Window, Window], ...]:
        """The first reference's own chunks, each with the rest of it."""
        return next((pairs for pairs in self.compared.own.values() if pairs), ())

    def own_at(self, place: int) -> tuple[tuple[Window, Window], ...]:
        """The own chunks of what a chunk is compared with."""
        return self.compared.own.get(self.compared.epochs[place], ())

    def now(self, place: int, name: str) -> Counts:
        """A column in a chunk."""
        return self.current[place][name]

    def usual(self, place: int, name: str) -> Counts | None:
        """A column in what the chunk is compared with; None where it is not there."""
        return self.compared.windows[place].columns.get(name)

    def places(self, name: str, least: int = 1) -> Iterator[tuple[int, Counts, Counts]]:
        """The chunks in which a column can be compared, with both its counts.

        Parameters
        ----------
        name
            Of the column.
        least
            Rows that chunk and reference have at least.
        """
        for place in range(len(self.chunks)):
            usual = self.usual(place, name)
            now = self.now(place, name)
            if usual is not None and now.rows >= least and usual.rows >= least:
                yield place, now, usual

    def unit(self, name: str) -> str | None:
        """The column's unit, where one was told."""
        return self.units.get(name)

    def since(self, first: int, place: int) -> str:
        """Words that say since when; empty in the chunk in which it began."""
        return "" if first >= place else f" since {start(self.labels[first])}"
