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
import os
import selectors
import shutil
import signal
import socket
import subprocess
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
from mlops_lab.serving.control import CONTROL, Channel
from mlops_lab.serving.package.target import ABOUT, FORMS, MODEL
from mlops_lab.serving.records import Limits, Revision
from mlops_lab.serving.rollouts.routing import Table

__all__ = ["main"]

TOKEN: Final = "MLOPS_LAB_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE: Final = "MLOPS_LAB_TOKEN_FILE"  # noqa: S105

_log = logging.getLogger("mlops_lab")

_REVISION: Final = "r1"
_BACKLOG: Final = 2048


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
            running.append(_Worker(start, door))
            stack.callback(running[-1].kill)
        return _watch(running, ending, f"{given.host}:{door.getsockname()[1]}")


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


class _Worker:
    """A worker's process and our end of the channel to it."""

    def __init__(self, start: dict[str, Any], door: socket.socket) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "mlops_lab.serving.worker"],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), door.fileno()),
                env={**os.environ, CONTROL: str(theirs.fileno())},
            )
        self.channel = Channel(ours)
        self.channel.say(start)
        self.channel.listen()

    def kill(self) -> None:
        """End it at once, if it still runs."""
        self.process.kill()
        self.process.wait()
        self.channel.close()


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


def _watch(running: list[_Worker], ending: _Ending, where: str) -> int:
    """Listen to the workers until one ends, or the program is told to."""
    ready = 0
    with selectors.DefaultSelector() as selector:
        selector.register(ending, selectors.EVENT_READ)
        for worker in running:
            selector.register(worker.channel, selectors.EVENT_READ, worker)
        while not ending.asked:
            for key, _ in selector.select():
                if key.data is None:
                    continue
                messages, ended = key.data.channel.messages()
                for message in messages:
                    if message.get("say") == "ready":
                        ready += 1
                        _log.info("%s", message.get("why"))
                        if ready == len(running):
                            _log.info("ready at http://%s", where)
                    elif message.get("say") == "failed":
                        _log.error("%s", message.get("message"))
                if ended:
                    code = key.data.process.wait()
                    _log.error("a worker ended (%d), and this program with it", code)
                    return 1
    return _drained(running)


def _drained(running: list[_Worker]) -> int:
    """Let the workers finish; gives 0 when all of them did."""
    limits = Limits()
    for worker in running:
        worker.channel.say({"do": "drain"})
    until = time.monotonic() + limits.drain_s + 15.0
    try:
        codes = [worker.process.wait(max(0.1, until - time.monotonic())) for worker in running]
    except subprocess.TimeoutExpired:
        _log.error("a worker did not end in %.0f s and was killed", limits.drain_s)
        return 1
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
