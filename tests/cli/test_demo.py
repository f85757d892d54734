"""``demo``, over a small stand-in for the example's notebooks."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlops_lab import example
from mlops_lab.cli import demo

from .conftest import LOG_AUC, Call, write_pipeline

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def small_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An example whose pipelines take a second each: one passes, two are refused, one reports."""
    folder = tmp_path / "origin"
    gates = ["fit.auc >= 0.6", "fit.auc <= 0.85"]
    write_pipeline(folder, LOG_AUC, name="flight-delay", gates=gates)
    write_pipeline(folder, LOG_AUC.replace("auc)", "0.94)"), name="leak", gates=gates)
    write_pipeline(folder, LOG_AUC.replace("auc)", "0.55)"), name="january", gates=gates)
    year = write_pipeline(
        folder,
        "open(report, 'w').write('<p>told</p>')",
        name="year",
        params="auc, report = 0.7, ''",
    )
    year.write_text(
        year.read_text().replace("year.ipynb}", "year.ipynb, outputs: {report: year.html}}")
    )
    monkeypatch.setattr(example, "source", lambda: folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB", "0")
    monkeypatch.delenv("MLOPS_LAB_PROJECT", raising=False)
    return folder


def test_demo_tells_the_story(
    small_example: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB", "1")
    monkeypatch.setattr(os, "execv", lambda path, arguments: pytest.fail("JupyterLab was opened"))
    said = call("demo", "try", "--no-lab")
    assert said.code == 0, said.err
    for fact in (
        "made in try",
        "flight-delay: all 2 gates passed",
        "leak: refused, auc 0.94 is above 0.85",
        "january: refused, auc 0.55 is below 0.6",
        "try/work/year.html",
        "try/work/executed/flight-delay/fit.ipynb",
        "jupyter lab",
    ):
        assert fact in said.out
    assert (tmp_path / "try/work/year.html").read_text() == "<p>told</p>"
    executed = json.loads((tmp_path / "try/work/executed/leak/fit.ipynb").read_text())
    assert executed["cells"]


def test_demo_again_overwrites_nothing(small_example: Path, tmp_path: Path, call: Call) -> None:
    """And the champion of a year may stand there by then: only what must never pass is judged."""
    folder = example.create(tmp_path)
    notebook = folder / "notebooks" / "flight-delay.ipynb"
    mine = notebook.read_text().replace("auc = 0.7", "auc = 0.71  # mine")
    notebook.write_text(mine)
    strict = folder / "pipelines" / "flight-delay.yaml"
    strict.write_text(strict.read_text().replace(">= 0.6", ">= 0.8"))
    said = call("demo", "--json")
    assert said.code == 0
    assert notebook.read_text() == mine
    assert said.json["made"] is False
    outcomes = {name: one["outcome"] for name, one in said.json["pipelines"].items()}
    assert outcomes == {
        "flight-delay": "rejected",
        "leak": "rejected",
        "january": "rejected",
        "year": None,
    }


def test_demo_never_takes_a_folder_with_something_else(
    small_example: Path, tmp_path: Path, call: Call
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("…")
    said = call("demo", "mine")
    assert said.code == 2
    assert "mlops-lab demo mine-example" in said.err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_demo_whose_leak_passes_is_a_failure(
    small_example: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_CHAPTERS", demo._CHAPTERS[1:2])
    write_pipeline(small_example, LOG_AUC, name="leak", gates=["fit.auc >= 0.6"])
    said = call("demo")
    assert said.code == 1
    assert "leak should have been refused" in said.out


def test_demo_ends_where_its_pipeline_fails(small_example: Path, call: Call) -> None:
    write_pipeline(small_example, "raise ValueError('no data')", name="flight-delay")
    said = call("demo")
    assert said.code == 1
    assert "no data" in said.out


def test_demo_becomes_jupyterlab(
    small_example: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(demo, "_CHAPTERS", demo._CHAPTERS[:1])
    monkeypatch.setenv("LAB", "1")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(os, "execv", lambda path, arguments: started.append([path, *arguments]))
    assert call("demo").code == 0
    assert started[0][2:4] == ["-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={tmp_path / 'flight-delay'}" in started[0]
