"""What no model should be given is refused: with a sentence, and before it costs anything."""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc
import zlib
from typing import Any

import pytest

from mlops_lab.serving.inputs import Schema
from mlops_lab.serving.protocol import ProtocolError, parse

LIMIT = 1 << 20
HEADER = "inference-header-content-length"


def refusal(body: Any, schema: Schema, headers: dict[str, str] | None = None) -> tuple[int, str]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ProtocolError) as caught:
        parse(data, headers or {}, schema=schema, limit=LIMIT)
    assert json.loads(caught.value.body()) == {"error": caught.value.message}
    assert len(caught.value.message) < 1_000
    return caught.value.status, caught.value.message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shape": [-1]}, "has the shape [-1]; a list of lengths from 0"),
        ({"shape": [2.5]}, "has the shape [2.5]"),
        ({"shape": [True]}, "has the shape [True]"),
        ({"shape": []}, "has the shape []"),
        ({"shape": "3"}, "has the shape '3'"),
        ({"shape": [10**12, 10**12]}, "that is 1,000,000,000,000,000,000,000,000 values; its data"),
        ({"shape": [1] * 40}, "more than 16 dimensions"),
        ({"shape": [2]}, "that is 2 values; its data has 3"),
        ({"shape": [1, 3]}, "a column has [rows] or [rows, 1]"),
        ({"shape": [3, 2], "data": [[1, 2], [3], [5, 6]]}, "nested data that is not of the shape"),
        ({"datatype": "INT128"}, "has the datatype 'INT128'; there are BOOL, UINT8"),
        ({"datatype": None}, "has the datatype null"),
        ({"datatype": "INT8", "data": [1, 2, 300]}, "300 in row 3; with the datatype INT8, whole"),
        ({"data": [1, 2, 7.5]}, "holds 7.5 in row 3; with the datatype INT64, whole numbers"),
        ({"data": [1, "x", 3]}, "holds 'x' in row 2"),
        ({"data": [1, "NaN", 3]}, "A missing value is null."),
        ({"data": [1, [2], 3]}, "holds [2] in row 2"),
        ({"data": None}, "has no data"),
        ({"datatype": "BYTES", "data": ["a", "b", "c"]}, "whole numbers are expected"),
        ({"datatype": "FP64", "data": [1, 2, 7.5]}, "holds 7.5 in row 3; whole numbers"),
        ({"datatype": "BOOL", "data": [1, 0, 1]}, "with the datatype BOOL, true or false"),
        ({"name": 7}, "Input 3 has no name"),
        ({"name": "carrier"}, "'carrier' is there twice"),
        ({"name": "hours"}, "Column 'hour' (integer, 0 to 23 in the example) is missing; there is"),
        ({"parameters": {"binary_data_size": 24}}, "Inference-Header-Content-Length is missing"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(
    change: dict[str, Any], said: str, tensors: list[dict[str, Any]], schema: Schema
) -> None:
    tensors[2] |= change

    status, message = refusal({"inputs": tensors}, schema)

    assert status == 400
    assert said in message
    if not {"name"} & change.keys():
        assert "Column 'hour' (integer, 0 to 23 in the example)" in message


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("temp", "warm", "Column 'temp' (number, −2 to 1.5 in the example) holds 'warm' in row 2"),
        ("temp", "nan", "A missing value is null."),
        ("temp", {"a": 1}, "holds an object in row 2; numbers are expected"),
        ("temp", 10**400, "a number of 401 digits in row 2"),
        ("hour", 7.5, "holds 7.5 in row 2; whole numbers are expected"),
        ("hour", 10**20, "a number of 21 digits in row 2"),
        ("hour", [1], "holds a list in row 2"),
        ("carrier", 7, "Column 'carrier' (text) holds 7 in row 2; texts are expected"),
        ("gate", 7, "Column 'gate' (category, A and B in the example) holds 7 in row 2"),
        ("weekend", 1, "holds 1 in row 2; true or false are expected"),
        ("at", "soon", "holds 'soon' in row 2; times, as"),
        ("at", True, "holds true in row 2"),
        ("at", "now", "holds 'now' in row 2"),
        ("at", "02/03/2013", "holds '02/03/2013' in row 2"),
        ("at", 10**30, "in row 2; times"),
    ],
)
def test_a_value_of_another_type_is_named(
    column: str, value: Any, said: str, records: list[dict[str, Any]], schema: Schema
) -> None:
    records[1][column] = value

    status, message = refusal(records, schema)

    assert (status, said in message) == (400, True), message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "The body is empty"),
        (b"7", "The body is a number"),
        (b"{", "is no JSON"),
        (b"{}", "Expected is"),
        (b'{"inputs": 7}', "inputs is a number; a list is expected"),
        (b'{"inputs": []}', "inputs is empty"),
        (b"[]", "no rows"),
        (b"[1, {}]", "Row 2 is an object, other rows are not"),
        (b'[{"hour": NaN}]', "NaN at byte 10, which JSON does not know: a missing value is null"),
        (b'[{"hour": -Infinity}]', "holds Infinity"),
        (b'[{"hour": 1e999}]', "Number out of range".lower()),
        (b'[{"hour": "\xff"}]', "no UTF-8"),
        (b'{"inputs": "\xed\xa0\x80"}', "no UTF-8"),
        (b"[" * 500_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"dataframe_split": 7}', "a list of rows"),
        (b'{"columns": ["a", "a"], "data": []}', "'a' is there twice"),
        (b'{"columns": ["a", "b"], "data": [[1, 2], [3]]}', "Row 2 is 1 value for 2 columns"),
        (b'{"columns": ["a"], "data": [[1], 3]}', "Row 2 is a number for 1 column"),
        (b'{"columns": [1], "data": []}', "as texts"),
        (b'{"instances": [[1, 2]]}', "send them by name"),
        (b'{"inputs": {"hour": 3}}', "Column 'hour' is a number; a list is expected"),
        (b'{"id": 7, "instances": []}', "id is a text"),
        (b'{"parameters": [], "instances": 7}', "instances is a number"),
        (b'{"parameters": {"unit": []}, "instances": []}', "parameters.unit"),
    ],
)
def test_what_is_no_request_is_refused(body: bytes, said: str, schema: Schema) -> None:
    status, message = refusal(body, schema)

    assert (status, said in message) == (400, True), message


