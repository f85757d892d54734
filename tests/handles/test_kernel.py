"""In a real kernel: cells are known, re-running them leaves no run open, its end is the run's."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

from mlops_lab.project import Project

TIMEOUT_S = 60


class Kernel:
    """A kernel as JupyterLab has it: requests carry the cell's id."""

    def __init__(self, folder: Path, notebook: str) -> None:
        environ = {**os.environ, "JPY_SESSION_NAME": str(folder / notebook)}
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder), env=environ)
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=TIMEOUT_S)

    def send(self, code: str, cell: str) -> str:
        self.client.session.metadata = {"cellId": cell}
        return str(self.client.execute(code))

    def run(self, code: str, cell: str) -> str:
        """Run a cell and give what it wrote, errors included."""
        request, written = self.send(code, cell), ""
        while True:
            message = self.client.get_iopub_msg(timeout=TIMEOUT_S)
            if message["parent_header"].get("msg_id") != request:
                continue
            content = message["content"]
            written += content.get("text", "") + content.get("ename", "")
            written += content.get("data", {}).get("text/plain", "")
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                return written

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel()


@pytest.fixture
def project(
    new_project: Callable[[Path], Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    for name in ("MLOPS_LAB_PROJECT", "MLOPS_LAB_RUN", "MLOPS_LAB_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    opened = new_project(tmp_path / "project")
    (opened.root / "train.ipynb").write_text('{"cells": []}')
    yield opened
    opened.close()


@pytest.fixture
def kernel(project: Project) -> Iterator[Kernel]:
    started = Kernel(project.root, "train.ipynb")
    yield started
    if started.manager.is_alive():
        started.stop()


def lines(project: Project, kind: str) -> list[dict[str, Any]]:
    files = (project.store.dir / "journal").rglob("*.jsonl")
    found = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line for line in found if line["e"] == kind]


def test_runs_of_a_notebook_know_their_cells(project: Project, kernel: Kernel) -> None:
    kernel.run("import mlops_lab as lab, threading\nrun = lab.start_run()", "cell-a")
    kernel.run("run.log_metric('x', 1)", "cell-b")
    kernel.run(
        "t = threading.Thread(target=run.log_metric, args=('x', 2)); t.start(); t.join()", "cell-c"
    )
    assert [line["c"] for line in lines(project, "run")] == ["cell-a"]
    assert [line["c"] for line in lines(project, "metric")] == ["cell-b", "cell-c"]
    again = kernel.run("run = lab.start_run()", "cell-a")
    assert "train-1 was still open and is finished now" in again
    failing = kernel.run("with lab.start_run('bad'):\n    1 / 0", "cell-d")
    assert "ZeroDivisionError" in failing
    shown = kernel.run("run", "cell-e")
    assert "<Run train-2" in shown
    assert "finished" in shown
    kernel.run("last = lab.start_run('left open')", "cell-f")
    kernel.stop()
    project.store.fold(wait_s=10, force=True)
    found = {r.name: r for r in project.runs.search().items}
    assert {name: r.status for name, r in found.items()} == {
        "train-1": "finished",
        "train-2": "finished",
        "bad": "failed",
        "left open": "finished",
    }
    assert {r.experiment for r in found.values()} == {"train"}
    assert {r.source["notebook"] for r in found.values()} == {"train.ipynb"}
    assert found["bad"].cell == {"id": "cell-d", "index": None, "total": None}
    assert found["bad"].error is not None
    assert found["bad"].error["name"] == "ZeroDivisionError"
    kept = {a.path for a in project.runs.artifacts(found["left open"].id)}
    assert kept == {"mlops/environment.json", "notebook/train.ipynb"}


def test_interrupting_a_cell_kills_its_run(project: Project, kernel: Kernel) -> None:
    request = kernel.send(
        "import mlops_lab as lab, time\n"
        "with lab.start_run('long'):\n    print('ready', flush=True)\n    time.sleep(600)",
        "cell-a",
    )
    while True:
        message = kernel.client.get_iopub_msg(timeout=TIMEOUT_S)
        if "ready" in message["content"].get("text", ""):
            break
    kernel.manager.interrupt_kernel()
    reply = kernel.client.get_shell_msg(timeout=TIMEOUT_S)
    while reply["parent_header"].get("msg_id") != request:
        reply = kernel.client.get_shell_msg(timeout=TIMEOUT_S)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert [r.status for r in project.runs.search().items] == ["killed"]


def test_run_left_open_by_a_failing_cell_fails_with_the_kernels_end(
    project: Project, kernel: Kernel
) -> None:
    kernel.run("import mlops_lab as lab\nrun = lab.start_run('open')", "cell-a")
    kernel.run("raise ValueError('boom')", "cell-b")
    project.store.fold(wait_s=10, force=True)
    assert [r.status for r in project.runs.search().items] == ["running"]
    kernel.stop()
    project.store.fold(wait_s=10, force=True)
    (record,) = project.runs.search().items
    assert record.status == "failed"
    assert record.error is not None
    assert record.error["message"] == "boom"
