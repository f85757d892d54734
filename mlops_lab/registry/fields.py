"""The columns and arrays that a model takes and gives: what they are, and reading that off data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Field", "as_frame", "fields_of", "length_of", "type_of"]

_VALUES: Final = 50
"""Categories are remembered up to this many."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column, or one array.

    Attributes
    ----------
    name
        The column's name; of an array that has none, what it is: ``array``, ``prediction``.
    type
        boolean, integer, number, text, category, time, duration or other.
    optional
        Whether a missing value was seen in it.
    shape
        Of an array: its lengths, None where it is free (the rows); of a column None.
    least, most
        The smallest and the greatest number in the example.
    values
        The categories in the example, when there are few.
    """

    name: str
    type: str
    optional: bool = False
    shape: tuple[int | None, ...] | None = None
    least: float | None = None
    most: float | None = None
    values: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON; what is not known is left out."""
        out: dict[str, Any] = {"name": self.name, "type": self.type, "optional": self.optional}
        if self.shape is not None:
            out["shape"] = list(self.shape)
        if self.least is not None:
            out["min"], out["max"] = self.least, self.most
        if self.values is not None:
            out["values"] = list(self.values)
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Field:
        """Read what `to_json` gave."""
        shape, values = data.get("shape"), data.get("values")
        return cls(
            name=str(data["name"]),
            type=str(data["type"]),
            optional=bool(data.get("optional", False)),
            shape=None if shape is None else tuple(None if n is None else int(n) for n in shape),
            least=None if data.get("min") is None else float(data["min"]),
            most=None if data.get("max") is None else float(data["max"]),
            values=None if values is None else tuple(map(str, values)),
        )

    def __str__(self) -> str:
        shape = "" if self.shape is None else f" ({', '.join(length_of(n) for n in self.shape)})"
        return f"{self.name}: {self.type}{shape}{', may be missing' if self.optional else ''}"


def as_frame(data: object, names: Sequence[str] | None = None) -> Any:
    """Make a pandas frame of a frame of any kind, a record or records; None when it is none.

    Parameters
    ----------
    data
        pandas, polars, an Arrow table, one dict of values, a dict of lists, or a list of dicts.
    names
        The order of columns for records, whose own order says nothing.
    """
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data
    if hasattr(data, "to_pandas") and hasattr(data, "columns"):
        return data.to_pandas()
    if isinstance(data, Mapping):
        scalar = not any(isinstance(value, (list, tuple)) for value in data.values())
        data = [data] if scalar else pd.DataFrame(dict(data)).to_dict("records")
    if isinstance(data, list) and data and all(isinstance(row, Mapping) for row in data):
        frame = pd.DataFrame(data)
        if names is not None and set(names) <= set(frame.columns):
            frame = frame[list(names)]
        return frame
    return None


def fields_of(data: Any, noun: str) -> tuple[Field, ...]:
    """Say what a frame's columns, or an array, are made of.

    Parameters
    ----------
    data
        What a model takes or gives.
    noun
        What something without a name is called: ``input``, ``prediction``.
    """
    import numpy as np
    import pandas as pd

    frame = data if isinstance(data, pd.DataFrame) else None
    if frame is None and hasattr(data, "to_pandas") and hasattr(data, "columns"):
        frame = as_frame(data)
    if frame is not None:
        return tuple(_column(str(name), frame.iloc[:, i]) for i, name in enumerate(frame.columns))
    if isinstance(data, pd.Series) or type(data).__module__.startswith("polars."):
        series = data if isinstance(data, pd.Series) else pd.Series(list(data))
        name = noun if series.name is None else str(series.name)
        return (_as_array(_column(name, series), (None,)),)
    if hasattr(data, "tocsr"):
        kind = _column(noun, pd.Series(data.data)).type if len(data.data) else "number"
        return (Field("sparse matrix", kind, shape=(None, int(data.shape[1]))),)
    if isinstance(data, list) and data and isinstance(data[0], (Mapping, list, tuple)):
        if isinstance(data[0], Mapping):
            return (Field("records", "other", shape=(None,)),)
        if any(hasattr(part, "shape") for part in data[0]):
            return (Field(noun, "other", shape=(None,)),)
    try:
        array = np.asarray(data)
    except ValueError:
        return (Field(noun, "other", shape=(None,)),)
    name = noun if noun == "prediction" else "array" if array.ndim > 1 else "values"
    flat = pd.Series(array.ravel()).infer_objects()
    shape = (None, *(int(n) for n in array.shape[1:]))
    return (_as_array(_column(name, flat), shape),)


def _as_array(column: Field, shape: tuple[int | None, ...]) -> Field:
    return Field(
        column.name, column.type, column.optional, shape, column.least, column.most, column.values
    )


def _column(name: str, series: Any) -> Field:
    kind = type_of(series)
    optional = bool(series.isna().any())
    least = most = None
    values: tuple[str, ...] | None = None
    if kind in ("integer", "number"):
        present = series.dropna()
        if len(present):
            low, high = float(present.min()), float(present.max())
            if math.isfinite(low) and math.isfinite(high):
                least, most = low, high
    elif kind == "category":
        known = [str(value) for value in series.cat.categories]
        values = tuple(known) if len(known) <= _VALUES else None
    return Field(name, kind, optional, None, least, most, values)


def type_of(series: Any) -> str:
    """Name the type of a column's values, as `Field.type` does."""
    import pandas as pd

    types, dtype = pd.api.types, series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if types.is_bool_dtype(dtype):
        return "boolean"
    if types.is_integer_dtype(dtype):
        return "integer"
    if types.is_numeric_dtype(dtype):
        return "number"
    if types.is_datetime64_any_dtype(dtype):
        return "time"
    if types.is_timedelta64_dtype(dtype):
        return "duration"
    inferred = pd.api.types.infer_dtype(series, skipna=True)
    return {
        "string": "text",
        "empty": "text",
        "boolean": "boolean",
        "integer": "integer",
        "floating": "number",
        "mixed-integer-float": "number",
        "decimal": "number",
        "datetime": "time",
        "datetime64": "time",
        "date": "time",
        "timedelta": "duration",
        "timedelta64": "duration",
    }.get(inferred, "other")


def length_of(n: int | None) -> str:
    """Say how long a side of an array is; one that is free is any."""
    return "any" if n is None else str(n)
