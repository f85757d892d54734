"""Drift of two tables beside a bare scan, Evidently and NannyML; size, width, and kept counts.

    python tests/bench/drift_scan.py [SCALE]

Ours makes the grids, counts both files and measures every statistic of every column, with its
p-value, from Parquet. The bare scan is DuckDB adding up every value (of texts, their lengths) of
both files. The others begin with frames in memory. Every tool runs in a process of its own;
``call_s`` is the comparison alone, ``cpu_s`` and ``rss_mb`` are of the whole process. SCALE
(default 1) multiplies the rows; it is in every line. Evidently and NannyML need build/peers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "build" / "peers" / "bin" / "python"
PEER = Path(__file__).parent / "peers" / "drift_peers.py"
SCALE = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
ROUNDS = 3
PIECE = 250_000

TOLD = """
import json, re, time
from pathlib import Path

def tell(began, **more):
    peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
    rss = int(peak[1]) // 1024 if peak else None
    call = time.perf_counter() - began
    print(json.dumps({"call_s": call, "cpu_s": time.process_time(), "rss_mb": rss, **more}))
"""

BARE = (
    TOLD
    + """
import sys
import duckdb

con = duckdb.connect(config={"threads": 2})
began = time.perf_counter()
for path in sys.argv[1:]:
    columns = con.execute(f"describe select * from '{path}'").fetchall()
    wanted = [
        f'sum(length("{row[0]}"))' if row[1] == "VARCHAR" else f'sum("{row[0]}"::double)'
        for row in columns
    ]
    con.execute(f"select {', '.join(wanted)} from '{path}'").fetchall()
tell(began)
"""
)

OURS = (
    TOLD
    + """
import sys
from mlops_lab.compute import count, fit_grids
from mlops_lab.compute.statistics import STATISTICS, significance, statistics_for

def drift(reference, current):
    grids = fit_grids(reference)
    ref, cur = (count(one, grids).window() for one in (reference, current))
    drifted = 0
    for name, grid in grids.items():
        found = {one.name: one.measure(ref[name], cur[name]) for one in statistics_for(grid.kind)}
        p = significance(ref[name], cur[name])
        effect = found.get("ks") if grid.ordered else found.get("total_variation_excess")
        drifted += effect is not None and effect.low >= 0.05 and p < 0.01
    return drifted

if len(sys.argv) > 3:
    drift(*sys.argv[3:])  # imports
began = time.perf_counter()
drifted = drift(*sys.argv[1:3])
tell(began, drifted=int(drifted))
"""
)

KEPT = (
    TOLD
    + """
import sys
from mlops_lab.compute import Cube, Chunking, count, fit_grids
from mlops_lab.compute.statistics import STATISTICS

path, day = sys.argv[1], "2013-04-30"
grids = fit_grids(path, time="day")
chunking = Chunking("day", "day")
earlier = count(path, grids, chunking=chunking, where=f"day < timestamp '{day}'").to_bytes()
new = f"select * from '{path}' where day >= timestamp '{day}'"
began = time.perf_counter()
cube = Cube.merge(Cube.from_bytes(earlier), count(new, grids, chunking=chunking))
ref, cur = cube.window(slice(0, -1)), cube.window(slice(-1, None))
for name in grids:
    for one in STATISTICS.values():
        one.measure(ref[name], cur[name])
