"""A fitted ColumnTransformer for a few rows: the same numbers, without a frame in between.

For one row scikit-learn spends its time on frames, names and checks: 3 ms of the 4 that a row
takes. Here the categories of texts are looked up, numbers are put side by side, and what is neither
is left to its own transformer. Only what is the same by definition is done here: a text that is
among the encoder's categories has the code of its place. Whatever else comes, an unknown or missing
category among it, goes the usual way, errors included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mlops_lab.serving.columns import Column, as_given
from mlops_lab.serving.inputs import Rows, Schema

__all__ = ["FEW", "quick_columns"]

FEW: Final = 64
"""More rows than this are quicker the usual way."""

_Part = Callable[[Rows, Callable[[], Any]], Any]
"""Gives a part of the result for rows, which it may ask for as a frame; None when it cannot."""


def quick_columns(transformer: Any, schema: Schema) -> Callable[[Rows], Any] | None:
    """Make the quick way of a fitted transformer; None when it is of no such kind.

    Parameters
    ----------
    transformer
        The first step of a pipeline.
    schema
        What the model takes.

    Returns
    -------
    callable or None
        Gives what ``transform`` gives, shape ``(n_rows, n_features)``; or None for rows that must
        go the usual way.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.utils._set_output import _get_output_config

    if (
        type(transformer) is not ColumnTransformer
        or transformer.sparse_output_
        or transformer.transformer_weights
        or _get_output_config("transform", transformer)["dense"] != "default"
        or tuple(getattr(transformer, "feature_names_in_", ())) != schema.names
    ):
        return None
    parts = []
    for _, step, names in transformer.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return None
        if names:
            parts.append(_part(step, names, schema))
    return _Columns(tuple(parts)) if parts else None


@dataclass(frozen=True, slots=True)
class _Columns:
    """The parts of a result, side by side."""

    parts: tuple[_Part, ...]

    def __call__(self, rows: Rows) -> Any:
        import numpy as np

        made: list[Any] = []  # the frame, when a part has asked for it

        def frame() -> Any:
            if not made:
                made.append(rows.given())
            return made[0]

        found = []
        for part in self.parts:
            one = part(rows, frame)
            if one is None:
                return None
            found.append(one)
        return np.hstack(found)


def _part(step: Any, names: list[str], schema: Schema) -> _Part:
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

    columns = [schema.by_name[name] for name in names]
    types = {column.type for column in columns}
    through = type(step) is FunctionTransformer and step.func is None and not step.validate
    if through and types <= {"number", "integer"}:
        return _numbers(columns)
    if type(step) in (OrdinalEncoder, OneHotEncoder) and types == {"text"}:
        tables = _tables(step)
        if tables is not None and type(step) is OrdinalEncoder:
            return _codes(names, tables, step.dtype)
        if tables is not None and step.drop is None:
            return _ones(names, tables, step.dtype)
    return _usual(step, names)


def _tables(encoder: Any) -> list[dict[str, int]] | None:
    """The code of every category; None when they are not plain texts."""
    if encoder.min_frequency is not None or encoder.max_categories is not None:
        return None  # several categories share a code
    if not all(type(value) is str for values in encoder.categories_ for value in values):
        return None
    return [{value: i for i, value in enumerate(values)} for values in encoder.categories_]


def _numbers(wanted: list[Column]) -> _Part:
    def part(rows: Rows, frame: Callable[[], Any]) -> Any:
        import numpy as np

        columns = _of(rows)
        found = [as_given(column, columns[column.name]) for column in wanted]
        if any(type(each) is not np.ndarray or each.dtype.kind not in "fi" for each in found):
            return None
        # As a frame lays out its numbers: sums of a linear model differ in the last bit by that.
        return np.stack(found).T

    return part


def _codes(names: list[str], tables: list[dict[str, int]], dtype: Any) -> _Part:
    def part(rows: Rows, frame: Callable[[], Any]) -> Any:
        import numpy as np

        columns = _of(rows)
        out = np.empty((rows.count, len(names)), dtype)
        for place, (name, table) in enumerate(zip(names, tables, strict=True)):
            for row, value in enumerate(columns[name]):
                code = table.get(value) if type(value) is str else None
                if code is None:
                    return None
                out[row, place] = code
        return out

    return part


def _ones(names: list[str], tables: list[dict[str, int]], dtype: Any) -> _Part:
    def part(rows: Rows, frame: Callable[[], Any]) -> Any:
        import numpy as np

        columns = _of(rows)
        out = np.zeros((rows.count, sum(map(len, tables))), dtype)
        first = 0
        for name, table in zip(names, tables, strict=True):
            for row, value in enumerate(columns[name]):
                code = table.get(value) if type(value) is str else None
                if code is None:
                    return None
                out[row, first + code] = 1
            first += len(table)
        return out

    return part


def _usual(step: Any, names: list[str]) -> _Part:
    def part(rows: Rows, frame: Callable[[], Any]) -> Any:
        found = step.transform(frame()[names])
        return found.toarray() if hasattr(found, "toarray") else found

    return part


def _of(rows: Rows) -> Mapping[str, Any]:
    assert rows.columns is not None
    return rows.columns
