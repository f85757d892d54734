"""When to fold: the index is brought up to date for who needs it, and no more often than that.

A fold costs about 20 ms whatever it moves, an attach one: folds are rationed, attaches are not.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from mlops_lab.errors import LabError, StorageFull, StoreBusy
from mlops_lab.store.duck import IndexDamaged, IndexHeld
from mlops_lab.store.index import BACKLOG_BATCH_BYTES, BATCH_BYTES, Index, Pass

__all__ = ["FoldReport", "Freshness"]

logger = logging.getLogger(__name__)

RATION_S = 0.25
"""An index younger than this is fresh enough for one more point, not for a new run or an end."""

LOCK_WAIT_S = 30.0
BUILD_WAIT_S = 60.0
FOREIGN_WAIT_S = 2.0
SWEEP_EVERY_S = 60.0
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Signature:
    """What a store looks like from outside: it changes when something was written or a writer died.

    Parameters
    ----------
    decisions
        Inode and size of the decision log.
    journals
        Writer, size, and whether the writer lives, of each journal that is not put away.
    """

    decisions: tuple[int, int]
    journals: tuple[tuple[str, int, bool], ...]

    def has_only_grown(self, since: Signature) -> bool:
        """Whether the same writers live and nothing was decided: some have logged, no more."""
        return self.decisions == since.decisions and [
            (writer, lives) for writer, _, lives in self.journals
        ] == [(writer, lives) for writer, _, lives in since.journals]


@dataclass(frozen=True, slots=True)
class FoldReport:
    """What a fold did.

    Parameters
    ----------
    lines
        Lines that were moved, rejected ones included.
    rejected
        Lines that were set aside with a reason.
    behind
        Whether lines are left because the budget was used up.
    missed
        Whether the lock could not be had in time, so that what others do was not waited for.
    """

    lines: int
    rejected: int
    behind: bool
    missed: bool


class Locked(Protocol):
    """Holds the store's lock inside a ``with``; the value says whether it was had in time."""

    def __call__(self, *, exclusive: bool, wait_s: float) -> AbstractContextManager[bool]: ...


