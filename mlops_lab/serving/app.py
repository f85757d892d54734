"""A worker's HTTP: the routes of protocol version 2, and what a request must be to be read at all.

Requests for predictions are taken before the router: it costs more than reading one row.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from mlops_lab.serving import metrics
from mlops_lab.serving.answering import Answering, Asked, Gone
from mlops_lab.serving.protocol import ProtocolError, encode, model_metadata, server_metadata
from mlops_lab.wording import listed, quoted

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Message, Receive, Scope, Send

    from mlops_lab.serving.rollouts.routing import Table

__all__ = ["App"]

_JSON: Final = "application/json"

_HELD: Final = 16
"""Bodies of the largest size that may be in memory at once; further requests are answered 429."""

_DISCARDED_BYTES: Final = 128 * 2**20
_DISCARD_S: Final = 10.0
"""How much of a body that is too large is read and thrown away: a client that does not read before
it has sent everything would never see why it was refused."""


class App:
    """The ASGI application of one worker.

    Parameters
    ----------
    name
        The endpoint's.
    answering
        Answers requests.
    token_hash
        The sha256 of what must be shown over the network; None: nothing is.
    private
        The path of the worker's own socket.
    """

    def __init__(
        self, name: str, answering: Answering, token_hash: str | None, private: str
    ) -> None:
        self.name = name
        self.answering = answering
        self.closing = False
        """Whether connections are to go elsewhere: they are closed with their next answer."""
        self.draining = False
        self._token_hash = token_hash
        self._private = private
        self._limit = int(answering.limits.body_mb * 2**20)
        self._bodies = _Bodies(_HELD * self._limit)
        self._names: tuple[str, ...] = ()
        self._versions: dict[tuple[str, str], str] = {}
        self._predicting: dict[str, str | None] = {}
        self.follow(answering.table)
        self._router = Starlette(
            routes=[
                Route("/v2", self._server),
                Route("/v2/health/live", self._live),
                Route("/v2/health/ready", self._ready),
                Route("/v2/models/{model}", self._model),
                Route("/v2/models/{model}/ready", self._model_ready),
                Route("/v2/models/{model}/infer", self._not_here, methods=["POST"]),
                Route("/v2/models/{model}/versions/{version}", self._model),
                Route("/v2/models/{model}/versions/{version}/ready", self._model_ready),
                Route(
                    "/v2/models/{model}/versions/{version}/infer",
                    self._not_here,
                    methods=["POST"],
                ),
                Route("/predict", self._not_here, methods=["POST"]),
                Route("/metrics", self._metrics),
                Route(metrics.FIGURES, self._figures),
            ],
            exception_handlers={HTTPException: _told, ProtocolError: _told, Exception: _told},
        )

    def follow(self, table: Table) -> None:
        """Answer by the names and versions of another table from now on."""
        self.answering.follow(table)
        own = self.answering.revision
        stable = table.versions.get(table.stable, own.ref).rpartition("@")[0]
        self._names = tuple(dict.fromkeys((self.name, stable, own.model)))
        self._versions = {}
        # The stable one last: where two revisions run one version, it answers.
        for revision in sorted(table.versions, key=lambda one: one == table.stable):
            model, _, version = table.versions[revision].rpartition("@")
            for name in (self.name, model):
                self._versions[name, version] = revision
        self._versions.setdefault((own.model, str(own.version)), own.id)
        self._versions.setdefault((self.name, str(own.version)), own.id)
        self._predicting = {"/predict": None}
        self._predicting |= {f"/v2/models/{name}/infer": None for name in self._names}
        self._predicting |= {
            f"/v2/models/{name}/versions/{version}/infer": revision
            for (name, version), revision in self._versions.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"]
        private = scope["state"]["private"]
        if scope["method"] == "POST" and (
            path in self._predicting or (private and path.endswith("/infer"))
        ):
            await self._predict(scope, receive, send, self._predicting.get(path))
        elif scope["state"]["token"] and not path.startswith("/v2/health/"):
            headers = _headers(scope)
            if self._allowed(headers):
                await self._router(scope, receive, self._sending(scope, send))
            else:
                await self._send(scope, send, *_UNAUTHORIZED)
        else:
            await self._router(scope, receive, self._sending(scope, send))

    # ------------------------------------------------------------------ predicting

    async def _predict(
        self, scope: Scope, receive: Receive, send: Send, revision: str | None
    ) -> None:
        headers = _headers(scope)
        state = scope["state"]
        share = _Share(self._bodies)
        try:
            if state["token"] and not self._allowed(headers):
                raise ProtocolError(401, _WHO_ASKS)
            body = await self._body(headers, receive, share)
            asked = Asked(
                scope["raw_path"],
                headers,
                body,
                state,
                time.perf_counter(),
                revision,
                state["private"],
            )
            reply = await self.answering.answer(asked)
        except Gone:
            return
        except ProtocolError as fault:
            extra = [(b"content-type", _JSON.encode())]
            if fault.status == 429:
                extra.append((b"retry-after", b"1"))
            if fault.status in (401, 413):
                # What is left of the body is not read: the connection is of no more use.
                extra.append((b"connection", b"close"))
            await self._send(scope, send, fault.status, extra, fault.body())
            return
        finally:
            share.give_back()
        await self._send(scope, send, reply.status, reply.headers, reply.body)

    async def _body(self, headers: Mapping[str, str], receive: Receive, share: _Share) -> bytes:
        """Read a body; one that is too large, or too much with all others, is not held."""
        length = int(headers.get("content-length", "0"))
        if length > self._limit:
            if headers.get("expect", "").lower() != "100-continue":
                await _discard(receive, self._limit)
            raise self._too_large()
        share.take(length)
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            part = message.get("body", b"")
            more = message.get("more_body", False)
            size += len(part)
            if size > self._limit:
                parts.clear()
                await _discard(receive, self._limit)
                raise self._too_large()
            if size > length:  # in chunks, whose length nobody has said before
                share.take(len(part))
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _too_large(self) -> ProtocolError:
        most = self.answering.limits.body_mb
        return ProtocolError(
            413, f"A request has at most {most:g} MB here. Send fewer rows at once, or packed."
        )

    def _allowed(self, headers: Mapping[str, str]) -> bool:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if self._token_hash is None or kind.lower() != "bearer":
            return False
        found = hashlib.sha256(token.strip().encode("latin-1")).hexdigest()
        return hmac.compare_digest(found, self._token_hash)

    async def _send(
        self, scope: Scope, send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> None:
        headers.append((b"content-length", b"%d" % len(body)))
        if self.closing and not scope["state"]["private"]:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _sending(self, scope: Scope, send: Send) -> Callable[[Message], Awaitable[None]]:
        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        return closing if self.closing and not scope["state"]["private"] else send

    # ------------------------------------------------------------------ the rest of the protocol

    async def _server(self, request: Request) -> Response:
        return _json(server_metadata())

    async def _live(self, request: Request) -> Response:
        return _json({"live": True})

    async def _ready(self, request: Request) -> Response:
        why = self._why_not_ready()
        return _json({"ready": why is None, **({} if why is None else {"error": why})}, why)

    async def _model_ready(self, request: Request) -> Response:
        name, _ = self._named(request)
        why = self._why_not_ready()
        return _json(
            {"name": name, "ready": why is None, **({} if why is None else {"error": why})}, why
        )

    async def _model(self, request: Request) -> Response:
        name, revision = self._named(request)
        own = self.answering.revision
        if revision not in (None, own.id):
            # Another revision's signature is known to its own workers.
            paths = self.answering.table.sockets.get(revision or "", ())
            return await self._asked(paths, request)
        loaded = self.answering.loaded
        versions = sorted((v for model, v in self._versions if model == name), key=int)
        return _json(
            model_metadata(
                name,
                versions,
                loaded.backend.name,
                loaded.schema,
                loaded.signature,
                classes=loaded.classes,
            )
        )

    async def _asked(self, paths: Any, request: Request) -> Response:
        with suppress(Exception):
            reply = await self.answering.forwarder.send(
                paths, request.scope["raw_path"], (), timeout_s=5.0, method=b"GET"
            )
            return Response(reply.body, reply.status, media_type=_JSON)
        raise ProtocolError(503, "The workers of this version do not answer now. Try again.")

    async def _not_here(self, request: Request) -> Response:
        self._named(request)
        raise ProtocolError(404, "There is no such version here.")

    async def _metrics(self, request: Request) -> Response:
        everybody = await metrics.gather(
            self.answering.forwarder, self.answering.table, self._private, self._own_figures()
        )
        body = await asyncio.get_running_loop().run_in_executor(
            None, metrics.exposition, self.name, everybody
        )
        return Response(body, media_type=metrics.CONTENT_TYPE)

    async def _figures(self, request: Request) -> Response:
        if not request.scope["state"]["private"]:
            raise ProtocolError(404, "There is no such address here.")
        return _json(self._own_figures())

    def _own_figures(self) -> dict[str, Any]:
        return metrics.figures(self.answering, ready=self._why_not_ready() is None)

    def _why_not_ready(self) -> str | None:
        if self.draining:
            return "This worker is ending."
        if self.answering.log.dead:
            return (
                "Predictions cannot be logged now: the disk is full, or the log cannot be written."
            )
        return None

    def _named(self, request: Request) -> tuple[str, str | None]:
        """The model that an address names, and the revision if it names a version."""
        name = request.path_params.get("model", self.name)
        version = request.path_params.get("version")
        if version is None and name in self._names:
            return name, None
        revision = self._versions.get((name, str(version)))
        if revision is None:
            runs = listed(sorted({f"{model} version {v}" for model, v in self._versions}))
            what = quoted(name) if version is None else f"{quoted(name)} version {version}"
            raise ProtocolError(404, f"{what} does not run here; there is {runs}.")
        return name, revision


class _Bodies:
    """How many bytes of bodies are in memory, and how many may be."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0


