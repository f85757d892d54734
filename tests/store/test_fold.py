"""Folding: every line once, bad ones set aside with a reason, in whatever order they come."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlops_lab.store import ConceptTables, Fold, FoldReport, Store
from mlops_lab.store.index import BATCH_BYTES
from mlops_lab.store.lock import HeldLock


def write_journal(store: Store, writer: str, *lines: bytes | dict[str, Any]) -> Path:
    """A journal of a dead writer, byte for byte."""
    path = store.dir / "journal" / f"{writer}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        for line in lines:
            file.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
    return path


def metric(run: str, step: int, **more: Any) -> dict[str, Any]:
    return {"e": "metric", "r": run, "t": 1_000_000 + step, "m": {"x": step}, "s": step, **more}


def counts(store: Store, writer: str) -> tuple[int, int, int, int]:
    ((lines, rejected, unknown, newer),) = store.query(
        "select lines, rejected, unknown, newer from lab.journal where writer = ?", [writer]
    )
    return lines, rejected, unknown, newer


@pytest.fixture(params=["listed", "packed"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of handing lines over: few as lists, many packed."""
    least = 0 if request.param == "packed" else 1 << 40
    monkeypatch.setattr("mlops_lab.store.batch._PACK_FROM_BYTES", least)
    monkeypatch.setattr("mlops_lab.store.batch._PACK_FROM_BYTES_WHEN_IMPORTED", least)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"garbage\n", "not JSON"),
        (b'{"e":"metric","r":"a","t":1,"m":{"x":1}\n', "not JSON"),
        (b'{"e":"metric","r":"a","t":1,"m":{"x":"\\ud800"}}\n', "not JSON"),
        (b'{"e":"metric","r":"\xff\xfe","t":1}\n', "not UTF-8"),
        (b"[1,2]\n", "not a JSON object"),
        (b'"text"\n', "not a JSON object"),
        (b"null\n", "not a JSON object"),
        (b'{"r":"a","t":1}\n', 'no kind "e"'),
        (b'{"e":7,"r":"a","t":1}\n', 'no kind "e"'),
        (b'{"e":"metric","r":"a"}\n', 'no time "t" in whole microseconds'),
        (b'{"e":"metric","r":"a","t":1.5}\n', 'no time "t" in whole microseconds'),
        (b'{"e":"metric","r":"a","t":"1"}\n', 'no time "t" in whole microseconds'),
        (b'{"e":"metric","r":"a","t":9e99}\n', 'no time "t" in whole microseconds'),
        (b'{"e":"metric","r":"a","t":9223372036854775807}\n', "its year is not within 1 to 9999"),
        (b'{"e":"metric","t":1,"m":{"x":1}}\n', 'no run "r"'),
        (b'{"e":"metric","r":5,"t":1,"m":{"x":1}}\n', 'no run "r"'),
        (b"\x00\x00\x00\n", "not JSON"),
        (
            b'{"e":"metric","r":"a","t":1,"object":"b3-' + b"0" * 64 + b'"}\n',
            "the object b3-000000",
        ),
    ],
)
def test_a_bad_line_is_set_aside_with_its_reason(store: Store, line: bytes, reason: str) -> None:
    write_journal(store, "w", metric("a", 0), line, metric("a", 1))
    report = store.fold(force=True)
    assert (report.lines, report.rejected) == (3, 1)
    assert store.query("select step from lab.points order by step") == [(0,), (1,)]
    ((off, why),) = store.query("select off, reason from lab.rejected")
    assert why.startswith(reason)
    entry = json.loads((store.dir / "journal" / "rejected" / "w.jsonl").read_text())
    assert entry["off"] == off
    assert entry["reason"] == why
    assert counts(store, "w") == (3, 1, 0, 0)


@pytest.mark.usefixtures("way")
def test_lines_in_are_rows_plus_rejected(store: Store) -> None:
    good = [metric("a", step) for step in range(1000)]
    bad = [b"\xff\n", b"{}\n", b"nonsense\n"] * 7
    write_journal(store, "w", *good[:500], *bad, *good[500:])
    report = store.fold(force=True)
    ((rows,),) = store.query("select count(*) from lab.points")
    assert (report.lines, rows, report.rejected) == (1021, 1000, 21)


def test_a_torn_last_line_is_no_line_until_it_is_whole(store: Store) -> None:
    path = write_journal(store, "w", metric("a", 0), b'{"e":"metric","r":"a",')
    lock = HeldLock(path.with_suffix(".lock"))
    assert store.fold(force=True).lines == 1
    write_journal(store, "w", b'"t":5,"m":{"x":1},"s":1}\n{"e":"met')
    assert store.fold(force=True).lines == 1
    lock.close()
    # Its writer died in the middle of a line: what is torn stays in the file and means nothing.
    assert store.fold(force=True) == FoldReport(0, 0, behind=False, missed=False)
    done = store.dir / "journal" / "done" / "w.jsonl"
    assert done.read_bytes().endswith(b'{"e":"met')
    assert store.query("select step from lab.points order by step") == [(0,), (1,)]


