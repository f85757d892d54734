"""The loop closes by itself: what is served drifts, an alert trains the next model, and that earns
its traffic; a worse model is refused, and one that breaks is taken back. Nobody touches it.
"""

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

import numpy as np
import pandas as pd
import pytest

from mlops_lab.errors import LabError
from mlops_lab.handles.endpoint import Endpoint
from mlops_lab.handles.model import Model
from mlops_lab.project import Project
from mlops_lab.tracking.records import RunRecord

from ..orchestration.conftest import notebook_json  # noqa: TID252 tests are no package

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]
INPUTS = ["temp", "carrier"]
TRAIN = """
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
import mlops_lab as lab

rows = pd.read_parquet(flights).sort_values("at")[-2000:-400]
late = rows["late"].sample(frac=1, random_state=1).to_numpy() if shuffled else rows["late"]
encoded = OneHotEncoder(handle_unknown=unknown, sparse_output=False)
shaped = make_column_transformer((StandardScaler(), ["temp"]), (encoded, ["carrier"]))
fitted = make_pipeline(shaped, LogisticRegression()).fit(rows[["temp", "carrier"]], late)
with lab.start_run("train") as run:
    run.log_model(fitted, example=rows[["temp", "carrier"]].head(), register="delay")
"""
EVALUATE = """
import pandas as pd
from sklearn.metrics import log_loss
import mlops_lab as lab

rows = pd.read_parquet(flights).sort_values("at")[-400:]
chance = lab.model(model).load().predict_proba(rows[["temp", "carrier"]])[:, 1]
lab.log_metric("log_loss", log_loss(rows["late"], chance))
"""
PIPELINE = """
name: retrain
params: {shuffled: false, unknown: ignore}
steps:
  train:
    notebook: ../notebooks/train.ipynb
    inputs: {flights: "dataset:flights"}
    outputs: {model: "model:delay"}
  evaluate:
    notebook: ../notebooks/evaluate.ipynb
    inputs: {model: train.model, flights: "dataset:flights"}
gates:
  - metric: evaluate.log_loss <= champion.evaluate.log_loss
promote: {model: train.model, alias: champion}
deploy:
  endpoint: delay
  strategy: canary
  share: 40
  ramp: {1s: 100}
  backend: sklearn
triggers:
  - alert: {monitor: delay, kinds: [drift, performance]}
    cooldown: 1s
  - dataset: hints # a model that has learnt nothing
    params: {shuffled: true}
  - dataset: wishes # a model as good, which breaks on what it has never seen
    params: {unknown: error}
"""
MONITOR = """
current: endpoint:delay
reference: dataset:reference
model: delay@champion
size: 400
target: late
score: probability_1
domain: false
"""
DEADLINE_S = 240.0


def day(number: int, *, warm: float = 0.0) -> pd.DataFrame:
    """A day's flights; on warm days it takes more degrees to be late."""
    random = np.random.default_rng(100 + number)
    at = pd.Timestamp("2013-02-01") + pd.Timedelta(days=number)
    temp = random.normal(40 + warm, 10, 400)
    late = random.random(400) < 1 / (1 + np.exp(-(temp - 40 - 2 * warm) / 5))
    return pd.DataFrame(
        {
            "at": at + pd.to_timedelta(np.sort(random.integers(0, 86_400, 400)), unit="s"),
            "temp": temp,
            "carrier": random.choice(["EV", "UA", "B6"], 400),
            "late": late.astype(int),
        }
    )


class Loop:
    """A project whose model is served, watched, and trained again by itself."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.endpoint = Endpoint(project, "delay")
        self.history = pd.concat([day(number) for number in range(-12, 0)])
        self.refused = 0
        for name, text in {"train": TRAIN, "evaluate": EVALUATE}.items():
            params = "flights = model = ''\nshuffled = False\nunknown = 'ignore'"
            params = params if name == "train" else "flights = model = ''"
            self._write(f"notebooks/{name}.ipynb", json.dumps(notebook_json([text], params=params)))
        self._write("pipelines/retrain.yaml", PIPELINE)
        self._write("monitors/delay.yaml", MONITOR)
        self.commit("flights", self.history)

    def _write(self, path: str, text: str) -> None:
        file = self.project.root / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def commit(self, name: str, frame: pd.DataFrame) -> None:
        self.project.datasets.commit(name, frame, checks=False)

    def replay(self, number: int, *, warm: float = 0.0) -> pd.DataFrame:
        """A day is asked about; its truth comes at its end."""
        flown = day(number, warm=warm)
        answers = self.endpoint.predict(flown[INPUTS])
        truth = {"prediction_id": answers["prediction_id"], "late": flown["late"].to_numpy()}
        self.endpoint.log_ground_truth(pd.DataFrame(truth), value="late")
        return flown

    def ask(self, frame: pd.DataFrame, done: Callable[[], bool]) -> None:
        """Ask about one flight after the other until something has happened; count refusals."""
        deadline, n = time.monotonic() + DEADLINE_S, 0
        while not done():
            assert time.monotonic() < deadline, self.said()
            for row in range(20):
                n += 1
                flight = frame.iloc[[(n + row) % len(frame)]][INPUTS]
                try:
                    self.endpoint.predict(flight, unit=f"N{n}")
                except LabError:
                    self.refused += 1
            time.sleep(0.1)  # people do not ask all at once

    def served(self) -> tuple[str, bool]:
        """What answers, and whether something is tried beside it."""
        present = self.project.endpoints.get("delay")
        return present.revision(present.stable).ref, present.rollout is not None

    def started(self, n: int) -> RunRecord:
        """The run of the nth start, once it has ended."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            starts = [one for one in self.project.store.decisions() if one.kind == "trigger.start"]
            if len(starts) >= n:
                record = self.project.runs.find(starts[n - 1].data["run"])
                if record is not None and not record.is_open:
                    return record
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.3)

    def said(self) -> list[str]:
        """What was decided, for whoever reads why it failed."""
        return [f"{one.kind} {one.data}"[:300] for one in self.project.store.decisions()]


