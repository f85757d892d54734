"""Rows for people: a few of them, each value as JSON can hold it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlops_lab.compute.engine import Engine, quote
from mlops_lab.compute.types import is_number, json_number, time_text

__all__ = ["MAX_CHARS", "Cells", "read_cells"]

MAX_CHARS = 200
"""Longer texts are cut, and end in "…"."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A small table: the columns' names and the rows, with JSON's values.

    Times are texts as in a profile, whole numbers beyond 2⁵³ are texts of digits, and nested values
    are texts as DuckDB writes them.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """As REST sends it."""
        return {"columns": list(self.columns), "rows": [list(row) for row in self.rows]}


def read_cells(engine: Engine, query: str, parameters: Any = None, *, limit: int) -> Cells:
    """The first rows of a query.

    Parameters
    ----------
    engine
        Where its tables are.
    query
        One SELECT.
    parameters
        Its parameters.
    limit
        How many rows at most.
    """
    described = engine.rows(f"describe {query}", parameters)
    columns = [(str(row[0]), str(row[1])) for row in described]
    wanted = ", ".join(_cell(quote(name), kind) for name, kind in columns)
    rows = engine.rows(f"select {wanted} from ({query}\n) limit {limit:d}", parameters)
    return Cells(
        tuple(name for name, _ in columns),
        tuple(
            tuple(cell(value, kind) for value, (_, kind) in zip(row, columns, strict=True))
            for row in rows
        ),
    )


def cell(value: Any, kind: str) -> Any:
    """One value that `read_cells` selected, as JSON can hold it."""
    if value is None or isinstance(value, bool):
        return value
    if is_number(kind):
        return json_number(value, kind)
    text = str(value)
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        return time_text(text, kind)
    return text if len(text) <= MAX_CHARS else text[: MAX_CHARS - 1] + "…"


def _cell(name: str, kind: str) -> str:
    if kind == "BOOLEAN" or (is_number(kind) and not kind.startswith("DECIMAL")):
        return name
    return f"left({name}::varchar, {MAX_CHARS + 1})"
