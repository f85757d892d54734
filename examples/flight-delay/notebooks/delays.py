"""What the three notebooks share: the features, the models, a few figures and the look of the charts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

# jsonschema, which Altair imports, builds a grammar of international addresses if this package is there:
# half of Altair's import time, for something that no chart needs.
sys.modules.setdefault("rfc3987_syntax", None)

import altair as alt
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


def make_model(
    estimator: str = "hgb",
    *,
    seed: int,
    learning_rate: float = 0.06,
    max_leaf_nodes: int = 15,
    max_iter: int = 120,
    min_samples_leaf: int = 50,
    l2: float = 5.0,
    also: list[str] | None = None,
) -> Any:
    """An untrained scikit-learn pipeline: ``hgb`` (boosted trees) or ``logistic``.

    ``also`` names further number columns; the leaking model is made with ``dep_delay``.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    numbers = NUMBERS + (also or [])
    if estimator == "hgb":
        # Plain codes instead of native categories: as good here, and they survive an export to ONNX.
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
        columns = ColumnTransformer(
            [("codes", codes, CATEGORIES), ("numbers", "passthrough", numbers)]
        )
        trees = HistGradientBoostingClassifier(
            learning_rate=learning_rate,
            max_leaf_nodes=max_leaf_nodes,
            max_iter=max_iter,
            min_samples_leaf=min_samples_leaf,
            l2_regularization=l2,
            early_stopping=False,
            random_state=seed,
        )
        return Pipeline([("columns", columns), ("trees", trees)])
    if estimator == "logistic":
        filled = Pipeline([("fill", SimpleImputer()), ("scale", StandardScaler())])
        columns = ColumnTransformer(
            [
                ("flags", OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
                ("numbers", filled, numbers),
            ]
        )
        return Pipeline([("columns", columns), ("linear", LogisticRegression(C=0.1, max_iter=500))])
    raise ValueError(f"estimator is {estimator!r}; it can be 'hgb' or 'logistic'")


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


# skops refuses every type that it was not told to trust. This list is ours, never the file's.
TRUSTED = [
    "numpy.dtype",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
]


def load_model(path: str | Path) -> Any:
    """Read a model that ``save_model`` wrote; refuses a file with any other type inside."""
    import skops.io as sio

    if not Path(path).exists():
        raise FileNotFoundError(f"{path} does not exist: run train.ipynb or the pipeline first")
    return sio.load(path, trusted=TRUSTED)


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


# --- charts ---------------------------------------------------------------------------------------

BLUE, ORANGE, GREEN, PINK, OLIVE, GREY = (
    "#2a78c8",
    "#d9741c",
    "#2f9169",
    "#c2508b",
    "#8a8420",
    "#85898d",
)
WIDTH = 620


def week_name(week: pd.Series) -> pd.Series:
    """Weeks by their Monday, as ``4 Feb``: text, because charts would shift times to the reader's zone."""
    return week.dt.day.astype(str) + " " + week.dt.strftime("%b")


def signed(value: float, digits: int = 3) -> str:
    """A difference with its sign: ``−.058`` is written with a true minus and no leading zero."""
    return f"{value:+.{digits}f}".replace("-", "−").replace("0.", ".", 1)


def _look() -> dict[str, Any]:
    faint = "rgba(128, 128, 128, 0.22)"
    font = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
    return {
        "config": {
            "font": font,
            "view": {"stroke": None, "continuousWidth": WIDTH, "discreteWidth": WIDTH, "continuousHeight": 220},
            "axis": {
                "domain": False,
                "ticks": False,
                "gridColor": faint,
                "labelPadding": 6,
                "labelFontSize": 11,
                "titleFontSize": 11,
                "titleFontWeight": "normal",
                "tickCount": 5,
            },
            "axisX": {"grid": False, "domain": True, "domainColor": faint},
            # The name of the y axis stands above it, level, where it can be read.
            "axisY": {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleY": -12},
            "title": {
                "anchor": "start",
                "fontSize": 14,
                "fontWeight": 600,
                "subtitleFontSize": 12,
                "offset": 14,
            },
            "legend": {"orient": "top", "title": None, "labelFontSize": 11, "offset": 26},
            "mark": {"color": BLUE},
            "range": {"category": [BLUE, ORANGE, GREEN, PINK, OLIVE]},
            "line": {"strokeWidth": 1.75},
            "point": {"filled": True, "size": 42},
            "rule": {"color": GREY},
        }
    }


def use_theme() -> None:
    """Give Altair one look, and draw charts where JupyterLab can: offline, with tooltips."""
    if "delays" not in alt.theme.names():
        alt.theme.register("delays", enable=False)(_look)
    alt.theme.enable("delays")
    alt.renderers.register("delays", _bundle)
    alt.renderers.enable("delays")


def _bundle(spec: dict[str, Any], **_: Any) -> dict[str, Any]:
    # JupyterLab draws Vega-Lite 5 by itself and Altair writes version 6; for these charts they are the same.
    spec = {**spec, "$schema": "https://vega.github.io/schema/vega-lite/v5.json"}
    return {"application/vnd.vegalite.v5+json": spec, "text/plain": "<chart>"}
