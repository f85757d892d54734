"""Supervisors seen from outside: started, waited for, and stopped with all that is left of them."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from mlops_lab.errors import LabError, Unavailable
from mlops_lab.serving import desired, places, status
from mlops_lab.serving.records import Desired
from mlops_lab.serving.status import Status
from mlops_lab.serving.workers import LEFT_OUT
from mlops_lab.store.lock import HeldLock, is_held

__all__ = ["revive", "start", "stop", "wait"]

_log = logging.getLogger("mlops_lab")

_POLL_S: Final = 0.02
_BEGIN_S: Final = 30.0
"""How long a supervisor may take until it holds its lock; a busy machine imports slowly."""
_AGAIN_S: Final = 3.0
_TAIL_BYTES: Final = 2000
_KILL_S: Final = 5.0
_MARGIN_S: Final = 20.0


def start(root: Path, name: str) -> None:
    """Start the supervisor of an endpoint, unless it has one; returns at once.

    Any number of processes may ask for that at the same time.
    """
    root = root.resolve()
    name = desired.check_name(name)
    if is_held(places.lock(root, name)):
        return
    log = places.log(root, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {key: text for key, text in os.environ.items() if key not in LEFT_OUT}
    environment["PYTHONUNBUFFERED"] = "1"
    # -P: a folder of the project that is called mlops_lab must not be taken for ours.
    words = [sys.executable, "-P", "-m", "mlops_lab", "--project", os.fspath(root)]
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [*words, "endpoint", "serve", name, "--detached"],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Whoever started it waits for its end, so that it leaves no zombie here.
    threading.Thread(target=process.wait, name=f"wait for {name}", daemon=True).start()


def revive(root: Path) -> list[str]:
    """Start what should serve and has no supervisor, as after a reboot; gives the names."""
    started = []
    for path in sorted(desired.folder(root).glob("*.json")):
        if path.name.endswith(".status.json") or path.name.startswith("."):
            continue
        name = path.name.removesuffix(".json")
        try:
            should = desired.read(root, name)
            if should is None or should.state != "serving" or is_held(places.lock(root, name)):
                continue
            start(root, name)
            started.append(name)
        except (LabError, OSError) as error:
            _log.error("endpoint %s was not started: %s", name, error)
    return started


def wait(root: Path, name: str, seq: int, timeout: float = 120.0) -> Status:
    """Wait until a decision is made so.

    Parameters
    ----------
    seq
        The decision's number; a later one that replaces it counts as well.
    timeout
        Seconds.

    Raises
    ------
    Unavailable
        What was decided is not served: the sentence of the worker that failed and the end of the
        log; or it was not served in time.
    """
    root = root.resolve()
    began = started = time.monotonic()
    while True:
        found, should = status.recorded(root, name), desired.read(root, name)
        serves = should is None or should.state == "serving"
        lives = found is not None and found.alive
        # What one says that is gone is not what became of this.
        if found is not None and found.wanted >= seq and (lives or not serves):
            if found.seq >= seq and (serves or found.state == "stopped"):
                return found
            needed = _needed(should)
            failed = [
                each.sentence
                for each in found.revisions
                if each.state in ("failed", "crashed") and each.id in needed
            ]
            if failed or found.state == "failed":
                raise _unavailable(root, name, failed[0] if failed else found.sentence)
        waited = time.monotonic() - began
        if not lives and serves and not is_held(places.lock(root, name)):
            if waited > _BEGIN_S:
                raise _unavailable(root, name, "Its supervisor ended.")
            if time.monotonic() - started > _AGAIN_S:
                # The one that was there when it was asked for was about to end.
                started = time.monotonic()
                start(root, name)
        if waited > timeout:
            said = found.sentence if found is not None else ""
            raise _unavailable(root, name, f"Not within {timeout:g} s. {said}".strip())
        time.sleep(_POLL_S)


def stop(root: Path, name: str) -> None:
    """Wait until nothing of a stopped endpoint runs; what does not end by itself is killed.

    What it should serve says ``stopped`` already: its supervisor drains the workers and ends. When
    there is none, its workers are told from here.
    """
    root = root.resolve()
    should = desired.read(root, name)
    drain_s = 0.0 if should is None else should.limits.drain_s
    until = time.monotonic() + drain_s + _MARGIN_S
    lock_path = places.lock(root, name)
    folders = {places.sockets(root, name)}
    lock: HeldLock | None = None
    while lock is None and time.monotonic() < until:
        found = status.recorded(root, name)
        if found is not None and found.socket is not None:
            folders.add(found.socket.parent)
        lock = HeldLock.attempt(lock_path, 0.1)
    found = status.recorded(root, name)
    if lock is None and found is not None and status.is_alive(found.pid, found.started):
        _log.error("the supervisor of %s (process %d) is killed", name, found.pid)
        _end([(found.pid, found.started)], signal.SIGKILL, _KILL_S)
        lock = HeldLock.attempt(lock_path, _KILL_S)
    try:
        if found is not None:
            # It lets go of the lock a moment before it is gone.
            _until(lambda: not status.is_alive(found.pid, found.started), _KILL_S)
            left = [(worker.pid, worker.started) for worker in found.workers()]
            left = _end(left, signal.SIGTERM, drain_s + _KILL_S)
            _end(left, signal.SIGKILL, _KILL_S)
            if found.state != "stopped":
                _note_stopped(root, found)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        if lock is not None:
            lock.close()


def _needed(should: Desired | None) -> set[str]:
    """The revisions without which what is decided is not served."""
    if should is None:
        return set()
    return {should.stable, *([should.rollout.candidate] if should.rollout else [])}


def _note_stopped(root: Path, found: Status) -> None:
    revisions = tuple(replace(each, workers=(), state="stopped") for each in found.revisions)
    status.write(
        root,
        replace(
            found,
            state="stopped",
            sentence=f"{found.name} is stopped.",
            updated=time.time_ns() // 1000,
            revisions=revisions,
        ),
    )


def _end(
    processes: Iterable[tuple[int, float]], number: signal.Signals, within_s: float
) -> list[tuple[int, float]]:
    """Send a signal to processes that still are who they were; gives those that do not end."""
    left = [each for each in processes if status.is_alive(*each)]
    for pid, _ in left:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    _until(lambda: not any(status.is_alive(*each) for each in left), within_s)
    return [each for each in left if status.is_alive(*each)]


def _until(done: Callable[[], bool], within_s: float) -> None:
    until = time.monotonic() + within_s
    while not done() and time.monotonic() < until:
        time.sleep(_POLL_S)


def _unavailable(root: Path, name: str, sentence: str) -> Unavailable:
    tail = ""
    with suppress(OSError), places.log(root, name).open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
        tail = file.read().decode("utf-8", errors="replace")
    return Unavailable(
        f"{name} is not served as decided: {sentence}", log="\n".join(tail.splitlines()[-10:])
    )
