"""The worker processes of one supervisor together: what they say, and which of them have ended."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlops_lab.serving.doors import Sockets
from mlops_lab.serving.workers import Process, end_of

__all__ = ["Crew", "Ended", "Facts"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a worker's process is, beside what is decided about it.

    Attributes
    ----------
    pid, started, rss
        As of `mlops_lab.serving.status.WorkerStatus`.
    backend, why
        What it said when it was ready.
    dead_log
        Whether it cannot write its prediction log.
    """

    pid: int
    started: float
    rss: int = 0
    backend: str | None = None
    why: str | None = None
    dead_log: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker that has ended.

    Attributes
    ----------
    key, pid
        Which one.
    last
        What it said last.
    sentence
        How it ended, in its own words where it had some.
    """

    key: int
    pid: int
    last: tuple[dict[str, Any], ...]
    sentence: str


class Crew:
    """Processes by the keys of their workers. Of one thread.

    Parameters
    ----------
    root
        The project's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._processes: dict[int, Process] = {}
        self._failures: dict[int, str] = {}
        self.facts: dict[int, Facts] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, None)

    @property
    def waker(self) -> int:
        """A descriptor: what is written to it ends `listen`."""
        return self._waker.fileno()

    def start(self, key: int, sockets: Sockets) -> None:
        """Start a process; it does nothing until it is told to.

        Raises
        ------
        OSError
            The system allows no more.
        """
        process = self._processes[key] = Process(self._root, sockets.all)
        self.facts[key] = Facts(process.pid, process.started)
        self._selector.register(process, selectors.EVENT_READ, key)

    def tell(self, key: int, message: Mapping[str, Any]) -> None:
        """Send a message to one of them."""
        self._processes[key].tell(message)

    def kill(self, key: int) -> None:
        """End one of them at once."""
        self._processes[key].kill()

    def listen(self, timeout_s: float) -> Iterator[tuple[int, dict[str, Any]]]:
        """Wait until one of them says something, at most so long; give keys and messages."""
        for event, _ in self._selector.select(timeout_s):
            if event.data is None:
                with suppress(BlockingIOError):
                    while self._woken.recv(512):
                        pass
                continue
            for message in self._read(event.data):
                yield event.data, message
        for process in self._processes.values():
            process.flush()

    def ended(self) -> list[Ended]:
        """Give those that have ended since this was asked last; they are forgotten."""
        found = []
        for key, process in list(self._processes.items()):
            code = process.poll()
            if code is None:
                continue
            last = tuple(self._read(key))
            self._unwatch(process)
            process.close()
            said = self._failures.pop(key, "") or f"{end_of(code)} The log has more."
            found.append(Ended(key, process.pid, last, said))
            del self._processes[key], self.facts[key]
        return found

    def note(self, key: int, **facts: Any) -> None:
        """Note facts of one of them, if it still is there."""
        if key in self.facts:
            self.facts[key] = replace(self.facts[key], **facts)

    def close(self) -> None:
        """End all that are left, and let go."""
        for process in self._processes.values():
            process.kill()
            process.wait()
            process.close()
        self._processes.clear()
        self.facts.clear()
        self._selector.close()
        self._woken.close()
        self._waker.close()

    def _read(self, key: int) -> list[dict[str, Any]]:
        process = self._processes[key]
        messages, ended = process.heard()
        if ended:
            self._unwatch(process)
        for message in messages:
            if message.get("say") == "failed":
                self._failures[key] = str(message.get("message") or "")
        return messages

    def _unwatch(self, process: Process) -> None:
        with suppress(KeyError, ValueError):
            self._selector.unregister(process)
