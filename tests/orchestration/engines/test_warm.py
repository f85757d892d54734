"""Kernels forked from a process that has imported their libraries already."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from mlops_lab.orchestration.engines.run import CellFailure, run_notebook
from mlops_lab.orchestration.engines.session import Session
from mlops_lab.orchestration.engines.warm import fork_server, modules_for
from mlops_lab.orchestration.notebook import inspect_notebook

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

MODULES = ("ipykernel.kernelapp", "ipykernel.ipkernel", "numpy")

LOOK = """
import json, os, sys
warm = "numpy" in sys.modules
import numpy as np
seen = {
    "warm": warm, "drawn": float(np.random.rand()), "parent": os.getppid(),
    "leads": os.getpgid(0) == os.getpid(), "path": sys.path, "folder": os.getcwd(),
    "argv": [os.path.basename(word) for word in sys.argv[1:]], "main": __name__,
    "environment": {k: v for k, v in os.environ.items() if k != "JPY_PARENT_PID"},
}
open("seen.json", "w").write(json.dumps(seen))
"""


def execute(folder: Path, source: str, warm: tuple[str, ...] = MODULES) -> CellFailure | None:
    folder.mkdir()
    cell = {"cell_type": "code", "id": "c", "metadata": {}, "outputs": [], "execution_count": None}
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "p", "language": "python"}},
        "cells": [{**cell, "source": source}],
    }
    path = folder / "n.ipynb"
    path.write_text(json.dumps(notebook))
    sockets = folder / "k"
    sockets.mkdir()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MLOPS_LAB_RUN": folder.name}
    session = Session(folder, environment, sockets=sockets, log=folder / "k.log", warm=warm)
    return run_notebook(inspect_notebook(path), {}, folder / "o.ipynb", session)


def test_a_forked_kernel_sees_what_a_new_one_sees_and_draws_its_own_numbers(tmp_path: Path) -> None:
    for name, warm in (("one", MODULES), ("two", MODULES), ("cold", ())):
        assert execute(tmp_path / name, LOOK, warm) is None
    one, two, cold = (
        json.loads((tmp_path / name / "seen.json").read_text()) for name in ("one", "two", "cold")
    )

    assert (one["warm"], two["warm"], cold["warm"]) == (True, True, False)
    assert len({one["drawn"], two["drawn"], cold["drawn"]}) == 3
    assert one["parent"] == two["parent"] != os.getpid()
    for seen in (one, two):
        for key in ("leads", "path", "main"):
            assert seen[key] == cold[key]
    assert one["folder"] == str(tmp_path / "one")
    assert one["argv"] == cold["argv"]
    own = {"MLOPS_LAB_RUN"}
    assert {k: v for k, v in one["environment"].items() if k not in own} == {
        k: v for k, v in cold["environment"].items() if k not in own
    }
    assert one["environment"]["MLOPS_LAB_RUN"] == "one"


def test_a_forked_kernel_that_dies_is_a_failure_and_the_next_one_runs(tmp_path: Path) -> None:
    failure = execute(tmp_path / "dies", "print('last words', flush=True)\nimport os; os._exit(3)")
    assert failure is not None
    assert failure.name == "DeadKernel"
    assert execute(tmp_path / "next", LOOK) is None


def test_what_starts_a_thread_at_its_import_is_not_forked(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "restless.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert execute(tmp_path / "cold", LOOK, (*MODULES, "restless")) is None
    assert not json.loads((tmp_path / "cold" / "seen.json").read_text())["warm"]
    assert fork_server({**os.environ, "OMP_NUM_THREADS": "1"}, MODULES) is None


def test_kernels_end_with_the_process_that_asked_for_them(tmp_path: Path) -> None:
    code = (
        "import os\n"
        "from mlops_lab.orchestration.engines.warm import fork_server\n"
        "server = fork_server(os.environ, ('ipykernel.kernelapp',))\n"
        "assert server.ready(60)\n"
        "forked = server.fork(['k', '-f', 'k.json'], os.environ, os.getcwd(), open('log', 'ab'))\n"
        "print(forked.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    pid = int(said.stdout)
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)


def test_only_what_notebooks_or_their_modules_import_is_imported(tmp_path: Path) -> None:
    notebook = tmp_path / "n.ipynb"
    notebook.write_text('"source": [\n  "import json\\n",\n  "x = 1"]')
    assert modules_for([notebook]) == ()
    (tmp_path / "helper.py").write_text("from sklearn.pipeline import Pipeline\nimport torch\n")
    found = modules_for([notebook])
    assert "sklearn.pipeline" in found
    assert not any(name.startswith("torch") for name in found)
