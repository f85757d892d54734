"""Stores over a small test concept, and processes that use them at the same time."""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlops_lab.store import Store

_WORKER = Path(__file__).with_name("worker.py")

HARD_NAME = "a b'[1]*{x}"


def _load_worker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("store_worker", _WORKER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def worker() -> ModuleType:
    """The verbs and lines that the processes use, for use in this one."""
    return sys.modules.get("store_worker") or _load_worker()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project's folder with every character that globs and quotes stumble over."""
    root = tmp_path / HARD_NAME
    root.mkdir()
    return root


@pytest.fixture
def new_store(worker: ModuleType, root: Path) -> Iterator[Callable[..., Store]]:
    """Opens stores of the project with the test concept; closed at the end."""
    opened = []

    def make(*, tables: Any = None, at: Path = root) -> Store:
        store = Store(at, [tables or worker.TABLES])
        opened.append(store)
        return store

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(new_store: Callable[..., Store]) -> Store:
    """A store of the project."""
    return new_store()


@pytest.fixture
def file_size_limit() -> Iterator[Callable[[int], None]]:
    """Has the kernel write less than asked beyond a file size, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


class Nursery:
    """Forks worker processes from one that has imported everything."""

    def __init__(self, folder: Path, worker: ModuleType) -> None:
        self._worker = worker
        self._folder = folder
        self._errors = (folder / "errors.txt").open("w+b")
        self._process = subprocess.Popen(
            [sys.executable, str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, "PYTHONPATH": str(_WORKER.parents[2])},
        )
        self._living: set[int] = set()

    def start(self, verb: str, **arguments: Any) -> int:
        """Start a process; returns its id."""
        pid = int(self._ask({"verb": verb, **arguments}))
        self._living.add(pid)
        return pid

    def wait(self, pid: int) -> int:
        """Wait for its end; returns the exit code, minus the signal for one that was killed."""
        self._living.discard(pid)
        return int(self._ask({"wait": pid}))

    def kill(self, pid: int) -> None:
        """Kill it without a warning and wait until it is gone."""
        os.kill(pid, signal.SIGKILL)
        assert self.wait(pid) == -signal.SIGKILL, self.errors

    def acks(self, name: str) -> Any:
        """The file of what one process was acknowledged."""
        return self._worker.Acks(self._folder / name)

    def wait_for_ack(self, name: str, least: int = 1, deadline_s: float = 60) -> None:
        """Wait until a process was acknowledged something."""
        acks, until = self.acks(name), time.monotonic() + deadline_s
        while acks.get() < least:
            assert time.monotonic() < until, f"{name}: {acks.get()} of {least}; {self.errors}"
            time.sleep(0.001)

    def path(self, name: str) -> str:
        """Where that file is."""
        return str(self._folder / name)

    @property
    def errors(self) -> str:
        """What the processes have said about their failures."""
        self._errors.seek(0)
        return self._errors.read().decode()

    def close(self) -> None:
        """End all that is left."""
        for pid in self._living:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.communicate()
        self._errors.close()

    def _ask(self, order: dict[str, Any]) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


@pytest.fixture
def nursery(tmp_path: Path, worker: ModuleType) -> Iterator[Nursery]:
    """Other processes, forked cheaply."""
    folder = tmp_path / "nursery"
    folder.mkdir()
    nursery = Nursery(folder, worker)
    yield nursery
    nursery.close()
