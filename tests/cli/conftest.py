"""The command line, called in this process (fast) or as a program (signals, terminals)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.cli import main
from mlops_lab.project import Project


@dataclass(frozen=True)
class Said:
    """What a call came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Said]


@pytest.fixture
def here(
    new_project: Callable[[Path], Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A project's folder, and the current one."""
    folder = tmp_path / "here"
    new_project(folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLOPS_LAB_PROJECT", raising=False)
    return folder


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls the command line in this process."""

    def run(*arguments: str | Path) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(one) for one in arguments])
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, captured.out, captured.err)

    return run


def program(*arguments: str | Path) -> list[str]:
    """The command line as a program."""
    return [sys.executable, "-m", "mlops_lab", *map(str, arguments)]


def run_program(*arguments: str | Path, cwd: Path, **environment: str) -> Said:
    """Run the command line as a program to its end."""
    ended = subprocess.run(
        program(*arguments),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, **environment},
    )
    return Said(ended.returncode, ended.stdout, ended.stderr)


def write_notebook(path: Path, *cells: str) -> Path:
    """A notebook whose first cell is tagged parameters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{index}",
                "execution_count": None,
                "outputs": [],
                "source": source,
                "metadata": {"tags": ["parameters"]} if not index else {},
            }
            for index, source in enumerate(cells)
        ],
    }
    path.write_text(json.dumps(document))
    return path


def write_pipeline(
    root: Path,
    *cells: str,
    name: str = "small",
    gates: Sequence[str] = (),
    params: str = "auc = 0.7",
) -> Path:
    """A pipeline of one step, ``fit``, whose notebook logs ``auc``."""
    write_notebook(root / "notebooks" / f"{name}.ipynb", params, *cells)
    path = root / "pipelines" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"name: {name}",
        "params: {auc: 0.7}",
        "steps:",
        f"  fit: {{notebook: ../notebooks/{name}.ipynb}}",
    ]
    if gates:
        lines += ["gates:", *[f"  - metric: {gate}" for gate in gates]]
    path.write_text("\n".join(lines) + "\n")
    return path


LOG_AUC = "import mlops_lab as lab\nlab.log_metric('auc', auc)"
