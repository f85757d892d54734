"""The loop on the example's flights: from a drifting week to the new champion that answers all.

    python tests/bench/loop.py [sample]

The champion of 1 April answers at an endpoint. Week after week is replayed through it in order of
departure, its outcomes told on Mondays, and the monitor looks. From the check that raises the first
alert nobody does anything: a watcher starts the pipeline, the challenger sits the champion's exam,
is promoted, becomes a canary on replayed traffic, and answers everything after its ramp.

``loop_s`` is from the arrival of that week's outcomes to the last raise, ``check_s``, ``start_s``,
``train_s`` and ``rollout_s`` are its parts. ``cpu_s`` is the processor time of the whole bench,
from making the example on, but for the endpoint's own processes: on a busy machine it says more
than the clock. The goal is two minutes. ``sample`` 5 takes every fifth flight (default 1: all).
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_lab import example
from mlops_lab.handles.endpoint import Endpoint
from mlops_lab.project import Project

sys.path.insert(0, str(Path(__file__).parents[2] / "examples/flight-delay/notebooks"))
from delays import FEATURES  # what the example's model takes, said there once

GOAL_S = 120.0
DEADLINE_S = 900.0
BATCH = 50
# A training by itself does what decides, and leaves out what nobody looks at.
BRIEF = {
    "train": "params: {{sweep: false, cv: false, curve: false, importance: false}}",
    "evaluate": "params: {{tries: 1, min_flights: {min_flights}}}",
}
DEPLOY = """
deploy: {{endpoint: delay, strategy: canary, share: 10, ramp: {{2s: 50, 4s: 100}}}}
triggers:
  - alert: {{monitor: delay, kinds: [performance, domain]}}
    cooldown: 28d
    params: {{as_of: cause.day, sample: {sample}}}
"""


class Bench:
    """The example, served and watched."""

    def __init__(self, folder: Path, sample: int) -> None:
        root = example.create(folder)
        self.project = Project.open(root)
        self.sample = sample
        self.endpoint = Endpoint(self.project, "delay")
        pipeline = root / example.PIPELINE
        text = pipeline.read_text() + DEPLOY.format(sample=sample)
        for step, params in BRIEF.items():
            notebook = f"    notebook: ../notebooks/{step}.ipynb\n"
            told = params.format(min_flights=max(20, 300 // sample))
            text = text.replace(notebook, f"{notebook}    {told}\n")
        pipeline.write_text(text)
        monitor = root / "monitors" / "delay.yaml"
        text = monitor.read_text().replace("dataset:answers", "endpoint:delay")
        # The kind of a carrier is no input of the model, so the log does not have it.
        kept = [line for line in text.splitlines() if not line.startswith("fairness:")]
        monitor.write_text("\n".join(kept) + "\n")

    def flights(self) -> pd.DataFrame:
        """The year's flights as the model sees them, in order of departure."""
        year = self.project.root / "pipelines" / "features.yaml"
        text = (self.project.root / "pipelines" / "year.yaml").read_text()
        year.write_text(text.partition("  year:\n")[0])
        params = {"sample": self.sample}
        result = self.project.pipelines.run("pipelines/features.yaml", params)
        table = pd.read_parquet(result.steps["prepare"].outputs["features"])
        return table.sort_values("scheduled_at").reset_index(drop=True)

    def replay(self, flights: pd.DataFrame) -> None:
        """Ask about flights in their order, and tell what came of them."""
        told = []
        for first in range(0, len(flights), BATCH):
            part = flights.iloc[first : first + BATCH]
            answers = self.endpoint.predict(part[[*FEATURES, "scheduled_at"]])
            told.append(
                pd.DataFrame({"prediction_id": answers["prediction_id"], "late": part["late"]})
            )
        truth = pd.concat(told)
        truth = truth[truth["late"].notna()].astype({"late": bool})
        self.endpoint.log_ground_truth(truth, value="late")

    def decided(self, kind: str) -> list[Any]:
        return [one for one in self.project.store.decisions() if one.kind == kind]


def main() -> None:
    """Print one JSON line."""
    sample = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), sample)
        try:
            figures = measure(bench)
            used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
            figures["cpu_s"] = round(sum(one.ru_utime + one.ru_stime for one in used), 1)
            print(json.dumps({"bench": "loop", "sample": sample, **figures}))
        finally:
            if bench.project.endpoints.find("delay") is not None:
                bench.project.endpoints.stop("delay")
                bench.project.endpoints.end("delay")
            bench.project.close()


def measure(bench: Bench) -> dict[str, Any]:
    """Play the story until the loop has closed once."""
    project = bench.project
    first = project.pipelines.run(example.PIPELINE, {"sample": bench.sample})
    assert first.status == "finished", first
    flights = bench.flights()
    weeks = flights.groupby("week")
    words = [sys.executable, "-m", "mlops_lab", "--project", str(project.root)]
    watching = [*words, "trigger", "run", "--watch"]
    with subprocess.Popen(watching, stdout=sys.stderr) as watcher:
        try:
            wait(lambda: bench.decided("trigger.watch"), "the watcher")
            for week, part in weeks:
                if not "2013-04-01" <= str(week)[:10] <= "2013-12-22":
                    continue
                bench.replay(part)
                began = time.perf_counter()
                project.monitors.check("delay")
                checked = time.perf_counter()
                alarms = [
                    one
                    for one in project.monitors.alerts(status="open", monitor="delay")
                    if one.kind in ("performance", "domain") and one.severity == "alert"
                ]
                if alarms:
                    return closing(bench, weeks, week, began, checked, alarms[0].sentence)
            raise AssertionError("a year without an alert")
        finally:
            watcher.send_signal(signal.SIGINT)


def closing(
    bench: Bench, weeks: Any, week: Any, began: float, checked: float, sentence: str
) -> dict[str, Any]:
    """From the alert on: only traffic comes."""
    project = bench.project
    wait(lambda: bench.decided("trigger.start"), "the start")
    started = time.perf_counter()
    run_id = bench.decided("trigger.start")[0].data["run"]
    wait(lambda: (found := project.runs.find(run_id)) and not found.is_open, "the run")
    trained = time.perf_counter()
    record = project.runs.get(run_id)
    following = weeks.get_group(week + pd.Timedelta(days=7))
    first = 0
    while (present := project.endpoints.get("delay")).rollout is not None:
        part = following.iloc[first % len(following) :][:BATCH]
        bench.endpoint.predict(part[[*FEATURES, "scheduled_at"]], unit=f"batch {first}")
        first += BATCH
        assert time.perf_counter() - trained < DEADLINE_S
    ended = time.perf_counter()
    return {
        "alert": sentence,
        "week": str(week)[:10],
        "outcome": record.outcome,
        "said": record.reason,
        "serves": present.revision(present.stable).ref,
        "check_s": round(checked - began, 1),
        "start_s": round(started - checked, 1),
        "train_s": round(trained - started, 1),
        "rollout_s": round(ended - trained, 1),
        "loop_s": round(ended - began, 1),
        "goal_s": GOAL_S,
    }


def wait(done: Any, what: str) -> None:
    """Wait for something that another process does."""
    until = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < until, f"{what} never came"
        time.sleep(0.1)


if __name__ == "__main__":
    main()
