"""From a request's bytes to an answer: who answers it, the model's turn, and what is kept of it."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mlops_lab.serving import units
from mlops_lab.serving.batching import Batcher, ModelFault, Overloaded
from mlops_lab.serving.counting import Counts
from mlops_lab.serving.forwarding import Forwarder, Reply, Unreachable
from mlops_lab.serving.handing import BACK, PASSED, Told, passed_on
from mlops_lab.serving.predictions.writing import Batch
from mlops_lab.serving.protocol import ProtocolError, Request, parse, respond
from mlops_lab.serving.rollouts import cookies
from mlops_lab.serving.rollouts.routing import (
    Routed,
    Table,
    route,
    shadowed,
    unit_key,
    unit_of,
)
from mlops_lab.serving.shadowing import Copy, Shadow

if TYPE_CHECKING:
    from mlops_lab.serving.loading import Loaded
    from mlops_lab.serving.outputs import Answer
    from mlops_lab.serving.predictions.writing import Log
    from mlops_lab.serving.records import Limits, Revision

__all__ = ["Answering", "Asked", "Gone"]

_ASIDE_BYTES: Final = 64 * 2**10
"""A longer body is read in a thread: meanwhile short ones are answered."""

_ASIDE_ROWS: Final = 1_000
_GRACE_S: Final = 1.0
"""How much longer we wait for another worker than it lets its model take."""

T = TypeVar("T")

_log = logging.getLogger("mlops_lab")


class Gone(Exception):
    """The client is gone: nobody waits for an answer."""


class _Late(Exception):
    """The model took longer than a request may."""


@dataclass(slots=True)
class Asked:
    """A request for predictions, as it came.

    Attributes
    ----------
    target
        Its path, as it was sent.
    headers
        By their names in lower case.
    body
        Its bytes.
    state
        The connection's (`Listeners`); ``waiting`` is what is given up when the client goes.
    began
        When its head was there, by `time.perf_counter`.
    revision
        The revision that it names outright, or None.
    private
        Whether it came from another worker.
    """

    target: bytes
    headers: Mapping[str, str]
    body: bytes
    state: dict[str, Any]
    began: float
    revision: str | None = None
    private: bool = False


@dataclass(slots=True)
class _Turn:
    """One request on its way through this worker."""

    asked: Asked
    request_id: str
    role: str = "stable"
    unit: str | None = None
    rolled: bool = False
    """Whether a rollout chose the revision: only then its bad events count."""
    request: Request | None = None
    fault: ProtocolError | None = None
    cookie: str | None = None


class Answering:
    """Answers requests of one worker. Of the event loop's thread alone.

    Parameters
    ----------
    revision
        Whom this worker answers as.
    loaded
        Its model.
    limits
        What a request may take.
    log
        Where answers are kept.
    cookie_key
        Signs the cookie that keeps a client on its side of a rollout.
    table
        The traffic.
    """

    def __init__(
        self,
        revision: Revision,
        loaded: Loaded,
        limits: Limits,
        log: Log,
        cookie_key: bytes,
        table: Table,
    ) -> None:
        self.revision = revision
        self.loaded = loaded
        self.limits = limits
        self.log = log
        self.counts = Counts()
        self.forwarder = Forwarder()
        self.shadow = Shadow(self.forwarder, limits.timeout_s + _GRACE_S)
        self.table = table
        self._cookie_key = cookie_key
        self._loop = asyncio.get_running_loop()
        self.batcher = Batcher(
            loaded.answer,
            self._loop,
            queue=limits.queue,
            rows=limits.rows,
            at_once=None if loaded.prompt is None else loaded.at_once,
        )
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="bodies")
        self._limit = int(limits.body_mb * 2**20)

    def follow(self, table: Table) -> None:
        """Route by another table from now on."""
        self.table = table
        self.forwarder.keep_only(table.sockets)

    def close(self) -> None:
        """End what runs beside the requests."""
        self.shadow.close()
        self.forwarder.close()
        self.batcher.close(0.0)
        self._aside.shutdown(wait=False)

    async def answer(self, asked: Asked) -> Reply:
        """Answer a request, here or by another worker.

        Raises
        ------
        Gone
            Nobody waits any more.
        """
        headers = asked.headers
        told = Told.read(headers) if asked.private else None
        if told is not None:
            return await self._here(
                _Turn(asked, told.request_id, told.role, told.unit, told.rolled)
            )
        table = self.table
        turn = _Turn(asked, secrets.token_hex(16))
        own = table.self_id
        if asked.revision is not None:
            turn.role = _role(table, asked.revision)
            return await self._by(turn, asked.revision, table)
        if table.stable != own and not (asked.private and PASSED in headers):
            try:
                return await self._passed(turn, table, table.stable, [(PASSED.encode(), b"1")])
            except Unreachable:
                return await self._here(turn)
        if table.rollout is None or table.rollout.kind == "shadow":
            turn.unit = unit_of(header=units.in_header(headers))
            shadow = shadowed(table, turn.unit, random.random)
            turn.rolled = shadow is not None
            reply = await self._here(turn)
            if shadow is not None and reply.status < 400:
                self._copy(turn, table.sockets.get(shadow, ()))
            return reply
        routed = await self._routed(turn, table)
        turn.role, turn.rolled = routed.role, True
        return await self._by(turn, routed.revision, table)

    # ------------------------------------------------------------------ who answers

    async def _routed(self, turn: _Turn, table: Table) -> Routed:
        """Choose the revision by whom the request comes from."""
        assert table.rollout is not None
        headers = turn.asked.headers
        unit = unit_of(header=units.in_header(headers))
        if unit is None:
            await self._read(turn)
            request = turn.request
            unit = unit_of(
                parameter=None if request is None else request.unit,
                column=units.in_column(request, table.rollout.by),
                cookie=units.in_cookie(headers, self._cookie_key),
            )
        if unit is not None:
            turn.unit = unit
            return route(table, unit, random.random)
        # Whoever takes the cookie stays on the side of this request; who does not is drawn anew
        # with each, and is in no comparison: so no unit is kept of this one.
        made = cookies.new_unit()
        turn.cookie = cookies.set_cookie(self._cookie_key, made)
        return route(table, made, random.random)

    async def _by(self, turn: _Turn, revision: str, table: Table) -> Reply:
        if revision == table.self_id:
            reply = await self._here(turn)
        else:
            try:
                told = Told(turn.request_id, turn.role, turn.unit, turn.rolled)
                reply = await self._passed(turn, table, revision, told.headers())
            except Unreachable:
                # A candidate that is not there costs nobody an answer; it is its own error.
                self._bad(turn, table, revision, "error")
                turn.role, turn.rolled, turn.unit = "stable", False, None
                reply = await self._here(turn)
        if turn.cookie is not None:
            reply.headers.append((b"set-cookie", turn.cookie.encode()))
        return reply

    async def _passed(
        self, turn: _Turn, table: Table, revision: str, told: list[tuple[bytes, bytes]]
    ) -> Reply:
        """Have a worker of another revision answer.

        Raises
        ------
        Unreachable
            There is none.
        """
        asked, timeout_s = turn.asked, self.limits.timeout_s
        paths = table.sockets.get(revision, ())
        sent = [*passed_on(asked.headers), *told]
        try:
            reply = await self.forwarder.send(
                paths, asked.target, sent, asked.body, timeout_s=timeout_s + _GRACE_S
            )
        except TimeoutError:
            # It would have said so itself: it does not even do that.
            self._bad(turn, table, revision, "error")
            reply = _error(504, f"No answer came within {timeout_s:g} s.")
        reply.headers = [pair for pair in reply.headers if pair[0] in BACK]
        self.counts.forwarded(turn.role)
        return reply

    def _copy(self, turn: _Turn, paths: Sequence[str]) -> None:
        """Give a shadow its copy of a request that was answered."""
        asked = turn.asked
        told = Told(turn.request_id, "shadow", turn.unit, turn.rolled)
        sent = [*passed_on(asked.headers), *told.headers()]
        self.shadow.add(Copy(paths, asked.target, sent, asked.body))

    # ------------------------------------------------------------------ answering here

    async def _here(self, turn: _Turn) -> Reply:
        """Answer with this worker's model, count it and keep it."""
        answer = None
        error: str | None = None
        try:
            await self._read(turn)
            if turn.fault is not None:
                raise turn.fault
            assert turn.request is not None
            answer = await self._predict(turn, turn.request)
            reply = await self._written(turn, turn.request, answer)
        except ProtocolError as fault:
            error, reply = fault.message, _error(fault.status, fault.message)
        except ModelFault as fault:
            error, reply = str(fault), _error(500, str(fault))
        except _Late:
            error = f"The model did not answer within {self.limits.timeout_s:g} s."
            reply = _error(504, error)
        except Overloaded:
            error = f"{self.limits.queue} requests wait for the model already. Try again in 1 s."
            reply = _error(429, error)
            reply.headers.append((b"retry-after", b"1"))
        except Gone:
            self._keep(turn, 499, "The client was gone before the answer.", None)
            raise
        except Exception as fault:  # noqa: BLE001 - ours: the endpoint goes on, and says so
            _log.exception("a request was not answered")
            error = f"The endpoint could not answer: {type(fault).__name__}."
            reply = _error(500, error)
        reply.headers += (
            (b"x-revision", self.revision.id.encode()),
            (b"x-model-version", str(self.revision.version).encode()),
            (b"x-request-id", turn.request_id.encode()),
        )
        self._keep(turn, reply.status, error, answer)
        return reply

    async def _read(self, turn: _Turn) -> None:
        """Read the body, once; what is wrong with it is kept: it may be another's to answer."""
        if turn.request is not None or turn.fault is not None:
            return
        asked = turn.asked
        read = partial(
            parse, asked.body, asked.headers, schema=self.loaded.schema, limit=self._limit
        )
        aside = len(asked.body) > _ASIDE_BYTES or "content-encoding" in asked.headers
        try:
            turn.request = await self._run_aside(read) if aside else read()
        except ProtocolError as fault:
            turn.fault = fault

    async def _predict(self, turn: _Turn, request: Request) -> Answer:
        asked = turn.asked
        # Several at once cost less together.
        if len(asked.state["tasks"]) <= 1:
            answer = self.batcher.at_once(request.data)
            if answer is not None:
                return answer
        future = self.batcher.submit(request.data)
        left = self.limits.timeout_s - (time.perf_counter() - asked.began)
        timer = self._loop.call_later(max(left, 0.0), _give_up, future)
        asked.state["waiting"] = future
        try:
            return await future
        except asyncio.CancelledError:
            raise Gone from None
        finally:
            timer.cancel()

    async def _written(self, turn: _Turn, request: Request, answer: Answer) -> Reply:
        write = partial(
            respond,
            request,
            answer,
            model=self.revision.model,
            version=self.revision.version,
            request_id=turn.request_id,
            revision=self.revision.id,
        )
        aside = request.rows > _ASIDE_ROWS
        body, headers = await self._run_aside(write) if aside else write()
        return Reply(200, [(k.encode(), v.encode("latin-1")) for k, v in headers.items()], body)

    async def _run_aside(self, call: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._aside, call)

    def _keep(self, turn: _Turn, status: int, error: str | None, answer: Answer | None) -> None:
        """Count an answer, and have it logged."""
        table, asked, request = self.table, turn.asked, turn.request
        seconds = time.perf_counter() - asked.began
        rows = 0 if request is None else request.rows
        self.counts.answered(turn.role, status, rows, seconds)
        if turn.rolled:
            metric = _metric(status, seconds * 1000, table.slow_ms)
            if metric is not None:
                self._bad(turn, table, self.revision.id, metric)
        rollout = table.rollout
        self.log.add(
            Batch(
                request_id=turn.request_id,
                t=time.time_ns() // 1000,
                role=turn.role,
                revision=self.revision.id,
                model=self.revision.model,
                version=self.revision.version,
                latency_ms=seconds * 1000,
                status=status,
                error=error,
                frame=None if request is None else request.data,
                columns=None if answer is None else answer.columns,
                classes=None if answer is None else tuple(map(str, answer.classes)),
                extra=None if request is None else request.extra,
                rollout=rollout.id if rollout is not None and turn.rolled else None,
                unit=turn.unit,
                size=len(asked.body),
            )
        )

    def _bad(self, turn: _Turn, table: Table, revision: str, metric: str) -> None:
        """Report a bad event of a unit to the guard of a canary."""
        rollout = table.rollout
        if rollout is not None and rollout.kind == "canary" and turn.rolled:
            key = unit_key(rollout.salt, turn.unit or turn.request_id)
            self.counts.bad((metric, revision, key, time.time_ns() // 1000))


def _metric(status: int, ms: float, slow_ms: float | None) -> str | None:
    """Which of a guard's metrics an answer is bad by; None of a good one."""
    if status >= 500 or status == 429:
        return "error"
    if status == 499:
        return None
    if status >= 400:
        return "reject"
    return "slow" if slow_ms is not None and ms > slow_ms else None


def _role(table: Table, revision: str) -> str:
    role = table.roles.get(revision, "stable")
    return role if role in ("canary", "shadow") else "stable"


def _give_up(future: asyncio.Future[Answer]) -> None:
    if not future.done():
        future.set_exception(_Late())


def _error(status: int, message: str) -> Reply:
    body = ProtocolError(status, message).body()
    return Reply(status, [(b"content-type", b"application/json")], body)
