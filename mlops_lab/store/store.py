"""The store of one project: append telemetry, take decisions, read both back as tables."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import Corrupt, StoreBusy
from mlops_lab.store.create import prepare, private_folder
from mlops_lab.store.decisions import Decision, DecisionLog
from mlops_lab.store.duck import IndexDamaged, IndexHeld
from mlops_lab.store.index import Index
from mlops_lab.store.journal import LINE_LIMIT, Writer, encode_line
from mlops_lab.store.layout import ConceptTables, Layout
from mlops_lab.store.lock import StoreLock
from mlops_lab.store.objects import Objects
from mlops_lab.store.sync import Syncer
from mlops_lab.store.tail import list_journals

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["FoldReport", "Store"]

logger = logging.getLogger(__name__)

RATION_S = 0.25
"""An index younger than this is fresh enough, unless this process has logged since."""

READ_BUDGET_S = 0.25
"""How long a reader folds before it reads what there is."""

LOCK_WAIT_S = 10.0
BUILD_WAIT_S = 60.0
FOREIGN_WAIT_S = 2.0
SWEEP_EVERY_S = 60.0


_stores: weakref.WeakSet[Store] = weakref.WeakSet()


def _sync_at_exit() -> None:
    for store in list(_stores):
        store.close()


def _after_fork() -> None:
    for store in list(_stores):
        store.forget()


atexit.register(_sync_at_exit)
os.register_at_fork(after_in_child=_after_fork)


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
        Whether the lock could not be had in time; then nothing was moved.
    """

    lines: int
    rejected: int
    behind: bool
    missed: bool


