"""A log as monitors read it: a Parquet file for each day, the answers beside their truth.

What a file holds follows from the log, from what was told until a moment, and from the names that
the monitor uses; so the same days have the same bytes, what was counted of them counts again, and
a new day costs one day. The files are a cache: deleted, they are made again.
"""

# ruff: noqa: S608 (names are quoted, values are bound)

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from blake3 import blake3

from mlops_lab.compute import Source, open_engine
from mlops_lab.compute.engine import quote
from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.serving.predictions.columns import FIXED
from mlops_lab.serving.predictions.joining import Slot, files_of, join, settle, slots_of
from mlops_lab.serving.predictions.scanning import (
    Parts,
    again,
    find_parts,
    folder_of,
    micros,
    register,
    settled_files,
)
from mlops_lab.serving.records import Role
from mlops_lab.wording import listed

if TYPE_CHECKING:
    from mlops_lab.compute import Engine

__all__ = ["Names", "Watched", "watch"]

_FOLDER: Final = "watched"
_FORMAT: Final = 1
_STALE_S: Final = 86_400.0
_UNUSED_S: Final = 30 * 86_400.0
_POSITIVE: Final = ("1", "1.0", "True", "true", "yes")
_KEPT: Final = ("t", "version")
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Names:
    """What a monitor calls the columns of a log; None is as the log does.

    Attributes
    ----------
    time, version, prediction, score, target
        Columns as the monitor, and so its reference, has them.
    positive
        The class whose probability is the score.
    """

    time: str | None = None
    version: str | None = None
    prediction: str | None = None
    score: str | None = None
    target: str | None = None
    positive: str | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """A log as it was known at a moment.

    Attributes
    ----------
    endpoint, role
        Whose answers.
    moment
        Until when (in µs, UTC) answers and truth count.
    files
        Parquet, a day each, oldest first.
    contents
        Their content ids.
    names
        Which column is what; None where there is none.
    """

    endpoint: str
    role: str
    moment: int
    files: tuple[Path, ...]
    contents: Mapping[Path, str] = field(repr=False)
    names: Names

    @property
    def ref(self) -> str:
        """What sentences call it: ``endpoint:delay``."""
        return f"endpoint:{self.endpoint}" + ("" if self.role == "stable" else f"@{self.role}")

    @property
    def digest(self) -> str:
        """Stands for all that is in it."""
        told = [_FORMAT, self.ref, [self.contents[one] for one in self.files]]
        return f"b3-{blake3(json.dumps(told).encode()).hexdigest()}"

    def source(self) -> Source:
        """The rows."""
        return Source.of(list(self.files))


def watch(
    root: Path,
    endpoint: str,
    names: Names,
    *,
    role: str = "stable",
    moment: int | None = None,
    tmp: Path | None = None,
) -> Watched:
    """Bring a log into the form that monitors read.

    Parameters
    ----------
    root
        The project's folder.
    endpoint
        Its name.
    names
        What the monitor calls its columns.
    role
        Whose answers: stable, canary or shadow.
    moment
        Until when answers and truth count, in µs, UTC; default now.
    tmp
        Where temporary folders are made.

    Raises
    ------
    NotFound
        It has not answered yet in that role.
    StorageFull
        There is no room for the files.
    """
    if role not in get_args(Role):
        raise InvalidInput(f"The role is {role!r}; it is {listed(get_args(Role))}.")
    folder = folder_of(root, endpoint)
    at = time.time_ns() // 1000 if moment is None else moment

    def look() -> tuple[list[tuple[Path, str]], Names]:
        with open_engine(tmp, threads=1) as engine:
            days = _Days(engine, folder, names, role, at)
            return days.all(), days.names

    found, used = again(look)
    if not found:
        raise NotFound(
            f"The endpoint {endpoint} has no answers as {role} yet: ask it something, as "
            f'lab.endpoint("{endpoint}").predict(frame), or write dataset:NAME.'
        )
    contents = dict(found)
    return Watched(endpoint, role, at, tuple(contents), contents, used)


