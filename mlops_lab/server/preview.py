"""The first rows of a table that a run keeps, bounded in rows, columns and text."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import InvalidInput

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MAX_ROWS", "preview"]

MAX_ROWS = 1_000
MAX_COLUMNS = 200
MAX_CHARACTERS = 1_000
# A row group is decompressed as a whole: a small file may unpack to far more than it weighs.
MAX_ROW_GROUP_BYTES = 1 << 30
# Integers above it lose digits in a browser; they travel as text.
_MAX_SAFE_INTEGER = 2**53 - 1
_CSV_BLOCK_BYTES = 1 << 20


def preview(path: Path, name: str, *, rows: int = 100) -> dict[str, Any]:
    """Read the head of a Parquet or CSV file.

    Parameters
    ----------
    path
        Where the bytes are; the file needs no suffix.
    name
        What it is called: its suffix says how to read it.
    rows
        How many rows at most, from 0 to 1,000.

    Returns
    -------
    dict
        ``columns`` (name and type), ``rows`` (a list per row) and ``n_rows``, the number in the
        whole file (of a long CSV: its lines without the first).

    Raises
    ------
    InvalidInput
        It is no table that we read, or it is damaged.
    """
    import pyarrow as pa

    rows = max(0, min(rows, MAX_ROWS))
    suffix = name.rpartition(".")[2].lower()
    try:
        if suffix in ("parquet", "pq"):
            head, n_rows = _parquet(path, rows)
        elif suffix in ("csv", "tsv"):
            head, n_rows = _csv(path, rows, "\t" if suffix == "tsv" else ",")
        else:
            raise InvalidInput(f"{name!r} has no preview: Parquet, CSV and TSV files have one.")
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{name!r} cannot be read as {suffix}: {error}") from error
    columns = [{"name": field.name, "type": str(field.type)} for field in head.schema]
    values = [[_cell(value) for value in column.to_pylist()] for column in head.columns]
    listed = [list(row) for row in zip(*values, strict=True)]
    return {"columns": columns, "rows": listed, "n_rows": n_rows}


def _parquet(path: Path, rows: int) -> tuple[pa.Table, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        meta = file.metadata
        n_rows: int = meta.num_rows
        if meta.num_row_groups and meta.row_group(0).total_byte_size > MAX_ROW_GROUP_BYTES:
            raise InvalidInput("Its first row group unpacks to more than a preview may take.")
        schema = file.schema_arrow
        names = [field.name for field in schema][:MAX_COLUMNS]
        batch = next(file.iter_batches(batch_size=max(rows, 1), columns=names), None)
        if batch is None:
            return schema.empty_table().select(names), n_rows
        return pa.Table.from_batches([batch.slice(0, rows)]), n_rows


def _csv(path: Path, rows: int, delimiter: str) -> tuple[pa.Table, int]:
    import pyarrow as pa
    from pyarrow import csv

    if path.stat().st_size == 0:
        return pa.table({}), 0
    with csv.open_csv(
        path,
        read_options=csv.ReadOptions(block_size=_CSV_BLOCK_BYTES, use_threads=False),
        parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
    ) as reader:
        batch = next(iter(reader), None)
        if batch is None:
            return reader.schema.empty_table(), 0
        more = next(iter(reader), None) is not None
    head = pa.Table.from_batches([batch.slice(0, rows)])
    n_rows = _lines(path) - 1 if more else batch.num_rows
    return head.select(range(min(head.num_columns, MAX_COLUMNS))), n_rows


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        n, last = 0, b"\n"
        while chunk := file.read(1 << 20):
            n += chunk.count(b"\n")
            last = chunk[-1:]
    return n + (last != b"\n")


def _cell(value: Any) -> Any:
    """A value as JSON has it; text is cut, what JSON does not know is written out."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _MAX_SAFE_INTEGER else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return "0x" + value[: MAX_CHARACTERS // 2].hex()
    text = str(value) if isinstance(value, str | Decimal) else repr(value)
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"
