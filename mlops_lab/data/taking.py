"""What `commit` is given, turned into bytes in the store: a file, a folder, or a table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.data.records import Kind
from mlops_lab.data.scan import put_folder
from mlops_lab.errors import InvalidInput, LabError, NotFound, StorageFull
from mlops_lab.store import Progress, Store
from mlops_lab.store.layout import DISK_FULL
from mlops_lab.store.snapshot import workplace

if TYPE_CHECKING:
    from mlops_lab.compute import Source

__all__ = ["Taken", "take"]

_NAME_BYTES: Final = 200
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Taken:
    """Content that is in the store, durable, and not yet a version.

    Attributes
    ----------
    digest
        Of the file, or of the folder's list of files.
    file
        The own name of the file or folder.
    source
        Where it came from, as a commit says it.
    objects
        Every object it consists of.
    path
        Where it was found; None for a table that was written.
    """

    digest: str
    kind: Kind
    file: str
    is_tree: bool
    files: int
    size_bytes: int
    source: Mapping[str, Any]
    objects: tuple[str, ...]
    path: Path | None


def take(
    store: Store,
    name: str,
    source: Any,
    *,
    progress: Progress | None = None,
    origin: Mapping[str, Any] | None = None,
) -> Taken:
    """Put what a person gives into the store.

    Parameters
    ----------
    name
        Of the dataset; a table's file is called after it.
    source
        A path to a file or folder, a frame (pandas, polars, Arrow), a DuckDB relation, or SQL.
    progress
        Told how many bytes of how many are done.
    origin
        What made a file that was never the user's: told in place of its path.

    Raises
    ------
    NotFound
        There is no such file or folder.
    InvalidInput
        It is nothing that can be committed.
    Conflict
        It changed meanwhile.
    """
    path = _as_path(source)
    if path is None:
        return _take_table(store, name, source, progress)
    if os.path.isdir(path):  # unlike `Path.is_dir` it takes text of any length
        return _take_folder(store, path, progress)
    if not os.path.lexists(path):
        text = str(source)
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        raise NotFound(
            f"There is no file or folder {shown!r} (seen from {Path.cwd()}), and it is no "
            "SQL either: that begins with SELECT."
        )
    (put,) = store.objects.put_files([path], progress=progress)
    return Taken(
        digest=put.digest,
        kind="file" if origin is None else "table",
        file=path.name,
        is_tree=False,
        files=1,
        size_bytes=put.size,
        source={"path": _told(store.root, path)} if origin is None else origin,
        objects=(put.digest,),
        path=path,
    )


def _take_folder(store: Store, path: Path, progress: Progress | None) -> Taken:
    seen = store.objects.view_of(path)
    if seen is not None:
        # The folder of a version, as steps are given it: its links lead into the store.
        tree = store.objects.tree(seen)
    else:
        real = Path(os.path.realpath(path))
        if real.is_relative_to(os.path.realpath(store.dir)):
            raise InvalidInput(f"{path} belongs to the project's store: commit your own folder.")
        tree = put_folder(store.objects, path, store.dir, progress=progress)
    return Taken(
        digest=tree.digest,
        kind="folder",
        file=path.name or path.resolve().name or "data",
        is_tree=True,
        files=len(tree.entries),
        size_bytes=tree.size_bytes,
        source={"path": _told(store.root, path)},
        objects=(tree.digest, *dict.fromkeys(entry.digest for entry in tree.entries)),
        path=path,
    )


def _take_table(store: Store, name: str, given: Any, progress: Progress | None) -> Taken:
    from mlops_lab.compute import Source

    table = Source.of(given)
    # A name may have a hundred characters, a file's name 255 bytes.
    file = name.encode()[:_NAME_BYTES].decode(errors="ignore") + ".parquet"
    if store.read_only:
        store.objects.put_bytes(b"")  # refuses, and says why
    with workplace(store.tmp) as folder, _room(store):
        table.write_parquet(folder / file, tmp=folder)
        (put,) = store.objects.put_files([folder / file], progress=progress)
    return Taken(
        digest=put.digest,
        kind="table",
        file=file,
        is_tree=False,
        files=1,
        size_bytes=put.size,
        source=_told_table(table, given),
        objects=(put.digest,),
        path=None,
    )


def _as_path(source: Any) -> Path | None:
    """The path that is meant; None for tables and SQL."""
    if isinstance(source, os.PathLike):
        return Path(os.path.expanduser(source))
    if not isinstance(source, str):
        return None
    if not source.strip():
        raise InvalidInput("What is to be committed is empty text; give a path, a frame or SQL.")
    path = Path(os.path.expanduser(source))
    if os.path.lexists(path):
        return path
    from mlops_lab.compute import Source

    try:
        is_sql = Source.of(source).kind == "sql"
    except LabError:
        is_sql = False
    return None if is_sql else path


def _told(root: Path, path: Path) -> str:
    absolute = Path(os.path.abspath(path))
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else str(absolute)


def _told_table(table: Source, given: Any) -> dict[str, str]:
    if table.kind == "sql":
        return {"sql": str(given)}
    if table.kind == "relation":
        return {"relation": "duckdb"}
    return {"frame": type(given).__module__.partition(".")[0]}


@contextmanager
def _room(store: Store) -> Iterator[None]:
    try:
        yield
    except LabError:
        raise
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise StorageFull(
            f"there is no room in {store.dir} for the table: {error.strerror}. Nothing was kept."
        ) from error
