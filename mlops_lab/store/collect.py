"""Collecting objects that nothing needs: a dry run unless told otherwise, and trash before delete.

Careful in one direction: an object stays when it is needed, when it is young, when a line that
nobody here understands speaks of it, or when a tree that stays lists it.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_lab.errors import Corrupt, InvalidInput
from mlops_lab.store.guard import REFRESHED_S
from mlops_lab.store.layout import ConceptTables, Layout
from mlops_lab.store.objects import Objects
from mlops_lab.store.tree import Tree

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["YOUNG_S", "CollectReport", "Collected", "Named", "collect", "list_named"]

YOUNG_S: Final = 14 * 86_400.0
"""What is younger is never taken: it may be on its way into a version."""

TRASH_S: Final = 7 * 86_400.0
"""How long what was taken can be brought back by hand."""

_LEAST_S: Final = 2 * REFRESHED_S
_MENTION: Final = re.compile(rb"b3-[0-9a-f]{64}")
_READ_BYTES: Final = 16 << 20
_OVERLAP: Final = 67


@dataclass(frozen=True, slots=True)
class Named:
    """An object that the index points to: what it is, and whether anything alive needs it."""

    digest: str
    what: str
    is_tree: bool
    needed: bool


@dataclass(frozen=True, slots=True)
class Collected:
    """An object that may go (or went): its size, and what it was if that is known."""

    digest: str
    size_bytes: int
    what: str | None


@dataclass(frozen=True, slots=True)
class CollectReport:
    """What a collection found.

    Attributes
    ----------
    applied
        Whether anything was moved; false for a dry run.
    items, size_bytes
        What nothing needs: objects and their bytes.
    kept, kept_bytes
        All others.
    young
        How many of those stay only because they are young.
    trash
        Where the objects were moved.
    emptied_bytes
        What earlier collections had put into the trash and was deleted now.
    """

    applied: bool
    items: tuple[Collected, ...]
    size_bytes: int
    kept: int
    kept_bytes: int
    young: int
    trash: Path | None = None
    emptied_bytes: int = 0


def list_named(cursor: DuckDBPyConnection, concepts: Sequence[ConceptTables]) -> list[Named]:
    """All objects that the concepts' tables point to, with what they are."""
    return [
        Named(str(digest), str(what), bool(is_tree), bool(needed))
        for concept in concepts
        if concept.objects
        for digest, what, is_tree, needed in cursor.execute(concept.objects).fetchall()
        if digest is not None
    ]


def collect(
    objects: Objects,
    layout: Layout,
    named: Sequence[Named],
    *,
    apply: bool,
    older_than_s: float,
) -> CollectReport:
    """Find, and with `apply` move away, the objects that nothing needs.

    The caller holds the store's exclusive lock and has folded everything.
    """
    if older_than_s < _LEAST_S:
        raise InvalidInput(
            f"Objects younger than {_LEAST_S / 86_400:g} day are never collected: they may be on "
            f"their way into a version; got {older_than_s / 86_400:g} days."
        )
    now = time.time()
    kept = _with_members(objects, _kept(layout, named))
    what = {one.digest: one.what for one in named}
    items: list[Collected] = []
    stays, stays_bytes, young = 0, 0, 0
    for digest in objects.digests():
        with suppress(FileNotFoundError):
            stat = objects.path(digest).stat()
            is_young = stat.st_mtime > now - older_than_s
            if digest in kept or is_young:
                stays, stays_bytes = stays + 1, stays_bytes + stat.st_size
                young += digest not in kept
            else:
                items.append(Collected(digest, stat.st_size, what.get(digest)))
    trash, emptied = None, 0
    if apply:
        emptied = _empty_trash(layout.trash, now)
        if items:
            trash = layout.trash / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
            items = [one for one in items if _move(objects, one.digest, trash, now - older_than_s)]
            objects.forget([one.digest for one in items])
    return CollectReport(
        applied=apply,
        items=tuple(items),
        size_bytes=sum(one.size_bytes for one in items),
        kept=stays,
        kept_bytes=stays_bytes,
        young=young,
        trash=trash,
        emptied_bytes=emptied,
    )


def _kept(layout: Layout, named: Sequence[Named]) -> set[str]:
    """What must stay: what is needed, and what lines speak of that no table has understood."""
    kept = {one.digest for one in named if one.needed}
    understood = {one.digest for one in named}
    files = [layout.decisions, *layout.journal.glob("*.jsonl"), *layout.done.glob("*.jsonl")]
    for path in files:
        kept.update(digest for digest in _mentions(path) if digest not in understood)
    return kept


def _mentions(path: Path) -> Iterator[str]:
    """The content ids that a file of lines speaks of."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        before = b""
        while chunk := file.read(_READ_BYTES):
            data = before + chunk
            yield from (found.decode() for found in _MENTION.findall(data))
            before = data[-_OVERLAP + 1 :]


def _with_members(objects: Objects, kept: set[str]) -> set[str]:
    """These objects, and all that the trees among them list."""
    found = set(kept)
    for digest in kept:
        with suppress(FileNotFoundError, LookupError):
            if objects.is_tree(digest):
                try:
                    tree = Tree.from_bytes(objects.path(digest).read_bytes())
                except Corrupt as error:
                    raise Corrupt(
                        f"the list of files {digest} cannot be read ({error}), so nobody knows "
                        "what it needs and nothing is collected: `mlops-lab store verify`"
                    ) from error
                found.update(entry.digest for entry in tree.entries)
    return found


def _move(objects: Objects, digest: str, trash: Path, limit: float) -> bool:
    """Move an object into the trash; whoever put it again meanwhile has made it young."""
    path = objects.path(digest)
    target = trash / digest
    trash.mkdir(parents=True, exist_ok=True)
    try:
        path.rename(target)
    except FileNotFoundError:
        return False
    if target.stat().st_mtime > limit:
        target.rename(path)
        return False
    return True


def _empty_trash(trash: Path, now: float) -> int:
    """Delete what was put there a while ago; gives its bytes."""
    emptied = 0
    for folder in trash.glob("*T*Z"):
        if folder.is_dir() and folder.stat().st_mtime < now - TRASH_S:
            emptied += sum(file.stat().st_size for file in folder.iterdir())
            shutil.rmtree(folder)
    return emptied
