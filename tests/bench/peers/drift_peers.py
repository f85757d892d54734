"""The drift of all columns with another tool: read both files with pandas, compare, say how many
columns drifted.

    python drift_peers.py evidently|nannyml REFERENCE CURRENT

Each with its defaults. Evidently compares the two tables; NannyML compares the current one as a
single chunk.
"""

from __future__ import annotations

import json
import re
import sys
import time
import warnings
from pathlib import Path

import pandas as pd

warnings.filterwarnings("ignore")


def evidently(reference: pd.DataFrame, current: pd.DataFrame) -> int:
    """Its data drift preset."""
    from evidently import Dataset, Report
    from evidently.presets import DataDriftPreset

    done = Report([DataDriftPreset()]).run(
        Dataset.from_pandas(current), Dataset.from_pandas(reference)
    )
    first = json.loads(done.json())["metrics"][0]
    return int(first["value"]["count"])


def nannyml(reference: pd.DataFrame, current: pd.DataFrame) -> int:
    """Its univariate calculator: Jensen-Shannon, and KS of numbers."""
    import nannyml as nml

    calculator = nml.UnivariateDriftCalculator(
        column_names=list(reference.columns),
        chunk_number=1,
        continuous_methods=["kolmogorov_smirnov", "wasserstein", "jensen_shannon"],
        categorical_methods=["chi2", "jensen_shannon"],
    )
    calculator.fit(reference)
    found = calculator.calculate(current).filter(period="analysis").to_df()
    alerts = found.xs("alert", axis=1, level=2)
    return int(alerts.T.groupby(level=0).any().any(axis=1).sum())


def main() -> None:
    """Print the seconds of the comparison, without imports and reading, the whole process's CPU
    seconds and memory, and how many columns drifted.
    """
    tool = {"evidently": evidently, "nannyml": nannyml}[sys.argv[1]]
    reference, current = (pd.read_parquet(path) for path in sys.argv[2:4])
    tool(reference.head(2_000), current.head(2_000))  # imports, and what compiles itself
    began = time.perf_counter()
    drifted = tool(reference, current)
    call = time.perf_counter() - began
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    print(
        json.dumps(
            {
                "call_s": call,
                "cpu_s": time.process_time(),
                "rss_mb": int(peak[1]) // 1024 if peak else None,
                "drifted": drifted,
            }
        )
    )


if __name__ == "__main__":
    main()
