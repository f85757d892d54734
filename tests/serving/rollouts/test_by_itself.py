"""Rollouts that nobody attends: a ramp that promotes, and a guard that takes a canary back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from mlops_lab.governance import Identity
from mlops_lab.project import Project
from mlops_lab.registry.package import save_model
from mlops_lab.serving import processes
from mlops_lab.serving.finder import EndpointEvent

DEADLINE_S = 90.0
MARA = Identity("mara")


def registered(project: Project, folder: Path, carriers: list[str], seed: int) -> str:
    """A version of ``delay`` that knows some carriers and raises at others."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"carrier": random.choice(carriers, 60), "hour": random.integers(0, 24, 60)}
    )
    columns = make_column_transformer((OneHotEncoder(), ["carrier"]), remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(frame, frame.hour > 12)
    save_model(model, folder, example=frame.head(5))
    run = project.runs.start(name="fit", by=MARA)
    logged = project.models.log_package(run, "model", folder)
    project.runs.end(run)
    return project.models.register("delay", logged_model=logged.id, by=MARA).ref


@pytest.fixture(scope="module")
def project(empty_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose endpoint ``delay`` serves ``delay@1``; 2 is as good, 3 cannot take UA."""
    import shutil

    root = tmp_path_factory.mktemp("by-itself")
    opened = Project.open(shutil.copytree(empty_project, root / "project"))
    for number, carriers in enumerate((["EV", "UA"], ["EV", "UA"], ["EV"])):
        registered(opened, root / str(number), carriers, number)
    change = opened.endpoints.deploy("delay", "delay@1", backend="sklearn", by=MARA)
    try:
        opened.endpoints.run("delay", change.desired.seq)
        yield opened
    finally:
        opened.endpoints.stop("delay", by=MARA)
        processes.stop(opened.root, "delay")
        opened.close()


def traffic(project: Project, until: Callable[[], Any]) -> Counter[tuple[int, str]]:
    """Ask as many users do until something is so; how often which revision answered how."""
    found: Counter[tuple[int, str]] = Counter()
    status = project.endpoints.status("delay")
    assert status is not None
    socket = status.socket
    assert socket is not None
    end = time.monotonic() + DEADLINE_S
    with httpx.Client(
        transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://x"
    ) as client:
        for number in range(1_000_000):
            row = {"carrier": "UA" if number % 2 else "EV", "hour": number % 24}
            answer = client.post("/predict", json=[row], headers={"X-Unit-Id": f"u{number % 500}"})
            found[answer.status_code, answer.headers["x-revision"]] += 1
            if number % 20 == 0 and until():
                return found
            assert time.monotonic() < end, (found, project.endpoints.status("delay"))
    raise AssertionError(found)


def last(project: Project) -> EndpointEvent:
    return next(iter(project.endpoints.history("delay")))


def test_a_ramp_raises_and_promotes_and_a_guard_takes_back(project: Project) -> None:
    endpoints = project.endpoints
    began = endpoints.canary(
        "delay", "delay@2", share=30, ramp={"1s": 60, "2s": 100}, backend="sklearn", by=MARA
    )
    endpoints.run("delay", began.desired.seq)
    answers = traffic(project, lambda: endpoints.get("delay").stable == "r2")
    assert {status for status, _ in answers} == {200}
    *_, raised, promoted = reversed(list(endpoints.history("delay")))
    assert [(one.verb, one.by) for one in (raised, promoted)] == [
        ("share", "ramp"),
        ("promote", "ramp"),
    ]
    assert "The ramp raises it from 30 to 60 %" in raised.reason

    # Without a level that it must not pass: only the comparison with its base is left.
    began = endpoints.canary(
        "delay", "delay@3", share=20, guard={"error_rate": 1.0}, backend="sklearn", by=MARA
    )
    status = endpoints.run("delay", began.desired.seq)
    assert status.rollout is not None
    assert [one["metric"] for one in status.rollout["evidence"]["metrics"]] == [
        "error",
        "slow",
        "reject",
    ]
    answers = traffic(project, lambda: endpoints.get("delay").rollout is None)
    back = last(project)
    assert (back.verb, back.by) == ("rollback", "guard")
    assert back.reason.startswith("3 fails more often than 2: ")
    assert back.evidence is not None
    assert back.evidence["state"] == "rollback"
    assert back.evidence["metrics"][0]["e"] >= back.evidence["limit"]
    # Nobody but users of the canary saw an error, and few of them.
    assert {revision for status, revision in answers if status != 200} == {"r3"}
    assert answers[500, "r3"] < 300
    endpoints.run("delay", back.desired.seq)
    count = Counter[str]()

    def asked_enough() -> bool:
        count["looks"] += 1
        return count["looks"] > 10

    assert set(traffic(project, asked_enough)) == {(200, "r2")}
    compared = endpoints.compare("delay")
    assert compared.state == "early"
    assert compared.answers > 0
