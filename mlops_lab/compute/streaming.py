"""Reading a table once, from its first row to its last, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_lab.compute.engine import Engine, open_engine, quote
from mlops_lab.compute.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Stream", "open_stream"]


class Stream:
    """A table that is read batch by batch, in its own order. For one thread; see `open_stream`.

    Attributes
    ----------
    names
        Its columns.
    rows
        How many rows it has.
    """

    def __init__(self, engine: Engine, source: Source) -> None:
        self._engine = engine
        self._source = source
        with source.reading():
            self._view = source.view(engine)
            self.names = tuple(name for name, _ in engine.columns(self._view))
            self.rows = int(engine.row(f"select count(*) from {self._view}")[0])

    def batches(self, names: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
        """Read some of the columns, so many rows at a time.

        Raises
        ------
        InvalidInput
            The data cannot be read on.
        """
        connection = self._engine.connection
        query = f"select {', '.join(map(quote, names))} from {self._view}"
        with self._source.reading():
            yield from self._engine.run(lambda: connection.sql(query).to_arrow_reader(size))


@contextmanager
def open_stream(source: Source, *, tmp: Path | None = None) -> Iterator[Stream]:
    """Open a table to be read once.

    Parameters
    ----------
    source
        What can be scanned. What is no Parquet file or frame is put into a temporary table first.
    tmp
        Where what does not fit into memory goes; default the system's folder.

    Raises
    ------
    InvalidInput
        It cannot be read.
    """
    # One thread: with more, the order of the rows may differ from run to run.
    with open_engine(tmp, threads=1) as engine:
        yield Stream(engine, source)
