"""``mlops-lab endpoint``, without and with processes."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlops_lab.project import Project
from mlops_lab.registry.package import save_model
from mlops_lab.serving import status

from .conftest import Call

FRAME = pd.DataFrame({"hour": range(40), "distance": [n / 40 for n in range(40)]})


@pytest.fixture(scope="module")
def stocked(empty_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two versions of ``late``, to be copied."""
    folder = tmp_path_factory.mktemp("stocked")
    project = Project.open(shutil.copytree(empty_project, folder / "project"))
    run_id = project.runs.start(name="gbm")
    for strength in (1.0, 0.01):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength))
        package = folder / f"late-{strength}"
        save_model(model.fit(FRAME, FRAME["hour"] > 20), package, example=FRAME)
        logged = project.models.log_package(run_id, "late", package)
        project.models.register("late", logged_model=logged.id)
    project.runs.end(run_id)
    project.close()
    return project.root


@pytest.fixture
def project(stocked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    folder = tmp_path / "here"
    opened = Project.open(shutil.copytree(stocked, folder, symlinks=True))
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLOPS_LAB_PROJECT", raising=False)
    yield opened
    opened.close()


def test_looking_at_what_was_decided(call: Call, project: Project) -> None:
    assert "endpoint deploy NAME" in call("endpoint", "list").out
    assert call("endpoint", "list", "--json").json == {"endpoints": []}
    project.endpoints.deploy("delay", "late@1", backend="sklearn", reason="first")
    project.endpoints.canary("delay", "late@2", 5, ramp={"24h": 20})
    listed = call("endpoint", "list")
    assert listed.code == 0
    assert "late@1" in listed.out
    assert "late@2 canary 5 %" in listed.out
    shown = call("endpoint", "show", "delay")
    for said in ("Nobody serves delay", "canary of late@2 against late@1: 5 %", "20 % at", "first"):
        assert said in shown.out
    page = call("endpoint", "show", "delay", "--json").json
    assert page["endpoint"]["state"] == "failed"
    assert [event["verb"] for event in page["history"]] == ["canary", "deploy"]
    assert call("endpoint", "logs", "delay", "--json").json == {"lines": []}
    assert "arly" in call("endpoint", "compare", "delay").out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "none"], 2, "no endpoint 'none'"),
        (["deploy", "../x", "late@1"], 2, "An endpoint's name"),
        (["deploy", "delay", "late@9"], 2, "no version 9"),
        (["deploy", "delay", "late@1", "--limit", "timeout=5"], 2, "Did you mean timeout_s"),
        (["canary", "delay", "late@1"], 2, "endpoint deploy delay"),
        (["serve", "delay", "--port", "8200"], 2, "which version"),
        (["split", "delay", "late@1=half"], 2, "a number"),
        (["truth", "delay", "none.csv", "--value", "late"], 2, "none.csv"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    call: Call, project: Project, words: list[str], code: int, said: str
) -> None:
    found = call("endpoint", *words)
    assert found.code == code
    assert said in found.err
    assert "Traceback" not in found.err


def test_in_a_container_it_serves_in_the_foreground(call: Call, project: Project) -> None:
    """As a program: with a port and a token, until it is told to end."""
    deployed = project.endpoints.deploy("delay", "late@1", backend="sklearn", port=free_port())
    program = [sys.executable, "-m", "mlops_lab", "endpoint", "serve", "delay"]
    with subprocess.Popen(
        program, cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            found = wait_until_served(project, process, deployed.desired.seq)
            asked = {"dataframe_records": FRAME.head(2).to_dict("records")}
            address = f"http://127.0.0.1:{deployed.desired.port}/predict"
            assert httpx.post(address, json=asked).status_code == 401
            token = project.endpoints.token("delay")
            answer = httpx.post(
                address, json=asked, headers={"Authorization": f"Bearer {token}"}, timeout=30
            )
            assert answer.status_code == 200, answer.text
            shown = call("endpoint", "show", "delay", "--json").json
            assert shown["endpoint"]["state"] == "serving"
            assert token not in json.dumps(shown)
        finally:
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    for worker in (one for each in found.revisions for one in each.workers):
        assert not status.is_alive(worker.pid, worker.started), "they end with it"


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_served(project: Project, process: subprocess.Popen[Any], seq: int) -> status.Status:
    deadline = time.monotonic() + 120
    while True:
        found = project.endpoints.status("delay")
        if found is not None and found.state == "serving" and found.seq >= seq:
            return found
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
