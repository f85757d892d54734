"""Drift of two tables beside a bare scan, Evidently and NannyML; size, width, and kept counts.

    python tests/bench/drift_scan.py [SCALE]

Ours makes the grids, counts both files and measures every statistic of every column, with its
p-value, from Parquet. The bare scan is DuckDB adding up every value (of texts, their lengths) of
both files; both may use two threads. The others begin with frames in memory. Every tool runs in a
process of its own; ``call_s`` and ``call_cpu_s`` are the comparison alone, after a small one that
loads what is imported; ``cpu_s`` and ``rss_mb`` are of the whole process. SCALE (default 1)
multiplies the rows; it is in every line. Evidently and NannyML need build/peers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
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

def now():
    return time.perf_counter(), time.process_time()

def since(began):
    return tuple(b - a for a, b in zip(began, now()))

def tell(began, **more):
    call, cpu = since(began)
    peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
    rss = int(peak[1]) // 1024 if peak else None
    print(json.dumps({"call_s": call, "call_cpu_s": cpu, "cpu_s": time.process_time(),
                      "rss_mb": rss, **more}))
"""

BARE = (
    TOLD
    + """
import sys
import duckdb

con = duckdb.connect(config={"threads": 2})
began = now()
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

drift(sys.argv[3], sys.argv[3])  # imports
began = now()
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

old, new, both = sys.argv[1:]
grids = fit_grids(old, time="day")
chunking = Chunking("day", "day")

def measure(cube):
    ref, cur = cube.window(slice(0, -1)), cube.window(slice(-1, None))
    for name in grids:
        for one in STATISTICS.values():
            one.measure(ref[name], cur[name])

earlier = count(old, grids, chunking=chunking).to_bytes()
measure(count(both, grids, chunking=chunking))
began = now()
cube = Cube.merge(Cube.from_bytes(earlier), count(new, grids, chunking=chunking))
night, night_cpu = since(began)
measure(cube)
began = now()
anew = count(both, grids, chunking=chunking)
counting = since(began)
assert anew.to_bytes() == cube.to_bytes()
began = now()
measure(anew)
tell(began, night_s=night, night_cpu_s=night_cpu, anew_s=counting[0], anew_cpu_s=counting[1],
     times_cheaper=counting[1] / night_cpu, cube_mb=round(len(earlier) / 1e6, 2),
     days=len(cube.chunks))
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


def best(*commands: Sequence[str | Path]) -> list[dict[str, Any]]:
    """The fastest of some rounds of each, in turns: what else the machine does only ever adds."""
    rounds = [[run(*command) for command in commands] for _ in range(ROUNDS)]
    return [
        min((one for one in told if one is not None), key=lambda one: float(one["call_s"]))
        for told in zip(*rounds, strict=True)
    ]


def say(what: str, **line: object) -> None:
    """Print one result."""
    print(json.dumps({"bench": "drift_scan", "what": what, "scale": SCALE, **line}), flush=True)


def beside(folder: Path) -> None:
    """1 M × 20 against 1 M × 20."""
    rows = int(1e6 * SCALE)
    pair = write(folder / "ref.parquet", rows, 1), write(folder / "cur.parquet", rows, 2, 0.2)
    small = write(folder / "small.parquet", 2_000, 3)
    ours, bare = best(
        (sys.executable, "-c", OURS, *pair, small), (sys.executable, "-c", BARE, *pair)
    )
    line: dict[str, Any] = {"ours": ours, "bare_scan": bare}
    line["times_bare_scan"] = round(ours["call_s"] / bare["call_s"], 2)
    line["times_bare_scan_cpu"] = round(ours["call_cpu_s"] / bare["call_cpu_s"], 2)
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
    small = write(folder / "small.parquet", 2_000, 3)
    say("large", rows=rows, columns=20, bytes=path.stat().st_size,
        ours=run(sys.executable, "-c", OURS, path, path, small))  # fmt: skip
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
    path, small = folder / "many.parquet", write(folder / "small.parquet", 2_000, 3)
    ours, bare = best(
        (sys.executable, "-c", OURS, path, path, small), (sys.executable, "-c", BARE, path, path)
    )
    say("50,000 categories", rows=rows, ours=ours, bare_scan=bare)
    wide = pa.table({f"c{i}": chance.normal(size=1_000) for i in range(int(10_000 * SCALE))})
    pq.write_table(wide, folder / "wide.parquet")
    path = folder / "wide.parquet"
    say("wide", rows=1_000, columns=wide.num_columns,
        ours=run(sys.executable, "-c", OURS, path, path, small))  # fmt: skip


def kept(folder: Path) -> None:
    """A night with kept counts: the file of a new day beside those of 29 days, counted before."""
    import numpy as np
    import pyarrow.parquet as pq

    rows = int(3e5 * SCALE)
    days = np.sort(np.random.default_rng(6).integers(0, 30 * 86_400, rows))
    at = np.datetime64("2013-04-01", "us") + days.astype("timedelta64[s]")
    whole = table(rows, 7, 0.0).append_column("day", [at])
    new = int(np.searchsorted(days, 29 * 86_400))
    paths = [folder / f"{name}.parquet" for name in ("old", "new", "both")]
    for path, some in zip(paths, (whole.slice(0, new), whole.slice(new), whole), strict=True):
        pq.write_table(some, path)
    say("a night with kept counts", rows=rows, columns=20,
        ours=run(sys.executable, "-c", KEPT, *paths))  # fmt: skip


def main() -> None:
    """A line for each question."""
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as name:
        for question in (beside, odd, kept, large):
            question(Path(name))


if __name__ == "__main__":
    main()
