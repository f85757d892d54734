"""Import, first and later `start_run`, each in fresh processes, beside importing MLflow.

Prints one JSON line; all figures are medians in milliseconds. The first runs in a new project (it
makes the project, its store and the experiment), and again in a project that is there.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPEATS = 5

OURS = """
import json, sys, time
t = time.perf_counter()
import mlops_lab as lab
imported = time.perf_counter()
lab.start_run("first", experiment="bench")
first = time.perf_counter()
lab.log_metric("x", 1)
later = []
for i in range(20):
    with lab.start_run(f"later-{i}", experiment="bench"):
        pass
    begin = time.perf_counter()
    run = lab.start_run(f"open-{i}", experiment="bench")
    later.append(time.perf_counter() - begin)
    run.end()
print(json.dumps({
    "import": (imported - t) * 1e3,
    "first": (first - imported) * 1e3,
    "later": sorted(later)[len(later) // 2] * 1e3,
}))
"""

MLFLOW = """
import json, time
t = time.perf_counter()
import mlflow
print(json.dumps({"import": (time.perf_counter() - t) * 1e3}))
"""


def run(python: Path | str, script: str, folder: str) -> dict[str, float]:
    """Run a script in a fresh process and give the figures that it prints."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [str(python), "-c", script],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def median(rows: list[dict[str, float]], key: str) -> float:
    """Give the middle value of a figure, to a tenth."""
    return round(statistics.median(row[key] for row in rows), 1)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as warm:
        run(sys.executable, OURS, warm)  # compiles, and fills the file cache
        known = [run(sys.executable, OURS, warm) for _ in range(REPEATS)]
    new = []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            new.append(run(sys.executable, OURS, folder))
    result: dict[str, object] = {
        "bench": "import_and_first_run",
        "import_ms": median(known + new, "import"),
        "first_run_new_project_ms": median(new, "first"),
        "first_run_known_project_ms": median(known, "first"),
        "later_run_ms": median(known + new, "later"),
    }
    peer = ROOT / "build" / "peers" / "bin" / "python"
    if peer.exists():
        with tempfile.TemporaryDirectory() as folder:
            run(peer, MLFLOW, folder)
            imports = [run(peer, MLFLOW, folder) for _ in range(3)]
        result["mlflow_import_ms"] = median(imports, "import")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
