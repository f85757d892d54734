"""The input example of a model, as JSON that becomes what the model was given again."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Any, Final

from mlops_lab.errors import Corrupt, InvalidInput
from mlops_lab.registry.fields import as_frame

__all__ = ["from_json", "no_example", "row_of", "rows_of", "to_json"]

_ROWS: Final = 20
_CHARACTERS: Final = 2_000
_HELD: Final = frozenset({bool, float, int, str, type(None)})
"""What the values of an array of objects may be."""


def rows_of(example: object, count: int) -> Any:
    """Give the first rows of an example, of its own kind."""
    if hasattr(example, "iloc"):
        return example.iloc[:count]
    if hasattr(example, "tocsr"):
        return example.tocsr()[:count]
    return example[:count]  # type: ignore[index]


def row_of(example: object) -> Any:
    """Give the first row alone, of the example's own kind."""
    return rows_of(example, 1)


def no_example(example: object) -> InvalidInput:
    """What is raised for something that no model is given."""
    return InvalidInput(
        "An example is a frame, an array of numbers or texts, or a list of texts or records, "
        f"with one row for each prediction; got {type(example).__name__}."
    )


def to_json(example: object) -> dict[str, Any]:
    """Give the first twenty rows as JSON: kind, columns and rows, and what types they had.

    Raises
    ------
    InvalidInput
        The example is no frame, array or list.
    """
    import numpy as np
    import pandas as pd

    frame = as_frame(example) if not isinstance(example, list) else None
    if frame is not None:
        part = frame.iloc[:_ROWS]
        return {
            "kind": "frame",
            "columns": [str(name) for name in part.columns],
            "types": [str(kind) for kind in part.dtypes],
            "rows": [
                [_value(part.iloc[i, j]) for j in range(part.shape[1])] for i in range(len(part))
            ],
        }
    if isinstance(example, pd.Series):
        return {
            "kind": "series",
            "columns": ["" if example.name is None else str(example.name)],
            "types": [str(example.dtype)],
            "rows": [[_value(value)] for value in example.iloc[:_ROWS]],
        }
    if hasattr(example, "tocsr"):
        part = example.tocsr()[:_ROWS]
        # Hashed texts have a million columns: only those that hold something.
        filled = np.unique(part.indices)
        return {
            "kind": "sparse",
            "columns": [str(i) for i in filled],
            "types": [str(part.dtype)],
            "shape": [None, int(part.shape[1])],
            "rows": [
                [_value(value) for value in row] for row in part[:, filled].toarray().tolist()
            ],
        }
    if isinstance(example, (list, tuple)) and all(
        isinstance(row, (str, dict)) for row in example[:_ROWS]
    ):
        return {
            "kind": "list",
            "columns": ["0"],
            "rows": [[_value(row)] for row in example[:_ROWS]],
        }
    try:
        array = np.asarray(example)
    except ValueError as error:
        raise InvalidInput(f"The example has rows of different lengths: {error}.") from None
    part = array[:_ROWS] if array.ndim else array
    # What pandas gives for a column of texts, or for columns of several kinds, is of objects.
    held = {type(value) for value in part.ravel().tolist()} if array.dtype == object else set()
    if array.ndim == 0 or not held <= _HELD:
        raise no_example(example)
    width = 1 if part.ndim == 1 else part.shape[1]
    return {
        "kind": "array",
        "columns": [str(i) for i in range(width)],
        "types": [str(array.dtype)],
        "shape": [None, *array.shape[1:]],
        "rows": [[_value(value) for value in np.atleast_1d(row).tolist()] for row in part],
    }


def from_json(data: Any) -> Any:
    """Make what the model was given of what `to_json` gave.

    Raises
    ------
    Corrupt
        It is no example.
    """
    import numpy as np
    import pandas as pd

    try:
        kind, columns, rows = data["kind"], data["columns"], data["rows"]
        if kind == "list":
            return [row[0] for row in rows]
        if kind in ("array", "sparse"):
            values = [[math.nan if v is None else v for v in row] for row in rows]
            array = np.array(values, dtype=_array_type(data["types"][0]))
            if kind == "array":
                return array.reshape([len(rows), *data["shape"][1:]])
            from scipy.sparse import csr_matrix

            at, held = np.nonzero(array)
            places = at, np.array([int(name) for name in columns], dtype=np.int64)[held]
            return csr_matrix((array[at, held], places), shape=(len(rows), data["shape"][1]))
        parts = [_series([row[i] for row in rows], name) for i, name in enumerate(data["types"])]
        if kind == "series":
            return parts[0].rename(columns[0] or None)
        frame = pd.concat(parts, axis=1) if parts else pd.DataFrame()
        frame.columns = pd.Index(columns)
        return frame
    except (IndexError, KeyError, OverflowError, SyntaxError, TypeError, ValueError) as error:
        raise Corrupt(f"The model's input example cannot be read: {error!r}.") from None


def _array_type(name: str) -> Any:
    import numpy as np

    kind = np.dtype(name)
    if kind.kind == "U" and kind.itemsize > 4 * _CHARACTERS:
        return np.dtype(str)  # as long as the texts are, whatever the file says
    return kind if kind.kind in "biufUMO" else np.dtype(float)


def _series(values: list[Any], name: str) -> Any:
    import pandas as pd

    # Types of columns are taken from a file: only those that hold data.
    kind: Any = name if name.split("[")[0].lower() in _COLUMN_TYPES else "object"
    return pd.Series(values, dtype="object").astype(kind)


_COLUMN_TYPES: Final = frozenset(
    {"bool", "boolean", "category", "datetime64", "float16", "float32", "float64", "int16", "int32"}
    | {"int64", "int8", "str", "string", "timedelta64", "uint16", "uint32", "uint64", "uint8"}
)


def _value(value: Any) -> Any:
    import pandas as pd

    if isinstance(value, dict):
        return {str(key)[:_CHARACTERS]: _value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value[:_ROWS]]
    if hasattr(value, "item"):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (bool, int)):
        return value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)[:_CHARACTERS]