def test_a_record_without_a_column_is_named(records: list[dict[str, Any]], schema: Schema) -> None:
    del records[1]["temp"]

    assert "is missing in row 2; a missing value is null" in refusal(records, schema)[1]


def test_every_column_that_lacks_is_named(schema: Schema) -> None:
    message = refusal([{"carier": "EV"}], schema)[1]

    assert "Column 'carrier' (text) is missing; there is 'carier'." in message
    assert "Column 'at' (time) is missing." in message


def test_an_unknown_output_is_refused(tensors: list[dict[str, Any]], schema: Schema) -> None:
    body = {"inputs": tensors, "outputs": [{"name": "score"}]}

    assert "There is no output 'score'; there are prediction" in refusal(body, schema)[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda body, head: (body[:-1], head), "are left of the body"),
        (lambda body, head: (body + b"x", head), "88 bytes follow"),
        (lambda body, head: (body, -1), "Inference-Header-Content-Length is '-1'"),
        (lambda body, head: (body, 10**9), "the length of the JSON in bytes is expected"),
        (lambda body, head: (body, head - 1), "is no JSON"),
        (lambda body, head: (body.replace(b'"INT64"', b'"INT32"'), head), "that is 12 bytes"),
        (lambda body, head: (body.replace(b": 24}", b": 23}"), head), "that is 24 bytes"),
    ],
)
def test_bytes_that_do_not_fit_their_header_are_refused(
    change: Any, said: str, packed: tuple[bytes, dict[str, str]], schema: Schema
) -> None:
    body, size = change(packed[0], int(packed[1][HEADER]))

    status, message = refusal(body, schema, {HEADER: str(size)})

    assert (status, said in message) == (400, True), message


@pytest.mark.parametrize(
    ("tail", "said"),
    [
        (b"\x02\x00\x00\x00\xff\xfe", "holds bytes in row 1 that are no UTF-8 text"),
        (b"\xff\xff\xff\xff\x61", "ends within the text of row 1"),
        (b"\x01\x00", "ends within the text of row 1"),
        (b"\x01\x00\x00\x00a\x01\x00\x00\x00b", "that is 1 texts; its bytes hold 2"),
    ],
)
def test_texts_as_bytes_are_checked(tail: bytes, said: str, schema: Schema) -> None:
    tensor = {"name": "carrier", "shape": [1], "datatype": "BYTES"}
    tensor["parameters"] = {"binary_data_size": len(tail)}
    head = json.dumps({"inputs": [tensor]}).encode()

    status, message = refusal(head + tail, schema, {HEADER: str(len(head))})

    assert (status, said in message) == (400, True), message


def test_a_bomb_is_never_held(schema: Schema) -> None:
    bomb = gzip.compress(b"0" * (64 << 20), 1)
    tracemalloc.start()
    try:
        status, message = refusal(bomb, schema, {"content-encoding": "gzip"})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (status, "more than 1,048,576 bytes" in message) == (413, True)
    assert peak < 4 * LIMIT


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-encoding": "br"}, 415),
        ({"content-encoding": "gzip"}, 400),
        ({"content-encoding": "deflate"}, 400),
        ({"content-type": "text/csv"}, 415),
        ({"content-type": "multipart/form-data; boundary=x"}, 415),
        ({HEADER: "x"}, 400),
    ],
)
def test_other_formats_are_refused(headers: dict[str, str], status: int, schema: Schema) -> None:
    assert refusal(b"[{}]", schema, headers)[0] == status


def test_a_packed_body_that_ends_too_early_is_refused(schema: Schema) -> None:
    body = zlib.compress(b"[]" * 100)[:-5]

    assert "ends too early" in refusal(body, schema, {"content-encoding": "deflate"})[1]


def test_whatever_bytes_come_only_a_refusal_goes(
    tensors: list[dict[str, Any]],
    records: list[dict[str, Any]],
    packed: tuple[bytes, dict[str, str]],
    schema: Schema,
) -> None:
    draw = random.Random(7)
    bodies = [json.dumps(records).encode(), json.dumps({"inputs": tensors}).encode(), packed[0]]
    spare = [b"null", b"-1", b"[", b"]", b"{}", b'""', b"1e30", b"true", b"\x00", b"\xff", b","]
    refused = 0
    for _ in range(1_500):
        body = bytearray(draw.choice(bodies))
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(body))
            body[at : at + draw.randint(0, 4)] = draw.choice(spare)
        headers = dict(packed[1]) if draw.random() < 0.4 else {}
        try:
            parse(bytes(body), headers, schema=schema, limit=LIMIT)
        except ProtocolError:
            refused += 1
    assert refused > 1_000
