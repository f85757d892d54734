"""MLflow on SQLite: log points one by one from several processes.

Prints the seconds of each process, and how often the database was locked for too long.

    python mlflow_log_metric.py FOLDER PROCESSES POINTS
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import sys
import time
from typing import Any


def work(uri: str, run_id: str, points: int, barrier: Any, answers: Any) -> None:
    """Log the points of one process, each until the database takes it."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    refused = 0
    barrier.wait(120)
    start = time.perf_counter()
    for step in range(points):
        while True:
            try:
                client.log_metric(run_id, "loss", 1 / (step + 1), step=step)
                break
            except Exception:
                refused += 1
    answers.put((time.perf_counter() - start, refused))


def main(folder: str, processes: int, points: int) -> None:
    """Log from all processes at once."""
    from mlflow import MlflowClient

    logging.disable(logging.INFO)
    uri = f"sqlite:///{folder}/mlflow.db"
    client = MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("bench")
    runs = [client.create_run(experiment).info.run_id for _ in range(processes)]
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(processes), context.Queue()
    workers = [
        context.Process(target=work, args=(uri, run, points, barrier, answers)) for run in runs
    ]
    for worker in workers:
        worker.start()
    got = [answers.get(timeout=300) for _ in workers]
    print(json.dumps({"s": [s for s, _ in got], "refused": sum(refused for _, refused in got)}))
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
