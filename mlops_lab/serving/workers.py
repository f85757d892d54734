"""The processes of workers: started, spoken to, and waited for. No decision is taken here."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from mlops_lab.serving.control import CONTROL, Channel
from mlops_lab.serving.status import start_of

__all__ = ["LEFT_OUT", "Process", "end_of"]

LEFT_OUT: Final = (
    "JPY_PARENT_PID",
    "JPY_SESSION_NAME",
    "JPY_INTERRUPT_EVENT",
    "MLOPS_LAB_RUN",
    CONTROL,
)
"""What is true for who starts a process, and not for the process."""

_MOST_UNSENT: Final = 2**20


class Process:
    """One worker process and our end of its channel. Of one thread.

    Parameters
    ----------
    root
        The project's folder, which it works in.
    sockets
        The public sockets that it gets copies of.
    """

    def __init__(self, root: Path, sockets: Sequence[socket.socket]) -> None:
        ours, theirs = socket.socketpair()
        self._unsent = b""
        passed = [theirs.fileno(), *(each.fileno() for each in sockets)]
        environment = {key: text for key, text in os.environ.items() if key not in LEFT_OUT}
        environment[CONTROL] = str(theirs.fileno())
        environment["PYTHONUNBUFFERED"] = "1"  # the log is read while it grows
        try:
            # -P: a folder of the project that is called mlops_lab must not be taken for ours. A
            # session of its own: it outlives the terminal and the supervisor.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "mlops_lab.serving.worker"],
                cwd=root,
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=passed,
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self.pid = self._process.pid
        self.started = start_of(self.pid)
        self._channel = Channel(ours)
        self._channel.listen()
        self._end = ours

    def fileno(self) -> int:
        """The descriptor of the channel, for a loop to watch."""
        return self._channel.fileno()

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message, now or as soon as the worker takes it."""
        import msgspec

        # Unlike a report, an order must arrive. One that hangs is killed long before this is much.
        if len(self._unsent) < _MOST_UNSENT:
            self._unsent += msgspec.json.encode(message) + b"\n"
        self.flush()

    def flush(self) -> None:
        """Send what the worker has not taken yet."""
        with suppress(OSError):
            while self._unsent:
                self._unsent = self._unsent[self._end.send(self._unsent) :]

    def heard(self) -> tuple[list[dict[str, Any]], bool]:
        """Give what it has said, and whether it says no more."""
        return self._channel.messages()

    def poll(self) -> int | None:
        """Give the exit code once it has ended."""
        return self._process.poll()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def wait(self) -> int:
        """Wait until it has ended."""
        return self._process.wait()

    def close(self) -> None:
        """Let go of the channel."""
        self._channel.close()


def end_of(code: int) -> str:
    """Say how a process ended.

    >>> end_of(-9), end_of(3)
    ('It was killed (SIGKILL).', 'It ended with exit code 3.')
    """
    if code >= 0:
        return f"It ended with exit code {code}."
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"It was killed ({name})."
