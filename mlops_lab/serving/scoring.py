"""Answering a whole table: batch by batch through what an endpoint does, in bounded memory."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from mlops_lab.compute import Source
from mlops_lab.compute.parquet import write_batches
from mlops_lab.compute.source import ROW_GROUP
from mlops_lab.compute.streaming import open_stream
from mlops_lab.errors import InvalidInput
from mlops_lab.serving.inputs import Schema
from mlops_lab.serving.outputs import WrongAnswer, answer
from mlops_lab.wording import counted, listed, quoted

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops_lab.serving.backends import Result

__all__ = ["BATCH_ROWS", "Progress", "score_table", "written"]

BATCH_ROWS: Final = 20_480
"""Rows that go through the model at once: enough that a call costs nothing beside them, and ten
whole pieces of what DuckDB reads."""

_SAID: Final = 500

Progress = Callable[[int, int], None]
"""Told how many rows of how many are done."""


class _Model(Protocol):
    def predict(self, data: Any) -> Result: ...


def score_table(
    model: _Model,
    schema: Schema,
    source: Source,
    target: Path,
    *,
    columns: Sequence[str] | None = None,
    keep: Sequence[str] | None = None,
    progress: Progress | None = None,
    tmp: Path | None = None,
) -> int:
    """Write what a model says of every row of a table, in the table's order.

    Parameters
    ----------
    model
        A backend.
    schema
        What it takes.
    source
        The table; it has the model's columns, and may have others.
    target
        The Parquet file; replaced if it is there.
    columns
        Of a model that takes an array: which columns are its own, in this order. Default all.
    keep
        Which of the table's columns are written beside the answers. Default all.
    progress
        Told how far it is.
    tmp
        Where what does not fit into memory is put; default the system's folder.

    Returns
    -------
    int
        How many rows there are.

    Raises
    ------
    InvalidInput
        The table lacks a column or holds what the model does not take, with its rows; or the model
        cannot answer.
    """
    with open_stream(source, tmp=tmp) as stream:
        wanted = _wanted(schema, stream.names, columns, source.told)
        kept = _kept(stream.names, keep)
        if not stream.rows:
            raise InvalidInput(f"{source.told} has no rows, so there is nothing to score.")
        batches = stream.batches(list(dict.fromkeys([*wanted, *kept])), BATCH_ROWS)
        scored = _scored(model, schema, batches, wanted, kept, source.told)
        first = next(scored)
        every = _counting(chain([first], scored), stream.rows, progress)
        return write_batches(target, first.schema, every, ROW_GROUP)


@contextmanager
def written(target: Path) -> Iterator[Path]:
    """Give a path beside a file to write to; at the end it takes the file's place, or is gone."""
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield beside
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def _wanted(
    schema: Schema, there: Sequence[str], columns: Sequence[str] | None, told: str
) -> list[str]:
    """The model's columns in its own order."""
    if schema.container == "frame":
        if columns is not None:
            raise InvalidInput(
                f"The model takes {schema.told()}: they are found by name, without `columns`."
            )
        try:
            schema.require(dict.fromkeys(there))
        except InvalidInput as fault:
            raise InvalidInput(f"{told} cannot be scored. {fault}") from None
        return list(schema.by_name)
    wanted = list(there if columns is None else columns)
    unknown = [name for name in wanted if name not in there]
    if unknown:
        raise InvalidInput(
            f"{told} has no column {quoted(unknown[0])}; it has {listed(map(quoted, there), 8)}."
        )
    width = schema.shape[1] if len(schema.shape) == 2 else 1 if schema.shape else None
    if schema.container != "open" and schema.container != "records" and len(wanted) != width:
        raise InvalidInput(
            f"The model takes {schema.told()}; {told} has {counted(len(wanted), 'column')}. Say "
            "which are the model's: columns=[…]."
        )
    return wanted


def _kept(there: Sequence[str], keep: Sequence[str] | None) -> list[str]:
    kept = list(there if keep is None else keep)
    unknown = [name for name in kept if name not in there]
    if unknown:
        raise InvalidInput(
            f"There is no column {quoted(unknown[0])} to keep; there are "
            f"{listed(map(quoted, there), 8)}."
        )
    return kept


def _scored(
    model: _Model,
    schema: Schema,
    batches: Iterator[pa.RecordBatch],
    wanted: Sequence[str],
    kept: Sequence[str],
    told: str,
) -> Iterator[pa.RecordBatch]:
    """Each batch with what the model says of it behind what is kept of it."""
    import pyarrow as pa

    types: dict[str, pa.DataType] = {}
    done = 0
    for batch in batches:
        where = f"{told}, rows {done + 1:,} to {done + batch.num_rows:,}"
        said = _answers(model, schema, batch.select(wanted).to_pandas(), where)
        clash = [name for name in said if name in kept]
        if clash:
            raise InvalidInput(
                f"{told} has a column {quoted(clash[0])}, as the answers have. Say which columns "
                "to keep beside them: keep=[…]."
            )
        arrays = {name: batch.column(name) for name in kept}
        for name, values in said.items():
            made = pa.array(values, from_pandas=True, type=types.get(name))
            if pa.types.is_null(made.type):
                made = made.cast(pa.string())
            types[name] = made.type
            arrays[name] = made
        done += batch.num_rows
        yield pa.RecordBatch.from_pydict(arrays)


def _answers(model: _Model, schema: Schema, frame: Any, where: str) -> dict[str, Any]:
    try:
        rows = schema.rows_of(frame)
    except InvalidInput as fault:
        raise InvalidInput(f"{where}: {fault} Rows are counted within these.") from None
    try:
        return answer(model.predict(rows), rows.count).flat()
    except WrongAnswer as fault:
        raise InvalidInput(f"{where}: {fault}") from None
    except (ValueError, TypeError, ArithmeticError) as error:
        raise InvalidInput(
            f"{where}: the model cannot answer: {type(error).__name__}: {str(error)[:_SAID]}"
        ) from error


def _counting(
    batches: Iterator[pa.RecordBatch], total: int, progress: Progress | None
) -> Iterator[pa.RecordBatch]:
    done = 0
    for batch in batches:
        yield batch
        # Only now is it on its way to the disk.
        done += batch.num_rows
        if progress is not None:
            progress(done, total)
