"""Models of the kinds that are served, each as it is packed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from mlops_lab.registry.package import save_model

Pack = Callable[..., Path]


def frame_of(n_rows: int, seed: int = 0) -> pd.DataFrame:
    """Text, numbers with missing ones, integers."""
    draw = np.random.default_rng(seed)
    weight = draw.normal(size=n_rows)
    weight[draw.random(n_rows) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "carrier": draw.choice(["UA", "DL", "Ü9"], n_rows),
            "weight": weight,
            "hour": draw.integers(0, 24, n_rows),
        }
    )


def target_of(frame: pd.DataFrame) -> Any:
    """Late, mostly in the evening and with one carrier."""
    score = frame["hour"] / 12 - 1 + (frame["carrier"] == "Ü9") + frame["weight"].fillna(0) / 2
    return np.where(score > 0.3, "late", "in time")


def boosted(**params: Any) -> Pipeline:
    """Codes for texts, trees for the rest: missing values and unknown carriers are welcome."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = ColumnTransformer(
        [("codes", codes, ["carrier"]), ("numbers", "passthrough", ["weight", "hour"])]
    )
    return Pipeline(
        [
            ("columns", columns),
            ("trees", HistGradientBoostingClassifier(max_iter=20, random_state=7, **params)),
        ]
    )


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """Six hundred rows."""
    return frame_of(600)


@pytest.fixture(scope="session")
def model(frame: pd.DataFrame) -> Pipeline:
    """Fitted on them."""
    return boosted().fit(frame, target_of(frame))


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory, frame: Any, model: Any) -> Path:
    """It, packed."""
    folder = tmp_path_factory.mktemp("packed") / "late"
    save_model(model, folder, example=frame)
    return folder


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Pack any model."""

    def packed(model: Any, example: Any, **options: Any) -> Path:
        save_model(model, tmp_path / "model", example=example, **options)
        return tmp_path / "model"

    return packed
