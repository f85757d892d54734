"""Triggers by real HTTP and by the server's own looks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlops_lab.project import Project
from mlops_lab.server.known import KnownProjects
from mlops_lab.server.schedule import Scheduler

from .conftest import Ask
from .test_orchestration import pipeline  # noqa: F401 a fixture
from .test_wire import check

TRIGGERS = "triggers:\n  - dataset: flights\n  - schedule: '0 3 * * mon'\n"


@pytest.fixture
def path(project: Project, pipeline: str) -> Path:  # noqa: F811
    found = project.root / pipeline
    found.write_text(found.read_text(encoding="utf-8") + TRIGGERS, encoding="utf-8")
    return found


def spoil(path: Path) -> None:
    path.write_text("steps: {}\n" + TRIGGERS, encoding="utf-8")


def ended(project: Project, run_id: str) -> Any:
    deadline = time.monotonic() + 120
    while (record := project.runs.get(run_id)).is_open:
        assert time.monotonic() < deadline, record
        time.sleep(0.1)
    return record


async def test_the_interface_lists_and_looks(
    project: Project, path: Path, met: Any, ask: Ask
) -> None:
    triggers = ("projects", await met(), "triggers")
    (one,) = (await ask(*triggers)).body["pipelines"]
    assert [each["state"] for each in one["triggers"]] == ["new", "new"]
    looked = await ask(*triggers, "run", method="POST")
    assert (looked.code, looked.body) == (202, {"started": [], "problems": [], "deployed": []})
    project.datasets.commit("flights", pd.DataFrame({"a": [1]}))
    looked = await ask(*triggers, "run", method="POST")
    check("TriggersRun", looked.body)
    (started,) = looked.body["started"]
    record = ended(project, started["run_id"])
    assert record.status == "finished", record.reason
    shown = (await ask(*triggers[:2], "runs", record.id)).body
    check("RunDetail", shown)
    assert shown["source"]["trigger"].startswith("flights 1 was committed")
    listed = await ask(*triggers)
    check("Triggers", listed.body)
    (start,) = listed.body["pipelines"][0]["starts"]
    assert (start["run_id"], start["causes"][0]["key"]) == (record.id, "dataset:flights@1")
    spoil(path)
    listed = await ask(*triggers)
    check("Triggers", listed.body)
    assert listed.body["pipelines"][0]["faults"][0]["line"] == 1


def test_the_server_looks_soon_after_a_decision_and_complains_once(
    project: Project, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = KnownProjects(project.root)
    known.near("")
    scheduler = Scheduler(known)
    assert scheduler.look() == []
    scheduler.look_at_decided()  # what it has decided itself: from where on it watches
    assert scheduler.look_at_decided() == []
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("notebook:", "notbook:"), encoding="utf-8")
    project.datasets.commit("flights", pd.DataFrame({"a": [1]}))
    assert scheduler.look_at_decided() == scheduler.look() == []
    told = [one.getMessage() for one in caplog.records if "small.yaml" in one.getMessage()]
    assert len(told) == 1
    assert "Its triggers wait until it is sound" in told[0]
    path.write_text(text, encoding="utf-8")
    (run_id,) = scheduler.look()
    assert scheduler.look_at_decided() == []
    assert ended(project, run_id).status == "finished"
