"""Fixtures of data: a project with an awkward name, data on disk, and processes that commit it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.data.manager import DatasetManager
from mlops_lab.project import Project

_WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture(scope="session")
def empty_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with an index, to be copied: making one takes twice as long as reading it."""
    with pytest.MonkeyPatch.context() as patch:
        _forget_projects(patch)
        opened = Project.create(tmp_path_factory.mktemp("empty") / "project")
        opened.datasets.list()
        opened.close()
    return opened.root


@pytest.fixture
def project(
    empty_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    _forget_projects(monkeypatch)
    opened = Project.open(shutil.copytree(empty_project, tmp_path / "a b'[1]*{x}"))
    monkeypatch.chdir(opened.root)
    yield opened
    opened.close()


def _forget_projects(patch: pytest.MonkeyPatch) -> None:
    for name in ("MLOPS_LAB_PROJECT", "MLOPS_LAB_RUN", "MLOPS_LAB_ROOT"):
        patch.delenv(name, raising=False)


@pytest.fixture
def datasets(project: Project) -> DatasetManager:
    return project.datasets


@pytest.fixture
def write(project: Project) -> Callable[[str, bytes | str], Path]:
    """Writes a file below the project's folder ``data``."""

    def make(name: str, content: bytes | str) -> Path:
        path = project.root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


@pytest.fixture
def spoil(project: Project) -> Callable[[str], Path]:
    """Flips one bit of an object, and gives it its size and times back as far as anybody can."""

    def flip(digest: str) -> Path:
        path = project.store.objects.path(digest)
        before = path.stat()
        path.chmod(0o644)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        path.chmod(before.st_mode)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return path

    return flip


@pytest.fixture
def nursery(new_nursery: Callable[..., Any]) -> Any:
    """Other processes, forked cheaply; see the conftest of all tests."""
    return new_nursery(_WORKER, lambda file: len(file.read_text().splitlines()))
