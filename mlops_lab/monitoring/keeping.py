"""What was counted is kept by the content that was counted, so that a new day costs one day.

Counts of a file under a grid never change: they are an object of the store, found by the file's
content id and by a key that stands for everything else they depend on, the program's version among
it: another version counts once by itself. A folder version that has grown by one file is counted
by counting that file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from mlops_lab.errors import Corrupt, NotFound
from mlops_lab.store import Store

if TYPE_CHECKING:
    from mlops_lab.compute import Source

__all__ = ["StoreKeep"]


class StoreKeep:
    """Keeps counts in a project's store. Used by one thread.

    Parameters
    ----------
    store
        The project's.
    run_id
        The run that keeps them; without one, or where nothing can be written, what was kept is
        used and nothing is added.
    known
        The content ids of files that are not the store's.

    Attributes
    ----------
    made, reused
        How often something was counted, and how often it was not because it had been.
    contents
        The content ids of what was counted.
    """

    def __init__(
        self,
        store: Store,
        run_id: str | None = None,
        *,
        known: Mapping[Path, str] | None = None,
    ) -> None:
        self._store = store
        self._contents = known or {}
        self._run_id = None if store.read_only else run_id
        self._here: dict[str, bytes] = {}
        self._known: dict[str, str] | None = None
        self._parts: dict[int, tuple[Source, Sequence[tuple[str | None, Source]]]] = {}
        self.made = 0
        self.reused = 0
        self.contents: set[str] = set()

    def pieces(self, source: Source) -> Sequence[tuple[str | None, Source]]:
        """Cut data into the parts that stay as they are: the files of a dataset version.

        Returns
        -------
        Sequence[tuple[str | None, Source]]
            Parts in order, each with its content id; None for what was never committed.
        """
        if id(source) not in self._parts:
            self._parts[id(source)] = source, self._cut(source)
        return self._parts[id(source)][1]

    def _cut(self, source: Source) -> Sequence[tuple[str | None, Source]]:
        parts = source.parts()
        objects = self._store.objects
        if len(parts) == 1 and len(source.files) > 1:
            return [(objects.view_of(source.root) if source.root else None, source)]
        return [(self._content(part.files[0]) if part.files else None, part) for part in parts]

    def _content(self, file: Path) -> str | None:
        return self._contents.get(file) or self._store.objects.digest_of_file(file)

    def kept(self, content: str | None, key: str, make: Callable[[], bytes]) -> bytes:
        """Give what was kept for a content under a key, else make and keep it.

        Parameters
        ----------
        content
            A content id of `pieces`; None is not kept.
        key
            The hash of everything else that the bytes depend on.
        make
            Counts.
        """
        if content is None:
            self.made += 1
            return make()
        name = blake3(f"{content}\0{key}\0{_version()}".encode()).hexdigest()
        found = self._here.get(name) or self._read(name)
        if found is not None:
            self.reused += 1
            self._here[name] = found
            return found
        self.made += 1
        self.contents.add(content)
        made = make()
        self._here[name] = made
        if self._run_id is not None:
            self._write(name, made)
        return made

    def noted(self, key: str) -> bytes | None:
        """What was last noted under a key, or None."""
        return self._read(key)

    def note(self, key: str, data: bytes) -> None:
        """Keep something under a key in place of what was noted before.

        Parameters
        ----------
        key
            The hash of everything that it depends on.
        """
        if self._run_id is not None and self._read(key) != data:
            self._write(key, data)

    def _read(self, name: str) -> bytes | None:
        if self._known is None:
            # All at once: a query for each of a year's files would take longer than counting one.
            rows = self._store.query("select key, digest from lab.kept_counts order by t")
            self._known = dict(rows)
        digest = self._known.get(name)
        if digest is None:
            return None
        try:
            return self._store.objects.trusted(digest).read_bytes()
        except (Corrupt, NotFound, OSError):
            return None  # collected or damaged: it is counted again

    def _write(self, name: str, data: bytes) -> None:
        digest = self._store.objects.put_bytes(data)
        self._store.append(
            {
                "e": "cube",
                "r": self._run_id,
                "t": time.time_ns() // 1000,
                "key": name,
                "digest": digest,
            }
        )


@cache
def _version() -> str:
    """Of this program, whose statistics may be others than an older one's."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("mlops-lab")
    except PackageNotFoundError:  # run from its sources
        return ""
