"""pandera on the same checks: read the file with pandas, validate everything, say what failed.

python pandera_checks.py FILE
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import pandas as pd
import pandera.pandas as pa


def main() -> None:
    """Print the CPU seconds of the whole process, its memory, and the checks that failed."""
    frame = pd.read_parquet(sys.argv[1])
    schema = pa.DataFrameSchema(
        {
            "id": pa.Column("int64", unique=True, nullable=False),
            "origin": pa.Column(str, pa.Check.isin(["EWR", "JFK", "LGA"]), nullable=False),
            "tailnum": pa.Column(str, pa.Check.str_matches(r"N[0-9]+$"), nullable=True),
            "wind_speed": pa.Column(float, pa.Check.in_range(0, 150), nullable=True),
            "delay": pa.Column("int64", pa.Check.in_range(-100, 2000)),
            "temp": pa.Column(float, pa.Check.in_range(-50, 130), nullable=True),
        },
        checks=pa.Check(lambda rows: len(rows) > 1_000_000),
    )
    failed = []
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        failed = sorted({str(one) for one in errors.failure_cases["column"]})
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    rss_mb = int(peak[1]) // 1024 if peak else None
    print(json.dumps({"cpu_s": time.process_time(), "rss_mb": rss_mb, "failed": failed}))


if __name__ == "__main__":
    main()
