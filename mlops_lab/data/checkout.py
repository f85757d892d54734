"""Bringing a version back to disk: only what differs is written, and nobody's changes are lost.

A file that is there is overwritten or removed only when its content is that of some version: then
it can be had back. Everything else is a change that was not committed.
"""

from __future__ import annotations

import errno
import os
import secrets
import unicodedata
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mlops_lab.data.hashing import hash_file
from mlops_lab.data.records import CheckoutReport, VersionRecord
from mlops_lab.errors import Conflict, Forbidden, InvalidInput, LabError, StorageFull
from mlops_lab.store import Progress, Store, TreeEntry
from mlops_lab.store.layout import DISK_FULL
from mlops_lab.store.snapshot import copy_bytes, in_threads
from mlops_lab.store.trust import Stamp

__all__ = ["Wanted", "check_out"]

_PART: Final = ".mlops-part-"
_NAMED: Final = 5

# What the file system says of a path that is none for it.
_NO_PLACE: Final = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST, errno.ELOOP})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should be where.

    Attributes
    ----------
    dest
        The folder into which the files go.
    entries
        The version's files, with paths inside of `dest`.
    left
        Paths that other versions of the dataset have and this one has not, with the contents that
        they had there.
    """

    dest: Path
    entries: Sequence[TreeEntry]
    left: dict[str, set[str]]


@dataclass(slots=True)
class _Plan:
    write: list[TreeEntry] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)


def check_out(
    store: Store,
    version: VersionRecord,
    wanted: Wanted,
    committed: Callable[[], Collection[str]],
    *,
    force: bool,
    progress: Progress | None = None,
) -> CheckoutReport:
    """Write a version's files.

    Parameters
    ----------
    committed
        Gives the content ids of all files of all versions: what may be overwritten. Asked only when
        something would be.
    force
        Overwrite also what was never committed.

    Raises
    ------
    Conflict
        Files would be lost that were not committed, or something is in the way; nothing was
        written.
    Corrupt
        The version's bytes are not what was committed; nothing was written.
    """
    dest = wanted.dest
    if Path(os.path.realpath(dest)).is_relative_to(os.path.realpath(store.dir)):
        raise InvalidInput(f"{dest} belongs to the project's store: check out somewhere else.")
    plan = _plan(store, wanted, committed)
    if plan.blocked:
        raise Conflict(f"{version.ref} was not checked out: {plan.blocked[0]}.")
    if plan.lost and not force:
        mine = dest if version.is_tree else dest / plan.lost[0]
        raise Conflict(
            f"{version.ref} was not checked out to {dest}: {_some(plan.lost)} would be lost, "
            f"{'which was' if len(plan.lost) == 1 else 'which were'} changed and never committed. "
            f'Commit first (lab.dataset("{version.name}").commit("{mine}")), or overwrite with '
            "force=True (--force).",
            files=plan.lost,
        )
    # All of it is made sure of before anything is written.
    objects = store.objects.trusted_all({entry.digest for entry in plan.write})
    _refuse_colliding(dest, wanted.entries)
    done, total = 0, sum(entry.size for entry in plan.write)
    try:
        workshops: dict[Path, Path | None] = {}
        for folder in {(dest / entry.path).parent for entry in plan.write}:
            folder.mkdir(parents=True, exist_ok=True)
            _sweep(folder)
            workshops[folder] = _workshop(store, folder)

        def write(entry: TreeEntry) -> Stamp:
            target = dest / entry.path
            name = f"{_PART}{os.getpid()}-{secrets.token_hex(6)}"
            beside, workshop = target.with_name(name), workshops[target.parent]
            source = objects[entry.digest]
            if workshop is not None:
                try:
                    return _write(source, workshop / name, target, entry.size)
                except OSError as error:
                    if error.errno != errno.EXDEV:  # one file system, mounted twice
                        raise
            return _write(source, beside, target, entry.size)

        stamps: dict[Path, tuple[Stamp, str]] = {}
        for entry, stamp in zip(plan.write, in_threads(write, plan.write, total), strict=True):
            stamps[dest / entry.path] = (stamp, entry.digest)
            done += entry.size
            if progress is not None:
                progress(done, total)
        store.objects.remember_files(stamps)
        for path in plan.remove:
            (dest / path).unlink(missing_ok=True)
            _remove_empty(dest, dest / path)
    except LabError:
        raise
    except PermissionError as error:
        raise Forbidden(
            f"{dest} cannot be written: {error.strerror} ({error.filename})."
        ) from error
    except OSError as error:
        if error.errno in _NO_PLACE:
            raise Conflict(
                f"{version.ref} cannot be written to {dest}: {error.strerror} ({error.filename})."
            ) from error
        if error.errno not in DISK_FULL:
            raise
        raise StorageFull(
            f"There is no room for {version.ref} in {dest}: {error.strerror}. What was written is "
            "whole; check out again when there is room."
        ) from error
    return CheckoutReport(
        dest,
        tuple(entry.path for entry in plan.write),
        tuple(plan.unchanged),
        tuple(plan.remove),
    )


def _plan(store: Store, wanted: Wanted, committed: Callable[[], Collection[str]]) -> _Plan:
    plan = _Plan()
    # Text and `os.path`: ten thousand `Path`s take as long as all else, and raise for long names.
    top = str(wanted.dest)
    paths = [*(entry.path for entry in wanted.entries), *wanted.left]
    # All at once: a folder of ten thousand files that are as they were is a matter of stats.
    known = store.objects.digests_of_files([os.path.join(top, path) for path in paths])
    differing: dict[str, str | None] = {}
    ways = _Ways(top)
    for entry in wanted.entries:
        target = os.path.join(top, entry.path)
        if known.get(target) == entry.digest and not os.path.islink(target):
            if (why := ways.blocked_by(entry.path)) is None:
                plan.unchanged.append(entry.path)
            else:
                plan.blocked.append(why)
        elif (why := ways.blocked(entry.path)) is not None:
            plan.blocked.append(why)
        elif not os.path.lexists(target):
            plan.write.append(entry)
        elif os.path.islink(target):
            plan.write.append(entry)
            plan.lost.append(entry.path)
        else:
            found = known.get(target) or hash_file(target)
            if found == entry.digest:
                plan.unchanged.append(entry.path)
                continue
            plan.write.append(entry)
            differing[entry.path] = found
    if differing:
        safe = committed()
        plan.lost += [path for path, found in differing.items() if found not in safe]
    for path, contents in wanted.left.items():
        target = os.path.join(top, path)
        # Only what a version of this dataset has left there: other files are nobody's business.
        if (
            ways.blocked(path) is None
            and os.path.isfile(target)
            and not os.path.islink(target)
            and (known.get(target) or hash_file(target)) in contents
        ):
            plan.remove.append(path)
    return plan


class _Ways:
    """Says why no file can be written at a path below a folder; each folder is asked once."""

    def __init__(self, top: str) -> None:
        self._top = top
        taken = os.path.lexists(top) and not os.path.isdir(top)
        why = f"{top} is in the way of a folder: move it" if taken else None
        self._known: dict[str, str | None] = {"": why}

    def blocked_by(self, path: str) -> str | None:
        """What is wrong with the folders above the file."""
        return self._folder(path.rpartition("/")[0])

    def blocked(self, path: str) -> str | None:
        """What is wrong with them, or in the place of the file itself."""
        if (why := self.blocked_by(path)) is not None:
            return why
        target = os.path.join(self._top, path)
        if os.path.islink(target) or not os.path.lexists(target):
            return None
        if os.path.isdir(target):
            return f"the folder {target} is in the way of a file: move it"
        return None if os.path.isfile(target) else f"{target} is no regular file: move it"

    def _folder(self, inside: str) -> str | None:
        if inside not in self._known:
            why = self._folder(inside.rpartition("/")[0])
            folder = os.path.join(self._top, inside)
            if why is None and os.path.islink(folder):
                why = f"{folder} is a link, and what is behind it is not ours: take it away"
            elif why is None and os.path.lexists(folder) and not os.path.isdir(folder):
                why = f"{folder} is in the way of a folder: move it"
            self._known[inside] = why
        return self._known[inside]


def _write(source: Path, part: Path, target: Path, size: int) -> Stamp:
    """Put a copy in place, whole or not at all."""
    try:
        _copy(source, part, size)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return Stamp.of(target.stat())


def _workshop(store: Store, folder: Path) -> Path | None:
    """Where copies are made on their way to a folder: in the store where that is the same file
    system, so that a killed checkout leaves nothing behind; None is beside the file.
    """
    tmp = store.dir / "tmp"
    try:
        here = tmp.stat().st_dev == folder.stat().st_dev and os.access(tmp, os.W_OK)
    except OSError:
        return None
    return tmp if here else None


def _copy(source: Path, part: Path, size: int) -> None:
    read = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        write = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            if copy_bytes(read, write, size) != size:
                raise OSError(errno.EIO, "the object was cut while it was copied", str(source))
        finally:
            os.close(write)
    finally:
        os.close(read)


def _sweep(folder: Path) -> None:
    """Remove what a checkout that was killed had begun."""
    for litter in folder.glob(f"{_PART}*"):
        with suppress(OSError):
            litter.unlink()


def _remove_empty(dest: Path, path: Path) -> None:
    for folder in path.parents:
        if folder == dest or not folder.is_relative_to(dest):
            return
        try:
            folder.rmdir()
        except OSError:
            return  # not empty


def _refuse_colliding(dest: Path, entries: Sequence[TreeEntry]) -> None:
    """Refuse names that are one name to the file system they would be written to."""
    seen: dict[str, str] = {}
    pairs = []
    for entry in entries:
        folded = unicodedata.normalize("NFC", entry.path).casefold()
        if folded in seen:
            pairs.append((seen[folded], entry.path))
        seen[folded] = entry.path
    if not pairs:
        return
    dest.mkdir(parents=True, exist_ok=True)
    for first, second in pairs:
        one, other = (dest / f"{_PART}{'-'.join(name.split('/'))}" for name in (first, second))
        with suppress(OSError):
            one.touch()
            try:
                if other.exists():
                    raise Conflict(
                        f"{first!r} and {second!r} are one name on the file system of {dest}: "
                        "check out to one that tells them apart."
                    )
            finally:
                one.unlink(missing_ok=True)


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more
