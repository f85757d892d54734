from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import mlops_lab as lab
from mlops_lab.errors import NotFound
from mlops_lab.project import Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch):
    folder = tmp_path / "project"
    (folder / "pipelines").mkdir(parents=True)
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    source = "import mlops_lab as lab\nlab.log_metric('auc', 0.7)"
    notebook = {"cells": [cell | {"source": source}], "metadata": {}, "nbformat": 4}
    (folder / "pipelines" / "a.ipynb").write_text(json.dumps(notebook | {"nbformat_minor": 4}))
    (folder / "pipelines" / "demo.yaml").write_text(
        "params: {floor: 0.6}\nsteps:\n  a: {notebook: a.ipynb}\n"
        "gates:\n  - metric: a.auc >= params.floor\n"
    )
    made = Project.create(folder)
    monkeypatch.setenv("MLOPS_LAB_PROJECT", str(folder))
    yield made
    made.close()


def test_a_handle_tells_what_the_file_says(project: Project) -> None:
    [handle] = lab.pipelines()

    assert repr(handle) == "<Pipeline demo: a · 1 gate>"
    assert (handle.name, handle.steps, handle.params) == ("demo", ["a"], {"floor": 0.6})
    assert handle.gates == ["a.auc >= params.floor"]
    assert handle.path == project.root / "pipelines" / "demo.yaml"
    assert handle.plan({"floor": 0.5}).params == {"floor": 0.5}


def test_a_handle_may_name_what_is_not_there(project: Project) -> None:
    handle = lab.pipeline("pipelines/dem.yaml")

    assert "Did you mean pipelines/demo.yaml?" in repr(handle)
    with pytest.raises(NotFound):
        handle.run()


def test_run_gives_the_result(project: Project) -> None:
    result = lab.pipeline("demo").run(params={"floor": 0.5})

    assert (result.status, result.outcome) == ("finished", "passed")
    assert result.steps["a"].metrics == {"auc": 0.7}
    assert [gate.sentence for gate in result.gates] == ["auc 0.7 is at least floor 0.5"]


def test_in_ipython_the_progress_is_one_updating_text(project: Project) -> None:
    code = (
        "from IPython.testing.globalipapp import start_ipython\n"
        "shell = start_ipython()\n"
        "shell.run_cell('import mlops_lab as lab')\n"
        "from unittest.mock import patch\n"
        "import IPython.display\n"
        "shown = []\n"
        "class Handle:\n"
        "    def update(self, data, raw): shown.append(data['text/plain'])\n"
        "def display(data, raw, display_id):\n"
        "    shown.append(data['text/plain']); return Handle()\n"
        "with patch.object(IPython.display, 'display', display):\n"
        "    lab_run = shell.run_cell(\"lab.pipeline('demo').run()\")\n"
        "assert lab_run.success, lab_run\n"
        "print(shown[0]); print('--'); print(shown[-1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )

    assert done.returncode == 0, done.stderr
    first, last = done.stdout.strip().split("\n--\n")
    assert "◔ a · starting the kernel" in first or "○ a" in first
    assert "finished, gates passed" in last
    assert "✓ auc 0.7 is at least floor 0.6" in last
