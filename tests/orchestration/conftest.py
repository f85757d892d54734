"""Real notebooks, real kernels: a factory that writes a project with pipelines into a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.handles import active
from mlops_lab.orchestration.engines.run import CellFailure
from mlops_lab.orchestration.engines.session import Session
from mlops_lab.orchestration.events import Event
from mlops_lab.orchestration.notebook import NotebookFacts
from mlops_lab.project import Project
from mlops_lab.tracking.active import active_runs


def notebook_json(
    cells: Sequence[str], *, params: str | None = None, kernel: str = "python3"
) -> dict[str, Any]:
    """A notebook of code cells; ``params`` becomes the cell tagged so."""
    sources = [params, *cells] if params is not None else list(cells)
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{index}",
                "execution_count": None,
                "outputs": [],
                "source": source,
                "metadata": {"tags": ["parameters"]} if params is not None and not index else {},
            }
            for index, source in enumerate(sources)
        ],
    }


@dataclass
class Workshop:
    """A project in a folder, and shorthands to fill it."""

    root: Path
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.root / "notebooks").mkdir(parents=True)
        (self.root / "pipelines").mkdir()

    @property
    def project(self) -> Project:
        return Project.open(self.root)

    def notebook(self, name: str, *cells: str, **more: Any) -> Path:
        path = self.root / "notebooks" / f"{name}.ipynb"
        path.write_text(json.dumps(notebook_json(cells, **more)))
        return path

    def pipeline(self, text: str, name: str = "p") -> Path:
        path = self.root / "pipelines" / f"{name}.yaml"
        path.write_text(text)
        return path

    def on_event(self, event: Event) -> None:
        self.events.append(event)

    def run(self, text: str, params: dict[str, Any] | None = None, **more: Any) -> Any:
        return self.project.pipelines.run(self.pipeline(text), params, listener=self, **more)


@pytest.fixture
def workshop(new_project: Callable[[Path], Project], tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(new_project(tmp_path / "project").root)
    yield made
    made.project.close()


REGISTER = """
import json, os, pathlib, tempfile
from mlops_lab.project import Project
from mlops_lab.tracking.active import active_runs

models, run_id = Project.locate().models, os.environ["MLOPS_LAB_RUN"]
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "model.json").write_text(json.dumps({"flavor": "sklearn", "unsafe": False}))
(folder / "skill.txt").write_text(str(skill))
models.log_package(run_id, "model", folder, latency_ms={"p50": 1.5, "p95": 2.5})
models.register(model, run_id=run_id)
"""
"""A model that is a number: keeping and registering it is real, fitting it takes no time."""

LOG = """
import os, pathlib
from mlops_lab.project import Project
from mlops_lab.tracking.active import active_runs

def log(**metrics):
    Project.locate().runs.log_metrics(os.environ["MLOPS_LAB_RUN"], metrics)

"""
"""A cell that makes ``log``, without loading what people's notebooks load."""

EVALUATE = (
    LOG
    + """
auc = float((pathlib.Path(model) / "skill.txt").read_text())
log(auc=auc, **{
    "fpr/carrier=DL": 0.10, "count/carrier=DL": 400,
    "fpr/carrier=EV": 0.12, "count/carrier=EV": 300,
    "fpr/carrier=OO": 0.90, "count/carrier=OO": 3,
})
"""
)

DELAY = """
name: flight-delay
params: {skill: 0.7, day: 1}
steps:
  train:
    notebook: ../notebooks/train.ipynb
    outputs: {model: model:flight-delay}
  evaluate:
    notebook: ../notebooks/evaluate.ipynb
    inputs: {model: train.model}
"""


@pytest.fixture
def delay(workshop: Workshop) -> Workshop:
    """A workshop with a pipeline that trains, registers and judges: gates and promote to be added
    to `DELAY`."""
    workshop.notebook("train", REGISTER, params="skill = 0.5\nmodel = 'm'")
    workshop.notebook("evaluate", EVALUATE, params="model = ''\nday = 1")
    return workshop


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Runs notebooks in this process, for what is decided after them: a kernel each would take
    most of the time, and is shown to work elsewhere. ``quick.undo()`` brings the kernels back."""
    monkeypatch.setattr("mlops_lab.orchestration.step.run_notebook", run_in_process)
    return monkeypatch


def run_in_process(
    facts: NotebookFacts, parameters: Mapping[str, Any], output: Path, session: Session
) -> CellFailure | None:
    """As the engine does: params below their cell, the step's environment, a failure in words."""
    notebook = json.loads(facts.path.read_text())
    names: dict[str, Any] = {}
    outside, here = dict(os.environ), Path.cwd()
    os.environ.update(session.environment)
    os.chdir(facts.path.parent)
    done = 0
    try:
        for cell in notebook["cells"]:
            exec(cell["source"], names)
            done += 1
            if cell["metadata"].get("tags") == ["parameters"]:
                names |= parameters  # in a cell of their own
                done += 1
    except Exception as error:
        return CellFailure(type(error).__name__, str(error), cell["id"], done + 1)
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(outside)
        # A step's kernel is not used again: what it knows of its run ends with it.
        active_runs.end_all()
        active._process.step, active._process.taken = None, False
        output.write_text(json.dumps(notebook))
    return None


@pytest.fixture
def faults_of(workshop: Workshop) -> Callable[[str], list[str]]:
    """What is wrong with a pipeline's text, as lines without the file's name."""
    from mlops_lab.orchestration.spec import read_spec

    def read(text: str) -> list[str]:
        _, faults = read_spec(workshop.pipeline(text), file="p")
        return [str(fault).removeprefix("p:") for fault in faults]

    return read
