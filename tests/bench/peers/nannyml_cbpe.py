"""NannyML's estimates (CBPE) of weekly chunks, and what came.

    python nannyml_cbpe.py REFERENCE CURRENT

It decides by itself whether scores need calibration; ``calibrated`` is with that decided for it, as
ours always does. Prints one JSON line: by metric a list over the weeks.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import pandas as pd

warnings.filterwarnings("ignore")

METRICS = ["roc_auc", "f1", "precision", "recall"]


def estimate(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, list[float]]:
    """The estimates of the current weeks by metric."""
    import nannyml as nml

    estimator = nml.CBPE(
        problem_type="classification_binary",
        y_pred_proba="score",
        y_pred="answer",
        y_true="late",
        timestamp_column_name="at",
        chunk_period="W",
        metrics=METRICS,
    )
    estimator.fit(reference)
    found = estimator.estimate(current).filter(period="analysis").to_df()
    return {name: found[name]["value"].tolist() for name in METRICS}


def main() -> None:
    """Print the estimates, and the seconds they took without imports."""
    reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
    estimate(reference.head(4_000), current.head(3_000))  # imports, and what compiles itself
    began = time.perf_counter()
    default = estimate(reference, current)
    seconds = time.perf_counter() - began
    from nannyml.performance_estimation.confidence_based import cbpe, metrics

    for module in (cbpe, metrics):
        if hasattr(module, "needs_calibration"):
            module.needs_calibration = lambda *args, **kwargs: True
    calibrated = estimate(reference, current)
    print(json.dumps({"s": seconds, "default": default, "calibrated": calibrated}))


if __name__ == "__main__":
    main()
