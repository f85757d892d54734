"""Signatures: what is inferred from an example, and what is said about data that differs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from mlops_lab.errors import Corrupt, InvalidInput
from mlops_lab.registry import example as examples
from mlops_lab.registry.signature import Field, Signature, infer


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "late": [True, False, True],
            "hour": [7, 12, 23],
            "delay": [1.5, np.nan, 3.0],
            "carrier": ["UA", "DL", "UA"],
            "airport": pd.Categorical(["EWR", "JFK", "EWR"]),
            "at": pd.to_datetime(["2013-01-01", "2013-01-02", "2013-01-03"]),
            "took": pd.to_timedelta([1, 2, 3], unit="h"),
            "gate": pd.array([1, None, 3], dtype="Int64"),
        }
    )


def said(signature: Signature, data: object) -> list[str]:
    return [fault.message for fault in signature.check(data)]


def test_columns_of_a_frame_are_inferred() -> None:
    found = {field.name: field for field in infer(frame()).inputs}
    assert {name: field.type for name, field in found.items()} == {
        "late": "boolean",
        "hour": "integer",
        "delay": "number",
        "carrier": "text",
        "airport": "category",
        "at": "time",
        "took": "duration",
        "gate": "integer",
    }
    assert [name for name, field in found.items() if field.optional] == ["delay", "gate"]
    assert (found["hour"].least, found["hour"].most) == (7.0, 23.0)
    assert found["airport"].values == ("EWR", "JFK")


@pytest.mark.parametrize(
    ("prediction", "kind", "shape"),
    [
        (np.array([0.5, 0.1]), "number", (None,)),
        (np.array([[0.5, 0.5], [0.1, 0.9]]), "number", (None, 2)),
        (np.array(["a", "b"]), "text", (None,)),
        (np.array(["a", "b"], dtype=object), "text", (None,)),
        (np.array([True, False]), "boolean", (None,)),
        (np.array([1, 2], dtype=np.uint8), "integer", (None,)),
        ([0.5, 0.1], "number", (None,)),
        ([np.zeros((2, 2)), np.zeros((2, 3))], "other", (None,)),
    ],
)
def test_prediction_is_inferred(prediction: Any, kind: str, shape: tuple[int | None, ...]) -> None:
    (field,) = infer(frame(), prediction).outputs
    assert (field.name, field.type, field.shape) == ("prediction", kind, shape)


def test_arrays_texts_and_matrices_are_inferred() -> None:
    assert str(infer(np.zeros((5, 3)))) == "array: number (any, 3) → unknown"
    assert str(infer(["late", "on time"])) == "values: text (any) → unknown"
    assert str(infer(sparse.eye(3, format="csr"))) == "sparse matrix: number (any, 3) → unknown"
    assert str(infer([{"a": 1}])) == "records: other (any) → unknown"
    assert str(infer(pd.Series(["x"], name="text"))) == "text: text (any) → unknown"


def test_polars_frame_is_inferred_as_a_pandas_one() -> None:
    polars = pytest.importorskip("polars")
    data = pd.DataFrame({"hour": [1, 2], "carrier": ["UA", "DL"], "delay": [0.5, 1.5]})
    assert infer(polars.from_pandas(data)).inputs == infer(data).inputs
    assert infer(data).check(polars.from_pandas(data)) == []


def test_own_example_fits() -> None:
    for data in (
        frame(),
        np.zeros((5, 3)),
        ["late"],
        [{"a": 1}],
        sparse.eye(3, format="csr"),
        pd.Series([1.0, np.nan], name="x"),
    ):
        assert infer(data).check(data) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hour": [7.5, 8, 9]}, "Column 'hour' holds 7.5; whole numbers are expected."),
        ({"hour": ["7", "8", "9"]}, "Column 'hour' holds text ('7'); whole numbers are expected."),
        ({"delay": ["x", "y", "z"]}, "Column 'delay' holds text ('x'); numbers are expected."),
        (
            {"carrier": [1.5, 2, 3]},
            "Column 'carrier' holds numbers (1.5); text are expected.",
        ),
        ({"late": [5, 6, 7]}, "Column 'late' holds whole numbers (5); true or false are expected."),
        ({"at": ["x", "y", "z"]}, "Column 'at' holds text ('x'); times are expected."),
    ],
)
def test_wrong_type_is_a_sentence(change: dict[str, list[Any]], sentence: str) -> None:
    data = frame().assign(**change)
    assert said(infer(frame()), data)[0] == sentence
    with pytest.raises(InvalidInput) as refused:
        infer(frame()).require(data)
    assert sentence in str(refused.value)


def test_missing_column_is_named_with_its_neighbour() -> None:
    data = frame().drop(columns=["hour", "at"]).assign(hours=1)
    assert said(infer(frame()), data)[:2] == [
        "Column 'hour' (integer) is missing; there is 'hours'.",
        "Column 'at' (time) is missing.",
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hour": [7, 8, 99]}, "Column 'hour' holds 99; the example went from 7 to 23."),
        ({"hour": [-4, 8, 9]}, "Column 'hour' holds -4; the example went from 7 to 23."),
        (
            {"airport": pd.Categorical(["EWR", "ZZZ", "YYY"])},
            "Column 'airport' holds 'YYY' and 1 more, which is no category of it.",
        ),
        (
            {"carrier": ["UA", None, None]},
            "Column 'carrier' has 2 missing values; the example had none.",
        ),
    ],
)
def test_what_the_example_had_not_is_said_and_not_refused(
    change: dict[str, Any], sentence: str
) -> None:
    data = frame().assign(**change)
    assert said(infer(frame()), data) == [sentence]
    infer(frame()).require(data)


def test_types_that_a_model_takes_too_are_let_through() -> None:
    data = frame().assign(
        hour=[7.0, 8.0, 9.0], delay=[3, 2, 2], carrier=pd.Categorical(["UA", "DL", "UA"])
    )
    data["airport"] = data["airport"].astype(str)
    assert infer(frame()).check(data) == []


def test_array_of_another_width_is_a_sentence() -> None:
    assert said(infer(np.zeros((5, 3))), np.zeros((2, 4))) == [
        "An array of shape (any, 3) is expected; got (2, 4)."
    ]
    assert said(infer(np.zeros((5, 3))), np.zeros(3)) == [
        "An array of shape (any, 3) is expected; got (3)."
    ]
    assert said(infer(np.zeros((5, 3))), np.array([["a", "b", "c"]]))[0].startswith(
        "The array holds text"
    )
    assert said(infer(np.zeros((5, 3))), [[1], [1, 2]]) == ["Rows of equal lengths are expected."]


def test_array_in_the_place_of_a_frame_needs_as_many_columns() -> None:
    two = infer(pd.DataFrame({"a": [1], "b": [2]}))
    assert two.check(np.zeros((3, 2))) == []
    assert said(two, np.zeros((3, 5))) == [
        "A frame with 2 columns (a, b) is expected; got ndarray of 5 columns."
    ]
    assert said(two, "text") == [
        "A frame with 2 columns (a, b) is expected; got str of unknown columns."
    ]


def test_records_are_checked_as_columns() -> None:
    two = infer(pd.DataFrame({"a": [1], "b": ["x"]}))
    assert two.check({"b": "y", "a": 1}) == []
    assert two.check([{"b": "y", "a": 1}, {"a": 1, "b": "z"}]) == []
    assert said(two, {"a": 1}) == ["Column 'b' (text) is missing."]


def test_many_faults_are_counted() -> None:
    data = pd.DataFrame({f"c{i}": [1] for i in range(40)})
    with pytest.raises(InvalidInput, match="And 32 more"):
        infer(data).require(pd.DataFrame({"x": [1]}))


def test_signature_survives_json() -> None:
    signature = infer(frame(), np.array([0.5]))
    assert Signature.from_json(json.loads(json.dumps(signature.to_json()))) == signature


@given(
    st.lists(
        st.builds(
            Field,
            name=st.text(),
            type=st.sampled_from(["number", "text", "integer"]),
            optional=st.booleans(),
        ),
        max_size=4,
    )
)
def test_any_signature_survives_json(fields: list[Field]) -> None:
    signature = Signature(tuple(fields))
    assert Signature.from_json(json.loads(json.dumps(signature.to_json()))) == signature


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"inputs": 5},
        {"inputs": [{}]},
        {"inputs": [5]},
        {"inputs": [{"name": "x", "type": "number", "min": "low", "max": 1}]},
        {"inputs": [{"name": "x", "type": "number", "shape": [float("inf")]}]},
        [],
    ],
)
def test_what_is_no_signature_is_refused(data: Any) -> None:
    with pytest.raises(Corrupt):
        Signature.from_json(data)


def test_hostile_column_names_stay_texts() -> None:
    names = ["<script>alert(1)</script>", "a\nb", "\u202egnp", "x" * 10_000, "", "é"]
    data = pd.DataFrame([[1.0] * len(names)], columns=names)
    assert infer(data).check(data) == []
    assert [field.name for field in infer(data).inputs] == names
    for sentence in said(infer(data), pd.DataFrame({"other": [1]})):
        assert "\n" not in sentence
        assert "\u202e" not in sentence
        assert len(sentence) < 300


@pytest.mark.parametrize(
    "example",
    [
        frame(),
        np.arange(6.0).reshape(2, 3),
        np.array([1, 2, 3]),
        np.array([["a", "b"]]),
        np.array(["late", "on time"], dtype=object),
        np.array([["UA", 7], ["DL", 2.5]], dtype=object),
        ["late", "on time"],
        [{"a": 1, "b": "x"}],
        pd.Series(["x", None], name="text"),
    ],
    ids=["frame", "array", "vector", "texts", "objects", "mixed", "list", "records", "series"],
)
def test_example_comes_back_as_it_was(example: Any) -> None:
    again = examples.from_json(json.loads(json.dumps(examples.to_json(example))))
    if isinstance(example, pd.DataFrame):
        pd.testing.assert_frame_equal(again, example, check_categorical=False)
    elif isinstance(example, pd.Series):
        pd.testing.assert_series_equal(again, example)
    elif isinstance(example, np.ndarray):
        np.testing.assert_array_equal(again, example)
        assert again.dtype == example.dtype
    else:
        assert again == example


def test_sparse_example_comes_back_as_it_was() -> None:
    matrix = sparse.csr_matrix([[0, 1.5], [2, 0]])
    again = examples.from_json(json.loads(json.dumps(examples.to_json(matrix))))
    assert (again.toarray() == matrix.toarray()).all()


def test_sparse_example_of_many_columns_is_kept_without_its_zeros() -> None:
    matrix = sparse.csr_matrix(([1.5, 2.5], ([0, 1], [7, 2**20 - 1])), shape=(2, 2**20))
    text = json.dumps(examples.to_json(matrix))
    assert len(text) < 500
    again = examples.from_json(json.loads(text))
    assert again.shape == matrix.shape
    assert (again != matrix).nnz == 0


def test_long_example_is_cut_to_a_few_rows() -> None:
    data = examples.to_json(pd.DataFrame({"x": range(10_000)}))
    assert len(data["rows"]) == 20


@pytest.mark.parametrize("example", [5, object(), np.float64(3), np.array([object()])])
def test_what_is_no_example_is_refused(example: Any) -> None:
    with pytest.raises(InvalidInput, match="example"):
        examples.to_json(example)
