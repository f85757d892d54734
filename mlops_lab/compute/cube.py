"""Counts by chunk, segment and slot: everything that drift is computed from.

Cubes of the same grids add, whatever files or days they were counted from, and a window of chunks
is a sum of some of their cells; the rows are not needed again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.compute.chunks import Chunk, sorted_chunks
from mlops_lab.compute.counts import Counts, Later, Window
from mlops_lab.compute.grids import Grid, Grids
from mlops_lab.errors import Corrupt, InvalidInput, NotFound

if TYPE_CHECKING:
    import numpy as np

    from mlops_lab.compute.slots import Floats, Ints

__all__ = ["ALL_ROWS", "ColumnCells", "Cube"]

ALL_ROWS: Final = ""
"""The segment of all rows."""

EXAMPLES: Final = 5
"""So many new values are kept for each cell."""

FACTS: Final = (
    "missing",
    "nan",
    "positive_infinite",
    "negative_infinite",
    "unreadable",
)
_ENTRIES: Final = ("cell", "key", "n", "high", "low")
_MAGIC: Final = b"MLCUBE2\n"
_FORMAT: Final = 2

_LEVEL: Final = 3
"""Most of the bytes are the last digits of sums, which no level makes smaller."""


@dataclass(frozen=True, slots=True, eq=False)
class ColumnCells:
    """One column's counts in all cells, sparse.

    A cell is chunk × segments + segment. Whole numbers are as narrow as they were kept: what is
    summed up is int64.

    Parameters
    ----------
    cell, key, n, high, low
        For each slot of a cell that holds something, in order of cell and key: how many values,
        and the exact sums of their distances from the grid's centre.
    facts
        By name of `FACTS` an array over all cells.
    min, max
        The least and greatest finite value over all cells; NaN where there is none.
    examples
        By cell new values with their counts, at most 5.
    """

    cell: Ints
    key: Ints
    n: Ints
    high: Ints
    low: Ints
    facts: Mapping[str, Ints]
    min: Floats
    max: Floats
    examples: Mapping[int, tuple[tuple[str, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Cube:
    """The counts of a table.

    Parameters
    ----------
    grids
        What the columns were counted on.
    chunks
        In order; only those that have rows.
    names
        Of the segments, without the one of all rows; empty where rows were not told apart.
    rows_of
        Rows of each cell; shape ``(chunks, max(segments, 1))``.
    cells
        By column.
    absent
        Columns of the grids that the table did not have.
    undated
        Rows without a time, which are in no chunk.
    """

    grids: Grids
    chunks: tuple[Chunk, ...]
    names: tuple[str, ...]
    rows_of: Ints
    cells: Mapping[str, ColumnCells]
    absent: tuple[str, ...] = ()
    undated: int = 0

    @property
    def segments(self) -> tuple[str, ...]:
        """The segments; ``""`` is all rows, and comes first."""
        return (ALL_ROWS, *self.names)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that were counted."""
        return tuple(self.cells)

    @property
    def keys(self) -> tuple[str, ...]:
        """The chunks' keys."""
        return tuple(one.key for one in self.chunks)

    @property
    def total_rows(self) -> int:
        """Rows in all chunks."""
        return int(self.rows_of.sum())

    def rows(self, chunk: str | None = None, segment: str = ALL_ROWS) -> int:
        """Rows of a chunk (all of them by default) and a segment."""
        chosen = self.rows_of[self._places(None if chunk is None else [chunk])]
        return int((chosen if segment == ALL_ROWS else chosen[:, self._segment(segment)]).sum())

    def window(
        self,
        chunks: slice | Sequence[str] | None = None,
        segment: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> Window:
        """The counts over some chunks.

        Parameters
        ----------
        chunks
            A slice of `chunks`, their keys, or None for all.
        segment
            One of `segments`; default all rows.
        columns
            Only these; default all.

        Raises
        ------
        NotFound
            There is no such chunk or segment.
        """
        import numpy as np

        places = self._places(chunks)
        one = segment or ALL_ROWS
        width = max(len(self.names), 1)
        marked = np.zeros((len(self.chunks), width), dtype=bool)
        marked[places, slice(None) if one == ALL_ROWS else self._segment(one)] = True
        flat = marked.reshape(-1)
        wanted = self.cells if columns is None else {c: self.cells[c] for c in columns}
        # Of a reference's own weeks and of wide tables few columns are ever looked at.
        return Window(
            int(self.rows_of[marked].sum()),
            Later(wanted, lambda name: _count(self.grids[name], wanted[name], flat)),
        )

    def chunk_windows(self, segment: str | None = None) -> Iterator[tuple[Chunk, Window]]:
        """A window for each chunk, in order."""
        for at, chunk in enumerate(self.chunks):
            yield chunk, self.window(slice(at, at + 1), segment)

    @classmethod
    def merge(cls, *cubes: Cube) -> Cube:
        """Add counts: of files, of days; chunks that several have become one.

        Raises
        ------
        InvalidInput
            They were counted on different grids.
        """
        if not cubes:
            raise InvalidInput("There is no cube to merge.")
        first = cubes[0]
        if len(cubes) == 1:
            return first
        digest = first.grids.digest
        if any(one.grids is not first.grids and one.grids.digest != digest for one in cubes):
            raise InvalidInput("Counts on different grids cannot be added: count one side again.")
        from mlops_lab.compute.merging import merged

        chunks = sorted_chunks([chunk for one in cubes for chunk in one.chunks])
        names = tuple(dict.fromkeys(name for one in cubes for name in one.names))
        return merged(cubes, chunks, names)

    def to_bytes(self) -> bytes:
        """The cube in a compact form, the same bytes for the same counts."""
        import numpy as np
        import pyarrow as pa

        arrays: list[tuple[str, np.ndarray[Any, Any]]] = [("rows", self.rows_of.reshape(-1))]
        lengths = np.array([len(one.cell) for one in self.cells.values()], dtype=np.int64)
        arrays.append(("lengths", lengths))
        empty = np.zeros(0, dtype=np.int64)
        for name in _ENTRIES:
            parts = [getattr(one, name) for one in self.cells.values()]
            arrays.append((name, np.concatenate(parts) if parts else empty))
        for name in FACTS:
            parts = [one.facts[name] for one in self.cells.values()]
            arrays.append((name, np.concatenate(parts) if parts else empty))
        for name in ("min", "max"):
            parts = [getattr(one, name) for one in self.cells.values()]
            arrays.append((name, np.concatenate(parts) if parts else empty.astype(float)))
        packed = [(name, _packed(array)) for name, array in arrays]
        header = {
            "format": _FORMAT,
            "grids": self.grids.to_json(),
            "chunks": [[one.key, _iso(one.from_), _iso(one.until)] for one in self.chunks],
            "names": self.names,
            "columns": list(self.cells),
            "absent": self.absent,
            "undated": self.undated,
            "examples": {
                name: {str(cell): listed for cell, listed in sorted(one.examples.items())}
                for name, one in self.cells.items()
                if one.examples
            },
            "arrays": [[name, array.dtype.str, len(array)] for name, array in packed],
        }
        head = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
        body = b"".join(
            [len(head).to_bytes(8, "little"), head, *(array.tobytes() for _, array in packed)]
        )
        # With zlib it would be larger, and take three times as long to read.
        packed_body: bytes = pa.Codec("zstd", compression_level=_LEVEL).compress(body, asbytes=True)
        return _MAGIC + packed_body

    @classmethod
    def from_bytes(cls, data: bytes) -> Cube:
        """Read what `to_bytes` made.

        Raises
        ------
        Corrupt
            It is no cube, it is torn, or it is one of another format.
        """
        import numpy as np
        import pyarrow as pa

        if not data.startswith(_MAGIC):
            raise Corrupt("These bytes are no counts.")
        try:
            with pa.input_stream(memoryview(data)[len(_MAGIC) :], compression="zstd") as stream:
                body = stream.read()
            size = int.from_bytes(body[:8], "little")
            header = json.loads(body[8 : 8 + size])
            if header["format"] > _FORMAT:
                raise Corrupt(
                    f"The counts have format {header['format']}; this program reads {_FORMAT}."
                )
            arrays, at = {}, 8 + size
            for name, kind, length in header["arrays"]:
                dtype = np.dtype(kind)
                arrays[name] = np.frombuffer(body, dtype, length, at)
                at += length * dtype.itemsize
            return _unpacked(header, arrays)
        except (KeyError, TypeError, ValueError, IndexError, OSError) as error:
            raise Corrupt(f"These counts cannot be read: {error}.") from error

    def with_columns(self, names: Sequence[str]) -> Cube:
        """The same counts of fewer columns."""
        return replace(self, cells={name: self.cells[name] for name in names})

    # ------------------------------------------------------------------ places

    def _places(self, chunks: slice | Sequence[str] | None) -> list[int]:
        if chunks is None:
            return list(range(len(self.chunks)))
        if isinstance(chunks, slice):
            return list(range(len(self.chunks)))[chunks]
        known = {key: at for at, key in enumerate(self.keys)}
        for key in chunks:
            if key not in known:
                raise NotFound(f'There are no rows in a chunk "{key}".')
        return [known[key] for key in chunks]

    def _segment(self, name: str) -> int:
        if name not in self.names:
            listed = ", ".join(self.names[:10]) or "none: the rows were not told apart"
            raise NotFound(f'There is no segment "{name}"; there are {listed}.')
        return self.names.index(name)


def _count(grid: Grid, cells: ColumnCells, marked: np.ndarray[Any, Any]) -> Counts:
    """Sum up the marked cells of a column."""
    import numpy as np

    from mlops_lab.compute.slots import carried, ranked

    places = np.flatnonzero(marked)
    if len(places) and places[-1] - places[0] + 1 == len(places):
        # Neighbours, which is what people look at: no need to test every entry.
        begin, end = np.searchsorted(cells.cell, [places[0], places[-1] + 1])
        chosen: Any = slice(int(begin), int(end))
    else:
        chosen = marked[cells.cell]
    key, n, high, low = (
        getattr(cells, name)[chosen].astype(np.int64) for name in ("key", "n", "high", "low")
    )
    if len(places) > 1 and len(key):
        keys, inverse = ranked(key)
        sums = []
        for part in (n, high, low):
            total = np.zeros(len(keys), dtype=np.int64)
            np.add.at(total, inverse, part)
            sums.append(total)
        key, n, (high, low) = keys, sums[0], carried(sums[1], sums[2])
    facts = {name: int(array[places].sum()) for name, array in cells.facts.items()}
    there = places[~np.isnan(cells.min[places])]
    examples: dict[str, int] = {}
    if cells.examples:
        for place in places.tolist():
            for word, count in cells.examples.get(place, ()):
                examples[word] = examples.get(word, 0) + count
    return Counts(
        grid,
        key,
        n,
        high,
        low,
        **facts,
        min=float(cells.min[there].min()) if len(there) else np.nan,
        max=float(cells.max[there].max()) if len(there) else np.nan,
        examples=most_frequent(examples),
    )


def most_frequent(words: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """The first few by count, then by name."""
    return tuple(sorted(words.items(), key=lambda one: (-one[1], one[0]))[:EXAMPLES])


def _packed(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """In the smallest type that holds the numbers, little-endian."""
    import numpy as np

    if array.dtype.kind == "f":
        return array.astype("<f8")
    least, most = (int(array.min()), int(array.max())) if len(array) else (0, 0)
    for kind in ("<u1", "<u2", "<u4") if least >= 0 else ("<i1", "<i2", "<i4"):
        if least >= np.iinfo(kind).min and most <= np.iinfo(kind).max:
            return array.astype(kind)
    return array.astype("<i8")


def _unpacked(header: Mapping[str, Any], arrays: Mapping[str, Any]) -> Cube:
    import numpy as np

    grids = Grids.from_json(header["grids"])
    chunks = tuple(Chunk(key, _time(first), _time(last)) for key, first, last in header["chunks"])
    names = tuple(header["names"])
    rows = arrays["rows"].astype(np.int64).reshape(len(chunks), max(len(names), 1))
    facts = {fact: arrays[fact].astype(np.int64) for fact in FACTS}
    lengths = arrays["lengths"].tolist()
    ends = np.cumsum(lengths).tolist()
    cells = {}
    for i, name in enumerate(header["columns"]):
        begin, end = ends[i] - lengths[i], ends[i]
        first, last = i * rows.size, (i + 1) * rows.size
        cells[name] = ColumnCells(
            **{part: arrays[part][begin:end] for part in _ENTRIES},
            facts={fact: array[first:last] for fact, array in facts.items()},
            min=arrays["min"][first:last],
            max=arrays["max"][first:last],
            examples={
                int(cell): tuple((word, count) for word, count in listed)
                for cell, listed in header["examples"].get(name, {}).items()
            },
        )
    return Cube(grids, chunks, names, rows, cells, tuple(header["absent"]), int(header["undated"]))


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
