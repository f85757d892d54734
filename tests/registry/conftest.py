"""Fixtures of the registry: a real project, people with roles, runs that keep models."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.governance import Identity
from mlops_lab.governance.access import Rules
from mlops_lab.project import Project
from mlops_lab.registry.records import LoggedModel, ModelVersion

MARA, IVO, ADA, EVE = Identity("mara"), Identity("ivo"), Identity("ada"), Identity("eve")
"""A contributor, two approvers, a viewer; admin is `ROOT`."""
ROOT = Identity("root")

POLICY = """
[aliases.staging]

[aliases.champion]
after = "staging"
gates = true
approvals = 1
"""

Keep = Callable[..., LoggedModel]
Make = Callable[..., ModelVersion]


def with_people(project: Project) -> Project:
    """Mara at work, and the others in their roles."""
    project.access.adopt(
        Rules.of(
            {"mara": "contributor", "ivo": "approver", "ada": "approver", "root": "admin"}, "viewer"
        )
    )
    project.models._identity = MARA
    return project


@pytest.fixture(scope="session")
def stocked(empty_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Projects with so many versions of ``flight-delay``, to be copied."""
    made = [empty_project]

    def having(count: int) -> Path:
        while len(made) <= count:
            folder = tmp_path_factory.mktemp("stocked")
            project = with_people(
                Project.open(shutil.copytree(made[-1], folder, dirs_exist_ok=True))
            )
            logged = keep_model(project, tmp_path_factory.mktemp("saved"))
            project.models.register("flight-delay", logged_model=logged.id, by=MARA)
            project.close()
            made.append(folder)
        return made[count]

    return having


@pytest.fixture
def project(
    request: pytest.FixtureRequest,
    stocked: Callable[[int], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Project]:
    """Empty; with one version or three of a model for who asks for ``version`` or ``versions``."""
    for name in ("MLOPS_LAB_PROJECT", "MLOPS_LAB_RUN", "MLOPS_LAB_ROOT"):
        monkeypatch.delenv(name, raising=False)
    asked = request.fixturenames
    count = 3 if "versions" in asked else 1 if "version" in asked else 0
    opened = with_people(Project.open(shutil.copytree(stocked(count), tmp_path / "project")))
    yield opened
    opened.close()


@pytest.fixture
def version(project: Project) -> ModelVersion:
    """The first version of ``flight-delay``, registered by Mara before the test began."""
    return project.models.get("flight-delay@1")


@pytest.fixture
def versions(project: Project) -> list[ModelVersion]:
    """The first three versions of ``flight-delay``, registered before the test began."""
    return [project.models.get(f"flight-delay@{n}") for n in (1, 2, 3)]


@pytest.fixture
def policy(project: Project) -> Callable[[str], None]:
    """Writes alias policies into ``mlops.toml``."""
    return partial(write_policy, project)


def write_policy(project: Project, text: str = POLICY) -> None:
    path = project.root / "mlops.toml"
    settings = path.read_text(encoding="utf-8").split("\n[aliases.")[0]
    path.write_text(f"{settings}\n{text.lstrip()}", encoding="utf-8")


def package(folder: Path, content: str = "weights", **manifest: Any) -> Path:
    """The folder of a saved model."""
    folder.mkdir(parents=True, exist_ok=True)
    unsafe = bool(manifest.get("unsafe"))
    (folder / ("model.pkl" if unsafe else "model.skops")).write_text(content)
    said = {
        "flavor": "pickle" if unsafe else "sklearn",
        "unsafe": False,
        "types": ["sklearn.linear_model._logistic.LogisticRegression"],
        "signature": {
            "inputs": [{"name": "distance", "type": "double", "optional": False}],
            "outputs": [{"name": "late", "type": "double", "optional": False}],
        },
        **manifest,
    }
    (folder / "model.json").write_text(json.dumps(said))
    return folder


def keep_model(
    project: Project,
    saved: Path,
    content: str | None = None,
    name: str = "model",
    **manifest: Any,
) -> LoggedModel:
    """A run that keeps a model, from its start to its end."""
    run_id = project.runs.start(name="fit", params={"depth": 6}, by=MARA)
    project.runs.log_metrics(run_id, {"auc": 0.71, "log_loss": 0.47})
    folder = package(saved / secrets.token_hex(4), content or secrets.token_hex(8), **manifest)
    logged = project.models.log_package(run_id, name, folder)
    project.runs.end(run_id)
    return logged


@pytest.fixture
def keep(project: Project, tmp_path: Path) -> Keep:
    """Starts a run that keeps a model, and ends it."""

    def make(content: str | None = None, name: str = "model", **manifest: Any) -> LoggedModel:
        return keep_model(project, tmp_path / "saved", content, name, **manifest)

    return make


@pytest.fixture
def make(project: Project, keep: Keep) -> Make:
    """Registers a new version of ``flight-delay``."""

    def register(content: str | None = None, name: str = "flight-delay", **manifest: Any) -> Any:
        logged = keep(content, **manifest)
        return project.models.register(name, logged_model=logged.id, by=MARA)

    return register


@pytest.fixture
def judge(project: Project) -> Callable[..., str]:
    """Has a pipeline run judge a version; gives the run's id."""

    return partial(judge_version, project)


def judge_version(
    project: Project, version: ModelVersion, outcome: str = "passed", **more: Any
) -> str:
    run_id = project.runs.start(name="flight-delay-41", kind="pipeline", by=MARA)
    total = more.pop("total", 8)
    passed = total if outcome == "passed" else total - 1
    project.models.judge(
        version.ref, run=run_id, outcome=outcome, passed=passed, total=total, by=MARA, **more
    )
    project.runs.end(run_id, outcome=outcome)
    return run_id
