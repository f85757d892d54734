"""Many runs as one table of columns, for data frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

__all__ = ["runs_frame"]

_RUNS: Final = """
select run_id, name, experiment, kind, status, outcome, parent as parent_id, author,
       source->>'notebook' as notebook, source->>'pipeline' as pipeline, started_at, ended_at,
       date_diff('microseconds', started_at, ended_at) / 1e6 as duration_s, starred
from lab.run where run_id in (select unnest($ids::varchar[]))
"""
_PARAMS: Final = """
select r.run_id, p.key, last(p.value order by p.t, p.writer, p.off),
       last(p.number order by p.t, p.writer, p.off)
from lab.param p join lab.run r using (run)
where r.run_id in (select unnest($ids::varchar[])) group by r.run_id, p.key order by p.key
"""
_METRICS: Final = """
select r.run_id, m.key, m.last.value from lab.metric_summary m join lab.run r using (run)
where r.run_id in (select unnest($ids::varchar[])) and not starts_with(m.key, 'system/')
order by m.key
"""
_TAGS: Final = """
select run_id, key, value from (
    select r.run_id, g.key,
           last(case when not g.deleted then g.value end order by g.t, g.writer, g.off) as value
    from lab.tag g join lab.run r using (run)
    where r.run_id in (select unnest($ids::varchar[])) and not starts_with(g.key, 'mlops.')
    group by r.run_id, g.key)
where value is not null order by key
"""


def runs_frame(cursor: DuckDBPyConnection, ids: Sequence[str]) -> pa.Table:
    """Read runs with their params, last metrics and tags as columns.

    Parameters
    ----------
    cursor
        On an attached index.
    ids
        Whole ids; the rows come in their order.

    Returns
    -------
    pyarrow.Table
        ``run_id``, ``name`` … ``started_at`` (UTC), then ``metrics.auc`` …, ``params.lr`` …,
        ``tags.team`` …. A param's column is numeric when every run's value is a number.
    """
    import pyarrow as pa

    bound = {"ids": list(ids)}
    place = {run_id: at for at, run_id in enumerate(ids)}
    result = cursor.execute(_RUNS, bound)
    names = [column[0] for column in result.description]
    rows: list[tuple[Any, ...]] = [()] * len(ids)
    for row in result.fetchall():
        rows[place[row[0]]] = row
    rows = [row for row in rows if row]
    place = {row[0]: at for at, row in enumerate(rows)}
    columns: dict[str, pa.Array] = {
        name: pa.array([row[at] for row in rows], _arrow_type(name))
        for at, name in enumerate(names)
    }
    found: dict[str, dict[str, list[Any]]] = {"metrics": {}, "params": {}, "tags": {}}
    numbers: dict[str, list[Any]] = {}
    for run_id, key, value in cursor.execute(_METRICS, bound).fetchall():
        _put(found["metrics"], key, place[run_id], value, len(rows))
    for run_id, key, value, number in cursor.execute(_PARAMS, bound).fetchall():
        _put(found["params"], key, place[run_id], value, len(rows))
        _put(numbers, key, place[run_id], number, len(rows))
    for run_id, key, value in cursor.execute(_TAGS, bound).fetchall():
        _put(found["tags"], key, place[run_id], value, len(rows))
    for key, values in found["params"].items():
        if _all_numbers(values, numbers[key]):
            found["params"][key] = numbers[key]
    for noun, of_noun in found.items():
        for key, values in of_noun.items():
            numeric = noun == "metrics" or values is numbers.get(key)
            columns[f"{noun}.{key}"] = pa.array(values, pa.float64() if numeric else pa.string())
    return pa.table(columns)


def _arrow_type(name: str) -> pa.DataType:
    import pyarrow as pa

    match name:
        case "started_at" | "ended_at":
            return pa.timestamp("us", "UTC")
        case "duration_s":
            return pa.float64()
        case "starred":
            return pa.bool_()
    return pa.string()


def _put(columns: dict[str, list[Any]], key: str, at: int, value: Any, rows: int) -> None:
    column = columns.get(key)
    if column is None:
        column = columns[key] = [None] * rows
    column[at] = value


def _all_numbers(values: Sequence[Any], numbers: Sequence[Any]) -> bool:
    pairs = zip(values, numbers, strict=True)
    return all(value is None or number is not None for value, number in pairs)
