"""What the notebooks share: the features, the models and a few figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

CATEGORIES = ["carrier", "origin", "dest"]
NUMBERS = [
    "minute_of_day",
    "weekday",
    "distance",
    "block_min",
    "hour_traffic",
    "seats",
    "plane_age",
    "temp",
    "dewp",
    "humid",
    "wind_speed",
    "pressure",
    "visib",
    "precip_3h",
]
FEATURES = CATEGORIES + NUMBERS
WEATHER = ["temp", "dewp", "humid", "wind_speed", "pressure", "visib", "precip_3h"]

# Whose passengers get the warnings: monitoring looks at each kind of carrier by itself.
CARRIERS = {
    "network": ["UA", "AA", "DL", "US", "AS", "HA"],
    "low-cost": ["B6", "WN", "FL", "F9", "VX"],
    "regional": ["EV", "9E", "MQ", "YV", "OO"],
}
CARRIER_KIND = {carrier: kind for kind, carriers in CARRIERS.items() for carrier in carriers}

# Known only after the scheduled departure. It stays in the files so that a leak can be shown, and refused.
KNOWN_LATER = ["dep_delay"]

UNITS = {
    "minute_of_day": "min after midnight",
    "weekday": "0 = Monday",
    "distance": "miles",
    "block_min": "min",
    "hour_traffic": "departures per hour",
    "seats": "seats",
    "plane_age": "years",
    "temp": "°F",
    "dewp": "°F",
    "humid": "%",
    "wind_speed": "mph",
    "pressure": "hPa",
    "visib": "miles",
    "precip_3h": "inches in 3 h",
    "dep_delay": "min, known too late",
}

# --- models ---------------------------------------------------------------------------------------


def columns(also: str = "", without: str = "") -> list[str]:
    """The columns to learn from; ``also`` adds one that is known only later, ``without="weather"`` drops the sky."""
    chosen = [name for name in FEATURES if without != "weather" or name not in WEATHER]
    return chosen + ([also] if also else [])


def make_model(
    estimator: str,
    columns: list[str],
    *,
    seed: int,
    learning_rate: float = 0.06,
    max_leaf_nodes: int = 15,
    max_iter: int = 120,
    min_samples_leaf: int = 50,
    l2: float = 5.0,
    weights: str | None = None,
) -> Any:
    """An untrained scikit-learn pipeline: ``hgb`` (boosted trees) or ``logistic``."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    numbers = [name for name in columns if name not in CATEGORIES]
    if estimator == "hgb":
        # Plain codes instead of native categories: as good here, and they survive an export to ONNX.
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
        table = ColumnTransformer([("codes", codes, CATEGORIES), ("numbers", "passthrough", numbers)])
        trees = HistGradientBoostingClassifier(
            learning_rate=learning_rate,
            max_leaf_nodes=max_leaf_nodes,
            max_iter=max_iter,
            min_samples_leaf=min_samples_leaf,
            l2_regularization=l2,
            early_stopping=False,
            class_weight=weights,
            random_state=seed,
        )
        return Pipeline([("columns", table), ("trees", trees)])
    if estimator == "logistic":
        filled = Pipeline([("fill", SimpleImputer()), ("scale", StandardScaler())])
        flags = OneHotEncoder(handle_unknown="ignore")
        table = ColumnTransformer([("flags", flags, CATEGORIES), ("numbers", filled, numbers)])
        linear = LogisticRegression(C=0.1, max_iter=500, class_weight=weights)
        return Pipeline([("columns", table), ("linear", linear)])
    raise ValueError(f"estimator is {estimator!r}; it can be 'hgb' or 'logistic'")


def unseen_scores(new: Callable[[], Any], frame: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """What models made by ``new()`` say of weeks that they have not seen: one score per row of the frame.

    Flights of a week share its storms, so a week is never split: it is scored by the model that learnt from the
    other four fifths of the weeks.
    """
    from sklearn.model_selection import GroupKFold

    scores = np.full(len(frame), np.nan)
    folds = GroupKFold(min(5, frame["week"].nunique()))
    for learn, ask in folds.split(frame, groups=frame["week"]):
        fitted = new().fit(frame[columns].iloc[learn], frame["late"].iloc[learn])
        scores[ask] = fitted.predict_proba(frame[columns].iloc[ask])[:, 1]
    return scores


def staged_scores(model: Any, table: pd.DataFrame) -> Iterator[np.ndarray]:
    """The boosted trees' probabilities of being late after one tree, two trees, and so on."""
    for chances in model["trees"].staged_predict_proba(model["columns"].transform(table)):
        yield chances[:, 1]


def columns_of(model: Any) -> list[str]:
    """The columns that a fitted model wants, in its order."""
    return list(model.feature_names_in_)


def save_model(model: Any, path: str | Path) -> int:
    """Write a model with skops, compressed; returns the file's size in bytes."""
    import zipfile

    import skops.io as sio

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    sio.dump(model, path, compression=zipfile.ZIP_DEFLATED, compresslevel=6)
    return Path(path).stat().st_size


# --- figures --------------------------------------------------------------------------------------


def wilson(k: Any, n: Any, z: float = 1.96) -> tuple[Any, Any]:
    """Lower and upper end of Wilson's 95 % interval of a share ``k / n`` (Wilson, 1927).

    Unlike ``p ± 1.96·sd`` it stays within 0 and 1 and is right for small ``n``.
    """
    p = k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half, middle + half


def bins_of(late: np.ndarray, score: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Equally filled bins of the score: mean score, late share and its interval in each."""
    parts = np.array_split(np.argsort(score, kind="stable"), bins)
    rows = pd.DataFrame(
        {
            "n": [len(part) for part in parts],
            "score": [score[part].mean() for part in parts],
            "late": [late[part].mean() for part in parts],
        }
    )
    rows["low"], rows["high"] = wilson(rows["late"] * rows["n"], rows["n"])
    return rows


def calibration_error(late: np.ndarray, score: np.ndarray, bins: int = 10) -> float:
    """ECE: the mean distance of score and late share over equally filled bins; 0 is best."""
    rows = bins_of(late, score, bins)
    return float((rows["n"] * (rows["score"] - rows["late"]).abs()).sum() / rows["n"].sum())


# --- files ----------------------------------------------------------------------------------------


def find(path: str, step: str) -> str:
    """The path itself if the file is there, else the newest copy that a pipeline's step kept.

    So a notebook can be opened and run by hand right after the pipeline ran.
    """
    if Path(path).exists():
        return path
    import mlops_lab as lab

    wanted = f"outputs/{Path(path).name}"
    for run in lab.runs(f"name = '{step}' and status = 'finished'", order_by="started desc"):
        if wanted in run.artifacts:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            print(f"{Path(path).name} comes from the run {step} ({run.id[:8]})")
            return str(run.artifacts[wanted].save(path))
    raise FileNotFoundError(f"{path} does not exist: run {step}.ipynb or the pipeline first")
