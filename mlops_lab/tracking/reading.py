"""From rows of the index to records. Every function takes a cursor on an attached index.

Reading many runs goes in two steps, ids first and then what belongs to them: with the ids at hand
each table is scanned once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.tracking.goals import Direction, goal_of_metric
from mlops_lab.tracking.records import (
    ArtifactRecord,
    CellRecord,
    ExperimentRecord,
    History,
    MetricSummary,
    NoteRecord,
    ParamRecord,
    RunRecord,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = [
    "artifacts",
    "cells",
    "children",
    "environment_digest",
    "experiments",
    "history",
    "matching_ids",
    "metric_keys",
    "metrics",
    "metrics_of",
    "notes",
    "params",
    "params_of",
    "runs",
    "sparklines",
    "tags",
    "tree",
]

_RUNS: Final = """
with wanted as (
    select * from lab.run where run_id in (select unnest($ids::varchar[]))
                            and started_at is not null
), stepped as (
    select run, max(last.step) as step from lab.metric_summary
    where run in (select run from wanted) and not starts_with(key, 'system/') group by run
), at_cell as (
    select run, last({'id': cell, 'index': index, 'total': total} order by t, writer, off) as cell
    from lab.cell where run in (select run from wanted) group by run
), born as (
    select parent, count(*) as children from lab.run
    where parent in (select run_id from wanted) and lifecycle = 'active' group by parent
)
select r.run_id, r.name, r.kind, r.status, r.outcome, r.lifecycle, coalesce(e.experiment_id, ''),
       r.experiment, r.parent, r.author, r.claimed_user, r.source::varchar, r.started_at,
       r.ended_at, r.owner, r.starred, r.reason, r.error::varchar, c.cell, a.cell.id, s.step,
       r.planned_steps,
       coalesce(b.children, 0), a.last_at, r.deleted_at
from wanted r
left join lab.experiment e on e.name = r.experiment
left join stepped s on s.run = r.run
left join at_cell c on c.run = r.run
left join lab.run_activity a on a.run = r.run
left join born b on b.parent = r.run_id
"""

_OF_RUN: Final = "run = (select run from lab.run where run_id = $id)"


def runs(cursor: DuckDBPyConnection, ids: Sequence[str]) -> list[RunRecord]:
    """Read runs by their whole ids, in the order of ``ids``; unknown ones are left out."""
    if not ids:
        return []
    rows = cursor.execute(_RUNS, {"ids": list(ids)}).fetchall()
    found = {row[0]: _run(row) for row in rows}
    return [found[run_id] for run_id in ids if run_id in found]


def matching_ids(cursor: DuckDBPyConnection, prefix: str, limit: int) -> list[str]:
    """Find the ids that begin with ``prefix``, newest first."""
    rows = cursor.execute(
        "select run_id from lab.run where starts_with(run_id, $prefix) and started_at is not null "
        "order by started_at desc, run_id limit $limit",
        {"prefix": prefix, "limit": limit},
    ).fetchall()
    return [row[0] for row in rows]


def parent(cursor: DuckDBPyConnection, run_id: str) -> str | None:
    """Find the id of the run right above a run: "" is none, None an unknown run."""
    row = cursor.execute(
        "select coalesce(parent, '') from lab.run where run_id = ? and started_at is not null",
        [run_id],
    ).fetchone()
    return None if row is None else str(row[0])


def children(cursor: DuckDBPyConnection, run_id: str) -> list[str]:
    """Find the ids of the runs right below a run, oldest first."""
    rows = cursor.execute(
        "select run_id from lab.run where parent = ? and lifecycle = 'active' "
        "and started_at is not null order by started_at, run_id",
        [run_id],
    ).fetchall()
    return [row[0] for row in rows]


def tree(cursor: DuckDBPyConnection, ids: Sequence[str]) -> list[str]:
    """Find the runs and all that hang below them."""
    rows = cursor.execute(
        """
        with recursive below as (
            select run_id from lab.run where run_id in (select unnest($ids::varchar[]))
            union
            select r.run_id from lab.run r join below b on r.parent = b.run_id
        ) select run_id from below order by run_id""",
        {"ids": list(ids)},
    ).fetchall()
    return [row[0] for row in rows]


def metrics(
    cursor: DuckDBPyConnection, run_id: str, goals: Mapping[str, Direction]
) -> list[MetricSummary]:
    """Read the summaries of a run's metrics in the order in which they were first logged."""
    return metrics_of(cursor, [run_id], goals).get(run_id, [])


