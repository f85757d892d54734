"""One column of what a model is given: from lists, arrays and series to one array of its type.

Whatever the way in (JSON, binary tensors, records, Parquet), a column becomes the same array: that
is why an endpoint and a batch give the same answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from mlops_lab.errors import InvalidInput
from mlops_lab.registry.fields import Field
from mlops_lab.wording import listed, named, number, quoted

__all__ = ["Column", "as_given", "as_objects", "from_series", "take"]

_NOUNS: Final = {
    "boolean": "true or false",
    "integer": "whole numbers",
    "number": "numbers",
    "text": "texts",
    "category": "categories",
    "time": "times, as '2013-07-29T18:05:00Z' or in microseconds since 1970,",
    "duration": "durations, as '1 days 02:30:00' or in microseconds,",
    "other": "values",
    "any": "texts or numbers",
}
_NOT_NUMBERS: Final = frozenset({"nan", "null", "none", "na", "n/a", "", "inf", "-inf", "infinity"})

_TAKEN: Final[dict[str, frozenset[type]]] = {
    "number": frozenset({float, int, bool, type(None)}),
    "integer": frozenset({int, bool, type(None)}),
    "boolean": frozenset({bool, type(None)}),
    "text": frozenset({str, type(None)}),
    "any": frozenset({bool, float, int, str, type(None)}),
}
"""What a list may hold; `any` are the categories of a signature without its example."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NOT_A_TIME: Final = -(2**63)
_LONGEST_TIME: Final = 64
_UNITS: Final = {"time": ("datetime64[us]", "M"), "duration": ("timedelta64[us]", "m")}


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a model takes.

    Attributes
    ----------
    name
        As the model knows it.
    type
        As `mlops_lab.registry.fields.Field.type`.
    dtype
        What it was in the example, as pandas names it; None where nobody knows.
    kind
        Of categories what they are: text, integer, number, boolean, or any of them.
    categories
        Those of the example, as they are; empty when there are too many to be remembered.
    span
        What the example held, in words; empty where nobody knows.
    """

    name: str
    type: str
    dtype: str | None = None
    kind: str = "any"
    categories: tuple[Any, ...] = ()
    span: str = ""

    @classmethod
    def of(cls, field: Field, example: Any = None) -> Column:
        """Make it of a field of the signature and the example's column."""
        dtype = None if example is None else str(example.dtype)
        kind, categories = "any", tuple(field.values or ())
        if field.type == "category" and example is not None:
            kind = _kind_of(example)
            categories = tuple(_category(word, kind) for word in categories)
        span = ""
        if field.least is not None and field.most is not None:
            span = f"{number(field.least)} to {number(field.most)} in the example"
        elif field.values:
            span = f"{listed(map(named, field.values), 6)} in the example"
        return cls(field.name, field.type, dtype, kind, categories, span)

    def __str__(self) -> str:
        told = ", ".join(part for part in (self.type, self.span) if part)
        return f"Column {quoted(self.name)} ({told})"


def take(column: Column, values: Sequence[Any]) -> Any:
    """Make the array of a column from what a request brought.

    Parameters
    ----------
    column
        What the model takes.
    values
        A list as JSON gives it, None where a value is missing; or an array of shape ``(n_rows,)``.

    Returns
    -------
    array of shape (n_rows,)
        float64 with NaN, int64 (float64 where some are missing), bool, datetime64[us],
        timedelta64[us]; texts and categories, and booleans where some are missing, as objects with
        None.

    Raises
    ------
    InvalidInput
        The first value that is none of the column's: its row, the value, and what is expected.
    """
    import numpy as np

    if isinstance(values, np.ndarray):
        if values.dtype != object:
            return _from_array(column, values)
        values = values.tolist()
    kind = _kind(column)
    if kind in _UNITS:
        return _moments(column, values, kind)
    if kind == "other":
        return as_objects(values)
    kinds = set(map(type, values))
    if kind == "integer" and float in kinds:
        whole = _whole(column, values)
        if column.type != "category":
            return whole
        return as_objects([None if value != value else int(value) for value in whole.tolist()])
    if not kinds <= _TAKEN[kind]:
        raise _wrong(column, values, _TAKEN[kind])
    if column.type == "category" or kind == "text":
        return as_objects(values)
    try:
        if kind == "boolean":
            return as_objects(values) if type(None) in kinds else np.array(values, dtype=bool)
        if kind == "integer" and type(None) not in kinds:
            return np.array(values, dtype=np.int64)
        return np.array(values, dtype=np.float64)
    except OverflowError:
        least, most = (-(2**63), 2**63 - 1) if kind == "integer" else (-1.7e308, 1.7e308)
        row, value = next(
            (i, v) for i, v in enumerate(values) if v is not None and not least <= v <= most
        )
        raise InvalidInput(
            f"{column} holds a number of {len(str(value))} digits in row {row + 1}, more than "
            f"{'a whole number of 64 bits' if kind == 'integer' else 'a float of 64 bits'} holds."
        ) from None


