"""The truth, when it arrives: late, in parts, more than once; joined when the log is read.

Truths of one name that are told by the same columns are a slot: a folder of Parquet files with the
columns ``k0`` …, ``value``, ``t`` (when it was told, in µs) and ``n`` (its place in what was told).
The last one told wins. So many files become one are only those that won; reading both once is
harmless.
"""

# ruff: noqa: S608 (names are quoted, values are bound)

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.compute import Source, open_engine
from mlops_lab.compute.engine import quote
from mlops_lab.errors import Forbidden, InvalidInput, StorageFull
from mlops_lab.expressions import nearest
from mlops_lab.serving.predictions.columns import FIXED
from mlops_lab.serving.predictions.joining import ABOUT, FOLDER, files_of, last_of, parquet_of
from mlops_lab.serving.predictions.scanning import find_parts, register
from mlops_lab.store.layout import DISK_FULL
from mlops_lab.store.lock import HeldLock
from mlops_lab.wording import counted, listed

if TYPE_CHECKING:
    from mlops_lab.compute import Engine

__all__ = ["Told", "log"]

_MOST_FILES: Final = 64
_SHOWN: Final = 3
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Told:
    """What became of truths that were logged.

    Attributes
    ----------
    name
        The column that predictions have them in.
    rows
        How many were told, each key once.
    known
        To how many of them there is a prediction.
    unknown
        How many belong to none (yet): they are kept, and join when it is logged.
    empty
        Rows without a value or without a key: they say nothing and are not kept.
    repeated
        Rows whose key stands there again further down, which counts.
    sentence
        All of that.
    """

    name: str
    rows: int
    known: int
    unknown: int
    empty: int
    repeated: int
    sentence: str = ""


def log(
    folder: Path,
    truths: Any,
    *,
    on: str | Sequence[str] = "prediction_id",
    value: str | None = None,
    event: str | None = None,
    now: int | None = None,
    tmp: Path | None = None,
) -> Told:
    """Keep what turned out to be true of predictions.

    Parameters
    ----------
    folder
        The endpoint's log.
    truths
        Whatever is a table: a frame, a file, SQL.
    on
        The columns that say whose truth it is: ``prediction_id``, or columns that the requests had.
        By such, every prediction of equal values gets it.
    value
        The column of the truth; predictions have it under this name.
    event
        In its place, of conversions: what happened to those that are listed. Others count as false.
    now
        In µs, UTC.
    tmp
        Where temporary folders are made.

    Raises
    ------
    InvalidInput
        There are no such columns, or nothing to join by.
    StorageFull
        The disk is full; nothing was kept.
    """
    keys = (on,) if isinstance(on, str) else tuple(on)
    name = _name(value, event)
    if not keys:
        raise InvalidInput('on is empty; it is "prediction_id", or columns that the requests had.')
    at = time.time_ns() // 1000 if now is None else now
    source = Source.of(truths)
    with open_engine(tmp) as engine:
        view = source.view(engine, "truths")
        columns = dict(engine.columns(view))
        _require([*keys, *([] if value is None else [value])], columns, source.told)
        logged = _logged(engine, folder, keys)
        sql, rows, empty, repeated = _settle(engine, view, keys, value, logged)
        known = rows
        if logged is None:
            known = 0
        elif rows:
            known = _known(engine, sql, keys)
        _keep(engine, folder, sql, name, keys, event is not None, at)
        missing = _unknown(engine, sql, keys) if logged is not None and known < rows else []
    unknown = rows - known
    told = Told(name, rows, known, unknown, empty, repeated)
    return replace(told, sentence=_sentence(told, missing, logged is None))


def _name(value: str | None, event: str | None) -> str:
    if (value is None) == (event is None):
        raise InvalidInput(
            'Say either value="late", the column of the truth, or event="bought", what happened '
            "to those that are listed."
        )
    name = value if value is not None else event
    assert name is not None
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidInput(f"{name[:60]!r} is no name for a truth: take a word, such as late.")
    if name.lower() in FIXED:
        raise InvalidInput(f"{name} is a column of the log itself: call the truth otherwise.")
    return name


def _require(wanted: Sequence[str], columns: dict[str, str], told: str) -> None:
    for one in wanted:
        if one not in columns:
            near = nearest(one, columns)
            hint = f"Did you mean {near}?" if near else f"It has {listed(list(columns)[:20])}."
            raise InvalidInput(f"There is no column {one!r} in {told}. {hint}")


def _logged(engine: Engine, folder: Path, keys: Sequence[str]) -> dict[str, str] | None:
    """The log's columns with their types; None when nothing has been logged."""
    parts = find_parts(folder)
    if not parts:
        return None
    columns = dict(engine.columns(register(engine, parts)))
    for key in keys:
        if key not in columns:
            near = nearest(key, columns)
            hint = f"Did you mean {near}?" if near else f"It has {listed(list(columns)[:30])}."
            raise InvalidInput(
                f"Predictions have no column {key!r} to join by. {hint} A column that a request "
                "has beside the model's own is logged, too."
            )
    return columns


