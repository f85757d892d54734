"""What every search gives: a table that reads on only as far as it is looked at."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar, overload

from mlops_lab.errors import InvalidInput
from mlops_lab.handles.card import short_number
from mlops_lab.handles.habits import TABLE, Answering
from mlops_lab.handles.html import CELL, FONT, MUTED, NUMBER, isolated
from mlops_lab.project import Project

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from mlops_lab.store.sandbox import SqlResult

__all__ = ["ArrowRows", "Grid", "Mark", "Rows", "Slice", "Table", "sql", "table_of"]

_log = logging.getLogger("mlops_lab")

SHOWN_HTML = 50
SHOWN_TEXT = 10
_WIDTH = 100
_CELL_WIDTH = 32

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Mark:
    """A cell that is more than its text: a glyph in a colour before it."""

    glyph: str
    colour: str
    text: str

    def __str__(self) -> str:
        return f"{self.glyph} {self.text}"


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows as they are shown: numbers to the right, None as a dash."""

    titles: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """A page of rows, the cursor of the next one, and how many rows there are in all."""

    rows: Sequence[T]
    next_cursor: str | None
    total: int
    hint: str | None = None


class Rows(Protocol[T]):
    """Where a table's rows come from."""

    noun: str

    def page(self, limit: int, cursor: str | None) -> Slice[T]:
        """Give the rows after a cursor."""

    def pick(self, rows: Sequence[T], indices: Sequence[int]) -> Rows[T]:
        """Give a source of only these rows, which stand at these indices."""

    def arrow(self) -> pa.Table:
        """Give everything as columns."""

    def grid(self, rows: Sequence[T]) -> Grid:
        """Give these rows as they are shown."""


class Table(Answering, Generic[T]):
    """Rows of a search, read a page at a time as they are looked at.

    Iterate it, index and slice it, or take all of it with `df`, `arrow` or `polars`. The length is
    that of the moment of the search. Not for use by several threads at once.
    """

    _habits = TABLE

    def __init__(self, source: Rows[T]) -> None:
        self._source = source
        # The first page is read now, so that what is wrong with a search is said at its line.
        first = source.page(SHOWN_HTML, None)
        self._rows: list[T] = list(first.rows)
        self._cursor = first.next_cursor
        self._total = first.total
        self._hint = first.hint

    def __len__(self) -> int:
        return self._total if self._cursor is not None else len(self._rows)

    def __iter__(self) -> Iterator[T]:
        at = 0
        while self._has(at):
            yield self._rows[at]
            at += 1

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> T | Self:
        if isinstance(index, slice):
            indices = range(*index.indices(len(self)))
            self._has(max(indices, default=-1))
            kept = [at for at in indices if at < len(self._rows)]
            return type(self)(self._source.pick([self._rows[at] for at in kept], kept))
        at = index if index >= 0 else len(self) + index
        if at < 0 or not self._has(at):
            raise IndexError(f"there are {len(self):,} {self._source.noun}; got index {index}")
        return self._rows[at]

    def arrow(self) -> pa.Table:
        """Give everything as a pyarrow table."""
        return self._source.arrow()

    def df(self) -> pd.DataFrame:
        """Give everything as a pandas frame."""
        frame: pd.DataFrame = self.arrow().to_pandas()
        return frame

    def polars(self) -> pl.DataFrame:
        """Give everything as a polars frame.

        Raises
        ------
        InvalidInput
            polars is not installed.
        """
        try:
            import polars as pl
        except ModuleNotFoundError as error:
            raise InvalidInput(
                "polars is not installed: pip install 'mlops-lab[polars]'; .df() and .arrow() "
                "work without."
            ) from error
        frame = pl.from_arrow(self.arrow())
        assert isinstance(frame, pl.DataFrame)
        return frame

    def _has(self, at: int) -> bool:
        """Read on until there is a row at an index, if there is one."""
        while at >= len(self._rows) and self._cursor is not None:
            wanted = at + 1 - len(self._rows)
            page = self._source.page(min(1_000, max(wanted, 200)), self._cursor)
            self._rows += page.rows
            self._cursor = page.next_cursor
        return at < len(self._rows)

    # ------------------------------------------------------------------ looking at it

    def _counted(self, shown: int) -> str:
        total = len(self)
        if shown < total:
            return f"showing {shown:,} of {total:,}"
        noun = self._source.noun
        return f"{total:,} {noun.removesuffix('s') if total == 1 else noun}"

    def __repr__(self) -> str:
        name = type(self).__name__
        if not len(self):
            return f"<{name}: no {self._source.noun}.{f' {self._hint}' if self._hint else ''}>"
        grid = self._source.grid(self._rows[:SHOWN_TEXT])
        remark = f" · {grid.remark}" if grid.remark else ""
        return f"<{name}: {self._counted(len(grid.rows))}{remark}>\n{draw_text(grid)}"

    def _repr_html_(self) -> str:
        if not len(self):
            hint = f" {isolated(self._hint, 400)}" if self._hint else ""
            return f'<div style="{FONT};{MUTED}">No {self._source.noun}.{hint}</div>'
        grid = self._source.grid(self._rows[:SHOWN_HTML])
        return draw_html(grid, self._counted(len(grid.rows)))


# -- drawing ------------------------------------------------------------------------------------
def draw_html(grid: Grid, counted: str) -> str:
    """Draw a grid as an HTML table that scrolls sideways when it is wide."""
    numeric = _numeric_columns(grid)
    styles = [NUMBER if right else CELL for right in numeric]
    heads = "".join(
        f'<th style="{style};{MUTED};font-weight:400">{isolated(title)}</th>'
        for title, style in zip(grid.titles, styles, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{style};white-space:nowrap">{_html_cell(value)}</td>'
            for value, style in zip(row, styles, strict=True)
        )
        + "</tr>"
        for row in grid.rows
    )
    remark = f" · {isolated(grid.remark, 400)}" if grid.remark else ""
    return (
        f'<div style="{FONT};overflow-x:auto">'
        f'<table style="{FONT};border-collapse:collapse;margin:0">'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        f'<div style="{MUTED};margin-top:4px">{escape(counted)}{remark}</div></div>'
    )


def draw_text(grid: Grid) -> str:
    """Draw a grid with spaces; columns beyond 100 characters are left out."""
    numeric = _numeric_columns(grid)
    columns = [
        [_printable(title), *(_text_cell(row[at]) for row in grid.rows)]
        for at, title in enumerate(grid.titles)
    ]
    lines = [""] * (len(grid.rows) + 1)
    for at, column in enumerate(columns):
        width = max(map(len, column))
        if at and len(lines[0]) + 2 + width > _WIDTH:
            lines = [f"{line}  …" for line in lines]
            break
        lines = [
            f"{line}  {cell.rjust(width) if numeric[at] else cell.ljust(width)}"
            for line, cell in zip(lines, column, strict=True)
        ]
    return "\n".join(line.rstrip() for line in lines)


def _numeric_columns(grid: Grid) -> list[bool]:
    found = []
    for at in range(len(grid.titles)):
        values = [row[at] for row in grid.rows if row[at] is not None]
        found.append(bool(values) and all(_is_number(value) for value in values))
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _html_cell(value: object) -> str:
    if isinstance(value, Mark):
        return f'<span style="color:{value.colour}">{value.glyph}</span> {isolated(value.text)}'
    return isolated(_plain(value))


def _text_cell(value: object) -> str:
    text = _printable(_plain(value))
    return text if len(text) <= _CELL_WIDTH else f"{text[: _CELL_WIDTH - 1]}…"


def _plain(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return short_number(value)
    return str(value)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " if c == "\xa0" else "·" for c in text)


# -- SQL ----------------------------------------------------------------------------------------
class ArrowRows:
    """Rows that are all here already, as dictionaries."""

    def __init__(self, arrow: pa.Table, *, noun: str = "rows", remark: str = "") -> None:
        self._arrow = arrow
        self.noun = noun
        self._remark = remark

    def page(self, limit: int, cursor: str | None) -> Slice[dict[str, Any]]:
        """Give the rows after a cursor, which is their number."""
        start = int(cursor) if cursor else 0
        end = start + limit
        more = end < self._arrow.num_rows
        return Slice(
            _python_rows(self._arrow.slice(start, limit)),
            str(end) if more else None,
            self._arrow.num_rows,
        )

    def pick(self, rows: Sequence[dict[str, Any]], indices: Sequence[int]) -> ArrowRows:
        """Give only these rows."""
        return ArrowRows(self._arrow.take(list(indices)), noun=self.noun, remark=self._remark)

    def arrow(self) -> pa.Table:
        """Give everything as columns."""
        return self._arrow

    def grid(self, rows: Sequence[dict[str, Any]]) -> Grid:
        """Give these rows as they are shown."""
        titles = tuple(self._arrow.column_names)
        shown = tuple(tuple(row[title] for title in titles) for row in rows)
        return Grid(titles, shown, self._remark)


def sql(
    query: str, params: Sequence[Any] | Mapping[str, Any] | None = None
) -> Table[dict[str, Any]]:
    """Ask the project's tables with one read-only query in DuckDB's SQL.

    Of runs: runs, params, metrics, history, tags, artifacts, cells, notes, inputs, gates,
    experiments. Of data: datasets, dataset_versions. Of models: models, model_versions,
    model_aliases, model_alias_history, logged_models, judgements, approvals. Of all: lineage with
    nodes and edges, decisions. ``describe runs`` lists the columns of one.

    Times are in UTC. The query sees nothing else: no files, no network, no variables of Python. At
    most 100,000 rows come back.

    Parameters
    ----------
    query
        One SELECT, or EXPLAIN of one.
    params
        Values for ``?`` or ``$name`` in it.

    Raises
    ------
    InvalidInput
        The query is wrong, or takes longer than 30 s.
    Forbidden
        It reaches for something else.

    Examples
    --------
    >>> import mlops_lab as lab
    >>> lab.sql("select name, status from runs").df()  # doctest: +SKIP
    """
    from mlops_lab.store.sandbox import run_sql

    if not isinstance(query, str):
        raise InvalidInput(f"A query is text; got {type(query).__name__}.")
    if params is not None and (
        isinstance(params, str | bytes) or not isinstance(params, Sequence | Mapping)
    ):
        raise InvalidInput(
            f"Parameters are a list for ? or a dict for $name; got {type(params).__name__}."
        )
    return table_of(run_sql(Project.locate(create=False).store, query, params))


def table_of(result: SqlResult) -> Table[dict[str, Any]]:
    """Make a table of a query's rows; two columns of one name get different ones."""
    arrow = result.arrow.rename_columns(_distinct(result.columns))
    remark = f"the result was cut at {arrow.num_rows:,} rows" if result.truncated else ""
    if remark:
        _log.warning("MLOps Lab: %s.", remark)
    return Table(ArrowRows(arrow, remark=remark))


def _python_rows(arrow: pa.Table) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = arrow.to_pylist()
    except (OverflowError, ValueError):
        columns = [[_python_value(scalar) for scalar in column] for column in arrow.columns]
        names = arrow.column_names
        found = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return found


def _python_value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        # DuckDB's dates reach farther than Python's, and end in infinity.
        return f"out of range ({scalar.type})"


def _distinct(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        given, n = name, 1
        while name in found:
            name, n = f"{given}_{n}", n + 1
        found.append(name)
    return found
