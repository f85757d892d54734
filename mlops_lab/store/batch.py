"""Lines on their way from the journals into DuckDB: as lists, or packed when there are many.

Both make the temporary table ``raw(writer, off, text)``.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from mlops_lab.errors import LabError
from mlops_lab.store.journal import LONG_LINE_KEYS
from mlops_lab.store.objects import Objects
from mlops_lab.store.tail import Piece

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

__all__ = ["Listed", "Packed", "Rejected"]

_OBJECT_MARK = b'"object":"b3-'

# Packed lines are handed over in a sixth of the time (0.3 µs a line instead of 2), but importing
# pyarrow costs as much as that saves in several batches.
_PACK_FROM_BYTES = 8 << 20
_PACK_FROM_BYTES_WHEN_IMPORTED = 256 << 10


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that cannot be folded, and why."""

    writer: str
    off: int
    reason: str
    text: str


@dataclass(slots=True)
class Listed:
    """Lines as columns; texts are JSON or what should have been."""

    writers: list[str] = field(default_factory=list)
    offs: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, pieces: Iterable[Piece], objects: Objects) -> tuple[Listed, list[Rejected]]:
        """List the lines of journals, with the long ones fetched; also those that are no text."""
        listed, rejected = cls(), []
        for piece in pieces:
            raw = piece.data.split(b"\n")
            raw.pop()  # nothing follows the last newline
            offs = accumulate((len(line) + 1 for line in raw), initial=piece.start)
            for off, line in zip(offs, raw, strict=False):
                if not line:  # ends what was torn: no line
                    continue
                try:
                    text = line.decode()
                    if _OBJECT_MARK in line:
                        text = _expand(text, objects)
                except UnicodeDecodeError:
                    shown = line.decode("utf-8", "backslashreplace")
                    rejected.append(Rejected(piece.writer, off, "not UTF-8", shown))
                    continue
                except (LabError, OSError, ValueError, RecursionError) as error:
                    rejected.append(Rejected(piece.writer, off, str(error), text))
                    continue
                listed.writers.append(piece.writer)
                listed.offs.append(off)
                listed.texts.append(text)
        return listed, rejected

    def __len__(self) -> int:
        return len(self.offs)

    def without(self, bad: set[tuple[str, int]]) -> Listed:
        """All lines but those at these (writer, offset)."""
        keys = zip(self.writers, self.offs, strict=True)
        keep = [i for i, key in enumerate(keys) if key not in bad]
        return Listed(
            [self.writers[i] for i in keep],
            [self.offs[i] for i in keep],
            [self.texts[i] for i in keep],
        )

    def slice(self, start: int, stop: int) -> Listed:
        """The lines from `start` up to `stop`."""
        return Listed(self.writers[start:stop], self.offs[start:stop], self.texts[start:stop])

    def hand_over(self, cursor: DuckDBPyConnection) -> None:
        """Make the table ``raw``."""
        cursor.execute(
            """
            create or replace temp table raw as
            select unnest($1::varchar[]) as writer, unnest($2::bigint[]) as off,
                   unnest($3::varchar[]) as text
            """,
            [self.writers, self.offs, self.texts],
        )


class Packed:
    """Many lines as they lie in the journals, without a Python object for each."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._lines = sum(piece.data.count(b"\n") for piece in pieces)

    @classmethod
    def of(cls, pieces: Sequence[Piece]) -> Packed | None:
        """Pack the lines where that pays and all of them are plain text."""
        imported = "pyarrow" in sys.modules
        least = _PACK_FROM_BYTES_WHEN_IMPORTED if imported else _PACK_FROM_BYTES
        if sum(len(piece.data) for piece in pieces) < least:
            return None
        return cls(pieces) if all(map(_is_plain, pieces)) else None

    def __len__(self) -> int:
        return self._lines

    def hand_over(self, cursor: DuckDBPyConnection) -> None:
        """Make the table ``raw``."""
        import numpy as np
        import pyarrow as pa

        tables = []
        for piece in self._pieces:
            newlines = np.flatnonzero(np.frombuffer(piece.data, np.uint8) == ord("\n"))
            count = len(newlines)
            starts = np.empty(count, np.int64)
            starts[0] = piece.start
            starts[1:] = newlines[:-1] + (piece.start + 1)
            # Where each line ends once the newlines are taken out.
            ends = np.zeros(count + 1, np.int64)
            ends[1:] = newlines - np.arange(count)
            writer = piece.writer.encode()
            writers = pa.DictionaryArray.from_arrays(
                _from_buffers(pa.int32(), count, np.zeros(count, np.int32)),
                _from_buffers(pa.large_string(), 1, array("q", [0, len(writer)]), writer),
            )
            offs = _from_buffers(pa.int64(), count, starts)
            texts = _from_buffers(pa.large_string(), count, ends, piece.data.replace(b"\n", b""))
            tables.append(pa.Table.from_arrays([writers, offs, texts], ["writer", "off", "text"]))
        cursor.register("handed_over", pa.concat_tables(tables, unify_dictionaries=True))
        try:
            cursor.execute(
                "create or replace temp table raw as "
                "select writer::varchar as writer, off, text from handed_over"
            )
        finally:
            cursor.unregister("handed_over")


def _from_buffers(kind: pa.DataType, count: int, *buffers: object) -> pa.Array:
    # Not pa.array(), which would import pandas to see whether it was given something of it.
    import pyarrow as pa

    return pa.Array.from_buffers(kind, count, [None, *map(pa.py_buffer, buffers)])


def _is_plain(piece: Piece) -> bool:
    """Whether every line is text, none is blank and none stands for a longer one."""
    data = piece.data
    if _OBJECT_MARK in data or b"\n\n" in data or data.startswith(b"\n"):
        return False
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _expand(text: str, objects: Objects) -> str:
    """The long line that a short one stands for, else the line itself."""
    line = json.loads(text)
    if not isinstance(line, dict) or not LONG_LINE_KEYS.issuperset(line):
        return text
    with objects.open(line["object"]) as file:
        return file.read().decode().rstrip("\n")
