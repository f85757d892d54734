"""Reading what people write by hand: pandas' split, records, columns, instances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mlops_lab.serving.inputs import Rows, Schema
from mlops_lab.serving.protocol.fault import ProtocolError
from mlops_lab.serving.protocol.request import beside_rows, noun_of
from mlops_lab.wording import counted, quoted

__all__ = ["read_columns", "read_rows", "read_split"]

Read = tuple[Rows, dict[str, Sequence[Any]]]
"""What the model takes, and what stands beside it."""


def read_split(split: Any, schema: Schema) -> Read:
    """Read ``{"columns": […], "data": [[…]]}``."""
    data = split.get("data") if isinstance(split, dict) else None
    if not isinstance(data, list):
        raise ProtocolError(400, 'A split has "data", a list of rows, and "columns".')
    names = split.get("columns")
    if names is None:
        return schema.rows_of_array(data), {}
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ProtocolError(400, "columns is a list of the columns' names, as texts.")
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise ProtocolError(400, f"Column {quoted(twice)} is there twice.")
    for row, cells in enumerate(data):
        if not isinstance(cells, list) or len(cells) != len(names):
            has = counted(len(cells), "value") if isinstance(cells, list) else noun_of(cells)
            raise ProtocolError(400, f"Row {row + 1} is {has} for {counted(len(names), 'column')}.")
    columns = {name: [cells[i] for cells in data] for i, name in enumerate(names)}
    return read_columns(columns, schema)


def read_columns(columns: Mapping[str, Any], schema: Schema) -> Read:
    """Read lists by the names of columns."""
    for name, values in columns.items():
        if not isinstance(values, list):
            raise ProtocolError(
                400, f"Column {quoted(name)} is {noun_of(values)}; a list is expected."
            )
    if schema.container in ("array", "sparse"):
        # An array's columns have names in a frame: by their places they are what the model takes.
        return schema.rows_of_array([list(row) for row in zip(*columns.values(), strict=True)]), {}
    extra = {k: v for k, v in columns.items() if schema.by_name and k not in schema.by_name}
    return beside_rows(schema.rows(columns), extra)


def read_rows(given: list[Any], schema: Schema) -> Read:
    """Read a list with an object, a list or a value for each row."""
    return _rows(given, schema), _beside(given, schema)


def _rows(given: list[Any], schema: Schema) -> Rows:
    if all(isinstance(one, dict) for one in given):
        if schema.container not in ("frame", "open", "records"):
            raise ProtocolError(400, f"The model takes {schema.told()}, not columns by name.")
        return schema.rows_of_records(given)
    odd = next((i for i, one in enumerate(given) if isinstance(one, dict)), None)
    if odd is not None:
        raise ProtocolError(400, f"Row {odd + 1} is an object, other rows are not.")
    return schema.rows_of_array(given)


def _beside(given: list[Any], schema: Schema) -> dict[str, Sequence[Any]]:
    """What records hold beside the model's columns."""
    if schema.container != "frame" or not given or not isinstance(given[0], dict):
        return {}
    names = frozenset(schema.by_name)
    return {
        name: [one.get(name) if isinstance(one, dict) else None for one in given]
        for name in given[0]
        if name not in names
    }
