"""Evidently and NannyML with their defaults: which columns of pairs of tables they call drifted.

    python drift_alarms.py evidently FOLDER     # FOLDER/*/reference.parquet and current.parquet
    python drift_alarms.py nannyml FOLDER       # with a column `at`, by day

Prints a JSON object: the folder's name to the share of columns (of cells) that alarm, by kind.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")
logging.disable(logging.INFO)


def shares(alarms: dict[str, list[bool]]) -> dict[str, float]:
    """By the kind that begins a column's name."""
    return {kind: sum(found) / len(found) for kind, found in sorted(alarms.items())}


def with_evidently(folder: Path) -> dict[str, float]:
    """The data drift preset, untouched."""
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    reference = pd.read_parquet(folder / "reference.parquet")
    current = pd.read_parquet(folder / "current.parquet")
    result = json.loads(Report([DataDriftPreset()]).run(current, reference).json())
    alarms: dict[str, list[bool]] = {}
    for metric in result["metrics"]:
        told: dict[str, Any] = metric.get("config", {})
        if "column" not in told:
            continue
        method = str(told["method"]).lower()
        # p-values alarm below the threshold, distances above it.
        value, threshold = float(metric["value"]), float(told["threshold"])
        drifted = (
            value < threshold
            if "p_value" in method or "p-value" in method
            else (value >= threshold)
        )
        alarms.setdefault(told["column"].rstrip("0123456789"), []).append(bool(drifted))
    return shares(alarms)


def with_nannyml(folder: Path) -> dict[str, float]:
    """Univariate drift by day, its thresholds at three standard deviations of the reference."""
    import nannyml as nml
    import pandas as pd

    reference = pd.read_parquet(folder / "reference.parquet")
    current = pd.read_parquet(folder / "current.parquet")
    columns = [name for name in reference if name != "at"]
    texts = [name for name in columns if reference[name].dtype == object]
    calculator = nml.UnivariateDriftCalculator(
        column_names=columns,
        treat_as_categorical=texts,
        timestamp_column_name="at",
        continuous_methods=["kolmogorov_smirnov"],
        categorical_methods=["jensen_shannon"],
        chunk_period="D",
    ).fit(reference)
    found = calculator.calculate(current).filter(period="analysis").to_df()
    alarms: dict[str, list[bool]] = {}
    for name in columns:
        method = "jensen_shannon" if name in texts else "kolmogorov_smirnov"
        flags = found[(name, method, "alert")].tolist()
        alarms.setdefault(name.rstrip("0123456789"), []).extend(map(bool, flags))
    return shares(alarms)


if __name__ == "__main__":
    look = {"evidently": with_evidently, "nannyml": with_nannyml}[sys.argv[1]]
    root = Path(sys.argv[2])
    print(json.dumps({one.name: look(one) for one in sorted(root.iterdir()) if one.is_dir()}))
