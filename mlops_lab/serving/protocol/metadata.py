"""What a server and a model say of themselves, in the protocol's words."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final

from mlops_lab.registry.signature import Signature
from mlops_lab.serving.columns import Column
from mlops_lab.serving.inputs import Schema
from mlops_lab.serving.outputs import PREDICTION, PROBABILITY
from mlops_lab.serving.protocol.request import PREDICTION_ID

__all__ = ["model_metadata", "server_metadata"]

_DATATYPES: Final = {"boolean": "BOOL", "integer": "INT64", "number": "FP64"}


def server_metadata() -> dict[str, Any]:
    """Give the answer to ``GET /v2``."""
    return {
        "name": "mlops-lab",
        "version": version("mlops-lab"),
        "extensions": ["binary_tensor_data"],
    }


def model_metadata(
    name: str,
    versions: Sequence[int | str],
    platform: str,
    schema: Schema,
    signature: Signature | None,
    *,
    classes: Sequence[Any] = (),
) -> dict[str, Any]:
    """Give the answer to ``GET /v2/models/<name>``.

    Parameters
    ----------
    name
        What the model is called in the address.
    versions
        Those that can be asked for.
    platform
        The backend: ``sklearn``, ``onnx``.
    schema, signature
        What it takes and gives.
    classes
        Those whose probabilities it gives.
    """
    inputs: list[dict[str, Any]] = [_input(column, [-1]) for column in schema.columns]
    if schema.cells is not None:
        inputs = [_input(schema.cells, [-1 if n is None else n for n in schema.shape])]
    outputs = []
    for field in signature.outputs if signature is not None else ():
        if field.name == PREDICTION or len(signature.outputs) == 1:  # type: ignore[union-attr]
            shape = [-1 if n is None else n for n in field.shape or (None,)]
            shape = shape[:1] if shape[1:] == [1] else shape
            outputs.append(_tensor(PREDICTION, _DATATYPES.get(field.type, "BYTES"), shape))
    if not outputs:
        width = len(signature.outputs) if signature is not None else 0
        outputs = [_tensor(PREDICTION, "FP64", [-1, width] if width > 1 else [-1])]
    if classes:
        outputs.append(_tensor(PROBABILITY, "FP64", [-1, len(classes)]))
    outputs.append(_tensor(PREDICTION_ID, "BYTES", [-1]))
    return {
        "name": name,
        "versions": [str(one) for one in versions],
        "platform": platform,
        "inputs": inputs,
        "outputs": outputs,
    }


def _tensor(name: str, datatype: str, shape: list[int]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape}


def _input(column: Column, shape: list[int]) -> dict[str, Any]:
    kind = column.kind if column.type == "category" else column.type
    datatype = _DATATYPES.get(kind, "BYTES")
    if column.dtype == "float32" and kind == "number":
        datatype = "FP32"
    told = {"type": column.type, **({"range": column.span} if column.span else {})}
    return {**_tensor(column.name, datatype, shape), "parameters": told}
