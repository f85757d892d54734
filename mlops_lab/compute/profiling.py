"""The profile of data: exact counts, in bounded memory, the same whatever the order of rows.

Columns are taken a few at a time into memory, as many as fit, so that neither ten million rows nor
ten thousand columns need more than the engine's limit. Then per column: where it has few different
values, all of them are counted and everything follows exactly from these counts; where it has many,
DuckDB selects the quantiles (exactly) and counts into the bins of the histogram.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from mlops_lab.compute.bins import number_edges, time_edges
from mlops_lab.compute.column import QUANTILES, ColumnProfile, Histogram, Kind, Profile, Value
from mlops_lab.compute.engine import Engine, open_engine, quote
from mlops_lab.compute.source import Source

__all__ = ["EXACT_DISTINCT", "Progress", "json_number", "kind_of_type", "profile"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many pieces are done, and how many there are."""

EXACT_DISTINCT = 100_000
"""Up to about this many different values all are counted; above, their number is an estimate."""

_TOP = 10
_TEXT_CHARS = 200
_CHUNK_BYTES = 256 << 20
_MAX_CHUNK_COLUMNS = 200
_SELECT_ROWS = 30_000_000
"""Quantiles are selected exactly up to here (240 MB of doubles), above estimated (t-digest)."""

_SIGNED: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_UNSIGNED: Final = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
_INTEGERS: Final = frozenset((*_SIGNED, *_UNSIGNED))
_FLOATS: Final = frozenset(("FLOAT", "DOUBLE"))
_TIMES: Final = frozenset(
    ("DATE", "TIME", "TIME_NS", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
)
_ZONED: Final = "TIMESTAMP WITH TIME ZONE"
_SAFE_INTEGER = 2**53

CATEGORY_ALWAYS = 50
"""Texts with at most so many different values are categories."""
CATEGORY_SHARE = 0.5
"""With more they are, if on average each value comes at least twice …"""
CATEGORY_CHARS = 40
"""… and is at most so long; else they are text."""


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
    with open_engine(tmp) as engine:
        table = given.view(engine)
        columns = engine.columns(table)
        rows = int(engine.row(f"select count(*) from {table}")[0])
        found: list[ColumnProfile] = []
        for chunk in _chunks(columns, rows):
            for one in _profile_chunk(engine, table, chunk, rows):
                found.append(one)
                if progress is not None:
                    progress(len(found), len(columns))
    return Profile(rows, tuple(found))


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a chunk: `sql` is its name there, `number` its value as a double or text of it.

    Parameters
    ----------
    base
        What the profile says whatever the values are.
    kind
        number, time, boolean, text or other.
    """

    base: ColumnProfile
    sql: str
    estimate: int


def _chunks(columns: Sequence[tuple[str, str]], rows: int) -> Iterator[list[tuple[str, str]]]:
    """As many columns at a time as fit into memory together, at least one."""
    chunk: list[tuple[str, str]] = []
    size = 0
    for column in columns:
        width = 8 if kind_of_type(column[1]) in ("number", "time", "boolean") else 48
        if chunk and (size + width * rows > _CHUNK_BYTES or len(chunk) >= _MAX_CHUNK_COLUMNS):
            yield chunk
            chunk, size = [], 0
        chunk.append(column)
        size += width * rows
    if chunk:
        yield chunk


def _profile_chunk(
    engine: Engine, table: str, columns: Sequence[tuple[str, str]], rows: int
) -> Iterator[ColumnProfile]:
    # Names of our own: whatever the user's are, these need no care.
    selected = ", ".join(
        f"{_selected(quote(name), kind)} as c{i}" for i, (name, kind) in enumerate(columns)
    )
    fits = len(columns) > 1 or rows * 48 <= _CHUNK_BYTES
    what = "table" if fits else "view"
    engine.execute(f"create temp {what} chunk as select {selected} from {table}")
    try:
        for one in _first_look(engine, columns, rows):
            yield _second_look(engine, one)
    finally:
        engine.execute(f"drop {what} chunk")


def kind_of_type(kind: str) -> Kind:
    """What a type is for, before the values are known."""
    if kind in _INTEGERS or kind in _FLOATS or kind.startswith("DECIMAL(") or kind == "BIGNUM":
        return "other" if kind.endswith("]") else "number"
    if kind in _TIMES or kind == _ZONED:
        return "time"
    if kind == "BOOLEAN":
        return "boolean"
    if kind in ("VARCHAR", "UUID") or (kind.startswith("ENUM(") and not kind.endswith("]")):
        return "text"
    return "other"


def _selected(name: str, kind: str) -> str:
    """A column as the chunk holds it."""
    match kind_of_type(kind):
        case "text":
            return f"cast({name} as varchar)" if kind != "VARCHAR" else name
        case "other":
            return f"({name} is not null)"
        case _:
            return name


def _first_look(engine: Engine, columns: Sequence[tuple[str, str]], rows: int) -> list[_Column]:
    """Counts of every column of the chunk, in one query."""
    wanted: list[str] = []
    for i, (_, kind) in enumerate(columns):
        wanted += _counts(f"c{i}", kind)
    values = engine.row(f"select {', '.join(wanted)} from chunk")
    found = []
    for i, (name, kind) in enumerate(columns):
        count, nan, infinite, estimate, least, most = values[6 * i : 6 * i + 6]
        base = ColumnProfile(
            name=name,
            type=kind,
            kind=kind_of_type(kind),
            count=int(count),
            missing=rows - int(count),
            distinct=None if kind_of_type(kind) == "other" else 0,
            min=_bound(least, kind),
            max=_bound(most, kind),
            nan=int(nan),
            infinite=int(infinite),
        )
        found.append(_Column(base, f"c{i}", int(estimate or 0)))
    return found


def _counts(column: str, kind: str) -> list[str]:
    """count, NaN, infinite, about how many are different, least and most of the finite ones."""
    known = f"count({column})"
    finite, nan, infinite = "true", "0", "0"
    if kind in _FLOATS:
        finite, nan = f"isfinite({column})", f"count_if(isnan({column}))"
        infinite = f"count_if(isinf({column}))"
    elif kind in ("DATE", "TIMESTAMP", _ZONED):
        finite, infinite = f"isfinite({column})", f"count_if(isinf({column}))"
    match kind_of_type(kind):
        case "other":
            return [f"count_if({column})", "0", "0", "0", "null", "null"]
        case "text":
            value = f"left({column}, {_TEXT_CHARS})"
        case "time":
            value = column
        case "boolean":
            value = f"{column}::utinyint"
        case _:
            value = column
    least, most = (f"{one}({value}) filter ({finite})" for one in ("min", "max"))
    if kind_of_type(kind) in ("time", "number") and kind not in _FLOATS:
        least, most = f"({least})::varchar", f"({most})::varchar"
    return [known, nan, infinite, f"approx_count_distinct({column})", least, most]


def _second_look(engine: Engine, column: _Column) -> ColumnProfile:
    """What a column's values are, now that their number is known."""
    base = column.base
    if base.kind == "other" or base.count == 0:
        return replace(base, kind=_settled_kind(base, 0.0))
    match base.kind:
        case "number":
            return _number(engine, column)
        case "time":
            return _time(engine, column)
        case "boolean":
            return _boolean(engine, column)
        case _:
            return _text(engine, column)


# -- numbers --------------------------------------------------------------------------------------
def _number(engine: Engine, column: _Column) -> ColumnProfile:
    base, c = column.base, column.sql
    finite = f"isfinite({c})" if base.type in _FLOATS else f"{c} is not null"
    base = _with_distinct(engine, column, base)
    if base.count == base.not_finite:
        return base
    scale = max(abs(float(base.min or 0)), abs(float(base.max or 0))) or 1.0
    # Of values that are at most 1: the square of a large double would be too large for one.
    mean, std, *quantiles = engine.row(
        f"select favg(v), stddev_samp(v), {_quantiles('x', base.count)} "
        f"from (select {c} as x, {c}::double / {scale!r} as v from chunk where {finite})"
    )
    found = dict(zip(QUANTILES, quantiles[0], strict=True))
    named = {name: json_number(value, base.type) for name, value in found.items()}
    edges = number_edges(
        float(base.min or 0),
        float(base.max or 0),
        low=float(found["p1"]),
        high=float(found["p99"]),
        whole=base.type in _INTEGERS,
    )
    return replace(
        base,
        mean=_rounded(mean * scale, 12),
        std=None if std is None else _rounded(std * scale, 10),
        quantiles=named,
        histogram=_histogram(engine, f"{c}::double", finite, edges),
    )


def _quantiles(value: str, count: int) -> str:
    wanted = ", ".join(map(str, QUANTILES.values()))
    if count > _SELECT_ROWS:
        return f"approx_quantile({value}, [{wanted}])"
    return f"quantile_disc({value}, [{wanted}])"


def _histogram(
    engine: Engine, value: str, where: str, edges: Sequence[float] | None
) -> Histogram | None:
    if edges is None:
        return None
    counts = [0] * (len(edges) - 1)
    for bin_, n in engine.rows(
        f"select {_bin(edges, 0, len(counts))} as b, count(*) "
        f"from (select {value} as x from chunk where {where}) group by b"
    ):
        counts[bin_] += n
    return Histogram(tuple(edges), tuple(counts))


def _bin(edges: Sequence[float], low: int, high: int) -> str:
    """The number of the bin of ``x``, found by halving: comparisons with the very edges."""
    if high - low == 1:
        return str(low)
    middle = (low + high) // 2
    return (
        f"case when x < {edges[middle]!r}::double then {_bin(edges, low, middle)} "
        f"else {_bin(edges, middle, high)} end"
    )


# -- times ----------------------------------------------------------------------------------------
def _time(engine: Engine, column: _Column) -> ColumnProfile:
    base, c = column.base, column.sql
    finite = f"isfinite({c})" if base.type in ("DATE", "TIMESTAMP", _ZONED) else f"{c} is not null"
    base = _with_distinct(engine, column, base)
    if base.count == base.infinite:
        return base
    seconds = _seconds(c, base.type)
    least, most, quantiles = engine.row(
        f"select min({seconds}), max({seconds}), "
        f"list_transform({_quantiles(c, base.count)}, lambda one: one::varchar) "
        f"from chunk where {finite}"
    )
    histogram = _histogram(engine, seconds, finite, time_edges(least, most))
    if histogram is not None:
        edges = engine.rows(
            "select (make_timestamp(round(unnest($1) * 1e6)::bigint))::varchar",
            [list(histogram.edges)],
        )
        if base.type.startswith("TIME") and not base.type.startswith("TIMESTAMP"):
            told = [str(edge).partition(" ")[2] for (edge,) in edges]
        else:
            told = [_time_text(edge, base.type) for (edge,) in edges]
        histogram = Histogram(tuple(told), histogram.counts)
    return replace(
        base,
        quantiles={
            name: _time_text(value, base.type)
            for name, value in zip(QUANTILES, quantiles, strict=True)
        },
        histogram=histogram,
    )


def _seconds(column: str, kind: str) -> str:
    if kind in ("TIME", "TIME_NS"):
        return f"epoch({column}::time)::double"
    if kind == "TIMESTAMP_NS":
        return f"epoch_ns({column})::double / 1e9"
    if kind == "DATE":
        return f"epoch({column})::double"
    return f"epoch_us({column}::{'timestamptz' if kind == _ZONED else 'timestamp'})::double / 1e6"


def _time_text(value: str, kind: str) -> str:
    """DuckDB's text of a time (in UTC) as ISO 8601 writes it."""
    if kind == _ZONED:
        value = value.removesuffix("+00") + "Z"
    if kind == "DATE":
        return value.partition(" ")[0]
    return value.replace(" ", "T", 1)


# -- texts and booleans ---------------------------------------------------------------------------
def _boolean(engine: Engine, column: _Column) -> ColumnProfile:
    counts = dict(
        engine.rows(
            f"select {column.sql}, count(*) from chunk where {column.sql} is not null group by 1"
        )
    )
    top = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return replace(
        column.base,
        distinct=len(top),
        top=tuple(top),
        min=bool(column.base.min),
        max=bool(column.base.max),
        mean=_rounded(counts.get(True, 0) / column.base.count, 12),
    )


def _text(engine: Engine, column: _Column) -> ColumnProfile:
    base = _with_distinct(engine, column, column.base)
    length = engine.row(f"select avg(length({column.sql})) from chunk")[0]
    return replace(base, kind=_settled_kind(base, float(length)))


def _settled_kind(base: ColumnProfile, length: float) -> Kind:
    if base.kind != "text":
        return base.kind
    distinct = base.distinct or 0
    few = distinct <= CATEGORY_ALWAYS or distinct <= CATEGORY_SHARE * base.count
    return "category" if few and length <= CATEGORY_CHARS else "text"


# -- what all have --------------------------------------------------------------------------------
def _with_distinct(engine: Engine, column: _Column, base: ColumnProfile) -> ColumnProfile:
    """How many values are different, and the most frequent ones."""
    c, estimate = column.sql, min(column.estimate, base.count)
    if min(estimate, base.count) <= EXACT_DISTINCT:
        rows = engine.rows(
            f"select {_shown(c, base)}, n, count(*) over () from "
            f"(select {c}, count(*) as n from chunk where {c} is not null group by {c}) "
            f"order by n desc, {c} limit {_TOP}"
        )
        top = tuple((_top_value(value, base), int(n)) for value, n, _ in rows)
        return replace(base, distinct=int(rows[0][2]), top=top)
    top = ()
    if estimate < 0.9 * base.count:
        top = _frequent(engine, c, base)
    return replace(base, distinct=estimate, approximate=True, top=top)


def _frequent(engine: Engine, c: str, base: ColumnProfile) -> tuple[tuple[Value, int], ...]:
    """The frequent ones among very many values: found by a sketch, then counted.

    The sketch finds every value that is more than a hundredth of all; rarer ones it finds by luck,
    so they are left out.
    """
    rows = engine.rows(
        f"with likely as (select unnest(approx_top_k({c}, 200)) as v from chunk) "
        f"select {_shown(c, base)}, count(*) as n from chunk "
        f"where {c} in (select v from likely) group by {c} "
        f"having n * 100 >= {base.count} order by n desc, {c} limit {_TOP}"
    )
    return tuple((_top_value(value, base), int(n)) for value, n in rows)


def _shown(c: str, base: ColumnProfile) -> str:
    if base.kind == "text":
        return f"left({c}, {_TEXT_CHARS})"
    return f"{c}::varchar" if base.type not in _FLOATS else c


def _top_value(value: Any, base: ColumnProfile) -> Value:
    if base.kind == "time":
        return _time_text(value, base.type)
    if base.kind == "number":
        return json_number(value, base.type)
    return str(value)


def _bound(value: Any, kind: str) -> Value | None:
    if value is None:
        return None
    if kind_of_type(kind) == "time":
        return _time_text(value, kind)
    return json_number(value, kind) if kind_of_type(kind) == "number" else value


def json_number(value: Any, kind: str) -> Value:
    """A number for JSON: whole ones that a double cannot hold become text."""
    if kind in _INTEGERS or kind == "BIGNUM":
        whole = int(value)
        return whole if abs(whole) <= _SAFE_INTEGER else str(whole)
    number = _single(float(value)) if kind == "FLOAT" else float(value)
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")


def _single(number: float) -> float:
    """A single-precision value by its shortest digits: 37.94, not 37.939998626708984."""
    for digits in (6, 7, 8):
        short = float(f"{number:.{digits}g}")
        if abs(short) < 3e38 and struct.unpack("f", struct.pack("f", short))[0] == number:
            return short
    return number


def _rounded(value: float, digits: int) -> float | None:
    """To so many digits that adding in another order gives the same."""
    return float(f"{value:.{digits - 1}e}") if math.isfinite(value) else None
