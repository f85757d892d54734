"""The program of a worker: one model version, answering in a process of its own.

``python -P -m mlops_lab.serving.worker`` is started by the supervisor, which gives it one end of a
socket pair (`mlops_lab.serving.control`) and listening sockets. When the supervisor is gone it goes
on serving, and sees to it that there is one again; in the foreground it ends with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import gc
import logging
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil

from mlops_lab.errors import LabError
from mlops_lab.serving import desired, processes
from mlops_lab.serving.answering import Answering
from mlops_lab.serving.app import App
from mlops_lab.serving.backends.preparing import forms_of
from mlops_lab.serving.control import Channel
from mlops_lab.serving.listening import Listeners
from mlops_lab.serving.loading import Loaded, load
from mlops_lab.serving.predictions.writing import Log
from mlops_lab.serving.records import Limits, Revision
from mlops_lab.serving.rollouts import cookies
from mlops_lab.serving.rollouts.routing import Table

__all__ = ["Start", "main"]

_log = logging.getLogger("mlops_lab")

_REPORT_S: Final = 0.2
_LOG_S: Final = 10.0
_ORPHAN_S: Final = 0.3
_LOOK_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Sockets:
    """Where a worker is reached: descriptors of shared sockets, the path of its own."""

    public: tuple[int, ...]
    private: str


@dataclass(frozen=True, slots=True)
class Start:
    """The first message of a supervisor: whom to serve, and how.

    Attributes
    ----------
    project
        The project's folder.
    endpoint
        Its name.
    revision
        What to load.
    index
        The worker's number among those of its revision.
    folder
        The model's package.
    sockets
        Where it is reached.
    limits
        What a request may take.
    log_dir
        Where predictions are logged.
    route
        The traffic, as `Table.to_json` gives it.
    token_hash
        The sha256 of the token that the TCP port asks for.
    accept
        Whether to listen to the public sockets at once.
    foreground
        Whether to end with the supervisor.
    """

    project: str
    endpoint: str
    revision: Revision
    index: int
    folder: str
    sockets: Sockets
    limits: Limits
    log_dir: str
    route: dict[str, Any]
    token_hash: str | None = None
    accept: bool = True
    foreground: bool = False


def main() -> int:
    """Run a worker until it is told to end; gives the exit code."""
    faulthandler.enable()
    logging.basicConfig(format="%(asctime)s %(process)d %(levelname)s %(message)s")
    # What strangers send is no news: it would fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    # Ctrl-C in a terminal reaches all processes of it: the supervisor ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Before numpy is imported: one request is small, and threads that wait for each other are not.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    channel = Channel.from_environment()
    message = channel.first()
    if message is None:
        return 0
    try:
        start = msgspec.convert(message, Start)
        project = Path(start.project)
        loaded = load(Path(start.folder), start.revision, cache=forms_of(project))
        key = cookies.key_at(desired.folder(project) / f"{start.endpoint}.cookie")
    except (LabError, OSError, msgspec.ValidationError) as error:
        return _failed(channel, str(error))
    except Exception as error:  # noqa: BLE001 - whatever a library raises, people are told
        _log.exception("the model was not loaded")
        return _failed(channel, f"The model was not loaded: {type(error).__name__}: {error}")
    with asyncio.Runner(loop_factory=_loop) as runner:
        return runner.run(_run(channel, start, loaded, key))


def _failed(channel: Channel, message: str) -> int:
    _log.error("%s", message)
    channel.say({"say": "failed", "message": message})
    channel.close()
    return 1


def _loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


async def _run(channel: Channel, start: Start, loaded: Loaded, key: bytes) -> int:
    import threadpoolctl

    # What was loaded stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    with threadpoolctl.threadpool_limits(1):
        worker = _Worker(channel, start, loaded, key)
        await worker.serve()
    return 0


class _Worker:
    """What a worker does besides answering: listens to its supervisor, and reports to it."""

    def __init__(self, channel: Channel, start: Start, loaded: Loaded, key: bytes) -> None:
        self._channel = channel
        self._start = start
        self._loaded = loaded
        self._process = psutil.Process()
        self._log = Log(
            Path(start.log_dir),
            worker=f"{start.revision.id}-{start.index}",
            signature=loaded.signature,
            keep_days=start.limits.keep_days,
        )
        self._answering = Answering(
            start.revision,
            loaded,
            start.limits,
            self._log,
            key,
            Table.from_json(start.route),
        )
        private = start.sockets.private
        self._app = App(start.endpoint, self._answering, start.token_hash, private)
        self._listeners = Listeners(
            self._app,
            public=start.sockets.public,
            private=private,
            body_s=start.limits.timeout_s,
        )
        self._ending = asyncio.Event()
        self._told = (0, 0, 0, 0)
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Serve until told to end."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._ending.set)
        await self._listeners.start()
        await self._accept(self._start.accept)
        self._channel.listen()
        loop.add_reader(self._channel.fileno(), self._listen)
        loaded = self._loaded
        self._channel.say(
            {
                "say": "ready",
                "pid": os.getpid(),
                "backend": loaded.backend.name,
                "why": loaded.why,
                "load_s": loaded.load_s,
                "rss": self._process.memory_info().rss,
            }
        )
        reporting = loop.create_task(self._report_on())
        try:
            await self._ending.wait()
            self._app.closing = self._app.draining = True
            await self._listeners.drain(self._start.limits.drain_s)
        finally:
            reporting.cancel()
            for task in self._tasks:
                task.cancel()
            self._answering.close()
            await loop.run_in_executor(None, self._log.close, _LOG_S)
            self._report()
            loop.remove_reader(self._channel.fileno())
            self._channel.close()

    # ------------------------------------------------------------------ the supervisor

    def _listen(self) -> None:
        messages, ended = self._channel.messages()
        for message in messages:
            try:
                self._follow(message)
            except Exception:  # noqa: BLE001 - the worker goes on with what it knows
                _log.exception("a message of the supervisor was not understood")
        if ended:
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            if self._start.foreground:
                self._ending.set()
            else:
                self._do(self._orphaned())

    def _follow(self, message: dict[str, Any]) -> None:
        match message.get("do"):
            case "route":
                self._app.follow(Table.from_json(message["route"]))
            case "accept":
                self._do(self._accept(True))
            case "rest":
                self._do(self._accept(False))
            case "drain":
                self._ending.set()

    async def _orphaned(self) -> None:
        """See to it that there is a supervisor again, until that one ends this worker."""
        root, name = Path(self._start.project), self._start.endpoint
        loop = asyncio.get_running_loop()
        # Not all workers of an endpoint at the same moment.
        await asyncio.sleep(random.uniform(0.0, _ORPHAN_S))  # noqa: S311 - no secret
        while True:
            try:
                wanted = await loop.run_in_executor(None, desired.read, root, name)
                if wanted is None or wanted.state == "stopped":
                    self._ending.set()
                    return
                await loop.run_in_executor(None, processes.start, root, name)
            except (LabError, OSError):
                _log.exception("no supervisor was started")
            await asyncio.sleep(_LOOK_S)

    async def _accept(self, accept: bool) -> None:
        self._app.closing = not accept
        if accept:
            await self._listeners.accept()
        else:
            self._listeners.rest()

    def _do(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ------------------------------------------------------------------ reporting

    async def _report_on(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_S)
            with contextlib.suppress(psutil.Error):
                self._report()

    def _report(self) -> None:
        """Tell what came since the last report; what is not taken now comes with the next."""
        answering, log = self._answering, self._log
        counts, latency, units = answering.counts.since()
        shadow = answering.shadow
        now = (log.written, log.dropped, shadow.sent, shadow.dropped)
        written, dropped, sent, lost = (a - b for a, b in zip(now, self._told, strict=True))
        busy = answering.batcher.busy_since
        told = self._channel.say(
            {
                "say": "report",
                "t": time.time_ns() // 1000,
                "seq": answering.table.seq,
                "counts": counts,
                "latency": latency,
                "queue": answering.batcher.pending,
                "busy_since": None if busy is None else int(busy * 1e6),
                "log": {
                    "written": written,
                    "dropped": dropped,
                    "dead": log.dead and not self._ending.is_set(),
                },
                "shadow": {"sent": sent, "dropped": lost},
                "rss": self._process.memory_info().rss,
                "units": units,
            }
        )
        if told:
            answering.counts.told()
            self._told = now


if __name__ == "__main__":
    sys.exit(main())
