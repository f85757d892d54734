"""Answers: in the form of the request, valid JSON whatever the model said."""

from __future__ import annotations

import gzip
import json
from typing import Any

import numpy as np
import pytest

from mlops_lab.registry.signature import infer
from mlops_lab.serving.backends import Result
from mlops_lab.serving.inputs import Rows, Schema
from mlops_lab.serving.outputs import Answer, WrongAnswer, answer
from mlops_lab.serving.protocol import (
    ProtocolError,
    Request,
    Wanted,
    model_metadata,
    respond,
    server_metadata,
)

ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def said() -> Answer:
    chances = np.array([[0.25, 0.75], [np.nan, np.inf]])
    labels = np.array(["in time", "spät"], dtype=object)
    return answer(Result(np.array(["spät", None], dtype=object), chances, labels), 2)


def ask(**told: Any) -> Request:
    return Request(Rows(Schema(), 2, {}), **told)


def reply(request: Request, said: Answer) -> tuple[bytes, dict[str, str]]:
    return respond(request, said, model="late", version=3, request_id=ID, revision="r2")


def test_version_2_gives_every_output_and_null_for_what_is_no_number(said: Answer) -> None:
    body, headers = reply(ask(id="7"), said)
    told = json.loads(body)

    assert headers == {"content-type": "application/json"}
    assert (told["model_name"], told["model_version"], told["id"]) == ("late", "3", "7")
    assert told["parameters"] == {"request_id": ID, "revision": "r2"}
    assert told["outputs"] == [
        {"name": "prediction", "datatype": "BYTES", "shape": [2], "data": ["spät", None]},
        {
            "name": "probability",
            "datatype": "FP64",
            "shape": [2, 2],
            "parameters": {"classes": '["in time","spät"]'},
            "data": [0.25, 0.75, None, None],
        },
        {
            "name": "prediction_id",
            "datatype": "BYTES",
            "shape": [2],
            "data": [f"{ID}-0", f"{ID}-1"],
        },
    ]


def test_bytes_follow_in_the_order_of_what_was_asked(said: Answer) -> None:
    wanted = (Wanted("probability", True), Wanted("prediction", False), Wanted("prediction_id"))

    body, headers = reply(ask(outputs=wanted, binary=True), said)

    size = int(headers["inference-header-content-length"])
    outputs = json.loads(body[:size])["outputs"]
    assert [one["name"] for one in outputs] == ["probability", "prediction", "prediction_id"]
    assert outputs[0]["parameters"]["binary_data_size"] == 32
    np.testing.assert_array_equal(
        np.frombuffer(body[size : size + 32], "<f8"), said.columns["probability"].ravel()
    )
    assert body[size + 32 :].startswith(b"\x22\x00\x00\x00" + ID.encode())


def test_records_and_split_have_a_column_for_each_class(said: Answer) -> None:
    records = json.loads(reply(ask(form="records", id="x"), said)[0])
    split = json.loads(reply(ask(form="split"), said)[0])

    first = records["predictions"][0]
    assert (records["id"], records["request_id"], records["revision"]) == ("x", ID, "r2")
    assert first == {
        "prediction_id": f"{ID}-0",
        "prediction": "spät",
        "probability_in time": 0.25,
        "probability_spät": 0.75,
    }
    assert split["predictions"]["columns"] == list(first)
    assert split["predictions"]["data"][0] == list(first.values())


def test_long_answers_are_packed_where_that_is_wanted() -> None:
    long = answer(Result(np.arange(5_000)), 5_000)

    body, headers = reply(ask(form="records", encoding="gzip"), long)

    assert headers["content-encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(body))["predictions"]) == 5_000
    assert "content-encoding" not in reply(ask(encoding="gzip"), long.slice(0, 2))[1]


def test_an_output_that_the_model_does_not_give_is_refused() -> None:
    with pytest.raises(ProtocolError, match="no 'probability'; it gives prediction"):
        reply(ask(outputs=(Wanted("probability"),)), answer(Result(np.array([1.0, 2.0])), 2))


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (Result(np.array([1, 2, 3])), "3 rows of prediction for 2 rows"),
        (Result(np.float64(3)), "one value of prediction"),
        (Result(np.array([1, 2]), np.zeros((1, 2)), [0, 1]), "1 row of probability"),
        (Result(np.array([1, 2]), np.zeros((2, 3)), [0, 1]), "shape (2, 3) for 2 classes"),
    ],
)
def test_what_is_no_answer_is_said(result: Result, said: str) -> None:
    with pytest.raises(WrongAnswer) as caught:
        answer(result, 2)

    assert said in str(caught.value)


def test_every_dtype_has_its_datatype() -> None:
    for dtype, datatype in {
        "bool": "BOOL",
        "int8": "INT8",
        "uint64": "UINT64",
        "float16": "FP16",
        ">f4": "FP32",
        "<U3": "BYTES",
        "datetime64[us]": "BYTES",
    }.items():
        said = answer(Result(np.array([1, 0]).astype(dtype)), 2)
        for binary in (False, True):
            body, headers = reply(ask(binary=binary, outputs=(Wanted("prediction"),)), said)
            size = int(headers.get("inference-header-content-length", len(body)))
            assert json.loads(body[:size])["outputs"][0]["datatype"] == datatype


def test_metadata_has_a_tensor_for_each_column(schema: Schema, frame: Any) -> None:
    told = model_metadata("late", [3], "onnx", schema, infer(frame, [1]), classes=("a", "b"))

    assert [one["datatype"] for one in told["inputs"]] == [
        "BYTES",
        "BYTES",
        "INT64",
        "INT64",
        "FP64",
        "FP32",
        "BOOL",
        "BYTES",
    ]
    assert {tuple(one["shape"]) for one in told["inputs"]} == {(-1,)}
    assert [(one["name"], one["datatype"], one["shape"]) for one in told["outputs"]] == [
        ("prediction", "INT64", [-1]),
        ("probability", "FP64", [-1, 2]),
        ("prediction_id", "BYTES", [-1]),
    ]
    assert "binary_tensor_data" in server_metadata()["extensions"]
