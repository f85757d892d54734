"""Fixtures of data: a project with an awkward name, data on disk, and processes that commit it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.data.manager import DatasetManager
from mlops_lab.project import Project

_WORKER = Path(__file__).with_name("worker.py")


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
