"""Fixtures of the registry: a real project, people with roles, runs that keep models."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
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


@pytest.fixture
def project(
    new_project: Callable[[Path], Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    for name in ("MLOPS_LAB_PROJECT", "MLOPS_LAB_RUN", "MLOPS_LAB_ROOT"):
        monkeypatch.delenv(name, raising=False)
    opened = new_project(tmp_path / "project")
    opened.access.adopt(
        Rules.of(
            {"mara": "contributor", "ivo": "approver", "ada": "approver", "root": "admin"}, "viewer"
        )
    )
    opened.models._identity = MARA
    yield opened
    opened.close()


@pytest.fixture
def policy(project: Project) -> Callable[[str], None]:
    """Writes alias policies into ``mlops.toml``."""

    def write(text: str = POLICY) -> None:
        path = project.root / "mlops.toml"
        settings = path.read_text(encoding="utf-8").split("\n[aliases.")[0]
        path.write_text(f"{settings}\n{text.lstrip()}", encoding="utf-8")

    return write


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


@pytest.fixture
def keep(project: Project, tmp_path: Path) -> Keep:
    """Starts a run that keeps a model, and ends it."""

    def make(content: str | None = None, name: str = "model", **manifest: Any) -> LoggedModel:
        run_id = project.runs.start(name="fit", params={"depth": 6}, by=MARA)
        project.runs.log_metrics(run_id, {"auc": 0.71, "log_loss": 0.47})
        folder = package(
            tmp_path / "saved" / secrets.token_hex(4), content or secrets.token_hex(8), **manifest
        )
        logged = project.models.log_package(run_id, name, folder)
        project.runs.end(run_id)
        return logged

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

    def decide(version: ModelVersion, outcome: str = "passed", **more: Any) -> str:
        run_id = project.runs.start(name="flight-delay-41", kind="pipeline", by=MARA)
        total = more.pop("total", 8)
        passed = total if outcome == "passed" else total - 1
        project.models.judge(
            version.ref, run=run_id, outcome=outcome, passed=passed, total=total, by=MARA, **more
        )
        project.runs.end(run_id, outcome=outcome)
        return run_id

    return decide
