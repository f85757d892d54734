"""The index is only a copy: deleted, damaged or of another layout, it is made again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlops_lab.errors import StoreBusy
from mlops_lab.store import ConceptTables, Fold, Store


def fill(store: Store, worker: ModuleType, runs: int = 5, points: int = 200) -> None:
    for number in range(runs):
        run = f"run{number}"
        store.append(worker.run_line(run))
        store.append(*[worker.metric_line(run, step) for step in range(points)])
        if number % 2:
            store.append(worker.end_line(run))
    store.decide("run.delete", {"run": "run0"}, by=worker.BY)


def content(store: Store) -> dict[str, list[Any]]:
    return {
        view: store.query(f"select * from lab.{view} order by all")
        for view in ("runs", "points", "removed_runs", "decisions")
    }


@contextmanager
def foreign_client(index: Path, *, read_only: bool = False) -> Iterator[int]:
    """Somebody's own duckdb.connect in another process."""
    script = (
        "import duckdb, sys\n"
        f"con = duckdb.connect({str(index)!r}, read_only={read_only})\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    try:
        yield process.pid
    finally:
        process.communicate("")


def test_a_deleted_index_is_made_again_and_equal(store: Store, worker: ModuleType) -> None:
    fill(store, worker)
    before = content(store)
    store.status().index.unlink()
    assert content(store) == before


def test_rebuild_gives_an_equal_index(
    store: Store, new_store: Callable[..., Store], worker: ModuleType
) -> None:
    fill(store, worker)
    other = new_store()
    fill(other, worker, runs=3)
    other.close()
    store.fold(force=True)
    before = content(store)
    # Everything again, whether its journal is open or done.
    assert store.rebuild().lines == store.status().lines
    assert content(store) == before


@pytest.mark.parametrize("damage", ["header", "middle", "cut", "empty", "text"])
def test_a_damaged_index_is_made_again_and_equal(
    store: Store, new_store: Callable[..., Store], worker: ModuleType, damage: str
) -> None:
    fill(store, worker, points=2_000)
    before = content(store)
    index = store.status().index
    data = bytearray(index.read_bytes())
    if damage == "header":
        data[:4096] = os.urandom(4096)
    elif damage == "middle":
        noise = random.Random(7)
        for start in range(3 * 4096, len(data), 4096):
            data[start : start + 512] = noise.randbytes(512)
    elif damage == "cut":
        del data[len(data) // 2 :]
    elif damage == "empty":
        data.clear()
    else:
        data[:] = b"this is no database\n" * 1000
    index.write_bytes(data)
    assert content(new_store()) == before


def test_a_journal_line_after_the_damage_is_not_lost(store: Store, worker: ModuleType) -> None:
    fill(store, worker)
    store.status().index.write_bytes(b"x" * 10_000)
    store.append(worker.metric_line("run0", 1_000))
    assert store.query("select max(step) from lab.points") == [(1_000,)]


def test_readers_wait_for_an_index_that_is_being_made(
    store: Store, worker: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_lab.store.freshness.BATCH_BYTES", 2_000)
    monkeypatch.setattr("mlops_lab.store.store.READ_BUDGET_S", 0.0)
    fill(store, worker)
    store.status().index.unlink()
    # Never a part of it, though one bite is all that a reader's budget allows.
    assert store.query("select count(*) from lab.points") == [(1_000,)]


def test_another_layout_has_an_index_of_its_own(
    store: Store, new_store: Callable[..., Store], worker: ModuleType
) -> None:
    fill(store, worker)
    count = ConceptTables(
        "count",
        "create table lab.seen(n bigint);",
        (
            Fold(
                ("metric",), "insert into lab.seen select count(*) from lines where kind = 'metric'"
            ),
        ),
        {"counts": "select sum(n)::bigint as n from lab.seen"},
    )
    other = new_store(tables=count)
    assert other.query("select n from lab.counts where n > 0") == [(1_000,)]
    store.close()
    # The first program puts a dead writer's journal away; the second still finds it.
    store.fold(force=True)
    assert other.query("select n from lab.counts") == [(1_000,)]
    assert other.status().index != store.status().index


def test_an_index_unused_for_a_month_is_removed(store: Store, worker: ModuleType) -> None:
    old, young = store.dir / "index-00000001.duckdb", store.dir / "index-00000002.duckdb"
    old.touch()
    young.touch()
    month_ago = time.time() - 31 * 86_400
    os.utime(old, (month_ago, month_ago))
    store.fold(force=True)
    assert not old.exists()
    assert young.exists()


def test_what_others_take_away_while_tidying_is_not_missed(store: Store) -> None:
    """Other writers come and go: their files are listed, and gone when they are looked at."""
    folder = store.dir / "tmp"
    folder.mkdir(exist_ok=True)
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            files = [folder / f"put-{number}.lock" for number in range(100)]
            for file in files:
                file.touch()
            for file in files:
                file.unlink()

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        for _ in range(50):
            store.fold(force=True, sweep=True)
    finally:
        over.set()
        other.join()


def test_a_foreign_writer_stops_reading_with_its_name_but_not_logging(
    store: Store, worker: ModuleType
) -> None:
    fill(store, worker)
    with foreign_client(store.status().index) as pid:
        start = time.monotonic()
        store.append(worker.metric_line("run0", 5_000))
        assert time.monotonic() - start < 0.5
        with pytest.raises(StoreBusy, match=rf"PID {pid}.*lab\.sql"):
            store.query("select 1")
        assert 2 <= time.monotonic() - start < 15
        with pytest.raises(StoreBusy, match=f"PID {pid}"):
            store.decide("run.delete", {"run": "run1"}, by=worker.BY)
        store.append(worker.metric_line("run0", 5_001))
    assert store.query("select count(*) from lab.points where step >= 5000") == [(2,)]
    assert len(list(store.decisions())) == 1


def test_a_foreign_reader_makes_the_answer_old_and_no_more(
    store: Store, worker: ModuleType
) -> None:
    fill(store, worker)
    with foreign_client(store.status().index, read_only=True):
        store.append(worker.metric_line("run0", 5_000))
        assert store.query("select count(*) from lab.points") == [(1_000,)]
    assert store.query("select count(*) from lab.points") == [(1_001,)]


def test_a_connection_of_ones_own_process_is_named_and_never_harmed(
    store: Store, worker: ModuleType
) -> None:
    import duckdb

    fill(store, worker)
    index = store.status().index
    with duckdb.connect(str(index), read_only=True) as own:
        store.append(worker.metric_line("run0", 5_000))
        assert store.query("select count(*) from lab.points") == [(1_000,)]
        assert own.execute("select count(*) from point").fetchall() == [(1_000,)]
    with duckdb.connect(str(index)) as own:
        with pytest.raises(StoreBusy, match=rf"this process \(PID {os.getpid()}\)"):
            store.query("select 1")
        assert own.execute("select count(*) from point").fetchall() == [(1_000,)]
    assert store.query("select count(*) from lab.points") == [(1_001,)]


def test_a_foreign_client_that_leaves_in_time_is_waited_for(
    store: Store, worker: ModuleType
) -> None:
    fill(store, worker)
    index = store.status().index
    answers = []
    with foreign_client(index):
        reader = threading.Thread(target=lambda: answers.append(store.query("select 1")))
        reader.start()
    reader.join()
    assert answers == [[(1,)]]


def test_reading_inside_reading_sees_the_same_state(store: Store, worker: ModuleType) -> None:
    fill(store, worker)
    with store.read() as outer:
        assert outer.execute("select count(*) from lab.points").fetchall() == [(1_000,)]
        assert store.query("select count(*) from lab.points") == [(1_000,)]


def test_ctrl_c_while_reading_is_a_keyboard_interrupt(store: Store, worker: ModuleType) -> None:
    store.append(worker.run_line("a"))
    assert store.query("select id from lab.runs") == [("a",)]
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))

    def read_on() -> None:
        timer.start()
        while True:
            store.query("select sum(a.range * b.range) from range(10000) a, range(1000) b")

    with pytest.raises(KeyboardInterrupt):
        read_on()
    timer.join()
    assert store.query("select id from lab.runs") == [("a",)]


def test_readers_cannot_write_and_leave_nothing_attached(store: Store, worker: ModuleType) -> None:
    import duckdb

    fill(store, worker)
    with pytest.raises(duckdb.InvalidInputException, match="read-only"):
        store.query("delete from lab.point")
    with duckdb.connect(str(store.status().index)) as own:
        assert own.execute("select count(*) from point").fetchall() == [(1_000,)]


def test_threads_read_and_log_side_by_side(store: Store, worker: ModuleType) -> None:
    fill(store, worker)
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(8):
                store.append(worker.metric_line(f"thread{number}", step))
                rows = store.query(
                    "select count(*) from lab.points where run = ?", [f"thread{number}"]
                )
                assert rows[0][0] <= step + 1
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    store.fold(force=True)
    assert store.query("select count(*) from lab.points where run like 'thread%'") == [(32,)]


def test_nothing_is_left_behind_in_the_current_folder(
    store: Store, worker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    fill(store, worker)
    assert list(here.iterdir()) == []
    assert list((store.dir / "tmp").iterdir()) == []
