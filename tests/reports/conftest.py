"""A project to report of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlops_lab.project import Project


@pytest.fixture
def project(
    new_project: Callable[[Path], Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    for name in ("MLOPS_LAB_PROJECT", "MLOPS_LAB_RUN", "MLOPS_LAB_ROOT"):
        monkeypatch.delenv(name, raising=False)
    opened = new_project(tmp_path / "a b'[1]*{x}")
    monkeypatch.chdir(opened.root)
    yield opened
    opened.close()