class _Days:
    """The days of one log on their way. Used once."""

    def __init__(self, engine: Engine, folder: Path, names: Names, role: str, moment: int) -> None:
        self._engine = engine
        self._folder = folder
        self._parts = find_parts(folder, until=moment)
        self._asked = f"t < make_timestamptz({moment}::bigint) and role = '{role}' and status = 200"
        whole = register(engine, self._parts, "whole") if self._parts else ""
        self._columns = dict(engine.columns(whole)) if whole else {}
        self._slots = self._told(slots_of(folder), moment)
        _, truths = self._join("log")
        self.names, self._select = _selected(names, self._columns, truths)
        told = [_FORMAT, role, self._select, sorted(self._columns.items())]
        self._shape = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
        self._states = self._look(whole, truths.values()) if whole else {}

    def _told(self, slots: Sequence[Slot], moment: int) -> dict[Slot, str]:
        """What was told until the moment, the last of each key, as tables."""
        found: dict[Slot, str] = {}
        for i, slot in enumerate(slots):
            early = [one for one in slot.files if int(one.name.partition("-")[0]) < moment]
            if early and all(key in self._columns for key in slot.on):
                name = f"told_{i}"
                query = settle(files_of(early), slot, self._columns)
                self._engine.execute(f"create temp table {name} as {query}")
                found[slot] = name
        return found

    def _join(self, relation: str) -> tuple[str, dict[str, str]]:
        table = self._slots.__getitem__
        return join(relation, self._columns, list(self._slots), table=table, settled=True)

    def _look(self, whole: str, truths: Collection[str]) -> dict[date, list[int]]:
        """What each day's content follows from, in two numbers: its rows, and who has which
        truth.
        """
        joined, _ = self._join(f"(from {whole} where {self._asked})")
        mixed = ", ".join(["prediction_id", *map(quote, truths)])
        rows = self._engine.rows(
            f"select (t at time zone 'UTC')::date, count(*), bit_xor(hash({mixed})) "
            f"from {joined} group by 1 order by 1"
        )
        return {day: [int(count), int(mark)] for day, count, mark in rows}

    def all(self) -> list[tuple[Path, str]]:
        """The days' files with their content ids."""
        cache = self._folder / _FOLDER / self._shape
        if self._states:
            cache.mkdir(parents=True, exist_ok=True)
        found = [self._day(cache, day, state) for day, state in self._states.items()]
        if found:
            self._tidy(cache, {path.name for path, _ in found})
        return found

    def _day(self, cache: Path, day: date, state: list[int]) -> tuple[Path, str]:
        about = cache / f"{day.isoformat()}.json"
        kept = _read(about)
        if kept.get("state") != state:
            kept = self._write(cache, day, self._rows(day), state)
            _replace(about, json.dumps(kept).encode())
        return cache / str(kept["file"]), str(kept["content"])

    def _rows(self, day: date) -> str:
        """A day with the columns of all, as what can follow FROM."""
        start, stop = micros(day), micros(day + _DAY)
        inside = set(settled_files(self._folder, start, stop))
        settled = tuple(one for one in self._parts.settled if one in inside)
        log = register(self._engine, Parts(settled, self._parts.fresh), f"day {day}")
        known = dict(self._engine.columns(log))
        padded = ", ".join(
            f"{quote(one) if one in known else 'null'}::{kind} as {quote(one)}"
            for one, kind in self._columns.items()
        )
        joined, _ = self._join(
            f"(select {padded} from {log} where t >= make_timestamptz({start}::bigint) "
            f"and t < make_timestamptz({stop}::bigint) and {self._asked})"
        )
        return joined

    def _write(self, cache: Path, day: date, joined: str, state: list[int]) -> dict[str, Any]:
        part = cache / f".{day.isoformat()}-{secrets.token_hex(4)}.parquet"
        told = str(part).replace("'", "''")
        try:
            self._engine.execute(
                f"copy (select {self._select} from {joined} order by t, prediction_id) "
                f"to '{told}' (format parquet, compression zstd)"
            )
            content = f"b3-{blake3(part.read_bytes()).hexdigest()}"
            name = f"{day.isoformat()}-{content[3:19]}.parquet"
            part.replace(cache / name)
        finally:
            part.unlink(missing_ok=True)
        return {"state": state, "content": content, "file": name}

    def _tidy(self, cache: Path, used: set[str]) -> None:
        """Remove what nobody reads any more; what was replaced just now may still be read."""
        old = time.time() - _STALE_S
        days = {day.isoformat() for day in self._states}
        for path in cache.glob("*.*"):
            if path.name in used or (path.suffix == ".json" and path.stem in days):
                continue
            with suppress(OSError):
                if path.stat().st_mtime < old:
                    path.unlink()
        for other in cache.parent.iterdir():  # of names that no monitor uses any more
            with suppress(OSError):
                if other != cache and other.stat().st_mtime < old - _UNUSED_S:
                    shutil.rmtree(other)


def _selected(
    names: Names, columns: Mapping[str, str], truths: Mapping[str, str]
) -> tuple[Names, str]:
    """Which column is what, and the select list of a day's file."""
    inside = [
        name
        for name, kind in columns.items()
        if (name not in FIXED or name in _KEPT) and not kind.endswith("[]")
    ]
    have = {*inside, *truths.values()}
    extra: list[str] = []

    def named(wanted: str | None, own: str | None) -> str | None:
        if wanted is None or wanted == own or wanted in have:
            return own if wanted is None else wanted
        if own is None:
            return None
        extra.append(f"{quote(own)} as {quote(wanted)}")
        return wanted

    target = names.target
    if target is None and len(truths) == 1:
        target = next(iter(truths.values()))
    elif target is not None and target in truths:
        target = truths[target]
    if target is not None and target not in have:
        # Nothing was told yet: the monitor knows its name all the same.
        extra.append(f"null::double as {quote(target)}")
    found = Names(
        time=named(names.time, "t"),
        version=named(names.version, "version"),
        prediction=named(names.prediction, "prediction" if "prediction" in have else None),
        score=named(names.score, _score(columns, names.positive)),
        target=target,
        positive=names.positive,
    )
    picked = [quote(one) for one in (*inside, *truths.values())]
    return found, ", ".join([*picked, *extra])


def _score(columns: Mapping[str, str], positive: str | None) -> str | None:
    """The column of the positive class's probability, where two classes leave no doubt."""
    classes = [one for one in columns if one.startswith("probability_")]
    wanted = (positive,) if positive is not None else _POSITIVE
    for one in classes:
        if one.removeprefix("probability_") in wanted:
            return one
    return classes[1] if positive is None and len(classes) == 2 else None


def _read(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_bytes())
        whole = isinstance(kept, dict) and (path.parent / str(kept["file"])).is_file()
    except (OSError, ValueError, KeyError):
        return {}
    return kept if whole else {}


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    part.write_bytes(data)
    part.replace(path)
