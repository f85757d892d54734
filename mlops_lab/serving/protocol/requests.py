"""Reading a request: version 2 of the protocol with and without bytes, and what people write by
hand: pandas' split, records, instances.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import msgspec

from mlops_lab.errors import InvalidInput
from mlops_lab.serving.columns import Column, as_objects, take
from mlops_lab.serving.inputs import Rows, Schema
from mlops_lab.serving.outputs import PREDICTION, PROBABILITY
from mlops_lab.serving.protocol.fault import ProtocolError
from mlops_lab.serving.protocol.packing import Encoding, encoding_wanted, unpack
from mlops_lab.serving.protocol.tensors import Tensor, from_bytes, from_json
from mlops_lab.wording import counted, listed, quoted

__all__ = ["PREDICTION_ID", "Request", "Wanted", "parse"]

PREDICTION_ID: Final = "prediction_id"

_OUTPUTS: Final = (PREDICTION, PROBABILITY, PREDICTION_ID)
_LONGEST_ID: Final = 1_000
_HEADER: Final = "Inference-Header-Content-Length"
_TYPES: Final = ("", "application/json", "application/octet-stream", "text/plain")
_TENSOR_KEYS: Final = frozenset({"name", "shape", "datatype"})
_FORMS: Final = (
    '{"inputs": [{"name": …, "shape": […], "datatype": …, "data": […]}]}, '
    '{"inputs": [{"column": value}]}, {"dataframe_split": {"columns": […], "data": [[…]]}}, '
    '{"dataframe_records": [{"column": value}]} or {"instances": […]}'
)

Form = Literal["v2", "split", "records"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that a request asks for; `binary` as bytes, None as the request says of all."""

    name: str
    binary: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A request that was understood.

    Attributes
    ----------
    data
        What goes through the model.
    id
        What the client calls it; it is echoed.
    unit
        Whom it is about (``parameters.unit``), for a split of traffic that keeps people together.
    outputs
        What is asked for, in this order; None for all.
    binary
        Whether outputs are to be bytes, where they do not say it themselves.
    form
        How it was written: the answer is written likewise.
    encoding
        How the answer may be packed.
    extra
        Columns that the model does not take, as they came: a unit, a key for the truth. Lists, or
        arrays; of a tensor with ``parameters.type`` time or duration an array of such.
    """

    data: Rows
    id: str | None = None
    unit: str | None = None
    outputs: tuple[Wanted, ...] | None = None
    binary: bool = False
    form: Form = "v2"
    encoding: Encoding | None = None
    extra: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.data.count


def parse(body: bytes, headers: Mapping[str, str], *, schema: Schema, limit: int) -> Request:
    """Read the body of a request for predictions.

    Parameters
    ----------
    body
        As it came; at most `limit` bytes.
    headers
        By their names in lower case.
    schema
        What the model takes.
    limit
        The most bytes that the body may have, also when it is unpacked.

    Raises
    ------
    ProtocolError
        A sentence that says what is wrong with it: the column, its type and range, the value, and
        what is expected.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _TYPES and not kind.endswith(("+json", "form-urlencoded")):
        raise ProtocolError(
            415, f"The content type {kind[:60]!r} cannot be read: send application/json."
        )
    body = unpack(body, headers.get("content-encoding"), limit)
    head = headers.get(_HEADER.lower())
    size = len(body) if head is None else _header_size(head, len(body))
    value = _decode(body[:size])
    rest = memoryview(body)[size:] if head is not None else None
    try:
        request = _request(value, rest, schema)
    except InvalidInput as fault:
        raise ProtocolError(400, fault.message) from None
    except RecursionError:
        raise ProtocolError(400, "The body is nested too deeply.") from None
    if not request.rows:
        raise ProtocolError(400, "The request has no rows, so there is nothing to predict.")
    encoding = encoding_wanted(headers.get("accept-encoding"))
    return request if encoding is None else replace(request, encoding=encoding)