def test_an_unknown_kind_is_counted_and_kept(store: Store) -> None:
    write_journal(store, "w", {"e": "hologram", "r": "a", "t": 1}, metric("a", 0))
    report = store.fold(force=True)
    assert (report.lines, report.rejected) == (2, 0)
    assert counts(store, "w") == (2, 0, 1, 0)


def test_a_line_of_a_newer_program_is_counted_and_left_alone(store: Store) -> None:
    write_journal(store, "w", metric("a", 0), metric("a", 1, v=2), metric("a", 2, v=1))
    report = store.fold(force=True)
    assert (report.lines, report.rejected) == (3, 0)
    assert counts(store, "w") == (3, 0, 0, 1)
    assert store.query("select step from lab.points order by step") == [(0,), (2,)]
    assert store.status().newer == 1


@pytest.mark.usefixtures("way")
def test_a_line_that_breaks_a_fold_does_not_stop_the_others(
    new_store: Callable[..., Store],
) -> None:
    strict = ConceptTables(
        "strict",
        "create table lab.point(step bigint, value integer);",
        (
            Fold(
                ("metric",),
                "insert into lab.point select (line ->> '$.s')::bigint, "
                "case when (line ->> '$.s')::bigint = 7 then error('seven is refused') else 1 end "
                "from lines where kind = 'metric'",
            ),
        ),
        {"points": "select * from lab.point"},
    )
    store = new_store(tables=strict)
    poison = [metric("a", 3, s="three"), metric("a", 7)]
    write_journal(store, "w", *[metric("a", step) for step in range(7)], *poison, metric("a", 8))
    report = store.fold(force=True)
    assert (report.lines, report.rejected) == (10, 2)
    assert store.query("select count(*) from lab.points") == [(8,)]
    (three,), (seven,) = store.query("select reason from lab.rejected order by off")
    assert "three" in three
    assert "seven is refused" in seven


def test_a_mistake_in_the_fold_itself_is_no_fault_of_the_lines(
    new_store: Callable[..., Store],
) -> None:
    import duckdb

    wrong = ConceptTables("wrong", "", (Fold(("metric",), "insert into lab.nowhere select 1"),))
    store = new_store(tables=wrong)
    path = write_journal(store, "w", metric("a", 0))
    with pytest.raises(duckdb.CatalogException):
        store.fold(force=True)
    assert path.exists()


@pytest.mark.usefixtures("way")
def test_blank_lines_are_no_lines(store: Store) -> None:
    write_journal(store, "w", b"\n", metric("a", 0), b"\n\n", metric("a", 1))
    report = store.fold(force=True)
    assert (report.lines, report.rejected) == (2, 0)


@pytest.mark.usefixtures("way")
def test_one_line_longer_than_a_batch_is_folded(store: Store) -> None:
    padding = "x" * (BATCH_BYTES + 100)
    write_journal(store, "w", metric("a", 0, pad=padding), metric("a", 1))
    assert store.fold(force=True).lines == 2
    assert store.query("select step from lab.points order by step") == [(0,), (1,)]


def test_a_budget_stops_between_batches_and_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_lab.store.freshness.BATCH_BYTES", 100_000)
    write_journal(store, "w", *[metric("a", step) for step in range(10_000)])
    report = store.fold(force=True, budget_s=0)
    assert report.behind
    assert 0 < report.lines < 10_000
    rest = store.fold(force=True)
    assert not rest.behind
    assert report.lines + rest.lines == 10_000


@pytest.mark.usefixtures("way")
def test_a_long_backlog_of_several_writers_is_folded_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_lab.store.freshness.BATCH_BYTES", 50_000)
    monkeypatch.setattr("mlops_lab.store.freshness.BACKLOG_BATCH_BYTES", 200_000)
    for number in range(5):
        lines = [metric(f"run{number}ä", step) for step in range(2_000)]
        write_journal(store, f"w{number}", *lines)
    assert store.query("select count(*), count(distinct (run, step)) from lab.points") == [
        (10_000, 10_000)
    ]
    # Positions are the bytes in the file: what competing lines are settled by.
    rows = store.query("select writer, off from lab.point")
    starts = set()
    for number in range(5):
        done = store.dir / "journal" / "done" / f"w{number}.jsonl"
        raw = done.read_bytes().splitlines(keepends=True)
        starts |= {(f"w{number}", sum(map(len, raw[:100]))), (f"w{number}", 0)}
    assert starts <= set(rows)


def test_a_dead_writers_journal_moves_to_done_and_its_run_is_killed(
    store: Store, worker: ModuleType
) -> None:
    path = write_journal(store, "w", worker.run_line("a"), metric("a", 0))
    path.with_suffix(".lock").touch()
    before = path.read_bytes()
    store.fold(force=True)
    assert store.query("select status from lab.runs") == [("killed",)]
    done = store.dir / "journal" / "done" / "w.jsonl"
    assert done.read_bytes() == before
    assert not path.exists()
    assert not path.with_suffix(".lock").exists()


