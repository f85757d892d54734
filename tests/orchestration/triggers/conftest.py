"""A project with a pipeline that triggers start, and runs that nobody needs to execute."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.monitoring.records import Incident
from mlops_lab.orchestration import detached
from mlops_lab.project import Project

from ...monitoring.evaluations import evaluation  # noqa: TID252 tests are no package
from ..conftest import LOG, Workshop  # noqa: TID252

STEPS = """
name: p
params: {as_of: "2013-01-01", seed: 1}
steps:
  train: {notebook: ../notebooks/train.ipynb}
"""
MONITOR = "current: dataset:predictions\nreference: dataset:flights\n"


@pytest.fixture
def unlaunched(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Runs are journaled as scheduled, and no process takes them over; gives their commands."""
    commands: list[list[str]] = []

    def launch(root: Path, store: Any, runs: Any, words: list[str], **facts: Any) -> str:
        role = facts.pop("role")
        commands.append(list(words))
        source = {**facts.pop("source"), "role": role}
        return runs.start(status="scheduled", source=source, **facts)

    monkeypatch.setattr(detached, "launch", launch)
    return commands


class Watched:
    """A pipeline with triggers, and shorthands for what happens to it."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.project: Project = workshop.project
        self.now = datetime.now(UTC)

    def write(self, triggers: str, name: str = "p", *, steps: str = STEPS) -> Path:
        lines = "".join(f"  {line}\n" for line in triggers.strip().splitlines())
        return self.workshop.pipeline(f"{steps}triggers:\n{lines}", name)

    def look(self, **later: float) -> Any:
        """Look now, or so much later."""
        moment = datetime.now(UTC) + timedelta(**later)
        return self.project.triggers.look(now=moment)

    def states(self, **later: float) -> list[str]:
        """How the triggers of all pipelines stand."""
        moment = datetime.now(UTC) + timedelta(**later)
        found = self.project.triggers.list(moment)
        return [f"{each.state} {each.sentence}".strip() for one in found for each in one.standings]

    def commit(self, name: str = "flights", rows: Any = 1, run: str | None = None) -> Any:
        import pandas as pd

        frame = pd.DataFrame({"late": rows if isinstance(rows, list) else [1] * rows})
        return self.project.datasets.commit(name, frame, run_id=run, checks=False)

    def alarm(self, *incidents: Incident, parent: str | None = None, monitor: str = "delay") -> str:
        """A check of the monitor finds these."""
        runs = self.project.runs
        run = runs.start(kind="monitor", parent=parent, source={"monitor": monitor})
        seen = evaluation(*incidents)
        artifact = runs.put_artifact(run, "evaluation.json", json.dumps(seen.to_json()).encode())
        self.project.monitors.reconcile(
            monitor, seen, run_id=run, digest=artifact.digest, by=self.project.identity
        )
        runs.end(run)
        return run

    def end(self, found: Any, status: str = "finished") -> None:
        """The runs that a look has started are over."""
        for one in found.started:
            self.project.runs.end(one.run_id, status)

    def decided(self, kind: str = "trigger.start") -> list[Mapping[str, Any]]:
        return [one.data for one in self.project.store.decisions() if one.kind == kind]


@pytest.fixture
def watched(workshop: Workshop) -> Watched:
    workshop.notebook("train", LOG + "log(auc=0.7)", params="seed = 1\nas_of = ''")
    (workshop.root / "monitors").mkdir()
    (workshop.root / "monitors" / "delay.yaml").write_text(MONITOR, encoding="utf-8")
    return Watched(workshop)


@pytest.fixture
def nursery(new_nursery: Callable[..., Any]) -> Any:
    """Other processes, forked cheaply; see the conftest of all tests."""
    worker = Path(__file__).with_name("watchers.py")
    return new_nursery(worker, lambda file: len(file.read_text().splitlines()))