def _header_size(text: str, length: int) -> int:
    size = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not 0 < size <= length:
        raise ProtocolError(
            400,
            f"{_HEADER} is {text[:40]!r}; the length of the JSON in bytes is expected, at most the "
            f"body's {length:,}.",
        )
    return size


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise ProtocolError(400, f"The body is no UTF-8: {error.reason}.") from None
    except RecursionError:
        raise ProtocolError(400, "The body is nested too deeply.") from None
    except msgspec.DecodeError as error:
        raise ProtocolError(400, _malformed(body, str(error))) from None


def _malformed(body: bytes, message: str) -> str:
    """Say what is wrong with JSON; what Python writes for a missing number is known."""
    place = re.search(r"\(byte (\d+)\)", message)
    near = body[max(int(place[1]) - 1, 0) :][:9] if place else b""
    for word in (b"NaN", b"Infinity"):
        if word in near[: len(word) + 1]:
            return (
                f"The body holds {word.decode()} at byte {place[1] if place else 0}, which JSON "
                "does not know: a missing value is null."
            )
    if not body.strip():
        return f"The body is empty. Expected is {_FORMS}."
    return f"The body is no JSON: {message[:1].lower()}{message[1:]}."


def _request(value: Any, rest: memoryview | None, schema: Schema) -> Request:
    if isinstance(value, list):
        return Request(_instances(value, schema), form="records", extra=_beside(value, schema))
    if not isinstance(value, dict):
        raise ProtocolError(400, f"The body is {_noun(value)}. Expected is {_FORMS}.")
    parameters = value.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise ProtocolError(400, f"parameters is {_noun(parameters)}; an object is expected.")
    told: dict[str, Any] = {"id": _id(value.get("id")), "unit": _unit(parameters.get("unit"))}
    inputs = value.get("inputs")
    if isinstance(inputs, list) and _are_tensors(inputs):
        return _tensors(value, inputs, parameters, rest, schema, told)
    if rest is not None and len(rest):
        raise ProtocolError(400, f"{counted(len(rest), 'byte')} follow the JSON for no tensor.")
    if "dataframe_split" in value or {"columns", "data"} <= value.keys():
        split = value.get("dataframe_split", value)
        rows, extra = _split(split, schema)
        return Request(rows, form="split", extra=extra, **told)
    for key in ("dataframe_records", "inputs", "instances"):
        given = value.get(key)
        if isinstance(given, dict) and key == "inputs":
            rows, extra = _columns(given, schema)
            return Request(rows, form="records", extra=extra, **told)
        if key in value:
            if not isinstance(given, list):
                raise ProtocolError(400, f"{key} is {_noun(given)}; a list is expected.")
            extra = _beside(given, schema)
            return Request(_instances(given, schema), form="records", extra=extra, **told)
    keys = listed(map(quoted, value), 4)
    raise ProtocolError(400, f"The body has {keys}. Expected is {_FORMS}.")


# ---------------------------------------------------------------- version 2 of the protocol


def _are_tensors(inputs: list[Any]) -> bool:
    first = inputs[0] if inputs else {"name": ""}
    return isinstance(first, dict) and (
        not inputs
        or len(_TENSOR_KEYS & first.keys()) >= 2
        or ("name" in first and ("data" in first or "parameters" in first))
    )


def _tensors(
    value: dict[str, Any],
    inputs: list[Any],
    parameters: dict[str, Any],
    rest: memoryview | None,
    schema: Schema,
    told: dict[str, Any],
) -> Request:
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
            400, f"{tensor.told} is sent as bytes, but the header {_HEADER} is missing."
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
    return _beside_rows(schema.rows(columns), extra)


