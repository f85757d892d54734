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


@pytest.fixture
def faults_of(workshop: Workshop) -> Callable[[str], list[str]]:
    """What is wrong with a pipeline's text, as lines without the file's name."""
    from mlops_lab.orchestration.spec import read_spec

    def read(text: str) -> list[str]:
        _, faults = read_spec(workshop.pipeline(text), file="p")
        return [str(fault).removeprefix("p:") for fault in faults]

    return read
