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

__all__ = ["LEFT_OUT", "Process", "Sockets", "end_of"]

LEFT_OUT: Final = (
    "JPY_PARENT_PID",
    "JPY_SESSION_NAME",
    "JPY_INTERRUPT_EVENT",
    "MLOPS_LAB_RUN",
    CONTROL,
)
"""What is true for who starts a process, and not for the process."""

_BACKLOG: Final = 2048
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


class Sockets:
    """The public listening sockets of an endpoint: made unseen, published when somebody answers.

    What clients know, a path or a port, stays with the sockets before until then: a new supervisor
    takes over without one refused connection.

    Parameters
    ----------
    path
        The public socket's path.
    port, host
        Of the TCP socket; None: there is none.
    alone
        Whether nobody else may have the port, as at a first start.

    Raises
    ------
    OSError
        The port is taken, or an address is not this machine's.
    """

    def __init__(self, path: Path, port: int | None, host: str, *, alone: bool) -> None:
        self.path = path
        self._aside = path.with_name(f".{os.getpid()}-{os.urandom(4).hex()}.sock")
        self.all: list[socket.socket] = []
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.all.append(unix)
        try:
            unix.bind(os.fspath(self._aside))
            unix.listen(_BACKLOG)
            self._inode = self._aside.lstat().st_ino
            if port is not None:
                self.all.append(_tcp(host, port, alone=alone))
        except OSError:
            self.close()
            raise

    def publish(self) -> None:
        """Let clients find the sockets."""
        os.replace(self._aside, self.path)
        for each in self.all[1:]:
            each.listen(_BACKLOG)

    def lost(self) -> bool:
        """Whether the path of the published socket is gone, or leads to another one."""
        try:
            return self.path.lstat().st_ino != self._inode
        except OSError:
            return True

    def close(self) -> None:
        """Close them, and take away the path that is ours."""
        for each in self.all:
            each.close()
        self._aside.unlink(missing_ok=True)
        if hasattr(self, "_inode") and not self.lost():
            self.path.unlink(missing_ok=True)


def _tcp(host: str, port: int, *, alone: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if alone:
        # With SO_REUSEPORT two endpoints would share a port, and each get half of the requests.
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


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
