"""The ONNX backend answers as the model does, or the gate says why it does not get to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC

from mlops_lab.serving.backends.converting import REPORT, ROWS, convert
from mlops_lab.serving.backends.onnx import OnnxBackend
from mlops_lab.serving.backends.parity import ParityReport, compare
from mlops_lab.serving.inputs import Schema

pytest.importorskip("skl2onnx")

NUMBERS = ["weight", "hour"]


def late(frame: pd.DataFrame) -> Any:
    """Late in the evening."""
    return np.where(frame["hour"] + frame["weight"].fillna(0) > 14, "late", "in time")


def hours(frame: pd.DataFrame) -> Any:
    """A number to learn."""
    return frame["hour"] * 2.5 + frame["weight"].fillna(0)


def with_carriers(**unknown: Any) -> Any:
    """A linear model over categories and numbers."""
    return make_pipeline(
        ColumnTransformer(
            [
                ("codes", OneHotEncoder(**unknown), ["carrier"]),
                ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
            ]
        ),
        LogisticRegression(),
    )


def converted(folder: Path, package: Path, rows: Any) -> tuple[OnnxBackend, ParityReport]:
    """A packed model's form, proved on some rows."""
    folder.mkdir()
    pd.DataFrame(rows).rename(columns=str).to_parquet(folder / ROWS)
    report = convert(package, folder, "the rows of a test")
    assert ParityReport.from_json(json.loads((folder / REPORT).read_bytes())) == report
    assert report.passed, report.why
    return OnnxBackend.load(folder, package=package), report


@pytest.fixture(scope="module")
def form(
    tmp_path_factory: pytest.TempPathFactory, package: Path, frame: pd.DataFrame
) -> tuple[OnnxBackend, ParityReport]:
    """The form of the model of all these tests."""
    return converted(tmp_path_factory.mktemp("form") / "form", package, frame)


def test_trees_answer_alike_with_missing_and_unknown_values(
    form: Any, model: Any, package: Path, frame: pd.DataFrame
) -> None:
    backend, report = form
    rows = frame.copy()
    rows.loc[::7, "carrier"] = "✈ never seen"
    rows.loc[::5, "carrier"] = None
    rows.loc[::3, "weight"] = np.nan
    by_frame = backend.predict(rows)
    by_rows = backend.predict(Schema.read(package).rows_of(rows))
    assert np.array_equal(by_frame.prediction, model.predict(rows))
    assert np.abs(by_frame.probability - model.predict_proba(rows)).max() < 1e-6
    assert np.array_equal(by_rows.probability, by_frame.probability)
    assert by_frame.prediction.dtype == model.predict(rows).dtype
    assert report.rows == 600
    assert report.rows_missing == frame["weight"].isna().sum()
    assert report.probes > 600
    assert report.labels == report.over == 0
    assert "the rows of a test" in report.why


def test_what_does_not_fit_the_graph_is_answered_by_the_model(form: Any, model: Any) -> None:
    backend, _ = form
    rows = pd.DataFrame(
        {"carrier": ["UA", "DL", "UA"], "weight": [np.inf, 1e300, 0.5], "hour": [3, 4, 23]}
    )
    result = backend.predict(rows)
    assert np.array_equal(result.probability[:2], model.predict_proba(rows)[:2])
    with pytest.raises(ValueError, match="columns are missing"):
        backend.predict(rows[["carrier", "hour"]])


@pytest.mark.parametrize(
    ("model", "columns", "target"),
    [
        (HistGradientBoostingRegressor(max_iter=20), NUMBERS, hours),
        (make_pipeline(SimpleImputer(), LinearRegression()), NUMBERS, hours),
        (LinearSVC(), ["hour"], late),
        (
            RandomForestClassifier(4, random_state=0),  # whose votes are often even
            ["hour"],
            lambda frame: frame["carrier"],
        ),
        (with_carriers(handle_unknown="ignore"), ["carrier", *NUMBERS], late),
    ],
    ids=["boosted numbers", "linear", "no probability", "three classes", "categories"],
)
def test_other_models_pass(
    tmp_path: Path, pack: Any, frame: pd.DataFrame, model: Any, columns: Any, target: Any
) -> None:
    rows = frame[columns]
    model.fit(rows, target(frame))
    backend, _ = converted(tmp_path / "form", pack(model, rows), rows)
    said = backend.predict(rows)
    if said.prediction.dtype.kind == "f":
        assert np.allclose(said.prediction, model.predict(rows), rtol=1e-5)
    else:
        assert np.array_equal(said.prediction, model.predict(rows))
    assert said.prediction.dtype == model.predict(rows).dtype


