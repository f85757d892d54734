"""Opening a store: made when missing, read when it cannot or must not be written."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest

from mlops_lab.errors import Conflict, Corrupt, Forbidden, StorageFull
from mlops_lab.store import Store, create

BY = {"id": "ada", "via": "test"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "disk [1]"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not let us mount")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def write_protect(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[Path], None]]:
    """Takes away the right to write to a mounted disk, as root knows no other."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    protected: list[Path] = []

    def protect(disk: Path) -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        protected.append(disk)

    yield protect
    for disk in protected:
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=False)


def fill(disk: Path) -> Path:
    """Leave no room on the disk, but in the last blocks of its files; returns what to delete."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    return filler


def log_until_full(store: Store, worker: ModuleType) -> int:
    """Log until that is refused; returns how many points were acknowledged."""
    for step in range(10_000):
        try:
            store.append(worker.metric_line("a", step))
        except StorageFull:
            return step
    raise AssertionError("the disk is not full")


def test_a_new_store_says_its_format_and_hides_from_git(store: Store) -> None:
    assert json.loads((store.dir / "format").read_text()) == {"read": 1, "write": 1}
    assert (store.dir / ".gitignore").read_text() == "*\n"
    assert not store.read_only


def test_files_honour_the_umask(
    new_store: Callable[..., Store], worker: ModuleType, root: Path
) -> None:
    before = os.umask(0o002)
    try:
        root.chmod(0o2775)
        store = new_store()
        store.append(worker.run_line("a"))
        store.decide("run.delete", {"run": "a"}, by=BY)
        digest = store.objects.put_bytes(b"x")
    finally:
        os.umask(before)
    modes = {
        path.relative_to(store.dir).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in store.dir.rglob("*")
    }
    ours = store.objects.path(digest).relative_to(store.dir).as_posix()
    assert modes.pop(ours) == 0o444
    for name, mode in modes.items():
        assert mode & 0o060 == 0o060, f"{name} is {mode:o}: the group cannot write it"
        if (store.dir / name).is_dir():
            assert mode & stat.S_ISGID, f"{name} does not pass its group on"


def test_a_store_that_a_newer_program_reads_differently_is_refused(
    store: Store, new_store: Callable[..., Store]
) -> None:
    (store.dir / "format").write_text('{"read": 2, "write": 2}')
    with pytest.raises(Conflict, match="has format 2; this program reads up to 1"):
        new_store()


def test_a_store_of_a_newer_program_is_read_and_not_written(
    store: Store,
    new_store: Callable[..., Store],
    worker: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store.append(worker.run_line("a"), worker.metric_line("a", 0))
    (store.dir / "format").write_text('{"read": 1, "write": 2}')
    before = sorted(store.dir.rglob("*"))
    old = new_store()
    assert old.read_only
    assert old.query("select count(*) from lab.points") == [(1,)]
    with pytest.raises(Conflict, match="written by a newer program"):
        old.append(worker.metric_line("a", 1))
    with pytest.raises(Conflict, match="written by a newer program"):
        old.decide("run.delete", {"run": "a"}, by=BY)
    assert sorted(store.dir.rglob("*")) == before


def test_a_format_that_no_program_wrote_is_said(
    store: Store, new_store: Callable[..., Store]
) -> None:
    (store.dir / "format").write_text("version one")
    with pytest.raises(Corrupt, match="should hold"):
        new_store()


def test_a_read_only_project_is_read_with_what_was_never_folded(
    small_disk: Path,
    write_protect: Callable[[Path], None],
    new_store: Callable[..., Store],
    worker: ModuleType,
) -> None:
    writer = new_store(at=small_disk)
    writer.append(worker.run_line("a"), worker.metric_line("a", 0))
    writer.close()
    write_protect(small_disk)
    store = new_store(at=small_disk)
    assert store.read_only
    assert store.query("select count(*) from lab.points") == [(1,)]
    assert store.query("select status from lab.runs") == [("killed",)]
    with pytest.raises(Forbidden, match="can be read but not written"):
        store.append(worker.metric_line("a", 1))
    with pytest.raises(Forbidden):
        store.decide("run.delete", {"run": "a"}, by=BY)
    with pytest.raises(Forbidden):
        store.objects.put_bytes(b"x")
    assert store.verify() == []
    assert store.status().read_only


def test_a_project_cannot_be_made_where_nothing_can_be_written(
    small_disk: Path, write_protect: Callable[[Path], None], new_store: Callable[..., Store]
) -> None:
    write_protect(small_disk)
    with pytest.raises(Forbidden, match="no project can be made"):
        new_store(at=small_disk)


def test_a_full_disk_takes_whole_lines_or_none(
    small_disk: Path, new_store: Callable[..., Store], worker: ModuleType
) -> None:
    store = new_store(at=small_disk)
    store.append(worker.run_line("a"))
    filler = fill(small_disk)
    (journal,) = (store.dir / "journal").glob("*.jsonl")
    acknowledged = log_until_full(store, worker)
    assert journal.read_bytes().endswith(b"\n")
    with pytest.raises(StorageFull):
        store.decide("run.delete", {"run": "a"}, by=BY)
    assert list(store.decisions()) == []
    with pytest.raises(StorageFull):
        store.objects.put_bytes(os.urandom(10_000))
    filler.unlink()
    store.append(worker.metric_line("a", acknowledged))
    rows = store.query("select count(*), count(distinct step), max(step) from lab.points")
    assert rows == [(acknowledged + 1, acknowledged + 1, acknowledged)]
    assert store.query("select count(*) from lab.rejected") == [(0,)]


def test_a_full_disk_serves_the_last_state(
    small_disk: Path, new_store: Callable[..., Store], worker: ModuleType
) -> None:
    store = new_store(at=small_disk)
    store.append(worker.run_line("a"), worker.metric_line("b", 0))
    assert store.query("select count(*) from lab.points") == [(1,)]
    filler = fill(small_disk)
    log_until_full(store, worker)
    # The fold may need more room than is left; then the answer is old, never an error.
    ((points,),) = store.query("select count(*) from lab.points")
    assert points >= 1
    filler.unlink()
    store.fold(force=True)
    rows = store.query("select count(*) - count(distinct (run, step)) from lab.points")
    assert rows == [(0,)]


def test_a_file_system_is_asked_for_its_locks_until_they_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = ["two processes had one lock", "two processes had one lock", None]
    monkeypatch.setattr(create, "_DEVICES_WITH_LOCKS", set())
    monkeypatch.setattr(create, "locks_work", lambda folder: answers.pop(0))
    for name in ("a", "b"):
        with pytest.warns(RuntimeWarning, match="two processes had one lock"):
            Store(tmp_path / name, []).close()
    for name in ("c", "d"):
        Store(tmp_path / name, []).close()
    assert answers == []
