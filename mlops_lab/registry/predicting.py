"""Predicting with a model that was loaded, after a look at its input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_lab.errors import InvalidInput
from mlops_lab.registry.fields import as_frame
from mlops_lab.registry.signature import Signature

__all__ = ["predict"]


def predict(model: Any, data: Any, signature: Signature | None, *, chances: bool = False) -> Any:
    """Predict with any model; records become frames, and columns come in the model's order.

    Parameters
    ----------
    model
        What was loaded.
    data
        What the model takes: a frame, an array, texts; one record or a list of records where it
        takes columns.
    signature
        What it takes; None lets everything through.
    chances
        Ask for the probability of each class instead.

    Raises
    ------
    InvalidInput
        The input does not fit the signature, in a sentence for each column; or the model predicts
        nothing.
    """
    call = _call(model, chances)
    if signature is None:
        return call(data)
    records = isinstance(data, Mapping) or (
        isinstance(data, list) and bool(data) and isinstance(data[0], Mapping)
    )
    columns = not any(field.shape is not None for field in signature.inputs)
    if records and columns:
        data = as_frame(data, [field.name for field in signature.inputs])
    signature.require(data)
    return call(_ordered(data, [field.name for field in signature.inputs]) if columns else data)


def _call(model: Any, chances: bool) -> Any:
    name = type(model).__name__
    if chances:
        call = getattr(model, "predict_proba", None)
        if call is None:
            raise InvalidInput(f"A {name} gives no probabilities; `predict` says what it can say.")
        return call
    call = getattr(model, "predict", None) or getattr(model, "transform", None)
    if call is None:
        raise InvalidInput(f"A {name} has neither predict nor transform.")
    return call


def _ordered(data: Any, names: list[str]) -> Any:
    """Give a frame's columns as the model was fitted on them: by name, and no others.

    Estimators go by the place of a column, or refuse another order.
    """
    found = getattr(data, "columns", None)
    if found is None:
        return data
    has = [str(name) for name in found]
    if has == names or len(set(has)) < len(has) or not set(names) <= set(has):
        return data
    return data[names]
