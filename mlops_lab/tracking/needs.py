"""What waits for a person: runs that wait at a gate, failed, or were killed."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Final

from mlops_lab.tracking import reading
from mlops_lab.tracking.records import Need

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["read_needs"]

# A run that somebody stopped asks nothing: `killed` are those whose process went without a word.
# A failure stops asking once the same notebook, pipeline, program or
# monitor ran through later, once
# somebody has seen it, or after a week; what waits for an approval waits for ever.
_NEEDS: Final = """
with seen as (
    select run, last(case when deleted then null else value end order by t, writer, off) as value
    from lab.tag where key = 'mlops.seen' group by run
), candidate as (
    select r.*, coalesce(r.source->>'pipeline', r.source->>'notebook', r.source->>'program',
                         r.source->>'monitor', r.name) as origin
    from lab.run r left join seen s using (run)
    where r.started_at is not null and r.lifecycle = 'active' and r.parent is null
      and s.value is null
)
select case when c.outcome = 'waiting' then 'waiting' else c.status end as kind, c.run_id, c.name,
       c.reason, c.error::varchar, coalesce(c.ended_at, c.started_at) as at_time
from candidate c
where c.outcome = 'waiting' or (
    (c.status = 'failed' or c.killed)
    and coalesce(c.ended_at, c.started_at) > now()::timestamp - interval 7 days
    and not exists (
        from candidate later
        where later.origin = c.origin and later.experiment = c.experiment
          and later.started_at > c.started_at and later.status in ('finished', 'running')))
order by at_time desc, c.run_id limit 50
"""


def read_needs(cursor: DuckDBPyConnection) -> list[Need]:
    """Read what waits for a person, newest first, fifty at most."""
    found = []
    for kind, run_id, name, reason, error_text, at in cursor.execute(_NEEDS).fetchall():
        error = json.loads(error_text) if error_text else None
        title = {
            "waiting": f"{name} waits for you",
            "failed": f"{name} failed",
            "killed": f"{name} was killed",
        }[kind]
        if kind == "failed" and isinstance(error, dict) and not reason:
            reason = f"{error.get('name')}: {error.get('message')}"
        if kind == "killed":
            reason = _last_seen(cursor, run_id, reason)
        detail = (reason or "").strip().split("\n")[0][:300]
        found.append(Need(kind, run_id, title, detail, at.replace(tzinfo=UTC)))
    return found


def _last_seen(cursor: DuckDBPyConnection, run_id: str, reason: str | None) -> str:
    """Say where a run was when it was heard of last."""
    (run,) = reading.runs(cursor, [run_id])
    places = []
    if run.cell and run.cell["index"] is not None:
        places.append(f"in cell {run.cell['index']}")
    if run.step is not None:
        places.append(f"at step {run.step:,}")
    where = f" It was last seen {', '.join(places)}." if places else ""
    return f"{reason or 'It was stopped.'}{where}"