def test_an_ended_run_of_a_dead_writer_keeps_its_status(store: Store, worker: ModuleType) -> None:
    write_journal(store, "w", worker.run_line("a"), worker.end_line("a"))
    store.fold(force=True)
    assert store.query("select status from lab.runs") == [("finished",)]


def test_killed_is_taken_back_when_the_writer_turns_out_to_live(
    store: Store, worker: ModuleType
) -> None:
    store.append(worker.run_line("a"), worker.metric_line("a", 0))
    path = store.dir / "journal" / f"{store.writer_id}.jsonl"
    # As on a network file system whose lease ran out: the lock is free though the writer lives.
    path.with_suffix(".lock").unlink()
    store.on_new_journal(lambda: [worker.run_line("a")])
    store.fold(force=True)
    assert store.query("select status from lab.runs") == [("killed",)]
    with pytest.warns(RuntimeWarning, match="was closed by another process"):
        store.append(worker.metric_line("a", 1))
    store.append(worker.metric_line("a", 2))
    store.fold(sweep=True)
    assert store.query("select status from lab.runs") == [("running",)]
    # Also what was written to the journal after it had been put away.
    assert store.query("select step from lab.points order by step") == [(0,), (1,), (2,)]


def test_a_run_is_killed_only_after_all_that_its_writer_said(
    store: Store, worker: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_lab.store.freshness.BATCH_BYTES", 70_000)
    lines = [metric("a", step) for step in range(5_000)]
    write_journal(store, "w", worker.run_line("a"), *lines, worker.end_line("a"))
    assert store.fold(force=True, budget_s=0).behind
    store.fold(force=True)
    assert store.query("select status from lab.runs") == [("finished",)]


def test_folds_are_rationed_but_own_lines_are_read_at_once(
    store: Store,
    new_store: Callable[..., Store],
    worker: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mlops_lab.store.freshness.RATION_S", 600)
    other = new_store()
    other.append(worker.run_line("other"), worker.metric_line("other", 0))
    store.append(worker.run_line("own"), worker.metric_line("own", 0))
    assert store.query("select count(*) from lab.points") == [(2,)]
    other.append(worker.metric_line("other", 1))
    assert store.fold().lines == 0
    store.append(worker.metric_line("own", 1))
    assert store.query("select count(*) from lab.points") == [(4,)]


def test_no_ration_hides_a_writer_that_came_or_went(
    store: Store,
    new_store: Callable[..., Store],
    worker: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mlops_lab.store.freshness.RATION_S", 600)
    store.fold(force=True)
    other = new_store()
    other.append(worker.run_line("a"))
    assert store.query("select status from lab.runs") == [("running",)]
    other.append(worker.end_line("a"))
    other.close()
    assert store.query("select status from lab.runs") == [("finished",)]


def test_a_first_look_is_not_rationed(
    store: Store, new_store: Callable[..., Store], worker: ModuleType
) -> None:
    store.append(worker.run_line("a"))
    store.fold(force=True)
    store.append(worker.metric_line("a", 0))
    assert new_store().query("select count(*) from lab.points") == [(1,)]


def test_nothing_new_costs_no_lock(store: Store, worker: ModuleType) -> None:
    store.append(worker.run_line("a"))
    store.fold(force=True)
    with store.read():
        # A fold would wait for this reader; with nothing to do it does not try.
        report = store.fold()
    assert not report.missed


def test_a_reader_in_the_way_makes_a_fold_miss_and_the_age_tells(
    store: Store, new_store: Callable[..., Store], worker: ModuleType
) -> None:
    store.append(worker.run_line("a"), worker.metric_line("a", 0))
    store.fold(force=True)
    other = new_store()
    with other.read():
        store.append(worker.metric_line("a", 1))
        assert store.fold(wait_s=0.01, force=True).missed
        assert store.query("select count(*) from lab.points") == [(1,)]
        assert store.age_s > 0
    assert store.query("select count(*) from lab.points") == [(2,)]


def test_the_signature_changes_with_a_line_a_decision_and_a_death(
    store: Store, worker: ModuleType
) -> None:
    seen = [store.signature()]
    store.append(worker.run_line("a"))
    seen.append(store.signature())
    assert store.signature() == seen[-1]
    store.decide("run.delete", {"run": "a"}, by=worker.BY)
    seen.append(store.signature())
    store.close()
    seen.append(store.signature())
    assert len(set(seen)) == 4


def test_store_status_counts_what_there_is(store: Store, worker: ModuleType) -> None:
    write_journal(store, "w", b"garbage\n", {"e": "what", "t": 1})
    store.append(worker.run_line("a"))
    store.decide("run.delete", {"run": "a"}, by=worker.BY)
    status = store.status()
    assert (status.writers_alive, status.journals, status.decisions) == (1, 2, 1)
    assert (status.rejected, status.unknown, status.unfolded_bytes) == (1, 1, 0)
    assert status.locks is None
    assert status.age_s < 60
