"""A suite of checks on two million rows, ours and pandera's; the profile of a million × 20.

    python tests/bench/checks.py

Both begin with a Parquet file and end with the name of the column in which one value was planted.
Rounds alternate. pandera needs the environment build/peers, which `make bench` makes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PEER_PYTHON = ROOT / "build" / "peers" / "bin" / "python"
PEER = Path(__file__).parent / "peers" / "pandera_checks.py"
ROWS = 2_000_000
PROFILE_ROWS = 1_000_000
ROUNDS = 3

SUITE = """\
name: weather
key: id
checks:
  - {check: row_count, min: 1000000}
  - {check: unique, column: id}
  - {check: not_null, columns: [id, origin, delay]}
  - {check: set, column: origin, values: [EWR, JFK, LGA]}
  - {check: regex, column: tailnum, pattern: "N[0-9]+"}
  - {check: range, column: wind_speed, min: 0, max: 150}
  - {check: range, column: delay, min: -100, max: 2000}
  - {check: range, column: temp, min: -50, max: 130}
"""

# The whole process counts, imports as well: that is what a commit or a CI step costs.
MEASURE = """
import json, re, sys, time
{imports}
{work}
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())
rss_mb = int(peak[1]) // 1024
print(json.dumps({{"cpu_s": time.process_time(), "rss_mb": rss_mb, "failed": failed}}))
"""

CHECKS = MEASURE.format(
    imports=(
        "from mlops_lab.data.suite import read_suite\n"
        "from mlops_lab.data.suite_run import run_suite"
    ),
    work=(
        "report = run_suite(sys.argv[1], read_suite(sys.argv[2]))\n"
        "failed = [one.column for one in report.checks if one.state == 'failed']"
    ),
)

PROFILE = MEASURE.format(
    imports="from mlops_lab.compute import profile",
    work="failed = [] if len(profile(sys.argv[1]).columns) == 20 else ['columns']",
)

DESCRIBE = MEASURE.format(
    imports="import pandas as pd",
    work="failed = [] if pd.read_parquet(sys.argv[1]).describe(include='all').size else ['rows']",
)


def make(folder: Path) -> tuple[Path, Path, Path]:
    """The tables, seeded, and the suite."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    generator = np.random.default_rng(7)
    n = ROWS
    wind = generator.gamma(2.0, 5.0, n)
    wind[n // 3] = 1048.36
    table = pa.table(
        {
            "id": np.arange(n),
            "origin": generator.choice(["EWR", "JFK", "LGA"], n),
            "tailnum": np.char.add("N", generator.integers(1, 4000, n).astype(str)),
            "wind_speed": wind,
            "delay": generator.integers(-60, 1300, n),
            "temp": generator.normal(55, 18, n).clip(-40, 120),
        }
    )
    pq.write_table(table, folder / "weather.parquet")
    n = PROFILE_ROWS
    columns = {f"x{i}": generator.normal(size=n) for i in range(8)}
    columns |= {f"k{i}": generator.integers(0, 10 ** (i + 1), n) for i in range(6)}
    columns |= {f"s{i}": generator.integers(0, 10 ** (i + 1), n).astype(str) for i in range(4)}
    columns["at"] = generator.integers(0, 10**15, n).astype("datetime64[us]")
    columns["late"] = generator.random(n) < 0.2
    pq.write_table(pa.table(columns), folder / "wide.parquet")
    (folder / "weather.yaml").write_text(SUITE)
    return folder / "weather.parquet", folder / "weather.yaml", folder / "wide.parquet"


def run(*command: str | Path) -> dict[str, Any]:
    """One process from beginning to end."""
    start = time.perf_counter()
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return {"s": time.perf_counter() - start, **json.loads(done.stdout.splitlines()[-1])}


def middle(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each figure."""
    keys = ("s", "cpu_s", "rss_mb")
    return {key: round(sorted(one[key] for one in rounds)[len(rounds) // 2], 2) for key in keys}


def compare(
    bench: str, ours: list[dict[str, Any]], theirs: list[dict[str, Any]], peer: str
) -> None:
    """Print one line."""
    mine = middle(ours)
    line: dict[str, Any] = {"bench": bench, "ours": mine, peer: None}
    if theirs:
        other = middle(theirs)
        line[peer] = other
        line["ratio_cpu"] = round(other["cpu_s"] / mine["cpu_s"], 2)
        line["ratio_rss"] = round(other["rss_mb"] / mine["rss_mb"], 2)
    print(json.dumps(line), flush=True)


def main() -> None:
    """A line for the checks and one for the profile."""
    with tempfile.TemporaryDirectory() as name:
        weather, suite, wide = make(Path(name))
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(run(sys.executable, "-c", CHECKS, weather, suite))
            if PEER_PYTHON.exists():
                theirs.append(run(PEER_PYTHON, PEER, weather))
        assert all(one["failed"] == ["wind_speed"] for one in [*ours, *theirs]), [*ours, *theirs]
        compare("checks_2m_rows", ours, theirs, "pandera")
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(run(sys.executable, "-c", PROFILE, wide))
            theirs.append(run(sys.executable, "-c", DESCRIBE, wide))
        compare("profile_1m_x_20", ours, theirs, "pandas_describe")


if __name__ == "__main__":
    main()
