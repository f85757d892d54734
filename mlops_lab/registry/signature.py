"""What a model takes and gives: inferred from an example, checked against a frame in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mlops_lab.errors import Corrupt, InvalidInput

__all__ = ["Fault", "Field", "Signature", "as_frame", "infer"]

_VALUES: Final = 50
"""Categories are remembered up to this many."""

_NAMED: Final = 8
_FITS: Final = {
    "number": ("integer", "boolean"),
    "integer": ("boolean",),
    "text": ("category",),
    "category": ("text", "integer", "boolean", "number"),
}
"""For an expected type the other types whose values it takes."""

_NOUNS: Final = {
    "boolean": "true or false",
    "integer": "whole numbers",
    "number": "numbers",
    "text": "text",
    "category": "categories",
    "time": "times",
    "duration": "durations",
    "other": "other objects",
}


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
        shape = "" if self.shape is None else f" ({', '.join(_length(n) for n in self.shape)})"
        return f"{self.name}: {self.type}{shape}{', may be missing' if self.optional else ''}"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something about a frame that does not fit the signature.

    Attributes
    ----------
    field
        The column.
    message
        What is wrong with it, what was expected, as a sentence.
    severe
        Whether the model cannot mean it; else it is only unlike the example: a number outside of
        its range, a category that it has not, a first missing value.
    """

    field: str
    message: str
    severe: bool

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Signature:
    """The input and the output of a model.

    Attributes
    ----------
    inputs
        Columns in their order, or one array.
    outputs
        Likewise, of what ``predict`` (or ``transform``) gives.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = infer(pd.DataFrame({"hour": [7, 23], "carrier": ["UA", "DL"]}), [0.1, 0.4])
    >>> print(seen)
    hour: integer, carrier: text → prediction: number (any)
    >>> [str(fault) for fault in seen.check(pd.DataFrame({"hour": [7.5]}))]
    ["Column 'hour' holds 7.5; whole numbers are expected.", "Column 'carrier' (text) is missing."]
    """

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...] = ()

    def check(self, data: object) -> list[Fault]:
        """Compare data with the inputs.

        Parameters
        ----------
        data
            A frame, an array, or records: what `predict` would be given.

        Returns
        -------
        list of Fault
            Severe ones first; empty when it fits.
        """
        faults = (
            _check_array(self.inputs[0], data)
            if len(self.inputs) == 1 and self.inputs[0].shape is not None
            else _check_columns(self.inputs, data)
        )
        return sorted(faults, key=lambda fault: not fault.severe)

    def require(self, data: object) -> None:
        """Refuse data that the model cannot mean.

        Raises
        ------
        InvalidInput
            A sentence for each column that does not fit.
        """
        severe = [fault for fault in self.check(data) if fault.severe]
        if severe:
            shown = " ".join(fault.message for fault in severe[:_NAMED])
            more = f" And {len(severe) - _NAMED} more." if len(severe) > _NAMED else ""
            raise InvalidInput(f"The model does not take this input. {shown}{more}")

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "inputs": [field.to_json() for field in self.inputs],
            "outputs": [field.to_json() for field in self.outputs],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Signature:
        """Read what `to_json` gave.

        Raises
        ------
        Corrupt
            It is no signature.
        """
        try:
            return cls(
                tuple(Field.from_json(field) for field in data["inputs"]),
                tuple(Field.from_json(field) for field in data.get("outputs") or ()),
            )
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise Corrupt(f"The model's signature cannot be read: {error!r}.") from None

    def __repr__(self) -> str:
        return f"<Signature {self}>"

    def __str__(self) -> str:
        inputs = ", ".join(map(str, self.inputs))
        outputs = ", ".join(map(str, self.outputs))
        return f"{inputs} → {outputs or 'unknown'}"


def infer(example: object, prediction: object = None) -> Signature:
    """Infer a signature from an example and what the model makes of it.

    Parameters
    ----------
    example
        A pandas or polars frame or series, an array, a sparse matrix, a list of texts, or records.
    prediction
        What the model gave for it; None leaves the outputs open.
    """
    return Signature(
        _fields(example, "input"), () if prediction is None else _fields(prediction, "prediction")
    )


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


def _fields(data: Any, noun: str) -> tuple[Field, ...]:
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
    kind = _type(series)
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


def _type(series: Any) -> str:
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


