"""The program that kernels are forked from: ``python fork_server.py FD MODULE …``.

It imports the modules once. For each request on its socket it forks a process that becomes a
kernel, and it says how each of them ended. Whoever started it is at the socket's other end: when
that is closed, it ends, and ipykernel notices that its parent is gone.

Only the standard library is imported before the modules are, and nothing here may start a thread:
a process with threads cannot be forked safely.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

HARMLESS_THREADS = frozenset({"jemalloc_bg_thd"})
"""Threads of libraries that take care of forks themselves."""

LONGEST = 1 << 20


def main() -> None:
    """Import, then fork whatever is asked for, until nobody is there to ask."""
    if sys.path and Path(sys.path[0]) == Path(__file__).parent:
        del sys.path[0]  # which Python put there; a kernel has no such folder
    channel = socket.socket(fileno=int(sys.argv[1]))
    for name in sys.argv[2:]:
        # A library that cannot be imported is the notebook's to complain about, if it wants it.
        with suppress(Exception):
            importlib.import_module(name)
    threads = _threads()
    _tell(channel, {"ready": os.getpid(), "threads": threads})
    if threads:
        return
    gc.collect()
    gc.freeze()  # collecting in a kernel must not copy the pages that all of them share
    waker, woken = socket.socketpair()
    woken.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    while True:
        ready, _, _ = select.select([channel, waker], [], [])
        if waker in ready:
            waker.recv(4096)
            _reap(channel)
        if channel in ready:
            request, files = _hear(channel)
            if request is None:
                return
            own = os.getpid()
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for each in (channel, waker, woken):
                    each.close()
                _become_kernel(request, files, own)
                return
            for file in files:
                os.close(file)
            _tell(channel, {"pid": pid})


def _hear(channel: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    data, files, _, _ = socket.recv_fds(channel, LONGEST, 3)
    return (json.loads(data) if data else None), list(files)


def _tell(channel: socket.socket, message: dict[str, Any]) -> None:
    with suppress(OSError):
        channel.send(json.dumps(message).encode())


def _reap(channel: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _tell(channel, {"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _become_kernel(request: dict[str, Any], files: list[int], parent: int) -> None:
    """Do what a new process of ``python -m ipykernel_launcher`` finds done."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for descriptor, file in enumerate(files):
        os.dup2(file, descriptor)
    for file in files:
        os.close(file)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    # A kernel ends when its parent does: here that is this program's process.
    os.environ["JPY_PARENT_PID"] = str(parent)
    sys.argv = request["argv"]
    if numpy := sys.modules.get("numpy"):
        # Python seeds its own generator anew in a child; numpy's would be the same in each.
        numpy.random.seed()
    from ipykernel.kernelapp import launch_new_instance

    # It looks at the variable when it is imported, and that was before there was a parent.
    launch_new_instance(argv=[*sys.argv[1:], f"--IPKernelApp.parent_handle={parent}"])


def _threads() -> list[str]:
    """The threads besides this one that a fork would lose."""
    names = []
    for task in os.listdir("/proc/self/task"):
        with suppress(OSError):
            name = Path(f"/proc/self/task/{task}/comm").read_text().strip()
            if int(task) != os.getpid() and name not in HARMLESS_THREADS:
                names.append(name)
    return names


if __name__ == "__main__":
    main()
