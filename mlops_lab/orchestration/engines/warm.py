"""Kernels that begin with their libraries imported: forked from a process that did so once.

A kernel with pandas, scikit-learn and skops costs four seconds of processor time before its first
cell, and a pipeline starts four of them. Linux only: elsewhere forking after imports is not safe.
Whatever goes wrong here, the kernel is started in the ordinary way.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

__all__ = ["ForkServer", "Forked", "fork_server", "modules_for"]

_log = logging.getLogger(__name__)

_PROGRAM: Final = Path(__file__).with_name("fork_server.py")

_ANSWER_S: Final = 10.0
"""How long forking may take."""

_ALWAYS: Final = ("ipykernel.kernelapp", "ipykernel.ipkernel")

# What the product stands on and what it imports behind a user's back. No others: a library may
# read at its import what a notebook sets before that.
_MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "numpy": ("numpy",),
    "pandas": ("pandas", "pyarrow.parquet"),
    "pyarrow": ("pyarrow.parquet",),
    "duckdb": ("duckdb",),
    "scipy": ("scipy.stats",),
    "sklearn": (
        "sklearn.pipeline",
        "sklearn.compose",
        "sklearn.ensemble",
        "sklearn.linear_model",
        "sklearn.model_selection",
        "sklearn.inspection",
        "sklearn.metrics",
        "skops.io",
    ),
    "altair": ("altair",),
    "mlops_lab": (
        "duckdb",
        "pandas",
        "mlops_lab.handles.run",
        "mlops_lab.handles.dataset",
        "mlops_lab.handles.model",
    ),
}

_IMPORTS: Final = re.compile(rf'^[\s"]*(?:import|from)\s+({"|".join(_MODULES)})\b', re.MULTILINE)

_TEXT_BYTES: Final = 2_000_000

# What differs between two kernels of one project, and what the starter was told itself.
_OWN: Final = re.compile(r"MLOPS_LAB_RUN|MLOPS_LAB_PROJECT|JPY_.*|PWD|OLDPWD|SHLVL|_")


def modules_for(notebooks: Iterable[Path]) -> tuple[str, ...]:
    """What to import before kernels for these notebooks are forked.

    Parameters
    ----------
    notebooks
        Their files; the modules beside them are looked at too.

    Returns
    -------
    tuple of str
        Empty when none of them imports a library that takes long.
    """
    seen: dict[str, None] = {}
    files = {file for path in notebooks for file in (path, *sorted(path.parent.glob("*.py")))}
    for file in sorted(files):
        with suppress(OSError):
            if file.stat().st_size <= _TEXT_BYTES:
                for name in _IMPORTS.findall(file.read_text("utf-8", "replace")):
                    seen.update(dict.fromkeys(_MODULES[name]))
    return (*_ALWAYS, *seen) if seen else ()


class Forked:
    """A kernel's process as ``subprocess.Popen`` would show it. Thread-safe."""

    stdin = stdout = stderr = None

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server = server
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, minus the signal that killed it; None while it runs."""
        if self.returncode is None:
            self.returncode = self._server.code_of(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises
        ------
        subprocess.TimeoutExpired
            It did not end in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("kernel", timeout or 0)
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The process that kernels are forked from. Thread-safe.

    Parameters
    ----------
    command
        The interpreter of the kernels, with its options.
    environment
        Theirs, at least where it says something to libraries that are being imported.
    modules
        What it imports.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], modules: Sequence[str]
    ) -> None:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            # Away from the project: a file there must not be taken for a library.
            self._process = subprocess.Popen(
                [*command, str(_PROGRAM), str(its.fileno()), *modules],
                env=dict(environment),
                cwd="/",
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._channel = ours
        self._lock = threading.Lock()
        self._codes: dict[int, int] = {}
        self._pids: list[int] = []
        self._ready = False
        self._gone = False

    @property
    def gone(self) -> bool:
        """Whether it cannot fork any more, or never could."""
        with self._lock:
            self._listen(0)
            return self._gone

    def ready(self, wait_s: float = 0) -> bool:
        """Whether the imports are done; waits for that if asked to."""
        deadline = time.monotonic() + wait_s
        with self._lock:
            while not self._ready and not self._gone:
                left = deadline - time.monotonic()
                self._listen(max(left, 0))
                if left <= 0:
                    break
            return self._ready and not self._gone

    def fork(
        self, argv: Sequence[str], environment: Mapping[str, str], cwd: str, log: Any
    ) -> Forked | None:
        """Fork a kernel; None when that is not possible.

        Parameters
        ----------
        argv
            What ``ipykernel_launcher`` is given.
        environment
            Its whole environment.
        cwd
            Where it starts.
        log
            An open file for what its process prints; None: this process's own output.
        """
        out, err = (1, 2) if log is None else (log.fileno(), log.fileno())
        request = {"argv": list(argv), "environment": dict(environment), "cwd": cwd}
        if not Path(cwd).is_dir():
            return None  # whoever starts it in the ordinary way says what is wrong
        with self._lock, open(os.devnull, "rb") as nothing:
            if self._gone or not self._ready:
                return None
            try:
                socket.send_fds(
                    self._channel, [json.dumps(request).encode()], [nothing.fileno(), out, err]
                )
            except OSError:
                self._gone = True
                return None
            deadline = time.monotonic() + _ANSWER_S
            while not self._pids and not self._gone:
                self._listen(max(deadline - time.monotonic(), 0))
                self._gone = self._gone or (not self._pids and time.monotonic() > deadline)
            return None if self._gone else Forked(self, self._pids.pop())

    def code_of(self, pid: int) -> int | None:
        """The exit code of a kernel; None while it runs."""
        with self._lock:
            self._listen(0)
            if pid in self._codes:
                return self._codes.pop(pid)
            if not self._gone:
                return None
        # Nobody can say any more how it ends, but whether it has.
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return -signal.SIGKILL
        return None

    def close(self) -> None:
        """End it; its kernels end with it."""
        with self._lock:
            self._gone = True
            self._channel.close()
        self._process.wait()

    def _listen(self, wait_s: float) -> None:
        """Read what it said, waiting for the first word."""
        while not self._gone:
            self._channel.settimeout(wait_s or 1e-6)
            try:
                data = self._channel.recv(65_536)
            except (TimeoutError, BlockingIOError):
                return
            except OSError:
                data = b""
            wait_s = 0
            said = json.loads(data) if data else {}
            if not data or said.get("threads"):
                self._gone = True
                if data:
                    _log.debug("kernels cannot be forked: threads %s", said["threads"])
            elif "ready" in said:
                self._ready = True
            elif "pid" in said:
                self._pids.append(said["pid"])
            else:
                self._codes[said["ended"]] = said["code"]


_servers: dict[tuple[int, tuple[tuple[str, str], ...]], ForkServer] = {}
_servers_lock = threading.Lock()

_MOST: Final = 2
"""Servers of one process: each holds what it imported in memory."""


def fork_server(environment: Mapping[str, str], modules: Sequence[str]) -> ForkServer | None:
    """This process's server for kernels of such an environment; None where there can be none.

    Parameters
    ----------
    environment
        The kernels'.
    modules
        What they need; a server that is there already is not asked for more.
    """
    if sys.platform != "linux" or not modules:
        return None
    said = {key: value for key, value in environment.items() if not _OWN.fullmatch(key)}
    key = (os.getpid(), tuple(sorted(said.items())))
    with _servers_lock:
        server = _servers.get(key)
        if server is None and sum(pid == key[0] for pid, _ in _servers) < _MOST:
            server = _servers[key] = ForkServer([sys.executable], said, modules)
    # One that is gone is not started again: what ended it would end the next.
    return None if server is None or server.gone else server


@atexit.register
def _close_all() -> None:
    for (pid, _), server in list(_servers.items()):
        if pid == os.getpid():
            server.close()
