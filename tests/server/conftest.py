"""A real Jupyter Server with our extension, and a project with one run of each sort."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.serverapp import ServerApp
from pytest_jupyter.jupyter_core import *  # noqa: F403
from pytest_jupyter.jupyter_core import (  # noqa: F401 - hooks, not exported
    pytest_pycollect_makeitem,
    pytest_pyfunc_call,
)
from pytest_jupyter.jupyter_server import *  # noqa: F403
from pytest_jupyter.pytest_tornasync import *  # noqa: F403
from tornado.httpclient import HTTPResponse

from mlops_lab.project import Project

from .people import ROLES as PEOPLE
from .people import Named

API = ("mlops-lab", "api", "v1")
GOALS = '[goals]\nauc = "max"\n'
HOSTILE = '<img src=x onerror=alert(1)> Größe "ü/日本語" 🛫'


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {
        "ServerApp": {
            "jpserver_extensions": {"mlops_lab": True},
            "allow_unauthenticated_access": False,
        }
    }


@pytest.fixture
def people(jp_server_config: dict[str, Any]) -> None:
    """A server that asks who somebody is, and gives roles."""
    jp_server_config["ServerApp"]["identity_provider_class"] = Named
    jp_server_config["MlopsLabApp"] = {"roles": PEOPLE}


@pytest.fixture(autouse=True)
def jp_server_cleanup(jp_asyncio_loop: Any) -> Iterator[None]:
    """As pytest-jupyter's, but a test without a server makes none to clean it up."""
    yield
    if ServerApp.initialized():
        app = ServerApp.instance()
        jp_asyncio_loop.run_until_complete(app._cleanup())
        app.kernel_manager.context.destroy()
        ServerApp.clear_instance()


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    code: int
    body: Any
    response: HTTPResponse


Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
def ask(jp_fetch: Any) -> Ask:
    """Ask our interface: parts of the path, a query, a JSON body; errors are answers too."""

    async def fetch(
        *parts: str,
        method: str = "GET",
        body: Any = None,
        headers: dict[str, str] | None = None,
        by: str | None = None,
        **params: Any,
    ) -> Answer:
        headers = {**(headers or {}), **({} if by is None else {"X-Name": by})} or None
        data = None if method in ("GET", "DELETE") else json.dumps({} if body is None else body)
        response = await jp_fetch(
            *API,
            *parts,
            method=method,
            params={name: value for name, value in params.items() if value is not None},
            body=data,
            headers=headers,
            raise_error=False,
        )
        kind = response.headers.get("Content-Type", "")
        decoded = json.loads(response.body) if "json" in kind and response.body else response.body
        return Answer(response.code, decoded, response)

    return fetch


@pytest.fixture
def raw(http_server_client: Any, jp_auth_header: dict[str, str], jp_base_url: str) -> Ask:
    """Ask with an address as it is: what is escaped in it, and how, is the caller's."""

    async def fetch(*parts: str, method: str = "GET", body: Any = None) -> Answer:
        response = await http_server_client.fetch(
            jp_base_url + "/".join((*API, *parts)),
            method=method,
            headers=jp_auth_header,
            body=None if method in ("GET", "DELETE") else json.dumps(body),
            raise_error=False,
        )
        kind = response.headers.get("Content-Type", "")
        decoded = json.loads(response.body) if "json" in kind and response.body else response.body
        return Answer(response.code, decoded, response)

    return fetch


@dataclass(frozen=True)
class Sample:
    """A project with one run of each sort, by what it is."""

    project: Project
    ids: dict[str, str]

    @property
    def key(self) -> str:
        return self.project.key


def gate(
    run_id: str, index: int, state: str, expression: str, sentence: str, t: int
) -> dict[str, Any]:
    return {
        "e": "gate",
        "r": run_id,
        "t": t,
        "i": index,
        "kind": "metric",
        "expression": expression,
        "state": state,
        "sentence": sentence,
    }


