"""Writing an answer, in the form that the request came in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from mlops_lab.serving.outputs import PROBABILITY, Answer
from mlops_lab.serving.protocol.fault import ProtocolError
from mlops_lab.serving.protocol.packing import pack
from mlops_lab.serving.protocol.request import HEADER, PREDICTION_ID, Request, Wanted
from mlops_lab.serving.protocol.tensors import datatype_of, to_bytes
from mlops_lab.wording import listed

__all__ = ["encode", "prediction_ids", "respond"]

_JSON: Final = "application/json"
_WORTH_PACKING: Final = 4_096
"""A shorter answer fits into a few packets: packing it costs more than it spares. In bytes."""

_encoder = msgspec.json.Encoder(enc_hook=str)


def encode(value: Any) -> bytes:
    """Write JSON: what is no finite number is null."""
    return _encoder.encode(value)


def prediction_ids(request_id: str, rows: int) -> list[str]:
    """Name each row's prediction: ``<request id>-<row>``, rows from 0."""
    return [f"{request_id}-{row}" for row in range(rows)]


def respond(
    request: Request,
    answer: Answer,
    *,
    model: str,
    version: int | str,
    request_id: str,
    revision: str,
    parameters: Mapping[str, bool | int | float | str] | None = None,
) -> tuple[bytes, dict[str, str]]:
    """Write the answer to a request.

    Parameters
    ----------
    request
        What was asked.
    answer
        What the model said, a row for each of the request's.
    model, version
        Who said it.
    request_id
        32 hexadecimal characters, made by the server.
    revision
        Which deployment of it answered.
    parameters
        More to say of the answer.

    Returns
    -------
    body, headers
        Headers of the content alone, by their names in lower case.

    Raises
    ------
    ProtocolError
        The model has no such output.
    """
    told = {"request_id": request_id, "revision": revision, **(parameters or {})}
    head: dict[str, Any] = {"model_name": model, "model_version": str(version)}
    if request.form == "v2":
        head |= {"id": request.id or request_id, "parameters": told}
        body, headers = _tensors(head, request, answer, request_id)
    else:
        head |= {} if request.id is None else {"id": request.id}
        body, headers = _table(head | told, request, answer, request_id)
    if request.encoding is not None and len(body) >= _WORTH_PACKING:
        body = pack(body, request.encoding)
        headers["content-encoding"] = request.encoding
        headers["vary"] = "accept-encoding"
    return body, headers


def _tensors(
    head: dict[str, Any], request: Request, answer: Answer, request_id: str
) -> tuple[bytes, dict[str, str]]:
    outputs, tails = [], []
    for wanted in request.outputs or [Wanted(name) for name in (*answer.columns, PREDICTION_ID)]:
        binary = request.binary if wanted.binary is None else wanted.binary
        values = _values(wanted.name, answer, request_id)
        one: dict[str, Any] = {
            "name": wanted.name,
            "datatype": datatype_of(values),
            "shape": list(values.shape),
        }
        if wanted.name == PROBABILITY and answer.classes:
            # A parameter is a text, a number or a boolean; the list of classes is JSON within.
            one["parameters"] = {"classes": encode(answer.classes).decode()}
        if binary:
            tails.append(to_bytes(values))
            one["parameters"] = {"binary_data_size": len(tails[-1]), **one.get("parameters", {})}
        else:
            one["data"] = _cells(values.ravel())
        outputs.append(one)
    body = encode(head | {"outputs": outputs})
    if not tails:
        return body, {"content-type": _JSON}
    return b"".join((body, *tails)), {
        "content-type": "application/octet-stream",
        HEADER: str(len(body)),
    }


def _table(
    head: dict[str, Any], request: Request, answer: Answer, request_id: str
) -> tuple[bytes, dict[str, str]]:
    columns = {name: _cells(values) for name, values in answer.flat().items()}
    columns = {PREDICTION_ID: prediction_ids(request_id, answer.count), **columns}
    rows = zip(*columns.values(), strict=True)
    predictions: Any
    if request.form == "split":
        predictions = {"columns": list(columns), "data": list(rows)}
    else:
        predictions = [dict(zip(columns, row, strict=True)) for row in rows]
    return encode(head | {"predictions": predictions}), {"content-type": _JSON}


def _values(name: str, answer: Answer, request_id: str) -> Any:
    import numpy as np

    if name == PREDICTION_ID:
        return np.array(prediction_ids(request_id, answer.count), dtype=object)
    if name not in answer.columns:
        known = listed([*answer.columns, PREDICTION_ID])
        raise ProtocolError(400, f"The model gives no {name!r}; it gives {known}.")
    return answer.columns[name]


def _cells(values: Any) -> list[Any]:
    """An array's values for JSON; times as ISO writes them."""
    if values.dtype.kind == "M":
        return [None if text == "NaT" else text for text in values.astype(str).tolist()]
    if values.dtype.kind == "m":
        return [None if text == "NaT" else text for text in map(str, values.tolist())]
    cells: list[Any] = values.tolist()
    return cells
