"""A notebook as a step of ours beside bare papermill, interleaved in one process.

Prints one JSON line. Times are medians of wall-clock seconds; the machine may be busy, so read
ratios. ``many`` is a notebook of 60 cells that print 100 kB each: papermill saves it all after
every cell. The first papermill run of a process, imports included, is left out for both.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

METADATA = {"kernelspec": {"name": "python3", "display_name": "python3", "language": "python"}}


def write(path: Path, cells: Sequence[str]) -> Path:
    """Write a notebook of code cells, the first of which holds the parameters."""
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": METADATA,
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{index}",
                "execution_count": None,
                "outputs": [],
                "source": source,
                "metadata": {} if index else {"tags": ["parameters"]},
            }
            for index, source in enumerate(cells)
        ],
    }
    path.write_text(json.dumps(notebook))
    return path


def seconds(work: Callable[[], Any]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    logging.getLogger("papermill").setLevel(logging.ERROR)

    import papermill

    from mlops_lab.orchestration.engines.run import run_notebook
    from mlops_lab.orchestration.engines.session import Session
    from mlops_lab.orchestration.notebook import inspect_notebook
    from mlops_lab.project import Project

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        small = write(root / "small.ipynb", ["seed = 1", "print(seed)"])
        chatty = ["seed = 1", *["print('x' * 100_000)"] * 60]
        many = write(root / "many.ipynb", chatty)
        pipeline = root / "small.yaml"
        pipeline.write_text("params: {seed: 3}\nsteps:\n  a: {notebook: small.ipynb}\n")
        project = Project.create(root)

        def bare(notebook: Path) -> None:
            papermill.execute_notebook(
                notebook, root / "bare.ipynb", {"seed": 3}, progress_bar=False
            )

        def engine(notebook: Path) -> None:
            sockets = Path(tempfile.mkdtemp(dir=root))
            session = Session(root, dict(os.environ), sockets=sockets, log=root / "log")
            failure = run_notebook(
                inspect_notebook(notebook), {"seed": 3}, root / "ours.ipynb", session
            )
            assert failure is None, failure

        def step() -> None:
            result = project.pipelines.run(pipeline)
            assert result.status == "finished", result

        works: dict[str, Callable[[], None]] = {
            "papermill_s": lambda: bare(small),
            "engine_s": lambda: engine(small),
            "pipeline_of_one_step_s": step,
            "papermill_60_cells_s": lambda: bare(many),
            "engine_60_cells_s": lambda: engine(many),
        }
        step()
        bare(small)
        times: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(repeat):
            for name, work in works.items():
                times[name].append(seconds(work))
        project.close()
    medians = {name: round(statistics.median(taken), 3) for name, taken in times.items()}
    lowest = {f"{name}_best": round(min(taken), 3) for name, taken in times.items()}
    print(json.dumps({"bench": "notebook_step", "repeat": repeat, **medians, **lowest}))


if __name__ == "__main__":
    main()
