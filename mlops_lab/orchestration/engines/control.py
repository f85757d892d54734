"""The hand on a running kernel: the main thread stops what a worker thread executes."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

__all__ = ["KernelControl"]


class KernelControl:
    """Interrupts or kills one kernel, whenever it exists. Thread-safe.

    The worker that starts the kernel attaches it and detaches it before the process is reaped, so
    a signal can never hit a stranger that got the same process id.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._group: int | None = None
        self._stopping = False
        self._killed = False

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for the end: no further cell may start."""
        return self._stopping

    @property
    def killed(self) -> bool:
        """Whether the kernel was, or is to be, killed."""
        return self._killed

    def attach(self, pid: int) -> None:
        """The kernel runs as leader of process group ``pid``; late requests reach it now."""
        with self._lock:
            self._group = pid
            if self._killed:
                self._send(signal.SIGKILL)
            elif self._stopping:
                self._send(signal.SIGINT)

    def detach(self) -> None:
        """The kernel is about to be reaped: send nothing any more."""
        with self._lock:
            self._group = None

    def interrupt(self) -> None:
        """Ask the running cell to end as Ctrl-C would, and start no other."""
        with self._lock:
            self._stopping = True
            self._send(signal.SIGINT)

    def kill(self) -> None:
        """End the kernel and all it started in its process group, now."""
        with self._lock:
            self._stopping = self._killed = True
            self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self._group is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._group, number)
