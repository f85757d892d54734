"""The writer's own journal: what append promises whatever disk, folder or fork do to it."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from mlops_lab.errors import InvalidInput, StorageFull
from mlops_lab.store import Store
from mlops_lab.store.journal import encode_line


def journals(store: Store) -> list[Path]:
    return sorted((store.dir / "journal").glob("*.jsonl"))


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines() if line]


def test_append_begins_the_journal_with_who_writes(store: Store, worker: ModuleType) -> None:
    store.append(worker.run_line("a"))
    (journal,) = journals(store)
    opening, line = lines_of(journal)
    assert opening["e"] == "open"
    assert opening["v"] == 1
    assert opening["w"] == store.writer_id == journal.stem
    assert opening["pid"] == os.getpid()
    assert line["r"] == "a"


def test_append_writes_all_lines_in_one_write(
    store: Store, worker: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append(worker.run_line("a"))
    writes = []
    real = os.write

    def write(fd: int, data: bytes) -> int:
        writes.append(data)
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    store.append(worker.metric_line("a", 0), worker.metric_line("a", 1))
    assert [data.count(b"\n") for data in writes] == [2]


def test_one_process_has_one_journal_whatever_it_logs(store: Store, worker: ModuleType) -> None:
    threads = [
        threading.Thread(target=store.append, args=(worker.run_line(f"run{number}"),))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journals(store)) == 1
    assert store.query("select count(*) from lab.runs") == [(8,)]


@pytest.mark.parametrize(
    ("value", "text"),
    [(float("nan"), "NaN"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity")],
)
def test_encode_line_says_what_json_has_no_number_for(value: float, text: str) -> None:
    assert json.loads(encode_line({"e": "metric", "m": {"x": value, "y": 1.5}})) == {
        "e": "metric",
        "m": {"x": text, "y": 1.5},
    }


def test_encode_line_replaces_half_a_surrogate_pair() -> None:
    assert json.loads(encode_line({"e": "tag", "k": {"a\ud800": "x\udfff"}})) == {
        "e": "tag",
        "k": {"a?": "x?"},
    }


def test_encode_line_refuses_what_is_no_json() -> None:
    with pytest.raises(InvalidInput, match="not JSON serializable"):
        encode_line({"e": "param", "k": {"a": object()}})


def test_not_finite_values_are_read_back(store: Store, worker: ModuleType) -> None:
    values = {"a": float("nan"), "b": float("inf"), "c": float("-inf"), "d": 5e-324}
    store.append(worker.run_line("r"), {**worker.metric_line("r", 0), "m": values})
    rows = dict(store.query("select key, value from lab.points"))
    assert rows.pop("a") != rows.get("a")
    assert rows == {"b": float("inf"), "c": float("-inf"), "d": 5e-324}


def test_a_long_line_becomes_an_object_and_is_read_whole(store: Store, worker: ModuleType) -> None:
    many = {f"metric/{number}": float(number) for number in range(10_000)}
    store.append(worker.run_line("r"), {**worker.metric_line("r", 0), "m": many})
    assert journals(store)[0].stat().st_size < 2_000
    assert dict(store.query("select key, value from lab.points")) == many


def test_a_short_write_is_cut_back_and_raises(
    store: Store, worker: ModuleType, file_size_limit: Callable[[int], None]
) -> None:
    store.append(worker.run_line("a"), worker.metric_line("a", 0))
    (journal,) = journals(store)
    before = journal.read_bytes()
    file_size_limit(len(before) + 20)
    with pytest.raises(StorageFull, match=r"took 20 of \d+ bytes"):
        store.append(worker.metric_line("a", 1))
    assert journal.read_bytes() == before
    file_size_limit(resource.RLIM_INFINITY)
    store.append(worker.metric_line("a", 2))
    assert store.query("select step from lab.points order by step") == [(0,), (2,)]
    assert store.fold(force=True).rejected == 0


def test_a_short_write_of_several_lines_keeps_the_whole_ones(
    store: Store, worker: ModuleType, file_size_limit: Callable[[int], None]
) -> None:
    store.append(worker.run_line("a"))
    (journal,) = journals(store)
    first, second = worker.metric_line("a", 0), worker.metric_line("a", 1)
    file_size_limit(journal.stat().st_size + len(encode_line(first)) + 5)
    with pytest.raises(StorageFull):
        store.append(first, second)
    file_size_limit(resource.RLIM_INFINITY)
    assert journal.read_bytes().endswith(encode_line(first))
    store.append(second)
    assert store.query("select step from lab.points order by step") == [(0,), (1,)]


def test_a_write_that_cannot_be_cut_back_ends_before_the_next(
    store: Store,
    worker: ModuleType,
    file_size_limit: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.append(worker.run_line("a"))
    (journal,) = journals(store)

    def refuse(fd: int, length: int) -> None:
        raise OSError("the file system does not cut")

    file_size_limit(journal.stat().st_size + 20)
    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", refuse)
        with pytest.raises(StorageFull):
            store.append(worker.metric_line("a", 0))
    file_size_limit(resource.RLIM_INFINITY)
    store.append(worker.metric_line("a", 1))
    assert store.query("select step from lab.points") == [(1,)]
    assert store.query("select reason from lab.rejected") == [("not JSON",)]


def test_a_journal_deleted_under_its_writer_goes_on_in_a_new_one(
    store: Store, worker: ModuleType
) -> None:
    store.on_new_journal(lambda: [worker.run_line("a")])
    store.append(worker.run_line("a"), worker.metric_line("a", 0))
    (first,) = journals(store)
    assert store.query("select status from lab.runs") == [("running",)]
    first.unlink()
    with pytest.warns(RuntimeWarning, match="was deleted while it was written to"):
        store.append(worker.metric_line("a", 1))
    store.append(worker.metric_line("a", 2))
    (second,) = journals(store)
    assert second != first
    store.fold(force=True)
    assert store.query("select step from lab.points order by step") == [(0,), (1,), (2,)]
    # The new journal says again which runs are open, so its writer is their owner.
    assert store.query("select status, owner from lab.runs") == [("running", second.stem)]


def test_a_store_deleted_under_its_writer_is_made_again(store: Store, worker: ModuleType) -> None:
    store.on_new_journal(lambda: [worker.run_line("a")])
    store.append(worker.run_line("a"), worker.metric_line("a", 0))
    store.query("select 1")
    store.dir.rename(store.root / "moved away")
    (store.root / "moved away" / "journal" / f"{store.writer_id}.jsonl").unlink()
    with pytest.warns(RuntimeWarning):
        store.append(worker.metric_line("a", 1))
    assert store.query("select step from lab.points") == [(1,)]
    assert (store.dir / "format").exists()
    assert (store.dir / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("moved", [True, False])
def test_sync_and_close_do_not_bring_back_a_store_that_is_gone(
    store: Store, worker: ModuleType, moved: bool
) -> None:
    store.append(worker.run_line("a"))
    if moved:
        store.dir.rename(store.root / "elsewhere")
    else:
        shutil.rmtree(store.dir)
    store.sync()
    store.close()
    assert not store.dir.exists()


def test_sync_takes_a_lost_lock_again(store: Store, worker: ModuleType) -> None:
    store.append(worker.run_line("a"))
    lock = store.dir / "journal" / f"{store.writer_id}.lock"
    lock.unlink()
    store.sync()
    store.fold(force=True)
    assert lock.exists()
    assert store.query("select status from lab.runs") == [("running",)]


def test_the_background_thread_syncs_while_runs_are_open(
    store: Store, worker: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = threading.Event()
    real = os.fsync

    def fsync(fd: int) -> None:
        real(fd)
        synced.set()

    store.append(worker.run_line("a"))
    monkeypatch.setattr(os, "fsync", fsync)
    store.hold()
    assert synced.wait(10)
    store.release()


def test_closing_ends_the_journal_and_the_next_line_begins_another(
    store: Store, worker: ModuleType
) -> None:
    store.append(worker.run_line("a"), worker.metric_line("a", 0))
    store.close()
    store.append(worker.run_line("b"), worker.metric_line("b", 0))
    assert len(journals(store)) == 2
    store.fold(force=True)
    assert store.query("select id, status from lab.runs order by id") == [
        ("a", "killed"),
        ("b", "running"),
    ]


def test_logging_imports_no_database(root: Path, worker: ModuleType) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from mlops_lab.store import Store\n"
        f"store = Store(Path({str(root)!r}), [])\n"
        "store.append({'e': 'run', 'r': 'a', 't': 1})\n"
        "print([name for name in ('duckdb', 'pyarrow', 'pandas') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"