def _check_columns(inputs: Sequence[Field], data: object) -> list[Fault]:
    names = [field.name for field in inputs]
    frame = as_frame(data, names)
    if frame is None:
        return [_without_names(inputs, data)] if _width(data) != len(inputs) else []
    faults = []
    columns = {str(name): i for i, name in enumerate(frame.columns)}
    for field in inputs:
        if field.name not in columns:
            near = _near(field.name, columns)
            faults.append(
                Fault(
                    field.name,
                    f"Column {_short(field.name)} ({field.type}) is missing{near}.",
                    True,
                )
            )
            continue
        faults += _compare(
            field, frame.iloc[:, columns[field.name]], f"Column {_short(field.name)}"
        )
    return faults


def _without_names(inputs: Sequence[Field], data: object) -> Fault:
    shown = ", ".join(field.name for field in inputs[:_NAMED])
    more = "…" if len(inputs) > _NAMED else ""
    return Fault(
        "",
        f"A frame with {len(inputs)} columns ({shown}{more}) is expected; got "
        f"{type(data).__name__} of {_width(data) or 'unknown'} columns.",
        True,
    )


def _check_array(field: Field, data: Any) -> list[Fault]:
    import numpy as np
    import pandas as pd

    assert field.shape is not None
    if field.type == "other":
        return []
    if hasattr(data, "tocsr"):
        shape = tuple(int(n) for n in data.shape)
        values = pd.Series(data.data)
    else:
        frame = as_frame(data) if not isinstance(data, list) else None
        try:
            array = np.asarray(data if frame is None else frame)
        except ValueError:
            return [Fault(field.name, "Rows of equal lengths are expected.", True)]
        shape = tuple(int(n) for n in array.shape)
        values = pd.Series(array.ravel()).infer_objects()
    fits = len(shape) == len(field.shape) and all(
        want is None or want == got for want, got in zip(field.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(_length(n) for n in field.shape)
        got = ", ".join(map(str, shape))
        message = f"An array of shape ({wanted}) is expected; got ({got})."
        return [Fault(field.name, message, True)]
    return _compare(field, values, f"The {field.name}")


def _compare(field: Field, series: Any, noun: str) -> list[Fault]:
    faults = []
    missing = int(series.isna().sum())
    if missing and not field.optional:
        message = f"{noun} has {missing:,} missing values; the example had none."
        faults.append(Fault(field.name, message, False))
    present = series.dropna()
    got = _type(present)
    if not len(present) or field.type == "other":
        return faults
    if field.type == "integer" and got == "number":
        broken = present[present != present.round()]
        if len(broken):
            message = f"{noun} holds {broken.iloc[0]:g}; whole numbers are expected."
            return [*faults, Fault(field.name, message, True)]
    elif got != field.type and got not in _FITS.get(field.type, ()):
        message = (
            f"{noun} holds {_NOUNS.get(got, got)} ({_short(present.iloc[0])}); "
            f"{_NOUNS.get(field.type, field.type)} are expected."
        )
        return [*faults, Fault(field.name, message, True)]
    return [*faults, *_unlike(field, present, noun)]


def _unlike(field: Field, present: Any, noun: str) -> Iterable[Fault]:
    """What the model may be given, but was not shown."""
    if field.least is not None and field.most is not None:
        low, high = float(present.min()), float(present.max())
        if low < field.least or high > field.most:
            far = low if low < field.least else high
            yield Fault(
                field.name,
                f"{noun} holds {far:g}; the example went from {field.least:g} to {field.most:g}.",
                False,
            )
    if field.values is not None:
        new = sorted(set(map(str, present.unique())) - set(field.values))
        if new:
            more = f" and {len(new) - 1} more" if len(new) > 1 else ""
            yield Fault(
                field.name,
                f"{noun} holds {_short(new[0])}{more}, which is no category of it.",
                False,
            )


def _near(name: str, columns: Iterable[str]) -> str:
    import difflib

    found = difflib.get_close_matches(name, list(columns), 1, 0.75)
    return f"; there is {_short(found[0])}" if found else ""


def _width(data: object) -> int | None:
    shape = getattr(data, "shape", None)
    return int(shape[1]) if shape is not None and len(shape) == 2 else None


def _length(n: int | None) -> str:
    return "any" if n is None else str(n)


def _short(value: object) -> str:
    text = repr(value.item() if hasattr(value, "item") else value)
    return text if len(text) <= 40 else f"{text[:39]}…"