class Store:
    """Everything a project has on disk below ``.mlops``. Safe to use from several threads and after a fork.

    Opening is cheap: nothing of DuckDB is imported before the first read, fold or decision.

    Parameters
    ----------
    root
        The project's folder; ``.mlops`` is made in it if missing.
    concepts
        The tables to fold into, in layer order.
    """

    def __init__(self, root: Path, concepts: Sequence[ConceptTables]) -> None:
        self.root = Path(root).resolve()
        layout = Layout(self.root)
        self._layout = layout
        self.dir = layout.dir
        self._refused_why = prepare(layout)
        self.read_only = self._refused_why is not None
        self.objects = Objects(layout.objects, layout.tmp)
        folder = private_folder(self.dir) if self.read_only else self.dir
        self._lock = StoreLock(folder)
        self._decisions = DecisionLog(layout.decisions)
        self._index = Index(layout, folder, concepts, self.objects, writable=not self.read_only)
        self._writer = Writer(layout.journal, self._restate)
        self._restaters: list[Callable[[], list[Mapping[str, Any]]]] = []
        self._fold_mutex = threading.Lock()
        self._seen: Hashable = None
        self._folded_size = 0
        self._complete_at: float | None = None
        self._swept_at = time.monotonic()
        self._whole = False
        self._syncer = Syncer(self._writer)
        _stores.add(self)

    # ------------------------------------------------------------------ telemetry

    @property
    def writer_id(self) -> str:
        """The name of this process's journal, which is made if there is none yet."""
        self._refuse_when_read_only()
        self._writer.open()
        return self._writer.id

    def append(self, *lines: Mapping[str, Any]) -> None:
        """Write telemetry lines, all of them in one write; what it returned from survives the process.

        Parameters
        ----------
        lines
            As the journal format says; nothing is added. NaN and infinities become strings.

        Raises
        ------
        StorageFull
            There is no room on the disk.
        Forbidden, Conflict
            The store cannot be written, or a newer program's store must not be.
        """
        if self._refused_why is not None:
            raise self._refused_why
        encoded = [encode_line(line) for line in lines]
        self._writer.append(b"".join([self._shorten(data, line) for data, line in zip(encoded, lines, strict=True)]))

    def on_new_journal(self, restate: Callable[[], list[Mapping[str, Any]]]) -> None:
        """Have `restate` give the first lines of a journal that replaces one which was deleted under us."""
        self._restaters.append(restate)

    def sync(self) -> None:
        """Have the disk keep what this process has appended: against a power cut, not a crash."""
        self._writer.sync()

    def hold(self) -> None:
        """One more run is open: sync at most once a second until it is released."""
        self._syncer.hold()

    def release(self) -> None:
        """One run fewer is open."""
        self._syncer.release()

    # ------------------------------------------------------------------ decisions

    def decide(
        self,
        kind: str,
        data: Mapping[str, Any] | Callable[[DuckDBPyConnection], Mapping[str, Any]],
        *,
        by: Mapping[str, Any],
    ) -> Decision:
        """Settle something: under the exclusive lock, after everything written so far is folded.

        Parameters
        ----------
        kind
            Concept and verb: ``run.delete``.
        data
            What is settled, or a function that checks the state through a cursor and gives it; what the
            function raises is raised, and then nothing was decided.
        by
            Who (``id``) and by which surface (``via``).

        Raises
        ------
        StoreBusy
            The lock, or the index, could not be had.
        """
        if self._refused_why is not None:
            raise self._refused_why
        # Most of a backlog is folded in small bites, so that others are not kept waiting.
        self.fold(wait_s=LOCK_WAIT_S, force=True)
        with self._fold_mutex, self._lock.hold(exclusive=True, wait_s=LOCK_WAIT_S) as got:
            if not got:
                raise self._busy()
            self._fold_all()
            if callable(data):
                with self._index.host.attached(self._index.path, read_only=True) as cursor:
                    data = data(cursor)
            decision = self._decisions.append(kind, data, by)
            self._fold_all()
        return decision

    def decisions(self, since: int = 0) -> Iterator[Decision]:
        """The decisions after number `since`, oldest first, as they are in the log."""
        return self._decisions.read(since)

    # ------------------------------------------------------------------ reading

    @contextmanager
    def read(self, fresh: bool = True) -> Iterator[DuckDBPyConnection]:
        """A DuckDB cursor that sees the index, read-only, as ``lab``; always qualify: ``lab.runs``.

        The shared lock is held inside the ``with``: fetch the results and leave.

        Parameters
        ----------
        fresh
            Fold first what was written since. When the lock is not had within 0.1 s the last state is
            served; `age_s` says how old it is.

        Raises
        ------
        StoreBusy
            A foreign client kept the index open for 2 s, or a fold the lock for longer than 10.
        Corrupt
            The index was damaged while it was read; it will be made again.
        """
        if fresh or not self._whole:
            self.fold(wait_s=0.1, budget_s=READ_BUDGET_S)
        with self._lock.hold(exclusive=False, wait_s=LOCK_WAIT_S) as got:
            if not got:
                raise self._busy()
            ready = self._is_whole()
            if ready:
                with self._attached_to_read() as cursor:
                    yield cursor
        if ready:
            return
        self._build()
        with self._lock.hold(exclusive=False, wait_s=LOCK_WAIT_S) as got:
            if not got:
                raise self._busy()
            with self._attached_to_read() as cursor:
                yield cursor

    def query(self, sql: str, params: object = None, *, fresh: bool = True) -> list[tuple[Any, ...]]:
        """All rows of one select over ``lab.<table>``; made again once when the index turns out damaged."""
        try:
            with self.read(fresh) as cursor:
                return cursor.execute(sql, params).fetchall()
        except Corrupt:
            with self.read(fresh) as cursor:
                return cursor.execute(sql, params).fetchall()

    @property
    def age_s(self) -> float:
        """Seconds since what was read last is known to have been complete; infinite before the first fold."""
        stamp = self._index.age_ns()
        known = [at for at in (self._complete_at, stamp / 1e9 if stamp else None) if at is not None]
        return max(0.0, time.time() - max(known)) if known else float("inf")

    def signature(self) -> Hashable:
        """Changes when something was written or a writer died; some ``stat`` calls, no lock, no DuckDB."""
        try:
            stat = self._layout.decisions.stat()
            decisions = (stat.st_ino, stat.st_size)
        except FileNotFoundError:
            decisions = (0, 0)
        journals = sorted((file.writer, file.size, file.held) for file in list_journals(self._layout.journal))
        return (decisions, tuple(journals))

    # ------------------------------------------------------------------ folding

    def fold(self, *, wait_s: float = 0.1, budget_s: float | None = None, force: bool = False) -> FoldReport:
        """Move what was written since the last fold into the index, rationed.

        Parameters
        ----------
        wait_s
            How long to try for the lock, in seconds; others that fold do the work as well.
        budget_s
            Stop after about this time, in seconds; None goes on to the end.
        force
            Look at everything, however young the index is.
        """
        deadline = time.monotonic() + wait_s
        if not self._fold_mutex.acquire(timeout=wait_s):
            return FoldReport(0, 0, behind=False, missed=True)
        try:
            return self._fold(deadline, budget_s, force=force)
        finally:
            self._fold_mutex.release()

    def rebuild(self) -> FoldReport:
        """Throw the index away and fold everything again."""
        with self._fold_mutex:
            with self._lock.hold(exclusive=True, wait_s=BUILD_WAIT_S) as got:
                if not got:
                    raise self._busy()
                self._index.remove()
                self._seen, self._whole = None, False
            return self._fold(time.monotonic() + BUILD_WAIT_S, None, force=True)

    def close(self) -> None:
        """End this process's journal and give DuckDB's memory back; the store can be used again."""
        self._syncer.stop()
        if not self.read_only:
            self._writer.sync()
        self._writer.close()
        self._index.host.close()

    def forget(self) -> None:
        """In a forked child: let go of what is the parent's. Called by itself."""
        self._fold_mutex = threading.Lock()
        self._index.host.after_fork()
        self._syncer.forget()
        self._folded_size = 0

    def _fold(self, deadline: float, budget_s: float | None, *, force: bool) -> FoldReport:
        now, wall = time.monotonic(), time.time()
        stop = now + budget_s if budget_s is not None else float("inf")
        if not force:
            signature = self.signature()
            if signature == self._seen and self._index.path.exists():
                self._complete_at = wall
                return FoldReport(0, 0, behind=False, missed=False)
            stamp = self._index.age_ns()
            young = stamp is not None and 0 <= wall - stamp / 1e9 < RATION_S
            if young and self._writer.size <= self._folded_size:
                return FoldReport(0, 0, behind=False, missed=False)
        lines = rejected = 0
        while True:
            with self._lock.hold(exclusive=True, wait_s=max(0.0, deadline - time.monotonic())) as got:
                if not got:
                    return FoldReport(lines, rejected, behind=lines > 0, missed=lines == 0)
                try:
                    moved = self._fold_batch(sweep=force or now - self._swept_at > SWEEP_EVERY_S)
                except IndexHeld:
                    return FoldReport(lines, rejected, behind=lines > 0, missed=True)
            lines, rejected = lines + moved[0], rejected + moved[1]
            if not moved[2] or time.monotonic() >= stop:
                return FoldReport(lines, rejected, behind=moved[2], missed=False)
            deadline = max(deadline, time.monotonic() + 1.0)

    def _fold_batch(self, *, sweep: bool) -> tuple[int, int, bool]:
        """One batch under the exclusive lock, into a new index should this one be damaged."""
        seen, own, wall = self.signature(), self._writer.size, time.time()
        try:
            done = self._index.fold_batch(sweep=sweep)
        except IndexDamaged as error:
            logger.warning("the index %s was damaged (%s): it is made again", self._index.path, error)
            self._index.remove()
            self._whole = False
            done = self._index.fold_batch(sweep=True)
        if done.behind:
            self._seen = None
        else:
            self._seen, self._folded_size, self._complete_at, self._whole = seen, own, wall, True
            if sweep:
                self._swept_at = time.monotonic()
        return done.lines, done.rejected, done.behind

    def _fold_all(self) -> None:
        """Everything written so far; the caller holds the exclusive lock."""
        deadline = time.monotonic() + FOREIGN_WAIT_S
        while True:
            try:
                if not self._fold_batch(sweep=False)[2]:
                    return
            except IndexHeld:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.05)

    def _build(self) -> None:
        """Fold everything into an index that is new, or of another process that is still at it."""
        deadline = time.monotonic() + BUILD_WAIT_S
        held: IndexHeld | None = None
        while not self._whole:
            report = self.fold(wait_s=1.0, force=True)
            if report.missed and time.monotonic() >= deadline:
                raise held or self._busy()

    def _is_whole(self) -> bool:
        if not self._whole and self._index.path.exists():
            with self._attached_to_read() as cursor:
                self._whole = self._index.is_complete(cursor)
        return self._whole and self._index.path.exists()

    @contextmanager
    def _attached_to_read(self) -> Iterator[DuckDBPyConnection]:
        import duckdb

        deadline = time.monotonic() + FOREIGN_WAIT_S
        while True:
            attached = self._index.host.attached(self._index.path, read_only=True)
            try:
                cursor = attached.__enter__()
                break
            except IndexHeld:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.05)
        try:
            yield cursor
        finally:
            attached.__exit__(None, None, None)

    # ------------------------------------------------------------------ the rest

    def _shorten(self, data: bytes, line: Mapping[str, Any]) -> bytes:
        """A line as it is, or a short one that names the object in which it was put."""
        if len(data) <= LINE_LIMIT:
            return data
        short = {key: line[key] for key in ("e", "r", "t") if key in line}
        return encode_line({**short, "object": self.objects.put_bytes(data)})

    def _restate(self) -> list[Mapping[str, Any]]:
        return [line for restate in self._restaters for line in restate()]

    def _refuse_when_read_only(self) -> None:
        if self._refused_why is not None:
            raise self._refused_why

    def _busy(self) -> StoreBusy:
        return StoreBusy(f"the store {self.dir} was kept locked by another process for longer than we wait; try again")