def pipeline_run(project: Project, name: str, outcome: str | None, *, end: bool = True) -> str:
    """A pipeline run with two steps and a gate, as the executor would have logged it."""
    runs = project.runs
    run_id = runs.start(
        name=name,
        experiment="flight-delay",
        kind="pipeline",
        source={"pipeline": "pipelines/flight-delay.yaml"},
        params={"seed": 7},
    )
    for step in ("prepare", "evaluate"):
        child = runs.start(
            name=step, kind="step", parent=run_id, source={"notebook": f"notebooks/{step}.ipynb"}
        )
        runs.log_cell(
            child, "c1", index=1, total=2, state="done", seconds=0.5, source="import pandas"
        )
        if step == "evaluate":
            runs.log_metrics(child, {"auc": 0.935 if outcome == "rejected" else 0.745}, step=0)
            if not end:
                runs.log_cell(child, "c2", index=2, total=2, state="running", source="score()")
                continue
        runs.end(child)
    state = "rejected" if outcome == "rejected" else "passed"
    if end:
        t = runs.get(run_id).started_at
        micros = int(t.timestamp() * 1e6) + 1
        expression = "evaluate.auc <= 0.85"
        project.store.append(gate(run_id, 0, state, expression, "auc against 0.85", micros))
        runs.end(run_id, outcome=outcome)
    return run_id


def fill(project: Project) -> dict[str, str]:
    """Log one run of each sort; gives their ids."""
    runs = project.runs
    notebook = {"notebook": "notebooks/train.ipynb"}
    ids: dict[str, str] = {}
    ids["finished"] = runs.start(
        name="gbm-4", experiment="flight-delay", source=notebook, params={"lr": 0.1, "refit": True}
    )
    for step in range(24):
        runs.log_metrics(
            ids["finished"], {"auc": 0.6 + step / 250, "log_loss": 0.52 - step / 500}, step=step
        )
    runs.put_artifact(ids["finished"], "plots/roc.svg", b"<svg onload='alert(1)'/>", kind="figure")
    runs.put_artifact(ids["finished"], "errors.csv", b"carrier,n\nDL,412\nEV,7\n", kind="table")
    runs.note(ids["finished"], "first model with weather")
    runs.star(ids["finished"])
    runs.end(ids["finished"])
    ids["failed"] = runs.start(
        name=HOSTILE,
        experiment="späte Flüge / <script>",
        source={"notebook": "notebooks/Prüfung [1] & 50%.ipynb"},
        params={"größe/日本": "<b>1</b>"},
        tags={"<b>tag</b>": '& "quotes" \\ \''},
    )
    for step, value in enumerate((0.6, 0.5, float("inf"), float("nan"))):
        runs.log_metrics(ids["failed"], {"val/loss": value}, step=step)
    runs.log_cell(
        ids["failed"], "a0b1", index=4, total=6, state="failed", seconds=0.3, source="fit()"
    )
    error = {
        "name": "ValueError",
        "message": "Input X contains NaN.\n<i>markup</i>",
        "cell_index": 4,
        "traceback": "Traceback …\nValueError: </pre><script>",
    }
    runs.end(ids["failed"], "failed", error=error)
    ids["passed"] = pipeline_run(project, "flight-delay-41", "passed")
    ids["rejected"] = pipeline_run(project, "leak-1", "rejected")
    ids["going"] = pipeline_run(project, "flight-delay-42", None, end=False)
    ids["killed"] = killed_run(project)
    ids["scheduled"] = runs.start(
        name="flight-delay-43", kind="pipeline", status="scheduled", owner="remote"
    )
    ids["running"] = runs.start(
        name="gbm-6",
        experiment="flight-delay",
        source=notebook,
        steps=120,
        params={"lr": 0.06, "refit": True},
        tags={"team": "ops"},
    )
    runs.log_cell(ids["running"], "5c1d", index=7, total=9, state="running", source="with lab…")
    for step in range(5, 80, 5):
        runs.log_metrics(ids["running"], {"auc": 0.62 + step / 1000, "log_loss": 0.5}, step=step)
    return ids


