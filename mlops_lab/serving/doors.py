"""The public sockets of an endpoint: a unix socket in a private folder, and a TCP port if asked."""

from __future__ import annotations

import logging
import os
import socket
import time
from pathlib import Path
from typing import Final

from mlops_lab.errors import LabError
from mlops_lab.serving import places
from mlops_lab.serving.records import Desired

__all__ = ["Doors", "Sockets"]

_log = logging.getLogger("mlops_lab")

_BACKLOG: Final = 2048
_AGAIN_S: Final = 5.0


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


class Doors:
    """Keeps the public sockets as they should be: opens others when the port changes, or when a
    tidier of temporary files has removed the path.

    Parameters
    ----------
    root, name
        The project's folder and the endpoint's name.
    follows
        Whether workers of a supervisor before still listen at the same address.
    """

    def __init__(self, root: Path, name: str, *, follows: bool) -> None:
        self._root = root
        self._name = name
        self._shared = follows
        self._former: list[Sockets] = []
        self._address: tuple[int | None, str] | None = None
        self._again = 0.0
        self.folder = places.sockets_made(root, name)
        self.sockets: Sockets | None = None
        self.trouble = ""

    @property
    def url(self) -> str:
        """Where clients find the unix socket; empty before there is one."""
        return "" if self.sockets is None else f"unix:{self.sockets.path}"

    def see(self, desired: Desired, *, published: bool) -> bool | None:
        """Open what is missing.

        Parameters
        ----------
        published
            Whether clients see the present sockets.

        Returns
        -------
        bool or None
            None: all is as it was. Else workers need the new sockets: true when clients see those
            already, because what they saw is gone.
        """
        address, now = (desired.port, desired.host), time.monotonic()
        lost = published and self.sockets is not None and self.sockets.lost()
        if self.sockets is not None and self._address == address and not lost:
            self.trouble = ""
            return None
        if now < self._again:
            return None
        alone = self._address != address and not self._shared
        try:
            self.folder = places.sockets_made(self._root, self._name)
            path = self.folder / places.public(self._root, self._name).name
            made = Sockets(path, desired.port, desired.host, alone=alone)
            if lost:
                made.publish()
        except (OSError, LabError) as error:
            self._again = now + _AGAIN_S
            where = f" on port {desired.port}" if desired.port is not None else ""
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            self.trouble = f"{self._name} cannot listen{where}: {why}."
            _log.error("%s", self.trouble)
            return None
        if self.sockets is not None:
            self._former.append(self.sockets)
        self.sockets, self._address, self.trouble, self._shared = made, address, "", False
        return lost

    def publish(self) -> None:
        """Let clients find the present sockets."""
        if self.sockets is not None:
            self.sockets.publish()

    def forget(self) -> None:
        """Close the sockets before the present ones: nobody needs them any more."""
        for each in self._former:
            each.close()
        self._former.clear()

    def close(self) -> None:
        """Close all, and leave no file."""
        self.forget()
        if self.sockets is not None:
            self.sockets.close()
        for path in self.folder.glob("*.sock"):
            path.unlink(missing_ok=True)
        try:
            self.folder.rmdir()
        except OSError:
            _log.info("%s has files of others", self.folder)