class _Share:
    """What one request holds of it."""

    __slots__ = ("_bodies", "_taken")

    def __init__(self, bodies: _Bodies) -> None:
        self._bodies = bodies
        self._taken = 0

    def take(self, size: int) -> None:
        if self._bodies.held + size > self._bodies.most:
            raise ProtocolError(429, "Many large requests are being answered. Try again in 1 s.")
        self._bodies.held += size
        self._taken += size

    def give_back(self) -> None:
        self._bodies.held -= self._taken


_WHO_ASKS: Final = "This endpoint asks for its token: send the header Authorization: Bearer TOKEN."
_UNAUTHORIZED: Final[Any] = (
    401,
    [(b"content-type", _JSON.encode()), (b"www-authenticate", b"Bearer")],
    ProtocolError(401, _WHO_ASKS).body(),
)


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _json(value: Any, why_not: str | None = None) -> Response:
    return Response(encode(value), 200 if why_not is None else 503, media_type=_JSON)


def _told(request: Request, error: Exception) -> Response:
    """An error in the protocol's shape."""
    if isinstance(error, ProtocolError):
        return Response(error.body(), error.status, media_type=_JSON)
    if not isinstance(error, HTTPException):  # ours; the server logs it
        body = ProtocolError(500, f"The endpoint failed: {type(error).__name__}.").body()
        return Response(body, 500, media_type=_JSON)
    said = {
        404: f"There is nothing at {request.url.path}; predictions are at /v2/models/NAME/infer.",
        405: f"{request.url.path} does not take {request.method}.",
    }.get(error.status_code, error.detail)
    body = ProtocolError(error.status_code, said).body()
    return Response(body, error.status_code, dict(error.headers or {}), media_type=_JSON)


async def _discard(receive: Receive, limit: int) -> None:
    """Read and forget what is left of a body, within bounds."""
    left = max(_DISCARDED_BYTES, 2 * limit)
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
