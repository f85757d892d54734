"""Runs cells of the example's notebooks in this process: JSON in, the runs' metrics as JSON out."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

# What an exam needs; the charts are drawn elsewhere.
CELLS = {
    "train": ("parameters", "setup", "load", "fit"),
    "evaluate": ("parameters", "setup", "figures", "carriers", "latency"),
}


def run(notebook: str, params: dict[str, Any]) -> dict[str, float]:
    """Run a notebook's cells, with params below its own, and give what it logged."""
    import mlops_lab as lab

    cells = {
        cell["id"]: "".join(cell["source"])
        for cell in json.loads(Path(f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    }
    names: dict[str, Any] = {}
    for cell in CELLS[notebook]:
        exec(compile(cells[cell], f"{notebook}/{cell}", "exec"), names)
        if cell == "parameters":
            unknown = set(params) - set(names)
            assert not unknown, f"{notebook} has no param {unknown}"
            names |= params
    logged = {key: metric.last for key, metric in names["run"].metrics.items()}
    lab.end_run()
    return logged


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    os.chdir(asked["notebooks"])
    sys.path.insert(0, ".")
    answer = [{name: run(name, params) for name, params in exam.items()} for exam in asked["exams"]]
    sys.stdout.write("\n" + json.dumps(answer))
