"""From rows of the index to records. Every function takes a cursor on an attached index.

Reading many runs goes in two steps, ids first and then what belongs to them: with the ids at hand
each table is scanned once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
    rows = cursor.execute(
        """
        select r.run_id, m.key, m.n, m.last.value, m.last.step, m.last.logged_at, m.lowest.value,
               m.lowest.step, m.highest.value, -m.highest.step,
               case when m.n_finite > 0 then m.total / m.n_finite end, m.n - m.n_finite
        from lab.metric_summary m join lab.run r using (run)
        where r.run_id in (select unnest($ids::varchar[])) order by m.first_seen, m.key""",
        {"ids": list(ids)},
    ).fetchall()
    found: dict[str, list[MetricSummary]] = {}
    for run_id, key, n, last, last_step, last_t, low, low_at, high, high_at, mean, nan in rows:
        goal = goal_of_metric(key, goals)
        best, best_at = (low, low_at) if goal.direction == "min" else (high, high_at)
        found.setdefault(run_id, []).append(
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
    rows = cursor.execute(
        """
        select r.run_id, p.key, last(p.value order by p.t, p.writer, p.off) as value
        from lab.param p join lab.run r using (run)
        where r.run_id in (select unnest($ids::varchar[]))
        group by r.run_id, p.key order by min(p.t), min(p.off), p.key""",
        {"ids": list(ids)},
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for run_id, key, value in rows:
        found.setdefault(run_id, {})[key] = value
    return found


def tags(cursor: DuckDBPyConnection, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read the tags of runs, by run id; every id is there."""
    found: dict[str, dict[str, str]] = {run_id: {} for run_id in ids}
    rows = cursor.execute(
        """
        select run_id, key, g.value from (
            select r.run_id, t.key,
                   last({'value': t.value, 'deleted': t.deleted}
                        order by t.t, t.writer, t.off) as g, min((t.t, t.off)) as since
            from lab.tag t join lab.run r using (run)
            where r.run_id in (select unnest($ids::varchar[])) group by r.run_id, t.key)
        where not g.deleted order by since, key""",
        {"ids": list(ids)},
    ).fetchall()
    for run_id, key, value in rows:
        found[run_id][key] = value
    return found


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
# else.
_BUCKETS: Final = f"""
with point as (
    select step, logged_at, value,
           row_number() over (order by step, logged_at, value) - 1 as i, count(*) over () as n
    from lab.metric_point where {_OF_RUN} and key = $key
), kept as (
    select i * $buckets // n as bucket,
           arg_min(i, value) filter (isfinite(value)) as low,
           arg_max(i, value) filter (isfinite(value)) as high, min(i) as first, max(i) as last
    from point group by bucket
), chosen as (
    select coalesce(low, first) as i from kept union select coalesce(high, last) from kept
    union select min(first) from kept union select max(last) from kept
)
select step, epoch_us(logged_at), value from point where i in (from chosen) order by i
"""  # noqa: S608 - a constant


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
        rows = cursor.execute(_BUCKETS, {**about, "buckets": max(1, points // 2)}).fetchall()
    steps, times, values = ([row[i] for row in rows] for i in range(3))
    return History(key, steps, times, values, n, downsampled=len(rows) < n)


def sparklines(
    cursor: DuckDBPyConnection, keys: Mapping[str, str], points: int
) -> dict[str, list[float]]:
    """Read small curves: for each run id the named metric in at most ``points`` values."""
    if not keys:
        return {}
    rows = cursor.execute(
        """
        with wanted as (
            select r.run, r.run_id, w.key from lab.run r join (
                select unnest($ids::varchar[]) as run_id, unnest($keys::varchar[]) as key) w
            using (run_id)
        ), point as (
            select w.run_id, p.value,
                   row_number() over (partition by w.run
                                      order by p.step, p.logged_at, p.value) as i,
                   count(*) over (partition by w.run) as n
            from lab.metric_point p join wanted w on w.run = p.run and w.key = p.key
            where isfinite(p.value)
        ), kept as (
            -- The last point of each stretch, so that the curve ends where the metric stands.
            select run_id, arg_max(value, i) as value, max(i) as i
            from point group by run_id, (i - 1) * least($points, n) // n
        )
        select run_id, list(value order by i) from kept group by run_id""",
        {"ids": list(keys), "keys": list(keys.values()), "points": points},
    ).fetchall()
    return dict(rows)


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
