"""Making sure of objects: what is as it was is believed, what was touched is hashed again, and
what is wrong is set aside.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from mlops_lab.errors import Corrupt, InvalidInput, LabError, NotFound
from mlops_lab.store.layout import DIGEST
from mlops_lab.store.snapshot import Progress, digest_of_open_file, in_threads
from mlops_lab.store.trust import Stamp, TrustCache

__all__ = ["REFRESHED_S", "Guard"]

REFRESHED_S: Final = 12 * 3600.0
"""An object that is put again is as young as a new one; its time is moved when older than this."""

_NOTHING: Final = Stamp(0, 0, 0, 0)


class Guard:
    """Tells sound objects from wrong ones. Needs no lock; safe to use from several threads.

    Parameters
    ----------
    directory
        ``.mlops/objects``.
    quarantine
        Where wrong ones go.
    cache
        What is known of files without reading them.
    """

    def __init__(self, directory: Path, quarantine: Path, cache: TrustCache) -> None:
        self._directory = str(directory)
        self._quarantine = quarantine
        self._cache = cache

    def place(self, digest: str) -> str:
        """Where an object is or would be."""
        if not DIGEST.fullmatch(digest):
            raise InvalidInput(f"{digest!r} is no content id: one is 'b3-' and 64 hex digits")
        return f"{self._directory}/{digest[3:5]}/{digest[5:]}"

    def unsure(self, digests: Sequence[str], *, missing_ok: bool = False) -> dict[str, Stamp]:
        """Those objects that are not as they were when they were hashed, with their stamps."""
        known = self._cache.objects(digests)
        unsure: dict[str, Stamp] = {}
        for digest in digests:
            try:
                stamp = Stamp.of(os.stat(self.place(digest)))
            except FileNotFoundError as error:
                if not missing_ok:
                    raise self.missing(digest) from error
                stamp = _NOTHING
            if known.get(digest) != stamp:
                unsure[digest] = stamp
        return unsure

    def make_sure(self, digests: Sequence[str], *, progress: Progress | None = None) -> None:
        """Hash the objects that are not as they were.

        Raises
        ------
        Corrupt
            Some are wrong; they were set aside.
        NotFound
            There is no such object.
        """
        unsure = self.unsure(digests)
        if not unsure:
            return
        done, total = 0, sum(stamp.size for stamp in unsure.values())
        began = time.time_ns()
        hashed = in_threads(self._rehash, list(unsure), total)
        sound: dict[str, Stamp] = {}
        wrong: list[str] = []
        for digest, stamp in zip(unsure, hashed, strict=True):
            done += unsure[digest].size
            if progress is not None:
                progress(done, total)
            if stamp is None:
                wrong.append(digest)
            elif stamp.settled(began):
                sound[digest] = stamp
        if sound:
            self._cache.remember(sound)
        if wrong:
            raise self._set_aside(wrong)

    def is_sound(self, digest: str) -> bool:
        """Whether an object is there with the right bytes; then it is as young as a new one."""
        try:
            if self.unsure([digest]):
                began = time.time_ns()
                stamp = self._rehash(digest)
                if stamp is None:
                    return False
                if stamp.settled(began):
                    self._cache.remember({digest: stamp})
        except (NotFound, Corrupt, FileNotFoundError):
            return False
        return self.refresh([digest])

    def known_files(self, paths: Sequence[str]) -> dict[str, tuple[str, int]]:
        """The users' files that are as they were when they were kept, and whose objects are sound:
        absolute path to content id and size.
        """
        found: dict[str, tuple[str, int]] = {}
        sound: dict[str, bool] = {}
        for path, stamp, digest, kept in self._cache.files(paths):
            try:
                if Stamp.of(os.stat(path)) != stamp:
                    continue
                if digest not in sound:
                    there = Stamp.of(os.stat(self.place(digest)))
                    sound[digest] = there == kept
            except (OSError, InvalidInput):
                continue
            if sound[digest]:
                found[path] = (digest, stamp.size)
        return found

    def refresh(self, digests: Iterable[str]) -> bool:
        """Make objects young again, so that no collection takes them; False when one was taken.

        The time is moved before anything else is done: a collection that has just moved the object
        away looks at its time again and brings it back.
        """
        limit = time.time() - REFRESHED_S
        stamps: dict[str, Stamp] = {}
        for digest in digests:
            try:
                path = self.place(digest)
                if os.stat(path).st_mtime >= limit:
                    continue
                os.utime(path)
                stamps[digest] = Stamp.of(os.stat(path))
            except FileNotFoundError:
                return False
            except PermissionError:  # somebody else's file in a shared folder
                continue
        if stamps:
            self._cache.remember(stamps)
        return True

    def missing(self, digest: str) -> LabError:
        """What to raise for an object that is not there."""
        aside = self._quarantine / digest
        if aside.exists():
            return Corrupt(
                f"the object {digest} was found changed and set aside as {aside}. Commit the "
                "original file again to have it back; `mlops-lab store verify` says what used it.",
                digests=[digest],
            )
        return NotFound(f"the object {digest} is not in {self._directory}")

    def _rehash(self, digest: str) -> Stamp | None:
        """Hash an object; None says that the bytes are wrong."""
        try:
            file = open(self.place(digest), "rb")  # noqa: SIM115 closed below
        except FileNotFoundError as error:
            raise self.missing(digest) from error
        with file:
            stamp = Stamp.of(os.fstat(file.fileno()))
            same = digest_of_open_file(file.fileno()) == digest
            return stamp if same and Stamp.of(os.fstat(file.fileno())) == stamp else None

    def _set_aside(self, wrong: Sequence[str]) -> Corrupt:
        for digest in wrong:
            # In a store that cannot be written it stays, and is refused each time.
            with suppress(OSError):
                self._quarantine.mkdir(parents=True, exist_ok=True)
                os.replace(self.place(digest), self._quarantine / digest)
        self._cache.forget(wrong)
        named = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        return Corrupt(
            f"the bytes of {named} are not what was stored: they were changed on the disk, so they "
            f"are set aside in {self._quarantine} and not delivered. Commit the original file "
            "again to have it back; `mlops-lab store verify` says what used it.",
            digests=list(wrong),
        )