def test_a_category_of_what_is_missing_is_converted(
    tmp_path: Path, pack: Any, frame: pd.DataFrame
) -> None:
    rows = frame[["carrier", *NUMBERS]].copy()
    rows.loc[::4, "carrier"] = None
    columns = ColumnTransformer(
        [("c", OrdinalEncoder(), ["carrier"]), ("n", "passthrough", NUMBERS)]
    )
    target = rows["carrier"].isna() | (rows["hour"] > 20)
    model = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=20)).fit(rows, target)
    package = pack(model, rows)
    backend, _ = converted(tmp_path / "form", package, rows)
    said = backend.predict(Schema.read(package).rows_of(rows))
    assert np.array_equal(said.prediction, model.predict(rows))
    # What it stands for in the graph is an unknown text in a request, and the model refuses it.
    with pytest.raises(ValueError, match="unknown categories"):
        backend.predict(rows.head(1).assign(carrier=["nan"]))


def test_rows_that_the_model_refuses_are_refused(
    tmp_path: Path, pack: Any, frame: pd.DataFrame
) -> None:
    rows = frame[["carrier", *NUMBERS]]
    model = with_carriers(handle_unknown="error").fit(rows, late(frame))
    backend, _ = converted(tmp_path / "form", pack(model, rows), rows)
    with pytest.raises(ValueError, match="unknown categories"):
        backend.predict(rows.iloc[:2].assign(carrier=["UA", "XX"]))


def test_an_array_with_missing_values_goes_to_the_model(tmp_path: Path, pack: Any) -> None:
    rows = np.random.default_rng(0).normal(size=(300, 3))
    model = LogisticRegression().fit(rows, rows[:, 0] > 0)
    backend, report = converted(tmp_path / "form", pack(model, rows), rows)
    assert np.array_equal(backend.predict(rows).prediction, model.predict(rows))
    assert report.elsewhere == ("Rows in which a value is missing are answered by scikit-learn.",)
    with pytest.raises(ValueError, match="contains NaN"):
        backend.predict([[0.0, np.nan, 1.0]])


def test_native_categories_are_refused_with_the_count(tmp_path: Path, pack: Any) -> None:
    # The trees split sets of codes; the converted ones compare codes, and nothing fails.
    draw = np.random.default_rng(0)
    rows = pd.DataFrame({"code": draw.integers(0, 12, 600), "x": draw.normal(size=600)})
    model = HistGradientBoostingClassifier(max_iter=20, categorical_features=["code"])
    model.fit(rows, rows["code"] % 3 == 0)
    folder = tmp_path / "form"
    folder.mkdir()
    rows.to_parquet(folder / ROWS)
    report = convert(pack(model, rows), folder, "the rows of a test")
    assert not report.passed
    assert report.labels > 60
    assert f"another answer in {report.labels} of 600 rows" in report.why
    assert not (folder / "model.onnx").exists()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (make_pipeline(SimpleImputer(add_indicator=True), LinearRegression()), "ONNX"),
        (make_pipeline(SimpleImputer()), "faster"),
    ],
    ids=["indicator", "kept without an example"],
)
def test_what_cannot_be_converted_is_told(
    tmp_path: Path, pack: Any, frame: pd.DataFrame, model: Any, words: str
) -> None:
    rows = frame[NUMBERS]
    example = None if words == "faster" else rows
    package = pack(model.fit(rows, frame["weight"].isna() * 1.0), example)
    folder = tmp_path / "form"
    folder.mkdir()
    report = convert(package, folder, "the input example")
    assert not report.passed
    assert ("without an example" if example is None else words) in report.why


def test_differences_are_counted_by_row() -> None:
    from mlops_lab.serving.backends.backend import Result

    labels = np.array(["a", "b", "a"])
    chances = np.array([[0.9, 0.1], [0.2, 0.8], [np.nan, np.nan]])
    right = Result(labels, chances, np.array(["a", "b"]))
    assert compare(right, right).small
    other = Result(np.array(["a", "a", "a"]), chances + np.array([0.002, 0.0]), right.classes)
    found = compare(right, other)
    assert (found.labels, found.over) == (1, 2)
    assert not found.small
    assert not compare(right, Result(labels)).small
    # Of ten thousand rows ten may differ by more than a thousandth; no label may.
    many = np.arange(10_000.0)
    few = many + 100.0 * (many < 10)
    assert compare(Result(many), Result(few)).small
    assert not compare(Result(many), Result(many + 100.0 * (many < 11))).small
