"""Every way to stop a pipeline: the runs say so, and no kernel stays behind."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

SLEEP = "import time\nopen('started', 'w').write(str(__import__('os').getpid()))\ntime.sleep(600)"
STUBBORN = (
    "import time, os\nopen('started', 'w').write(str(os.getpid()))\n"
    "while True:\n    try:\n        time.sleep(600)\n    except KeyboardInterrupt:\n        pass"
)
PIPELINE = "steps:\n  a: {notebook: ../notebooks/a.ipynb}\n  b: {notebook: ../notebooks/a.ipynb}\n"


def wait_for(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)


class Running:
    """A pipeline in a process of its own, in the middle of its first step."""

    def __init__(self, workshop, source: str) -> None:
        self.workshop = workshop
        self.run_id = secrets.token_hex(16)
        self.project = workshop.project
        workshop.notebook("a", "print('so far')", source)
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("pipeline_process.py")),
                str(workshop.pipeline(PIPELINE)),
                self.run_id,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started = workshop.root / "notebooks" / "started"
        try:
            wait_for(lambda: started.exists() and started.read_text(), "the cell to start")
        except AssertionError:
            self.process.kill()
            print(self.process.communicate()[0])
            raise
        self.kernel = psutil.Process(int(started.read_text()))

    def ended(self, seconds: float = 60) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=seconds)
        return self.process.returncode, output

    def kernel_gone(self) -> bool:
        return not self.kernel.is_running() or self.kernel.status() == psutil.STATUS_ZOMBIE

    def statuses(self) -> list[str]:
        steps = self.project.pipelines.steps(self.run_id)
        return [self.project.runs.get(self.run_id).status, *(step.status for step in steps)]

    def kept(self) -> list[str]:
        [step] = self.project.pipelines.steps(self.run_id)
        return [one.path for one in self.project.runs.artifacts(step.id)]


@pytest.fixture
def start(workshop) -> Iterator[Callable[[str], Running]]:
    running: list[Running] = []

    def begin(source: str) -> Running:
        running.append(Running(workshop, source))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()
        if not one.kernel_gone():
            one.kernel.kill()


def test_ctrl_c_ends_the_runs_killed_and_the_kernel(start) -> None:
    running = start(SLEEP)

    running.process.send_signal(signal.SIGINT)

    code, output = running.ended()
    assert code == 130, output
    assert "Stopped by Ctrl-C." in output
    assert "Traceback" not in output
    assert running.kernel_gone()
    assert running.statuses() == ["killed", "killed"]
    assert running.kept() == ["notebook/a.ipynb"]
    [step] = running.project.pipelines.steps(running.run_id)
    assert step.reason is not None
    assert step.reason.startswith("Interrupted in cell 2")


def test_a_second_ctrl_c_kills_a_kernel_that_does_not_listen(start) -> None:
    running = start(STUBBORN)

    running.process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    began = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    running.process.send_signal(signal.SIGINT)

    code, output = running.ended()
    assert code == 130, output
    assert time.monotonic() - began < 4.5, "the second one should not wait for the grace"
    assert "Traceback" not in output
    assert running.kernel_gone()
    assert running.statuses() == ["killed", "killed"]
    assert running.kept() == ["notebook/a.ipynb"]


@pytest.mark.parametrize(("source", "number"), [(STUBBORN, signal.SIGTERM), (SLEEP, signal.SIGHUP)])
def test_other_signals_stop_like_ctrl_c_and_a_deaf_kernel_is_killed_after_a_grace(
    start, source: str, number: signal.Signals
) -> None:
    running = start(source)

    running.process.send_signal(number)

    code, output = running.ended()
    assert code == 130, output
    assert f"Stopped by {number.name}." in output
    assert running.kernel_gone()
    assert running.statuses() == ["killed", "killed"]


def test_kill_9_ends_the_runs_and_the_kernel_and_keeps_what_was_saved(start) -> None:
    running = start(SLEEP)
    scratch = running.project.store.dir / "scratch" / running.run_id
    saved = scratch / "a-1" / "notebook.ipynb"
    # Nothing is saved in the first seconds; what a longer run had saved is played here.
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    saved.write_text(json.dumps(notebook))

    running.process.kill()
    running.process.communicate()

    wait_for(running.kernel_gone, "the kernel to notice", 20)
    assert running.statuses() == ["killed", "killed"]
    assert running.kept() == ["notebook/a.ipynb"]
    assert not scratch.exists()


def test_cancel_is_a_decision_and_a_signal(start) -> None:
    running = start(SLEEP)
    step = running.project.pipelines.steps(running.run_id)[0]

    # the step's own id stops its pipeline
    assert running.project.pipelines.cancel(step.id) == running.run_id

    code, output = running.ended()
    assert code == 130, output
    assert "Cancelled by " in output  # not by Ctrl-C, though the signal is the same
    assert running.statuses() == ["killed", "killed"]
    kinds = [decision.kind for decision in running.project.store.decisions()]
    assert "run.cancel" in kinds


def test_the_decision_alone_stops_within_a_second(start) -> None:
    running = start(SLEEP)
    began = time.monotonic()

    running.project.runs.cancel(running.run_id)

    code, output = running.ended()
    assert code == 130, output
    assert "Cancelled by " in output
    assert time.monotonic() - began < 10
    assert running.kernel_gone()


def test_a_signal_is_sent_only_to_the_very_process(workshop) -> None:
    from dataclasses import replace

    from mlops_lab.orchestration.detached import interrupt
    from mlops_lab.orchestration.executor import process_facts

    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        runs = workshop.project.runs
        facts = process_facts() | {"pid": other.pid, "process_started": 1.0}
        record = runs.get(runs.start(kind="pipeline", source=facts))

        assert not interrupt(record)
        assert not interrupt(replace(record, source=facts | {"host": "elsewhere"}))
        assert other.poll() is None
        started = psutil.Process(other.pid).create_time()
        assert interrupt(replace(record, source=facts | {"process_started": started}))
        assert other.wait(20) in (-signal.SIGINT, 1)
    finally:
        other.kill()
        other.wait()


def test_signals_and_handlers_are_as_before_afterwards(workshop) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    workshop.notebook("a", "1")

    workshop.run("steps:\n  a: {notebook: ../notebooks/a.ipynb}\n")

    assert {number: signal.getsignal(number) for number in before} == before
    assert os.getpid() not in [child.pid for child in psutil.Process().children()]
