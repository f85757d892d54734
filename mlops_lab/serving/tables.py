"""The tables of serving: what was decided about endpoints, and what follows from it.

Text only. Every decision carries the whole of what the endpoint should serve from then on, so the
present is the last one's.
"""

from __future__ import annotations

from typing import Final

from mlops_lab.store import ConceptTables, Fold

__all__ = ["EVENTS", "TABLES"]

EVENTS: Final = (
    "endpoint.deploy",
    "endpoint.canary",
    "endpoint.shadow",
    "endpoint.split",
    "endpoint.share",
    "endpoint.promote",
    "endpoint.rollback",
    "endpoint.stop",
)
"""The decisions about endpoints."""

_DDL: Final = """
create table lab.endpoint_event(
    n bigint, t bigint, by_id varchar, via varchar, kind varchar, endpoint varchar, data json);
"""

# A hand-written line may hold anything: what says of no endpoint what it serves makes no row.
_EVENT: Final = """
insert into lab.endpoint_event
select (line->>'$.n')::bigint, t, line->>'$.by.id', line->>'$.by.via', kind,
       line->>'$.data.endpoint', line->'$.data'
from lines where writer = 'decisions' and kind in (KINDS)
  and (line->>'$.data.endpoint') is not null
  and json_type(line->'$.data.desired') = 'OBJECT'
  and json_type(line->'$.data.desired.revisions') = 'ARRAY';
""".replace("KINDS", ", ".join(f"'{kind}'" for kind in EVENTS))

_EVENTS: Final = """
    select n, endpoint, replace(kind, 'endpoint.', '') as verb, make_timestamp(t) as decided_at,
           by_id as "by", via, coalesce((data->>'$.reason'), '') as reason,
           coalesce((data->>'$.sentence'), '') as sentence
    from lab.endpoint_event"""

# A row for each revision that was ever to run, as the last decision that speaks of it has it.
_REVISIONS: Final = """
    with newest as (
        select endpoint, max(n) as n from lab.endpoint_event group by endpoint
    ), said as (
        select e.endpoint, e.n, (e.data->'$.desired') as desired, unnest(try(from_json(
                   (e.data->'$.desired.revisions'),
                   '[{"id": "varchar", "model": "varchar", "version": "integer",
                      "digest": "varchar", "since": "bigint", "by": "varchar"}]'))) as r
        from lab.endpoint_event e
    )
    select s.endpoint, s.r.id as revision, s.r.model as model, s.r.version as version,
           s.r.digest as digest, make_timestamp(s.r.since) as deployed_at, s.r.by as "by",
           case when s.n < w.n or (s.desired->>'$.state') <> 'serving' then null
                when (s.desired->>'$.rollout.candidate') = s.r.id
                then (s.desired->>'$.rollout.kind')
                when (s.desired->>'$.standby') = s.r.id then 'standby'
                else 'stable' end as role
    from said s join newest w using (endpoint)
    where s.r.id is not null
    qualify row_number() over (partition by s.endpoint, s.r.id order by s.n desc) = 1"""

# One ends with the first decision about its endpoint that does not carry it any more.
_ROLLOUTS: Final = """
    with said as (
        select *, (data->>'$.desired.rollout.id') as rollout,
               lead(kind) over w as next_kind, lead(t) over w as next_t,
               lead(by_id) over w as next_by, lead(data) over w as next_data
        from lab.endpoint_event window w as (partition by endpoint order by n)
    ), last as (
        select * from said where rollout is not null
        qualify row_number() over (partition by endpoint, rollout order by n desc) = 1
    ), read as (
        select *, try(from_json((data->'$.desired.rollout'),
            '{"kind": "varchar", "candidate": "varchar", "base": "varchar", "share": "double",
              "by": "varchar", "began": "bigint", "author": "varchar", "reason": "varchar"}')) as o
        from last
    )
    select r.rollout as id, r.endpoint, r.o.kind as kind, r.o.candidate as candidate,
           r.o.base as base, c.model || '@' || c.version as candidate_version,
           b.model || '@' || b.version as base_version, r.o.share as share, r.o.by as unit,
           make_timestamp(r.o.began) as began_at, r.o.author as author, r.o.reason as reason,
           make_timestamp(r.next_t) as ended_at,
           case when r.next_kind is null then null
                when r.next_kind = 'endpoint.promote' then 'promoted'
                when r.next_kind = 'endpoint.stop' then 'stopped'
                else 'rolled back' end as outcome,
           r.next_by as ended_by, (r.next_data->>'$.reason') as ended_why
    from read r
    left join lab.endpoint_revisions c on c.endpoint = r.endpoint and c.revision = r.o.candidate
    left join lab.endpoint_revisions b on b.endpoint = r.endpoint and b.revision = r.o.base"""

_ENDPOINTS: Final = """
    select e.endpoint as name, (e.data->>'$.desired.state') as state,
           r.model, r.version, (e.data->>'$.desired.follows') as follows,
           (e.data->>'$.desired.rollout.kind') as rollout,
           try_cast((e.data->>'$.desired.workers') as integer) as workers,
           try_cast((e.data->>'$.desired.port') as integer) as port,
           make_timestamp(e.t) as decided_at, e.by_id as "by", e.n
    from lab.endpoint_event e
    left join lab.endpoint_revisions r
        on r.endpoint = e.endpoint and r.revision = (e.data->>'$.desired.stable')
    qualify row_number() over (partition by e.endpoint order by e.n desc) = 1"""

_NODES: Final = """
select 'endpoint:' || name, 'endpoint', name, state, decided_at, state = 'serving'
from lab.endpoints
"""

# What runs, or could be rolled back to at once, keeps its version; what ran once does not.
_EDGES: Final = """
select 'model:' || model || '@' || version, 'endpoint:' || endpoint, 'serves', role is not null
from lab.endpoint_revisions where model is not null and version is not null
"""

TABLES: Final = ConceptTables(
    name="serving",
    ddl=_DDL,
    folds=(Fold(EVENTS, _EVENT),),
    views={
        "endpoint_decisions": _EVENTS,
        "endpoint_revisions": _REVISIONS,
        "rollouts": _ROLLOUTS,
        "endpoints": _ENDPOINTS,
    },
    nodes=_NODES,
    edges=_EDGES,
)
"""A decision has ``endpoint``, ``reason``, ``sentence``, ``desired`` (the whole, but for its
``seq``, which is the decision's number) and, for the audit, ``model``, ``version``, ``digest``,
``from``, ``share``, ``rollout`` and ``evidence`` where they belong."""
