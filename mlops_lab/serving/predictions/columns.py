"""The columns of the log: what their types are, and values brought into them without a refusal.

Types are settled before the first request, from the model's signature. A value that does not fit
its column becomes null there, and its text stands in the column ``unfit``: a row is never lost for
one value, and a batch never for one row.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.registry.fields import type_of

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops_lab.registry.signature import Signature

__all__ = ["FIXED", "KINDS", "LONGEST_TEXT", "Columns", "array_names", "arrow_type", "fit"]

FIXED: Final[dict[str, str]] = {
    "prediction_id": "text",
    "request_id": "text",
    "t": "time",
    "model": "text",
    "version": "integer",
    "revision": "text",
    "role": "text",
    "rollout": "text",
    "unit": "text",
    "latency_ms": "number",
    "status": "integer",
    "error": "text",
    "unfit": "text",
}
"""The columns that every log has, with their kinds."""

KINDS: Final[dict[str, str]] = {
    "boolean": "boolean",
    "integer": "integer",
    "number": "number",
    "text": "text",
    "category": "text",
    "time": "time",
    "duration": "number",
    "other": "text",
}
"""The kind of column that values of a signature's type are kept in; durations are seconds."""

LONGEST_TEXT: Final = 1 << 20
"""Characters of a text that are kept."""

_MOST_COLUMNS: Final = 2_000
_MOST_KEYS: Final = 32
"""What requests carry beyond the signature gets so many columns."""

_SHOWN: Final = 200
_LONGEST_NAME: Final = 200
_WIDE: Final = 500
_OUTPUTS: Final = ("prediction", "probability")
_RESERVED: Final = ("endpoint", "truth", "day")


def arrow_type(kind: str) -> pa.DataType:
    """The Arrow type of a kind of column."""
    import pyarrow as pa

    if kind == "numbers":
        return pa.list_(pa.float64())
    return {
        "boolean": pa.bool_(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "time": pa.timestamp("us", "UTC"),
    }.get(kind, pa.string())


def array_names(width: int) -> list[str]:
    """What the columns of an array are called: as scikit-learn calls them, ``x0``, ``x1`` …

    >>> array_names(3)
    ['x0', 'x1', 'x2']
    """
    return [f"x{i}" for i in range(width)] if width <= _WIDE else []


class Columns:
    """The columns of one writer's log, by their names in it. They only grow. Not thread-safe.

    Parameters
    ----------
    signature
        Of the model; None leaves all types to the first values.

    Examples
    --------
    >>> from mlops_lab.registry.signature import Field, Signature
    >>> columns = Columns(Signature((Field("hour", "integer"), Field("status", "text"))))
    >>> columns.input("status"), columns.kinds["in_status"]
    ('in_status', 'text')
    """

    def __init__(self, signature: Signature | None) -> None:
        self.kinds: dict[str, str] = dict(FIXED)
        self._inputs: dict[str, str] = {}
        self._outputs: dict[str, str] = {}
        self._keys = 0
        self._taken = {*FIXED, *_RESERVED}
        for field in () if signature is None else signature.inputs:
            if field.shape is None:
                self._add_input(field.name, KINDS.get(field.type, "text"))
                continue
            width = (
                1 if len(field.shape) == 1 else field.shape[1] if len(field.shape) == 2 else None
            )
            for name in array_names(width) if width else ():
                self._add_input(name, KINDS.get(field.type, "text"))
        outputs = () if signature is None else signature.outputs
        if len(outputs) == 1 and len(outputs[0].shape or ()) < 2:
            self._add_output("prediction", KINDS.get(outputs[0].type, "text"))

    def input(self, name: object, values: Any = None) -> str | None:
        """The column of an input, made from its values where it is new.

        Returns
        -------
        str or None
            None when it is new and there is nothing to keep (all are missing), or no room.
        """
        text = name if isinstance(name, str) else str(name)
        known = self._inputs.get(text)
        if known is not None or values is None:
            return known
        kind = self._kind_of(values)
        return None if kind is None else self._add_input(text, kind)

    def key(self, name: object, values: Any) -> str | None:
        """As `input`, of what a request carries and the model does not take."""
        known = self._inputs.get(name if isinstance(name, str) else str(name))
        if known is not None:
            return known
        if self._keys >= _MOST_KEYS:
            return None
        made = self.input(name, values)
        self._keys += made is not None
        return made

    def output(self, name: str, values: Any) -> str | None:
        """As `input`, of what the model said."""
        known = self._outputs.get(name)
        if known is not None:
            return known
        kind = self._kind_of(values)
        return None if kind is None else self._add_output(name, kind)

    def _kind_of(self, values: Any) -> str | None:
        """The kind of column for values of which nothing is known."""
        import pandas as pd

        if len(self.kinds) >= _MOST_COLUMNS:
            return None
        if getattr(values, "ndim", 1) > 1:
            return "numbers"
        try:
            series = values if isinstance(values, pd.Series) else pd.Series(values)
            if not bool(series.notna().any()):
                return None
            return KINDS.get(type_of(series), "text")
        except (TypeError, ValueError, ArithmeticError):  # a Decimal that signals, for one
            return "text"

    def _add_input(self, name: str, kind: str) -> str:
        made = _as_name(name)
        # DuckDB does not tell large letters from small ones in names.
        while made.lower() in self._taken or made.lower().startswith(_OUTPUTS):
            made = f"in_{made}"
        self._inputs[name] = made
        return self._add(made, kind)

    def _add_output(self, name: str, kind: str) -> str:
        made = _as_name(name)
        while made.lower() in self._taken:
            made = f"out_{made}"
        self._outputs[name] = made
        return self._add(made, kind)

    def _add(self, name: str, kind: str) -> str:
        self._taken.add(name.lower())
        self.kinds[name] = kind
        return name

    def schema(self) -> pa.Schema:
        """The columns as Arrow has them."""
        import pyarrow as pa

        return pa.schema([(name, arrow_type(kind)) for name, kind in self.kinds.items()])


def fit(values: Any, kind: str) -> tuple[pa.Array, dict[int, str]]:
    """Bring values into a kind of column.

    Parameters
    ----------
    values
        A series, an array or a list; of the kind ``numbers`` an array of shape
        ``(n_rows, n_values)``.
    kind
        ``boolean``, ``integer``, ``number``, ``text``, ``time`` or ``numbers``.

    Returns
    -------
    array
        Null where a value is missing or does not fit.
    unfit
        What did not fit, as text, by its place.

    Examples
    --------
    >>> array, unfit = fit([7, None, 7.5, 10**30], "integer")
    >>> array.to_pylist(), unfit[2]
    ([7, None, None, None], '7.5')
    """
    import pyarrow as pa

    try:
        return _quickly(values, kind), {}
    except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError):
        return _one_by_one(values, kind)


