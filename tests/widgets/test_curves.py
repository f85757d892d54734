"""The view of a run's curves: what it reads, how it follows, what a saved notebook keeps."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mlops_lab.errors import NotFound
from mlops_lab.handles.run import Run
from mlops_lab.project import Project
from mlops_lab.widgets import CurvesView
from mlops_lab.widgets.curves import ALL_POINTS
from mlops_lab.widgets.view import VIEW_MIME


@pytest.fixture
def project(new_project: Callable[[Path], Project], tmp_path: Path) -> Project:
    return new_project(tmp_path / "a b'[1]*{x}")


@pytest.fixture
def run_id(project: Project) -> Iterator[str]:
    run_id = project.runs.start(name="gbm-6", experiment="delay", steps=20)
    yield run_id
    if project.runs.get(run_id).is_open:
        project.runs.end(run_id)


def wait_for(condition: Callable[[], Any], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def test_a_view_shows_all_metrics_but_the_machines_own(project: Project, run_id: str) -> None:
    for step in range(3):
        project.runs.log_metrics(run_id, {"loss": 0.5 - step / 10, "system/cpu": 1.0}, step=step)
    view = CurvesView(project, run_id)
    assert [one["key"] for one in view.series] == ["loss"]
    assert view.series[0]["steps"] == [0, 1, 2]
    assert view.series[0]["direction"] == "min"
    assert view.planned == 20
    assert view.run == {"id": run_id, "name": "gbm-6", "status": "running"}
    view.close()


def test_a_view_follows_the_run_to_its_end(project: Project, run_id: str) -> None:
    view = CurvesView(project, run_id)
    assert view.live
    assert view.series == []
    project.runs.log_metrics(run_id, {"loss": 0.5}, step=1)
    wait_for(lambda: view.series)
    project.runs.log_metrics(run_id, {"loss": 0.4}, step=2)
    project.runs.end(run_id)
    wait_for(lambda: not view.live)
    assert view.series[0]["values"] == [0.5, 0.4]
    assert view.run["status"] == "finished"
    view.close()


def test_numbers_that_are_not_finite_travel_as_words(project: Project, run_id: str) -> None:
    for value in (float("nan"), float("inf"), float("-inf"), 0.25):
        project.runs.log_metrics(run_id, {"loss": value})
    project.runs.end(run_id)
    view = CurvesView(project, run_id)
    assert view.series[0]["values"] == ["NaN", "Infinity", "-Infinity", 0.25]
    json.dumps(view.get_state()["series"], allow_nan=False)


def test_many_points_are_thinned_and_say_so(project: Project, run_id: str) -> None:
    for step in range(2_000):
        project.runs.log_metrics(run_id, {f"m{i}": float(step % 7) for i in range(4)}, step=step)
    project.runs.end(run_id)
    view = CurvesView(project, run_id)
    assert all(one["downsampled"] and one["n"] == 2_000 for one in view.series)
    assert sum(len(one["values"]) for one in view.series) <= ALL_POINTS
    assert len(json.dumps(view.state())) < 300_000


def test_a_saved_notebook_keeps_the_curves_and_a_picture(project: Project, run_id: str) -> None:
    for step in range(5):
        project.runs.log_metrics(run_id, {"a<b>&": step / 10}, step=step)
    project.runs.end(run_id)
    data, _ = CurvesView(project, run_id)._repr_mimebundle_()
    kept = data[VIEW_MIME]
    assert (kept["view"], kept["version"]) == ("curves", 1)
    assert kept["state"]["series"][0]["steps"] == [0, 1, 2, 3, 4]
    assert kept["state"]["live"] is False
    assert "a<b>&" in "".join(ElementTree.fromstring(data["image/svg+xml"]).itertext())
    assert data["text/plain"] == "<curves of gbm-6, finished: a<b>& 0.4 at step 4>"


def test_a_metric_that_an_ended_run_has_not_is_named(project: Project, run_id: str) -> None:
    project.runs.log_metrics(run_id, {"loss": 0.5})
    project.runs.end(run_id)
    with pytest.raises(NotFound, match="no metric 'los'; it has \\['loss'\\]"):
        Run(project, run_id).curves("los")


def test_a_handle_gives_the_view_of_some_metrics(project: Project, run_id: str) -> None:
    project.runs.log_metrics(run_id, {"loss": 0.5, "auc": 0.7})
    project.runs.end(run_id)
    view = Run(project, run_id).curves("auc")
    assert [one["key"] for one in view.series] == ["auc"]


def test_closing_a_view_ends_its_thread(project: Project, run_id: str) -> None:
    import threading

    view = CurvesView(project, run_id)
    name = f"mlops-lab-curves-{run_id[:8]}"
    assert any(thread.name == name for thread in threading.enumerate())
    view.close()
    wait_for(lambda: all(thread.name != name for thread in threading.enumerate()))
