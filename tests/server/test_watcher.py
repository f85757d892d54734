from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.project import Project
from mlops_lab.server.events import MAX_IDS, SCHEMA_ID, Announcer
from mlops_lab.server.watcher import Watcher
from mlops_lab.store.changes import Changes

from .conftest import killed_run, make_project


class Bus:
    """Keeps what is announced."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def emit(self, *, schema_id: str, data: dict[str, Any]) -> None:
        assert schema_id == SCHEMA_ID
        self.events.append(data)

    async def until(self, done: Callable[[], bool], within_s: float = 10.0) -> None:
        deadline = time.monotonic() + within_s
        while not done():
            assert time.monotonic() < deadline, self.events
            await asyncio.sleep(0.01)

    def ids(self) -> set[str]:
        return {run for event in self.events for run in event["ids"]}


@pytest.fixture
def lab(tmp_path: Path) -> Project:
    return make_project(tmp_path / "a b'[1]*{x}")


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def watching(bus: Bus) -> Callable[..., Awaitable[Watcher]]:
    """A watcher with short times, already watching."""

    async def start(project: Project, watch_s: float = 60.0) -> Watcher:
        watcher = Watcher(Announcer(bus), ThreadPoolExecutor(2), period_s=0.02, watch_s=watch_s)
        await watcher.renew(project)
        return watcher

    return start


async def test_announces_a_metric_and_the_index_has_it(lab, bus, watching) -> None:
    run = lab.runs.start(name="a")
    watcher = await watching(lab)
    lab.runs.log_metrics(run, {"auc": 0.7}, step=0)
    await bus.until(lambda: run in bus.ids())
    assert bus.events[-1]["project"] == lab.key
    assert bus.events[-1]["kind"] == "runs"
    rows = lab.store.query("select last from lab.metrics", fresh=False)
    assert rows == [(0.7,)]
    await watcher.stop()


async def test_announces_monitors_whose_files_people_write(lab, bus, watching) -> None:
    watcher = await watching(lab)
    folder = lab.root / "monitors"
    folder.mkdir()
    file = folder / "file.yaml"
    for text in ("name: heat\ncurrent: dataset:a\n", "name: warmth\ncurrent: dataset:a\n"):
        file.write_text(text)
        await bus.until(lambda: bool(bus.events))
        assert {event["kind"] for event in bus.events} == {"monitors"}
        bus.events.clear()
    file.unlink()
    await bus.until(lambda: bus.ids() == {"warmth"})
    await watcher.stop()


async def test_announces_nothing_when_nothing_happens(lab, bus, watching) -> None:
    lab.runs.start(name="a")
    watcher = await watching(lab)
    first = lab.runs.start(name="b")
    await bus.until(lambda: first in bus.ids())
    n = len(bus.events)
    await asyncio.sleep(0.2)
    assert len(bus.events) == n
    await watcher.stop()


async def test_announces_decisions(lab, bus, watching) -> None:
    run = lab.runs.start(name="a")
    lab.runs.end(run)
    watcher = await watching(lab)
    lab.runs.delete([run])
    await bus.until(lambda: run in bus.ids())
    await watcher.stop()


async def test_announces_datasets_models_and_the_runs_that_decisions_settle(
    lab, bus, watching
) -> None:
    run, made = lab.runs.start(name="a"), lab.runs.start(name="b")
    watcher = await watching(lab)
    by = {"id": "ivo", "via": "jupyter"}
    about = {"model": "flight-delay", "version": 6, "alias": "champion", "promotes": {"from": 5}}
    settles = {"run": run, "outcome": "passed", "reason": "approved"}
    lab.store.decide("model.approve", {**about, "settles": settles}, by=by)
    lab.store.decide("dataset.check", {"dataset": "flights", "version": 1, "run": made}, by=by)

    def told() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for event in bus.events:
            found.setdefault(event["kind"], set()).update(event["ids"])
        return found

    await bus.until(lambda: len(told()) == 3)
    assert told()["models"] == {"flight-delay"}
    assert told()["datasets"] == {"flights"}
    assert {run, made} <= told()["runs"]
    await watcher.stop()


async def test_announces_a_process_that_died_without_a_word(lab, bus, watching) -> None:
    code = (
        "import sys; from mlops_lab.project import Project\n"
        "print(Project.open(sys.argv[1]).runs.start(name='x'), flush=True); sys.stdin.read()"
    )
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(lab.root), stdout=pipe, stdin=pipe
    )
    assert process.stdout is not None
    run = (await process.stdout.readline()).decode().strip()
    watcher = await watching(lab)
    process.kill()
    await process.wait()
    await bus.until(lambda: run in bus.ids())
    assert lab.runs.get(run).status == "killed"
    await watcher.stop()


async def test_looks_at_nothing_when_nobody_asked_for_a_minute(lab, bus, watching) -> None:
    watcher = await watching(lab, watch_s=0.05)
    await bus.until(lambda: not watcher.watched)
    run = lab.runs.start(name="late")
    await asyncio.sleep(0.1)
    assert run not in bus.ids()
    await watcher.renew(lab)
    assert watcher.watched == {lab.key}
    await watcher.stop()


async def test_goes_on_after_a_look_that_failed(lab, bus, watching, monkeypatch) -> None:
    watcher = await watching(lab)
    fold = lab.store.fold
    broken = iter([OSError("the disk is away")])

    def fail_once(**options: Any) -> Any:
        for error in broken:
            raise error
        return fold(**options)

    monkeypatch.setattr(lab.store, "fold", fail_once)
    run = lab.runs.start(name="a")
    await bus.until(lambda: run in bus.ids())
    await watcher.stop()


def test_many_ids_are_announced_as_reload() -> None:
    bus = Bus()
    announcer = Announcer(bus)
    announcer.changed("k", "runs", {f"{n:032x}" for n in range(MAX_IDS)})
    announcer.changed("k", "runs", {f"{n:032x}" for n in range(MAX_IDS + 1)})
    assert [len(event["ids"]) for event in bus.events] == [MAX_IDS, 0]
    assert [event["seq"] for event in bus.events] == [1, 2]


def test_a_look_names_the_runs_of_new_lines_only(lab: Project) -> None:
    old = lab.runs.start(name="old")
    changes = Changes(lab.root)
    assert not changes.look()
    new = lab.runs.start(name="new")
    assert changes.look().runs == {new}
    lab.runs.log_params(old, {"r": "deadbeef"})
    assert changes.look().runs == {old}
    assert not changes.look()


def test_a_look_names_what_decisions_are_about(lab: Project) -> None:
    changes = Changes(lab.root)
    by = {"id": "ivo", "via": "os"}
    for kind, data in [
        ("model.card", {"model": "flight-delay"}),
        ("dataset.alias", {"dataset": "flights", "settles": "x"}),
        ("model.edit", {"model": 3}),
        ("dataset.check", {"model": "no"}),
        ("strange", {"strange": "thing", "runs": 3}),
    ]:
        lab.store.decide(kind, data, by=by)
    expected = {("model", "flight-delay"), ("dataset", "flights"), ("strange", "thing")}
    assert changes.look().things == expected
    assert not changes.look()


def test_a_look_sees_a_writer_that_came_and_went_in_between(lab: Project) -> None:
    lab.store.query("select 1")
    changes = Changes(lab.root)
    run = killed_run(lab)
    lab.store.fold(force=True)
    assert run in changes.look().runs


def test_a_look_reads_lines_of_other_orders_and_survives_garbage(lab: Project) -> None:
    changes = Changes(lab.root)
    run = lab.runs.start(name="a")
    changes.look()
    journal = next((lab.store.dir / "journal").glob("*.jsonl"))
    with journal.open("ab") as file:
        file.write(b'{"t": 1, "r": "feed", "e": "x"}\n\xff\xfe\n{"e":\n[1]\n')
    lab.runs.log_metrics(run, {"a": 1.0})
    assert changes.look().runs == {"feed", run}
