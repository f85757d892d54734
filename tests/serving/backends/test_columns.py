"""The quick way through a ColumnTransformer gives every bit that the usual way gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from mlops_lab.registry.signature import infer
from mlops_lab.serving.backends.sklearn import SklearnBackend
from mlops_lab.serving.inputs import Schema

from .conftest import frame_of

CODES = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
IMPUTED = make_pipeline(SimpleImputer(), StandardScaler())


def backend_of(columns: ColumnTransformer, final: Any, frame: pd.DataFrame) -> Any:
    """A fitted pipeline, as it is served; and what reads rows for it."""
    model = make_pipeline(columns, final).fit(frame, frame["hour"] > 12)
    schema = Schema.of(infer(frame, model.predict(frame)), frame)
    return SklearnBackend(model, schema, schema.rows_of(frame.head(20))), schema, model


@pytest.mark.parametrize(
    ("parts", "final"),
    [
        ([("c", CODES, ["carrier"])], DecisionTreeClassifier(random_state=0)),
        (
            [("c", OneHotEncoder(handle_unknown="ignore"), ["carrier", "kind"])],
            DecisionTreeClassifier(random_state=0),
        ),
        (
            [
                ("n", IMPUTED, ["weight"]),
                ("c", OneHotEncoder(handle_unknown="ignore", dtype=np.float32), ["kind"]),
                ("gone", "drop", ["carrier"]),
                ("none", StandardScaler(), []),
            ],
            LogisticRegression(),
        ),
    ],
    ids=["codes", "ones", "mixed"],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_row_is_equal_to_the_bit(parts: Any, final: Any, dtype: str) -> None:
    frame = frame_of(200)
    frame["kind"] = np.where(frame["hour"] % 2, "even", "odd")
    frame["weight"] = frame["weight"].fillna(0.5).astype(dtype)
    columns = ColumnTransformer([*parts, ("rest", "passthrough", ["hour", "weight"])])
    backend, schema, model = backend_of(columns, final, frame)
    assert backend._quick is not None
    rows = frame.copy()
    rows.loc[::7, "carrier"] = "never seen"
    rows.loc[::5, "kind"] = None
    for size, starts in ((1, range(8)), (3, (0, 3, 6)), (64, (0,)), (200, (0,))):
        for start in starts:
            part = rows.iloc[start : start + size]
            given = schema.rows_of(part)
            # Sums of a linear model depend on where in memory the numbers are, in the last bit.
            right, made = model[0].transform(part), backend._transformed(given)
            assert (made.dtype, made.flags.c_contiguous) == (right.dtype, right.flags.c_contiguous)
            said = backend.predict(given)
            assert np.array_equal(said.probability, model.predict_proba(part))
            assert np.array_equal(said.prediction, model.predict(part))


def test_what_the_model_refuses_is_refused() -> None:
    frame = frame_of(200)[["carrier", "hour"]]
    columns = ColumnTransformer([("c", OrdinalEncoder(), ["carrier"])], remainder="passthrough")
    backend, schema, _ = backend_of(columns, DecisionTreeClassifier(), frame)
    for strange in ("never seen", None):
        with pytest.raises(ValueError, match="unknown categories"):
            backend.predict(schema.rows_of(frame.head(2).assign(carrier=["UA", strange])))


def test_other_transformers_go_the_usual_way() -> None:
    frame = frame_of(200)[["carrier", "weight", "hour"]]
    parts = [("c", CODES, ["carrier"])]
    rest = ("n", "passthrough", ["hour"])
    for columns in (
        ColumnTransformer([*parts, rest], transformer_weights={"c": 2.0}),
        ColumnTransformer([*parts, ("n", "passthrough", [2])]),
        ColumnTransformer([*parts, rest]).set_output(transform="pandas"),
    ):
        backend, schema, model = backend_of(columns, DecisionTreeClassifier(), frame)
        assert backend._quick is None
        rows = frame.head(3)
        said = backend.predict(schema.rows_of(rows))
        assert np.array_equal(said.probability, model.predict_proba(rows))
    # It looks at its numbers, so it does so here.
    checks = ColumnTransformer([("n", FunctionTransformer(validate=True), ["hour", "weight"])])
    whole = frame.fillna({"weight": 0.0})
    backend, schema, _ = backend_of(checks, DecisionTreeClassifier(), whole)
    with pytest.raises(ValueError, match="NaN"):
        backend.predict(schema.rows_of(whole.head(1).assign(weight=np.nan)))
