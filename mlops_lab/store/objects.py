"""Objects: bytes kept once, read-only, under the hash of their content."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from mlops_lab.errors import LabError, NotFound, StorageFull
from mlops_lab.store.guard import Guard
from mlops_lab.store.layout import DIGEST, DISK_FULL
from mlops_lab.store.snapshot import (
    Progress,
    Snapshot,
    digest_of_open_file,
    in_threads,
    make_durable,
    take_snapshot,
    workplace,
)
from mlops_lab.store.tree import MAGIC, Tree
from mlops_lab.store.trust import SETTLED_NS, Stamp, TrustCache
from mlops_lab.store.views import Views

__all__ = ["Objects", "PutFile"]

_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class PutFile:
    """A file that is in the store now: its content id and size in bytes."""

    digest: str
    size: int


class Objects:
    """The content-addressed part of a store. Needs no lock: a name is its content.

    Parameters
    ----------
    directory
        ``.mlops/objects``.
    tmp
        A folder on the same file system for files on their way.
    refused_why
        Raised by who puts something, where the store cannot or must not be written.
    home
        Where the cache of stamps and the views are; by default beside the objects.
    """

    def __init__(
        self,
        directory: Path,
        tmp: Path,
        refused_why: LabError | None = None,
        home: Path | None = None,
    ) -> None:
        self._directory = directory
        self._tmp = tmp
        self._refused_why = refused_why
        home = directory.parent if home is None else home
        self._cache = TrustCache(home / "stat.sqlite")
        self._guard = Guard(directory, directory.parent / "quarantine", self._cache)
        self._views = Views(home / "views", home / "tmp")

    # ------------------------------------------------------------------ putting

    def put_bytes(self, data: bytes) -> str:
        """Keep `data`; returns its content id, ``b3-`` and 64 hex digits."""
        return self._put(iter((data,)))

    def put_file(self, path: Path) -> str:
        """Keep what the file holds now; later changes of the file do not matter."""
        with path.open("rb") as file:
            return self._put(_chunks(file))

    def put_files(
        self, paths: Sequence[str | Path], *, progress: Progress | None = None
    ) -> list[PutFile]:
        """Keep files that people work with, many at once; durable when this returns.

        Each is copied, the copy is hashed, and a file that changed meanwhile is refused. Files that
        were kept before and are as they were cost one ``stat``. The files themselves are only read.

        Parameters
        ----------
        paths
            Regular files; links are followed.
        progress
            Told how many bytes of how many are done.

        Raises
        ------
        Conflict
            A file was written to, cut or replaced while it was copied.
        InvalidInput, NotFound, Forbidden
            One is no file, is not there, or cannot be read.
        StorageFull
            There is no room; nothing is left behind.
        """
        self._refuse_when_read_only()
        wanted = [os.path.abspath(path) for path in paths]
        known = self._guard.known_files(wanted)
        todo = [path for path in dict.fromkeys(wanted) if path not in known]
        done = sum(size for _, size in known.values())
        total = done + sum(_size(path) for path in todo)
        if progress is not None:
            progress(done, total)
        if todo:
            with workplace(self._tmp) as folder, self._room():
                numbered = [(path, f"{folder}/{n}") for n, path in enumerate(todo)]
                snapshots: list[Snapshot] = []
                for one in in_threads(lambda pair: take_snapshot(*pair), numbered, total - done):
                    snapshots.append(one)
                    done += one.size
                    if progress is not None:
                        progress(min(done, total), total)
                published = self._publish(snapshots)
            files = {one.source: (one.stamp, one.digest) for one in snapshots if one.settled}
            self._cache.remember(published, files)
            known |= {one.source: (one.digest, one.size) for one in snapshots}
        self._guard.refresh({digest for digest, _ in known.values()})
        return [PutFile(*known[path]) for path in wanted]

    def put_tree(self, tree: Tree) -> str:
        """Keep the list of a folder's files; returns the folder's content id."""
        if not self._guard.is_sound(tree.digest):
            self.put_bytes(tree.to_bytes())
            self.settle([tree.digest])
        return tree.digest

    def settle(self, digests: Iterable[str]) -> None:
        """Have the disk keep the names of objects before a decision speaks of them."""
        paths = [self.path(digest) for digest in dict.fromkeys(digests)]
        if paths:
            with self._room():
                make_durable(paths)

    # ------------------------------------------------------------------ getting

    def path(self, digest: str) -> Path:
        """Where the object is (or would be). The file has no suffix and must not be changed."""
        return Path(self._guard.place(digest))

    def open(self, digest: str) -> BinaryIO:
        """The object's bytes as a file.

        Raises
        ------
        NotFound
            There is no such object.
        """
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError as error:
            raise NotFound(f"the object {digest} is not in {self._directory}") from error

    def exists(self, digest: str) -> bool:
        """Whether the object is there."""
        return os.path.exists(self._guard.place(digest))

    def trusted(self, digest: str) -> Path:
        """Where the object is, after making sure that its bytes are what its name says.

        An object that is as it was when it was hashed costs one ``stat``; else it is hashed again.

        Raises
        ------
        Corrupt
            The bytes are others: the object was set aside into ``.mlops/quarantine``.
        NotFound
            There is no such object.
        """
        return self.trusted_all([digest])[digest]

    def trusted_all(
        self, digests: Iterable[str], *, progress: Progress | None = None
    ) -> dict[str, Path]:
        """Make sure of many objects; see `trusted`."""
        wanted = {digest: self.path(digest) for digest in digests}
        self._guard.make_sure(list(wanted), progress=progress)
        return wanted

    def tree(self, digest: str) -> Tree:
        """Read the list of a folder's files, whose bytes are made sure of first."""
        return Tree.from_bytes(self.trusted(digest).read_bytes())

    def is_tree(self, digest: str) -> bool:
        """Whether the object looks like the list of a folder's files."""
        with self.open(digest) as file:
            return file.read(len(MAGIC)) == MAGIC

    def view(self, digest: str, name: str | None = None, *, tree: bool | None = None) -> Path:
        """Give an object a path with a name that readers of files understand; read-only.

        Every object behind it is made sure of first.

        Parameters
        ----------
        digest
            A file's content id or a folder's.
        name
            What the file (or the folder) is called in its path.
        tree
            Whether it is a folder; by default it is when no name is given.
        """
        if tree is None:
            tree = name is None
        if not tree:
            target = self.trusted(digest)
            with self._room():
                return self._views.of_file(digest, name or "file", target)
        listed = self.tree(digest)
        paths = self.trusted_all(entry.digest for entry in listed.entries)
        links = {entry.path: paths[entry.digest] for entry in listed.entries}
        with self._room():
            return self._views.of_folder(digest, name or "files", links)

    def digest_of_file(self, path: Path) -> str | None:
        """The content id of a file that was kept and is as it was; None when that is not known.

        One or two ``stat`` calls; nothing is read.
        """
        real = Path(os.path.realpath(path))
        with suppress(ValueError, OSError):
            inside = real.relative_to(os.path.realpath(self._directory)).parts
            digest = f"b3-{''.join(inside)}"
            if len(inside) == 2 and DIGEST.fullmatch(digest) and real.is_file():
                return digest
        return self.digests_of_files([path]).get(str(path))

    def digests_of_files(self, paths: Sequence[str | Path]) -> dict[str, str]:
        """The content ids of those files that were kept and are as they were, by the path given."""
        absolute = {str(path): os.path.abspath(path) for path in paths}
        known = self._guard.known_files(list(absolute.values()))
        return {path: known[text][0] for path, text in absolute.items() if text in known}

    def view_of(self, path: Path) -> str | None:
        """The content id of the folder that `path` is the view of; None for any other path."""
        return self._views.digest_of_folder(path)

    def remember_files(self, files: Mapping[Path, tuple[Stamp, str]]) -> None:
        """Note which objects' bytes were written to files: their stamps right after, content ids.

        What was changed since is not noted.
        """
        time.sleep(2 * SETTLED_NS / 1e9 if files else 0)
        kept = {}
        for path, (stamp, digest) in files.items():
            with suppress(OSError):
                if Stamp.of(path.stat()) == stamp:
                    kept[os.path.abspath(path)] = (stamp, digest)
        self._cache.remember({}, kept)

    # ------------------------------------------------------------------ care

    def verify(self, digest: str) -> bool:
        """Whether the object's bytes are still what its name says; reads all of them."""
        with self.open(digest) as file:
            return digest_of_open_file(file.fileno()) == digest

    def digests(self) -> Iterator[str]:
        """The content ids of all objects."""
        for folder in sorted(self._directory.glob("[0-9a-f][0-9a-f]")):
            for file in sorted(folder.iterdir()):
                yield f"b3-{folder.name}{file.name}"

    def forget(self, digests: Iterable[str]) -> None:
        """Forget what was known of objects that are gone, and of files and views that are."""
        self._cache.forget(digests)
        self._cache.prune()
        self._views.prune()

    # ------------------------------------------------------------------ inside

    def _put(self, chunks: Iterator[bytes]) -> str:
        """Snapshot, hash, fsync, publish: a crash at any point leaves at most a file in tmp/."""
        from blake3 import blake3

        self._refuse_when_read_only()
        hasher = blake3()
        self._tmp.mkdir(parents=True, exist_ok=True)
        part = self._tmp / f"object-{os.getpid()}-{secrets.token_hex(6)}"
        try:
            with self._room(), part.open("xb") as file:
                for chunk in chunks:
                    hasher.update(chunk)
                    file.write(chunk)
                digest = f"b3-{hasher.hexdigest()}"
                if not self._guard.is_sound(digest):
                    file.flush()
                    os.fsync(file.fileno())
                    os.fchmod(file.fileno(), os.fstat(file.fileno()).st_mode & 0o444)
                    self._place(str(part), digest)
        finally:
            part.unlink(missing_ok=True)
        return digest

    def _publish(self, snapshots: Iterable[Snapshot]) -> dict[str, Stamp]:
        """Put snapshots into their places; durable when this returns."""
        digests = list(dict.fromkeys(one.digest for one in snapshots))
        # One that is there but was not made sure of is replaced: these bytes are right.
        unsure = self._guard.unsure(digests, missing_ok=True)
        parts = {one.digest: one.part for one in snapshots}
        for digest in unsure:
            self._place(parts[digest], digest)
        make_durable([self.path(digest) for digest in unsure])
        return {digest: Stamp.of(os.stat(self._guard.place(digest))) for digest in unsure}

    def _place(self, part: str, digest: str) -> None:
        target = self._guard.place(digest)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.replace(part, target)

    def _refuse_when_read_only(self) -> None:
        if self._refused_why is not None:
            raise self._refused_why

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except LabError:
            raise
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            raise StorageFull(
                f"there is no room in {self._directory.parent}: {error.strerror}. Nothing was "
                "kept; `mlops-lab store gc` says what could be removed."
            ) from error


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0  # told where it is opened


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk
