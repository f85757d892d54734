"""Frames of pandas, polars and Arrow as Arrow tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import InvalidInput

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["frame_kind", "to_arrow", "unique_names"]


def to_arrow(frame: Any) -> pa.Table:
    """A frame as an Arrow table, with unique names and without the metadata of its maker.

    Raises
    ------
    InvalidInput
        A column holds values that have no one type.
    """
    import pyarrow as pa

    kind = frame_kind(frame)
    try:
        if kind == "pandas series":
            frame, kind = frame.to_frame(), "pandas frame"
        if kind == "pandas frame":
            named = [name for name in frame.index.names if name is not None]
            if named:
                # A level may be called as a column is: `unique_names` tells them apart.
                frame = frame.reset_index(level=named, allow_duplicates=True)
            frame = frame.set_axis(unique_names(frame.columns), axis="columns")
            table = pa.Table.from_pandas(frame, preserve_index=False)
        elif kind == "polars frame":
            frame = _collected(frame) if hasattr(frame, "collect") else frame
            frame = frame.to_frame() if hasattr(frame, "to_frame") else frame
            _refuse_objects(frame)
            table = frame.to_arrow()
        elif kind == "arrow batch":
            table = pa.Table.from_batches([frame])
        elif kind == "arrow dataset":
            table = frame.to_table()
        else:
            table = frame if isinstance(frame, pa.Table) else pa.table(frame)
    except (ValueError, TypeError, OverflowError, pa.ArrowNotImplementedError) as error:
        # Arrow's errors are such, too; its own say in a second part which column it is.
        told = " ".join(map(str, error.args)) if isinstance(error, pa.ArrowException) else error
        told = (_odd_column(frame) if kind == "pandas frame" else None) or told
        raise InvalidInput(f"The frame is no table: {told}") from error
    if not table.num_columns:
        raise InvalidInput(f"The {kind} has no columns, so it is no table.")
    table = table.rename_columns(unique_names(table.column_names))
    for i, column in enumerate(table.schema):
        if pa.types.is_float16(column.type):  # DuckDB does not know it
            table = table.set_column(i, column.name, table.column(i).cast(pa.float32()))
    return table.replace_schema_metadata(None)


def _collected(frame: Any) -> Any:
    from polars.exceptions import PolarsError

    try:
        return frame.collect()
    except PolarsError as error:
        why = str(error).partition("\n")[0]
        raise InvalidInput(f"The lazy frame cannot be read: {why}") from error


def _odd_column(frame: Any) -> str | None:
    """What is wrong with a column of Python objects that Arrow has no type for."""
    import pyarrow as pa

    for name in frame.columns:
        if frame[name].dtype != object:
            continue
        values = frame[name].dropna()
        try:
            pa.array(values, from_pandas=True)
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            kinds = sorted({type(value).__name__ for value in values})
            if kinds == ["int"]:
                return (
                    f"the column {name} holds whole numbers that need more than 64 bits; make them "
                    "text, with .astype(str), or numbers with a point, with .astype(float)."
                )
            if len(kinds) > 1:
                return (
                    f"the column {name} holds values of several types ({', '.join(kinds)}); make "
                    "them one, with .astype(str) or with pandas.to_numeric(…, errors='coerce')."
                )
    return None


def _refuse_objects(frame: Any) -> None:
    """Refuse polars' columns of Python objects: Arrow would be given where they are in memory."""
    for name, kind in frame.schema.items():
        if "Object" in str(kind):
            raise InvalidInput(
                f"The frame is no table: the column {name} holds Python objects ({kind}); make "
                "them text or numbers, or leave it out."
            )


def unique_names(names: Sequence[Any]) -> list[str]:
    """Names as DuckDB makes them unique: case does not count.

    >>> unique_names(["a", "A", 7, ("x", "y")])
    ['a', 'A_1', '7', 'x_y']
    """
    taken: set[str] = set()
    found = []
    for name in names:
        text = "_".join(map(str, name)) if isinstance(name, tuple) else str(name)
        text = text or "column"
        unique, n = text, 0
        while unique.lower() in taken:
            n += 1
            unique = f"{text}_{n}"
        taken.add(unique.lower())
        found.append(unique)
    return found


def frame_kind(value: Any) -> str | None:
    """What kind of table a value is, without importing what it might come from."""
    top, name = type(value).__module__.partition(".")[0], type(value).__name__
    match top, name:
        case (("duckdb" | "_duckdb"), "DuckDBPyRelation"):
            return "relation"
        case "pandas", "DataFrame":
            return "pandas frame"
        case "pandas", "Series":
            return "pandas series"
        case "polars", "DataFrame" | "LazyFrame" | "Series":
            return "polars frame"
        case "pyarrow", "Table":
            return "arrow table"
        case "pyarrow", "RecordBatch":
            return "arrow batch"
        case "pyarrow", "RecordBatchReader":
            return "arrow reader"
        case "pyarrow", _ if hasattr(value, "to_table") and hasattr(value, "scanner"):
            return "arrow dataset"
        case _ if hasattr(value, "__arrow_c_stream__"):
            return "frame"
        case _:
            return None
