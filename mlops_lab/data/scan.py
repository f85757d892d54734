"""Listing a folder that is to be committed: what is in it, and what nobody could mean."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from mlops_lab.errors import Conflict, Forbidden, InvalidInput
from mlops_lab.store import Objects, Progress, Tree, TreeEntry

__all__ = ["LITTER", "put_folder", "scan_folder"]

LITTER: Final = frozenset({".DS_Store", ".git", ".ipynb_checkpoints", "__pycache__"})
"""What other programs leave in folders; never part of a version."""


def scan_folder(folder: Path, store_dir: Path) -> list[tuple[str, str]]:
    """List the files of a folder and below: path in it with ``/``, and where the file is.

    A link to a file inside of the folder, or to an object of ours, stands for that file.

    Raises
    ------
    InvalidInput
        Something in it is neither file nor folder, or a link leads out of it or to a folder; a name
        is not Unicode; or the folder holds the project's store.
    Forbidden
        A folder in it cannot be read.
    """
    top = os.path.abspath(folder)
    allowed = (
        os.path.realpath(folder) + os.sep,
        os.path.realpath(store_dir / "objects") + os.sep,
    )
    found: list[tuple[str, str]] = []
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        prefix = f"{inside}/" if inside else ""
        try:
            entries = list(os.scandir(f"{top}/{inside}"))
        except PermissionError as error:
            raise Forbidden(f"The folder {folder / inside} cannot be read.") from error
        for entry in entries:
            if entry.name in LITTER:
                continue
            path = prefix + entry.name
            _check_name(entry.name, path, folder)
            if entry.is_symlink():
                _check_link(f"{top}/{path}", allowed)
                found.append((path, f"{top}/{path}"))
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif entry.is_file(follow_symlinks=False):
                found.append((path, f"{top}/{path}"))
            else:
                raise InvalidInput(
                    f"{top}/{path} is neither a file nor a folder (a pipe, a socket or a device): "
                    "take it away."
                )
    found.sort()
    return found


def put_folder(
    objects: Objects, folder: Path, store_dir: Path, *, progress: Progress | None = None
) -> Tree:
    """Keep every file of a folder, and the list of them.

    Raises
    ------
    InvalidInput
        The folder is empty, or as `scan_folder` says.
    Conflict
        A file was changed, or files came or went meanwhile.
    """
    files = scan_folder(folder, store_dir)
    if not files:
        raise InvalidInput(
            f"The folder {folder} holds no files, so there is nothing to commit. (An empty table "
            "can be: a file with a header, or a frame.)"
        )
    put = objects.put_files([path for _, path in files], progress=progress)
    if scan_folder(folder, store_dir) != files:
        raise Conflict(
            f"Files came or went in {folder} while it was being committed: wait until whoever "
            "writes it is done, or commit a copy."
        )
    tree = Tree.of(
        TreeEntry(path, one.digest, one.size) for (path, _), one in zip(files, put, strict=True)
    )
    objects.put_tree(tree)
    return tree


def _check_name(name: str, path: str, folder: Path) -> None:
    if name == ".mlops":
        raise InvalidInput(
            f"{folder} holds the store of a project ({path}): commit the folder with the data."
        )
    if "\n" in name or "\r" in name:
        raise InvalidInput(f"The name of {str(folder / path)!r} has a line break in it: rename it.")
    if not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(
                f"The name of {str(folder / path)!r} is not UTF-8, so it cannot be written down: "
                "rename it."
            ) from error


def _check_link(link: str, allowed: tuple[str, str]) -> None:
    target = os.path.realpath(link)
    if not os.path.isfile(target):
        what = "a folder" if os.path.isdir(target) else "nothing that is there"
        raise InvalidInput(
            f"{link} is a link to {what} ({target}): put files there, or take it away."
        )
    if not target.startswith(allowed):
        raise InvalidInput(
            f"{link} is a link that leads out of the folder ({target}): put a copy of the file "
            "there."
        )
