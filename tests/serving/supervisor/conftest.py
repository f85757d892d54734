"""A project whose endpoint really runs: supervisor, workers, and clients that never stop asking."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from mlops_lab.project import Project
from mlops_lab.registry.package import save_model
from mlops_lab.serving import desired, processes, status
from mlops_lab.serving.status import Status

DEADLINE_S = 120.0
NAME = "delay"


def wait_until(done: Callable[[], Any], what: str) -> Any:
    """Wait until something is true, and give it."""
    until = time.monotonic() + DEADLINE_S
    while not (found := done()):
        assert time.monotonic() < until, f"{what} never came"
        time.sleep(0.01)
    return found


@pytest.fixture(scope="session")
def versions(empty_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with three versions of ``delay``, to be copied."""
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    folder = tmp_path_factory.mktemp("versions") / "project"
    project = Project.open(shutil.copytree(empty_project, folder))
    carriers = ["UA", "DL", "AA", "B6"] * 10
    frame = pd.DataFrame({"carrier": carriers, "hour": [n % 24 + 0.5 for n in range(40)]})
    frame.loc[3, "hour"] = None
    saved = tmp_path_factory.mktemp("saved")
    for number, strength in enumerate((0.1, 1.0, 10.0)):
        columns = make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["carrier"]), (SimpleImputer(), ["hour"])
        )
        model = make_pipeline(columns, LogisticRegression(C=strength))
        model.fit(frame, frame.index % 3 == 0)
        save_model(model, saved / str(number), example=frame.head(5))
        run_id = project.runs.start(name="fit")
        logged = project.models.log_package(run_id, "model", saved / str(number))
        project.runs.end(run_id)
        project.models.register(NAME, logged_model=logged.id)
    project.close()
    return folder


class Site:
    """An endpoint of a project, as those who run it see it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.root = project.root
        self.manager = project.endpoints
        self._clients: list[Asking] = []

    def deploy(self, ref: str, **how: Any) -> Status:
        """Deploy a version and wait until it answers."""
        change = self.manager.deploy(NAME, ref, backend="sklearn", **how)
        return self.manager.run(NAME, change.desired.seq, timeout_s=DEADLINE_S)

    def done(self, change: Any) -> Status:
        """Wait until a decision is made so."""
        return processes.wait(self.root, NAME, change.desired.seq, DEADLINE_S)

    @property
    def status(self) -> Status:
        """What was written last."""
        found = status.recorded(self.root, NAME)
        assert found is not None
        return found

    def settled(self, supervisor: int = 0) -> Status:
        """Wait until all is as desired, by another supervisor than the one that is named."""

        def look() -> Status | None:
            found, should = self.status, desired.read(self.root, NAME)
            assert should is not None
            good = found.alive and found.pid != supervisor and found.seq == should.seq
            return found if good and found.state == "serving" else None

        return wait_until(look, "what was decided")  # type: ignore[no-any-return]

    def processes(self) -> list[psutil.Process]:
        """All processes of it that run, whoever started them."""
        every = [(self.status.pid, self.status.started)]
        every += [(worker.pid, worker.started) for worker in self.status.workers()]
        return [psutil.Process(pid) for pid, at in every if status.is_alive(pid, at)]

    def ask(self) -> Asking:
        """Begin to ask, and go on until told otherwise."""
        socket = self.status.socket
        assert socket is not None
        asking = Asking(str(socket))
        self._clients.append(asking)
        return asking

    def end(self) -> None:
        """Leave no process, whatever went wrong."""
        for each in self._clients:
            each.end()
        if not self.root.exists():
            return
        should = desired.read(self.root, NAME)
        if should is not None and should.state != "stopped":
            self.manager.stop(NAME)
        left = self.processes() if status.recorded(self.root, NAME) else []
        for process in left:
            with suppress(psutil.Error):
                process.send_signal(signal.SIGCONT)
        processes.stop(self.root, NAME)
        self.project.close()


class Asking:
    """Clients that ask without a pause: one on a connection that it keeps, one on new ones."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._over = threading.Event()
        self.answers: Counter[str] = Counter()
        self.failed: list[str] = []
        self._threads = [
            threading.Thread(target=self._ask, args=(keep,), daemon=True) for keep in (True, False)
        ]
        for thread in self._threads:
            thread.start()

    def more(self, revision: str | None = None) -> None:
        """Wait until it was answered a few times more, by a revision."""
        before = self._count(revision)
        wait_until(lambda: self._count(revision) >= before + 5, f"an answer of {revision}")

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(DEADLINE_S)

    def _count(self, revision: str | None) -> int:
        return self.answers[revision] if revision else self.answers.total()

    def _ask(self, keep: bool) -> None:
        client = self._client()
        while not self._over.is_set():
            if not keep:
                client.close()
                client = self._client()
            try:
                answer = client.post("/predict", json=[{"carrier": "UA", "hour": None}])
            except httpx.HTTPError as error:
                self.failed.append(repr(error))
                continue
            if answer.status_code == 200:
                self.answers[answer.headers["x-revision"]] += 1
            else:
                self.failed.append(answer.text)
        client.close()

    def _client(self) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=self._socket)
        return httpx.Client(transport=transport, base_url="http://endpoint", timeout=DEADLINE_S)


@pytest.fixture
def site(versions: Path, tmp_path: Path) -> Iterator[Site]:
    """A project with three versions that nothing serves yet; nothing is left of it afterwards."""
    made = Site(Project.open(shutil.copytree(versions, tmp_path / "a b'[1]*{x}")))
    yield made
    made.end()


def tamper(project: Project, digest: str) -> Callable[[], None]:
    """Change a byte of each file of a package; gives what undoes it."""
    objects = project.store.objects
    undo: list[tuple[Path, bytes]] = []
    for entry in objects.tree(digest).entries:
        path = objects.path(entry.digest)
        undo.append((path, path.read_bytes()))
        path.chmod(0o644)
        path.write_bytes(b"x" + undo[-1][1][1:])

    def restore() -> None:
        for path, data in undo:
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                os.unlink(path)
            path.write_bytes(data)

    return restore
