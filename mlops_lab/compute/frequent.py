"""How many values of a column are different, and which are the most frequent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from mlops_lab.compute.column import Value
from mlops_lab.compute.engine import Engine
from mlops_lab.compute.stacked import stacks
from mlops_lab.compute.types import FLOATS, finite, json_number, kind_of_type, time_text

__all__ = ["EXACT_DISTINCT", "TEXT_CHARS", "Counted", "count_values"]

EXACT_DISTINCT = 100_000
"""Up to about this many different values all are counted; above, their number is an estimate."""

TEXT_CHARS = 200
"""Longer texts are cut."""

_TOP = 10


@dataclass(frozen=True, slots=True)
class Counted:
    """The different values of one column; `approximate` when their number is an estimate."""

    distinct: int
    approximate: bool
    top: tuple[tuple[Value, int], ...]


def count_values(
    engine: Engine, columns: Mapping[str, tuple[str, int, int]], rows: int
) -> dict[str, Counted]:
    """Count the values of columns of the table ``chunk``.

    Parameters
    ----------
    engine
        Where the chunk is.
    columns
        By name in the chunk: type, number of finite values, and about how many are different.
    rows
        Of the chunk.
    """
    found: dict[str, Counted] = {}
    exact: dict[str, str] = {}
    for name, (kind, count, estimate) in columns.items():
        if count == 0:
            found[name] = Counted(0, False, ())
        elif min(estimate, count) <= EXACT_DISTINCT:
            exact[name] = kind
        else:
            top = _likely(engine, name, kind, count) if estimate < 0.9 * count else ()
            found[name] = Counted(min(estimate, count), True, top)
    for kind, names, relation in stacks(exact, rows):
        found |= _exactly(engine, names, relation, kind)
    return found


def _exactly(engine: Engine, names: Sequence[str], relation: str, kind: str) -> dict[str, Counted]:
    rows = engine.rows(
        f"select i, {_shown('v', kind)}, n, d from (select *, count(*) over (partition by i) as d, "
        f"row_number() over (partition by i order by n desc, v) as r from "
        f"(select i, v, count(*) as n from {relation} where {finite('v', kind)} group by i, v)) "
        f"where r <= {_TOP} order by i, r"
    )
    found = {}
    for i, group in groupby(rows, key=lambda row: int(row[0])):
        listed = list(group)
        top = tuple((_value(value, kind), int(n)) for _, value, n, _ in listed)
        found[names[i]] = Counted(int(listed[0][3]), False, top)
    return found


def _likely(engine: Engine, name: str, kind: str, count: int) -> tuple[tuple[Value, int], ...]:
    """The frequent ones among very many values: found by a sketch, then counted.

    The sketch finds every value that is more than a hundredth of all; rarer ones it finds by luck,
    so they are left out.
    """
    rows = engine.rows(
        f"with likely as (select unnest(approx_top_k({name}, 200)) as v from chunk) "
        f"select {_shown(name, kind)}, count(*) as n from chunk "
        f"where {name} in (select v from likely) and {finite(name, kind)} group by {name} "
        f"having n * 100 >= {count:d} order by n desc, {name} limit {_TOP}"
    )
    return tuple((_value(value, kind), int(n)) for value, n in rows)


def _shown(name: str, kind: str) -> str:
    if kind_of_type(kind) == "text":
        return f"left({name}, {TEXT_CHARS})"
    return name if kind in FLOATS or kind == "BOOLEAN" else f"{name}::varchar"


def _value(value: Any, kind: str) -> Value:
    match kind_of_type(kind):
        case "time":
            return time_text(value, kind)
        case "number":
            return json_number(value, kind)
        case "boolean":
            return bool(value)
        case _:
            return str(value)