def metrics_of(
    cursor: DuckDBPyConnection, ids: Sequence[str], goals: Mapping[str, Direction]
) -> dict[str, list[MetricSummary]]:
    """Read the summaries of several runs' metrics; a run without metrics is left out."""
    numbers = _numbers(cursor, ids)
    rows = cursor.execute(
        f"""
        select run, key, n, last.value, last.step, last.logged_at, lowest.value, lowest.step,
               highest.value, -highest.step, case when n_finite > 0 then total / n_finite end,
               n - n_finite
        from lab.metric_summary where run in ({_listed(numbers)})
        order by first_seen, key"""  # noqa: S608 - numbers of our own
    ).fetchall()
    found: dict[str, list[MetricSummary]] = {}
    for run, key, n, last, last_step, last_t, low, low_at, high, high_at, mean, nan in rows:
        goal = goal_of_metric(key, goals)
        best, best_at = (low, low_at) if goal.direction == "min" else (high, high_at)
        found.setdefault(numbers[run], []).append(
            MetricSummary(
                key=key,
                n=n,
                last=last,
                last_step=last_step,
                last_t=_utc(last_t),
                min=low,
                max=high,
                best=best,
                best_step=best_at,
                mean=mean,
                not_finite=nan,
                goal=goal.direction,
                guessed=goal.guessed,
            )
        )
    return found


def metric_keys(cursor: DuckDBPyConnection, ids: Sequence[str]) -> dict[str, list[str]]:
    """Read which metrics each run has, in the order in which they were first logged."""
    rows = cursor.execute(
        """
        select r.run_id, list(m.key order by m.first_seen, m.key)
        from lab.metric_summary m join lab.run r using (run)
        where r.run_id in (select unnest($ids::varchar[])) group by r.run_id""",
        {"ids": list(ids)},
    ).fetchall()
    return dict(rows)


def params(cursor: DuckDBPyConnection, run_id: str) -> list[ParamRecord]:
    """Read a run's params, each with its last value, in the order of their first."""
    rows = cursor.execute(
        f"""
        select key, last({{'value': value, 'type': type, 'number': number, 't': t, 'cell': cell}}
                         order by t, writer, off) as p, count(distinct (value, type)) > 1
        from lab.param where {_OF_RUN} group by key order by min(t), min(off), key""",  # noqa: S608
        {"id": run_id},
    ).fetchall()
    return [
        ParamRecord(
            key=key,
            value=p["value"],
            type=p["type"],
            number=p["number"],
            logged_at=datetime.fromtimestamp(p["t"] / 1e6, UTC),
            cell=p["cell"],
            changed=changed,
        )
        for key, p, changed in rows
    ]


