"""Many processes at once, and some of them killed: nothing acknowledged is lost or there twice."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlops_lab.store import Store

# `make soak` goes on for longer.
SOAK_S = float(os.environ.get("MLOPS_LAB_SOAK_S", "6"))


def assert_points(store: Store, acked: dict[str, int], *, slack: int = 0) -> None:
    """Every acknowledged point is there exactly once; at most `slack` more a run were under way."""
    rows = store.query(
        "select run, count(*), count(distinct step), max(step) from lab.points group by run"
    )
    stored = {run: counts for run, *counts in rows}
    for run, count in acked.items():
        points, distinct, last = stored.get(run, (0, 0, -1))
        assert points == distinct == last + 1, f"{run}: {points} points, {distinct} steps"
        assert count <= points <= count + slack, f"{run}: {points} stored, {count} acknowledged"


@pytest.mark.parametrize("seed", [1, 2])
def test_kill_while_logging_loses_no_point(
    nursery: Any, root: Path, store: Store, seed: int
) -> None:
    moments, acked = random.Random(seed), {}
    for number in range(10):
        run = f"run{number}"
        pid = nursery.start("log", root=str(root), run=run, acks=nursery.path(run))
        nursery.wait_for_ack(run)
        time.sleep(moments.uniform(0, 0.02))
        nursery.kill(pid)
        acked[run] = nursery.acknowledged(run)
    store.fold(force=True)
    assert_points(store, acked, slack=1)
    assert store.query("select distinct status from lab.runs") == [("killed",)]
    assert store.query("select count(*) from lab.runs") == [(10,)]


@pytest.mark.parametrize("seed", [3])
def test_kill_while_folding_loses_no_point(
    nursery: Any, root: Path, store: Store, seed: int
) -> None:
    moments = random.Random(seed)
    logger = nursery.start("log", root=str(root), run="a", acks=nursery.path("a"), per_s=3000)
    nursery.wait_for_ack("a")
    for number in range(15):
        pid = nursery.start("fold", root=str(root), acks=nursery.path(f"fold{number}"))
        nursery.wait_for_ack(f"fold{number}")
        time.sleep(moments.uniform(0, 0.05))
        nursery.kill(pid)
        assert store.query("select count(*) = count(distinct step) from lab.points") == [(True,)]
    nursery.kill(logger)
    store.fold(force=True, wait_s=5)
    assert_points(store, {"a": nursery.acknowledged("a")}, slack=1)
    assert store.query("select status from lab.runs") == [("killed",)]


@pytest.mark.parametrize("seed", [4])
def test_kill_while_deciding_keeps_the_chain(
    nursery: Any, root: Path, store: Store, seed: int
) -> None:
    moments, acked = random.Random(seed), {}
    for number in range(15):
        run = f"run{number}"
        pid = nursery.start("decide", root=str(root), run=run, acks=nursery.path(run))
        nursery.wait_for_ack(run)
        time.sleep(moments.uniform(0, 0.1))
        nursery.kill(pid)
        acked[run] = nursery.acknowledged(run)
    store.decide("run.delete", {"run": "last"}, by={"id": "tester", "via": "test"})
    decisions = list(store.decisions())
    assert [decision.n for decision in decisions] == list(range(1, len(decisions) + 1))
    assert store.verify() == []
    for run, count in acked.items():
        taken = [d.data["count"] for d in decisions if d.data["run"] == run]
        assert taken == list(range(1, len(taken) + 1))
        assert count <= len(taken) <= count + 1
    assert store.query("select count(*) from lab.decisions") == [(len(decisions),)]
    assert store.query("select count(*) from lab.removed_runs") == [(len(decisions),)]


@pytest.mark.slow
def test_sixteen_writers_and_four_readers_lose_nothing(
    nursery: Any, root: Path, store: Store
) -> None:
    writers = {
        f"run{number}": nursery.start(
            "log",
            root=str(root),
            run=f"run{number}",
            acks=nursery.path(f"run{number}"),
            per_s=100,
            seconds=SOAK_S,
        )
        for number in range(16)
    }
    readers = [
        nursery.start("read", root=str(root), acks=nursery.path(f"read{number}"), seconds=SOAK_S)
        for number in range(4)
    ]
    for pid in (*writers.values(), *readers):
        assert nursery.wait(pid) == 0, nursery.errors
    store.fold(force=True, wait_s=5)
    assert_points(store, {run: nursery.acknowledged(run) for run in writers})
    assert store.query("select distinct status from lab.runs") == [("finished",)]
    for number in range(4):
        assert nursery.acknowledged(f"read{number}") > 0


def test_sixteen_processes_start_a_project_together(
    nursery: Any, tmp_path: Path, new_store: Callable[..., Store]
) -> None:
    root, go = tmp_path / "new one", tmp_path / "go"
    root.mkdir()
    pids = [
        nursery.start("begin", root=str(root), run=f"run{number}", go=str(go))
        for number in range(16)
    ]
    go.touch()
    for pid in pids:
        assert nursery.wait(pid) == 0, nursery.errors
    store = new_store(at=root)
    assert [d.n for d in store.decisions()] == list(range(1, 17))
    assert store.verify() == []
    assert_points(store, {f"run{number}": 1 for number in range(16)})


def test_fork_while_logging_keeps_every_point_and_no_lock(
    nursery: Any, root: Path, store: Store
) -> None:
    pid = nursery.start(
        "fork_while_logging", root=str(root), acks=nursery.path("forks"), children=8
    )
    nursery.wait_for_ack("forks")
    told = json.loads(Path(nursery.path("forks.json")).read_text())
    assert told["codes"] == [0] * 8, nursery.errors
    store.fold(force=True)
    threads = {f"thread{number}": count for number, count in enumerate(told["threads"])}
    assert_points(store, {**threads, **{f"child{number}": 100 for number in range(8)}})
    assert store.query("select status from lab.runs where id = 'parent'") == [("running",)]
    nursery.kill(pid)
    try:
        # A child of the dead process is alive: its copy of the lock must not count.
        store.fold(force=True)
        assert store.query("select status from lab.runs where id = 'parent'") == [("killed",)]
    finally:
        os.kill(told["sleeper"], signal.SIGKILL)


def test_worker_lines_are_what_the_store_expects(worker: ModuleType, store: Store) -> None:
    store.append(worker.run_line("a"), worker.metric_line("a", 0), worker.end_line("a"))
    assert store.fold(force=True).rejected == 0
