"""The channel between a worker and its supervisor: one JSON object per line over a socket pair."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from mlops_lab.errors import Corrupt

__all__ = ["CONTROL", "Channel"]

CONTROL: Final = "MLOPS_LAB_CONTROL"
"""The environment variable with the descriptor of a worker's end."""

_MOST_BYTES: Final = 16 * 2**20


class Channel:
    """One end of the channel. Not thread-safe.

    Parameters
    ----------
    end
        A connected stream socket; it is made non-blocking by `listen`.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._read = bytearray()
        self._unsent = b""

    @classmethod
    def from_environment(cls) -> Channel:
        """Take the end that the supervisor handed down; children do not inherit it.

        Raises
        ------
        Corrupt
            There is none.
        """
        try:
            end = socket.socket(fileno=int(os.environ.pop(CONTROL)))
        except (KeyError, ValueError, OSError) as error:
            raise Corrupt(
                f"A worker is started by its supervisor, which gives {CONTROL}: {error!r}. "
                "`mlops-lab endpoint deploy` starts both."
            ) from None
        end.set_inheritable(False)
        return cls(end)

    def fileno(self) -> int:
        """The descriptor, for a loop to watch."""
        return self._end.fileno()

    def first(self) -> dict[str, Any] | None:
        """Wait for the first message; None when the other side ends before."""
        while True:
            for message in self._messages():
                return message
            if not self._receive():
                return None

    def listen(self) -> None:
        """From now on reading and writing wait for nobody."""
        self._end.setblocking(False)

    def messages(self) -> tuple[list[dict[str, Any]], bool]:
        """Give what has arrived, and whether the other side has ended."""
        ended = False
        with suppress(BlockingIOError):
            ended = not self._receive()
        return list(self._messages()), ended

    def say(self, message: dict[str, Any]) -> bool:
        """Send a message; False when the other side takes none now, and it is not sent.

        A side that does not read, such as a stopped process, holds up nobody.
        """
        import msgspec

        if not self._flush():
            return False
        self._unsent = msgspec.json.encode(message) + b"\n"
        self._flush()
        return True

    def close(self) -> None:
        """Send what is left, as far as the other side takes it, and end."""
        with suppress(OSError):
            self._end.settimeout(1.0)
            self._flush()
        self._end.close()

    def _flush(self) -> bool:
        try:
            while self._unsent:
                self._unsent = self._unsent[self._end.send(self._unsent) :]
        except OSError:  # full, or nobody is there any more
            return False
        return True

    def _receive(self) -> bool:
        try:
            data = self._end.recv(1 << 16)
        except BlockingIOError:
            raise
        except OSError:
            return False
        self._read += data
        return bool(data) and len(self._read) < _MOST_BYTES

    def _messages(self) -> Iterator[dict[str, Any]]:
        import msgspec

        while (end := self._read.find(b"\n")) >= 0:
            line = bytes(self._read[:end])
            del self._read[: end + 1]
            with suppress(msgspec.DecodeError):
                message = msgspec.json.decode(line)
                if isinstance(message, dict):
                    yield message
