"""Comparing what a model is given with what it takes: every column that does not fit, in a
sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mlops_lab.registry.fields import Field, as_frame, length_of, type_of

__all__ = ["Fault", "compare"]

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


def compare(inputs: Sequence[Field], data: object) -> list[Fault]:
    """Compare data with the inputs of a model.

    Parameters
    ----------
    inputs
        Columns in their order, or one array.
    data
        What the model would be given.

    Returns
    -------
    list of Fault
        Severe ones first; empty when it fits.
    """
    faults = (
        _check_array(inputs[0], data)
        if len(inputs) == 1 and inputs[0].shape is not None
        else _check_columns(inputs, data)
    )
    return sorted(faults, key=lambda fault: not fault.severe)


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
        wanted = ", ".join(length_of(n) for n in field.shape)
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
    got = type_of(present)
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


def _short(value: object) -> str:
    text = repr(value.item() if hasattr(value, "item") else value)
    return text if len(text) <= 40 else f"{text[:39]}…"
