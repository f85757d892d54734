"""Paths that come by REST: decoded once by the router, then confined or refused."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from mlops_lab.errors import InvalidInput, NotFound

__all__ = ["confined", "confined_file", "contents_folder", "contents_path", "relative"]

# In bytes; there is room left for what the server's root and the project's folder add.
_LONGEST_NAME = 255
_LONGEST_PATH = 3000


def relative(path: str) -> PurePosixPath:
    """Check that a path names something below a folder, and give its parts.

    Raises
    ------
    InvalidInput
        For an absolute path, ``..``, a backslash, a character that no path has, or a name that is
        longer than any file system takes.

    Examples
    --------
    >>> relative("notebooks/train.ipynb")
    PurePosixPath('notebooks/train.ipynb')
    >>> relative("../secret")
    Traceback (most recent call last):
    mlops_lab.errors.InvalidInput: Not a path inside the project: '../secret'.
    """
    pure = PurePosixPath(path)
    if (
        pure.is_absolute()
        or ".." in pure.parts
        or "\\" in path
        or any(ord(character) < 32 or "\ud800" <= character <= "\udfff" for character in path)
    ):
        raise InvalidInput(f"Not a path inside the project: {_shown(path)}.")
    longest = max((len(part.encode()) for part in pure.parts), default=0)
    if longest > _LONGEST_NAME or len(path.encode()) > _LONGEST_PATH:
        raise InvalidInput(f"Longer than a path can be: {_shown(path)}.")
    return pure


def _shown(path: str) -> str:
    return repr(path) if len(path) <= 100 else f"{path[:100]!r}…"


def confined_file(root: Path, path: str) -> Path:
    """The regular file at a path below ``root``; links that lead out are refused.

    Raises
    ------
    InvalidInput
        When the path, or where its links lead, is not below ``root``.
    NotFound
        When there is no such file.
    """
    real = confined(root, path)
    if not real.is_file():
        raise NotFound(f"There is no file {path!r} in this project.")
    return real


def confined(root: Path, path: str) -> Path:
    """The file or folder at a path below ``root``; links that lead out are refused.

    Raises
    ------
    InvalidInput
        When the path, or where its links lead, is not below ``root``.
    NotFound
        When there is nothing.
    """
    real_root = root.resolve()
    real = (real_root / relative(path)).resolve()
    if not real.is_relative_to(real_root):
        raise InvalidInput(f"Not a path inside the project: {path!r}.")
    if not real.exists():
        raise NotFound(f"There is no {path!r} in this project.")
    return real


def contents_folder(server_root: Path, path: str) -> Path:
    """The nearest existing folder of a contents path (a folder, a file, or what is gone).

    Links are followed, as JupyterLab's file browser follows them.
    """
    folder = server_root / relative(path.strip("/"))
    while folder != server_root and not folder.is_dir():
        folder = folder.parent
    return folder


def contents_path(server_root: Path, directory: Path) -> str | None:
    """The contents path of a directory, or None where it lies outside the server's root.

    The root itself is the empty path.
    """
    for root, target in ((server_root, directory), (server_root.resolve(), directory.resolve())):
        if target.is_relative_to(root):
            inside = target.relative_to(root).as_posix()
            return "" if inside == "." else inside
    return None