def params_of(cursor: DuckDBPyConnection, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read the last values of several runs' params; a run without params is left out."""
    numbers = _numbers(cursor, ids)
    rows = cursor.execute(
        f"select run, key, value from lab.param where run in ({_listed(numbers)}) "  # noqa: S608
        "order by t, off, writer, key"
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for run, key, value in rows:
        # A later value takes the place of the first one.
        found.setdefault(numbers[run], {})[key] = value
    return found


def tags(cursor: DuckDBPyConnection, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read the tags of runs, by run id; every id is there."""
    numbers = _numbers(cursor, ids)
    rows = cursor.execute(
        f"select run, key, value, deleted from lab.tag "  # noqa: S608 - numbers of our own
        f"where run in ({_listed(numbers)}) order by t, writer, off, key"
    ).fetchall()
    found: dict[str, dict[str, str | None]] = {run_id: {} for run_id in ids}
    for run, key, value, deleted in rows:
        found[numbers[run]][key] = None if deleted else value
    return {
        run_id: {key: value for key, value in of_run.items() if value is not None}
        for run_id, of_run in found.items()
    }


def artifacts(cursor: DuckDBPyConnection, run_id: str, under: str) -> list[ArtifactRecord]:
    """Read a run's artifacts at or below the folder ``under``, by path."""
    rows = cursor.execute(
        f"""
        select path, a.digest, a.size, a.media, a.kind, make_timestamp(a.t) from (
            select path, last({{'digest': digest, 'size': size, 'media': media, 'kind': kind,
                                't': t}} order by t, writer, off) as a
            from lab.artifact
            where {_OF_RUN} and ($under = '' or path = $under or starts_with(path, $under || '/'))
            group by path) order by path""",  # noqa: S608 - a constant
        {"id": run_id, "under": under},
    ).fetchall()
    return [
        ArtifactRecord(path, digest, size, media, kind, _utc(created_at))
        for path, digest, size, media, kind, created_at in rows
    ]


def cells(cursor: DuckDBPyConnection, run_id: str) -> list[CellRecord]:
    """Read the last state of each of a run's cells, in their order."""
    rows = cursor.execute(
        f"""
        select index, last({{'id': cell, 'total': total, 'state': state, 'seconds': seconds,
                             'source': source}} order by t, writer, off)
        from lab.cell where {_OF_RUN} and index is not null group by index order by index""",  # noqa: S608
        {"id": run_id},
    ).fetchall()
    return [
        CellRecord(c["id"], index, c["total"], c["state"], c["seconds"], c["source"])
        for index, c in rows
    ]


def notes(cursor: DuckDBPyConnection, run_id: str) -> list[NoteRecord]:
    """Read a run's notes, oldest first."""
    rows = cursor.execute(
        f"select text, make_timestamp(t), author from lab.note where {_OF_RUN} "  # noqa: S608
        "order by t, writer, off",
        {"id": run_id},
    ).fetchall()
    return [NoteRecord(text, _utc(at), author) for text, at, author in rows]


def environment_digest(cursor: DuckDBPyConnection, run_id: str, path: str) -> str | None:
    """Find the object that holds a run's environment."""
    found = [a for a in artifacts(cursor, run_id, path) if a.path == path]
    return found[0].digest if found else None


def experiments(cursor: DuckDBPyConnection) -> list[ExperimentRecord]:
    """Read all experiments, the one with the newest news first."""
    rows = cursor.execute(
        "select experiment_id, name, runs, created_at, last_updated_at from lab.experiments "
        "where runs > 0 or experiment_id <> '0' order by last_updated_at desc nulls last, name"
    ).fetchall()
    return [
        ExperimentRecord(
            experiment_id,
            name,
            count,
            _utc(created_at) if created_at else None,
            _utc(updated_at) if updated_at else None,
        )
        for experiment_id, name, count, created_at, updated_at in rows
    ]


_POINTS: Final = f"""
select step, epoch_us(logged_at), value from lab.metric_point
where {_OF_RUN} and key = $key order by step, logged_at, value
"""  # noqa: S608 - a constant

# Of each stretch of the curve its lowest and its highest point stay, and the ends of the whole:
# no peak is lost, whatever the width. What is not finite stays only where a stretch has nothing
# else. Stretches follow the order in which points were folded, which is nearly that of steps: a
# million points need not be sorted for it.
_BUCKETS: Final = f"""
with point as (
    select rowid as id, step, logged_at, value, row_number() over () - 1 as i
    from lab.metric_point where {_OF_RUN} and key = $key
), kept as (
    select i * $buckets // $n as bucket, arg_min(id, value) filter (isfinite(value)) as low,
           arg_max(id, value) filter (isfinite(value)) as high, min(id) as first, max(id) as last
    from point group by bucket
), chosen as (
    select coalesce(low, first) as id from kept union select coalesce(high, last) from kept
    union select arg_min(id, step) from point union
    select p.id from point p join lab.metric_summary m on m.{_OF_RUN} and m.key = $key
        and p.step = m.last.step and p.logged_at = m.last.logged_at
)
select step, epoch_us(logged_at), value from lab.metric_point
where {_OF_RUN} and rowid in (from chosen) order by step, logged_at, value
"""  # noqa: S608 - a constant


# Curves of so many points are read whole; of a longer one every so many-th in the order in which
# they were folded, without a sort.
_SHORT: Final = 500

_CURVES: Final = """
select p.run, p.value from lab.metric_point p
where p.run in (LISTED) and isfinite(p.value)
  and (p.run, p.key) in (select unnest($runs::integer[]), unnest($keys::varchar[]))
order by p.run, p.step, p.logged_at, p.value
"""

_LONG_CURVE: Final = """
select value from (
    select step, logged_at, value, row_number() over () as i
    from lab.metric_point where run = $run and key = $key and isfinite(value))
where i % $stride = 0 order by step, logged_at, value
"""


def history(cursor: DuckDBPyConnection, run_id: str, key: str, points: int | None) -> History:
    """Read the points of one metric; with ``points`` at most about so many, extremes kept."""
    about = {"id": run_id, "key": key}
    n = _one(
        cursor.execute(
            f"select coalesce(sum(n), 0)::bigint from lab.metric_summary "  # noqa: S608 - a constant
            f"where {_OF_RUN} and key = $key",
            about,
        ).fetchone()
    )
    if points is None or n <= points:
        rows = cursor.execute(_POINTS, about).fetchall()
    else:
        rows = cursor.execute(
            _BUCKETS, {**about, "n": n, "buckets": max(1, points // 2)}
        ).fetchall()
    steps, times, values = ([row[i] for row in rows] for i in range(3))
    return History(key, steps, times, values, n, downsampled=len(rows) < n)


def sparklines(
    cursor: DuckDBPyConnection, keys: Mapping[str, str], points: int
) -> dict[str, list[float]]:
    """Read small curves: for each run id the named metric in at most ``points`` finite values.

    A curve ends where its metric stands.
    """
    numbers = _numbers(cursor, list(keys))
    wanted = {run: keys[run_id] for run, run_id in numbers.items()}
    sizes = cursor.execute(
        "select run, n, last.value from lab.metric_summary "  # noqa: S608 - numbers of our own
        f"where run in ({_listed(wanted)}) "
        "and (run, key) in (select unnest($runs::integer[]), unnest($keys::varchar[]))",
        {"runs": list(wanted), "keys": list(wanted.values())},
    ).fetchall()
    short = [run for run, n, _ in sizes if n <= _SHORT]
    found: dict[int, list[float]] = {}
    if short:
        rows = cursor.execute(
            _CURVES.replace("LISTED", _listed(short)),
            {"runs": short, "keys": [wanted[run] for run in short]},
        ).fetchall()
        for run, value in rows:
            found.setdefault(run, []).append(value)
    for run, n, last in sizes:
        if n > _SHORT:
            about = {"run": run, "key": wanted[run], "stride": n // points}
            values = [value for (value,) in cursor.execute(_LONG_CURVE, about).fetchall()]
            found[run] = [*values, last] if math.isfinite(last) else values
    return {numbers[run]: _thinned(values, points) for run, values in found.items() if values}


def _thinned(values: list[float], points: int) -> list[float]:
    n = len(values)
    if n <= points:
        return values
    return [values[(stretch + 1) * n // points - 1] for stretch in range(points)]


def _numbers(cursor: DuckDBPyConnection, ids: Sequence[str]) -> dict[int, str]:
    """Translate run ids to the small numbers by which the tables are clustered.

    Written into the next statement as constants, they let whole blocks be skipped.
    """
    if not ids:
        return {}
    marks = ", ".join("?" * len(ids))
    rows = cursor.execute(
        f"select run, run_id from lab.run where run_id in ({marks})",  # noqa: S608 - marks only
        list(ids),
    ).fetchall()
    return dict(rows)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers)) or "null"


def _run(row: tuple[Any, ...]) -> RunRecord:
    cell, last_cell = row[18], row[19]
    if last_cell is not None and (cell is None or cell["id"] != last_cell):
        cell = {"id": last_cell, "index": None, "total": None}
    return RunRecord(
        id=row[0],
        name=row[1] or f"run-{row[0][:8]}",
        kind=row[2],
        status=row[3],
        outcome=row[4],
        lifecycle=row[5],
        experiment_id=row[6],
        experiment=row[7],
        parent=row[8],
        author=row[9],
        claimed_user=row[10],
        source=_dict(row[11]) or {},
        started_at=_utc(row[12]),
        ended_at=_utc(row[13]) if row[13] else None,
        owner=row[14],
        starred=row[15],
        reason=row[16],
        error=_dict(row[17]),
        cell=cell,
        step=row[20],
        planned_steps=row[21],
        children=row[22],
        last_at=_utc(row[23]) if row[23] else None,
        deleted_at=_utc(row[24]) if row[24] else None,
    )


def _dict(text: str | None) -> dict[str, Any] | None:
    value = json.loads(text) if text else None
    return value if isinstance(value, dict) else None


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)


def _one(row: tuple[Any, ...] | None) -> int:
    return int(row[0]) if row else 0
