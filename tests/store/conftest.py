"""Stores over a small test concept, and processes that use them at the same time."""

from __future__ import annotations

import importlib.util
import resource
import signal
import sys
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


@pytest.fixture
def nursery(worker: ModuleType, new_nursery: Callable[..., Any]) -> Any:
    """Other processes, forked cheaply; see the conftest of all tests."""
    return new_nursery(_WORKER, worker.acknowledged)