def _outputs(wanted: Any) -> tuple[Wanted, ...] | None:
    if not wanted:
        return None
    if not isinstance(wanted, list):
        raise ProtocolError(400, f"outputs is {_noun(wanted)}; a list is expected.")
    found: dict[str, Wanted] = {}
    for one in wanted:
        name = one.get("name") if isinstance(one, dict) else None
        if name not in _OUTPUTS:
            shown = quoted(name) if isinstance(name, str) else _noun(name)
            raise ProtocolError(400, f"There is no output {shown}; there are {listed(_OUTPUTS)}.")
        parameters = one.get("parameters")
        binary = parameters.get("binary_data") if isinstance(parameters, dict) else None
        found[name] = Wanted(name, binary if isinstance(binary, bool) else None)
    return tuple(found.values())


# ---------------------------------------------------------------- what people write by hand


def _split(split: Any, schema: Schema) -> tuple[Rows, dict[str, Sequence[Any]]]:
    data = split.get("data") if isinstance(split, dict) else None
    if not isinstance(data, list):
        raise ProtocolError(400, 'A split has "data", a list of rows, and "columns".')
    names = split.get("columns")
    if names is None:
        return schema.rows_of_array(data), {}
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ProtocolError(400, "columns is a list of the columns' names, as texts.")
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise ProtocolError(400, f"Column {quoted(twice)} is there twice.")
    for row, cells in enumerate(data):
        if not isinstance(cells, list) or len(cells) != len(names):
            has = counted(len(cells), "value") if isinstance(cells, list) else _noun(cells)
            raise ProtocolError(400, f"Row {row + 1} is {has} for {counted(len(names), 'column')}.")
    columns = {name: [cells[i] for cells in data] for i, name in enumerate(names)}
    return _columns(columns, schema)


def _columns(columns: Mapping[str, Any], schema: Schema) -> tuple[Rows, dict[str, Sequence[Any]]]:
    for name, values in columns.items():
        if not isinstance(values, list):
            raise ProtocolError(
                400, f"Column {quoted(name)} is {_noun(values)}; a list is expected."
            )
    if schema.container in ("array", "sparse"):
        # An array's columns have names in a frame: by their places they are what the model takes.
        return schema.rows_of_array([list(row) for row in zip(*columns.values(), strict=True)]), {}
    extra = {k: v for k, v in columns.items() if schema.by_name and k not in schema.by_name}
    return _beside_rows(schema.rows(columns), extra)


def _beside_rows(
    rows: Rows, extra: dict[str, Sequence[Any]]
) -> tuple[Rows, dict[str, Sequence[Any]]]:
    """Refuse what stands beside the model's columns and is no column of the same rows."""
    for name, values in extra.items():
        if len(values) != rows.count:
            raise InvalidInput(
                f"Column {quoted(name)} has {counted(len(values), 'row')}, the others have "
                f"{rows.count:,}: all must be equally long."
            )
    return rows, extra


def _instances(given: list[Any], schema: Schema) -> Rows:
    if all(isinstance(one, dict) for one in given):
        if schema.container not in ("frame", "open", "records"):
            raise ProtocolError(400, f"The model takes {schema.told()}, not columns by name.")
        return schema.rows_of_records(given)
    odd = next((i for i, one in enumerate(given) if isinstance(one, dict)), None)
    if odd is not None:
        raise ProtocolError(400, f"Row {odd + 1} is an object, other rows are not.")
    return schema.rows_of_array(given)


def _beside(given: list[Any], schema: Schema) -> dict[str, Sequence[Any]]:
    """What records hold beside the model's columns."""
    if schema.container != "frame" or not given or not isinstance(given[0], dict):
        return {}
    names = frozenset(schema.by_name)
    return {
        name: [one.get(name) if isinstance(one, dict) else None for one in given]
        for name in given[0]
        if name not in names
    }


def _id(value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or len(value) > _LONGEST_ID):
        raise ProtocolError(400, f"id is a text of at most {_LONGEST_ID:,} characters.")
    return value or None


def _unit(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, (str, int)) or isinstance(value, bool) or len(str(value)) > 1_000:
        raise ProtocolError(400, "parameters.unit is a text or a whole number, whom it is about.")
    return str(value)


def _noun(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", type(None): "missing"}
    return names.get(type(value), "a number" if type(value) in (int, float) else "true or false")
