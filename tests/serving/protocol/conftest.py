"""A model's input with a column of every type, and the requests that hold it."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_lab.registry.signature import infer
from mlops_lab.serving.inputs import Schema

DATATYPES = {
    "carrier": "BYTES",
    "gate": "BYTES",
    "hour": "INT64",
    "seats": "INT64",
    "temp": "FP64",
    "share": "FP32",
    "weekend": "BOOL",
    "at": "BYTES",
}


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """Three rows: texts, categories, whole numbers, numbers, booleans, times; some missing."""
    return pd.DataFrame(
        {
            "carrier": pd.Series(["EV", None, "Ü9 ✈"], dtype="str"),
            "gate": pd.Categorical(["A", "B", None]),
            "hour": [0, 12, 23],
            "seats": pd.array([50, None, 180], dtype="Int64"),
            "temp": [1.5, np.nan, -2.0],
            "share": np.array([0.1, 0.2, 0.3], dtype="float32"),
            "weekend": [True, False, True],
            "at": pd.to_datetime(["2013-01-01T08:00Z", None, "2013-07-29T18:05Z"]),
        }
    )


@pytest.fixture(scope="session")
def schema(frame: pd.DataFrame) -> Schema:
    """What a model takes that was fitted on it."""
    return Schema.of(infer(frame, [0.1, 0.2, 0.3]), frame)


@pytest.fixture
def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as records of JSON."""
    found: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", date_format="iso"))
    return found


@pytest.fixture
def tensors(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows as tensors in JSON."""
    return [
        {
            "name": name,
            "shape": [len(records)],
            "datatype": datatype,
            "data": [one[name] for one in records],
        }
        for name, datatype in DATATYPES.items()
    ]


@pytest.fixture
def packed(frame: pd.DataFrame, tensors: list[dict[str, Any]]) -> tuple[bytes, dict[str, str]]:
    """The rows with every tensor as bytes that has a form for what is missing; with headers."""
    tails = []
    for one in tensors:
        values = frame[one["name"]]
        if one["datatype"] == "BYTES" and values.isna().any():
            continue
        if one["datatype"] == "BYTES":
            texts = [str(value).encode() for value in values]
            tail = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        else:
            if values.isna().any():
                one["datatype"] = "FP64"
            kind = {"INT64": "<i8", "FP64": "<f8", "FP32": "<f4", "BOOL": "?"}[one["datatype"]]
            tail = (
                values.to_numpy(dtype=kind, na_value=np.nan).tobytes()
                if kind == "<f8"
                else (values.to_numpy(dtype=kind).tobytes())
            )
        del one["data"]
        one["parameters"] = {"binary_data_size": len(tail)}
        tails.append(tail)
    head = json.dumps({"inputs": tensors}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    return b"".join((head, *tails)), headers
