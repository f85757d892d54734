"""What the prediction log costs a request, and what its readers wait for.

    python tests/bench/prediction_log.py [ROWS]

Requests of one row with 17 columns, as the example's model takes them. `add_us` is on the path of a
request, `cpu_us` what a request costs the process in all, thread and disk included; `loss_s` is how
much a `kill -9` takes. Readers see half of the rows in Parquet, half in a file that is being
written.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = int(sys.argv[1]) if sys.argv[1:2] and sys.argv[1].isdigit() else 200_000
REQUESTS = 20_000
NUMBERS = 14
DAY_US = 86_400_000_000


def rows_of(count: int) -> dict[str, Any]:
    """Inputs of so many rows."""
    import numpy as np

    random = np.random.default_rng(7)
    texts = {
        name: random.choice(np.array(["EV", "UA", "DL"], dtype=object), count)
        for name in ("carrier", "origin", "dest")
    }
    return {**texts, **{f"n{i}": random.normal(size=count) for i in range(NUMBERS)}}


def batch(number: int, frame: dict[str, Any], at: int) -> Any:
    """An answered request."""
    import numpy as np

    from mlops_lab.serving.predictions.writing import Batch

    rows = len(frame["n0"])
    return Batch(
        request_id=f"{number:032x}",
        t=at,
        role="stable",
        revision="r1",
        model="flight-delay",
        version=1,
        latency_ms=2.5,
        frame=frame,
        columns={"prediction": np.ones(rows, int), "probability": np.full((rows, 2), 0.5)},
        classes=("0", "1"),
        size=400,
    )


def writing(folder: Path) -> dict[str, float]:
    """Log requests as fast as a busy worker answers them."""
    from mlops_lab.serving.predictions.writing import Log

    frames = [rows_of(1) for _ in range(200)]
    log = Log(folder, worker="r1-0", signature=None)
    log.add(batch(0, frames[0], 1))
    log.flush()
    added = 0.0
    began = time.process_time()
    for i in range(REQUESTS):
        made = batch(i, frames[i % 200], time.time_ns() // 1000)
        start = time.thread_time()
        log.add(made)
        added += time.thread_time() - start
        if i % 400 == 399:
            time.sleep(0.2)
    log.flush(30)
    spent = time.process_time() - began
    dropped = log.dropped
    log.close()
    return {
        "add_us": round(added / REQUESTS * 1e6, 2),
        "cpu_us": round(spent / REQUESTS * 1e6, 1),
        "dropped": dropped,
    }


def killed(folder: Path) -> float:
    """How much older than its death the last line of a killed writer is, in seconds."""
    from mlops_lab.serving.predictions.scanning import find_parts

    with subprocess.Popen([sys.executable, __file__, "--write", str(folder)]) as process:
        deadline = time.monotonic() + 60
        while not find_parts(folder) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1.05)
        os.kill(process.pid, signal.SIGKILL)
        end = time.time()
    (fresh,) = find_parts(folder).fresh
    return round(end - fresh.column("t").to_pylist()[-1].timestamp(), 3)


def write_on(folder: Path) -> None:
    """Log until killed."""
    from mlops_lab.serving.predictions.writing import Log

    frame = rows_of(1)
    log = Log(folder, worker="r1-0", signature=None)
    for i in range(10**9):
        log.add(batch(i, frame, time.time_ns() // 1000))
        time.sleep(0.001)


def reading(root: Path) -> dict[str, float]:
    """Read a log of two days, one of them in an open file, half of it judged."""
    import pandas as pd

    from mlops_lab.project import Project
    from mlops_lab.serving.predictions import truth
    from mlops_lab.serving.predictions.reading import predictions
    from mlops_lab.serving.predictions.scanning import folder_of
    from mlops_lab.serving.predictions.watching import Names, watch
    from mlops_lab.serving.predictions.writing import Log

    project = Project.create(root)
    folder = folder_of(root, "delay")
    now = time.time_ns() // 1000
    frame = rows_of(100)
    for day in range(2):
        at = now - (1 - day) * DAY_US
        log = Log(folder, worker="r1-0", signature=None, clock=lambda at=at: at * 1000)  # type: ignore[misc]
        for i in range(ROWS // 200):
            log.add(batch(day * ROWS + i, frame, at + i))
            if i % 400 == 399:
                log.flush(30)
        if day == 0:
            log.close()
        else:
            log.flush(30)
    found = predictions(root, "delay", tmp=project.store.tmp)
    ids = [f"{i:032x}-{j}" for i in range(ROWS // 200) for j in range(100)]
    told = pd.DataFrame({"prediction_id": ids, "late": 1})
    figures = {
        "truth_s": cpu(lambda: truth.log(folder, told, value="late"), 1),
        "page_s": cpu(lambda: found.page(50)),
        "search_s": cpu(lambda: predictions(root, "delay", search="nothing").page(50)),
        "sql_count_s": cpu(lambda: project.sql("select count(*) from predictions")),
        "sql_group_s": cpu(
            lambda: project.sql("select carrier, avg(late) from predictions group by 1")
        ),
        "watch_first_s": cpu(lambda: watch(root, "delay", Names()), 1),
        "watch_again_s": cpu(lambda: watch(root, "delay", Names())),
    }
    log.close()
    project.close()
    return figures


def cpu(work: Callable[[], object], times: int = 3) -> float:
    """CPU seconds of a call, the least of several."""
    took = []
    for _ in range(times):
        start = time.process_time()
        work()
        took.append(time.process_time() - start)
    return round(min(took), 3)


def main() -> None:
    """Print one JSON line."""
    folder = Path(tempfile.mkdtemp(prefix="prediction-log-"))
    try:
        figures: dict[str, Any] = {"bench": "prediction_log", "rows": ROWS, **writing(folder / "a")}
        figures["loss_s"] = killed(folder / "b")
        figures |= reading(folder / "project")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        write_on(Path(sys.argv[2]))
    else:
        main()
