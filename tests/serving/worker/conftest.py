"""Workers as their supervisor starts them, with real sockets, and models that misbehave."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from mlops_lab.registry.package import save_model
from mlops_lab.store.tree import Tree, TreeEntry

DEADLINE_S = 60.0


def wait_until(done: Callable[[], Any], what: str) -> Any:
    """Wait until something is true, and give it."""
    until = time.monotonic() + DEADLINE_S
    while not (found := done()):
        assert time.monotonic() < until, f"{what} never came"
        time.sleep(0.005)
    return found


@dataclass(frozen=True)
class Package:
    """A packed model: where, what its content is, the model, and rows that it takes."""

    folder: Path
    digest: str
    model: Any
    frame: pd.DataFrame


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A classifier of text, whole numbers and numbers with missing values."""
    import numpy as np
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "carrier": random.choice(["UA", "DL", "Ærø"], 200),
            "hour": random.integers(0, 24, 200),
            "temp": np.where(random.random(200) < 0.2, np.nan, random.normal(10, 5, 200)),
        }
    )
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["carrier"]), (SimpleImputer(), ["hour", "temp"])
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame, frame.hour > 12)
    folder = tmp_path_factory.mktemp("model") / "flight-delay"
    save_model(model, folder, example=frame.head(20))
    return Package(folder, digest_of(folder), model, frame)


@pytest.fixture(scope="session")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A model that does what column ``do`` says: answer, raise, give too little, wait."""
    model = _awkward()
    frame = pd.DataFrame({"do": ["answer"], "x": [1.5]})
    folder = tmp_path_factory.mktemp("model") / "awkward"
    save_model(model, folder, example=frame, unsafe=True)
    return Package(folder, digest_of(folder), model, frame)


def _awkward() -> Any:
    # Within a function: a class of a module would have to be importable where it is loaded.
    class Awkward:
        def predict(self, frame: Any) -> Any:
            import os
            import time

            does = list(frame["do"])
            if "raise" in does:
                raise ValueError(f"cannot take {does.index('raise')}")
            if "exit" in does:
                raise SystemExit(3)
            for what in does:
                verb, _, value = what.partition(" ")
                if verb == "sleep":
                    time.sleep(float(value))
                while verb == "until" and not os.path.exists(value):
                    time.sleep(0.002)
            values = frame["x"].to_numpy()
            return values[:-1] if "short" in does else values * 2

    return Awkward()


def digest_of(folder: Path) -> str:
    """The content id of a folder without folders in it."""
    from blake3 import blake3

    files = sorted(folder.iterdir())
    return Tree.of(
        TreeEntry(file.name, f"b3-{blake3(file.read_bytes()).hexdigest()}", file.stat().st_size)
        for file in files
    ).digest


@dataclass
class Worker:
    """A worker process, and the supervisor's end of its channel."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    first: dict[str, Any]
    public: str
    private: str
    port: int | None
    reports: list[dict[str, Any]] = field(default_factory=list)

    def wait(self, done: Callable[[], Any], what: str = "what was waited for") -> Any:
        """Wait until something is true, and give it."""
        return wait_until(done, what)

    def say(self, message: dict[str, Any]) -> None:
        """Send what a supervisor sends."""
        self.channel.sendall(json.dumps(message).encode() + b"\n")

    def client(self, path: str | None = None, **options: Any) -> httpx.Client:
        """A client of its public socket, or of another."""
        transport = httpx.HTTPTransport(uds=path or self.public)
        return httpx.Client(transport=transport, base_url="http://worker", timeout=30, **options)

    def post(self, rows: Any, path: str | None = None, **options: Any) -> httpx.Response:
        """Ask for predictions over a new connection."""
        with self.client(path) as client:
            return client.post("/predict", json=rows, **options)

    def connect(self) -> socket.socket:
        """A connection that sends what a test wants to send."""
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(DEADLINE_S)
        made.connect(self.public)
        return made

    def counted(self, role: str, what: str) -> int:
        """What the reports say together."""
        return sum(one["counts"].get(role, {}).get(what, 0) for one in self.reports)

    def told(self, group: str, what: str) -> int:
        """What the reports say together of the log or of shadows."""
        return sum(one[group][what] for one in self.reports)

    def units(self) -> list[list[str]]:
        """The bad events of all reports, without when they happened."""
        return [event[:3] for one in self.reports for event in one["units"]]

    @property
    def log(self) -> str:
        """What it has written for people."""
        return Path(self.public).with_name("log.txt").read_text()

    def rss(self) -> int:
        """Its memory now."""
        import psutil

        return int(psutil.Process(self.process.pid).memory_info().rss)

    @contextmanager
    def busy(self, at: Path) -> Iterator[Future[httpx.Response]]:
        """Have the model of `awkward` wait until the ``with`` is left."""
        reports = len(self.reports)
        with ThreadPoolExecutor(1) as client:
            row = {"do": f"until {at}", "x": 1.5}
            # Past its workers' public door: they may be told to send requests elsewhere.
            told = {"x-mlops-lab-passed": "1"}
            asked = client.submit(self.post, [row], path=self.private, headers=told)
            try:
                wait_until(lambda: any(r["busy_since"] for r in self.reports[reports:]), "work")
                yield asked
            finally:
                at.touch()


