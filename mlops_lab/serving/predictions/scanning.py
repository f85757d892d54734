"""The rows of a log as one relation: the Parquet of its days, and what is in open files now."""

# ruff: noqa: S608 (names are quoted, values are bound)

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mlops_lab.compute.engine import quote, quote_glob
from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.serving.predictions import files
from mlops_lab.shapes import seconds
from mlops_lab.store.beside import read_stream

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops_lab.compute import Engine

__all__ = [
    "Parts",
    "again",
    "day_of",
    "days_of",
    "find_parts",
    "folder_of",
    "instant",
    "micros",
    "register",
    "settled_files",
]

T = TypeVar("T")

_AGO: Final = re.compile(r"(\d+(\.\d+)?(ms|s|m|h|d))+|\d+(\.\d+)?w")


def folder_of(root: Path, endpoint: str) -> Path:
    """Where an endpoint's log is."""
    return root / ".mlops" / "predictions" / endpoint


@dataclass(frozen=True, slots=True)
class Parts:
    """What a log consists of at a moment.

    Attributes
    ----------
    settled
        Parquet files, oldest first.
    fresh
        The rows of each open file.
    """

    settled: tuple[Path, ...]
    fresh: tuple[pa.Table, ...]

    def __bool__(self) -> bool:
        return bool(self.settled or self.fresh)


def again(work: Callable[[], T]) -> T:
    """Read a log; once more where one of its files went meanwhile: it was swept, or joined with
    others.
    """
    for _ in range(2):
        try:
            return work()
        except Exception as error:
            # DuckDB's own class for it may be named below this layer only.
            gone = "No files found" in str(error) or "No such file" in str(error)
            if type(error).__name__ != "IOException" or not gone:
                raise
    return work()


def find_parts(folder: Path, *, since: int | None = None, until: int | None = None) -> Parts:
    """Find the parts of a log that can have rows of a time.

    Parameters
    ----------
    folder
        Of the endpoint.
    since, until
        In µs, UTC; None is open.
    """
    import pyarrow as pa

    # The open ones first: one that becomes Parquet meanwhile is then there twice, and left out.
    fresh: list[pa.Table] = []
    seen: set[str] = set()
    for path in files.open_files(folder):
        batches = list(read_stream(path))
        if batches:
            fresh.append(pa.Table.from_batches(batches))
            seen.add(path.stem)
    settled = [one for one in settled_files(folder, since, until) if one.stem not in seen]
    return Parts(tuple(settled), tuple(fresh))


def settled_files(folder: Path, since: int | None = None, until: int | None = None) -> list[Path]:
    """The Parquet files of a log that can have rows of a time (in µs, UTC), oldest first."""
    first = None if since is None else (day_of(since) - timedelta(days=1)).isoformat()
    last = None if until is None else (day_of(until) + timedelta(days=1)).isoformat()
    settled: list[Path] = []
    for name in _listed(folder):
        day = name.removeprefix("day=")
        if day == name or (first and day < first) or (last and day > last):
            continue
        settled += [
            folder / name / one
            for one in _listed(folder / name)
            if one.endswith(".parquet") and not one.startswith(".")
        ]
    return settled


def days_of(folder: Path) -> list[date]:
    """The days that have Parquet, oldest first."""
    found = []
    for name in _listed(folder):
        try:
            found.append(date.fromisoformat(name.removeprefix("day=")))
        except ValueError:
            continue
    return found


def register(engine: Engine, parts: Parts, name: str = "log") -> str:
    """Make a log known to an engine; gives what can follow FROM there.

    Columns that differ between versions of a model are joined by name; where their types differ,
    the wider type counts, and text is wider than all.

    Raises
    ------
    NotFound
        There are no rows.
    """
    if not parts:
        raise NotFound("Nothing has been logged yet.")
    selects = []
    if parts.settled:
        listed = ", ".join("'" + quote_glob(one).replace("'", "''") + "'" for one in parts.settled)
        selects.append(
            f"select * from read_parquet([{listed}], union_by_name = true, "
            "hive_partitioning = false)"
        )
    for i, table in enumerate(parts.fresh):
        given = f"{name} open {i}"
        engine.connection.register(given, table)
        selects.append(f"select * from {quote(given)}")
    engine.execute(f"create temp view {quote(name)} as {' union all by name '.join(selects)}")
    return quote(name)


def instant(moment: Any, now: int) -> int | None:
    """A moment as people give it, in µs, UTC.

    Parameters
    ----------
    moment
        A datetime (without a zone in UTC), text in ISO 8601, a length of time back from now as
        ``7d``, µs, or None.
    now
        In µs, UTC.

    Raises
    ------
    InvalidInput
        It is nothing of that.

    Examples
    --------
    >>> instant("1h", 10 * 3_600_000_000) == 9 * 3_600_000_000
    True
    """
    if moment is None:
        return None
    if isinstance(moment, int) and not isinstance(moment, bool):
        return moment
    if isinstance(moment, timedelta):
        return now - int(moment.total_seconds() * 1e6)
    if isinstance(moment, str):
        if _AGO.fullmatch(moment.strip()):
            return now - int(seconds(moment.replace("w", "d")) * (7e6 if "w" in moment else 1e6))
        try:
            moment = datetime.fromisoformat(moment.strip())
        except ValueError:
            moment = None
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if not isinstance(moment, datetime):
        raise InvalidInput("A time is a datetime, text as 2026-11-22T10:00, or as 7d: so long ago.")
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1e6)


def micros(day: date) -> int:
    """When a day begins, in µs, UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1e6)


def day_of(us: int) -> date:
    """The day of a moment in µs, UTC; the first or last there is for what is none."""
    try:
        return datetime.fromtimestamp(us / 1e6, UTC).date()
    except (OverflowError, ValueError, OSError):
        return date(2, 1, 1) if us < 0 else date(9998, 1, 1)


def _listed(folder: Path) -> Sequence[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return ()
