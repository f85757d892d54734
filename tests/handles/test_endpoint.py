"""The handle of endpoints: a real one, from its first version to its end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import mlops_lab as lab
from mlops_lab.errors import Conflict, InvalidInput, NotFound, Unavailable
from mlops_lab.project import Project

from .conftest import inside

FRAME = pd.DataFrame(
    {
        "carrier": ["EV", "UA", "DL", "B6"] * 10,
        "hour": range(40),
        "distance": np.linspace(0.0, 1.0, 40),
    }
)
LATE = FRAME["hour"] > 20


def trained(strength: float) -> Any:
    encoded = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["carrier"]), remainder="passthrough"
    )
    return make_pipeline(encoded, LogisticRegression(C=strength)).fit(FRAME, LATE)


@pytest.fixture(scope="module")
def project(empty_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with two versions of ``late``, and with nothing that runs when its tests end."""
    folder = tmp_path_factory.mktemp("served") / "a b'[1]*{x}"
    opened = Project.open(shutil.copytree(empty_project, folder))
    with inside(opened):
        with lab.start_run("gbm") as run:
            for strength in (1.0, 0.01):
                run.log_model(trained(strength), example=FRAME, register="late")
        try:
            yield opened
        finally:
            for one in opened.endpoints.list():
                opened.endpoints.stop(one.name)
                opened.endpoints.end(one.name)


@pytest.fixture(scope="module")
def served(project: Project) -> lab.Endpoint:
    """The first version of ``late`` answers."""
    return lab.endpoint("delay").deploy("late@1", backend="sklearn", reason="the first")


def test_it_answers_as_the_model_does(served: lab.Endpoint) -> None:
    rows = FRAME.iloc[3:9]
    found = served.predict(rows)
    model = lab.model("late@1").load()
    assert list(found.index) == list(rows.index)
    assert found["prediction"].tolist() == model.predict(rows).tolist()
    assert found["prediction_id"].is_unique
    with pytest.raises(InvalidInput, match="hour"):
        served.predict(rows.drop(columns="hour"))


def test_it_says_how_it_stands_and_how_to_call_it(served: lab.Endpoint) -> None:
    assert served.status is not None
    assert served.status.state == "serving"
    assert served.version == "late@1"
    assert served.url.startswith("unix:")
    assert served.token is None
    assert repr(served).startswith("<Endpoint delay serving late@1")
    html = served._repr_html_()
    for said in ("serving", "late@1", "curl --unix-socket", "lab.endpoint"):
        assert said in html
    assert [one.name for one in lab.endpoints()] == ["delay"]
    assert lab.endpoints().df().loc[0, "state"] == "serving"
    assert "delay" in lab.endpoints()._repr_html_()


def test_the_same_again_changes_nothing_and_says_so(
    served: lab.Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    before = served.status
    served.deploy("late@1", backend="sklearn")
    assert "nothing to do" in caplog.text
    assert before is not None
    assert served.status is not None
    assert served.status.pid == before.pid


def test_a_version_is_tried_promoted_and_taken_back(served: lab.Endpoint) -> None:
    served.canary("late@2", share=50, by="carrier", reason="less sure")
    with pytest.raises(Conflict, match="endpoint rollback delay"):
        served.shadow("late@1")
    answered = {served.predict(FRAME.iloc[[n]])["prediction"][n] for n in range(4)}
    assert answered <= {False, True}
    assert served.compare().state == "early"
    served.promote("good enough")
    assert served.version == "late@2"
    chance = served.predict(FRAME)["probability_True"]
    other = lab.model("late@2").load().predict_proba(FRAME)[:, 1]
    assert chance.tolist() == other.tolist()
    served.rollback("it was not")
    assert served.version == "late@1"
    verbs = [one.verb for one in served.history()]
    assert verbs[:3] == ["rollback", "promote", "canary"]


def test_what_it_answered_is_kept_and_the_truth_joins_it(served: lab.Endpoint) -> None:
    found = served.predict(FRAME.iloc[:5])
    told = served.log_ground_truth(found[["prediction_id"]].assign(late=[True] * 5), value="late")
    assert told.rows == 5
    kept = served.predictions(search=found["prediction_id"].iloc[0].partition("-")[0])
    assert len(kept) == 5
    assert kept.df()["late"].tolist() == [True] * 5
    assert "prediction" in kept._repr_html_()


def test_it_outlives_who_started_it_and_a_stop_leaves_nothing(
    served: lab.Endpoint, project: Project
) -> None:
    status = served.status
    assert status is not None
    processes = [psutil.Process(status.pid)]
    processes += [psutil.Process(one.pid) for one in status.workers()]
    # What ends a terminal or a kernel with all of its session does not reach them.
    assert os.getsid(0) not in {os.getsid(one.pid) for one in processes}
    socket = Path(served.url.removeprefix("unix:"))
    served.stop("enough")
    gone, alive = psutil.wait_procs(processes, timeout=20)
    assert not alive
    assert len(gone) >= 2
    assert not socket.exists()
    with pytest.raises(Unavailable, match="is stopped"):
        served.predict(FRAME)
    assert repr(served).startswith("<Endpoint delay stopped")
    assert served.logs()


def test_one_that_was_never_deployed_says_what_would(project: Project) -> None:
    with pytest.raises(NotFound, match="endpoint deploy none MODEL@VERSION"):
        _ = lab.endpoint("none").status
    assert "There is no endpoint 'none'" in repr(lab.endpoint("none"))
    with pytest.raises(AttributeError, match=r'deploy\("MODEL@champion"\)'):
        lab.endpoint("none").start()  # type: ignore[attr-defined]
