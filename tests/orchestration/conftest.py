"""Real notebooks, real kernels: a factory that writes a project with pipelines into a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.orchestration.events import Event
from mlops_lab.project import Project


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
        return Project.create(self.root)

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
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path / "project")
    yield made
    made.project.close()


REGISTER = """
import json, pathlib, tempfile
import mlops_lab as lab
from mlops_lab.project import Project

models = Project.locate().models
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "model.json").write_text(json.dumps({"flavor": "sklearn", "unsafe": False}))
(folder / "skill.txt").write_text(str(skill))
run = lab.start_run()
models.log_package(run.id, "model", folder)
models.register(model, run_id=run.id)
"""
"""A model that is a number: keeping and registering it is real, fitting it takes no time."""

EVALUATE = """
import pathlib
import mlops_lab as lab

auc = float((pathlib.Path(model) / "skill.txt").read_text())
lab.log_metrics({
    "auc": auc,
    "fpr/carrier=DL": 0.10, "count/carrier=DL": 400,
    "fpr/carrier=EV": 0.12, "count/carrier=EV": 300,
    "fpr/carrier=OO": 0.90, "count/carrier=OO": 3,
})
"""

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
def faults_of(workshop: Workshop) -> Callable[[str], list[str]]:
    """What is wrong with a pipeline's text, as lines without the file's name."""
    from mlops_lab.orchestration.spec import read_spec

    def read(text: str) -> list[str]:
        _, faults = read_spec(workshop.pipeline(text), file="p")
        return [str(fault).removeprefix("p:") for fault in faults]

    return read
