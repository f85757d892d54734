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
from mlops_lab.compute.spread import TOGETHER, spread_of_numbers, spread_of_time
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
_MAX_CHUNK_COLUMNS = 200


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
        numbers: list[tuple[str, ColumnProfile]] = []
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
                numbers.append((one.name, base))
            found[one.name] = base
        spread = spread_of_numbers(engine, numbers, rows)
        found |= {name: one for (name, _), one in zip(numbers, spread, strict=True)}
        return [found[one.name] for one in looked]
    finally:
        engine.execute(f"drop {what} chunk")


def _selected(name: str, kind: str) -> str:
    """A column as the chunk holds it."""
    match kind_of_type(kind):
        case "text" if kind != "VARCHAR":
            return f"cast({name} as varchar)"
        case "other":
            return f"({name} is not null)"
        case _:
            return name


def _first_look(engine: Engine, columns: Sequence[tuple[str, str]], rows: int) -> list[_Column]:
    """Counts of every column of the chunk."""
    kinds = [kind for _, kind in columns]
    values = _ask(engine, [_counts(f"c{i}", kind, rows) for i, kind in enumerate(kinds)])
    # Leaving out what is not finite costs half as much again: only where there is such a value.
    odd = [i for i, (_, nan, infinite, *_) in enumerate(values) if nan or infinite]
    again = [_counts(f"c{i}", kinds[i], rows, finite(f"c{i}", kinds[i])) for i in odd]
    for i, row in zip(odd, _ask(engine, again), strict=True):
        values[i] = row
    found = []
    for i, (name, kind) in enumerate(columns):
        count, nan, infinite, estimate, least, most, length = values[i]
        base = ColumnProfile(
            name=name,
            type=kind,
            kind=kind_of_type(kind),
            count=int(count),
            missing=rows - int(count),
            min=_bound(least, kind),
            max=_bound(most, kind),
            nan=int(nan),
            infinite=int(infinite),
        )
        found.append(_Column(f"c{i}", base, int(estimate), float(length or 0)))
    return found


def _ask(engine: Engine, asked: Sequence[Sequence[str]]) -> list[tuple[Any, ...]]:
    """The values of equally many aggregates for each column."""
    found: list[tuple[Any, ...]] = []
    for i in range(0, len(asked), TOGETHER):
        batch = asked[i : i + TOGETHER]
        row = engine.row(
            f"select {', '.join(one for counts in batch for one in counts)} from chunk"
        )
        size = len(batch[0])
        found += [row[size * j : size * (j + 1)] for j in range(len(batch))]
    return found


def _counts(column: str, kind: str, rows: int, there: str = "") -> list[str]:
    """count, NaN, infinite, about how many are different, least, most, length of texts.

    With `there` the last ones are of the values that meet it.
    """
    nan, infinite, length = "0", "0", "0"
    where = f" filter ({there})" if there else ""
    if kind in FLOATS:
        nan = f"count(*) filter (isnan({column}))"
    if knows_infinity(kind):
        infinite = f"count(*) filter (isinf({column}))"
    value = column
    match kind_of_type(kind):
        case "other":
            return [f"count(*) filter ({column})", "0", "0", "0", "null", "null", "0"]
        case "text":
            value, length = f"left({column}, {TEXT_CHARS})", f"avg(length({column}))"
    least, most = (f"{one}({value}){where}" for one in ("min", "max"))
    if kind_of_type(kind) in ("time", "number") and kind not in FLOATS:
        least, most = f"({least})::varchar", f"({most})::varchar"
    # Where all can be counted, no estimate is needed.
    many = rows > EXACT_DISTINCT
    estimate = f"approx_count_distinct({column}){where}" if many else "0"
    return [f"count({column})", nan, infinite, estimate, least, most, length]


def _countable(column: _Column) -> tuple[str, int, int]:
    base = column.base
    kind = "VARCHAR" if base.kind == "text" else base.type
    return kind, base.count - base.not_finite, column.estimate


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
