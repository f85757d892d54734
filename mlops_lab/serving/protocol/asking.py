"""The client's side of the protocol: a frame becomes tensors, an answer becomes columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from mlops_lab.errors import InvalidInput
from mlops_lab.registry.fields import as_frame
from mlops_lab.serving.columns import as_objects
from mlops_lab.serving.outputs import PROBABILITY, Answer
from mlops_lab.serving.protocol.fault import ProtocolError
from mlops_lab.serving.protocol.request import HEADER, PREDICTION_ID
from mlops_lab.serving.protocol.tensors import (
    Tensor,
    datatype_of,
    from_bytes,
    from_json,
    to_bytes,
)

__all__ = ["read_answer", "write_request"]

_DATATYPES: Final[dict[frozenset[type], str]] = {
    frozenset({bool}): "BOOL",
    frozenset({int}): "INT64",
    frozenset({float}): "FP64",
    frozenset({int, float}): "FP64",
    frozenset(): "FP64",
}
"""What a list of Python's values is; all else goes as text."""

_ARRAY: Final = "input"


def write_request(
    data: Any, *, unit: str | None = None, outputs: Sequence[str] | None = None
) -> tuple[bytes, dict[str, str]]:
    """Write a request whose answer is to come as bytes.

    Parameters
    ----------
    data
        What the model takes: a frame of any kind, an array, records, texts.
    unit
        Whom it is about.
    outputs
        Which are wanted; default all.

    Returns
    -------
    body, headers

    Raises
    ------
    InvalidInput
        It is nothing that has rows.
    """
    records = isinstance(data, list) and bool(data) and isinstance(data[0], dict)
    frame = as_frame(data) if records or not isinstance(data, list) else None
    if frame is not None:
        given = {str(name): _values(frame.iloc[:, i]) for i, name in enumerate(frame.columns)}
        if len(given) < frame.shape[1]:
            raise InvalidInput("The frame has two columns of the same name.")
    else:
        given = {_ARRAY: _array(data)}
    inputs, tails = [], []
    for name, values in given.items():
        told, tail = _tensor(name, values)
        inputs.append(told)
        tails.append(tail)
    head: dict[str, Any] = {"parameters": {"binary_data_output": True}, "inputs": inputs}
    if unit is not None:
        head["parameters"]["unit"] = unit
    if outputs is not None:
        head["outputs"] = [{"name": name} for name in outputs]
    body = msgspec.json.encode(head)
    return b"".join((body, *tails)), {
        "content-type": "application/octet-stream",
        HEADER: str(len(body)),
    }


def read_answer(body: bytes, head_size: str | None) -> dict[str, Any]:
    """Read an answer: a column for each output, as `Answer.flat` names them.

    Parameters
    ----------
    body
        As it came.
    head_size
        The header Inference-Header-Content-Length, where some of it is bytes.

    Raises
    ------
    ProtocolError
        It is no answer of version 2.
    """
    size = len(body) if head_size is None else int(head_size)
    rest, at = memoryview(body)[size:], 0
    arrays: dict[str, Any] = {}
    classes: tuple[Any, ...] = ()
    try:
        for told in msgspec.json.decode(body[:size])["outputs"]:
            tensor = Tensor.of(told["name"], told["datatype"], told["shape"])
            parameters = told.get("parameters") or {}
            length = parameters.get("binary_data_size")
            if length is None:
                values = from_json(tensor, told["data"])
            else:
                values = from_bytes(tensor, rest[at : at + length])
                at += length
            arrays[tensor.name] = _restored(tensor, values)
            if tensor.name == PROBABILITY and "classes" in parameters:
                classes = tuple(json.loads(parameters["classes"]))
    except (KeyError, TypeError, ValueError, msgspec.DecodeError) as error:
        raise ProtocolError(502, f"the answer cannot be read: {error!r}.") from None
    ids = {name: arrays.pop(name) for name in (PREDICTION_ID,) if name in arrays}
    return ids | Answer(arrays, classes).flat()


def _restored(tensor: Tensor, values: Any) -> Any:
    import numpy as np

    if isinstance(values, list):
        texts = tensor.datatype == "BYTES" or (None in values and tensor.datatype == "BOOL")
        values = as_objects(values) if texts else np.array(values, dtype=_numpy(tensor, values))
    return values.reshape(tensor.shape)


def _numpy(tensor: Tensor, values: list[Any]) -> str:
    whole = "INT" in tensor.datatype and None not in values
    return "bool" if tensor.datatype == "BOOL" else tensor.datatype.lower() if whole else "float64"


def _tensor(name: str, values: Any) -> tuple[dict[str, Any], bytes]:
    """What the JSON says of a tensor, and the bytes that follow it: none where values may miss."""
    told: dict[str, Any] = {"name": name, "shape": list(values.shape), "parameters": {}}
    if values.dtype.kind in "mM":
        told["parameters"]["type"] = "time" if values.dtype.kind == "M" else "duration"
        values = _micros(values)
    if values.dtype != object:
        tail = to_bytes(values)
        told["parameters"]["binary_data_size"] = len(tail)
        return told | {"datatype": datatype_of(values)}, tail
    flat = [_plain(value) for value in values.ravel().tolist()]
    held = frozenset(map(type, flat)) - {type(None)}
    if held == {str} and None not in flat:
        tail = to_bytes(as_objects(flat))
        told["parameters"]["binary_data_size"] = len(tail)
        return told | {"datatype": "BYTES"}, tail
    if held - {str} and str in held:
        raise InvalidInput(f"{name!r} holds texts beside other values: an endpoint takes one kind.")
    return told | {"datatype": _DATATYPES.get(held, "BYTES"), "data": flat}, b""


def _values(series: Any) -> Any:
    """A column as an array: of numbers, of times, or of objects with None for what is missing."""
    import numpy as np
    import pandas as pd

    dtype = series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return series.to_numpy()
    if pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        if getattr(dtype, "tz", None) is not None:
            series = series.dt.tz_convert("UTC").dt.tz_localize(None)
        return series.to_numpy()
    return as_objects(series.to_numpy(dtype=object, na_value=None).tolist())


def _micros(values: Any) -> Any:
    """Times or durations as numbers of microseconds, None where one is missing."""
    import numpy as np

    micros = values.astype(f"{values.dtype.kind}8[us]").astype(np.int64)
    missing = np.isnat(values)
    return np.where(missing, None, micros.astype(object)) if missing.any() else micros


def _array(data: Any) -> Any:
    import numpy as np

    array = data.toarray() if hasattr(data, "toarray") else np.asarray(data)
    if array.ndim == 0:
        raise InvalidInput(f"An endpoint is asked about rows; got {data!r}.")
    return array if array.dtype.kind in "biuf" else array.astype(object)


def _plain(value: Any) -> Any:
    """A value as JSON has it; None where it is missing."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or value != value or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, (bool, int, float, str)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else float(value)
