"""For all tests: what the machine is busy with is no reason to fail; and processes to be killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")

# A shell ignores Ctrl-C in what it starts in the background, nohup ignores the end of a terminal,
# and that is handed down to children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Threads of OpenMP that wait for each other burn what cores there are: small fits on a machine that
# runs other tests take twenty times as long with two of them as with one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# First on the path of every process that tests start: modules that cost more than they give.
_WITHOUT = Path(__file__).with_name("without")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_WITHOUT), os.getenv("PYTHONPATH")]))
collect_ignore = [str(_WITHOUT)]

_NURSERY = Path(__file__).with_name("nursery.py")


@pytest.fixture(scope="session")
def empty_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with an index, to be copied: making one takes five times as long."""
    from mlops_lab.project import Project

    opened = Project.create(tmp_path_factory.mktemp("empty") / "project")
    opened.datasets.list()
    opened.close()
    return opened.root


@pytest.fixture
def new_project(empty_project: Path) -> Callable[[Path], Any]:
    """Makes a project in a folder, as `Project.create` does."""
    from mlops_lab.project import Project

    return lambda folder: Project.open(shutil.copytree(empty_project, folder, dirs_exist_ok=True))


class Nursery:
    """Forks processes from one that has imported everything; see ``nursery.py``.

    Parameters
    ----------
    folder
        For what the processes say and are told; made here.
    worker
        The file with their verbs.
    count
        Reads from a process's file how many things it was acknowledged.
    """

    def __init__(self, folder: Path, worker: Path, count: Callable[[Path], int]) -> None:
        folder.mkdir()
        self._folder = folder
        self._count = count
        self._errors = (folder / "errors.txt").open("w+b")
        self._process = subprocess.Popen(
            [sys.executable, str(_NURSERY), str(worker)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, "PYTHONPATH": str(_NURSERY.parents[1])},
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
        """Kill it without a warning and wait until it is gone; it may have ended already."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        assert self.wait(pid) in (0, -signal.SIGKILL), self.errors

    def path(self, name: str) -> str:
        """Where the file of what one process is acknowledged is."""
        return str(self._folder / name)

    def acknowledged(self, name: str) -> int:
        """How many things a process was told are done; 0 before it has begun."""
        try:
            return self._count(self._folder / name)
        except FileNotFoundError:
            return 0

    def wait_for_ack(self, name: str, least: int = 1) -> None:
        """Wait until a process was acknowledged so many things."""
        self.wait_until(lambda: self.acknowledged(name) >= least, name)

    def wait_until(self, done: Callable[[], bool], what: str, deadline_s: float = 60) -> None:
        """Wait for something that a process does, to the millisecond."""
        until = time.monotonic() + deadline_s
        while not done():
            assert time.monotonic() < until, f"{what} never came; {self.errors}"
            time.sleep(0.001)

    @property
    def errors(self) -> str:
        """What the processes have said about their failures."""
        self._errors.seek(0)
        return self._errors.read().decode()

    def close(self) -> None:
        """End all that is left."""
        for pid in self._living:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.communicate()
        self._errors.close()

    def _ask(self, order: dict[str, Any]) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


@pytest.fixture
def new_nursery(tmp_path: Path) -> Iterator[Callable[[Path, Callable[[Path], int]], Nursery]]:
    """Gives a nursery for a worker's file and a way to count what was acknowledged."""
    made: list[Nursery] = []

    def make(worker: Path, count: Callable[[Path], int]) -> Nursery:
        made.append(Nursery(tmp_path / f"nursery-{len(made)}", worker, count))
        return made[-1]

    yield make
    for nursery in made:
        nursery.close()
