"""The scikit-learn backend says what the model says, to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from mlops_lab.errors import InvalidInput
from mlops_lab.serving.backends import choose
from mlops_lab.serving.backends.sklearn import SklearnBackend
from mlops_lab.serving.inputs import Schema

X = np.random.default_rng(0).normal(size=(200, 3))
Y = (X[:, 0] > 0.2).astype(int) + (X[:, 1] > 1)


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), make_pipeline("passthrough", LogisticRegression())),
        RandomForestClassifier(n_estimators=3, random_state=0),
        DecisionTreeClassifier(max_depth=2),
        LinearRegression(),
        KMeans(2, n_init=1, random_state=0),
        StandardScaler(),
        # Its answer is not the most probable class.
        FixedThresholdClassifier(LogisticRegression(), threshold=0.9),
    ],
    ids=lambda model: type(model).__name__,
)
def test_answers_equal_the_models_to_the_bit(model: Any) -> None:
    y = (Y > 0).astype(int) if isinstance(model, FixedThresholdClassifier) else Y
    model.fit(X, y)
    result = SklearnBackend(model).predict(X)
    said = model.predict(X) if hasattr(model, "predict") else model.transform(X)
    assert np.array_equal(result.prediction, said)
    if hasattr(model, "predict_proba"):
        assert np.array_equal(result.probability, model.predict_proba(X))
        assert np.array_equal(result.classes, model.classes_)
    else:
        assert result.probability is None
        assert result.classes is None


def test_a_tie_is_broken_as_the_model_breaks_it() -> None:
    model = LogisticRegression().fit([[-1.0], [1.0]], ["a", "b"])
    model.intercept_[:] = 1e-17  # a score above nothing, a probability of exactly a half
    result = SklearnBackend(model).predict([[0.0]])
    assert result.probability[0, 0] == result.probability[0, 1]
    assert result.prediction == model.predict([[0.0]])


def test_several_outputs_have_no_probability() -> None:
    model = DecisionTreeClassifier(max_depth=2).fit(X, np.column_stack([Y, Y > 0]))
    result = SklearnBackend(model).predict(X)
    assert result.prediction.shape == (200, 2)
    assert result.probability is None


def test_rows_answer_as_the_frame_of_them(frame: Any, model: Any, package: Any) -> None:
    backend = choose(package, "sklearn").backend
    by_frame = backend.predict(frame)
    by_rows = backend.predict(Schema.read(package).rows_of(frame))
    assert np.array_equal(by_frame.probability, model.predict_proba(frame))
    assert np.array_equal(by_rows.probability, by_frame.probability)


def test_a_pickle_and_an_unknown_backend_are_refused(pack: Any, package: Any) -> None:
    folder = pack(LinearRegression().fit(X, Y), X, unsafe=True)
    with pytest.raises(InvalidInput, match="without unsafe=True"):
        choose(folder)
    allowed = choose(folder, allow_unsafe=True)
    assert "pickle" in allowed.why
    assert np.array_equal(
        allowed.backend.predict(X).prediction, LinearRegression().fit(X, Y).predict(X)
    )
    with pytest.raises(InvalidInput, match="no backend 'magic'"):
        choose(package, "magic")
