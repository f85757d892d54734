"""Fixtures of data: a project with an awkward name, data on disk, and processes that commit it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.data.manager import DatasetManager
from mlops_lab.project import Project

_WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    for name in ("MLOPS_LAB_PROJECT", "MLOPS_LAB_RUN", "MLOPS_LAB_ROOT"):
        monkeypatch.delenv(name, raising=False)
    opened = Project.create(tmp_path / "a b'[1]*{x}")
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


class Processes:
    """Forks processes from one that has imported everything; see ``worker.py``."""

    def __init__(self, folder: Path) -> None:
        self._errors = (folder / "errors.txt").open("w+b")
        self._nursery = subprocess.Popen(
            [sys.executable, str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._living: set[int] = set()

    def start(self, verb: str, **arguments: Any) -> int:
        pid = int(self._ask({"verb": verb, **arguments}))
        self._living.add(pid)
        return pid

    def wait(self, pid: int) -> int:
        self._living.discard(pid)
        return int(self._ask({"wait": pid}))

    def kill(self, pid: int) -> None:
        """Kill it without a warning; it may have ended already."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        assert self.wait(pid) in (0, -signal.SIGKILL), self.errors

    def wait_for(self, file: Path, least: int, pid: int, deadline_s: float = 60) -> None:
        """Wait until a process has acknowledged so much in its file."""
        until = time.monotonic() + deadline_s
        while acknowledged(file) < least:
            assert time.monotonic() < until, f"{file.name}: {acknowledged(file)}; {self.errors}"
            time.sleep(0.001)

    @property
    def errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode()

    def close(self) -> None:
        for pid in self._living:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._nursery.communicate()
        self._errors.close()

    def _ask(self, order: dict[str, Any]) -> str:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(json.dumps(order) + "\n")
        self._nursery.stdin.flush()
        return self._nursery.stdout.readline()


def acknowledged(file: Path) -> int:
    """How many things a process has been told are done."""
    try:
        return len(file.read_text().splitlines())
    except FileNotFoundError:
        return 0


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path)
    yield made
    made.close()
