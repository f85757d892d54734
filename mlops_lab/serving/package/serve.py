"""The program of an image: workers of one packaged version, and nothing that the project has.

    python -P -m mlops_lab.serving.package.serve APP --data DIR [--host H] [--port P] [--workers N]

APP holds ``about.json``, ``model/`` (the package) and ``forms/`` (its converted form). The workers
are those of every endpoint. One that ends takes the program with it: whoever runs the container
starts it again. SIGTERM lets them finish what they have begun.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import math
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from mlops_lab.errors import Corrupt, InvalidInput, LabError
from mlops_lab.serving.backends.preparing import forms_of
from mlops_lab.serving.package.target import ABOUT, FORMS, MODEL
from mlops_lab.serving.records import Limits, Revision
from mlops_lab.serving.rollouts.routing import Table
from mlops_lab.serving.workers import Process, end_of

__all__ = ["main"]

TOKEN: Final = "MLOPS_LAB_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE: Final = "MLOPS_LAB_TOKEN_FILE"  # noqa: S105

_log = logging.getLogger("mlops_lab")

_REVISION: Final = "r1"
_BACKLOG: Final = 2048
_DRAIN_S: Final = Limits().drain_s + 15.0
"""A worker drains, and closes its log."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to end; gives the exit code."""
    parser = argparse.ArgumentParser(prog="serve", description="Serve one packaged model.")
    parser.add_argument("app", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="where predictions are logged")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0: any that is free")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--backend", default="auto", help="auto, onnx or sklearn")
    given = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    try:
        return _serve(given)
    except (LabError, OSError) as error:
        _log.error("%s", error)
        return 1


def _serve(given: argparse.Namespace) -> int:
    about, token = _about(given.app), _token()
    shutil.copytree(given.app / FORMS, forms_of(given.data), dirs_exist_ok=True)
    with ExitStack() as stack:
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlops-lab-")))
        door = stack.enter_context(_listening(given.host, given.port))
        ending = _Ending(stack)
        running = []
        for start in _starts(about, given, sockets, door.fileno(), token):
            worker = Process(given.data, [door])
            stack.callback(_end, worker)
            worker.tell(start)
            running.append(worker)
        return _watch(running, ending, f"{given.host}:{door.getsockname()[1]}")


def _end(worker: Process) -> None:
    """See to it that a worker is gone."""
    worker.kill()
    worker.wait()
    worker.close()


def _about(app: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads((app / ABOUT).read_bytes())
        Revision(_REVISION, about["model"], int(about["version"]), about["digest"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Corrupt(
            f"{str(app)!r} holds no packaged model ({ABOUT}: {error}). `mlops-lab model package "
            "--for docker` writes one."
        ) from None
    return about


def _token() -> str:
    """The token that clients must show; only its hash goes to the workers."""
    token = os.environ.pop(TOKEN, "")
    file = os.environ.pop(TOKEN_FILE, "")
    if file:
        token = Path(file).read_text("utf-8")
    if not token.strip():
        raise InvalidInput(
            f"A port needs a token: set {TOKEN}, or {TOKEN_FILE} to the path of a file with it. "
            "Clients send it as Authorization: Bearer TOKEN."
        )
    return hashlib.sha256(token.strip().encode("utf-8")).hexdigest()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def _starts(
    about: dict[str, Any], given: argparse.Namespace, sockets: Path, door: int, token_hash: str
) -> Iterator[dict[str, Any]]:
    """The first message to each worker."""
    model, version = about["model"], int(about["version"])
    paths = tuple(str(sockets / f"{index}.sock") for index in range(max(1, given.workers)))
    revision = Revision(_REVISION, model, version, about["digest"], backend=given.backend)
    table = Table(
        seq=1,
        self_id=_REVISION,
        stable=_REVISION,
        roles={_REVISION: "stable"},
        sockets={_REVISION: paths},
        versions={_REVISION: revision.ref},
    )
    for index, path in enumerate(paths):
        yield {
            "do": "start",
            "project": str(given.data),
            "endpoint": model,
            "revision": asdict(revision),
            "index": index,
            "folder": str(given.app / MODEL),
            "sockets": {"public": [door], "private": path},
            "limits": asdict(Limits()),
            "log_dir": str(given.data / ".mlops" / "predictions" / model),
            "route": table.to_json(),
            "token_hash": token_hash,
            "accept": True,
            "foreground": True,
        }


class _Ending:
    """Whether the program was told to end; a signal wakes whoever waits for `fileno`."""

    def __init__(self, stack: ExitStack) -> None:
        self.asked = False
        self._reading, writing = socket.socketpair()
        stack.callback(self._reading.close)
        stack.callback(writing.close)
        writing.setblocking(False)
        before = signal.set_wakeup_fd(writing.fileno())
        stack.callback(signal.set_wakeup_fd, before)
        for number in (signal.SIGTERM, signal.SIGINT):
            stack.callback(signal.signal, number, signal.signal(number, self._ask))

    def fileno(self) -> int:
        """What becomes readable."""
        return self._reading.fileno()

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True


def _watch(running: list[Process], ending: _Ending, where: str) -> int:
    """Listen to the workers until they have ended; gives the exit code.

    One that ends by itself takes the others with it.
    """
    left, ready, code, deadline = list(running), 0, 0, math.inf
    with selectors.DefaultSelector() as selector:
        selector.register(ending, selectors.EVENT_READ)
        for worker in running:
            selector.register(worker, selectors.EVENT_READ, worker)
        while left:
            if ending.asked and deadline == math.inf:
                selector.unregister(ending)
                for worker in left:
                    worker.tell({"do": "drain"})
                deadline = time.monotonic() + _DRAIN_S
            wait_s = None if deadline == math.inf else deadline - time.monotonic()
            if wait_s is not None and wait_s <= 0:
                _log.error("a worker did not end in %.0f s and is killed", _DRAIN_S)
                return 1
            for key, _ in selector.select(wait_s):
                if key.data is None:
                    continue
                messages, ended = key.data.heard()
                for message in messages:
                    _tell(message)
                    ready += message.get("say") == "ready"
                    if message.get("say") == "ready" and ready == len(running):
                        _log.info("ready at http://%s", where)
                if ended:
                    selector.unregister(key.data)
                    left.remove(key.data)
                    ended_with = key.data.wait()
                    if ended_with or not ending.asked:
                        _log.error("a worker is gone: %s", end_of(ended_with))
                        code, ending.asked = 1, True
    return code


def _tell(message: dict[str, Any]) -> None:
    """Say what a worker says of its model."""
    if message.get("say") == "ready":
        _log.info("%s", message.get("why"))
    elif message.get("say") == "failed":
        _log.error("%s", message.get("message"))


if __name__ == "__main__":
    sys.exit(main())
