"""The profile of data: exact counts, in bounded memory, the same whatever the order of rows.

Columns are taken a few at a time into memory, as many as fit, so that neither ten million rows nor
ten thousand columns need more than the engine's limit. A first look counts, and tells what else is
worth asking: see `frequent` and `spread`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from mlops_lab.compute.column import ColumnProfile, Kind, Profile, Value
from mlops_lab.compute.engine import Engine, open_engine, quote
from mlops_lab.compute.frequent import EXACT_DISTINCT, TEXT_CHARS, count_values
from mlops_lab.compute.source import Source
from mlops_lab.compute.spread import spread_of_numbers, spread_of_time
from mlops_lab.compute.stacked import ask, stacks
from mlops_lab.compute.types import (
    FLOATS,
    finite,
    json_number,
    kind_of_type,
    knows_infinity,
    time_text,
)

__all__ = ["Progress", "profile"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many pieces are done, and how many there are."""

CATEGORY_ALWAYS = 50
"""Texts with at most so many different values are categories."""
CATEGORY_SHARE = 0.5
"""With more they are, if on average each value comes at least twice …"""
CATEGORY_CHARS = 40
"""… and is at most so long; else they are text."""

_CHUNK_BYTES = 256 << 20
_MAX_CHUNK_COLUMNS = 1_000

_PRESENCE = "presence"
"""In the place of a type: the chunk only holds whether there is a value."""

_NO_ROWS = (0, 0, 0, 0, None, None, 0)
"""What `_counts` asks for, where there is nothing."""


