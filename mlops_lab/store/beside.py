"""Tables that users' SQL sees beside the index: files that others append to, read by Arrow.

The sandbox has no file system, and keeps none: DuckDB asks Arrow for rows, and Arrow opens just
the files that are named here. Only columns and rows that a query needs are read.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

__all__ = ["Beside", "Scanned", "attach", "read_stream"]


@dataclass(frozen=True, slots=True)
class Scanned:
    """Files that are one table.

    Attributes
    ----------
    name
        Of the table.
    form
        ``parquet``: one or more files; or ``stream``: an Arrow stream that is being written (see
        `read_stream`), and the Parquet file that becomes of it, which is read once it is there.
    files
        Their paths.
    schema
        The columns as Arrow serialises them; what a file does not have is null.
    """

    name: str
    form: Literal["parquet", "stream"]
    files: tuple[Path, ...]
    schema: bytes


@dataclass(frozen=True, slots=True)
class Beside:
    """What SQL sees: tables, and a view over them which is what people ask.

    Attributes
    ----------
    tables
        What the view reads.
    view
        Its name and its select.
    """

    tables: tuple[Scanned, ...]
    view: tuple[str, str]

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        tables = [
            [
                one.name,
                one.form,
                [str(file) for file in one.files],
                base64.b64encode(one.schema).decode(),
            ]
            for one in self.tables
        ]
        return {"tables": tables, "view": list(self.view)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Beside:
        """Read what `to_json` gave."""
        tables = (
            Scanned(name, form, tuple(Path(file) for file in files), base64.b64decode(schema))
            for name, form, files, schema in data["tables"]
        )
        name, select = data["view"]
        return cls(tuple(tables), (name, select))


def read_stream(path: Path) -> Iterator[pa.RecordBatch]:
    """The record batches of an Arrow stream that may be being written; what is torn is cut.

    A file that is gone by now has none.
    """
    import pyarrow as pa

    try:
        stream = pa.ipc.open_stream(pa.py_buffer(path.read_bytes()))
    except (OSError, pa.ArrowException):
        return
    while True:
        try:
            batch = stream.read_next_batch()
            batch.validate()
        except (StopIteration, OSError, pa.ArrowException):
            return
        yield batch


def attach(connection: DuckDBPyConnection, beside: Beside) -> None:
    """Make it known to a connection; before that is shut."""
    for one in beside.tables:
        connection.register(one.name, _given(one))
    name, select = beside.view
    connection.execute(f'create temp view "{name}" as {select}')


def _given(table: Scanned) -> Any:
    """A table as Arrow has it; what went since it was found has no rows."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    schema = pa.ipc.read_schema(pa.py_buffer(table.schema))
    files = [file for file in table.files if file.exists()]
    if table.form == "stream":
        batches = [one for one in read_stream(table.files[0]) if one.schema == schema]
        if batches:
            return pa.Table.from_batches(batches)
        files = files[-1:] if table.files[-1] in files else []
    if not files:
        return schema.empty_table()
    return ds.dataset(files, schema=schema)
