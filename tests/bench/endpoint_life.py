"""What an endpoint's life costs those who ask it: promote, roll back, lose supervisor and worker.

    python tests/bench/endpoint_life.py [ROUNDS]

Four clients ask without a pause, two of them over a new connection each time. Of each event:
``switch_s`` from the decision to the last answer of the version before, ``slowest_s`` the longest
answer meanwhile, ``failed`` requests. ``decide_s`` is what taking the decision took before that.
``takeover_s`` is from killing the supervisor until another one has taken all over, ``restart_s``
from killing the only worker until the next answer. Of the supervisor: ``idle_cpu`` and ``busy_cpu``
in CPU seconds per hour, and its memory.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import psutil
from sklearn.linear_model import LogisticRegression

from mlops_lab.project import Project
from mlops_lab.registry.package import save_model
from mlops_lab.serving import processes, status
from mlops_lab.serving.status import Status

ROUNDS = int(sys.argv[1]) if sys.argv[1:2] and sys.argv[1].isdigit() else 5
NAME = "delay"
CLIENTS = 4
QUIET_S = 10.0


class Load:
    """Clients, and what they were answered: when, by whom, how quickly."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._over = False
        self.answers: list[tuple[float, str, float]] = []
        self.failed = 0
        self._threads = [
            threading.Thread(target=self._ask, args=(n % 2 == 0,)) for n in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def _client(self) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=self._socket)
        return httpx.Client(transport=transport, base_url="http://endpoint", timeout=60)

    def _ask(self, keep: bool) -> None:
        client = self._client()
        while not self._over:
            if not keep:
                client.close()
                client = self._client()
            began = time.monotonic()
            try:
                answer = client.post("/predict", json=[{"x": 0.5, "y": 1.5}])
                answer.raise_for_status()
            except httpx.HTTPError:
                self.failed += 1
                continue
            now = time.monotonic()
            self.answers.append((now, answer.headers["x-revision"], now - began))
        client.close()

    def end(self) -> None:
        self._over = True
        for thread in self._threads:
            thread.join()


def project_in(folder: Path) -> Project:
    """A project with two versions."""
    project = Project.create(folder / "project")
    frame = pd.DataFrame({"x": [0.0, 1.0] * 20, "y": [n / 7 for n in range(40)]})
    for number, strength in enumerate((0.1, 10.0)):
        model = LogisticRegression(C=strength).fit(frame, frame.x > 0.5)
        save_model(model, folder / str(number), example=frame.head(5))
        run_id = project.runs.start(name="fit")
        logged = project.models.log_package(run_id, "model", folder / str(number))
        project.runs.end(run_id)
        project.models.register(NAME, logged_model=logged.id)
    return project


def until(done: Any) -> float:
    """Wait until something is true; gives the time."""
    while not done():
        time.sleep(0.01)
    return time.monotonic()


def switch(project: Project, load: Load, verb: str, before: str) -> dict[str, float]:
    """Take a decision and see when the version before has answered last."""
    began = time.monotonic()
    failed = load.failed
    change = getattr(project.endpoints, verb)(NAME)
    decided = time.monotonic()
    processes.wait(project.root, NAME, change.desired.seq)
    time.sleep(1.5)
    window = [each for each in load.answers if each[0] >= decided]
    return {
        "decide_s": decided - began,
        "switch_s": max((at for at, who, _ in window if who == before), default=decided) - decided,
        "slowest_s": max(took for _, _, took in window),
        "failed": load.failed - failed,
    }


def supervisor_cpu(root: Path) -> tuple[float, float]:
    """CPU seconds per hour of the supervisor in the next seconds, and its memory in MB."""
    found = status.recorded(root, NAME)
    assert found is not None
    process = psutil.Process(found.pid)
    before = process.cpu_times()
    time.sleep(QUIET_S)
    after = process.cpu_times()
    spent = after.user - before.user + after.system - before.system
    return round(spent * 3600 / QUIET_S, 1), round(process.memory_info().rss / 1e6, 1)


def settled(root: Path, seq: int, other: int) -> Status | None:
    """The status once another supervisor has made all so."""
    found = status.recorded(root, NAME)
    good = found is not None and found.alive and found.pid != other and found.seq >= seq
    return found if good and found is not None and found.state == "serving" else None


def measure(project: Project) -> dict[str, Any]:
    """Live through it."""
    endpoints, root = project.endpoints, project.root
    began = time.monotonic()
    seq = endpoints.deploy(NAME, f"{NAME}@1", backend="sklearn").desired.seq
    first = endpoints.run(NAME, seq)
    figures: dict[str, Any] = {"deploy_s": round(time.monotonic() - began, 2)}
    figures["idle_cpu"], figures["supervisor_mb"] = supervisor_cpu(root)
    load = Load(str(first.socket))
    figures["busy_cpu"], _ = supervisor_cpu(root)
    rounds: dict[str, list[dict[str, float]]] = {"promote": [], "rollback": []}
    for _ in range(ROUNDS):
        change = endpoints.canary(NAME, f"{NAME}@2", 20)
        processes.wait(root, NAME, change.desired.seq)
        rollout = change.desired.rollout
        assert rollout is not None
        rounds["promote"].append(switch(project, load, "promote", rollout.base))
        rounds["rollback"].append(switch(project, load, "rollback", rollout.candidate))
    for verb, each in rounds.items():
        figures[verb] = {key: round(max(one[key] for one in each), 3) for key in each[0]}

    failed, now = load.failed, status.recorded(root, NAME)
    assert now is not None
    began = time.monotonic()
    os.kill(now.pid, signal.SIGKILL)
    figures["takeover_s"] = round(until(lambda: settled(root, now.seq, now.pid)) - began, 2)
    old = [worker for each in now.revisions for worker in each.workers]
    until(lambda: not any(status.is_alive(one.pid, one.started) for one in old))
    figures["takeover_failed"] = load.failed - failed

    failed, now = load.failed, status.recorded(root, NAME)
    assert now is not None
    worker = next(one for each in now.revisions for one in each.workers if each.role == "stable")
    began = time.monotonic()
    os.kill(worker.pid, signal.SIGKILL)
    time.sleep(0.1)
    killed = time.monotonic()
    back = until(lambda: load.answers[-1][0] > killed)
    figures |= {"restart_s": round(back - began, 2), "restart_failed": load.failed - failed}
    load.end()
    began = time.monotonic()
    endpoints.stop(NAME)
    endpoints.end(NAME)
    return {**figures, "stop_s": round(time.monotonic() - began, 2), "asked": len(load.answers)}


def main() -> None:
    """Print one JSON line."""
    with tempfile.TemporaryDirectory(prefix="endpoint-life-") as folder:
        project = project_in(Path(folder))
        try:
            figures = measure(project)
        finally:
            endpoint = project.endpoints.find(NAME)
            if endpoint is not None and endpoint.state != "stopped":
                project.endpoints.stop(NAME)
            processes.stop(project.root, NAME)
            project.close()
    print(json.dumps({"bench": "endpoint_life", "rounds": ROUNDS, **figures}))


if __name__ == "__main__":
    main()