def from_series(column: Column, series: Any) -> Any:
    """Make the array of a column from a pandas series, whatever its dtype.

    Raises
    ------
    InvalidInput
        As `take`.
    """
    import numpy as np
    import pandas as pd

    dtype = series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return _from_array(column, series.to_numpy())
    if pd.api.types.is_datetime64_any_dtype(dtype):
        if getattr(dtype, "tz", None) is not None:
            series = series.dt.tz_convert("UTC").dt.tz_localize(None)
        return _from_array(column, series.to_numpy())
    if pd.api.types.is_timedelta64_dtype(dtype):
        return _from_array(column, series.to_numpy())
    values = series.to_numpy(dtype=object, na_value=None).tolist()
    if column.type in ("time", "duration"):
        return _moments(column, values, column.type)
    # A missing value of a column of objects is a float, NaN; a decimal and a numpy value are
    # numbers of their own kinds.
    return take(column, [_plain(value) for value in values])


def as_given(column: Column, values: Any) -> Any:
    """Make of a column's array what stands in the frame that the model is given.

    It has the example's dtype: that is what the model was fitted on.
    """
    import numpy as np
    import pandas as pd

    if column.type == "number":
        return _narrow(column, values)
    if column.type in ("text", "boolean", "other") and values.dtype == object:
        if column.type == "text" and column.dtype != "object":
            return pd.array(values, dtype="str")
        missing = pd.isna(values)
        values = np.where(missing, np.nan, values) if missing.any() else values
        # A series, for a frame makes texts of an array of objects.
        return values if values.ndim > 1 else pd.Series(values, dtype=object, copy=False)
    if column.type == "category":
        known = dict.fromkeys(column.categories)
        new = {value for value in values if value is not None and value not in known}
        return pd.Categorical(values, categories=[*known, *sorted(new, key=repr)])
    if column.type == "time" and column.dtype is not None and column.dtype.startswith("datetime64"):
        return _zoned(column.dtype, values)
    return values


def as_objects(values: Sequence[Any]) -> Any:
    """An array of what a list holds, without a guess at its type, of shape ``(len(values),)``."""
    import numpy as np

    # Not np.array: it would make tables of lists, and of texts as wide as the longest.
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _narrow(column: Column, values: Any) -> Any:
    import numpy as np

    if column.dtype in ("float32", "float16") and values.dtype == np.float64:
        with np.errstate(over="ignore"):
            return values.astype(column.dtype)
    return values


def _zoned(dtype: str, values: Any) -> Any:
    import pandas as pd

    series: Any = pd.Series(values)
    if ", " in dtype:
        series = series.dt.tz_localize("UTC")
    return series.astype(dtype).array


def _from_array(column: Column, values: Any) -> Any:
    """Of an array that has one type of its own."""
    import numpy as np

    kind, has = _kind(column), values.dtype.kind
    if kind == "other":
        return values
    if column.type == "category" or has in "US":
        return take(column, [_plain(value) for value in values.tolist()])
    if kind in ("time", "duration"):
        unit, own = _UNITS[kind]
        if has in "iu":
            return values.astype(np.int64).astype(unit)
        if has == own:
            return values.astype(unit)
    elif has == "b" and kind == "boolean":
        return values
    elif has in "biuf" and kind == "number":
        return values.astype(np.float64)
    elif has == "f" and kind == "integer":
        return _whole(column, values)
    elif has in "biu" and kind == "integer":
        if has == "u" and len(values) and int(values.max()) >= 2**63:
            return take(column, values.tolist())
        return values.astype(np.int64)
    raise _wrong(column, values.tolist(), _TAKEN.get(kind, frozenset()))


