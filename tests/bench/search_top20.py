"""Top 20 of 10,000 runs by their best metric, beside MLflow on SQLite.

    python tests/bench/search_top20.py [RUNS]

Every run has 20 params, 10 metrics of 3 points and 2 tags. MLflow knows no best value of a metric:
its search goes by the last one, over rows put into its tables directly (through its API that
takes minutes) in the layout that its own store makes. Its part needs build/peers (`make bench`).
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
REPEATS = 30
WHERE = "experiment = 'bench' and best(m0) > 0.5 and params.p1 < 50 and tags.team = 'ops'"
MLFLOW_WHERE = "metrics.m0 > 0.5 and params.p1 = '7' and tags.team = 'ops'"


def measure(search: Callable[[], object]) -> dict[str, float]:
    """Give the median and the 95th percentile in milliseconds, after a first call."""
    search()
    took = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        search()
        took.append((time.perf_counter() - start) * 1e3)
    took.sort()
    return {
        "p50_ms": round(took[len(took) // 2], 2),
        "p95_ms": round(took[int(len(took) * 0.95)], 2),
    }


def ours(folder: Path) -> dict[str, object]:
    """Fill a project and search it."""
    from mlops_lab.project import Project

    project = Project.create(folder / "project")
    chance = random.Random(7)
    runs = project.runs
    for i in range(RUNS):
        run = runs.start(
            name=f"run-{i}",
            experiment="bench",
            params={f"p{k}": chance.randrange(100) for k in range(20)},
            tags={"team": "ops" if i % 2 else "research", "note": "x"},
        )
        for step in range(3):
            runs.log_metrics(run, {f"m{k}": chance.random() for k in range(10)}, step=step)
        runs.end(run)
    project.store.fold(wait_s=60, force=True)
    found = {
        "top20": measure(lambda: runs.search(order_by="best(m0) desc", limit=20)),
        "top20_of_condition": measure(
            lambda: runs.search(WHERE, order_by="best(m0) desc", limit=20)
        ),
    }
    assert runs.search(order_by="best(m0) desc", limit=20).total == RUNS
    project.close()
    return found


def mlflow(folder: Path) -> dict[str, object] | None:
    """Have the peers' Python do the same with MLflow; None without it."""
    python = ROOT / "build" / "peers" / "bin" / "python"
    if not python.exists():
        return None
    done = subprocess.run(
        [python, __file__, str(RUNS), "--mlflow", str(folder)], check=True, stdout=subprocess.PIPE
    )
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def search_mlflow(folder: Path) -> dict[str, object]:
    """Fill MLflow's tables and search them; runs in the peers' Python."""
    import sqlite3
    import uuid

    from mlflow import MlflowClient
    from mlflow.entities import ViewType

    database = folder / "mlflow.db"
    client = MlflowClient(f"sqlite:///{database}")
    experiment = client.create_experiment("bench")
    # One run through the API: its row is the pattern for the others.
    pattern = client.create_run(experiment).info.run_id
    chance = random.Random(7)
    with sqlite3.connect(database) as connection:
        connection.execute("pragma synchronous = off")
        connection.row_factory = sqlite3.Row
        row = dict(
            connection.execute("select * from runs where run_uuid = ?", [pattern]).fetchone()
        )
        runs, params, metrics, latest, tags = [], [], [], [], []
        for i in range(RUNS):
            run = uuid.uuid4().hex
            runs.append(tuple({**row, "run_uuid": run, "name": f"run-{i}"}.values()))
            params += [(f"p{k}", str(chance.randrange(100)), run) for k in range(20)]
            for step in range(3):
                points = [(f"m{k}", chance.random(), step, run) for k in range(10)]
                metrics += points
            latest += points
            tags += [("team", "ops" if i % 2 else "research", run), ("note", "x", run)]
        marks = ", ".join("?" * len(row))
        connection.executemany(f"insert into runs values ({marks})", runs)
        connection.executemany("insert into params (key, value, run_uuid) values (?, ?, ?)", params)
        columns = "(key, value, timestamp, step, run_uuid, is_nan) values (?, ?, 0, ?, ?, 0)"
        connection.executemany(f"insert into metrics {columns}", metrics)
        connection.executemany(f"insert into latest_metrics {columns}", latest)
        connection.executemany("insert into tags (key, value, run_uuid) values (?, ?, ?)", tags)
        connection.execute("delete from runs where run_uuid = ?", [pattern])

    def search(where: str) -> object:
        return client.search_runs(
            [experiment], where, ViewType.ACTIVE_ONLY, 20, ["metrics.m0 DESC"]
        )

    assert len(search("")) == 20  # type: ignore[arg-type]
    return {
        "top20": measure(lambda: search("")),
        "top20_of_condition": measure(lambda: search(MLFLOW_WHERE)),
    }


def main() -> None:
    """Print one JSON line."""
    if "--mlflow" in sys.argv:
        print(json.dumps(search_mlflow(Path(sys.argv[-1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        line = {"bench": "search_top20", "runs": RUNS, "mlops_lab": ours(Path(folder))}
        line["mlflow_sqlite"] = mlflow(Path(folder))
    print(json.dumps(line))


if __name__ == "__main__":
    main()
