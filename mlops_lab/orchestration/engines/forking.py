"""A kernel manager whose kernels may be forked from a process that has imported their libraries."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from mlops_lab.orchestration.engines.session import Session
from mlops_lab.orchestration.engines.warm import Forked, fork_server

__all__ = ["manager_of"]

_LAUNCHER: Final = ["-m", "ipykernel_launcher"]

_LOOK_S: Final = 0.1


def manager_of(name: str, session: Session) -> AsyncKernelManager:
    """Give the manager of a kernel that is not started yet.

    Parameters
    ----------
    name
        The kernel spec's name.
    session
        Its environment, its log, and what may be imported before it is forked.
    """
    manager = _Manager(kernel_name=name)
    manager.session_of_step = session
    return manager


class _Manager(AsyncKernelManager):
    session_of_step: Session

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
        forked = self._fork(kernel_cmd, options)
        if forked is None:
            await super()._async_launch_kernel(kernel_cmd, **options)
            return
        provisioner: Any = self.provisioner
        provisioner.process = forked
        # It leads a session, and so a process group, of its own.
        provisioner.pid = provisioner.pgid = forked.pid
        provisioner.cwd = options["cwd"]
        self._reconcile_connection_info(provisioner.connection_info)

    def _fork(self, command: Sequence[str], options: Mapping[str, Any]) -> Forked | None:
        """Fork it; None where only a process of its own will do."""
        session = self.session_of_step
        same = Path(command[0]) == Path(sys.executable) and list(command[1:3]) == _LAUNCHER
        if not same or type(self.provisioner) is not LocalProvisioner:
            return None
        server = fork_server(session.environment, session.warm)
        if server is None:
            return None
        while not server.ready(_LOOK_S):
            if server.gone or session.control.stopping:
                return None
        return server.fork(command[2:], options["env"], options["cwd"], options.get("stdout"))
