"""One try of one step: a kernel in a worker thread, and the main thread's hand on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from mlops_lab.orchestration.engines.control import KernelControl
from mlops_lab.orchestration.engines.run import CellFailure
from mlops_lab.orchestration.engines.session import Cell, Session
from mlops_lab.orchestration.events import CellFinished, CellStarted, Event
from mlops_lab.orchestration.stopping import CancelWatch, SignalSeen

__all__ = ["Attempt", "CellJournal", "Stop", "stop_for"]


LOOK_S = 0.5
"""How often the executor looks whether somebody cancelled the run."""

INTERRUPT_GRACE_S = 5.0
"""How long a cell may take to end after the interrupt, before its kernel is killed."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run or a try was ended from outside; ``kind`` is interrupt, cancel or timeout."""

    kind: str
    sentence: str


def stop_for(seen: SignalSeen, cancels: CancelWatch) -> Stop:
    """Why a signal came: somebody's cancel, which is a decision and a SIGINT, or a key."""
    who = cancels.look()
    if who is not None:
        return Stop("cancel", f"cancelled by {who}")
    return Stop("interrupt", f"stopped by {'Ctrl-C' if seen.name == 'SIGINT' else seen.name}")


@dataclass(frozen=True, slots=True)
class _Done:
    failure: CellFailure | None
    crash: BaseException | None


class Attempt:
    """Executes a notebook in a thread and waits for it, listening for signals and cancels.

    Used once, by the thread that runs the pipeline.

    Parameters
    ----------
    inbox
        Where signals and the worker's news arrive.
    cancels
        Looked at twice a second.
    on_event
        Called in this thread for every cell.
    timeout_s
        How long it may take, in seconds.
    """

    def __init__(
        self,
        step: str,
        inbox: SimpleQueue[Any],
        cancels: CancelWatch,
        on_event: Callable[[Event], None],
        timeout_s: float | None,
    ) -> None:
        self.step = step
        self.inbox = inbox
        self.cancels = cancels
        self.on_event = on_event
        self.timeout_s = timeout_s
        self.stop: Stop | None = None
        self._kill_at: float | None = None
        self._signals = 0

    def run(self, session: Session, work: Callable[[], CellFailure | None]) -> CellFailure | None:
        """Execute ``work`` to its end, which a stop brings about early.

        Raises
        ------
        Exception
            What the worker raised that is no failure of the notebook.
        """
        control = session.control
        thread = threading.Thread(
            target=self._work, args=(work,), name=f"mlops-lab step {self.step}", daemon=True
        )
        deadline = None if self.timeout_s is None else time.monotonic() + self.timeout_s
        look_at = time.monotonic() + LOOK_S
        thread.start()
        try:
            while True:
                now = time.monotonic()
                moments = [look_at, *(at for at in (deadline, self._kill_at) if at is not None)]
                try:
                    news = self.inbox.get(timeout=max(0.0, min(moments) - now))
                except Empty:
                    news = None
                if isinstance(news, _Done):
                    thread.join()
                    if news.crash is not None:
                        raise news.crash
                    return news.failure
                self._take(news, control)
                now = time.monotonic()
                if now >= look_at:
                    look_at = now + LOOK_S
                    self._look(control)
                if deadline is not None and now >= deadline:
                    deadline = None
                    self._end(Stop("timeout", f"took longer than {self.timeout_s:g} s"), control)
                if self._kill_at is not None and now >= self._kill_at:
                    self._kill_at = None
                    control.kill()
        except BaseException:
            # Our own fault, or the listener's: whatever it is, no kernel stays behind.
            control.kill()
            thread.join(timeout=10)
            raise

    def _work(self, work: Callable[[], CellFailure | None]) -> None:
        try:
            done = _Done(work(), None)
        except BaseException as error:  # noqa: BLE001 - carried to the thread that waits
            done = _Done(None, error)
        self.inbox.put(done)

    def _take(self, news: object, control: KernelControl) -> None:
        if isinstance(news, SignalSeen):
            self._signals += 1
            if self.stop is None or self.stop.kind == "timeout":
                self._end(stop_for(news, self.cancels), control)
            elif self.stop.kind == "interrupt" or self._signals > 1:
                # Asked a second time: no more patience. The first signal after a cancel is its own.
                self._kill_at = None
                control.kill()
        elif news is not None:
            self.on_event(news)  # type: ignore[arg-type]

    def _look(self, control: KernelControl) -> None:
        who = self.cancels.look()
        if who is not None and (self.stop is None or self.stop.kind == "timeout"):
            self._end(Stop("cancel", f"cancelled by {who}"), control)

    def _end(self, stop: Stop, control: KernelControl) -> None:
        self.stop = stop
        self._kill_at = time.monotonic() + INTERRUPT_GRACE_S
        control.interrupt()


class CellJournal:
    """Writes each cell's start and end to the step's run, and tells the waiting thread.

    Called in the worker's thread.
    """

    def __init__(self, step: str, log: Callable[..., None], inbox: SimpleQueue[Any]) -> None:
        self.step = step
        self.log = log
        self.inbox = inbox

    def cell_started(self, cell: Cell) -> None:
        """Journal that the cell runs."""
        self.log(cell.id, index=cell.index, total=cell.total, state="running", source=cell.source)
        self.inbox.put(CellStarted(self.step, cell.id, cell.index, cell.total, cell.source))

    def cell_finished(self, cell: Cell, seconds: float, failed: bool) -> None:
        """Journal how it ended and how long it took."""
        state = "failed" if failed else "done"
        self.log(
            cell.id,
            index=cell.index,
            total=cell.total,
            state=state,
            seconds=seconds,
            source=cell.source,
        )
        self.inbox.put(CellFinished(self.step, cell.id, cell.index, cell.total, seconds, failed))
