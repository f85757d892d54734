"""Reading the body of a request, whichever form it has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from mlops_lab.errors import InvalidInput
from mlops_lab.serving.inputs import Schema
from mlops_lab.serving.protocol.by_hand import read_columns, read_rows, read_split
from mlops_lab.serving.protocol.by_tensors import are_tensors, read_tensors
from mlops_lab.serving.protocol.fault import ProtocolError
from mlops_lab.serving.protocol.packing import encoding_wanted, unpack
from mlops_lab.serving.protocol.request import HEADER, Request, noun_of
from mlops_lab.wording import counted, listed, quoted

__all__ = ["parse"]

_LONGEST_ID: Final = 1_000
_TYPES: Final = ("", "application/json", "application/octet-stream", "text/plain")
_FORMS: Final = (
    '{"inputs": [{"name": …, "shape": […], "datatype": …, "data": […]}]}, '
    '{"inputs": [{"column": value}]}, {"dataframe_split": {"columns": […], "data": [[…]]}}, '
    '{"dataframe_records": [{"column": value}]} or {"instances": […]}'
)


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
    head = headers.get(HEADER)
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
            f"{HEADER.title()} is {text[:40]!r}; the length of the JSON in bytes is expected, at "
            f"most the body's {length:,}.",
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
        rows, extra = read_rows(value, schema)
        return Request(rows, form="records", extra=extra)
    if not isinstance(value, dict):
        raise ProtocolError(400, f"The body is {noun_of(value)}. Expected is {_FORMS}.")
    parameters = value.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise ProtocolError(400, f"parameters is {noun_of(parameters)}; an object is expected.")
    told: dict[str, Any] = {"id": _id(value.get("id")), "unit": _unit(parameters.get("unit"))}
    inputs = value.get("inputs")
    if isinstance(inputs, list) and are_tensors(inputs):
        return read_tensors(value, inputs, parameters, rest, schema, told)
    if rest is not None and len(rest):
        raise ProtocolError(400, f"{counted(len(rest), 'byte')} follow the JSON for no tensor.")
    if "dataframe_split" in value or {"columns", "data"} <= value.keys():
        split = value.get("dataframe_split", value)
        rows, extra = read_split(split, schema)
        return Request(rows, form="split", extra=extra, **told)
    for key in ("dataframe_records", "inputs", "instances"):
        given = value.get(key)
        if isinstance(given, dict) and key == "inputs":
            rows, extra = read_columns(given, schema)
            return Request(rows, form="records", extra=extra, **told)
        if key in value:
            if not isinstance(given, list):
                raise ProtocolError(400, f"{key} is {noun_of(given)}; a list is expected.")
            rows, extra = read_rows(given, schema)
            return Request(rows, form="records", extra=extra, **told)
    keys = listed(map(quoted, value), 4)
    raise ProtocolError(400, f"The body has {keys}. Expected is {_FORMS}.")


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
