"""Which run is active: what `log_*` without a handle goes to.

The innermost ``with`` of this context decides (contexts follow threads and asyncio tasks), else the
last run that is open in this process.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mlops_lab.errors import LabError
from mlops_lab.tracking.capture import Capture, wait_for_all
from mlops_lab.tracking.records import Status
from mlops_lab.tracking.runs import RunManager, check_end

__all__ = ["ActiveRuns", "OpenRun", "active_runs"]

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class OpenRun:
    """A run that this process opened, or in a pipeline step adopted, and has not ended.

    Attributes
    ----------
    adopted
        It belongs to the executor of the pipeline: this process never ends it.
    entered
        How many ``with`` hold it, one inside the other; leaving the outermost ends it.
    outer
        The run that was active where its ``with`` began.
    last_error
        The error that the interpreter remembered when it began: not its own.
    handle
        What the user holds of it, kept here so that it is made once.
    """

    runs: RunManager
    id: str
    name: str
    origin: Path | None = None
    parent: str | None = None
    adopted: bool = False
    capture: Capture | None = None
    entered: int = 0
    ended: bool = False
    outer: OpenRun | None = None
    pid: int = field(default_factory=os.getpid)
    thread: int = field(default_factory=threading.get_ident)
    last_error: BaseException | None = field(default_factory=lambda: _last_error())
    handle: Any = None

    def end(self, status: Status, **details: Any) -> None:
        """End it, once; in a forked child and for an adopted run nothing is written.

        What could not be written has not ended: the end of the process tries again.
        """
        if self.ended:
            return
        self.ended = True
        if self.pid != os.getpid():
            return
        if self.capture is not None:
            self.capture.finish()
        if not self.adopted:
            try:
                self.runs.end(self.id, status, **details)
            except BaseException:
                self.ended = False
                raise


class ActiveRuns:
    """The open runs of this process. Safe to use from several threads."""

    def __init__(self) -> None:
        self._innermost: ContextVar[OpenRun | None] = ContextVar("mlops_lab_run", default=None)
        self._open: list[OpenRun] = []
        self._lock = threading.RLock()
        self._at_exit = False
        os.register_at_fork(after_in_child=self._after_fork)

    def nested_in(self) -> OpenRun | None:
        """Give the run whose ``with`` surrounds this code."""
        run = self._innermost.get()
        while run is not None and run.ended:
            run = run.outer
        return run

    def current(self) -> OpenRun | None:
        """Give the active run."""
        run = self.nested_in()
        if run is not None:
            return run
        with self._lock:
            return self._open[-1] if self._open else None

    def opened(self, run_id: str) -> OpenRun | None:
        """Give the open run of this id, if this process opened it."""
        with self._lock:
            return next((r for r in self._open if r.id == run_id and not r.ended), None)

    def left_open(self, origin: Path | None, parent: str | None) -> list[OpenRun]:
        """Give the runs that the same notebook and thread left open without a ``with``."""
        me = threading.get_ident()
        with self._lock:
            return [
                run
                for run in self._open
                if not run.entered
                and not run.adopted
                and (run.origin, run.parent, run.thread) == (origin, parent, me)
                and run.pid == os.getpid()
            ]

    def add(self, run: OpenRun) -> None:
        """Note a run that was opened; those still open at a normal exit are ended then."""
        with self._lock:
            self._open.append(run)
            if not self._at_exit:
                # Late enough to run before the store closes its journal: last in, first out.
                atexit.register(self.end_all)
                self._at_exit = True

    def enter(self, run: OpenRun) -> None:
        """Make a run the innermost of this context."""
        run.entered += 1
        if run.entered == 1:
            run.outer = self._innermost.get()
            self._innermost.set(run)

    def leave(self, run: OpenRun) -> bool:
        """Make the run outside of this one the innermost again; tell whether this was its end."""
        run.entered = max(0, run.entered - 1)
        if run.entered:
            return False
        # Not by a token: a generator may be left in another context than it was entered in.
        if self._innermost.get() is run:
            self._innermost.set(run.outer)
        return True

    def end(self, run: OpenRun, status: Status, **details: Any) -> None:
        """End a run and the children that were opened below it without a ``with``."""
        check_end(status)
        with self._lock:
            below = [
                child
                for child in self._open
                if child.parent == run.id and child is not run and not child.entered
            ]
        for child in reversed(below):
            self.end(child, status)
        run.end(status, **details)
        with self._lock:
            if run in self._open:
                self._open.remove(run)

    def end_all(self) -> None:
        """End what is open because the process ends; `failed` where an error came last."""
        with self._lock:
            open_runs = [run for run in reversed(self._open) if run.pid == os.getpid()]
        for run in open_runs:
            if not run.runs.root.is_dir():
                # Nobody deletes a project and wants it back because a process ends.
                _log.warning("%s is gone, and with it the run %s.", run.runs.root, run.name)
                continue
            try:
                self._end_at_exit(run, _last_error())
            except (LabError, OSError) as error:
                _log.warning("The end of the run %s could not be written: %s", run.name, error)
        wait_for_all()

    def _end_at_exit(self, run: OpenRun, error: BaseException | None) -> None:
        if error is None or error is run.last_error:
            self.end(run, "finished")
        else:
            self.end(run, status_of(error), error=describe(error))

    def _after_fork(self) -> None:
        # The parent's lock may have been held by a thread that does not exist here. Its runs stay
        # known, so that a child can log to them; that it must not end them says their pid.
        self._lock = threading.RLock()


def status_of(error: BaseException) -> Status:
    """Tell how a run ends that an exception left: interruptions kill, an exit may be in order."""
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "CancelledError":
        return "killed"
    if isinstance(error, GeneratorExit):
        return "finished"
    if isinstance(error, SystemExit):
        return "finished" if error.code in (None, 0) else "failed"
    return "failed"


def describe(error: BaseException) -> dict[str, Any]:
    """Turn an exception into what a run keeps of it."""
    import traceback

    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - the exception's own __str__
        message = "?"
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return {"name": type(error).__name__, "message": message, "traceback": text}


def _last_error() -> BaseException | None:
    # Since Python 3.12 last_exc; last_value before, and still by IPython.
    for name in ("last_exc", "last_value"):
        error = getattr(sys, name, None)
        if isinstance(error, BaseException):
            return error
    return None


active_runs: Final = ActiveRuns()