def profile(source: Any, *, progress: Progress | None = None, tmp: Path | None = None) -> Profile:
    """Summarise every column of a table.

    Parameters
    ----------
    source
        A `Source`, or whatever `Source.of` takes.
    progress
        Called with the number of columns done and of all, from this thread.
    tmp
        Where temporary files go; default the system's folder for them.

    Returns
    -------
    Profile
        The same for the same rows in any order and from any format.

    Raises
    ------
    InvalidInput
        The data cannot be read.
    KeyboardInterrupt
        Ctrl-C stops it at once.

    Examples
    --------
    >>> import pyarrow
    >>> found = profile(pyarrow.table({"speed": [3.0, 5.0, None]}))
    >>> found.rows, found.columns[0].missing, found.columns[0].mean
    (3, 1, 4.0)
    """
    given = Source.of(source)
    found: list[ColumnProfile] = []
    with open_engine(tmp) as engine, given.reading():
        table = given.view(engine)
        columns = engine.columns(table)
        rows = int(engine.row(f"select count(*) from {table}")[0])
        for chunk in _chunks(columns, rows):
            found += _profile_chunk(engine, table, chunk, rows)
            if progress is not None:
                progress(len(found), len(columns))
    return Profile(rows, tuple(found))


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table ``chunk``.

    Parameters
    ----------
    name
        There.
    base
        What the profile says so far.
    estimate
        About how many values are different.
    length
        Of texts, on average.
    """

    name: str
    base: ColumnProfile
    estimate: int
    length: float


def _chunks(columns: Sequence[tuple[str, str]], rows: int) -> Iterator[list[tuple[str, str]]]:
    """As many columns at a time as fit into memory together, at least one."""
    chunk: list[tuple[str, str]] = []
    size = 0
    for column in columns:
        width = _width(column[1])
        if chunk and (size + width * rows > _CHUNK_BYTES or len(chunk) >= _MAX_CHUNK_COLUMNS):
            yield chunk
            chunk, size = [], 0
        chunk.append(column)
        size += width * rows
    if chunk:
        yield chunk


def _width(kind: str) -> int:
    """About how many bytes a value takes."""
    return 48 if kind_of_type(kind) == "text" else 8


def _profile_chunk(
    engine: Engine, table: str, columns: Sequence[tuple[str, str]], rows: int
) -> list[ColumnProfile]:
    # Names of our own: whatever the user's are, these need no care.
    selected = ", ".join(
        f"{_selected(quote(name), kind)} as c{i}" for i, (name, kind) in enumerate(columns)
    )
    fits = len(columns) > 1 or rows * _width(columns[0][1]) <= _CHUNK_BYTES
    what = "table" if fits else "view"
    engine.execute(f"create temp {what} chunk as select {selected} from {table}")
    try:
        looked = _first_look(engine, columns, rows)
        values = {one.name: _countable(one) for one in looked if one.base.kind != "other"}
        counted = count_values(engine, values, rows)
        found: dict[str, ColumnProfile] = {}
        numbers: dict[str, ColumnProfile] = {}
        for one in looked:
            base = one.base
            if one.name in counted:
                said = counted[one.name]
                base = replace(
                    base, distinct=said.distinct, approximate=said.approximate, top=said.top
                )
            if base.kind == "text":
                base = replace(base, kind=_settled_kind(base, one.length))
            elif base.kind == "boolean" and base.count:
                base = _boolean(base)
            elif base.kind == "time" and base.count > base.not_finite:
                base = spread_of_time(engine, one.name, base)
            elif base.kind == "number" and base.count > base.not_finite:
                numbers[one.name] = base
            found[one.name] = base
        found |= spread_of_numbers(engine, numbers, rows)
        return [found[one.name] for one in looked]
    finally:
        engine.execute(f"drop {what} chunk")


def _selected(name: str, kind: str) -> str:
    """A column as the chunk holds it."""
    match _kept_type(kind):
        case "VARCHAR" if kind != "VARCHAR":
            return f"cast({name} as varchar)"
        case one if one == _PRESENCE:
            return f"({name} is not null)"
        case _:
            return name


def _kept_type(kind: str) -> str:
    """The type that it has there."""
    match kind_of_type(kind):
        case "text":
            return "VARCHAR"
        case "other":
            return _PRESENCE
        case _:
            return kind


def _first_look(engine: Engine, columns: Sequence[tuple[str, str]], rows: int) -> list[_Column]:
    """Counts of every column of the chunk."""
    kinds = {f"c{i}": _kept_type(kind) for i, (_, kind) in enumerate(columns)}
    values: dict[str, tuple[Any, ...]] = dict.fromkeys(kinds, _NO_ROWS)
    for kind, names, relation in stacks(kinds, rows):
        values |= ask(engine, _counts(kind, rows), names, relation)
    # Leaving out what is not finite costs half as much again: only where there is such a value.
    odd = {name: kinds[name] for name, (_, nan, infinite, *_) in values.items() if nan or infinite}
    for kind, names, relation in stacks(odd, rows):
        values |= ask(engine, _counts(kind, rows, finite("v", kind)), names, relation)
    found = []
    for (name, kind), (own, kept) in zip(columns, kinds.items(), strict=True):
        there, nan, infinite, estimate, least, most, length = values[own]
        base = ColumnProfile(
            name=name,
            type=kind,
            kind=kind_of_type(kind),
            count=int(there),
            missing=rows - int(there),
            min=_bound(least, kept),
            max=_bound(most, kept),
            nan=int(nan),
            infinite=int(infinite),
        )
        found.append(_Column(own, base, int(estimate), float(length or 0)))
    return found


def _counts(kind: str, rows: int, there: str = "") -> list[str]:
    """count, NaN, infinite, about how many are different, least, most, length of texts.

    With `there` the last ones are of the values that meet it.
    """
    if kind == _PRESENCE:
        return ["count(*) filter (v)", "0", "0", "0", "null", "null", "0"]
    nan, infinite, length, value = "0", "0", "0", "v"
    where = f" filter ({there})" if there else ""
    if kind in FLOATS:
        nan = "count(*) filter (isnan(v))"
    if knows_infinity(kind):
        infinite = "count(*) filter (isinf(v))"
    if kind_of_type(kind) == "text":
        value, length = f"left(v, {TEXT_CHARS})", "avg(length(v))"
    least, most = (f"{one}({value}){where}" for one in ("min", "max"))
    if kind_of_type(kind) in ("time", "number") and kind not in FLOATS:
        least, most = f"({least})::varchar", f"({most})::varchar"
    # Where all can be counted, no estimate is needed.
    many = rows > EXACT_DISTINCT
    estimate = f"approx_count_distinct(v){where}" if many else "0"
    return ["count(v)", nan, infinite, estimate, least, most, length]


def _countable(column: _Column) -> tuple[str, int, int]:
    base = column.base
    return _kept_type(base.type), base.count - base.not_finite, column.estimate


def _bound(value: Any, kind: str) -> Value | None:
    if value is None:
        return None
    match kind_of_type(kind):
        case "time":
            return time_text(str(value), kind)
        case "number":
            return json_number(value, kind)
        case "boolean":
            return bool(value)
        case _:
            return str(value)


def _boolean(base: ColumnProfile) -> ColumnProfile:
    true = dict(base.top).get(True, 0)
    return replace(base, mean=float(f"{true / base.count:.12g}"))


def _settled_kind(base: ColumnProfile, length: float) -> Kind:
    distinct = base.distinct or 0
    few = distinct <= CATEGORY_ALWAYS or distinct <= CATEGORY_SHARE * base.count
    return "category" if few and length <= CATEGORY_CHARS else "text"
