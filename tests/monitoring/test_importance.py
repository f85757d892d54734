"""Which columns a model lives on, measured once for the same model and data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from mlops_lab.compute import Source
from mlops_lab.errors import InvalidInput
from mlops_lab.monitoring.importance import measure_importance
from mlops_lab.registry.signature import infer


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    random = np.random.default_rng(7)
    x, y, z = random.normal(size=(3, 600))
    late = (2 * x + 0.5 * y + 0.2 * random.normal(size=600)) > 0
    return pd.DataFrame({"x": x, "y": y, "z": z, "late": late})


class _Keep:
    """Keeps in memory; counts how often something had to be made."""

    def __init__(self) -> None:
        self.held: dict[tuple[str | None, str], bytes] = {}

    def pieces(self, source: Source) -> list[tuple[str | None, Source]]:
        return [(None, source)]

    def kept(self, content: str | None, key: str, make: Callable[[], bytes]) -> bytes:
        if (content, key) not in self.held:
            self.held[content, key] = make()
        return self.held[content, key]


def _model(frame: pd.DataFrame) -> Any:
    return LogisticRegression().fit(frame[["x", "y", "z"]], frame["late"])


def test_columns_are_ranked_by_what_the_model_loses(frame: pd.DataFrame) -> None:
    found = measure_importance(lambda: _model(frame), None, Source.of(frame), "late")

    assert list(found.columns) == ["x", "y", "z"]
    assert found.metric == "auc"
    assert found.columns["x"].value > 0.2 > found.columns["y"].value > 0.005
    assert abs(found.columns["z"].value) < 0.005
    assert found.sentence.startswith("Permutation importance, as loss of AUC from")


def test_the_same_model_and_data_are_measured_once(frame: pd.DataFrame) -> None:
    keep, model = _Keep(), _model(frame)
    data = Source.of(frame)

    first, again, other = (
        measure_importance(lambda: model, None, data, "late", keep=keep, digests=("model", digest))
        for digest in ("data", "data", "other data")
    )

    assert first == again == other
    assert len(keep.held) == 2


def test_a_model_is_not_loaded_for_what_is_known_of_it(frame: pd.DataFrame) -> None:
    keep, model = _Keep(), _model(frame)
    loaded = []
    stated = infer(frame[["x", "y", "z"]])

    def load() -> Any:
        loaded.append(model)
        return model

    first, again = (
        measure_importance(load, stated, Source.of(frame), "late", keep=keep, digests=("m", "d"))
        for _ in range(2)
    )

    assert first == again
    assert len(loaded) == 1


def test_labels_with_gaps_are_still_the_classes(frame: pd.DataFrame) -> None:
    whole = frame.assign(late=frame["late"].astype(int))
    gaps = whole.assign(late=whole["late"].where(whole.index % 5 > 0))

    found = measure_importance(lambda: _model(whole), None, Source.of(gaps), "late")

    assert (found.rows, next(iter(found.columns))) == (480, "x")


def test_numbers_are_judged_by_r2(frame: pd.DataFrame) -> None:
    truth = frame.assign(delay=3 * frame["x"])
    model = LinearRegression().fit(truth[["x", "z"]], truth["delay"])

    found = measure_importance(lambda: model, None, Source.of(truth), "delay")

    assert found.metric == "r2"
    assert list(found.columns) == ["x", "z"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.drop(columns="y"), "has no y"),
        (lambda f: f.drop(columns="late"), "has no late"),
        (lambda f: f.head(3), "importance needs 50"),
        (lambda f: f.assign(late=None), "importance needs 50"),
        (lambda f: f.assign(late=True), "has one value only"),
    ],
)
def test_bad_references_are_a_sentence(
    frame: pd.DataFrame, change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        measure_importance(lambda: _model(frame), None, Source.of(change(frame)), "late")


def test_a_class_that_the_model_has_not_is_a_sentence(frame: pd.DataFrame) -> None:
    with pytest.raises(InvalidInput, match="no class maybe; it has False and True"):
        measure_importance(lambda: _model(frame), None, Source.of(frame), "late", positive="maybe")
