"""Ctrl-C at any moment: it is a KeyboardInterrupt, and nothing stays held or half done."""

from __future__ import annotations

import os
import random
import signal
import threading
from types import ModuleType
from typing import Any

import pytest

from mlops_lab.store import Store
from mlops_lab.store.interrupts import to_its_end


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # open listings
def test_reading_and_deciding_go_on_after_any_ctrl_c(store: Store, worker: ModuleType) -> None:
    store.append(worker.run_line("a"))
    assert store.query("select id from lab.runs") == [("a",)]
    moment = random.Random(1)

    def work_until_pressed() -> None:
        timer = threading.Timer(moment.uniform(0, 0.06), press)
        try:
            timer.start()
            while True:
                store.decide("run.delete", {"run": "b"}, by=worker.BY)
                store.query("select count(*) from lab.runs, range(1000)")
        finally:
            timer.join()

    for _ in range(60):
        with pytest.raises(KeyboardInterrupt):  # nothing else, neither now nor the next time
            work_until_pressed()
    # Nothing is held: another process's reader has the lock, and DuckDB the file.
    with store._lock.hold(exclusive=True, wait_s=0) as got:
        assert got
    assert not store._index.host._users
    assert store.query("select id from lab.runs") == [("a",)]
    assert not store.verify()


class Pressing:
    """A DuckDB connection during one of whose calls somebody presses Ctrl-C."""

    def __init__(self, real: Any, moments: list[str]) -> None:
        self.real, self.moments = real, moments

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def execute(self, sql: str, *more: Any) -> Any:
        result = self.real.execute(sql, *more)
        self.press_at(sql.split()[0])
        return result

    def cursor(self) -> Pressing:
        return Pressing(self.real.cursor(), self.moments)

    def close(self) -> None:
        self.real.close()
        self.press_at("close")

    def press_at(self, moment: str) -> None:
        if moment in self.moments:
            self.moments.remove(moment)
            press()


@pytest.mark.parametrize("moment", ["attach", "close", "detach"])
def test_ctrl_c_at_the_worst_moment_leaves_nothing_attached(
    store: Store, worker: ModuleType, moment: str
) -> None:
    store.append(worker.run_line("a"))
    assert store.query("select id from lab.runs") == [("a",)]
    host = store._index.host
    host._connection = Pressing(host._connection, [moment])  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        store.query("select id from lab.runs", fresh=False)
    assert not host._users
    assert store.query("select id from lab.runs") == [("a",)]


def test_what_must_not_stay_half_done_is_done_again_and_the_interrupt_comes_after() -> None:
    done: list[str] = []

    def work() -> None:
        done.append("begun")
        if len(done) < 3:
            press()
        done.append("ended")

    with pytest.raises(KeyboardInterrupt):
        to_its_end(work)
    assert done[-1] == "ended"


def test_another_error_is_passed_on_at_once() -> None:
    with pytest.raises(RuntimeError, match="of its own"):
        to_its_end(lambda: (_ for _ in ()).throw(RuntimeError("of its own")))
