"""One point logged: ours, MLflow on SQLite and one bare os.write, from 1, 4 and 16 processes.

    python tests/bench/store_log_metric.py

MLflow needs the environment build/peers, which `make bench` makes.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PEER_PYTHON = ROOT / "build" / "peers" / "bin" / "python"
PEER = Path(__file__).parent / "peers" / "mlflow_log_metric.py"
POINTS = 20_000
PEER_POINTS = {1: 50, 4: 20, 16: 5}
LINE = (
    b'{"e":"metric","r":"0123456789abcdef0123456789abcdef","t":1795261184015339,'
    b'"m":{"loss":0.041666666666666664},"s":1234}\n'
)


def log_ours(folder: str, barrier: Any, answers: Any) -> None:
    """Log as a user does: open a run, then one call a point."""
    os.chdir(folder)
    import mlops_lab as lab

    times = []
    with lab.start_run("bench", experiment="Default") as run:
        run.log_metric("warm", 0.0)
        barrier.wait(120)
        for step in range(POINTS):
            start = time.perf_counter_ns()
            run.log_metric("loss", 1 / (step + 1), step=step)
            times.append(time.perf_counter_ns() - start)
    answers.put(sorted(times))


def log_bare(folder: str, barrier: Any, answers: Any) -> None:
    """The least that keeps a line: one os.write to a file of one's own."""
    fd = os.open(f"{folder}/bare-{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    times = []
    barrier.wait(120)
    for _ in range(POINTS):
        start = time.perf_counter_ns()
        os.write(fd, LINE)
        times.append(time.perf_counter_ns() - start)
    os.close(fd)
    answers.put(sorted(times))


def measure(target: Any, processes: int) -> dict[str, float]:
    """Median, 99th percentile and throughput over all processes together."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mlops.toml").touch()
        barrier, answers = context.Barrier(processes), context.Queue()
        workers = [
            context.Process(target=target, args=(folder, barrier, answers))
            for _ in range(processes)
        ]
        for worker in workers:
            worker.start()
        times = sorted(time for _ in workers for time in answers.get(timeout=300))
        for worker in workers:
            worker.join()
    return {
        "p50_us": round(times[len(times) // 2] / 1e3, 1),
        "p99_us": round(times[int(len(times) * 0.99)] / 1e3, 1),
        "mean_us": round(sum(times) / len(times) / 1e3, 1),
    }


def measure_mlflow(processes: int) -> dict[str, float] | None:
    """The mean of the peer, None without its environment."""
    if not PEER_PYTHON.exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [PEER_PYTHON, PEER, folder, str(processes), str(PEER_POINTS[processes])],
            capture_output=True,
            text=True,
            check=True,
            timeout=600,
        )
    told = json.loads(done.stdout.splitlines()[-1])
    mean_us = sum(told["s"]) / len(told["s"]) / PEER_POINTS[processes] * 1e6
    return {"mean_us": round(mean_us, 1), "refused": told["refused"]}


def main() -> None:
    """One line for each number of processes."""
    sys.path.insert(0, str(ROOT))
    for processes in (1, 4, 16):
        line = {
            "bench": "log_metric",
            "processes": processes,
            "ours": measure(log_ours, processes),
            "bare_os_write": measure(log_bare, processes),
            "mlflow_sqlite": measure_mlflow(processes),
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