def _whole(column: Column, values: Sequence[Any]) -> Any:
    """Whole numbers that came as floats: 7.0 is one, NaN is missing, 7.5 is an error."""
    import numpy as np

    if not isinstance(values, np.ndarray):
        odd = frozenset(map(type, values)) - {float, int, bool, type(None)}
        if odd:
            raise _wrong(column, values, _TAKEN["integer"] | {float})
    try:
        array = np.array(values, dtype=np.float64)
    except OverflowError:
        # Beside a float, a number too long for one: told as if it stood alone.
        return take(column, [value for value in values if not isinstance(value, float)])
    missing = np.isnan(array)
    bad = ~missing & ((array != np.floor(array)) | (np.abs(array) > 2.0**63))
    if bad.any():
        row = int(np.argmax(bad))
        raise InvalidInput(
            f"{column} holds {float(array[row])!r} in row {row + 1}; whole numbers are expected."
        )
    if missing.any():
        return array
    # What is no float keeps all its digits.
    return np.array([int(value) for value in values], dtype=np.int64)


def _moments(column: Column, values: Sequence[Any], kind: str) -> Any:
    """Times or durations, in microseconds."""
    import numpy as np

    count = _micros_since_1970 if kind == "time" else _micros_long
    found = np.empty(len(values), dtype=np.int64)
    for row, value in enumerate(values):
        try:
            found[row] = value if type(value) is int else count(value, column)
        except (ValueError, TypeError, OverflowError):
            if isinstance(value, (str, datetime)) and _zone_of(value):
                raise InvalidInput(
                    f"{column} holds {quoted(str(value))} in row {row + 1}, a time with a zone; "
                    "the model takes what a clock shows, without one."
                ) from None
            raise _wrong_at(column, row, value) from None
    return found.view(_UNITS[kind][0])


def _micros_since_1970(value: Any, column: Column) -> int:
    if _is_missing(value):
        return _NOT_A_TIME
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    # Only ISO's form: 02/03/2013 has two meanings, and "now" has another one each time.
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(at, datetime):
        raise TypeError(value)
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    elif column.dtype is not None and ", " not in column.dtype:
        raise ValueError(value)
    return (at - _EPOCH) // _MICROSECOND


def _micros_long(value: Any, _: Column) -> int:
    import pandas as pd

    if _is_missing(value):
        return _NOT_A_TIME
    if not isinstance(value, (str, timedelta)) or len(str(value)) > _LONGEST_TIME:
        raise TypeError(value)
    # numpy's own, for what is missing is no Timedelta.
    return int(pd.to_timedelta([value]).to_numpy().astype("m8[us]").astype("int64")[0])


def _zone_of(value: str | datetime) -> bool:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return False
    return at.tzinfo is not None


def _is_missing(value: Any) -> bool:
    return value is None or value != value or type(value).__name__ == "NaTType"


def _kind(column: Column) -> str:
    return column.kind if column.type == "category" else column.type


def _wrong(column: Column, values: Sequence[Any], taken: frozenset[type]) -> InvalidInput:
    for row, value in enumerate(values):
        if type(value) not in taken:
            return _wrong_at(column, row, value)
    return InvalidInput(f"{column} holds values of several kinds.")


def _wrong_at(column: Column, row: int, value: Any) -> InvalidInput:
    kind = _kind(column)
    told = "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else None
    if told is None:
        told = {True: "true", False: "false"}[value] if type(value) is bool else quoted(value)
    hint = ""
    if isinstance(value, str) and value.strip().lower() in _NOT_NUMBERS:
        hint = " A missing value is null."
    noun = _NOUNS[kind] if column.type != "category" else f"categories ({_NOUNS[kind]})"
    return InvalidInput(f"{column} holds {told} in row {row + 1}; {noun} are expected.{hint}")


def _plain(value: Any) -> Any:
    """A value of pandas or numpy as Python's own; None where it is missing."""
    import decimal

    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, decimal.Decimal):
        return float(value)
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def _kind_of(example: Any) -> str:
    """What the categories of an example's column are."""
    import pandas as pd

    found = getattr(example, "cat", None)
    values = example.dropna() if found is None else found.categories
    inferred = pd.api.types.infer_dtype(values, skipna=True)
    return {"integer": "integer", "floating": "number", "boolean": "boolean"}.get(inferred, "text")


def _category(word: str, kind: str) -> Any:
    """A category as the signature writes it, as it is."""
    if kind == "integer":
        return int(word)
    if kind == "number":
        return float(word)
    return word == "True" if kind == "boolean" else word
