"""Passing a request on to another revision's workers, as it came, over their private sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from httptools import HttpParserError, HttpResponseParser

__all__ = ["Forwarder", "Reply", "Unreachable"]

_IDLE: Final = 64
"""Connections to one worker that are kept."""

_CONNECT_S: Final = 1.0
_MOST_BYTES: Final = 256 * 2**20


class Unreachable(Exception):
    """No worker took the request: none is there, or each ended before it answered."""


@dataclass(slots=True)
class Reply:
    """What another worker answered."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


class _Ended(Exception):
    """The connection ended before the whole answer was there."""


class _Exchange(asyncio.Protocol):
    """One connection to a worker: one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.WriteTransport | None = None
        self.keep = True
        self.used = False
        self._reply = Reply()
        self._body: list[bytes] = []
        self._bytes = 0
        self._parser = HttpResponseParser(self)
        self._answer: asyncio.Future[Reply] | None = None

    async def ask(self, head: bytes, body: bytes) -> Reply:
        assert self.transport is not None
        self._reply, self._body, self._bytes = Reply(), [], 0
        self._parser = HttpResponseParser(self)
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(head)
        self.transport.write(body)
        reply = await self._answer
        self.used = True
        return reply

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.keep = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(_Ended())

    def close(self) -> None:
        self.keep = False
        if self.transport is not None:
            self.transport.abort()

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._reply.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._reply.status = self._parser.get_status_code()
        self.keep = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        self._bytes += len(body)
        if self._bytes > _MOST_BYTES:
            self.close()
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._reply.body = b"".join(self._body)
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._reply)


class Forwarder:
    """Connections to other workers of the endpoint. Of the event loop's thread alone."""

    def __init__(self) -> None:
        self._idle: dict[str, list[_Exchange]] = {}
        self._busy: dict[str, int] = {}

    async def send(
        self,
        paths: Sequence[str],
        target: bytes,
        headers: Iterable[tuple[bytes, bytes]],
        body: bytes = b"",
        *,
        timeout_s: float,
        method: bytes = b"POST",
    ) -> Reply:
        """Have one of several workers answer a request.

        Parameters
        ----------
        paths
            Their sockets; the one with the fewest requests under way is asked first, and another
            one if it cannot answer: an answer of a model may be asked for twice.
        target
            The request's path.
        headers
            Without ``content-length``, which follows from the body.
        timeout_s
            How long all of it may take.

        Raises
        ------
        Unreachable
            None of them answered.
        TimeoutError
            It took too long.
        """
        lines = [b"%b %b HTTP/1.1\r\nhost: worker\r\n" % (method, target)]
        lines += [b"%b: %b\r\n" % pair for pair in headers]
        lines.append(b"content-length: %d\r\n\r\n" % len(body))
        head = b"".join(lines)
        async with asyncio.timeout(timeout_s):
            for path in sorted(paths, key=lambda path: self._busy.get(path, 0)):
                self._busy[path] = self._busy.get(path, 0) + 1
                try:
                    return await self._through(path, head, body)
                except (OSError, _Ended):
                    continue
                finally:
                    self._busy[path] -= 1
        raise Unreachable

    def keep_only(self, sockets: Mapping[str, Sequence[str]]) -> None:
        """Close idle connections to workers that are not in the table any more."""
        kept = {path for paths in sockets.values() for path in paths}
        for path in self._idle.keys() - kept:
            self._drop(path)

    def close(self) -> None:
        """Close all idle connections."""
        for path in list(self._idle):
            self._drop(path)

    async def _through(self, path: str, head: bytes, body: bytes) -> Reply:
        while True:
            exchange = await self._connection(path)
            kept = exchange.used
            try:
                reply = await exchange.ask(head, body)
            except _Ended:
                # One that was idle may have been closed just as it was used: ask anew.
                if kept:
                    continue
                raise
            except BaseException:
                exchange.close()
                raise
            idle = self._idle.setdefault(path, [])
            if exchange.keep and len(idle) < _IDLE:
                idle.append(exchange)
            else:
                exchange.close()
            return reply

    async def _connection(self, path: str) -> _Exchange:
        idle = self._idle.get(path, [])
        while idle:
            exchange = idle.pop()
            if exchange.keep:
                return exchange
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_S):
                _, made = await loop.create_unix_connection(_Exchange, path)
        except TimeoutError:
            raise _Ended from None
        return made

    def _drop(self, path: str) -> None:
        for exchange in self._idle.pop(path, ()):
            exchange.close()
