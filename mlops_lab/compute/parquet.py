"""Parquet written so that equal tables are equal bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops_lab.errors import InvalidInput

__all__ = ["write_batches"]


def write_batches(path: Path, schema: Any, batches: Iterator[Any], row_group: int) -> int:
    """Write record batches as one Parquet file.

    Row groups have the same size and each is one piece in memory, whatever the batches were, and
    the wide variants of a type (``large_string``, ``string_view``) are written as the plain one.

    Parameters
    ----------
    path
        The file; replaced if it is there.
    schema
        Of the batches.
    batches
        All of them, in order.
    row_group
        Rows of a row group.

    Returns
    -------
    int
        How many rows were written.

    Raises
    ------
    InvalidInput
        A column's type has no place in Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = pa.schema([pa.field(one.name, _plain(one.type), True) for one in schema])
    rows = 0
    try:
        with pq.ParquetWriter(path, plain, compression="zstd", compression_level=3) as writer:
            for group in _groups(schema, batches, row_group):
                table = group.cast(plain) if group.schema != plain else group
                writer.write_table(table.combine_chunks(), row_group_size=row_group)
                rows += table.num_rows
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidInput(f"This cannot be written as Parquet: {error}") from error
    return rows


def _groups(schema: Any, batches: Iterator[Any], row_group: int) -> Iterator[Any]:
    import pyarrow as pa

    waiting: list[Any] = []
    n = 0
    for batch in batches:
        while batch.num_rows:
            part = batch.slice(0, row_group - n)
            batch = batch.slice(part.num_rows)
            waiting.append(part)
            n += part.num_rows
            if n == row_group:
                yield pa.Table.from_batches(waiting, schema)
                waiting, n = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting, schema)


def _plain(kind: Any) -> Any:
    """The plain variant of an Arrow type."""
    import pyarrow as pa

    types = pa.types
    if types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_large_binary(kind) or types.is_binary_view(kind):
        return pa.binary()
    if types.is_large_list(kind) or types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    if types.is_struct(kind):
        return pa.struct([pa.field(one.name, _plain(one.type)) for one in kind])
    if types.is_dictionary(kind):
        return pa.dictionary(pa.int32(), _plain(kind.value_type))
    return kind