def _settle(
    engine: Engine,
    view: str,
    keys: Sequence[str],
    value: str | None,
    logged: dict[str, str] | None,
) -> tuple[str, int, int, int]:
    """A table of what is to be kept, the last of each key; and what was left out."""
    kinds = dict(engine.columns(view))
    picked = []
    for i, key in enumerate(keys):
        # In the type that the log has it in; what cannot be one is no key.
        kind = None if logged is None else logged[key]
        made = f"try_cast({quote(key)} as {kind})" if kind else _plain(quote(key), kinds[key])
        picked.append(f"{made} as k{i}")
    said = "true" if value is None else _plain(quote(value), kinds[value])
    engine.execute(
        f"create temp table told as select {', '.join(picked)}, {said} as value, "
        f"row_number() over () as n from {view}"
    )
    all_ = engine.row("select count(*) from told")[0]
    whole = " and ".join([*(f"k{i} is not null" for i in range(len(keys))), "value is not null"])
    if dict(engine.columns("told"))["value"] == "DOUBLE":
        whole += " and not isnan(value)"
    by = ", ".join(f"k{i}" for i in range(len(keys)))
    engine.execute(
        f"create temp table kept as select {by}, arg_max(value, n) as value, max(n) as n "
        f"from told where {whole} group by {by}"
    )
    good = engine.row(f"select count(*) from told where {whole}")[0]
    rows = engine.row("select count(*) from kept")[0]
    return "kept", rows, all_ - good, good - rows


def _plain(sql: str, kind: str) -> str:
    """A value as a truth is kept: true or false, a number, a time, else text."""
    if kind in ("BOOLEAN", "BIGINT", "DOUBLE", "VARCHAR") or kind.startswith("TIMESTAMP"):
        return sql
    if kind.endswith("INTEGER") or kind in ("TINYINT", "SMALLINT", "UTINYINT", "USMALLINT"):
        return f"{sql}::bigint"
    if kind in ("FLOAT", "HUGEINT", "UBIGINT", "UHUGEINT") or kind.startswith("DECIMAL"):
        return f"{sql}::double"
    return f"{sql}::varchar"


def _known(engine: Engine, table: str, keys: Sequence[str]) -> int:
    on = " and ".join(f"log.{quote(key)} = {table}.k{i}" for i, key in enumerate(keys))
    found = engine.row(f"select count(*) from {table} where exists (from log where {on})")[0]
    return int(found)


def _unknown(engine: Engine, table: str, keys: Sequence[str]) -> list[str]:
    on = " and ".join(f"log.{quote(key)} = {table}.k{i}" for i, key in enumerate(keys))
    by = ", ".join(f"k{i}" for i in range(len(keys)))
    rows = engine.rows(
        f"select {by} from {table} where not exists (from log where {on}) order by n limit {_SHOWN}"
    )
    return [" · ".join(str(one)[:60] for one in row) for row in rows]


def _keep(
    engine: Engine,
    folder: Path,
    table: str,
    name: str,
    keys: Sequence[str],
    event: bool,
    at: int,
) -> None:
    told = {"v": 1, "name": name, "on": list(keys), "event": event}
    slot = folder / FOLDER / hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
    try:
        slot.mkdir(parents=True, exist_ok=True)
        about = slot / ABOUT
        if not about.exists():
            _replace(about, json.dumps(told, ensure_ascii=False).encode("utf-8", "replace"))
    except OSError as error:
        raise _refused(error, slot) from error
    # Under a lock: the time that a truth was told at orders it, and files become one below.
    lock = HeldLock(slot / "lock")
    try:
        newest = max((int(one.name.partition("-")[0]) for one in parquet_of(slot)), default=0)
        at = max(at, newest + 1)
        by = ", ".join(f"k{i}" for i in range(len(keys)))
        _write(
            engine, f"select {by}, value, {at}::bigint as t, n from {table} order by n", slot, at
        )
        there = parquet_of(slot)
        if len(there) > _MOST_FILES:
            _write(engine, f"{last_of(files_of(there), len(keys))} order by t, n", slot, at)
            for one in there:
                with suppress(FileNotFoundError):
                    one.unlink()
    finally:
        lock.close()


def _write(engine: Engine, sql: str, slot: Path, at: int) -> None:
    path = slot / f"{at:020d}-{secrets.token_hex(4)}.parquet"
    part = path.with_name(f".{path.name}")
    told = str(part).replace("'", "''")
    try:
        engine.execute(f"copy ({sql}) to '{told}' (format parquet, compression zstd)")
        fd = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        part.replace(path)
    except OSError as error:
        raise _refused(error, path) from error
    finally:
        part.unlink(missing_ok=True)


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    part.write_bytes(data)
    part.replace(path)


def _refused(error: OSError, path: Path) -> Exception:
    """What to raise when truth could not be written."""
    if error.errno in DISK_FULL:
        return StorageFull("The disk is full: the truth was not kept. Free some space, try again.")
    if isinstance(error, PermissionError):
        return Forbidden(f"The truth cannot be kept: {path} cannot be written.")
    return error


def _sentence(told: Told, missing: Sequence[str], nothing_logged: bool) -> str:
    parts = [f"{counted(told.rows, 'truth')} of {told.name} kept"]
    if nothing_logged and told.rows:
        parts.append("nothing has been logged yet that they could belong to")
    elif told.unknown:
        which = f" ({', '.join(missing)}{' …' if told.unknown > len(missing) else ''})"
        parts.append(f"{told.unknown:,} of them belong to no prediction yet{which}")
    if told.repeated:
        parts.append(f"{counted(told.repeated, 'row')} told again further down")
    if told.empty:
        parts.append(f"{counted(told.empty, 'row')} without a value or a key left out")
    return "; ".join(parts) + "."
