"""Objects: bytes kept once, read-only, under the hash of their content."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mlops_lab.errors import InvalidInput, LabError, NotFound, StorageFull
from mlops_lab.store.layout import DISK_FULL

__all__ = ["Objects"]

_DIGEST = re.compile(r"b3-[0-9a-f]{64}")
_CHUNK_BYTES = 1 << 20


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
    """

    def __init__(self, directory: Path, tmp: Path, refused_why: LabError | None = None) -> None:
        self._directory = directory
        self._tmp = tmp
        self._refused_why = refused_why

    def put_bytes(self, data: bytes) -> str:
        """Keep `data`; returns its content id, ``b3-`` and 64 hex digits."""
        return self._put(iter((data,)))

    def put_file(self, path: Path) -> str:
        """Keep what the file holds now; later changes of the file do not matter."""
        with path.open("rb") as file:
            return self._put(_chunks(file))

    def path(self, digest: str) -> Path:
        """Where the object is (or would be). The file has no suffix and must not be changed."""
        if not _DIGEST.fullmatch(digest):
            raise InvalidInput(f"{digest!r} is no content id: one is 'b3-' and 64 hex digits")
        return self._directory / digest[3:5] / digest[5:]

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
        return self.path(digest).exists()

    def verify(self, digest: str) -> bool:
        """Whether the object's bytes are still what its name says; reads all of them."""
        from blake3 import blake3

        hasher = blake3()
        with self.open(digest) as file:
            for chunk in _chunks(file):
                hasher.update(chunk)
        return f"b3-{hasher.hexdigest()}" == digest

    def digests(self) -> Iterator[str]:
        """The content ids of all objects."""
        for folder in sorted(self._directory.glob("[0-9a-f][0-9a-f]")):
            for file in sorted(folder.iterdir()):
                yield f"b3-{folder.name}{file.name}"

    def _put(self, chunks: Iterator[bytes]) -> str:
        """Snapshot, hash, fsync, publish: a crash at any point leaves at most a file in tmp/."""
        from blake3 import blake3

        if self._refused_why is not None:
            raise self._refused_why
        hasher = blake3()
        self._tmp.mkdir(parents=True, exist_ok=True)
        part = self._tmp / f"object-{os.getpid()}-{secrets.token_hex(6)}"
        try:
            with part.open("xb") as file:
                for chunk in chunks:
                    hasher.update(chunk)
                    file.write(chunk)
                digest = f"b3-{hasher.hexdigest()}"
                target = self.path(digest)
                size = file.tell()
                if not target.exists() or target.stat().st_size != size:
                    file.flush()
                    os.fsync(file.fileno())
                    os.fchmod(file.fileno(), os.fstat(file.fileno()).st_mode & 0o444)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    part.replace(target)
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            raise StorageFull(
                f"the object could not be kept in {self._directory}: {error.strerror}"
            ) from error
        finally:
            part.unlink(missing_ok=True)
        return digest


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk
