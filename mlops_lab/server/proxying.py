"""Passing requests on to an endpoint's unix socket, and its answers back, piece by piece.

Nothing is held but what is on its way: a body goes on as it arrives, and who sends faster than the
endpoint reads is slowed down. When the client goes away the request to the endpoint is given up.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote

import httpx
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import ensure_async
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, authenticated, stream_request_body

from mlops_lab.errors import NotFound, Unavailable
from mlops_lab.server.handler import API, LabHandler, needs
from mlops_lab.server.problems import Problem
from mlops_lab.serving.rollouts.cookies import COOKIE

__all__ = ["ROUTES", "Proxy", "passed_on"]

_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers of one connection, not of the message (RFC 9110, 7.6.1)."""
_OURS: Final = frozenset({"host", "authorization", "cookie", "x-xsrftoken", "origin", "referer"})
"""What says who somebody is to Jupyter is no business of a model's process."""
_THEIRS: Final = frozenset({"content-security-policy", "x-content-type-options", "cache-control"})
"""What the Jupyter Server says of every answer."""

_PATH: Final = re.compile(r"\s*path\s*=", re.IGNORECASE)
_PIECES: Final = 8
"""Of a body that may wait for the endpoint to read on; tornado's are 64 kB at most."""
_MB: Final = 2**20
_READ_AWAY: Final = 64 * _MB
"""So much of a body that is too long is read and dropped: many clients read no answer before they
have sent all, and take a connection that closes for a broken one.
"""
_CONNECT_S: Final = 5.0
_MORE_S: Final = 10.0
"""How much longer than the endpoint's own limit an answer is waited for."""


class _Late(Unavailable):
    status = 504


def passed_on(
    headers: Iterable[tuple[str, str]], *, without: frozenset[str]
) -> list[tuple[str, str]]:
    """The headers that go on with a message: neither those of the connection nor `without`.

    Examples
    --------
    >>> passed_on([("Connection", "x-a"), ("X-A", "1"), ("X-B", "2")], without=frozenset())
    [('X-B', '2')]
    """
    given = list(headers)
    named = {
        one.strip().lower()
        for name, value in given
        if name.lower() == "connection"
        for one in value.split(",")
    }
    dropped = _HOP_BY_HOP | named | without
    return [(name, value) for name, value in given if name.lower() not in dropped]


@stream_request_body
class Proxy(LabHandler):
    """``/projects/{key}/endpoints/{name}/v2/…``, ``…/predict`` and ``…/metrics``."""

    permissions = needs(get="endpoints:read", post="endpoints:predict")

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is on its way yet."""
        super().initialize(*args, **kwargs)
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(_PIECES)
        self._going: asyncio.Task[None] | None = None
        self._room = 0
        self._too_long: HTTPError | None = None

    async def prepare(self) -> None:  # type: ignore[override]  # as Jupyter's own APIHandler
        """Begin to pass the request on, once it is known who asks and that they may.

        Tornado calls the verb when the whole body is there; by then the endpoint has it already.
        """
        await super().prepare()
        verb = str(self.request.method).upper()
        if self._finished or verb not in ("GET", "POST"):
            return
        if self.current_user is None:
            raise HTTPError(403)
        action = "read" if verb == "GET" else "write"
        if not await ensure_async(
            self.authorizer.is_authorized(self, self.current_user, action, self.auth_resource)
        ):
            raise HTTPError(403)
        key, name = map(str, self.path_args[:2])
        known = await self.known(key)
        where = await self.services.in_thread(lambda: known.project.endpoints.address(name))
        self._room = int(where.limits.body_mb * _MB)
        length = self.request.headers.get("Content-Length")
        if length is not None and length.isdecimal() and int(length) > self._room:
            self._too_long = _too_long(where.limits.body_mb)
            if int(length) > _READ_AWAY:
                raise self._too_long
            return
        request = self._onward(where.limits.timeout_s)
        self._going = asyncio.create_task(self._pass(request, where.socket))

    async def data_received(self, chunk: bytes) -> None:
        """Hand a piece of the body on; waits while the endpoint has enough to read."""
        if self._finished:
            return
        self._room -= len(chunk)
        if self._room < 0 and self._going is not None:
            self._going.cancel()
            self._going, self._too_long = None, _too_long(None)
        if self._room < -_READ_AWAY and self._too_long is not None:
            error = self._too_long
            self.send_error(error.status_code, exc_info=(type(error), error, None))
        if self._going is None:
            return
        put = asyncio.create_task(self._pieces.put(chunk))
        # Who has answered already reads no more.
        await asyncio.wait({put, self._going}, return_when=asyncio.FIRST_COMPLETED)
        put.cancel()

    def on_connection_close(self) -> None:
        """Give the request up when nobody waits for its answer."""
        if self._going is not None:
            self._going.cancel()
        super().on_connection_close()

    @authenticated
    @authorized
    async def get(self, key: str, name: str, path: str | None = None) -> None:
        """Ask an endpoint."""
        await self._answered()

    @authenticated
    @authorized
    async def post(self, key: str, name: str, path: str | None = None) -> None:
        """Have an endpoint predict."""
        await self._answered()

    async def _answered(self) -> None:
        if self._too_long is not None and not self._headers_written:
            raise self._too_long
        going = self._going
        if going is None:
            return
        end = asyncio.create_task(self._pieces.put(None))
        try:
            await asyncio.wait({going})
        finally:
            end.cancel()
        if going.cancelled():
            return
        error = going.exception()
        if error is not None:
            raise error

    def _onward(self, timeout_s: float) -> httpx.Request:
        """The request as the endpoint gets it."""
        path = self._here[1]
        if any(unquote(part) in (".", "..") for part in path.split("/")):
            raise NotFound(f"An endpoint has no {path!r}.")
        headers = passed_on(self.request.headers.get_all(), without=_OURS)
        cookie = self.request.cookies.get(COOKIE)
        if cookie is not None:
            headers.append(("Cookie", f"{COOKIE}={cookie.coded_value}"))
        headers += [("Host", "endpoint"), ("X-Forwarded-For", str(self.request.remote_ip))]
        query = f"?{self.request.query}" if self.request.query else ""
        has_body = "Content-Length" in self.request.headers or (
            "Transfer-Encoding" in self.request.headers
        )
        timeout = {
            "connect": _CONNECT_S,
            "read": timeout_s + _MORE_S,
            "write": timeout_s + _MORE_S,
            "pool": _CONNECT_S,
        }
        return httpx.Request(
            str(self.request.method),
            f"http://endpoint/{path}{query}",
            headers=headers,
            content=self._body() if has_body else None,
            extensions={"timeout": timeout},
        )

    @property
    def _here(self) -> tuple[str, str]:
        """The endpoint's address, and what is asked below it; as they were sent."""
        base, api, rest = str(self.request.path).partition(f"{API}/")
        parts = rest.split("/", 4)
        return f"{base}{api}{'/'.join(parts[:4])}/", parts[4]

    async def _body(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            yield piece

    async def _pass(self, request: httpx.Request, socket: str) -> None:
        """Send it, and give the answer back as it comes."""
        transport = self.services.upstreams.to(socket)
        try:
            answer = await transport.handle_async_request(request)
        except httpx.TimeoutException:
            raise _Late("The endpoint did not answer in time.") from None
        except (httpx.TransportError, OSError) as error:
            raise Unavailable(
                f"The endpoint cannot be reached ({type(error).__name__}): it may be starting."
            ) from None
        try:
            self.set_status(answer.status_code)
            self._take_headers(answer)
            assert isinstance(answer.stream, httpx.AsyncByteStream)
            async for piece in answer.stream:
                self.write(piece)
                await self.flush()
            # Not APIHandler's own, which would say that everything is JSON.
            self.update_api_activity()
            await super(APIHandler, self).finish()
        except StreamClosedError:
            pass
        finally:
            with suppress(httpx.TransportError):
                await answer.aclose()

    def _take_headers(self, answer: httpx.Response) -> None:
        self.clear_header("Content-Type")
        for name, value in passed_on(answer.headers.multi_items(), without=_THEIRS):
            if name.lower() in ("server", "date"):
                continue
            if name.lower() == "set-cookie":
                if value.startswith(f"{COOKIE}="):
                    # One per endpoint: each has its own key, and could not read another's.
                    kept = [part for part in value.split(";") if not _PATH.match(part)]
                    self.add_header("Set-Cookie", ";".join([*kept, f" Path={self._here[0]}"]))
                continue
            self.set_header(name, value)
        self.set_header("X-Content-Type-Options", "nosniff")

    def document_of(self, problem: Problem) -> dict[str, Any]:
        """As everywhere, and beside it as clients of the protocol read it."""
        return {**problem.document(), "error": problem.detail}


def _too_long(limit_mb: float | None) -> HTTPError:
    most = f" takes {limit_mb:g} MB" if limit_mb is not None else " takes less"
    return HTTPError(413, f"The body is too long: the endpoint{most}.")


_NAME = r"/endpoints/([^/]+)"

ROUTES = [
    (_NAME + r"/v2(/.*)?", Proxy),
    (_NAME + r"/predict", Proxy),
    (_NAME + r"/metrics", Proxy),
]
