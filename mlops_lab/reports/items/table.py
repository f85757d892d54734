"""Tables: pandas, polars and Arrow frames, our own tables, lists of rows, dicts of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Any

from mlops_lab.errors import InvalidInput
from mlops_lab.handles.table import Table as HandleTable
from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.table import MOST_COLUMNS, MOST_ROWS, Cells
from mlops_lab.reports.writer import Writer

__all__ = ["KIND", "cells_of"]

_FRAMES = {
    "pandas": ("DataFrame", "Series", "Index"),
    "polars": ("DataFrame", "LazyFrame", "Series"),
    "pyarrow": ("Table", "RecordBatch"),
}


class Table(ItemKind):
    """Rows and columns, cut where nobody reads on."""

    name = "a table"
    gives = "a table (pandas, polars, Arrow, lab.runs(…), lab.sql(…), a list of dicts, a dict)"

    def takes(self, thing: Any) -> bool:
        """Frames, searches, and what Python's own types make of rows."""
        return (
            isinstance(thing, HandleTable)
            or _library(thing) != ""
            or type(thing).__name__ == "DuckDBPyRelation"
            or _is_rows(thing)
            or _is_columns(thing)
            or _is_facts(thing)
        )

    def write(self, thing: Any, out: Writer) -> None:
        """Write the first rows."""
        cells = cells_of(thing)
        if not cells.titles:
            out.told("A table without columns.")
            return
        out.table(cells)
        if not cells.rows:
            out.told("It has no rows.")


def cells_of(thing: Any) -> Cells:
    """Read as much of a table as a page shows.

    Raises
    ------
    InvalidInput
        It is no table.
    """
    if isinstance(thing, HandleTable):
        return _searched(thing)
    library = _library(thing)
    if library == "pandas":
        return _pandas(thing)
    if library == "polars":
        return _polars(thing)
    if type(thing).__name__ == "DuckDBPyRelation":
        total = int(thing.aggregate("count(*)").fetchall()[0][0])
        return _arrow(thing.limit(MOST_ROWS).to_arrow_table(), total)
    if library == "pyarrow":
        return _arrow(thing, thing.num_rows)
    if _is_rows(thing):
        names = list(dict.fromkeys(str(key) for row in thing[:MOST_ROWS] for key in row))
        rows = [[row.get(name) for name in names] for row in thing[:MOST_ROWS]]
        return Cells(names, rows, len(thing))
    if _is_columns(thing):
        columns = {str(name): _listed(values) for name, values in thing.items()}
        lengths = {len(values) for values in columns.values()}
        if len(lengths) > 1:
            told = ", ".join(f"{name} {len(values):,}" for name, values in columns.items())
            raise InvalidInput(f"The columns of a table are equally long; these have {told}.")
        rows = [list(row) for row in islice(zip(*columns.values(), strict=True), MOST_ROWS)]
        return Cells(list(columns), rows, lengths.pop() if lengths else 0)
    if _is_facts(thing):
        return Cells(("name", "value"), list(thing.items()))
    raise InvalidInput(f"{type(thing).__name__} is no table.")


def _searched(table: HandleTable[Any]) -> Cells:
    # As the notebook shows it: the rows that people look for, not every field of a record.
    shown = table[:MOST_ROWS]
    grid = shown._source.grid(list(shown))
    return Cells(grid.titles, grid.rows, len(table), remark=grid.remark and f"{grid.remark}.")


def _pandas(frame: Any) -> Cells:
    import pandas as pd

    if not hasattr(frame, "columns"):
        frame = frame.to_frame()
    total, width = frame.shape
    frame = frame.iloc[:MOST_ROWS, :MOST_COLUMNS]
    titles = [_title(name) for name in frame.columns]
    columns = [_values(frame.iloc[:, at]) for at in range(frame.shape[1])]
    # A plain row count says nothing; any other index is data.
    if not isinstance(frame.index, pd.RangeIndex):
        levels = range(frame.index.nlevels)
        names = [_title(name) if name is not None else "" for name in frame.index.names]
        titles = [*names, *titles]
        columns = [*(_values(frame.index.get_level_values(at)) for at in levels), *columns]
        width += len(names)
    return Cells(titles, list(zip(*columns, strict=True)), total, width)


def _values(series: Any) -> Sequence[Any]:
    """The values of a column, None where pandas has one of its words for nothing."""
    import pandas as pd

    missing = pd.isna(series)
    return [None if gone else value for value, gone in zip(series.tolist(), missing, strict=True)]


def _listed(values: Any) -> Sequence[Any]:
    """A column of a dict; times of numpy's are times only as pandas tells them."""
    if getattr(getattr(values, "dtype", None), "kind", "-") not in "mM":
        return list(values)
    import pandas as pd

    return _values(pd.Series(values))


def _polars(frame: Any) -> Cells:
    kind = type(frame).__name__
    if kind == "Series":
        frame = frame.to_frame()
    if kind == "LazyFrame":
        import polars as pl

        total = int(frame.select(pl.len()).collect().item())
        frame = frame.head(MOST_ROWS).collect()
    else:
        total = frame.height
    width = frame.width
    shown = frame[:, :MOST_COLUMNS].head(MOST_ROWS)
    return Cells(shown.columns, shown.rows(), total, width)


def _arrow(table: Any, total: int) -> Cells:
    from mlops_lab.handles.table import ArrowRows

    if type(table).__name__ == "RecordBatch":
        import pyarrow as pa

        table = pa.Table.from_batches([table])
    width, titles = table.num_columns, list(table.column_names)[:MOST_COLUMNS]
    # By number: two columns may have one name.
    numbered = table.slice(0, MOST_ROWS).select(list(range(len(titles))))
    numbered = numbered.rename_columns([str(at) for at in range(len(titles))])
    rows = ArrowRows(numbered).page(MOST_ROWS, None).rows
    return Cells(titles, [list(row.values()) for row in rows], total, width)


def _library(thing: Any) -> str:
    library = type(thing).__module__.partition(".")[0]
    return library if type(thing).__name__ in _FRAMES.get(library, ()) else ""


def _is_rows(thing: Any) -> bool:
    return (
        isinstance(thing, list)
        and bool(thing)
        and all(isinstance(row, Mapping) and not _is_spec(row) for row in thing[:MOST_ROWS])
    )


def _is_columns(thing: Any) -> bool:
    return (
        isinstance(thing, Mapping)
        and bool(thing)
        and not _is_spec(thing)
        and all(_is_column(values) for values in thing.values())
    )


def _is_facts(thing: Any) -> bool:
    """Names with one value each, as metrics are given to a run."""
    return (
        isinstance(thing, Mapping)
        and bool(thing)
        and not _is_spec(thing)
        and all(
            value is None
            or isinstance(value, str | bool | int | float | date)
            or (type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0)
            for value in thing.values()
        )
    )


def _is_column(values: Any) -> bool:
    return (isinstance(values, Sequence) and not isinstance(values, str | bytes)) or (
        type(values).__name__ in ("ndarray", "Series") and hasattr(values, "tolist")
    )


def _is_spec(thing: Mapping[Any, Any]) -> bool:
    return "$schema" in thing


def _title(name: object) -> str:
    return " · ".join(map(str, name)) if isinstance(name, tuple) else str(name)


KIND = Table()
