"""Asking a pipeline run to stop: Ctrl-C, SIGTERM, or the decision ``run.cancel``.

The main thread owns signals. Handlers only put a word into a queue, which is safe at any moment
(``SimpleQueue.put`` is reentrant, an ``Event`` is not), so a signal can never leave a lock held or
a run half ended, however often it comes.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Any

from mlops_lab.store import Store

__all__ = ["CancelWatch", "SignalSeen", "signals_into"]


class SignalSeen:
    """A signal arrived; ``name`` is SIGINT, SIGTERM or SIGHUP."""

    def __init__(self, number: int) -> None:
        self.name = signal.Signals(number).name


@contextmanager
def signals_into(inbox: SimpleQueue[Any]) -> Iterator[None]:
    """Put a `SignalSeen` into ``inbox`` instead of letting signals raise or kill.

    Does nothing outside of the main thread, where Python delivers no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def seen(number: int, frame: FrameType | None) -> None:
        inbox.put(SignalSeen(number))

    before: dict[signal.Signals, Any] = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        current = signal.getsignal(number)
        # nohup ignores SIGHUP on purpose. SIGINT is ignored by shells for background work, and
        # cancel still needs it. A handler set outside of Python (None) is not ours to replace.
        if current is None or (current is signal.SIG_IGN and number == signal.SIGHUP):
            continue
        before[number] = signal.signal(number, seen)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class CancelWatch:
    """Notices the decision ``run.cancel`` for one run. Used by one thread.

    Looking costs one ``stat`` while nothing was decided.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._path: Path = store.dir / "decisions.jsonl"
        self._size = -1
        self._since = 0

    def look(self) -> str | None:
        """Who cancelled the run, if somebody has."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return None
        if size == self._size:
            return None
        self._size = size
        for decision in self._store.decisions(self._since):
            self._since = decision.n
            if decision.kind == "run.cancel" and decision.data.get("run") == self._run_id:
                return str(decision.by.get("id", "somebody"))
        return None
