"""Decisions: one hash-chained line each, in the order in which they were taken.

The newline is the commit. Every line carries the sha256 of the line before it, so the audit trail
cannot disagree with what happened without a broken link that names the line.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_lab.errors import Corrupt, StorageFull, Untrusted
from mlops_lab.store.journal import encode_line
from mlops_lab.store.layout import DISK_FULL, LINE_VERSION

__all__ = ["FIRST_PREV", "TORN", "Decision", "DecisionLog"]

logger = logging.getLogger(__name__)

FIRST_PREV = "0" * 64
"""What stands for the previous line's hash in the first decision."""

TORN = "the last line has no end: it was never committed and the next decision cuts it off"
"""What `DecisionLog.faults` says of a line that a process died over: nobody changed anything."""

_TAIL_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Decision:
    """Something that was settled.

    Parameters
    ----------
    n
        Its place in the log, from 1.
    t
        When it was taken, in µs since the epoch, UTC.
    by
        Who took it (``id``) and by which surface (``via``).
    kind
        Concept and verb: ``run.delete``.
    data
        What was settled.
    hash
        The sha256 of the line, which the next decision repeats.
    """

    n: int
    t: int
    by: dict[str, Any]
    kind: str
    data: dict[str, Any]
    hash: str


class DecisionLog:
    """The file ``decisions.jsonl``. Appending needs the store's exclusive lock; reading needs
    none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, kind: str, data: Mapping[str, Any], by: Mapping[str, Any]) -> Decision:
        """Add one decision and have the disk keep it; the caller holds the store's exclusive lock.

        Raises
        ------
        Untrusted
            The last line cannot be read, so nothing can be chained to it.
        StorageFull
            The disk did not take the line; the log is as it was.
        """
        created = not self.path.exists()
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            end = self._cut_torn_tail(fd)
            last = _last_line(fd, end)
            n, prev = (_number_of(last, self.path) + 1, _hash(last)) if last else (1, FIRST_PREV)
            t = time.time_ns() // 1000
            line = encode_line(
                {
                    "v": LINE_VERSION,
                    "n": n,
                    "t": t,
                    "by": by,
                    "kind": kind,
                    "data": data,
                    "prev": prev,
                }
            )
            _write_durably(fd, line, end, self.path)
        finally:
            os.close(fd)
        if created:
            _sync_folder(self.path.parent)
        # What was stored, not what was given: NaN, for one, has become text.
        return _decision(json.loads(line), line[:-1])

    def read(self, since: int = 0) -> Iterator[Decision]:
        """The decisions after number `since`, oldest first; an unfinished last line is none.

        Raises
        ------
        Corrupt
            A line cannot be read; the message names it.
        """
        for number, raw in self._lines():
            if not raw.endswith(b"\n"):
                return
            try:
                decision = _decision(json.loads(raw), raw[:-1])
            except (ValueError, KeyError, TypeError) as error:
                raise Corrupt(
                    f"line {number} of {self.path} is not a decision: {raw[:80]!r}. "
                    "`mlops-lab store verify` says what else is broken.",
                    line=number,
                ) from error
            if decision.n > since:
                yield decision

    def faults(self) -> Iterator[tuple[int, str]]:
        """Walk the whole chain: ``(line number, what is wrong)`` of each broken link."""
        prev, expected = FIRST_PREV, 1
        for number, raw in self._lines():
            if not raw.endswith(b"\n"):
                yield number, TORN
                return
            try:
                line = json.loads(raw)
                n, linked = line["n"], line["prev"]
            except (ValueError, KeyError, TypeError):
                yield number, f"is not a decision: {raw[:80]!r}"
                n, linked = expected, prev
            if linked != prev:
                yield number, f"does not continue the line before it: {_why(number, n, expected)}"
            elif n != expected:
                yield number, f"has number {n} where {expected} was due"
            prev, expected = _hash(raw[:-1]), n + 1 if isinstance(n, int) else expected + 1

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """The lines with their numbers, none when there is no log yet; the last may be torn."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            yield from enumerate(file, start=1)

    def _cut_torn_tail(self, fd: int) -> int:
        end = os.fstat(fd).st_size
        committed = _end_of_last_line(fd, end)
        if committed < end:
            torn = os.pread(fd, min(end - committed, 200), committed)
            logger.warning(
                "%s ended in %d bytes of a decision that was never committed; they were cut off: "
                "%r",
                self.path,
                end - committed,
                torn,
            )
            os.ftruncate(fd, committed)
        return committed


def _why(number: int, n: Any, expected: int) -> str:
    """What must have happened before a line that does not continue the one before it."""
    if not isinstance(n, int) or n == expected:
        if number == 1:
            return "it says that there was one"
        return f"line {number - 1} was changed after it was written"
    if n > expected:
        gone = f"decision {expected}" if n == expected + 1 else f"decisions {expected} to {n - 1}"
        return f"{gone} {'is' if n == expected + 1 else 'are'} missing before it"
    return f"decision {n} stands after decision {expected - 1}: it was moved or repeated"


def _end_of_last_line(fd: int, end: int) -> int:
    """Position after the last newline before `end`."""
    while end > 0:
        start = max(0, end - _TAIL_BYTES)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _last_line(fd: int, end: int) -> bytes:
    """The line that ends at `end`, without its newline."""
    if end == 0:
        return b""
    start = _end_of_last_line(fd, end - 1)
    return os.pread(fd, end - 1 - start, start)


def _number_of(raw: bytes, path: Path) -> int:
    try:
        return int(json.loads(raw)["n"])
    except (ValueError, KeyError, TypeError) as error:
        raise Untrusted(
            f"the last line of {path} is not a decision: {raw[:80]!r}. Nothing can be decided "
            "until it is put right "
            "from a backup; reading goes on."
        ) from error


def _decision(line: dict[str, Any], raw: bytes) -> Decision:
    return Decision(line["n"], line["t"], line["by"], line["kind"], line["data"], _hash(raw))


def _hash(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _write_durably(fd: int, line: bytes, end: int, path: Path) -> None:
    """All of the line on the disk, or nothing of it in the file."""
    try:
        written = os.write(fd, line)
        if written < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(fd)
    except OSError as error:
        os.ftruncate(fd, end)
        if error.errno not in DISK_FULL:
            raise
        raise StorageFull(f"the decision was not written to {path}: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
