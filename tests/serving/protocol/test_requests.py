"""Every form of a request becomes the same rows."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_lab.registry.signature import infer
from mlops_lab.serving.inputs import Schema
from mlops_lab.serving.protocol import ProtocolError, Request, parse
from mlops_lab.serving.protocol.asking import write_request

LIMIT = 1 << 20
Records = list[dict[str, Any]]


def read(body: Any, schema: Schema, **headers: str) -> Request:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return parse(data, named, schema=schema, limit=LIMIT)


def split(records: Records) -> dict[str, Any]:
    return {"columns": list(records[0]), "data": [list(one.values()) for one in records]}


def columns(records: Records) -> dict[str, Any]:
    return {name: [one[name] for one in records] for name in records[0]}


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("records", lambda records: records),
        ("records", lambda records: {"inputs": records}),
        ("records", lambda records: {"inputs": columns(records)}),
        ("records", lambda records: {"instances": records}),
        ("records", lambda records: {"dataframe_records": records}),
        ("split", split),
        ("split", lambda records: {"dataframe_split": split(records)}),
        ("records", lambda records: [dict(reversed(one.items())) for one in records]),
    ],
)
def test_what_people_write_becomes_the_models_frame(
    form: str, body: Callable[[Records], Any], records: Records, schema: Schema, frame: Any
) -> None:
    request = read(body(records), schema)

    assert (request.form, request.rows) == (form, 3)
    pd.testing.assert_frame_equal(request.data.given(), as_fitted(frame))


def test_tensors_in_json_become_the_models_frame(
    tensors: Records, schema: Schema, frame: pd.DataFrame
) -> None:
    tensors[0]["data"], tensors[0]["shape"] = [[x] for x in tensors[0]["data"]], [3, 1]

    request = read({"id": "7", "inputs": tensors[::-1]}, schema)

    assert (request.form, request.id, request.rows) == ("v2", "7", 3)
    pd.testing.assert_frame_equal(request.data.given(), as_fitted(frame))


def test_tensors_as_bytes_become_the_models_frame(
    packed: tuple[bytes, dict[str, str]], schema: Schema, frame: pd.DataFrame
) -> None:
    body, headers = packed

    request = parse(body, headers, schema=schema, limit=LIMIT)

    pd.testing.assert_frame_equal(request.data.given(), as_fitted(frame))


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", lambda body: gzip.compress(body[:50]) + gzip.compress(body[50:])),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body, wbits=-15)),
        ("identity", bytes),
    ],
)
def test_packed_bodies_are_unpacked(
    encoding: str, pack: Callable[[bytes], bytes], records: Records, schema: Schema
) -> None:
    body = pack(json.dumps(records).encode())

    assert read(body, schema, content_encoding=encoding).rows == 3


def test_what_a_request_says_beside_its_rows_is_kept(tensors: Records, schema: Schema) -> None:
    tensors.append({"name": "tailnum", "shape": [3], "datatype": "BYTES", "data": ["a", "b", "c"]})
    body = {
        "id": "x",
        "parameters": {"unit": 9, "binary_data_output": True},
        "inputs": tensors,
        "outputs": [{"name": "prediction", "parameters": {"binary_data": False}}],
    }

    request = read(body, schema, accept_encoding="br, gzip")

    assert (request.unit, request.binary, request.encoding) == ("9", True, "gzip")
    assert [(one.name, one.binary) for one in request.outputs or ()] == [("prediction", False)]
    assert list(request.extra["tailnum"]) == ["a", "b", "c"]


def test_columns_beside_those_of_records_and_split_are_kept(
    records: Records, schema: Schema
) -> None:
    wider = [{**one, "flight": row} for row, one in enumerate(records)]

    assert read(wider, schema).extra == {"flight": [0, 1, 2]}
    assert read(split(wider), schema).extra == {"flight": [0, 1, 2]}


def test_times_beside_the_models_columns_stay_times(frame: pd.DataFrame, schema: Schema) -> None:
    wider = frame.assign(seen=frame["at"], lasted=pd.to_timedelta([1, None, 2], unit="h"))
    body, headers = write_request(wider)

    extra = parse(body, headers, schema=schema, limit=LIMIT).extra

    seen = pd.Series(extra["seen"]).dt.tz_localize("UTC")
    pd.testing.assert_series_equal(seen, wider["seen"], check_names=False, check_dtype=False)
    assert pd.Series(extra["lasted"]).equals(wider["lasted"].astype("m8[us]"))


def test_a_column_beside_them_of_another_length_is_refused(
    tensors: Records, schema: Schema
) -> None:
    tensors.append({"name": "tailnum", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]})

    with pytest.raises(ProtocolError, match="'tailnum' has 2 rows, the others have 3"):
        read({"inputs": tensors}, schema)


@pytest.mark.parametrize("values", [[[1.0, 2.0], [3.0, None]], [[1, 2], [3, 4]]])
def test_arrays_reach_a_model_that_takes_one(values: list[list[Any]]) -> None:
    example = np.array([[0.0, 1.0], [2.0, np.nan]])
    schema = Schema.of(infer(example, [1, 0]), example)
    tensor = {"name": "input-0", "shape": [2, 2], "datatype": "FP64", "data": values}
    expected = np.array(values, dtype=float)

    for body in ({"instances": values}, {"inputs": values}, {"inputs": [tensor]}):
        np.testing.assert_array_equal(read(body, schema).data.given(), expected)
    with pytest.raises(ProtocolError, match=r"shape \(any, 2\); got an array of shape \(2, 3\)"):
        read({"instances": [[1, 2, 3]] * 2}, schema)


def test_texts_reach_a_model_that_takes_texts() -> None:
    schema = Schema.of(infer(["late", "in time"], [1, 0]), ["late", "in time"])
    tensor = {"name": "texts", "shape": [2, 1], "datatype": "BYTES", "data": ["ü", "b"]}

    assert list(read({"inputs": [tensor]}, schema).data.given()) == ["ü", "b"]
    assert list(read({"instances": ["ü", "b"]}, schema).data.given()) == ["ü", "b"]


def test_a_table_without_names_goes_by_place_where_all_columns_are_numbers() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4]})
    schema = Schema.of(infer(frame, [1, 0]), frame)
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [0.5, 7]}

    given = read({"inputs": [tensor]}, schema).data.given()

    pd.testing.assert_frame_equal(given, pd.DataFrame({"a": [0.5], "b": [7]}))


def test_without_a_signature_everything_goes_through(records: Records) -> None:
    assert list(read(records, Schema()).data.given()) == list(records[0])
    tensor = {"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]}
    assert read({"inputs": [tensor]}, Schema()).data.given().shape == (2, 2)


def as_fitted(frame: pd.DataFrame) -> pd.DataFrame:
    """What scikit-learn sees: a whole number that may be missing is a number there."""
    return frame.assign(seats=frame["seats"].to_numpy(dtype=float, na_value=np.nan))