night = time.perf_counter() - began
began = time.perf_counter()
count(path, grids, chunking=chunking)
tell(began, night_s=night, cube_mb=round(len(earlier) / 1e6, 2), days=len(cube.chunks))
"""
)


def table(rows: int, seed: int, shift: float) -> Any:
    """20 columns: 8 normal, 4 heavy-tailed, 2 with few values, 2 mostly zero, 3 texts, a flag."""
    import numpy as np
    import pyarrow as pa

    chance = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        f"normal{i}": chance.normal(i * 10 + shift * (i % 2), i + 1, rows) for i in range(8)
    }
    columns |= {f"heavy{i}": chance.lognormal(shift * i / 4, 1.5, rows) for i in range(4)}
    columns |= {f"few{i}": chance.integers(0, 300, rows) for i in range(2)}
    for i in range(2):
        dry = chance.random(rows) < 0.4
        columns[f"rain{i}"] = np.where(dry, 0.0, chance.gamma(2 + shift * i, 2, rows))
    for i in range(3):
        words = np.char.add("v", np.arange(10 ** (i + 1)).astype(str))
        columns[f"word{i}"] = words[chance.integers(0, len(words), rows)]
    columns["flag"] = chance.random(rows) < 0.3 + shift / 10
    return pa.table(columns)


def write(path: Path, rows: int, seed: int, shift: float = 0.0) -> Path:
    """A file of that, written in pieces: ten million rows need no more memory than a few."""
    import pyarrow.parquet as pq

    writer = None
    for i, start in enumerate(range(0, rows, PIECE)):
        piece = table(min(PIECE, rows - start), seed * 1000 + i, shift)
        writer = writer or pq.ParquetWriter(path, piece.schema)
        writer.write_table(piece, row_group_size=122_880)
    assert writer is not None
    writer.close()
    return path


def run(*command: str | Path) -> dict[str, Any] | None:
    """One process from beginning to end; None where it fails, with its last line on stderr."""
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DO_NOT_TRACK": "1",
        "NML_DISABLE_USAGE_LOGGING": "1",
    }
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=3600, env=env, check=False
    )
    if done.returncode:
        print((done.stderr.strip().splitlines() or ["it failed"])[-1], file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in found.items()}


def best(*command: str | Path) -> dict[str, Any] | None:
    """The fastest of some rounds: what the machine does besides only ever adds."""
    found = [one for _ in range(ROUNDS) if (one := run(*command)) is not None]
    return min(found, key=lambda one: float(one["call_s"])) if found else None


def say(what: str, **line: object) -> None:
    """Print one result."""
    print(json.dumps({"bench": "drift_scan", "what": what, "scale": SCALE, **line}), flush=True)


def beside(folder: Path) -> None:
    """1 M × 20 against 1 M × 20."""
    rows = int(1e6 * SCALE)
    pair = write(folder / "ref.parquet", rows, 1), write(folder / "cur.parquet", rows, 2, 0.2)
    small = write(folder / "small.parquet", 2_000, 3)
    ours = best(sys.executable, "-c", OURS, *pair, small, small)
    bare = best(sys.executable, "-c", BARE, *pair)
    assert ours is not None
    assert bare is not None
    line: dict[str, Any] = {"ours": ours, "bare_scan": bare}
    line["times_bare_scan"] = round(ours["call_s"] / bare["call_s"], 2)
    for tool in ("evidently", "nannyml"):
        peer = run(PEERS, PEER, tool, *pair) if PEERS.exists() else None
        line[tool] = peer
        if peer is not None:
            line[f"times_faster_than_{tool}"] = round(peer["call_s"] / ours["call_s"], 1)
    say("beside others", rows=rows, columns=20, **line)


def large(folder: Path) -> None:
    """10 M × 20 against itself, in bounded memory."""
    rows = int(1e7 * SCALE)
    path = write(folder / "large.parquet", rows, 4)
    say("large", rows=rows, columns=20, bytes=path.stat().st_size,
        ours=run(sys.executable, "-c", OURS, path, path))  # fmt: skip
    path.unlink()


def odd(folder: Path) -> None:
    """A column of 50,000 categories, and 10,000 columns."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    chance = np.random.default_rng(5)
    rows, words = int(1e6 * SCALE), np.char.add("tail number ", np.arange(50_000).astype(str))
    many = pa.table({"tail": words[(50_000 * chance.random(rows) ** 2).astype(int)]})
    pq.write_table(many, folder / "many.parquet")
    path = folder / "many.parquet"
    say("50,000 categories", rows=rows, ours=best(sys.executable, "-c", OURS, path, path))
    wide = pa.table({f"c{i}": chance.normal(size=1_000) for i in range(int(10_000 * SCALE))})
    pq.write_table(wide, folder / "wide.parquet")
    path = folder / "wide.parquet"
    say("wide", rows=1_000, columns=wide.num_columns,
        ours=run(sys.executable, "-c", OURS, path, path))  # fmt: skip


def kept(folder: Path) -> None:
    """A night with kept counts: one new day, merged with 29 earlier ones."""
    import numpy as np
    import pyarrow.parquet as pq

    rows = int(3e5 * SCALE)
    days = np.sort(np.random.default_rng(6).integers(0, 30 * 86_400, rows))
    at = np.datetime64("2013-04-01", "us") + days.astype("timedelta64[s]")
    pq.write_table(table(rows, 7, 0.0).append_column("day", [at]), folder / "days.parquet")
    say("a night with kept counts", rows=rows, columns=20,
        ours=run(sys.executable, "-c", KEPT, folder / "days.parquet"))  # fmt: skip


def main() -> None:
    """A line for each question."""
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as name:
        for question in (beside, odd, kept, large):
            question(Path(name))


if __name__ == "__main__":
    main()