def _quickly(values: Any, kind: str) -> pa.Array:
    """All at once; raises when any value is odd."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind == "numbers":
        return pa.array(list(values), type=arrow_type(kind))
    if kind == "time":
        if isinstance(values, np.ndarray) and values.dtype.kind == "M":
            values = pd.Series(values)
        if not isinstance(values, pd.Series) or values.dtype.kind != "M":
            raise TypeError("its values are looked at one by one")
        series = values.dt.tz_localize("UTC") if values.dt.tz is None else values
        return pa.array(series.dt.tz_convert("UTC").dt.as_unit("us"), type=arrow_type(kind))
    if kind == "number" and getattr(getattr(values, "dtype", None), "kind", "") == "m":
        values = values / np.timedelta64(1, "s")
    if isinstance(values, pd.Series) and isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    found = pa.array(values, type=arrow_type(kind), from_pandas=True)
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    if kind == "text" and len(found):
        longest = pc.max(pc.binary_length(found)).as_py()
        if longest is not None and longest > LONGEST_TEXT:
            raise ValueError("a text is too long")
    return found


def _one_by_one(values: Any, kind: str) -> tuple[pa.Array, dict[int, str]]:
    import pyarrow as pa

    good: list[Any] = []
    unfit: dict[int, str] = {}
    for place, value in enumerate(_items(values)):
        if _missing(value):
            good.append(None)
            continue
        try:
            good.append(_one(value, kind))
        except (TypeError, ValueError, OverflowError, ArithmeticError, AttributeError):
            good.append(None)
            unfit[place] = _shown(value)
    return pa.array(good, type=arrow_type(kind)), unfit


def _items(values: Any) -> Iterable[Any]:
    # Of Python's own types: numpy's would be looked at one by one below.
    items: Iterable[Any] = values.tolist() if hasattr(values, "tolist") else values
    return items


def _missing(value: Any) -> bool:
    import pandas as pd

    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, float) and math.isnan(value))
    )


def _one(value: Any, kind: str) -> Any:
    """One value of a kind.

    Raises
    ------
    TypeError, ValueError, OverflowError
        It does not fit.
    """
    if kind == "text":
        return _text(value)
    if kind == "numbers":
        return [float(one) for one in value]
    if kind == "time":
        return _instant(value)
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, str | bytes):
        raise TypeError("text is no number")
    if kind == "number":
        return float(value)
    if kind == "boolean":
        if value not in (0, 1):
            raise ValueError("neither true nor false")
        return bool(value)
    whole = int(value)
    if whole != value or not -(2**63) <= whole < 2**63:
        raise ValueError("no whole number of 64 bits")
    return whole


def _instant(value: Any) -> datetime:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise TypeError("no time")
    if hasattr(value, "to_pydatetime"):  # pandas has nanoseconds
        value = value.to_pydatetime(warn=False)
    made: datetime = value
    return made.replace(tzinfo=UTC) if made.tzinfo is None else made.astimezone(UTC)


def _text(value: Any) -> str:
    """A text that can be kept: what is no valid text is escaped, what is too long is cut."""
    if isinstance(value, bytes):
        return value[: 4 * LONGEST_TEXT].decode("utf-8", "backslashreplace")[:LONGEST_TEXT]
    if isinstance(value, dict | list | tuple):
        value = json.dumps(value, ensure_ascii=False, default=str)
    text = value if isinstance(value, str) else str(value)
    return _clean(text[:LONGEST_TEXT])


def _as_name(name: str) -> str:
    """A name that a column can have; what a request calls its columns may be anything."""
    kept = "".join(one if one.isprintable() else "�" for one in _clean(name[:_LONGEST_NAME]))
    return kept or "column"


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _shown(value: Any) -> str:
    try:
        return _clean(str(value)[:_SHOWN])
    except (TypeError, ValueError, RecursionError):  # an integer of more than 4,300 digits
        return f"a {type(value).__name__} that cannot be shown"
