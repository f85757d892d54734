"""Objects under names that readers of files understand: folders of links, made when asked for.

Readers go by a file's suffix and objects have none. Links, because a hard link would move the
object's change time, by which it is recognised.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from mlops_lab.errors import Conflict, InvalidInput
from mlops_lab.store.layout import DIGEST

__all__ = ["Views"]

_TREE_SUFFIX: Final = "-tree"
_TRIES: Final = 20


class Views:
    """The folder ``.mlops/views``. It can be deleted at any time. Needs no lock: whatever is not
    as it must be is made anew and put in place whole.

    Parameters
    ----------
    folder
        Where the views are.
    tmp
        A folder on the same file system where they are made.
    """

    def __init__(self, folder: Path, tmp: Path) -> None:
        self._folder = folder
        self._tmp = tmp

    def of_file(self, digest: str, name: str, target: Path) -> Path:
        """Give the path of a link called `name` to one object."""
        link = self._folder / digest[3:] / _checked(name)
        wanted = os.path.relpath(target, link.parent)
        if _link_of(link) != wanted:
            link.parent.mkdir(parents=True, exist_ok=True)
            part = link.with_name(f".{secrets.token_hex(8)}")
            part.symlink_to(wanted)
            if link.is_dir() and not link.is_symlink():
                shutil.rmtree(link)
            part.replace(link)
        return link

    def of_folder(self, digest: str, name: str, links: Mapping[str, Path]) -> Path:
        """Give the path of a folder called `name` with a link to an object under each path."""
        place = self._folder / f"{digest[3:]}{_TREE_SUFFIX}" / _checked(name)
        # From the view's own folder to the objects, then one step up for each folder inside.
        up: dict[str, str] = {}
        wanted = {}
        for path, target in links.items():
            folder, name_there = os.path.split(target)
            if folder not in up:  # thousands of objects are in 256 folders
                up[folder] = os.path.relpath(folder, place)
            wanted[path] = f"{'../' * path.count('/')}{up[folder]}/{name_there}"
        for _ in range(_TRIES):
            if _listing(place) == wanted:
                return place
            self._make(place, wanted)
        raise Conflict(f"{place} is being changed by somebody else; it is ours: leave it alone")

    def digest_of_folder(self, path: Path) -> str | None:
        """The content id of the folder that is seen at `path`, if it is one of these views."""
        real = Path(os.path.realpath(path))
        if real.parent.parent != Path(os.path.realpath(self._folder)):
            return None
        digest = f"b3-{real.parent.name.removesuffix(_TREE_SUFFIX)}"
        is_tree = real.parent.name.endswith(_TREE_SUFFIX) and DIGEST.fullmatch(digest)
        return digest if is_tree else None

    def prune(self) -> None:
        """Remove the views in which something leads to an object that is gone."""
        for folder in self._folder.glob("*"):
            with suppress(FileNotFoundError):  # somebody else is making it anew, or removes it
                if any(one.is_symlink() and not one.exists() for one in folder.rglob("*")):
                    shutil.rmtree(folder, ignore_errors=True)

    def _make(self, place: Path, wanted: Mapping[str, str]) -> None:
        self._tmp.mkdir(parents=True, exist_ok=True)
        part = self._tmp / f"view-{os.getpid()}-{secrets.token_hex(6)}"
        part.mkdir()
        try:
            for folder in sorted({os.path.dirname(path) for path in wanted}):
                (part / folder).mkdir(parents=True, exist_ok=True)
            for path, target in wanted.items():
                os.symlink(target, part / path)
            place.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(place):
                place.rename(self._tmp / f"{part.name}-old")
            part.rename(place)
        except OSError:
            # Somebody else was first; what is there now is looked at again.
            if not os.path.lexists(place):
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
            _remove(self._tmp / f"{part.name}-old")


def _listing(place: Path) -> dict[str, str] | None:
    """All that is in a view: path to link target; None when anything else is in it."""
    found: dict[str, str] = {}
    folders = [""]
    try:
        while folders:
            inside = folders.pop()
            with os.scandir(place / inside) as entries:
                for entry in entries:
                    path = f"{inside}/{entry.name}" if inside else entry.name
                    if entry.is_symlink():
                        found[path] = os.readlink(entry.path)
                    elif entry.is_dir():
                        folders.append(path)
                    else:
                        return None
    except OSError:
        return None
    return found


def _link_of(link: Path) -> str | None:
    try:
        return os.readlink(link)
    except OSError:
        return None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _checked(name: str) -> str:
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise InvalidInput(f"{name!r} is no name of a file")
    return name
