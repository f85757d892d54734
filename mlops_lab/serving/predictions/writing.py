"""Writing the prediction log: a request appends to a list, a thread does the rest.

The thread takes the list five times a second, makes record batches of it and appends them to the
worker's open file with one ``write`` each: what is written survives the process. Nothing here can
make a request wait or fail: what the buffer has no room for is dropped and counted, and a value
that does not fit its column costs itself (`columns`).
"""

from __future__ import annotations

import atexit
import importlib
import logging
import math
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.serving.predictions import files, retention
from mlops_lab.serving.predictions.columns import Columns
from mlops_lab.serving.predictions.rows import Encoded, encode

if TYPE_CHECKING:
    from mlops_lab.registry.signature import Signature

__all__ = ["Batch", "Log"]

logger = logging.getLogger(__name__)

EVERY_S: Final = 0.2
"""How often the list is taken: what a ``kill -9`` may cost."""

_HOUSEKEEPING_S: Final = 600.0
_NEEDED: Final = ("pandas", "pyarrow.compute", "pyarrow.parquet")


@dataclass(frozen=True, slots=True)
class Batch:
    """One answered request, with the rows that it asked about.

    Attributes
    ----------
    request_id
        32 hexadecimal characters; row i is the prediction ``<request_id>-<i>``.
    t
        When it was answered, in µs, UTC.
    role, revision, model, version, rollout
        Who answered, and as what.
    unit
        The unit of a rollout, or None.
    latency_ms
        How long the answer took, in milliseconds.
    status
        The HTTP status of the answer.
    error
        Why there is no answer, or None.
    frame
        The inputs: `inputs.Rows`, a pandas frame, arrays by column name, or an array of shape
        ``(n_rows, n_inputs)``; None when they could not be read. Nobody changes it afterwards.
    columns
        The outputs by name, each an array of shape ``(n_rows,)``; ``probability`` also
        ``(n_rows, n_classes)``. None when there is no answer.
    classes
        The names of the classes of ``probability``.
    extra
        What the request carried and the model does not take: keys for the truth.
    size
        Roughly its bytes, for the limit of the buffer: the length of the request's body. 0 has it
        estimated, which costs time where there are many texts.
    """

    request_id: str
    t: int
    role: str
    revision: str
    model: str
    version: int
    latency_ms: float
    status: int = 200
    error: str | None = None
    frame: Any = None
    columns: Mapping[str, Any] | None = None
    classes: tuple[str, ...] | None = None
    extra: Mapping[str, Any] | None = None
    rollout: str | None = None
    unit: str | None = None
    size: int = 0

    @property
    def rows(self) -> int:
        """Lines of the log: one per row, and one when nothing could be read."""
        frame = self.frame
        if isinstance(frame, Mapping):
            for values in frame.values():
                return len(values)
        elif frame is not None:
            return int(frame.count) if hasattr(frame, "given") else len(frame)
        for values in (self.columns or {}).values():
            return len(values)
        return 1


