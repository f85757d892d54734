from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mlops_lab.project import Project

from .conftest import Ask, Sample

PIPELINE = """\
name: small
params: {seed: 7, seconds: 0.0}
steps:
  train:
    notebook: ../notebooks/train.ipynb
gates:
  - metric: train.auc >= 0.6
"""
CODE = """\
import time, mlops_lab as lab
print("waiting", seconds)
time.sleep(seconds)
lab.log_metric("auc", 0.7)
"""


@pytest.fixture
def pipeline(project: Project) -> str:
    """A pipeline of one small notebook; gives its path in the project."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    parameters = nbformat.v4.new_code_cell("seed = 1\nseconds = 0.0")
    parameters.metadata["tags"] = ["parameters"]
    notebook.cells = [parameters, nbformat.v4.new_code_cell(CODE)]
    (project.root / "notebooks").mkdir()
    nbformat.write(notebook, project.root / "notebooks" / "train.ipynb")
    (project.root / "pipelines").mkdir()
    (project.root / "pipelines" / "small.yaml").write_text(PIPELINE, encoding="utf-8")
    return "pipelines/small.yaml"


async def until(ask: Ask, parts: tuple[str, ...], done: Any, within_s: float = 90.0) -> Any:
    deadline = time.monotonic() + within_s
    while True:
        body = (await ask(*parts)).body
        if done(body):
            return body
        log = (await ask(*parts, "log", offset=-2000)).body.get("text")
        assert body["status"] in ("scheduled", "running"), (body["reason"], log)
        assert time.monotonic() < deadline, (body["status"], log)
        await asyncio.sleep(0.1)


async def test_lists_pipelines_with_what_is_wrong_in_them(
    project: Project, pipeline: str, met: Any, ask: Ask
) -> None:
    broken = project.root / "pipelines" / "kaputt ü.yaml"
    broken.write_text("steps:\n  a:\n    notbook: x.ipynb\n", encoding="utf-8")
    listed = (await ask("projects", await met(), "pipelines")).body["pipelines"]
    wrong, right = listed
    assert right["steps"] == ["train"]
    assert right["params"] == {"seed": 7, "seconds": 0.0}
    assert (right["gates"], right["faults"]) == (1, [])
    assert wrong["path"] == "pipelines/kaputt ü.yaml"
    assert any("notebook" in fault["message"] for fault in wrong["faults"])
    assert wrong["faults"][0]["line"] >= 2


async def test_runs_a_pipeline_as_detached_work_once_for_each_id(
    project: Project, pipeline: str, met: Any, ask: Ask
) -> None:
    key = await met()
    body = {"path": pipeline, "params": {"seed": 3}, "run_id": "ab" * 16}
    started = await ask("projects", key, "pipelines", "run", method="POST", body=body)
    assert started.code == 202, started.body
    again = await ask("projects", key, "pipelines", "run", method="POST", body=body)
    assert started.body == again.body == {"run_id": "ab" * 16}
    assert (await ask("projects", key, "runs")).body["total"] == 1
    run = ("projects", key, "runs", started.body["run_id"])
    done = await until(ask, run, lambda body: body["status"] not in ("scheduled", "running"))
    assert (done["status"], done["outcome"]) == ("finished", "passed")
    assert done["gates"][0]["state"] == "passed"
    assert done["steps"][0]["metric"]["value"] == 0.7
    assert done["has_log"] is True
    assert {"key": "seed", "value": "3", "type": "int", "changed": False} in done["params"]
    assert done["author"]
    log = (await ask(*run, "log")).body
    assert "train" in log["text"]
    assert log["done"] is True
    assert (await ask(*run, "log", offset=log["offset"])).body["text"] == ""
    cancel = await ask(*run, "cancel", method="POST")
    assert cancel.code == 409


async def test_cancels_a_run(project: Project, pipeline: str, met: Any, ask: Ask) -> None:
    key = await met()
    body = {"path": pipeline, "params": {"seconds": 300.0}}
    started = await ask("projects", key, "pipelines", "run", method="POST", body=body)
    run = ("projects", key, "runs", started.body["run_id"])
    await until(ask, run, lambda body: any(step["status"] == "running" for step in body["steps"]))
    assert (await ask(*run)).body["can_cancel"] is True
    assert (await ask(*run, "cancel", method="POST")).code == 202
    done = await until(ask, run, lambda body: body["status"] not in ("scheduled", "running"))
    assert done["status"] == "killed"


async def test_refuses_before_anything_has_run(
    project: Project, pipeline: str, met: Any, ask: Ask, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text(PIPELINE, encoding="utf-8")
    (project.root / "pipelines" / "link.yaml").symlink_to(outside)
    key = await met()
    bodies: list[dict[str, Any]] = [
        {"path": "../outside.yaml"},
        {"path": "/etc/passwd"},
        {"path": "pipelines/link.yaml"},
        {"path": "pipelines/nothing.yaml"},
        {"path": "pipelines/small.yaml", "params": {"sede": 3}},
        {"path": "pipelines/small.yaml", "run_id": "x"},
        {"path": "pipelines/small.yaml", "command": "rm"},
        {"path": ""},
    ]
    for body in bodies:
        answer = await ask("projects", key, "pipelines", "run", method="POST", body=body)
        assert answer.code in (400, 404), (body, answer.body)
    assert (await ask("projects", key, "runs")).body["total"] == 0


async def test_a_log_is_read_in_pieces_that_never_cut_a_character(
    sample: Sample, met: Any, ask: Ask
) -> None:
    run_id = sample.ids["going"]
    path = sample.project.store.dir / "logs" / f"{run_id}.log"
    path.parent.mkdir(exist_ok=True)
    text = "Größe ✓\n"
    path.write_bytes(text.encode()[:3])
    log = ("projects", await met(), "runs", run_id, "log")
    first = (await ask(*log)).body
    assert (first["text"], first["offset"], first["size"], first["done"]) == ("Gr", 2, 3, False)
    path.write_bytes(text.encode())
    rest = (await ask(*log, offset=first["offset"])).body
    assert first["text"] + rest["text"] == text
    assert (await ask(*log, offset=-6)).body["text"].endswith("✓\n")
    assert (await ask(*log, offset=10**9)).body["text"] == ""


async def test_a_run_without_a_log_has_none(sample: Sample, met: Any, ask: Ask) -> None:
    answer = await ask("projects", await met(), "runs", sample.ids["finished"], "log")
    assert answer.code == 404


async def test_the_example_is_made_and_its_pipeline_starts(ask: Ask, jp_root_dir: Path) -> None:
    (jp_root_dir / "work").mkdir()
    made = await ask("projects", "example", method="POST", body={"near": "work"})
    assert made.code == 202, made.body
    assert made.body["project"]["path"] == "work/flight-delay"
    assert (jp_root_dir / made.body["path"]).is_file()
    run = ("projects", made.body["project"]["key"], "runs", made.body["run_id"])
    body = await until(ask, run, lambda body: body["status"] == "running" and body["steps"])
    assert body["kind"] == "pipeline"
    await ask(*run, "cancel", method="POST")
    await until(ask, run, lambda body: body["status"] not in ("scheduled", "running"))
    again = await ask("projects", "example", method="POST", body={"near": "work"})
    assert again.body["project"]["path"] == "work/flight-delay-2"
    second = ("projects", again.body["project"]["key"], "runs", again.body["run_id"])
    await until(ask, second, lambda body: body["status"] != "scheduled")
    assert (await ask(*second, "cancel", method="POST")).code == 202
    await until(ask, second, lambda body: body["status"] not in ("scheduled", "running"))
