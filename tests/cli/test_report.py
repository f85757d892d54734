"""``mlops-lab report``: what it writes, and what it says to who mistypes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import mlops_lab as lab
from mlops_lab.project import Project

from .conftest import Call


@pytest.fixture
def run(here: Path) -> lab.Run:
    """A run, and a dataset to name beside it."""
    lab.dataset("flights").commit(pd.DataFrame({"delay": [1.5, None, 3.0]}))
    with lab.start_run("gbm", params={"depth": 6}) as made:
        made.log_metric("auc", 0.7)
    return made


def test_a_report_is_one_file_of_several_things(here: Path, call: Call, run: lab.Run) -> None:
    said = call("report", run.id[:8], "flights@1", "-o", "out/week.html", "--title", "Week 17")
    assert said.code == 0, said.err
    page = (here / "out" / "week.html").read_text(encoding="utf-8")
    assert "<title>Week 17</title>" in page
    assert str(here / "out" / "week.html") in said.out + said.err
    said = call("report", f"run:{run.id}", "--output", "x.html", "--json")
    assert said.json["title"] == "gbm"
    assert said.json["size_bytes"] == (here / "x.html").stat().st_size
    assert said.json["problems"] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing", "-o", "x.html"], "Nothing here is called 'nothing'"),
        (["flights@9", "-o", "x.html"], "flights"),
        (["flights"], "-o report.html"),
        (["flights", "-o", "x.pdf"], "print it as PDF"),
        (["-o", "x.html"], "WHAT"),
    ],
)
def test_what_cannot_be_meant_is_told(
    arguments: list[str], sentence: str, here: Path, call: Call, run: lab.Run
) -> None:
    said = call("report", *arguments)
    assert said.code == 2
    assert sentence in said.err
    assert "Traceback" not in said.err
    assert not (here / "x.html").exists()


def test_what_cannot_be_shown_makes_the_exit_code_one(here: Path, call: Call) -> None:
    (here / "broken.ipynb").write_text("{")
    said = call("report", "broken.ipynb", "-o", "x.html")
    assert said.code == 1
    assert "broken.ipynb" in said.err + said.out
    assert (here / "x.html").exists()


def test_a_scheduled_report_is_kept_by_its_run(here: Path, call: Call, run: lab.Run) -> None:
    project = Project.open(here)
    scheduled = project.runs.start(kind="report", status="scheduled", stem="report")
    said = call("report", "--run-id", scheduled, "--title", "Week 17", f"run:{run.id}")
    assert said.code == 0, said.err
    made = lab.run(scheduled)
    assert (made.kind, made.status, made.name) == ("report", "finished", "Week 17")
    assert "<title>Week 17</title>" in made.artifacts["report.html"].read_text()
    failed = project.runs.start(kind="report", status="scheduled", stem="report")
    assert call("report", "--run-id", failed, "run:ffff").code == 2
    assert (lab.run(failed).status, "ffff" in str(lab.run(failed).record.reason)) == (
        "failed",
        True,
    )
