"""The server's answers at 10,000 runs, over real HTTP in a process of its own.

    python tests/bench/server_runs.py [runs]

What the sidebar and the run view ask. Every run has 20 params, 10 metrics and 10 points each (a
million points in all), one run 200,000. Milliseconds from request to decoded answer: median and
95th percentile of 30 requests, one after the other. ``…_while_logging`` has a writer that logs
1,000 points a second beside it.
"""

from __future__ import annotations

import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from mlops_lab.project import Project  # noqa: E402

TOKEN = "bench"
REQUESTS = 30
LONG = "f" * 32
LONG_POINTS = 200_000


def fill(root: Path, runs: int) -> str:
    """Make a project of many finished runs; gives its key."""
    project = Project.create(root)
    draw = random.Random(7)
    start_us = int(time.time() * 1e6) - runs * 60_000_000
    for number in range(runs):
        t = start_us + number * 60_000_000
        run = f"{number:032x}"
        head = {"e": "run", "r": run, "t": t, "name": f"sweep-{number}", "experiment": "Default"}
        params = {f"p{n}": draw.choice((0.01, 0.1, 1.0)) for n in range(19)} | {"seed": number}
        lines: list[dict[str, Any]] = [head | {"kind": "training", "status": "running"}]
        lines.append({"e": "param", "r": run, "t": t, "k": params})
        for step in range(10):
            metrics = {f"m{n}": draw.random() for n in range(9)} | {"auc": 0.6 + step / 100}
            lines.append({"e": "metric", "r": run, "t": t + step, "m": metrics, "s": step})
        lines.append({"e": "end", "r": run, "t": t + 30_000_000, "status": "finished"})
        project.store.append(*lines)
    now = int(time.time() * 1e6)
    project.store.append({"e": "run", "r": LONG, "t": now, "name": "long", "status": "running"})
    for first in range(0, LONG_POINTS, 10_000):
        steps = range(first, first + 10_000)
        project.store.append(
            *(
                {"e": "metric", "r": LONG, "t": now + s, "m": {"loss": 1 / (s + 1)}, "s": s}
                for s in steps
            )
        )
    project.store.append({"e": "end", "r": LONG, "t": now + LONG_POINTS, "status": "finished"})
    while project.store.fold(wait_s=10, force=True).behind:
        pass
    key = project.key
    project.close()
    return key


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(folder: Path, home: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start a Jupyter Server with our extension; gives it and its address."""
    port = free_port()
    environment = {
        **os.environ,
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "PYTHONPATH": str(ROOT),
    }
    command = [
        sys.executable,
        "-m",
        "jupyter_server",
        f"--port={port}",
        "--no-browser",
        "--allow-root",
    ]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"]
    command += ["--ServerApp.jpserver_extensions={'mlops_lab': True}"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/"
    deadline = time.monotonic() + 60
    while True:
        try:
            ask(address + "api/status")
            return process, address + "mlops-lab/api/v1/projects"
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.1)


def ask(address: str, **query: Any) -> Any:
    """One request; gives the decoded answer."""
    full = f"{address}?{urllib.parse.urlencode(query)}" if query else address
    request = urllib.request.Request(full, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read())


def measure(call: Callable[[], Any]) -> dict[str, float]:
    """Milliseconds of a call: median and 95th percentile."""
    call()
    times = []
    for _ in range(REQUESTS):
        before = time.perf_counter()
        call()
        times.append((time.perf_counter() - before) * 1e3)
    return {
        "median_ms": round(statistics.median(times), 1),
        "p95_ms": round(sorted(times)[int(0.95 * len(times))], 1),
    }


def main(runs: int) -> None:
    """Fill, serve, ask, print one line."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, home = Path(scratch) / "lab", Path(scratch) / "home"
        home.mkdir()
        key = fill(folder, runs)
        process, projects = serve(folder, home)
        try:
            before = time.perf_counter()
            assert ask(projects, near="")["current"]["key"] == key
            first_s = time.perf_counter() - before
            project = f"{projects}/{key}"
            middle = runs // 2
            asked = {
                "runs": lambda: ask(f"{project}/runs", limit=50, sparkline="auto"),
                "runs_far_end": lambda: ask(
                    f"{project}/runs", limit=50, sparkline="auto", offset=runs - 60
                ),
                "runs_top_20_by_best": lambda: ask(
                    f"{project}/runs", limit=20, order_by="best(m1) desc", where="best(m1) > 0.5"
                ),
                "run": lambda: ask(f"{project}/runs/{middle:032x}"),
                "metrics": lambda: ask(f"{project}/runs/{middle:032x}/metrics", points=300),
                "metric_200_000_points": lambda: ask(
                    f"{project}/runs/{LONG}/metrics/loss", points=300
                ),
                "needs": lambda: ask(f"{project}/needs"),
                "project": lambda: ask(project),
            }
            figures = {name: measure(call) for name, call in asked.items()}
            stop = threading.Event()
            writer = threading.Thread(target=log, args=(folder, stop))
            writer.start()
            figures["runs_while_logging"] = measure(asked["runs"])
            stop.set()
            writer.join()
            said = {"bench": "server_runs", "n_runs": runs, "first_s": round(first_s, 2)}
            print(json.dumps(said | figures))
        finally:
            process.terminate()
            process.wait(30)


def log(folder: Path, stop: threading.Event) -> None:
    """Log 1,000 points a second until told to stop."""
    project = Project.open(folder)
    run = project.runs.start(name="writer")
    while not stop.is_set():
        for _ in range(20):
            project.runs.log_metrics(run, {"auc": random.random()})
        time.sleep(0.02)
    project.runs.end(run)
    project.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
