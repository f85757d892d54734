"""Gathering what a run keeps by itself, in a thread that neither its start nor its end waits for.

The end of the process does wait. Nothing here may break a run: what cannot be found out is left
out.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from mlops_lab.errors import LabError
from mlops_lab.tracking.environment import DIFF_PATH, describe, git_state
from mlops_lab.tracking.finder import ENVIRONMENT_PATH
from mlops_lab.tracking.runs import RunManager
from mlops_lab.tracking.source import Source

__all__ = ["Capture", "Wanted", "log_environment", "wait_for_all"]

_log = logging.getLogger(__name__)

_NOTEBOOK_BYTES: Final = 50_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to gather: the settings of ``[tracking]``."""

    environment: bool = True
    notebook: bool = True
    diff_kb: int = 512


class Capture:
    """The gathering for one run, done by a thread that all runs of this process share.

    Parameters
    ----------
    runs
        Where to log what was found.
    run_id
        The run that it belongs to.
    source
        The notebook or script to copy.
    wanted
        Gives what to gather; asked in the thread, because reading settings takes time.
    """

    def __init__(
        self, runs: RunManager, run_id: str, source: Source, wanted: Callable[[], Wanted]
    ) -> None:
        self._runs = runs
        self._run_id = run_id
        self._source = source
        self._wanted = wanted
        self._copied: bytes | None = None
        self._said = ""
        self._folder = Path.cwd()
        _worker.do(self._begin)

    def finish(self) -> None:
        """Have the notebook copied again as it is when the run ends; nobody waits for it here."""
        _worker.do(lambda: self._guarded(self._copy_source))

    def _begin(self) -> None:
        self._guarded(self._copy_source)
        self._guarded(self._gather)

    def _guarded(self, part: Callable[[], None]) -> None:
        if not self._runs.root.is_dir():
            return  # deleted meanwhile: what is kept on the side must not bring it back
        try:
            part()
        except LabError as error:
            # A mistake in mlops.toml, a full disk: one sentence, once, and no trace.
            if str(error) != self._said:
                self._said = str(error)
                _log.warning(
                    "Not all of the environment of run %s is kept: %s", self._run_id[:8], error
                )
        except Exception:  # noqa: BLE001 - whatever is odd about this machine, the run goes on
            _log.warning(
                "Not all of the environment of run %s is kept.", self._run_id[:8], exc_info=True
            )

    def _gather(self) -> None:
        wanted = self._wanted()
        if wanted.environment:
            log_environment(self._runs, self._run_id, self._folder, diff_kb=wanted.diff_kb)

    def _copy_source(self) -> None:
        path = self._source.path
        if path is None or not self._wanted().notebook:
            return
        try:
            if path.stat().st_size > _NOTEBOOK_BYTES:
                return
            data = path.read_bytes()
        except OSError:
            return  # renamed or never saved: the run is none the worse
        if data == self._copied:
            return
        kind = "notebook" if self._source.notebook else "text"
        folder = "notebook" if self._source.notebook else "source"
        name = f"{folder}/{path.name}"
        self._runs.put_artifact(self._run_id, name, data, kind=kind, in_cell=False)
        self._copied = data


class _Worker:
    """One thread that does what it is given in order; begun when there is something to do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._forget)

    def do(self, work: Callable[[], None]) -> None:
        with self._lock:
            self._queue.put(work)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work,
                    args=(self._queue,),
                    name="mlops-lab-environment",
                    # An interpreter on its way out waits in `wait`, and not for ever.
                    daemon=True,
                )
                self._thread.start()

    def wait(self, timeout_s: float) -> None:
        if self._thread is None or self._thread is threading.current_thread():
            return
        done = threading.Event()
        self._queue.put(done.set)
        done.wait(timeout_s)

    @staticmethod
    def _work(queue: SimpleQueue[Callable[[], None]]) -> None:
        while True:
            queue.get()()

    def _forget(self) -> None:
        # A forked child has neither the thread nor what it was to do.
        self._lock, self._queue, self._thread = threading.Lock(), SimpleQueue(), None


_worker: Final = _Worker()


def wait_for_all(timeout_s: float = 20.0) -> None:
    """Wait until everything is kept that runs of this process have asked for.

    Parameters
    ----------
    timeout_s
        How long at most, in seconds: a process must be able to end.
    """
    _worker.wait(timeout_s)


def log_environment(runs: RunManager, run_id: str, folder: Path, *, diff_kb: int = 512) -> None:
    """Gather the environment of this process and keep it with a run.

    Parameters
    ----------
    runs, run_id
        The run.
    folder
        Where its code is: the git repository above it is described.
    diff_kb
        Keep uncommitted changes up to this size, in units of 1,024 bytes; 0 keeps none.
    """
    environment = describe()
    git, diff = git_state(folder, diff_kb)
    if git is not None:
        environment["git"] = git
    if diff:
        runs.put_artifact(run_id, DIFF_PATH, diff, media="text/x-diff", kind="text", in_cell=False)
    runs.put_artifact(
        run_id,
        ENVIRONMENT_PATH,
        json.dumps(environment, indent=1, ensure_ascii=False).encode("utf-8", "replace"),
        media="application/json",
        kind="dict",
        in_cell=False,
        environment={
            "commit": git["commit"] if git else None,
            "branch": git["branch"] if git else None,
            "dirty": git["dirty"] if git else None,
            "python": environment["python"],
        },
    )
