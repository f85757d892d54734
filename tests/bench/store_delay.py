"""How long after it was logged a point is readable: 16 processes log, 4 read, all at once.

python tests/bench/store_delay.py [SECONDS]
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
WRITERS, READERS, POINTS_PER_S = 16, 4, 100


def write(folder: str, barrier: Any, answers: Any) -> None:
    """Log at a steady pace; answers how many points."""
    from mlops_lab.project import Project

    project = Project.open(Path(folder))
    run = project.runs.start(name="bench", experiment="Default")
    barrier.wait(120)
    start, step = time.monotonic(), 0
    while time.monotonic() - start < SECONDS:
        project.runs.log_metrics(run, {"loss": float(step)}, step=step)
        step += 1
        time.sleep(max(0.0, start + step / POINTS_PER_S - time.monotonic()))
    project.runs.end(run)
    answers.put(("points", step))


def read(folder: str, barrier: Any, answers: Any) -> None:
    """Read what is new, again and again; answers the age of each point when it was first seen."""
    from mlops_lab.project import Project

    store = Project.open(Path(folder)).store
    store.query("select 1")
    barrier.wait(120)
    start, seen, delays, reads = time.monotonic(), time.time_ns() // 1000, [], []
    while time.monotonic() - start < SECONDS:
        began = time.perf_counter()
        rows = store.query(
            "select epoch_us(logged_at) from lab.history where epoch_us(logged_at) > ?", [seen]
        )
        now = time.time_ns() // 1000
        reads.append(time.perf_counter() - began)
        delays += [(now - t) / 1e3 for (t,) in rows]
        # Points of slower writers may come with an older time: they count once, a little late.
        seen = max((t for (t,) in rows), default=seen)
    answers.put(("delays", (delays, reads)))


def main() -> None:
    """One line: delays of points and times of reads."""
    from mlops_lab.project import Project

    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(Path(folder))
        barrier, answers = context.Barrier(WRITERS + READERS), context.Queue()
        targets = [write] * WRITERS + [read] * READERS
        workers = [
            context.Process(target=target, args=(folder, barrier, answers)) for target in targets
        ]
        for worker in workers:
            worker.start()
        got = [answers.get(timeout=300) for _ in workers]
        for worker in workers:
            worker.join()
        logged = sum(value for kind, value in got if kind == "points")
        project.store.fold(force=True, wait_s=60)
        ((stored,),) = project.store.query("select count(*) from lab.history")
        project.store.close()
    delays = sorted(delay for kind, value in got if kind == "delays" for delay in value[0])
    reads = sorted(took for kind, value in got if kind == "delays" for took in value[1])
    line = {
        "bench": "delay_until_readable",
        "writers": WRITERS,
        "readers": READERS,
        "s": SECONDS,
        "points": logged,
        "lost": logged - stored,
        "p50_ms": round(delays[len(delays) // 2]),
        "p95_ms": round(delays[int(len(delays) * 0.95)]),
        "max_ms": round(delays[-1]),
        "read_p50_ms": round(reads[len(reads) // 2] * 1e3, 1),
        "read_p95_ms": round(reads[int(len(reads) * 0.95)] * 1e3, 1),
        "reads": len(reads),
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
