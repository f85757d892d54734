"""The table ``predictions`` of `mlops_lab.sql`: the logs of all endpoints, with the truth, at once.

Measured with 200,000 logged rows, half of them in an open file: handing the files over by Arrow
costs a query 0.05 s before it begins, and as little again to count or to group; copying the rows
into the sandbox 0.3 s, and ten times that with ten times the rows.
"""

# ruff: noqa: S608 (names are quoted, values are bound)

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_lab.compute.engine import quote
from mlops_lab.serving.predictions import files
from mlops_lab.serving.predictions.columns import FIXED
from mlops_lab.serving.predictions.joining import Slot, join, slots_of
from mlops_lab.serving.predictions.scanning import settled_files
from mlops_lab.store.beside import Beside, Scanned, read_stream

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["NAME", "logged"]

NAME: Final = "predictions"

_TYPES: Final = {
    "bool": "BOOLEAN",
    "int64": "BIGINT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "timestamp[us, tz=UTC]": "TIMESTAMP",
    "list<item: double>": "DOUBLE[]",
}
_KINDS: Final = {
    "text": "varchar",
    "integer": "bigint",
    "number": "double",
    "time": "timestamp",
}


def logged(root: Path) -> Beside:
    """Find the logs of a project's endpoints, as they are now.

    Parameters
    ----------
    root
        The project's folder.
    """
    tables: list[Scanned] = []
    selects = [_nothing()]
    folder = root / ".mlops" / "predictions"
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        names = []
    for place, endpoint in enumerate(names):
        found = _endpoint(folder / endpoint, f"{NAME} {place}", tables)
        if found is not None:
            name = endpoint.replace("'", "''")
            selects.append(f"select '{name}' as endpoint, * from {found}")
    return Beside(tuple(tables), (NAME, " union all by name ".join(selects)))


def _nothing() -> str:
    """The columns that are always there, without rows."""
    columns = [f"null::{_KINDS[kind]} as {quote(name)}" for name, kind in FIXED.items()]
    return f"select null::varchar as endpoint, {', '.join(columns)} where false"


def _endpoint(folder: Path, prefix: str, tables: list[Scanned]) -> str | None:
    """One endpoint's predictions with the truth, as what can follow FROM."""
    parts: list[tuple[Scanned, pa.Schema]] = []
    for path in files.open_files(folder):
        first = next(read_stream(path), None)
        if first is not None:
            several = (path, files.settled_path(path))
            parts.append(_scanned(f"{prefix} open {len(parts)}", "stream", several, first.schema))
    taken = {path.stem for one, _ in parts for path in one.files}
    settled = [path for path in settled_files(folder) if path.stem not in taken]
    for alike, schema in _alike(settled):
        parts.append(_scanned(f"{prefix} closed {len(parts)}", "parquet", alike, schema))
    if not parts:
        return None
    tables += [one for one, _ in parts]
    columns = _columns([schema for _, schema in parts])
    reads = " union all by name ".join(_instants(one, schema) for one, schema in parts)
    truths: dict[Slot, str] = {}
    for slot in slots_of(folder):
        made = [
            _scanned(f"{prefix} truth {len(truths)} {i}", "parquet", alike, schema)[0]
            for i, (alike, schema) in enumerate(_alike(slot.files))
        ]
        tables += made
        if made:
            told = " union all by name ".join(f"select * from {quote(one.name)}" for one in made)
            truths[slot] = f"({told})"
    return join(f"({reads})", columns, list(truths), table=truths.__getitem__)[0]


def _scanned(
    name: str, form: str, several: Sequence[Path], schema: pa.Schema
) -> tuple[Scanned, pa.Schema]:
    made = Scanned(
        name,
        "stream" if form == "stream" else "parquet",
        tuple(several),
        schema.serialize().to_pybytes(),
    )
    return made, schema


def _instants(one: Scanned, schema: pa.Schema) -> str:
    """A table with its times as all of the project's are: in UTC, without a zone."""
    import pyarrow as pa

    times = [field.name for field in schema if pa.types.is_timestamp(field.type)]
    made = ", ".join(f"make_timestamp(epoch_us({quote(name)})) as {quote(name)}" for name in times)
    return f"select * replace ({made}) from {quote(one.name)}"


def _alike(paths: Sequence[Path]) -> list[tuple[list[Path], pa.Schema]]:
    """Files whose columns agree in their types, and all the columns that they have."""
    import pyarrow as pa

    groups: list[tuple[list[Path], pa.Schema]] = []
    for path in paths:
        schema = _schema_of(path)
        if schema is None:
            continue
        for i, (several, known) in enumerate(groups):
            try:
                both = known if known.equals(schema) else pa.unify_schemas([known, schema])
            except (pa.ArrowInvalid, pa.ArrowTypeError):
                continue
            several.append(path)
            groups[i] = several, both
            break
        else:
            groups.append(([path], schema))
    return groups


@lru_cache(maxsize=10_000)
def _schema_of(path: Path) -> pa.Schema | None:
    """The columns of a file, which never change; None when it is gone or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(path).remove_metadata()
    except (OSError, pa.ArrowException):
        return None


def _columns(schemas: Sequence[pa.Schema]) -> Mapping[str, str]:
    """The columns of several tables joined by name, with DuckDB's types of them."""
    found: dict[str, str] = {}
    for schema in schemas:
        for field in schema:
            kind = _TYPES.get(str(field.type), "VARCHAR")
            known = found.setdefault(field.name, kind)
            if known != kind:
                numbers = {known, kind} == {"BIGINT", "DOUBLE"}
                found[field.name] = "DOUBLE" if numbers else "VARCHAR"
    return found