Starter = Callable[..., Worker]


@pytest.fixture(scope="module")
def starter() -> Iterator[Starter]:
    """Starts workers; those that are left are killed at the end of a module."""
    workers: list[Worker] = []
    # The path of a unix socket has at most 107 characters, and that of a test's folder may be long.
    folder = Path(tempfile.mkdtemp(prefix="lab-"))

    def start(
        package: Package,
        project: Path,
        revision: str = "r1",
        *,
        version: int = 1,
        digest: str | None = None,
        route: dict[str, Any] | None = None,
        over_network: bool = False,
        limits: dict[str, Any] | None = None,
        **more: Any,
    ) -> Worker:
        at = folder / str(len(workers))
        at.mkdir()
        mine, theirs = socket.socketpair()
        public = socket.socket(socket.AF_UNIX)
        public.bind(str(at / "public.sock"))
        public.listen(64)
        shared = [public]
        if over_network:
            shared.append(socket.create_server(("127.0.0.1", 0)))
        private = str(at / f"{revision}-0.sock")
        table = {
            "seq": 1,
            "self": revision,
            "stable": revision,
            "roles": {revision: "stable"},
            "sockets": {revision: [private]},
            "rollout": None,
            "versions": {revision: f"flight-delay@{version}"},
        }
        message = {
            "do": "start",
            "project": str(project),
            "endpoint": "delay",
            "revision": {
                "id": revision,
                "model": "flight-delay",
                "version": version,
                "digest": digest or package.digest,
                "backend": "sklearn",
                "unsafe": True,
            },
            "index": 0,
            "folder": str(package.folder),
            "sockets": {"public": [each.fileno() for each in shared], "private": private},
            "limits": limits or {},
            "log_dir": str(project / ".mlops" / "predictions" / "delay"),
            "token_hash": hashlib.sha256(b"secret").hexdigest(),
            "route": table | (route or {}),
            "foreground": True,
        }
        log = (at / "log.txt").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "mlops_lab.serving.worker"],
            stderr=log,
            pass_fds=[theirs.fileno(), *(each.fileno() for each in shared)],
            env={**os.environ, "MLOPS_LAB_CONTROL": str(theirs.fileno())},
        )
        port = shared[1].getsockname()[1] if over_network else None
        for each in (theirs, log, *shared):
            each.close()
        worker = Worker(process, mine, {}, str(at / "public.sock"), private, port)
        workers.append(worker)
        worker.say(message | more)
        lines = mine.makefile("rb")
        worker.first.update(json.loads(lines.readline() or b"{}"))

        def read() -> None:
            with closing(lines):
                for line in lines:
                    worker.reports.append(json.loads(line))

        threading.Thread(target=read, daemon=True).start()
        return worker

    try:
        yield start
    finally:
        for worker in workers:
            print(worker.log, file=sys.stderr)
            worker.process.kill()
            worker.process.wait()
            worker.channel.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def worker(starter: Starter, package: Package, tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """A worker that answers with the classifier."""
    return starter(package, tmp_path_factory.mktemp("project"), over_network=True)
