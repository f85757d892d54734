"""Folding: points a second, what an empty fold costs, and the rebuild of 10 M points.

python tests/bench/store_fold.py [POINTS]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from mlops_lab.project import Project  # noqa: E402

POINTS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
FOLD_POINTS = 300_000
RUNS, METRICS = 1_000, 10
T = 1_700_000_000_000_000


def say(**line: object) -> None:
    """Print one result."""
    print(json.dumps(line), flush=True)


def run_ids(count: int) -> list[str]:
    """The ids of the runs that the lines speak of."""
    return [f"{number:032x}" for number in range(count)]


def write_journal(project: Project, points: int) -> int:
    """The journal of a process that has ended: ten metrics a line; returns its bytes."""
    folder = project.store.dir / "journal"
    folder.mkdir(exist_ok=True)
    ids = run_ids(RUNS)
    with (folder / "bench.jsonl").open("w") as file:
        for run in ids:
            line = {"e": "run", "r": run, "t": T, "name": run[-4:], "experiment": "Default",
                    "kind": "training", "status": "running", "author": "bench"}  # fmt: skip
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
        for number in range(points // METRICS):
            run, step = ids[number % RUNS], number // RUNS
            values = ",".join(f'"m{key}":{(number * 7 + key) % 1000 / 1000}' for key in range(10))
            file.write(
                f'{{"e":"metric","r":"{run}","t":{T + number},"m":{{{values}}},"s":{step}}}\n'
            )
        return file.tell()


def fold_lines_of_one_point(folder: Path) -> None:
    """The usual case: one metric a line, as a training loop logs."""
    project = Project.create(folder)
    run = project.runs.start(name="bench", experiment="Default")
    for step in range(FOLD_POINTS):
        project.runs.log_metrics(run, {"loss": 1 / (step + 1)}, step=step)
    start = time.perf_counter()
    report = project.store.fold(force=True, wait_s=60)
    took = time.perf_counter() - start
    say(bench="fold", points=FOLD_POINTS, lines=report.lines, s=round(took, 2),
        points_per_s=round(FOLD_POINTS / took))  # fmt: skip
    empty, few = [], []
    for _ in range(20):
        start = time.perf_counter()
        project.store.fold(force=True)
        empty.append(time.perf_counter() - start)
        project.runs.log_metrics(run, {"loss": 0.0}, step=1)
        start = time.perf_counter()
        project.store.fold(force=True)
        few.append(time.perf_counter() - start)
    say(bench="fold_fixed_cost", empty_ms=round(sorted(empty)[10] * 1e3, 1),
        one_line_ms=round(sorted(few)[10] * 1e3, 1))  # fmt: skip
    reads = []
    for _ in range(50):
        start = time.perf_counter()
        project.store.query("select 1", fresh=False)
        reads.append(time.perf_counter() - start)
    say(bench="read", attach_select_detach_ms=round(sorted(reads)[25] * 1e3, 2))
    project.runs.end(run)
    project.store.close()


def rebuild(folder: Path) -> None:
    """Everything again, after the index was deleted."""
    project = Project.create(folder)
    size = write_journal(project, POINTS)
    start = time.perf_counter()
    report = project.store.fold(force=True, wait_s=60)
    took = time.perf_counter() - start
    status = project.store.status()
    (rows,) = project.store.query("select count(*) from lab.history")
    say(bench="rebuild", points=rows[0], lines=report.lines, journal_mb=round(size / 1e6),
        index_mb=round(status.index_bytes / 1e6), s=round(took, 1),
        points_per_s=round(POINTS / took))  # fmt: skip
    start = time.perf_counter()
    project.store.query("select run_id, max from lab.metrics where key = 'm1' order by 2 limit 20")
    say(bench="top_20_of_summaries", runs=RUNS, ms=round((time.perf_counter() - start) * 1e3, 1))
    project.store.close()


def main() -> None:
    """Fold, then rebuild."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "fold").mkdir()
        (Path(folder) / "rebuild").mkdir()
        fold_lines_of_one_point(Path(folder) / "fold")
        rebuild(Path(folder) / "rebuild")


if __name__ == "__main__":
    main()
