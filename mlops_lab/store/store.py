"""The store of one project: append telemetry, take decisions, read both back as tables."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import Corrupt, LabError
from mlops_lab.store.create import prepare, private_folder
from mlops_lab.store.decisions import Decision, DecisionLog
from mlops_lab.store.duck import IndexDamaged, IndexHeld, is_damage
from mlops_lab.store.freshness import (
    FOREIGN_WAIT_S,
    LOCK_WAIT_S,
    FoldReport,
    Freshness,
    Signature,
)
from mlops_lab.store.index import Index
from mlops_lab.store.journal import LINE_LIMIT, Writer, encode_line
from mlops_lab.store.layout import ConceptTables, Layout
from mlops_lab.store.lock import StoreLock
from mlops_lab.store.objects import Objects
from mlops_lab.store.status import Problem, StoreStatus, find_problems, read_status
from mlops_lab.store.sync import Syncer
from mlops_lab.store.tail import list_journals

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlops_lab.store.beside import Beside
    from mlops_lab.store.collect import CollectReport

__all__ = ["Store"]

logger = logging.getLogger(__name__)

READ_BUDGET_S = 0.25
"""How long a reader folds before it reads what there is."""

_stores: weakref.WeakSet[Store] = weakref.WeakSet()


def _sync_at_exit() -> None:
    for store in list(_stores):
        store.close()


def _after_fork() -> None:
    for store in list(_stores):
        store.forget()


atexit.register(_sync_at_exit)
os.register_at_fork(after_in_child=_after_fork)


class Store:
    """Everything a project has on disk below ``.mlops``. Safe to use from several threads and
    after a fork.

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
        self._concepts = concepts
        self.dir = layout.dir
        self._refused_why = prepare(layout)
        self.read_only = self._refused_why is not None
        folder = private_folder(self.dir) if self.read_only else self.dir
        self.tmp = folder / "tmp"
        """Where what a reader needs for a while may be put; who may only read has a folder too."""
        self.objects = Objects(layout.objects, layout.tmp, self._refused_why, folder)
        self.beside: dict[str, Callable[[], Beside]] = {}
        """What users' SQL sees that is not in the index, by name; found when a query names it."""
        self._lock = StoreLock(folder)
        self._decisions = DecisionLog(layout.decisions)
        self._index = Index(layout, folder, concepts, self.objects, writable=not self.read_only)
        self._writer = Writer(layout.journal, self._restate)
        self._restaters: list[Callable[[], list[Mapping[str, Any]]]] = []
        self._freshness = Freshness(
            self._index, self._locked, self.signature, lambda: self._writer.size
        )
        self._reading = threading.local()
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
        """Write telemetry lines, all of them in one write; what it returned from survives the
        process.

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
        self._refuse_when_read_only()
        encoded = [encode_line(line) for line in lines]
        self._writer.append(
            b"".join([self._shorten(data, line) for data, line in zip(encoded, lines, strict=True)])
        )

    def on_new_journal(self, restate: Callable[[], list[Mapping[str, Any]]]) -> None:
        """Have `restate` give the first lines of a journal that replaces one which was deleted
        under us.
        """
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
            What is settled, or a function that checks the state through a cursor and gives it;
            what the function raises is raised, and then nothing was decided.
        by
            Who (``id``) and by which surface (``via``).

        Raises
        ------
        StoreBusy
            The lock, or the index, could not be had.
        """
        self._refuse_when_read_only()
        # A long backlog is folded in small bites first, so that others are not kept waiting.
        self.fold(wait_s=LOCK_WAIT_S)
        with self._freshness.exclusive(LOCK_WAIT_S):
            self._freshness.catch_up()
            if callable(data):
                with self._index.host.attached(self._index.path, read_only=True) as cursor:
                    data = data(cursor)
            decision = self._decisions.append(kind, data, by)
            try:
                self._freshness.catch_up()
            except LabError as error:
                # It is settled, and whoever reads next folds it: not to be told as a failure.
                logger.warning("decision %d is not in the index yet: %s", decision.n, error)
        return decision

    def decisions(self, since: int = 0) -> Iterator[Decision]:
        """The decisions after number `since`, oldest first, as they are in the log."""
        return self._decisions.read(since)

    # ------------------------------------------------------------------ reading

    @contextmanager
    def read(self, fresh: bool = True) -> Iterator[DuckDBPyConnection]:
        """A DuckDB cursor that sees the index, read-only, as ``lab``; always qualify: ``lab.runs``.

        The shared lock is held inside the ``with``: fetch the results and leave. A ``with`` inside
        another of the same thread sees the same state.

        Parameters
        ----------
        fresh
            Fold first what was written since. When the lock is not had within 0.1 s the last state
            is served; `age_s` says how old it is.

        Raises
        ------
        StoreBusy
            A foreign client kept the index open for 2 s, or others the lock for longer than 30 s.
        Corrupt
            The index turned out to be damaged while it was read; it will be made again.
        """
        outer: DuckDBPyConnection | None = getattr(self._reading, "cursor", None)
        if outer is not None:
            # Waiting for the lock again could wait for somebody who waits for us.
            yield outer.cursor()
            return
        if fresh:
            self.fold(budget_s=READ_BUDGET_S)
        while True:
            with self._shared() as cursor:
                if cursor is not None and self._index.is_complete(cursor):
                    self._reading.cursor = cursor
                    try:
                        yield cursor
                    finally:
                        self._reading.cursor = None
                    return
            self._freshness.build(self._is_whole)

    def query(
        self, sql: str, params: object = None, *, fresh: bool = True
    ) -> list[tuple[Any, ...]]:
        """All rows of one select over ``lab.<table>``; asked again once when the index was
        damaged.
        """
        try:
            with self.read(fresh) as cursor:
                return cursor.execute(sql, params).fetchall()
        except Corrupt:
            with self.read(fresh) as cursor:
                return cursor.execute(sql, params).fetchall()

    @property
    def age_s(self) -> float:
        """Seconds since what was read last is known to have been complete; infinite before the
        first fold.
        """
        return self._freshness.age_s

    def signature(self) -> Signature:
        """Changes when something was written or a writer died; some ``stat`` calls, no lock, no
        DuckDB.
        """
        try:
            stat = self._layout.decisions.stat()
            decisions = (stat.st_ino, stat.st_size)
        except FileNotFoundError:
            decisions = (0, 0)
        journals = sorted(
            (file.writer, file.size, file.held) for file in list_journals(self._layout.journal)
        )
        return Signature(decisions, tuple(journals))

    def fold(
        self,
        *,
        wait_s: float = 0.1,
        budget_s: float | None = None,
        force: bool = False,
        sweep: bool = False,
    ) -> FoldReport:
        """Move what was written since the last fold into the index, rationed.

        Parameters
        ----------
        wait_s
            How long to try for the lock, in seconds; others that fold do the work as well.
        budget_s
            Stop after about this time, in seconds; None goes on to the end.
        force
            Fold however young the index is.
        sweep
            Look also for what was added to journals that were put away, and remove what crashes
            left behind; done by itself about once a minute.
        """
        return self._freshness.fold(wait_s=wait_s, budget_s=budget_s, force=force, sweep=sweep)

    def rebuild(self) -> FoldReport:
        """Throw the index away and fold everything again."""
        return self._freshness.rebuild()

    # ------------------------------------------------------------------ care

    def digest_of_file(self, path: Path) -> str | None:
        """The content id of a file that was kept and is as it was; see `Objects.digest_of_file`."""
        return self.objects.digest_of_file(path)

    def status(self) -> StoreStatus:
        """How much there is, how much is not folded yet, and what was set aside."""
        return read_status(self, self._layout, self._index)

    def verify(self) -> list[Problem]:
        """Check the chain of decisions, the objects' bytes and what was rejected; reads all of
        it.
        """
        return [*find_problems(self, self._layout, self._decisions, self._concepts)]

    def collect(self, *, apply: bool = False, older_than_s: float | None = None) -> CollectReport:
        """Find the objects that nothing needs; nothing happens to them unless `apply`.

        What is needed, young, or spoken of in a line that no table has understood, stays. With
        `apply` the others are moved into ``.mlops/trash``, and what was put there more than a week
        ago is deleted.

        Parameters
        ----------
        older_than_s
            What is younger stays, in seconds; at least a day, by default 14.

        Raises
        ------
        StoreBusy
            The lock could not be had.
        Corrupt
            A list of files that is needed cannot be read, so nobody knows what it needs.
        """
        from mlops_lab.store.collect import YOUNG_S, collect, list_named

        if apply:
            self._refuse_when_read_only()
        self.fold(wait_s=LOCK_WAIT_S, sweep=True)
        with self._freshness.exclusive(LOCK_WAIT_S):
            # Under the lock under which decisions look whether what they name is there.
            self._freshness.catch_up()
            with self._index.host.attached(self._index.path, read_only=True) as cursor:
                named = list_named(cursor, self._concepts)
            limit = YOUNG_S if older_than_s is None else older_than_s
            return collect(self.objects, self._layout, named, apply=apply, older_than_s=limit)

    def close(self) -> None:
        """End this process's journal and give DuckDB's memory back; the store can be used again."""
        self._syncer.stop()
        self._writer.sync()
        self._writer.close()
        self._index.host.close()

    def forget(self) -> None:
        """In a forked child: let go of what is the parent's. Called by itself."""
        self._freshness.forget()
        self._index.host.forget()
        self._syncer.forget()
        self._reading = threading.local()

    @contextmanager
    def _locked(self, *, exclusive: bool, wait_s: float) -> Iterator[bool]:
        if not self.dir.exists():  # deleted under us
            prepare(self._layout)
        with self._lock.hold(exclusive=exclusive, wait_s=wait_s) as got:
            yield got

    @contextmanager
    def _shared(self) -> Iterator[DuckDBPyConnection | None]:
        """A reading cursor under the shared lock, None when there is no index (or none worth the
        name).
        """
        with self._locked(exclusive=False, wait_s=LOCK_WAIT_S) as got:
            if not got:
                raise self._freshness.busy()
            if not self._index.path.exists():
                yield None
                return
            with ExitStack() as stack:
                try:
                    cursor = stack.enter_context(self._attached())
                except IndexDamaged:
                    self._freshness.mark_damaged()
                    yield None
                    return
                try:
                    yield cursor
                except Exception as error:
                    if not is_damage(error):
                        raise
                    self._freshness.mark_damaged()
                    raise Corrupt(
                        f"the index {self._index.path.name} is damaged ({error}); nothing is "
                        "lost: it is only a copy "
                        "and the next read makes it again"
                    ) from error

    @contextmanager
    def _attached(self) -> Iterator[DuckDBPyConnection]:
        """Attach for reading, waiting a little for a foreign client to close the file."""
        deadline = time.monotonic() + FOREIGN_WAIT_S
        with ExitStack() as stack:
            while True:
                try:
                    cursor = stack.enter_context(
                        self._index.host.attached(self._index.path, read_only=True)
                    )
                    break
                except IndexHeld:
                    if time.monotonic() >= deadline:
                        raise
                    time.sleep(0.05)
            yield cursor

    def _is_whole(self) -> bool:
        with self._shared() as cursor:
            return cursor is not None and self._index.is_complete(cursor)

    def _shorten(self, data: bytes, line: Mapping[str, Any]) -> bytes:
        """A line as it is, or a short one that names the object in which it was put."""
        if len(data) <= LINE_LIMIT:
            return data
        short = {key: line[key] for key in ("e", "r", "t") if key in line}
        return encode_line({**short, "object": self.objects.put_bytes(data)})

    def _restate(self) -> list[Mapping[str, Any]]:
        prepare(self._layout)
        return [line for restate in self._restaters for line in restate()]

    def _refuse_when_read_only(self) -> None:
        if self._refused_why is not None:
            raise self._refused_why
