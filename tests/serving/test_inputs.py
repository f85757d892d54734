"""What a model is given is what it was fitted on, whatever way it came in."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from mlops_lab.errors import InvalidInput
from mlops_lab.registry.signature import infer
from mlops_lab.serving.inputs import Rows, Schema, concat
from mlops_lab.serving.protocol import parse
from mlops_lab.serving.protocol.asking import read_answer, write_request

COLUMNS: dict[str, Any] = {
    "text": pd.Series(["a", "Ü ✈", ""], dtype="str"),
    "text with missing": pd.Series(["a", None, "b"], dtype="str"),
    "objects": pd.Series(["a", np.nan, "b"], dtype=object),
    "categories": pd.Categorical(["a", None, "b"], categories=["b", "a", "unused"]),
    "numbered categories": pd.Categorical([3, 1, None]),
    "true categories": pd.Categorical([True, False, True]),
    "int8": np.array([1, -2, 3], dtype="int8"),
    "uint64": np.array([1, 2**63 - 1, 3], dtype="uint64"),
    "int64": np.array([2**53 + 1, -(2**63), 2**63 - 1]),
    "float32": np.array([0.1, np.nan, -1e30], dtype="float32"),
    "float64": np.array([0.1, np.nan, 1e300]),
    "bool": [True, False, True],
    "bool with missing": pd.Series([True, np.nan, False], dtype=object),
    "nullable bool": pd.array([True, None, False], dtype="boolean"),
    "nullable integer": pd.array([1, None, 3], dtype="Int64"),
    "nullable float": pd.array([1.5, None, 3], dtype="Float64"),
    "times": pd.to_datetime(["2013-01-01 08:00:00", None, "2013-07-29 18:05:01"]),
    "zoned times": pd.to_datetime(
        ["2013-01-01T00:00Z", None, "2013-07-29T18:05Z"], utc=True
    ).tz_convert("America/New_York"),
    "durations": pd.to_timedelta(["1 days 02:00:00", None, "-00:00:00.000001"]),
}


def as_fitted(frame: pd.DataFrame) -> pd.DataFrame:
    """What scikit-learn sees of it: pandas' own nullable types become numpy's."""
    made = {}
    for name, values in frame.items():
        if isinstance(values.dtype, pd.CategoricalDtype):
            # The order and what is unused are the signature's business.
            values = values.astype(object).where(values.notna(), np.nan)
        elif values.dtype in ("Int64", "Float64"):
            values = values.astype(float)
        elif values.dtype == "boolean":
            values = values.astype(object).where(values.notna(), np.nan)
        elif isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu":
            values = values.astype("int64")
        elif values.dtype.kind == "m":
            values = values.astype("timedelta64[us]")
        made[name] = values
    return pd.DataFrame(made)


def sent(data: Any, schema: Schema) -> Rows:
    """Over the wire by our client."""
    body, headers = write_request(data)
    return parse(body, headers, schema=schema, limit=1 << 20).data


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_of_any_type_arrives_as_it_was_fitted(kind: str) -> None:
    frame = pd.DataFrame({"x": COLUMNS[kind], "n": [1, 2, 3]})
    schema = Schema.of(infer(frame, [0, 1, 0]), frame)

    for rows in (schema.rows_of(frame), sent(frame, schema)):
        pd.testing.assert_frame_equal(as_fitted(rows.given()), as_fitted(frame))
        # One row at a time, and put together again.
        parts = concat([rows.slice(i, i + 1) for i in range(3)])
        pd.testing.assert_frame_equal(as_fitted(parts.given()), as_fitted(frame))


@pytest.mark.parametrize("kind", [one for one in COLUMNS if "zoned" not in one])
def test_a_column_of_any_type_arrives_by_json(kind: str) -> None:
    frame = pd.DataFrame({"x": COLUMNS[kind], "n": [1, 2, 3]})
    schema = Schema.of(infer(frame, [0, 1, 0]), frame)
    plain = frame["x"].astype(object).where(frame["x"].notna(), None)
    records = [{"x": value, "n": n} for value, n in zip(plain, frame["n"], strict=True)]
    body = json.dumps(records, default=str).encode()

    rows = parse(body, {}, schema=schema, limit=1 << 20).data

    pd.testing.assert_frame_equal(as_fitted(rows.given()), as_fitted(frame))


@pytest.mark.parametrize(
    "example",
    [
        np.array([[0.5, np.nan], [1, 2]]),
        np.array([[1, 2], [3, 4]]),
        np.array([[[1.5]], [[2.5]]]),
        np.array([[True, False]]),
        np.array(["late", "in time"]),
        np.array([["a", "b"], ["c", None]], dtype=object),
    ],
)
def test_an_array_arrives_as_it_is(example: Any) -> None:
    schema = Schema.of(infer(example, [0] * len(example)), example)
    body = json.dumps({"instances": pd.DataFrame({"x": list(example)})["x"].map(_list).tolist()})
    by_hand = parse(body.replace("NaN", "null").encode(), {}, schema=schema, limit=1 << 20).data

    for rows in (schema.rows_of(example), sent(example, schema), by_hand):
        given = rows.given()
        assert given.shape == example.shape
        same = (given == example) | (pd.isna(given) & pd.isna(example))
        assert same.all()


def _list(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def test_a_time_with_a_zone_is_refused_where_the_model_takes_none() -> None:
    frame = pd.DataFrame({"at": COLUMNS["times"]})
    schema = Schema.of(infer(frame, [0, 1, 0]), frame)

    with pytest.raises(InvalidInput, match="a time with a zone"):
        schema.rows({"at": ["2013-07-29T18:05:00+02:00"]})


def test_texts_records_and_sparse_matrices_reach_models_that_take_them() -> None:
    texts = Schema.of(infer(["a", "b"], [0, 1]), ["a", "b"])
    assert list(texts.rows_of(["x", "y"]).given()) == ["x", "y"]
    records = Schema.of(infer([{"a": 1}], [0]), [{"a": 1}])
    assert records.rows_of([{"a": 1}, {"b": "x"}]).given() == [{"a": 1}, {"b": "x"}]
    matrix = csr_matrix(np.eye(3))
    sparse = Schema.of(infer(matrix, [0, 1, 2]), matrix)
    given = sparse.rows_of(matrix).given()
    assert (given != matrix).nnz == 0


def test_rows_of_different_kinds_are_not_put_together() -> None:
    schema = Schema()
    one, other = schema.rows({"a": [1]}), schema.rows({"b": [1]})

    with pytest.raises(InvalidInput, match="same columns"):
        concat([one, other])
    with pytest.raises(InvalidInput, match="arrays of the same shape"):
        concat([schema.rows_of_array([[1, 2]]), schema.rows_of_array([[1, 2, 3]])])


def test_a_frame_with_a_column_twice_is_refused() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])

    with pytest.raises(InvalidInput, match="'a' is there twice"):
        Schema.of(infer(pd.DataFrame({"a": [1]}), [0])).rows_of(frame)
    with pytest.raises(InvalidInput, match="same name"):
        write_request(frame)


def test_an_answer_that_is_none_is_said() -> None:
    from mlops_lab.serving.protocol import ProtocolError

    for body in (b"{}", b"7", b'{"outputs": [{"name": "prediction"}]}', b"\xff"):
        with pytest.raises(ProtocolError):
            read_answer(body, None)
