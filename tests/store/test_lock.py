"""Locks between processes and threads: shared, exclusive, fair, and let go of by the dead."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mlops_lab.store import lock as lock_module
from mlops_lab.store.lock import HeldLock, StoreLock, host_id, is_held, locks_work, remove_if_free


def test_readers_share_and_a_writer_excludes(tmp_path: Path) -> None:
    one, two = StoreLock(tmp_path), StoreLock(tmp_path)
    with one.hold(exclusive=False, wait_s=0) as first:
        with two.hold(exclusive=False, wait_s=0) as second:
            assert first
            assert second
        with two.hold(exclusive=True, wait_s=0) as third:
            assert not third
    with one.hold(exclusive=True, wait_s=0) as fourth:
        assert fourth
        with two.hold(exclusive=False, wait_s=0) as fifth:
            assert not fifth


def test_who_waits_to_fold_goes_before_readers_that_come_later(tmp_path: Path) -> None:
    lock, order = StoreLock(tmp_path), []
    waiting = threading.Event()

    def write() -> None:
        waiting.set()
        with lock.hold(exclusive=True, wait_s=30) as got:
            order.append(("write", got))

    with lock.hold(exclusive=False, wait_s=0):
        writer = threading.Thread(target=write)
        writer.start()
        waiting.wait()
        deadline = time.monotonic() + 30
        # The writer is at the turnstile as soon as a reader who will not wait is turned away.
        while True:
            with lock.hold(exclusive=False, wait_s=0) as got:
                if not got:
                    break
            assert time.monotonic() < deadline
    writer.join()
    assert order == [("write", True)]


def test_an_error_inside_lets_go(tmp_path: Path) -> None:
    lock = StoreLock(tmp_path)
    with pytest.raises(ZeroDivisionError), lock.hold(exclusive=True, wait_s=0):
        raise ZeroDivisionError
    with lock.hold(exclusive=True, wait_s=0) as got:
        assert got


def test_is_held_tells_the_living_from_the_dead(tmp_path: Path) -> None:
    path = tmp_path / "w.lock"
    assert not is_held(path)
    script = (
        "import sys\nfrom pathlib import Path\nfrom mlops_lab.store.lock import HeldLock\n"
        f"lock = HeldLock(Path({str(path)!r}))\nprint('held', flush=True)\nsys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    assert is_held(path)
    process.kill()
    process.communicate()
    assert not is_held(path)


def test_a_held_lock_is_taken_again_or_known_to_be_lost(tmp_path: Path) -> None:
    lock = HeldLock(tmp_path / "w.lock")
    assert lock.ensure()
    lock.path.unlink()
    assert not lock.ensure()
    lock.path.touch()
    assert not lock.ensure()
    lock.close()
    lock.close()


def test_a_child_that_is_forked_holds_nothing_of_its_parent(tmp_path: Path) -> None:
    script = f"""
import os, sys, time
from pathlib import Path
from mlops_lab.store.lock import HeldLock, StoreLock, is_held
folder = Path({str(tmp_path)!r})
held = HeldLock(folder / "w.lock")
with StoreLock(folder).hold(exclusive=True, wait_s=0):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)
        os.read(read, 1)   # until the parent is gone; its locks may go a moment later
        until = time.monotonic() + 10
        while is_held(folder / "w.lock") and time.monotonic() < until:
            time.sleep(0.01)
        free = not is_held(folder / "w.lock")
        with StoreLock(folder).hold(exclusive=True, wait_s=10) as got:
            (folder / "answer").write_text(f"{{free}} {{got}}")
        os._exit(0)
    os._exit(0)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    answer, deadline = tmp_path / "answer", time.monotonic() + 30
    while not answer.exists() or not answer.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert answer.read_text() == "True True"


def test_locks_work_here_and_the_test_leaves_nothing(tmp_path: Path) -> None:
    assert locks_work(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_locks_that_lie_are_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module.fcntl, "flock", lambda fd, operation: None)
    problem = locks_work(tmp_path)
    assert problem is not None
    assert "does not see the locks" in problem


def test_a_network_file_system_is_known_by_its_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.path.realpath(tmp_path)
    mounts = (
        "1 1 0:1 / / rw - ext4 /dev/root rw\n"
        f"2 1 0:2 / {real}/share\\040one rw shared:1 - nfs4 server:/x rw\n"
        f"3 1 0:3 / {real}/share\\040one/disk rw - ext4 /dev/sdb rw\n"
    )
    monkeypatch.setattr(Path, "read_text", lambda *args, **kwargs: mounts)
    lock_module.network_file_system.cache_clear()
    assert lock_module.network_file_system(tmp_path / "share one" / "project") == "nfs4"
    assert lock_module.network_file_system(tmp_path / "share one" / "disk" / "p") is None
    assert lock_module.network_file_system(tmp_path / "share one too") is None
    lock_module.network_file_system.cache_clear()


def test_the_host_has_one_random_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    host_id.cache_clear()
    first = host_id()
    host_id.cache_clear()
    assert len(first) == 32
    assert host_id() == first
    assert [path.name for path in (tmp_path / "mlops-lab").iterdir()] == ["host-id"]
    host_id.cache_clear()


def test_a_lock_file_goes_only_when_nobody_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "put-1.lock"
    assert remove_if_free(path), "there is none"
    held = HeldLock(path)
    assert not remove_if_free(path)
    assert held.ensure()
    held.close()
    assert remove_if_free(path)
    assert not path.exists()
    late = HeldLock(path)
    path.unlink()
    assert not late.ensure(), "whoever was too slow finds it gone"
    late.close()
