"""Rows as onnxruntime takes them: one tensor for each column, and which rows are not for it.

A converted model is proved on the values that the proof saw. Where a probe showed that it answers
otherwise than the model (an unknown category that the model refuses, a missing value that it does
not take), rows with such values are marked, and the model itself answers them.

This file stands for itself, with numpy alone: `mlops_lab.serving.package` hands it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = ["CATEGORY", "FAR", "INPUT", "MISSING", "Input", "Tensors", "column_of", "tensors_of"]

INPUT: Final = "input"
"""The name of the tensor where there is one for all columns."""

MISSING: Final = "\ufdd0missing"
"""What stands for a missing text: ONNX has texts only. A noncharacter, so nobody's category."""

CATEGORY: Final = "nan"
"""What stands for it where encoders have learnt a category of what is missing: converted, that is
the category's name."""

FAR: Final = 3.4e38
"""What does not fit into 32 bits, infinity among it, is left to the model."""

Kind = Literal["number", "integer", "text"]


@dataclass(frozen=True, slots=True)
class Input:
    """One column of a converted model.

    Attributes
    ----------
    name
        The column's.
    kind
        What its tensor holds: 32-bit floats, 64-bit integers, texts.
    missing
        Whether a missing value is answered as the model answers it.
    known
        The only values that are; None: any.
    span
        The least and the greatest number that are; None: any.
    absent
        The text that stands for a missing one.
    """

    name: str
    kind: Kind
    missing: bool = True
    known: frozenset[Any] | None = None
    span: tuple[float, float] | None = None
    absent: str = MISSING

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "name": self.name,
            "kind": self.kind,
            "missing": self.missing,
            "known": None if self.known is None else sorted(self.known),
            "span": self.span,
            "absent": self.absent,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Input:
        """Read what `to_json` gave."""
        known, span = data["known"], data["span"]
        return cls(
            str(data["name"]),
            data["kind"],
            bool(data["missing"]),
            None if known is None else frozenset(known),
            None if span is None else (float(span[0]), float(span[1])),
            str(data["absent"]),
        )


@dataclass(frozen=True, slots=True)
class Tensors:
    """What a session is fed, and which rows it should not answer.

    Attributes
    ----------
    feed
        Tensors of shape ``(n_rows, 1)`` by column.
    odd
        True for rows that the model itself must answer, shape ``(n_rows,)``; None: there are none.
    """

    feed: dict[str, Any]
    odd: Any


def column_of(data: Any, name: str) -> Any:
    """A column of a frame or of columns, as a numpy array."""
    found = data[name]
    return found.to_numpy() if hasattr(found, "to_numpy") else found


def tensors_of(inputs: Sequence[Input], data: Any, rows: int, *, matrix: bool = False) -> Tensors:
    """Make tensors of a frame or of columns.

    Parameters
    ----------
    inputs
        What the converted model takes.
    data
        A frame, or numpy arrays by column as of `mlops_lab.serving.inputs.Rows`.
    rows
        How many rows there are.
    matrix
        Give one tensor of shape ``(n_rows, n_columns)``: all columns are numbers.

    Raises
    ------
    KeyError, TypeError, ValueError
        A column is missing, or holds something else than the model takes.
    """
    import numpy as np

    feed: dict[str, Any] = {}
    odd: Any = None
    numbers = [each for each in inputs if each.kind != "text"]
    if numbers:
        table = np.empty((len(numbers), rows))
        for place, each in enumerate(numbers):
            table[place] = _floats(data, each.name)
        far = (np.abs(table) > FAR).any(axis=0)
        if far.any():
            odd = far
            table[:, far] = 0.0
        floats = table.astype(np.float32)
        for place, each in enumerate(numbers):
            values = table[place]
            odd = _marked_numbers(odd, each, values)
            if matrix:
                continue
            if each.kind == "integer":
                whole = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
                odd = _marked(odd, whole != values)
                feed[each.name] = whole.astype(np.int64).reshape(rows, 1)
            else:
                feed[each.name] = floats[place].reshape(rows, 1)
        if matrix:
            return Tensors({INPUT: np.ascontiguousarray(floats.T)}, odd)
    for each in inputs:
        if each.kind == "text":
            feed[each.name], odd = _texts(each, column_of(data, each.name), odd)
    return Tensors(feed, odd)


def _floats(data: Any, name: str) -> Any:
    import numpy as np

    found = data[name]
    if hasattr(found, "isna"):  # pandas' own types have a missing value of their own
        return found.to_numpy(dtype=float, na_value=np.nan)
    if found.dtype == object:
        return np.array([np.nan if value is None else value for value in found], dtype=float)
    return found


def _marked_numbers(odd: Any, each: Input, values: Any) -> Any:
    import numpy as np

    if not each.missing:
        odd = _marked(odd, np.isnan(values))
    if each.known is not None:
        seen = np.isin(values, np.fromiter(each.known, float)) | np.isnan(values)
        odd = _marked(odd, ~seen)
    if each.span is not None:
        odd = _marked(odd, (values < each.span[0]) | (values > each.span[1]))
    return odd


def _texts(each: Input, values: Any, odd: Any) -> tuple[Any, Any]:
    import numpy as np

    texts = list(values)
    strange = []
    for place, value in enumerate(texts):
        if type(value) is str:
            if each.known is not None and value not in each.known:
                strange.append(place)
        elif isinstance(value, str):
            texts[place] = str(value)
        elif _is_missing(value):
            texts[place] = each.absent
            if not each.missing:
                strange.append(place)
        else:  # a number where a text should be: only the model knows what it does with it
            texts[place] = each.absent
            strange.append(place)
    if strange:
        marks = np.zeros(len(texts), bool)
        marks[strange] = True
        odd = _marked(odd, marks)
    tensor = np.empty((len(texts), 1), dtype=object)
    tensor[:, 0] = texts
    return tensor, odd


def _is_missing(value: Any) -> bool:
    # pandas' own missing value is known by its name: whoever serves need not have pandas.
    return (
        value is None
        or (isinstance(value, float) and value != value)
        or type(value).__name__ == "NAType"
    )


def _marked(odd: Any, marks: Any) -> Any:
    if not marks.any():
        return odd
    return marks if odd is None else odd | marks