class Freshness:
    """Folds when that is due and says how old the index is. Safe to use from several threads.

    Parameters
    ----------
    index
        The file that is folded into.
    locked
        How the store's lock is held.
    signature
        Looks at the store from outside.
    written
        How many bytes this process has logged.
    """

    def __init__(
        self,
        index: Index,
        locked: Locked,
        signature: Callable[[], Signature],
        written: Callable[[], int],
    ) -> None:
        self._index = index
        self._locked = locked
        self._signature = signature
        self._written = written
        self._mutex = threading.Lock()
        self._seen: Signature | None = None
        self._folded_size = 0
        self._complete_at: float | None = None
        self._swept_at = time.monotonic()
        self._damaged = False
        self._problem: LabError | None = None

    @property
    def age_s(self) -> float:
        """Seconds since the index is known to have been complete; infinite when it never was."""
        at = max(self._complete_at or 0.0, self._index.complete_at() or 0.0)
        return max(0.0, time.time() - at) if at else float("inf")

    def fold(
        self, *, wait_s: float, budget_s: float | None, force: bool, sweep: bool
    ) -> FoldReport:
        """Move what was written into the index, unless it is young enough; see
        :meth:`Store.fold`.
        """
        deadline = time.monotonic() + wait_s
        if not self._mutex.acquire(timeout=wait_s):
            return FoldReport(0, 0, behind=False, missed=True)
        try:
            if not (force or sweep) and self._is_fresh():
                return FoldReport(0, 0, behind=False, missed=False)
            stop = time.monotonic() + budget_s if budget_s is not None else None
            return self._fold_until(deadline, stop, sweep=sweep)
        finally:
            self._mutex.release()

    @contextmanager
    def exclusive(self, wait_s: float) -> Iterator[None]:
        """Hold the lock that shuts everybody else out, this process's other folds included.

        Raises
        ------
        StoreBusy
            It could not be had in time.
        """
        deadline = time.monotonic() + wait_s
        if not self._mutex.acquire(timeout=wait_s):
            raise self.busy()
        try:
            with self._locked(exclusive=True, wait_s=max(0.0, deadline - time.monotonic())) as got:
                if not got:
                    raise self.busy()
                yield
        finally:
            self._mutex.release()

    def catch_up(self) -> None:
        """Fold everything written so far; only inside :meth:`exclusive`.

        Raises
        ------
        StoreBusy
            A foreign client keeps the index open.
        StorageFull
            There is no room for the index.
        """
        deadline = time.monotonic() + FOREIGN_WAIT_S
        while (
            self._seen is None or self._signature() != self._seen or not self._index.path.exists()
        ):
            try:
                if not self._fold_batch(BATCH_BYTES, sweep=False).behind:
                    return
            except IndexHeld:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_PAUSE_S)

    def build(self, is_whole: Callable[[], bool]) -> None:
        """Fold until `is_whole` says that an index which is new, or another process is still at,
        has everything.

        Raises
        ------
        StoreBusy, StorageFull
            That is not possible.
        """
        deadline = time.monotonic() + BUILD_WAIT_S
        while not is_whole():
            self._problem = None
            report = self.fold(wait_s=1.0, budget_s=None, force=True, sweep=False)
            if isinstance(self._problem, StorageFull):
                raise self._problem
            if report.missed and time.monotonic() >= deadline:
                raise self._problem or self.busy()

    def rebuild(self) -> FoldReport:
        """Throw the index away and fold everything again."""
        with self.exclusive(BUILD_WAIT_S):
            self._index.remove()
            self._seen = None
        with self._mutex:
            return self._fold_until(time.monotonic() + BUILD_WAIT_S, None, sweep=True)

    def mark_damaged(self) -> None:
        """Somebody met damage while reading: the next fold begins with a new index."""
        self._damaged = True
        self._seen = None

    def busy(self) -> StoreBusy:
        """The error of whoever waited too long for the lock."""
        return StoreBusy(
            f"the store {self._index.path.parent} was kept locked by another process for longer "
            "than we wait; try again"
        )

    def forget(self) -> None:
        """In a forked child: nothing has been logged, and nobody holds the mutex."""
        self._mutex = threading.Lock()
        self._folded_size = 0

    def _is_fresh(self) -> bool:
        if self._damaged or not self._index.path.exists():
            return False
        now, signature = time.time(), self._signature()
        if signature == self._seen:
            self._complete_at = now
            return True
        if self._seen is None or not signature.has_only_grown(self._seen):
            # Whoever waited for a script to end sees its run, however short it was.
            return False
        complete_at = self._index.complete_at()
        young = complete_at is not None and 0 <= now - complete_at < RATION_S
        return young and self._written() <= self._folded_size

    def _fold_until(self, deadline: float, stop: float | None, *, sweep: bool) -> FoldReport:
        """Batch after batch, letting go of the lock in between, so that nobody waits long."""
        lines = rejected = 0
        limit = BATCH_BYTES
        sweep = sweep or time.monotonic() - self._swept_at > SWEEP_EVERY_S
        while True:
            with self._locked(exclusive=True, wait_s=max(0.0, deadline - time.monotonic())) as got:
                if not got:
                    return FoldReport(lines, rejected, behind=lines > 0, missed=True)
                try:
                    done = self._fold_batch(limit, sweep=sweep)
                except (IndexHeld, StorageFull) as error:
                    logger.warning("nothing was folded: %s", error)
                    self._problem = error
                    return FoldReport(lines, rejected, behind=lines > 0, missed=True)
            lines, rejected = lines + done.lines, rejected + done.rejected
            if not done.behind or (stop is not None and time.monotonic() >= stop):
                return FoldReport(lines, rejected, behind=done.behind, missed=False)
            if stop is None:
                limit = BACKLOG_BATCH_BYTES
                deadline = time.monotonic() + LOCK_WAIT_S

    def _fold_batch(self, limit: int, *, sweep: bool) -> Pass:
        """One batch under the exclusive lock, into a new index should this one be damaged."""
        seen, written, now = self._signature(), self._written(), time.time()
        if self._damaged:
            self._index.remove()
            self._damaged = False
        try:
            done = self._index.fold_batch(sweep=sweep, limit=limit)
        except IndexDamaged as error:
            logger.warning(
                "the index %s was damaged (%s): it is made again", self._index.path, error
            )
            self._index.remove()
            done = self._index.fold_batch(sweep=True, limit=limit)
        if done.behind:
            self._seen = None
        else:
            self._seen, self._folded_size, self._complete_at = seen, written, now
            if sweep:
                self._swept_at = time.monotonic()
        return done
