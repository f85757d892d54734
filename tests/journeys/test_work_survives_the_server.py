"""A pipeline started through the server goes on when that is killed; the next one tells its end."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mlops_lab.project import Project

pytestmark = pytest.mark.slow
API = "/mlops-lab/api/v1/projects"

NOTEBOOK = """
import time, pathlib
import mlops_lab as lab
lab.log_metric("auc", 0.7)
while not pathlib.Path("go").exists():
    time.sleep(0.05)
"""

PIPELINE = """
name: patient
steps:
  wait:
    notebook: wait.ipynb
gates:
  - metric: wait.auc >= 0.6
"""


class Server:
    """A Jupyter Server of our own with the extension."""

    def __init__(self, root: Path, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url, self.token = f"http://127.0.0.1:{port}", secrets.token_hex(16)
        dirs = {
            f"JUPYTER_{name}_DIR": str(home / name.lower())
            for name in ("CONFIG", "DATA", "RUNTIME")
        }
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
                f"--ServerApp.port={port}",
                "--ServerApp.port_retries=0",
                f"--ServerApp.root_dir={root}",
                "--ServerApp.jpserver_extensions={'mlops_lab': True}",
                f"--IdentityProvider.token={self.token}",
            ],
            env=os.environ | {"HOME": str(home)} | dirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self.answers)

    def answers(self) -> bool:
        try:
            self.call("/api/status")
        except (urllib.error.URLError, ConnectionError):
            assert self.process.poll() is None, "the server did not start"
            return False
        return True

    def call(self, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def until(condition: Callable[[], Any], seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return answer


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    project = root / "patient"
    project.mkdir(parents=True)
    Project.create(project).store.close()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    nbformat.write(notebook, project / "wait.ipynb")
    (project / "patient.yaml").write_text(PIPELINE)
    return root


@pytest.fixture
def serve(root: Path, tmp_path: Path) -> Iterator[Callable[[], Server]]:
    started: list[Server] = []

    def start() -> Server:
        started.append(Server(root, tmp_path))
        return started[-1]

    yield start
    for server in started:
        server.kill()


def test_a_pipeline_outlives_the_server_that_started_it(
    root: Path, serve: Callable[[], Server]
) -> None:
    first = serve()
    key = first.call(f"{API}?near=patient")["current"]["key"]
    run_id = first.call(f"{API}/{key}/pipelines/run", {"path": "patient.yaml"})["run_id"]
    until(lambda: first.call(f"{API}/{key}/runs/{run_id}")["steps"])
    first.kill()
    (root / "patient" / "go").touch()

    second = serve()
    key = second.call(f"{API}?near=patient")["current"]["key"]
    run = until(
        lambda: (run := second.call(f"{API}/{key}/runs/{run_id}"))["ended_at"] is not None and run
    )

    assert (run["status"], run["outcome"]) == ("finished", "passed")
    assert [step["status"] for step in run["steps"]] == ["finished"]
