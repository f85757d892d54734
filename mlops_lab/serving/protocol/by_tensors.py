"""Reading version 2 of the protocol: tensors by name, as JSON or as bytes behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mlops_lab.serving.columns import Column, as_objects, take
from mlops_lab.serving.inputs import Rows, Schema
from mlops_lab.serving.outputs import PREDICTION, PROBABILITY
from mlops_lab.serving.protocol.fault import ProtocolError
from mlops_lab.serving.protocol.request import (
    HEADER,
    PREDICTION_ID,
    Request,
    Wanted,
    beside_rows,
    noun_of,
)
from mlops_lab.serving.protocol.tensors import Tensor, from_bytes, from_json
from mlops_lab.wording import counted, listed, quoted

__all__ = ["are_tensors", "read_tensors"]

_OUTPUTS: Final = (PREDICTION, PROBABILITY, PREDICTION_ID)
_TENSOR_KEYS: Final = frozenset({"name", "shape", "datatype"})


def are_tensors(inputs: list[Any]) -> bool:
    """Say whether inputs are meant as tensors, not as records."""
    first = inputs[0] if inputs else {"name": ""}
    return isinstance(first, dict) and (
        not inputs
        or len(_TENSOR_KEYS & first.keys()) >= 2
        or ("name" in first and ("data" in first or "parameters" in first))
    )


def read_tensors(
    value: dict[str, Any],
    inputs: list[Any],
    parameters: dict[str, Any],
    rest: memoryview | None,
    schema: Schema,
    told: dict[str, Any],
) -> Request:
    """Read tensors, and what is asked of the answer.

    Parameters
    ----------
    value, inputs, parameters
        The request's JSON, and its parts.
    rest
        The bytes behind the JSON; None where it has no length of its own.
    schema
        What the model takes.
    told
        What else is known of the request.

    Raises
    ------
    ProtocolError, InvalidInput
        A tensor is none, or the model does not take it.
    """
    if not inputs:
        raise ProtocolError(400, f"inputs is empty; the model takes {schema.told()}.")
    tensors: dict[str, tuple[Tensor, Any]] = {}
    moments: dict[str, str] = {}
    at = 0
    for i, one in enumerate(inputs):
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str):
            raise ProtocolError(400, f"Input {i + 1} has no name that is a text.")
        if name in tensors:
            raise ProtocolError(400, f"Input {quoted(name)} is there twice.")
        column = schema.by_name.get(name)
        tensor = Tensor.of(name, one.get("datatype"), one.get("shape"), column)
        own = one.get("parameters")
        size = own.get("binary_data_size") if isinstance(own, dict) else None
        if column is None and isinstance(own, dict) and own.get("type") in ("time", "duration"):
            moments[name] = own["type"]
        if size is None:
            tensors[name] = tensor, from_json(tensor, one.get("data"))
            continue
        tensors[name] = tensor, from_bytes(tensor, _bytes_of(tensor, size, rest, at, one))
        at += size
    if rest is not None and at != len(rest):
        raise ProtocolError(
            400,
            f"{counted(len(rest), 'byte')} follow the JSON; the inputs' binary_data_size together "
            f"are {at:,}.",
        )
    rows, extra = _rows_of_tensors(tensors, schema)
    for name, kind in moments.items():
        if name in extra:
            extra[name] = take(Column(name, kind), extra[name])
    binary = parameters.get("binary_data_output") is True
    return Request(rows, outputs=_outputs(value.get("outputs")), binary=binary, extra=extra, **told)


def _bytes_of(
    tensor: Tensor, size: Any, rest: memoryview | None, at: int, one: dict[str, Any]
) -> memoryview:
    if rest is None:
        raise ProtocolError(
            400, f"{tensor.told} is sent as bytes, but the header {HEADER.title()} is missing."
        )
    if type(size) is not int or size < 0:
        raise ProtocolError(400, f"{tensor.told} has no number of bytes as binary_data_size.")
    if one.get("data") is not None:
        raise ProtocolError(400, f"{tensor.told} has data in the JSON and as bytes; send one.")
    if at + size > len(rest):
        raise ProtocolError(
            400,
            f"{tensor.told} is to have {size:,} bytes; {len(rest) - at:,} are left of the body.",
        )
    return rest[at : at + size]


def _rows_of_tensors(
    tensors: Mapping[str, tuple[Tensor, Any]], schema: Schema
) -> tuple[Rows, dict[str, Sequence[Any]]]:
    first, values = next(iter(tensors.values()))
    alone = len(tensors) == 1 and first.name not in schema.by_name
    if schema.container in ("array", "sparse") or (
        alone and (schema.container == "open" or len(first.shape) > 1)
    ):
        name = schema.cells.name if schema.cells is not None else first.name
        if not alone and name not in tensors:
            raise ProtocolError(
                400,
                f"The model takes {schema.told()}, one input {quoted(name)}; got "
                f"{listed(map(quoted, tensors), 4)}.",
            )
        tensor, values = tensors.get(name, (first, values))
        shape = tensor.shape
        if len(shape) == 2 and shape[1] == 1 and len(schema.shape) == 1:
            shape = shape[:1]
        table = as_objects(values) if isinstance(values, list) else values
        return schema.rows_of_array(table.reshape(shape)), {}
    columns: dict[str, Any] = {}
    extra: dict[str, Sequence[Any]] = {}
    for name, (tensor, values) in tensors.items():
        flat = tensor.size == tensor.shape[0]
        if not flat and (name in schema.by_name or schema.container == "open"):
            raise ProtocolError(
                400,
                f"{tensor.told} has the shape {list(tensor.shape)}; a column has [rows] or "
                "[rows, 1].",
            )
        if name in schema.by_name or schema.container == "open":
            columns[name] = values
        elif flat:
            extra[name] = values
    if schema.container == "frame":
        schema.require(columns, extra)
    return beside_rows(schema.rows(columns), extra)


def _outputs(wanted: Any) -> tuple[Wanted, ...] | None:
    if not wanted:
        return None
    if not isinstance(wanted, list):
        raise ProtocolError(400, f"outputs is {noun_of(wanted)}; a list is expected.")
    found: dict[str, Wanted] = {}
    for one in wanted:
        name = one.get("name") if isinstance(one, dict) else None
        if name not in _OUTPUTS:
            shown = quoted(name) if isinstance(name, str) else noun_of(name)
            raise ProtocolError(400, f"There is no output {shown}; there are {listed(_OUTPUTS)}.")
        parameters = one.get("parameters")
        binary = parameters.get("binary_data") if isinstance(parameters, dict) else None
        found[name] = Wanted(name, binary if isinstance(binary, bool) else None)
    return tuple(found.values())