class Log:
    """One worker's part of an endpoint's prediction log. Safe to use from several threads.

    Parameters
    ----------
    folder
        The endpoint's log: ``.mlops/predictions/<endpoint>``.
    worker
        A name for the files: letters, digits and ``-``. Two writers may have the same one.
    signature
        Of the model; what types the columns have.
    buffer_rows, buffer_bytes
        What may wait to be written; more is dropped.
    rotate_bytes, rotate_s, rotate_least
        An open file becomes Parquet at this size; or after this time, in seconds, when it has at
        least that size; and when the day (UTC) is over.
    keep_days
        Days after which the log's own files are removed; None keeps all.
    clock
        Gives nanoseconds since 1970.
    """

    def __init__(
        self,
        folder: Path,
        *,
        worker: str,
        signature: Signature | None,
        buffer_rows: int = 100_000,
        buffer_bytes: int = 128 << 20,
        rotate_bytes: int = 64 << 20,
        rotate_s: float = 600.0,
        rotate_least: int = 4 << 20,
        keep_days: float | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.folder = folder
        with suppress(OSError):  # the first write meets it again, and says so
            folder.mkdir(parents=True, exist_ok=True)
        self._worker = worker
        self._columns = Columns(signature)
        self._limits = (buffer_rows, buffer_bytes)
        self._rotation = (rotate_bytes, rotate_s, rotate_least)
        self._keep_days = keep_days
        self._clock = clock
        self._mutex = threading.Lock()
        self._batches: list[Batch] = []
        self._rows = self._bytes = 0
        self._seen = self._taken = self._settled = 0
        self._unwritten: list[Encoded] = []
        self._file: files.OpenFile | None = None

        self._wake = threading.Event()
        self._done = threading.Condition()
        self._closing = self._failing = False
        self._rotating: list[threading.Thread] = []
        self._swept = -math.inf
        self.written = 0
        """Rows that are on file."""
        self.dropped = 0
        """Rows that are lost."""
        self.unfit = 0
        """Values that did not fit their column."""
        # Before the first request: what is logged while a second of imports goes on would be lost.
        for name in _NEEDED:
            importlib.import_module(name)
        self._thread = threading.Thread(target=self._run, name="mlops-lab-log", daemon=True)
        self._thread.start()
        # A thread that is in Arrow when the interpreter ends takes the process down with it.
        atexit.register(self.close)

    @property
    def dead(self) -> bool:
        """Whether what is added now may never be written: the disk is full, or the thread ended."""
        return self._failing or not self._thread.is_alive()

    def add(self, batch: Batch) -> bool:
        """Have an answer logged; false when there was no room. Never waits for the disk."""
        rows = batch.rows
        size = (batch.size or _size_of(batch)) + 300 * rows
        with self._mutex:
            if (
                self._rows + rows > self._limits[0]
                or self._bytes + size > self._limits[1]
                or self._closing
            ):
                self.dropped += rows
                return False
            self._batches.append(batch)
            self._rows += rows
            self._bytes += size
            self._seen += 1
        return True

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until all that was added is on file; false when it was not in that time."""
        with self._mutex:
            wanted = self._seen
        with self._done:
            self._wake.set()
            return (
                self._done.wait_for(
                    lambda: self._settled >= wanted or not self._thread.is_alive(), timeout_s
                )
                and self._settled >= wanted
            )

    def close(self, timeout_s: float = 30.0) -> bool:
        """Write what is left, make Parquet of the open file, end; true when all of it was done.

        What could not be (the disk is full) is left to whoever writes or reads next. Closing twice
        is fine.
        """
        with self._mutex:
            self._closing = True
        self._wake.set()
        self._thread.join(timeout_s)
        atexit.unregister(self.close)
        return not self._thread.is_alive() and not self._unwritten and not self._batches

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while True:
            closing = self._closing  # before the list is taken: what came until then is written
            try:
                self._turn(closing)
            except Exception:
                logger.exception("the prediction log of %s failed", self.folder.name)
                self._failing = True
            if closing:
                break
            self._wake.wait(EVERY_S)
            self._wake.clear()
        for thread in self._rotating:
            thread.join()

    def _turn(self, closing: bool) -> None:
        if not self._unwritten:
            self._encode()
        self._rotate(closing=False)  # before: what comes now may be of another day
        self._write()
        if not self._unwritten:
            with self._done:
                self._settled = self._taken
                self._done.notify_all()
        self._rotate(closing)
        now = time.monotonic()
        if not closing and now - self._swept >= _HOUSEKEEPING_S:
            self._swept = now
            self._aside(self._sweep)

    def _encode(self) -> None:
        """Take the list and make record batches of it."""
        with self._mutex:
            batches, self._batches = self._batches, []
            self._rows = self._bytes = 0
            self._taken = self._seen
        if not batches:
            return
        try:
            made = encode(batches, self._columns)
        except Exception:
            self.dropped += sum(batch.rows for batch in batches)
            raise
        for encoded in made:
            self.unfit += encoded.unfit
            self.dropped += encoded.lost
        self._unwritten += [one for one in made if one.rows]

    def _write(self) -> None:
        """Append what waits; on a full disk it goes on waiting, and the file stays readable."""
        while self._unwritten:
            encoded = self._unwritten[0]
            try:
                self._file_for(encoded).append(encoded.data)
            except OSError as error:
                if not self._failing:
                    logger.warning("The prediction log cannot be written: %s.", error.strerror)
                self._failing = True
                if self._file is not None and self._file.spoilt:
                    self._leave(self._file)
                return
            self.written += encoded.rows
            self._unwritten.pop(0)
        self._failing = False

    def _file_for(self, encoded: Encoded) -> files.OpenFile:
        """The open file, another one when columns were added or somebody deleted it."""
        if self._file is not None and (
            self._file.columns != encoded.columns or self._file.is_gone()
        ):
            self._leave(self._file)
        while self._file is None:
            stem = f"{self._clock() // 1000}-{self._worker}-{secrets.token_hex(4)}"
            path = self.folder / files.OPEN / f"{stem}{files.SUFFIX}"
            made = files.OpenFile(path, encoded.schema, encoded.columns)
            if made.is_gone():  # before it was locked, somebody took it for a dead writer's
                made.settle()
                continue
            self._file = made
        return self._file

    def _rotate(self, closing: bool) -> None:
        """Begin another file when this one is large, old, of yesterday, or the last."""
        file, (most, age_s, least) = self._file, self._rotation
        if file is None:
            return
        now_us = self._clock() // 1000
        old = now_us - file.began >= age_s * 1e6
        over = files.day_of(str(now_us)) != files.day_of(file.path.stem)
        if closing or over or file.size >= most or (old and file.size >= least):
            self._leave(file)

    def _leave(self, file: files.OpenFile) -> None:
        self._file = None
        self._aside(file.settle)

    def _aside(self, work: Callable[[], object]) -> None:
        """Do what takes long beside the thread: what is added meanwhile is written in time."""
        self._rotating = [one for one in self._rotating if one.is_alive()]
        thread = threading.Thread(target=work, name="mlops-lab-log-rotate", daemon=True)
        self._rotating.append(thread)
        thread.start()

    def _sweep(self) -> None:
        try:
            files.adopt(self.folder)
            if self._keep_days is not None:
                retention.sweep(self.folder, self._keep_days, now_us=self._clock() // 1000)
        except OSError:
            logger.exception("the prediction log of %s cannot be tidied", self.folder.name)


def _size_of(batch: Batch) -> int:
    """Roughly the bytes of a request."""
    given = batch.frame
    if hasattr(given, "memory_usage"):
        return int(given.memory_usage(index=False, deep=True).sum())
    columns = given if isinstance(given, Mapping) else getattr(given, "columns", None)
    arrays = list(columns.values()) if isinstance(columns, Mapping) else [given]
    return sum(map(_size_of_array, arrays))


def _size_of_array(array: Any) -> int:
    if getattr(getattr(array, "dtype", None), "kind", "") == "O":
        return sum(len(one) if isinstance(one, str | bytes) else 16 for one in array.flat)
    return int(getattr(array, "nbytes", 64))