def killed_run(project: Project) -> str:
    """A run whose process died without a word, just now."""
    run, files, made_us = _dead_writer()
    later = time.time_ns() // 1000 - made_us
    for name, content in files.items():
        lines = [json.loads(line) for line in content.splitlines()]
        moved = [{**line, "t": line["t"] + later} if "t" in line else line for line in lines]
        text = "".join(json.dumps(line) + "\n" for line in moved)
        (project.store.dir / "journal" / name).write_text(text)
    return run


@cache
def _dead_writer() -> tuple[str, dict[str, bytes], int]:
    """The run of a process that dies in the middle of it, what is left behind, and when (µs)."""
    code = (
        "import os, sys\n"
        "from mlops_lab.project import Project\n"
        "runs = Project.create(sys.argv[1]).runs\n"
        "run = runs.start(name='gbm-5', source={'notebook': 'notebooks/train.ipynb'}, steps=120)\n"
        "runs.log_cell(run, '5c1d', index=7, total=9, state='running', source='fit()')\n"
        "runs.log_metrics(run, {'auc': 0.679}, step=40)\n"
        "sys.stdout.write(run)\n"
        "sys.stdout.flush()\n"
        "os._exit(9)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, folder], capture_output=True, text=True, check=False
        )
        assert len(done.stdout) == 32, done.stderr
        journal = Path(folder) / ".mlops" / "journal"
        return (
            done.stdout,
            {path.name: path.read_bytes() for path in journal.iterdir() if path.is_file()},
            time.time_ns() // 1000,
        )


def make_project(folder: Path) -> Project:
    project = Project.create(folder)
    (folder / "mlops.toml").write_text(GOALS, encoding="utf-8")
    return project


@pytest.fixture
def project(new_project: Callable[[Path], Project], jp_root_dir: Path) -> Iterator[Project]:
    """An empty project below the server's root."""
    project = new_project(jp_root_dir / "flight-delay")
    (project.root / "mlops.toml").write_text(GOALS, encoding="utf-8")
    yield project
    project.close()


Fill = Callable[[Project], object]


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Fill], Path]:
    """Gives the folder of a project that a function has filled: once, and then to be copied."""

    @cache
    def make(fill: Fill) -> Path:
        made = make_project(tmp_path_factory.mktemp("filled") / "flight-delay")
        fill(made)
        made.close()
        return made.root

    return make


@pytest.fixture
def copy_of(filled: Callable[[Fill], Path], jp_root_dir: Path) -> Iterator[Callable[..., Project]]:
    """Gives a test its own copy of a project that is dear to fill, in the place of `project`."""
    with ExitStack() as opened:

        def copy(fill: Fill) -> Project:
            root = shutil.copytree(filled(fill), jp_root_dir / "flight-delay", symlinks=True)
            copied = Project.open(root)
            opened.callback(copied.close)
            return copied

        yield copy


@pytest.fixture(scope="session")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    """A project with one run of each sort; open, so that who writes the running ones lives."""
    project = make_project(tmp_path_factory.mktemp("sampled") / "flight-delay")
    sample = Sample(project, fill(project))
    project.runs.get(sample.ids["running"])
    yield sample
    project.close()


@pytest.fixture
def sample(sampled: Sample, jp_root_dir: Path) -> Iterator[Sample]:
    """A test's own copy of it, whose running runs go on: their writer's lock is the same file."""

    def copy(source: str, target: str) -> None:
        (os.link if source.endswith(".lock") else shutil.copy2)(source, target)

    root = shutil.copytree(
        sampled.project.root, jp_root_dir / "flight-delay", symlinks=True, copy_function=copy
    )
    project = Project.open(root)
    yield Sample(project, sampled.ids)
    project.close()


@pytest.fixture
def met(ask: Ask) -> Callable[[str], Awaitable[str]]:
    """Have the server meet the project of a contents path; gives its key."""

    async def meet(near: str = "flight-delay") -> str:
        answer = await ask("projects", near=near)
        assert answer.code == 200, answer.body
        key: str = answer.body["current"]["key"]
        return key

    return meet
