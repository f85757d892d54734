"""A step's kernel: started, made ready and ended without waiting longer than it takes.

Needs jupyter_client only, so that the kernel's process starts before papermill is imported: the
two take about a second each, and then run at the same time.
"""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from queue import Empty
from typing import Any

from mlops_lab.orchestration.engines.session import Session, Stopped

__all__ = ["KernelGone", "StepKernel"]

SHUTDOWN_GRACE_S = 5.0
"""How long a kernel may take for its ``atexit`` functions, as in jupyter_client."""

CLOSED_GRACE_S = 0.5
"""How long after it closed its sockets: the last thing ipykernel does, and in about one exit of
fifty it deadlocks right there (version 7: the control thread flushes into a closed pipe)."""


class KernelGone(Exception):
    """The kernel's process ended, or never answered, before the first cell."""


class StepKernel:
    """One kernel process for one notebook. Used by one thread; others have ``session.control``.

    Parameters
    ----------
    name
        The kernel spec's name.
    session
        Folder, environment, sockets, log and control.
    start_timeout_s
        How long it may take until it answers, in seconds.
    """

    def __init__(self, name: str, session: Session, *, start_timeout_s: float = 120) -> None:
        from mlops_lab.orchestration.engines.forking import manager_of

        self.session = session
        self.manager: Any = manager_of(name, session)
        self.client: Any = None
        self._deadline = time.monotonic() + start_timeout_s
        self._timeout_s = start_timeout_s
        if session.sockets is not None and self.manager.ipykernel:
            # Eight kernels that look for free TCP ports at once sometimes take the same one.
            # Other languages' kernels may not know IPC.
            self.manager.transport = "ipc"
            self.manager.connection_file = str(session.sockets / "k.json")
            self.manager.ip = str(session.sockets / "k")

    async def start(self) -> None:
        """Start the process; it is not ready yet."""
        session = self.session
        if session.control.stopping:
            raise Stopped
        options: dict[str, Any] = {"cwd": str(session.folder), "env": dict(session.environment)}
        if self.manager.ipykernel:
            # A history file shared by kernels gives database errors.
            options["extra_arguments"] = ["--HistoryManager.hist_file=:memory:"]
        if session.log is None:
            await self.manager.start_kernel(**options)
        else:
            with session.log.open("ab") as log:
                await self.manager.start_kernel(stdout=log, stderr=log, **options)
        pid = getattr(self.manager.provisioner, "pid", None)
        if pid:
            session.control.attach(pid)

    async def ready(self) -> Any:
        """Wait until the kernel answers and its output reaches us; gives the client.

        Raises
        ------
        KernelGone
            It died, or took longer than the time-out.
        Stopped
            Somebody asked for the end.
        """
        if self.manager.transport == "ipc":
            await self._sockets_exist()
        self.client = self.manager.client()
        self.client.start_channels()
        # Ask for the kernel's info until it is answered and IOPub shows that request's end.
        # jupyter_client sleeps 200 ms for IOPub; our own request's idle status there proves the
        # subscription without a fixed wait.
        while True:
            request = self.client.kernel_info()
            try:
                reply = await self.client.shell_channel.get_msg(timeout=1)
            except Empty:
                await self._check()
                continue
            if reply["msg_type"] == "kernel_info_reply":
                self.client._handle_kernel_info_reply(reply)
                if await self._idle(request):
                    break
            await self._check()
        self.client.allow_stdin = False
        return self.client

    async def end(self) -> None:
        """Let the kernel leave by itself, so that its ``atexit`` functions run; kill it if not.

        jupyter_client looks every 100 ms; here the end is noticed within 10. Harmless twice.
        """
        provisioner = self.manager.provisioner
        try:
            if provisioner is not None and await provisioner.poll() is None:
                if self.client is not None and not self.session.control.killed:
                    await self.manager._async_request_shutdown(restart=False)
                    await self._leave(provisioner)
                if await provisioner.poll() is None:
                    await provisioner.kill()
        finally:
            self.session.control.detach()
            if provisioner is not None:
                await provisioner.wait()
                await self.manager._async_cleanup_resources()
            if self.client is not None:
                self.client.stop_channels()
                self.client = None

    async def _leave(self, provisioner: Any) -> None:
        began = time.monotonic()
        closed: float | None = None
        while await provisioner.poll() is None:
            waited = time.monotonic() - began
            if waited > SHUTDOWN_GRACE_S or self.session.control.killed:
                return
            # The user's own atexit functions come first, so a closed socket says they are done.
            if closed is None and waited > CLOSED_GRACE_S and self._deaf():
                closed = waited
            if closed is not None and waited - closed > CLOSED_GRACE_S:
                return
            await asyncio.sleep(0.01)

    def _deaf(self) -> bool:
        """Whether the kernel has closed its output socket; always False over TCP."""
        if self.manager.transport != "ipc":
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(f"{self.manager.ip}-{self.manager.iopub_port}")
            except OSError:
                return True
        return False

    async def _sockets_exist(self) -> None:
        """Wait until the kernel has bound its sockets.

        Connecting earlier costs ZeroMQ's reconnect interval of 100 ms, twice.
        """
        ports = [getattr(self.manager, f"{port}_port") for port in ("shell", "iopub", "control")]
        sockets = [Path(f"{self.manager.ip}-{port}") for port in ports]
        while not _exist(sockets):
            await self._check()
            await asyncio.sleep(0.005)

    async def _idle(self, request: str) -> bool:
        while True:
            try:
                message = await self.client.iopub_channel.get_msg(timeout=0.2)
            except Empty:
                return False  # not subscribed yet: ask again
            if (
                message["msg_type"] == "status"
                and message["content"]["execution_state"] == "idle"
                and message["parent_header"].get("msg_id") == request
            ):
                return True

    async def _check(self) -> None:
        if self.session.control.stopping:
            raise Stopped
        if await self.manager.provisioner.poll() is not None:
            raise KernelGone("the kernel died while it was starting")
        if time.monotonic() > self._deadline:
            raise KernelGone(f"the kernel did not answer within {self._timeout_s:g} s")


def _exist(paths: list[Path]) -> bool:
    return all(path.exists() for path in paths)
