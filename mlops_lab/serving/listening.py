"""A worker's sockets: uvicorn's HTTP over them, with bounds on what a slow client may hold.

uvicorn waits for ever for the rest of a head or a body, and for a client that does not read. Here
a connection that is silent, sends too slowly or does not read what it asked for is closed.
"""

from __future__ import annotations

import asyncio
import os
import socket
from asyncio import TimerHandle
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

__all__ = ["Listeners"]

_HEAD_S: Final = 10.0
"""How long the head of a request may take."""

_IDLE_S: Final = 75.0
"""How long a connection may be idle: longer than clients keep theirs, which close them first."""

_LINGER_S: Final = 1.0
"""How long a worker that ends leaves idle connections open: a request may be on its way."""

_HEAD_BYTES: Final = 64 * 2**10
_CONNECTIONS: Final = 4096
_AHEAD: Final = 1000
"""Requests that a connection may send before it reads an answer: uvicorn keeps any number."""

_BACKLOG: Final = 2048


class _State(ServerState):
    """What the connections of a worker share.

    Attributes
    ----------
    quiet
        Set while no connection is open.
    """

    def __init__(self) -> None:
        super().__init__()
        self.quiet = asyncio.Event()
        self.quiet.set()


class _Bounded(HttpToolsProtocol):
    """uvicorn's protocol for one connection, with deadlines for what the client does."""

    _deadline: TimerHandle | None = None
    _head_bytes = 0
    _running: RequestResponseCycle | None = None
    _looking: TimerHandle | None = None
    _unread = 0

    server_state: _State

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.server_state.quiet.clear()
        if len(self.connections) > _CONNECTIONS:
            self._refuse(b"503 Service Unavailable", "Too many connections are open.")
            return
        self._wait_idle()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.is_closing():
            return
        if len(self.pipeline) > _AHEAD:
            self._refuse(
                b"429 Too Many Requests", f"Wait for answers: {_AHEAD} requests are unanswered."
            )
            return
        # Whole requests in one piece, which is nearly all, cost no timer.
        if self._head_is_open():
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES:
                self._refuse(
                    b"431 Request Header Fields Too Large",
                    f"The head of a request may have {_HEAD_BYTES // 1024} KB.",
                )
            elif self._deadline is None:
                within = min(_HEAD_S, self.app_state["body_s"])
                self._deadline = self.loop.call_later(within, self._too_slow)
        elif self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete:
            if self._head_bytes or self._deadline is None:
                self._stop_deadline()
                within = self.app_state["body_s"]
                self._deadline = self.loop.call_later(within, self._too_slow)
        else:
            if self._deadline is not None:
                self._stop_deadline()
            # Empty lines may stand before a request: they are not one.
            done = self.cycle is None or self.cycle.response_complete
            if done and self.timeout_keep_alive_task is None:
                self._wait_idle()

    def pause_writing(self) -> None:
        """Begin to look whether the client reads: uvicorn would wait for it without end."""
        super().pause_writing()
        self._unread = self.transport.get_write_buffer_size()
        self._look_again()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_looking()

    def _look(self) -> None:
        unread = self.transport.get_write_buffer_size()
        if unread >= self._unread:
            self.transport.abort()
        else:
            self._unread = unread
            self._look_again()

    def _look_again(self) -> None:
        self._stop_looking()
        self._looking = self.loop.call_later(self.app_state["body_s"], self._look)

    def _stop_looking(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        self._stop_looking()
        super().connection_lost(exc)
        if not self.connections:
            self.server_state.quiet.set()
        self._give_up()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle  # of several requests in one piece `self.cycle` is the last
        super()._start_asgi_task(cycle, app)

    def _give_up(self) -> None:
        """Answer nothing more: what is written to a closed connection is an error."""
        self.pipeline.clear()
        for cycle in (self._running, self.cycle):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
                # An answer that is not begun is not computed.
                waiting = cycle.scope["state"].get("waiting")
                if waiting is not None:
                    waiting.cancel()

    def send_400_response(self, msg: str) -> None:
        self._refuse(b"400 Bad Request", msg)

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # closing would wait for the reader
        else:
            super().timeout_keep_alive_handler()

    def _head_is_open(self) -> bool:
        """Whether a request has begun whose head is not whole."""
        return self.headers is not None and "path" not in self.scope

    def _wait_idle(self) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _stop_deadline(self) -> None:
        self._head_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self.flow.read_paused:  # what it sent is not read before it has what it asked for
            self._deadline = self.loop.call_later(self.app_state["body_s"], self._too_slow)
            return
        if self._head_is_open() or not self.cycle.response_started:
            self._refuse(b"408 Request Timeout", "The request took too long to arrive.")
        else:
            self.transport.abort()

    def _refuse(self, status: bytes, message: str) -> None:
        body = b'{"error":"%b"}' % message.encode()
        self.transport.write(
            b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%b" % (status, len(body), body)
        )
        self.transport.close()
        self._give_up()


class Listeners:
    """The sockets of one worker: a private one that is always open, public ones that come and go.

    Parameters
    ----------
    app
        The ASGI application. Of each request ``scope["state"]`` says by which door it came:
        ``private``, and ``token`` where one must be shown; ``tasks`` are the requests that have
        come and are not answered.
    public
        Descriptors of listening sockets that other workers share.
    private
        The path of this worker's own unix socket.
    body_s
        How long the body of a request may take to arrive, and a client may read nothing of what it
        asked for.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        *,
        public: Iterable[int],
        private: str,
        body_s: float,
    ) -> None:
        self._config = uvicorn.Config(
            app,
            http=_Bounded,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=cast(int, _IDLE_S),
        )
        self._config.load()
        self._state = _State()
        self._public = [socket.socket(fileno=fd) for fd in public]
        self._private = private
        self._body_s = body_s
        self._open: list[asyncio.AbstractServer] = []
        self._own: asyncio.AbstractServer | None = None

    @property
    def accepting(self) -> bool:
        """Whether the public sockets are listened to."""
        return bool(self._open)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._state.connections)

    async def start(self) -> None:
        """Open the private socket."""
        loop = asyncio.get_running_loop()
        with suppress(FileNotFoundError):
            os.unlink(self._private)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.bind(self._private)
        os.chmod(self._private, 0o600)
        self._own = await loop.create_server(
            self._protocol(private=True, token=False), sock=made, backlog=_BACKLOG
        )

    async def accept(self) -> None:
        """Listen to the public sockets too."""
        if self._open:
            return
        loop = asyncio.get_running_loop()
        for shared in self._public:
            # A copy of the descriptor: closing the server closes it, and we may accept again.
            copy = shared.dup()
            over_network = copy.family != socket.AF_UNIX
            self._open.append(
                await loop.create_server(
                    self._protocol(private=False, token=over_network), sock=copy, backlog=_BACKLOG
                )
            )

    def rest(self) -> None:
        """Listen to the public sockets no more; what is connected stays."""
        for server in self._open:
            server.close()
        self._open.clear()

    async def drain(self, within_s: float) -> None:
        """Accept nothing more, wait for what has begun, and close.

        Parameters
        ----------
        within_s
            How long to wait; what takes longer is cut off.
        """
        self.rest()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._state.quiet.wait(), _LINGER_S)
                if self._own is not None:
                    self._own.close()
                for connection in list(self._state.connections):
                    connection.shutdown()
                await self._state.quiet.wait()
        for connection in list(self._state.connections):
            connection.transport.abort()
        for each in self._public:
            each.close()
        with suppress(OSError):
            os.unlink(self._private)

    def _protocol(self, **door: bool) -> Callable[[], asyncio.Protocol]:
        state: dict[str, Any] = {**door, "body_s": self._body_s, "tasks": self._state.tasks}
        return lambda: _Bounded(self._config, self._state, state)
