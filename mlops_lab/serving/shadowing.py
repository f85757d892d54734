"""Copies of answered requests for a shadow: nobody waits for them, and there are never many.

A copy is taken after the answer is known. What a slow shadow does not get through is dropped and
counted; what it answers is logged by its own worker and seen by nobody else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mlops_lab.serving.forwarding import Forwarder, Unreachable

__all__ = ["Copy", "Shadow"]

_WAITING: Final = 256
_WAITING_BYTES: Final = 32 * 2**20
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Copy:
    """A request as it came, for the workers of a shadow."""

    paths: Sequence[str]
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


class Shadow:
    """Sends copies beside the requests. Of the event loop's thread alone.

    Parameters
    ----------
    forwarder
        The connections.
    timeout_s
        How long the shadow may take for one.
    """

    def __init__(self, forwarder: Forwarder, timeout_s: float) -> None:
        self._forwarder = forwarder
        self._timeout_s = timeout_s
        self._waiting: deque[Copy] = deque()
        self._bytes = 0
        self._senders: set[asyncio.Task[None]] = set()
        self.sent = 0
        """Copies that the shadow has answered."""
        self.dropped = 0
        """Copies that it has not."""

    def add(self, copy: Copy) -> None:
        """Have a copy sent, or drop it if too many wait."""
        if len(self._waiting) >= _WAITING or self._bytes + len(copy.body) > _WAITING_BYTES:
            self.dropped += 1
            return
        self._waiting.append(copy)
        self._bytes += len(copy.body)
        if len(self._senders) < _AT_ONCE:
            sender = asyncio.get_running_loop().create_task(self._send())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)

    def close(self) -> None:
        """Drop what waits."""
        self.dropped += len(self._waiting) + len(self._senders)
        self._waiting.clear()
        self._bytes = 0
        for sender in self._senders:
            sender.cancel()

    async def _send(self) -> None:
        while self._waiting:
            copy = self._waiting.popleft()
            self._bytes -= len(copy.body)
            try:
                await self._forwarder.send(
                    copy.paths, copy.target, copy.headers, copy.body, timeout_s=self._timeout_s
                )
            except (TimeoutError, Unreachable):
                self.dropped += 1
            else:
                self.sent += 1
