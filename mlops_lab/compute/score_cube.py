"""Performance from counts: rows by chunk, segment, score bin, label and answer.

Counts add, so cubes of files, days and segments merge; sums are of whole numbers (fixed point), so
that neither the order of rows nor the format they come in changes a digit.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mlops_lab.compute.chunks import Chunk, sorted_chunks
from mlops_lab.compute.score_counts import ALL, ScoreCounts, Segment, part_of
from mlops_lab.compute.score_grid import Bands, ScoreGrid
from mlops_lab.errors import Corrupt, InvalidInput

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers: TypeAlias = npt.NDArray[np.int64]

__all__ = ["KEYS", "ScoreCube", "added"]

FORMAT: Final = 1

KEYS: Final = ("grouping", "first", "second", "chunk", "bin", "label", "answer")
"""What a cell is of, in the order of the cells."""


@dataclass(frozen=True)
class ScoreCube:
    """Rows by chunk, segment, score bin, label and answer.

    Parameters
    ----------
    grid
        By which was counted.
    chunks
        In order; only those that have rows.
    cells
        By name of `KEYS`, and ``n``: int64 of shape ``(n_cells,)``, in the order of the keys.
    sums
        Of each cell, whole numbers.
    undated
        Rows that belong to no chunk, because their time is missing; they are counted nowhere else.
    strange
        Labels that are none of the grid's, with their rows: at most five. They count as no label.
    """

    grid: ScoreGrid
    chunks: tuple[Chunk, ...]
    cells: Mapping[str, Integers]
    sums: Mapping[str, Integers]
    undated: int = 0
    strange: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def merge(cls, *cubes: ScoreCube) -> ScoreCube:
        """Add cubes up: of other chunks, or of other rows of the same ones.

        Raises
        ------
        InvalidInput
            They were not counted on the same grid.
        """
        import numpy as np

        grids = [one.grid for one in cubes]
        # Equal grids, as of files counted alike, need no hash of each.
        if not grids or any(one != grids[0] and one.digest != grids[0].digest for one in grids):
            raise InvalidInput(
                f"{len(cubes)} cubes of scores cannot be added: they are not counted on one grid."
            )
        if len(cubes) == 1:
            return cubes[0]
        chunks = sorted_chunks([chunk for one in cubes for chunk in one.chunks])
        at = {chunk.key: i for i, chunk in enumerate(chunks)}
        cells = {key: np.concatenate([one.cells[key] for one in cubes]) for key in cubes[0].cells}
        cells["chunk"] = np.concatenate(
            [
                np.array([at[chunk.key] for chunk in one.chunks], np.int64)[one.cells["chunk"]]
                for one in cubes
            ]
        )
        sums = {key: np.concatenate([one.sums[key] for one in cubes]) for key in cubes[0].sums}
        strange: dict[str, int] = {}
        for one in cubes:
            for label, n in one.strange.items():
                strange[label] = strange.get(label, 0) + n
        cells, sums = added(cells, sums)
        some = sorted(strange.items(), key=lambda one: (-one[1], one[0]))[:5]
        undated = sum(one.undated for one in cubes)
        return cls(cubes[0].grid, chunks, cells, sums, undated, dict(some))

    def window(self, chunks: Sequence[str] | None = None, segment: Segment = ALL) -> ScoreCounts:
        """The counts of some chunks of one segment, added up.

        Parameters
        ----------
        chunks
            Keys; those without rows count nothing. None is all.
        segment
            Of the grid's columns; all rows where not given.

        Raises
        ------
        InvalidInput
            The segment was not counted.
        """
        import numpy as np

        start, end = self._range(segment)
        part = slice(start, end)
        if chunks is not None:
            at = {chunk.key: i for i, chunk in enumerate(self.chunks)}
            wanted = sorted({at[key] for key in chunks if key in at})
            # A segment's cells are ordered by chunk: each chunk is one piece of them.
            column = self.cells["chunk"][part]
            pieces = [
                np.arange(start + low, start + high)
                for low, high in zip(
                    np.searchsorted(column, wanted, "left"),
                    np.searchsorted(column, wanted, "right"),
                    strict=True,
                )
            ]
            chosen: Any = np.concatenate([np.zeros(0, np.int64), *pieces])
        else:
            chosen = part
        cells = {key: self.cells[key][chosen] for key in ("bin", "label", "answer", "n")}
        sums = {key: values[chosen] for key, values in self.sums.items()}
        if chunks is None or len(wanted) > 1:
            cells, sums = added(cells, sums)
        return ScoreCounts(
            self.grid,
            len(segment.by),
            cells["bin"],
            cells["label"],
            cells["answer"],
            cells["n"],
            sums,
        )

    def segments(self, by: Sequence[str] = ()) -> list[Segment]:
        """The segments that have rows, of given columns or of all that were counted."""
        import numpy as np

        code = _codes([self.cells[key] for key in KEYS[:3]])
        first = np.flatnonzero(np.diff(code, prepend=-1))
        found = [self.segment(*(int(self.cells[key][i]) for key in KEYS[:3])) for i in first]
        return [one for one in found if one.by and (not by or one.by == tuple(by))]

    def segment(self, grouping: int, first: int, second: int) -> Segment:
        """The segment of a cell, from its numbers."""
        bands = [self.grid.segments[one] for one in self.grid.groupings[grouping]]
        return Segment(
            tuple(one.column for one in bands),
            tuple(one.told[place] for one, place in zip(bands, (first, second), strict=False)),
        )

    def values(self, name: str) -> npt.NDArray[np.float64]:
        """A sum of each cell in its own unit, shape ``(n_cells,)``."""
        import numpy as np

        return (self.sums[name] * part_of(self.grid, name)).astype(np.float64)

    def to_bytes(self) -> bytes:
        """The cube in few bytes: an Arrow file, with all else in its metadata."""
        import pyarrow as pa

        table = pa.table({**self.cells, **{f"sum_{key}": one for key, one in self.sums.items()}})
        told = {
            "format": FORMAT,
            "grid": self.grid.to_json(),
            "chunks": [(one.key, _iso(one.from_), _iso(one.until)) for one in self.chunks],
            "undated": self.undated,
            "strange": self.strange,
        }
        table = table.replace_schema_metadata({"mlops_lab.score_cube": json.dumps(told)})
        sink = io.BytesIO()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(sink, table.schema, options=options) as writer:
            writer.write_table(table)
        return sink.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> ScoreCube:
        """Read what `to_bytes` gave.

        Raises
        ------
        Corrupt
            It is no such cube.
        """
        import pyarrow as pa

        try:
            table = pa.ipc.open_file(io.BytesIO(data)).read_all()
            told = json.loads((table.schema.metadata or {})[b"mlops_lab.score_cube"])
            if told["format"] != FORMAT:
                raise ValueError(f"format {told['format']!r}")
            arrays = {name: table.column(name).to_numpy() for name in table.column_names}
            return cls(
                ScoreGrid.from_json(told["grid"]),
                tuple(Chunk(key, _at(low), _at(high)) for key, low, high in told["chunks"]),
                {key: arrays[key] for key in (*KEYS, "n")},
                {
                    name.removeprefix("sum_"): values
                    for name, values in arrays.items()
                    if name.startswith("sum_")
                },
                int(told["undated"]),
                told["strange"],
            )
        except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
            raise Corrupt(f"These are no counts of scores: {error!r}.") from error

    def _range(self, segment: Segment) -> tuple[int, int]:
        """Where the cells of a segment begin and end."""
        import numpy as np

        start, end = 0, len(self.cells["n"])
        for key, value in zip(KEYS, self._place(segment), strict=False):
            column = self.cells[key][start:end]
            low, high = (
                np.searchsorted(column, value, "left"),
                np.searchsorted(column, value, "right"),
            )
            start, end = start + int(low), start + int(high)
        return start, end

    def _place(self, segment: Segment) -> tuple[int, int, int]:
        """The grouping of a segment and the numbers of its values."""
        names = [one.column for one in self.grid.segments]
        for i, columns in enumerate(self.grid.groupings):
            by = tuple(names[one] for one in columns)
            if set(by) == set(segment.by) and len(by) == len(segment.by):
                wanted = dict(zip(segment.by, segment.value, strict=True))
                places = [
                    _number_of(self.grid.segments[one], wanted[names[one]]) for one in columns
                ]
                first, second = (*places, 0, 0)[:2]
                return i, first, second
        raise InvalidInput(f"{' × '.join(segment.by)} was not counted: name it among the segments.")


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _at(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _number_of(bands: Bands, value: str) -> int:
    told = bands.told
    if value not in told:
        raise InvalidInput(
            f"{bands.column} has no segment {value!r}; it has {', '.join(told[:20])}."
        )
    return told.index(value)


def _codes(columns: Sequence[Integers]) -> Integers:
    """One number for the values of several columns, in their order."""
    import numpy as np

    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        low = int(column.min(initial=0))
        size = int(column.max(initial=0)) - low + 1
        code = code * size + (column - low)
    return code


def added(
    cells: Mapping[str, Integers], sums: Mapping[str, Integers]
) -> tuple[dict[str, Integers], dict[str, Integers]]:
    """Add up cells of the same keys, and order them."""
    import numpy as np

    keys = [key for key in KEYS if key in cells]
    code = _codes([cells[key] for key in keys])
    order = np.argsort(code, kind="stable")
    code = code[order]
    first = np.flatnonzero(np.diff(code, prepend=-1))
    picked = {key: cells[key][order][first] for key in keys}
    if not len(first):
        return {**picked, "n": cells["n"]}, dict(sums)
    picked["n"] = np.add.reduceat(cells["n"][order], first)
    return picked, {key: np.add.reduceat(one[order], first) for key, one in sums.items()}
