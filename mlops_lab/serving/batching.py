"""One thread calls the model, with all requests that wait at once: no request waits for another.

Nothing is delayed to fill a batch. While the model works, requests gather; what has gathered is
the next batch. One request that the model cannot answer spoils no other: a batch that fails is
tried again, request by request.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple, TypeAlias

from mlops_lab.errors import InvalidInput
from mlops_lab.serving.inputs import Rows, concat
from mlops_lab.serving.outputs import Answer, WrongAnswer

__all__ = ["Batcher", "ModelFault", "Overloaded"]

_ERROR_CHARACTERS: Final = 500


class Overloaded(Exception):
    """As many requests wait as may."""


class ModelFault(Exception):
    """The model raised, or gave what is no answer; the message is a sentence for the client."""


class _Item(NamedTuple):
    rows: Rows
    future: asyncio.Future[Answer]


_Outcome: TypeAlias = Answer | ModelFault | None


class Batcher:
    """Runs a model in a thread of its own. `submit` is for the event loop's thread alone.

    Parameters
    ----------
    predict
        Answers rows; called by one thread only.
    loop
        Where the answers are wanted.
    queue
        Requests that may wait while the model works.
    rows
        Rows of one call. A request with more of them is answered in parts.
    at_once
        Answers rows in a way that cannot hang and is quicker than another thread; or gives None.
    """

    def __init__(
        self,
        predict: Callable[[Rows], Answer],
        loop: asyncio.AbstractEventLoop,
        *,
        queue: int,
        rows: int,
        at_once: Callable[[Rows], Answer | None] | None = None,
    ) -> None:
        self._predict = predict
        self._at_once = at_once
        self._loop = loop
        self._queue = queue
        self._rows = rows
        self._inbox: SimpleQueue[_Item | None] = SimpleQueue()
        self._ahead: _Item | None = None
        self._pending = 0
        self.busy_since: float | None = None
        """When the model was called that has not returned yet: `time.time`, in seconds."""
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        """Requests that wait or are being answered."""
        return self._pending

    def at_once(self, rows: Rows) -> Answer | None:
        """Answer rows here and now, if there is a quick way and the model's thread is idle."""
        if self._at_once is None or self._pending:
            return None
        try:
            return self._at_once(rows)
        except WrongAnswer:  # to be said by those who say what is wrong
            return None

    def submit(self, rows: Rows) -> asyncio.Future[Answer]:
        """Have rows answered, or fail with `ModelFault`.

        A future that is done before its turn (the caller gave up) costs no call.

        Raises
        ------
        Overloaded
            Too many wait.
        """
        if self._pending > self._queue:
            raise Overloaded
        self._pending += 1
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._inbox.put(_Item(rows, future))
        return future

    def close(self, timeout_s: float) -> None:
        """End the thread after what it is doing; one that hangs is left behind."""
        self._inbox.put(None)
        self._thread.join(timeout_s)

    # ------------------------------------------------------------------ in the model's thread

    def _work(self) -> None:
        while batch := self._gather():
            done = self._answered(batch)
            try:
                self._loop.call_soon_threadsafe(self._deliver, done)
            except RuntimeError:  # the loop is closed: nobody waits any more
                return
            del batch, done  # the memory of a large request is not held until the next one comes

    def _gather(self) -> list[_Item]:
        """Wait for a request, and take with it what waits, as far as it makes one call."""
        first = self._ahead or self._inbox.get()
        self._ahead = None
        if first is None:
            return []
        batch, rows = [first], first.rows.count
        while rows < self._rows:
            try:
                more = self._inbox.get_nowait()
            except Empty:
                break
            if more is None:
                self._inbox.put(None)  # to be found again after this batch
                break
            if rows + more.rows.count > self._rows:
                self._ahead = more
                break
            batch.append(more)
            rows += more.rows.count
        return batch

    def _answered(self, batch: Sequence[_Item]) -> list[tuple[_Item, _Outcome]]:
        given_up = [item.future.done() for item in batch]
        live = [item.rows for item, over in zip(batch, given_up, strict=True) if not over]
        self.busy_since = time.time()
        try:
            outcomes = iter(self._outcomes(live))
        finally:
            self.busy_since = None
        return [
            (item, None if over else next(outcomes))
            for item, over in zip(batch, given_up, strict=True)
        ]

    def _outcomes(self, parts: Sequence[Rows]) -> list[_Outcome]:
        if len(parts) > 1:
            answer: _Outcome
            try:
                answer = self._tried(concat(parts))
            except InvalidInput:  # without a signature requests may differ in what they send
                answer = None
            if isinstance(answer, Answer):
                made: list[_Outcome] = []
                start = 0
                for part in parts:
                    made.append(answer.slice(start, start + part.count))
                    start += part.count
                return made
        return [self._tried(part) for part in parts]

    def _tried(self, rows: Rows) -> Answer | ModelFault:
        try:
            if rows.count <= self._rows:
                return self._predict(rows)
            starts = range(0, rows.count, self._rows)
            return _joined([self._predict(rows.slice(at, at + self._rows)) for at in starts])
        except WrongAnswer as fault:
            return ModelFault(str(fault))
        except BaseException as error:  # noqa: BLE001 - a model may raise SystemExit too
            said = str(error)[:_ERROR_CHARACTERS]
            return ModelFault(f"The model could not answer: {type(error).__name__}: {said}")

    # ------------------------------------------------------------------ in the loop's thread

    def _deliver(self, done: Sequence[tuple[_Item, _Outcome]]) -> None:
        self._pending -= len(done)
        for item, outcome in done:
            if item.future.done() or outcome is None:
                continue
            if isinstance(outcome, ModelFault):
                item.future.set_exception(outcome)
            else:
                item.future.set_result(outcome)


def _joined(parts: Sequence[Answer]) -> Answer:
    import numpy as np

    names = parts[0].columns
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in names}
    return replace(parts[0], columns=columns)
