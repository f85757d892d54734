"""How a store is doing, and what in it is not as it was written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_lab.errors import Corrupt
from mlops_lab.store.decisions import DecisionLog
from mlops_lab.store.index import Index
from mlops_lab.store.layout import ConceptTables, Layout
from mlops_lab.store.lock import locks_work, network_file_system
from mlops_lab.store.tail import list_journals
from mlops_lab.store.tree import Tree

if TYPE_CHECKING:
    from mlops_lab.store.collect import Named
    from mlops_lab.store.store import Store

__all__ = ["Problem", "StoreStatus", "find_problems", "read_status"]

_NAMED = 8


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The store at a glance.

    Parameters
    ----------
    writers_alive
        Processes that have a journal open now.
    journals, journal_bytes
        All journals, those in done/ included.
    unfolded_bytes
        What the index does not have yet; a torn last line stays in it.
    lines, rejected, unknown, newer
        Lines folded or set aside so far; set aside with a reason; of a kind nobody here knows; of
        a newer program, which are kept and read once this one is upgraded.
    index_bytes
        Size of the index file.
    age_s
        Seconds since the index is known to have been complete.
    network
        The type of the network file system it is on, None when local.
    locks
        What is wrong with file locks here, None when they work.
    """

    path: Path
    read_only: bool
    writers_alive: int
    journals: int
    journal_bytes: int
    unfolded_bytes: int
    lines: int
    rejected: int
    unknown: int
    newer: int
    decisions: int
    index: Path
    index_bytes: int
    age_s: float
    network: str | None
    locks: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was written: where, and what."""

    where: str
    message: str


def read_status(store: Store, layout: Layout, index: Index) -> StoreStatus:
    """Look at files and index; folds first."""
    store.fold(sweep=True)
    with store.read() as cursor:
        offsets = dict(cursor.execute("select writer, off from lab.journal").fetchall())
        (counts,) = cursor.execute(
            """
            select coalesce(sum(lines), 0)::bigint, coalesce(sum(rejected), 0)::bigint,
                   coalesce(sum(unknown), 0)::bigint, coalesce(sum(newer), 0)::bigint from
                   lab.journal
            """
        ).fetchall()
        (decisions,) = cursor.execute("select count(*) from lab.decision").fetchone() or (0,)
    living = list_journals(layout.journal)
    files = [*living, *list_journals(layout.done, living=False)]
    return StoreStatus(
        path=store.dir,
        read_only=store.read_only,
        writers_alive=sum(file.held for file in living),
        journals=len(files),
        journal_bytes=sum(file.size for file in files),
        unfolded_bytes=sum(max(0, file.size - offsets.get(file.writer, 0)) for file in files),
        lines=counts[0],
        rejected=counts[1],
        unknown=counts[2],
        newer=counts[3],
        decisions=decisions,
        index=index.path,
        index_bytes=index.path.stat().st_size,
        age_s=store.age_s,
        network=network_file_system(layout.dir),
        locks=None if store.read_only else locks_work(layout.tmp),
    )


def _object_problems(store: Store, named: Sequence[Named]) -> Iterator[Problem]:
    """Objects whose bytes are not what their names say, and those that are missing: with what they
    are, and what used them.
    """
    uses: dict[str, list[str]] = {}
    for one in named:
        uses.setdefault(one.digest, []).append(one.what)
    # What was deleted and collected is missing, and nobody misses it.
    needed = {one.digest for one in named if one.needed}
    sound: set[str] = set()
    wrong: list[str] = []
    for digest in store.objects.digests():
        (sound.add if store.objects.verify(digest) else wrong.append)(digest)
    for one in named:
        if one.is_tree and one.digest in sound:
            try:
                entries = Tree.from_bytes(store.objects.path(one.digest).read_bytes()).entries
            except Corrupt as error:
                yield Problem(f"object {one.digest}", f"{error}; it is {one.what}")
                continue
            for entry in entries:
                uses.setdefault(entry.digest, []).append(f"{entry.path} in {one.what}")
                if one.needed:
                    needed.add(entry.digest)
    for digest in wrong:
        used = f"; it is {_joined(uses[digest])}" if digest in uses else ""
        yield Problem(f"object {digest}", f"its bytes are not what its name says{used}")
    for digest in sorted(needed - sound - set(wrong)):
        yield Problem(f"object {digest}", f"is missing; it is {_joined(uses[digest])}")


def _joined(uses: Sequence[str]) -> str:
    unique = list(dict.fromkeys(uses))
    more = f"; and {len(unique) - _NAMED} more" if len(unique) > _NAMED else ""
    return "; ".join(unique[:_NAMED]) + more


def find_problems(
    store: Store, layout: Layout, decisions: DecisionLog, concepts: Sequence[ConceptTables]
) -> Iterator[Problem]:
    """Walk the chain of decisions, the objects and the index's notes; reads every byte of the
    objects.
    """
    from mlops_lab.store.collect import list_named

    for number, message in decisions.faults():
        yield Problem(f"{layout.decisions.name}, line {number}", message)
    store.fold(sweep=True)
    with store.read() as cursor:
        rejected = cursor.execute(
            "select writer, off, reason from lab.rejected order by writer, off"
        ).fetchall()
        offsets = cursor.execute("select writer, off from lab.journal order by writer").fetchall()
        named = list_named(cursor, concepts)
    yield from _object_problems(store, named)
    for writer, off, reason in rejected:
        yield Problem(f"journal {writer}, byte {off}", f"a line was set aside: {reason}")
    sizes = {file.writer: file.size for file in list_journals(layout.done, living=False)}
    sizes |= {file.writer: file.size for file in list_journals(layout.journal)}
    if layout.decisions.exists():
        sizes["decisions"] = layout.decisions.stat().st_size
    for writer, off in offsets:
        if writer not in sizes:
            yield Problem(
                f"journal {writer}",
                "was deleted; the index still has what it said, a rebuilt one will not",
            )
        elif sizes[writer] < off:
            yield Problem(
                f"journal {writer}",
                f"was cut from {off} to {sizes[writer]} bytes after it was folded",
            )
