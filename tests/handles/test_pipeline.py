from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

import mlops_lab as lab
from mlops_lab.errors import NotFound
from mlops_lab.project import Project


def notebook(source: str) -> str:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    content = {"cells": [cell | {"source": source}], "metadata": {}, "nbformat": 4}
    return json.dumps(content | {"nbformat_minor": 4})


@pytest.fixture
def project(new_project, tmp_path: Path, monkeypatch):
    folder = tmp_path / "project"
    (folder / "pipelines").mkdir(parents=True)
    source = "import mlops_lab as lab\nlab.log_metric('auc', 0.7)"
    (folder / "pipelines" / "a.ipynb").write_text(notebook(source))
    (folder / "pipelines" / "demo.yaml").write_text(
        "params: {floor: 0.6}\nsteps:\n  a: {notebook: a.ipynb}\n"
        "gates:\n  - metric: a.auc >= params.floor\n"
    )
    made = new_project(folder)
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


def test_pipelines_is_a_table_with_what_is_wrong(project: Project) -> None:
    (project.root / "pipelines" / "bad.yaml").write_text("steps: {}")

    found = lab.pipelines()

    assert [handle.written for handle in found] == ["pipelines/bad.yaml", "pipelines/demo.yaml"]
    assert list(found.df()["name"]) == ["bad", "demo"]
    assert "steps is empty" in found.df()["faults"][0][0]
    assert "demo" in repr(found)
    assert len(found[1:]) == 1


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


@pytest.fixture
def kernel(project: Project):
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(cwd=str(project.root))
    client.execute_interactive("import mlops_lab as lab", timeout=60)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_in_a_notebook_the_progress_is_one_updating_text(kernel) -> None:
    _, client = kernel
    shown: list[tuple[str, str]] = []

    def hear(message: dict) -> None:
        if message["msg_type"] in ("display_data", "update_display_data", "error"):
            content = message["content"]
            shown.append((message["msg_type"], content.get("data", content).get("text/plain")))

    client.execute_interactive("result = lab.pipeline('demo').run()", output_hook=hear, timeout=90)

    kinds = [kind for kind, _ in shown]
    assert kinds[0] == "display_data", shown
    assert set(kinds[1:]) == {"update_display_data"}
    assert "○ a" in shown[0][1] or "◔ a" in shown[0][1]
    assert "finished, gates passed" in shown[-1][1]
    assert "✓ auc 0.7 is at least floor 0.6" in shown[-1][1]


def test_interrupting_the_notebook_stops_the_run_and_the_cells_below(
    kernel, project: Project
) -> None:
    manager, client = kernel
    source = "import time; open('started', 'w'); time.sleep(600)"
    (project.root / "pipelines" / "a.ipynb").write_text(notebook(source))
    started = project.root / "pipelines" / "started"
    client.execute("lab.pipeline('demo').run()")
    deadline = time.monotonic() + 90
    while not started.exists():
        assert time.monotonic() < deadline, "the step did not start"
        time.sleep(0.05)

    manager.interrupt_kernel()

    reply = client.get_shell_msg(timeout=60)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    statuses = [run.status for run in project.runs.search().items]
    assert statuses == ["killed", "killed"]
