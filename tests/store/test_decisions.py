"""The log of decisions: one order, one chain, and every change of it shows."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest

from mlops_lab.errors import Conflict, Corrupt, StorageFull
from mlops_lab.store import Store

BY = {"id": "ada", "via": "test"}


def log_of(store: Store) -> Path:
    return store.dir / "decisions.jsonl"


def decide(store: Store, *runs: str) -> None:
    for run in runs:
        store.decide("run.delete", {"run": run}, by=BY)


def test_a_decision_is_a_chained_line(store: Store) -> None:
    decide(store, "a", "b")
    first, second = log_of(store).read_bytes().splitlines()
    one, two = json.loads(first), json.loads(second)
    assert (one["v"], one["n"], one["kind"], one["data"]) == (1, 1, "run.delete", {"run": "a"})
    assert one["by"] == BY
    assert one["prev"] == "0" * 64
    assert two["prev"] == sha256(first).hexdigest()
    taken = list(store.decisions())
    assert [decision.n for decision in taken] == [1, 2]
    assert taken[0].hash == two["prev"]
    assert [decision.n for decision in store.decisions(since=1)] == [2]


def test_a_decision_is_in_the_index_when_it_is_returned(store: Store) -> None:
    decision = store.decide("run.delete", {"run": "a"}, by=BY)
    rows = store.query('select n, "by", via, kind, hash from lab.decisions', fresh=False)
    assert rows == [(1, "ada", "test", "run.delete", decision.hash)]
    assert store.query("select * from lab.removed_runs", fresh=False) == [("a", 1)]


def test_a_decision_sees_everything_that_was_written_before(
    store: Store, worker: ModuleType
) -> None:
    store.append(worker.run_line("a"), worker.metric_line("a", 0))

    def build(cursor: object) -> dict[str, object]:
        ((points,),) = cursor.execute("select count(*) from lab.points").fetchall()
        return {"run": "a", "points": points}

    assert store.decide("run.delete", build, by=BY).data == {"run": "a", "points": 1}


def test_a_check_that_fails_decides_nothing(store: Store) -> None:
    decide(store, "a")

    def refuse(cursor: object) -> dict[str, object]:
        raise Conflict("somebody was first")

    with pytest.raises(Conflict, match="somebody was first"):
        store.decide("run.delete", refuse, by=BY)
    assert len(list(store.decisions())) == 1
    decide(store, "b")
    assert store.verify() == []


def test_an_uncommitted_tail_is_cut_off_and_said(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    decide(store, "a")
    with log_of(store).open("ab") as file:
        file.write(b'{"v":1,"n":2,"t":3,"by":{"id"')
    assert [decision.n for decision in store.decisions()] == [1]
    assert store.query("select count(*) from lab.decisions") == [(1,)]
    (problem,) = store.verify()
    assert problem.where == "decisions.jsonl, line 2"
    with caplog.at_level(logging.WARNING):
        decide(store, "b")
    assert "never committed" in caplog.text
    assert [decision.data["run"] for decision in store.decisions()] == ["a", "b"]
    assert store.verify() == []


@pytest.mark.parametrize("change", ["edit", "remove", "swap", "garbage"])
def test_verify_names_the_broken_line(store: Store, change: str) -> None:
    decide(store, "a", "b", "c", "d")
    lines = log_of(store).read_bytes().splitlines(keepends=True)
    if change == "edit":
        lines[1] = lines[1].replace(b'"run":"b"', b'"run":"x"')
    elif change == "remove":
        del lines[1]
    elif change == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    else:
        lines[1] = b"garbage\n"
    log_of(store).write_bytes(b"".join(lines))
    broken = [problem.where for problem in store.verify() if "decisions" in problem.where]
    # An edited line shows in the one after it, whose link no longer fits.
    first = {"edit": 3, "remove": 2, "swap": 2, "garbage": 2}[change]
    assert broken[0] == f"decisions.jsonl, line {first}"


def test_verify_notices_a_log_that_lost_its_beginning(store: Store) -> None:
    decide(store, "a", "b")
    lines = log_of(store).read_bytes().splitlines(keepends=True)
    log_of(store).write_bytes(lines[1])
    assert store.verify()[0].where == "decisions.jsonl, line 1"


def test_nothing_is_decided_after_a_line_that_cannot_be_read(store: Store) -> None:
    decide(store, "a")
    with log_of(store).open("ab") as file:
        file.write(b"garbage\n")
    before = log_of(store).read_bytes()
    with pytest.raises(Corrupt, match="the last line"):
        decide(store, "b")
    assert log_of(store).read_bytes() == before
    with pytest.raises(Corrupt, match="line 2"):
        list(store.decisions())
    assert store.query("select count(*) from lab.decisions") == [(1,)]


def test_a_decision_that_finds_no_room_is_none(
    store: Store, file_size_limit: Callable[[int], None]
) -> None:
    decide(store, "a")
    before = log_of(store).read_bytes()
    log = store._decisions
    file_size_limit(len(before) + 30)
    with pytest.raises(StorageFull):
        log.append("run.delete", {"run": "b"}, BY)
    file_size_limit(-1)
    assert log_of(store).read_bytes() == before
    decide(store, "b")
    assert store.verify() == []


def test_a_decision_of_a_newer_program_is_counted(store: Store) -> None:
    decide(store, "a")
    last = log_of(store).read_bytes().splitlines()[-1]
    line = {
        "v": 2, "n": 2, "t": 5, "by": BY, "kind": "run.delete", "data": {"run": "b"},
        "prev": sha256(last).hexdigest(),
    }  # fmt: skip
    with log_of(store).open("ab") as file:
        file.write(json.dumps(line).encode() + b"\n")
    assert store.query("select count(*) from lab.removed_runs") == [(1,)]
    assert store.status().newer == 1
    assert store.verify() == []