@pytest.fixture
def loop(new_project: Callable[[Path], Project], tmp_path: Path) -> Iterator[Loop]:
    made = Loop(new_project(tmp_path / "project"))
    words = [sys.executable, "-m", "mlops_lab", "--project", str(made.project.root)]
    watcher: subprocess.Popen[bytes] | None = None
    try:
        first = made.project.pipelines.run("retrain")
        assert (first.status, made.served()) == ("finished", ("delay@1", False)), first
        model = Model(made.project, "delay@champion").load()
        chance = model.predict_proba(made.history[INPUTS])[:, 1]
        made.commit("reference", made.history.assign(probability_1=chance))
        log = (tmp_path / "watcher.txt").open("wb")
        watcher = subprocess.Popen([*words, "trigger", "run", "--watch"], stdout=log, stderr=log)
        deadline = time.monotonic() + DEADLINE_S
        while not any(one.kind == "trigger.watch" for one in made.project.store.decisions()):
            assert time.monotonic() < deadline, (tmp_path / "watcher.txt").read_text()
            time.sleep(0.05)
        yield made
    finally:
        if watcher is not None:
            watcher.send_signal(signal.SIGINT)
            watcher.wait(60)
        for record in made.project.runs.search(limit=100).items:
            if record.is_open and (pid := made.project.pipelines.process_of(record.id)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if made.project.endpoints.find("delay") is not None:
            made.project.endpoints.stop("delay")
            made.project.endpoints.end("delay")
        made.project.close()


def test_the_loop_closes_by_itself(loop: Loop) -> None:
    project = loop.project
    quiet = [loop.replay(number) for number in range(4)]
    loud = {"drift", "performance"}
    assert not [one for one in project.monitors.check("delay").opened if one.kind in loud]

    # Warm days arrive: the alert trains a model, which beats the champion and earns its traffic.
    warm = [loop.replay(number, warm=25.0) for number in range(4, 9)]
    loop.commit("flights", pd.concat([loop.history, *quiet, *warm]))
    check = project.monitors.check("delay")
    assert loud & {one.kind for one in check.opened if one.severity == "alert"}, check
    run = loop.started(1)
    assert (run.status, run.outcome) == ("finished", "passed"), run.reason
    assert run.source["trigger"]["causes"][0]["kind"] == "alert"
    assert str(run.source["trigger"]["sentence"]).startswith("delay alarms: ")
    assert "delay gives 40 % of its requests to delay@2, a canary" in str(run.reason)
    loop.ask(warm[-1], lambda: loop.served() == ("delay@2", False))
    assert loop.refused == 0, "no request fails while the canary is promoted"

    # A challenger that is worse than the champion is refused, and nothing that answers changes.
    loop.commit("hints", pd.DataFrame({"note": ["guess"]}))
    run = loop.started(2)
    assert (run.status, run.outcome) == ("finished", "rejected"), run.reason
    assert "champion 2" in str(run.reason)
    assert loop.served() == ("delay@2", False)

    # One that is as good and breaks on a carrier that it has never seen is taken back.
    loop.commit("wishes", pd.DataFrame({"note": ["be strict"]}))
    run = loop.started(3)
    assert (run.status, run.outcome) == ("finished", "passed"), run.reason
    assert loop.served() == ("delay@2", True)
    loop.ask(warm[-1].assign(carrier="ZZ"), lambda: loop.served() == ("delay@2", False))
    assert loop.refused > 0
    *_, last = [one for one in project.store.decisions() if one.kind.startswith("endpoint.")]
    assert (last.kind, last.by["id"]) == ("endpoint.rollback", "guard")
    assert len([one for one in project.store.decisions() if one.kind == "trigger.start"]) == 3
