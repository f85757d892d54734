"""The tables of the registry: logged models from journals, everything else from decisions.

Text only. Decisions have one order, their number ``n``; journal lines compete by
``(t, writer, off)``. What follows from the decisions (aliases, approvals that count, judgements) is
worked out by `mlops_lab.registry.state` and, for SQL, by the views below.
"""

from __future__ import annotations

from typing import Final

from mlops_lab.store import ConceptTables, Fold

__all__ = ["EVENTS", "TABLES"]

EVENTS: Final = (
    "model.edit",
    "model.judge",
    "model.request",
    "model.approve",
    "model.reject",
    "model.alias",
    "model.card",
    "model.delete",
)
"""The decisions about models beside ``model.register``."""

_DDL: Final = """
create table lab.logged_model(
    logged_model varchar, run_id varchar, name varchar, flavor varchar, digest varchar,
    size bigint, unsafe boolean, types json, signature json, facts varchar,
    latency json, t bigint, writer varchar, off bigint);
create table lab.model_version(
    n bigint, t bigint, by_id varchar, model varchar, version integer, digest varchar,
    logged_model varchar, run_id varchar, flavor varchar, unsafe boolean, size bigint,
    facts varchar, note varchar);
create table lab.model_event(
    n bigint, t bigint, by_id varchar, via varchar, kind varchar, model varchar, version integer,
    alias varchar, digest varchar, data json);
"""

_LOGGED: Final = """
select error('a logged model has an id and a content id: ' || line::varchar)
from lines where kind = 'model'
  and not (coalesce(regexp_full_match(line->>'model', 'm-[0-9a-f]{32}'), false)
           and coalesce(regexp_full_match(line->>'digest', 'b3-[0-9a-f]{64}'), false));

insert into lab.logged_model
select d.model, run, coalesce(d.name, 'model'), coalesce(d.flavor, 'unknown'), d.digest,
       coalesce(d.size, 0), coalesce(d.unsafe, true), d.types, d.signature, d.facts,
       d.latency, t, writer, off
from (select run, t, writer, off,
             from_json(line, '{"model": "varchar", "name": "varchar", "flavor": "varchar",
                 "digest": "varchar", "size": "bigint", "unsafe": "boolean", "types": "json",
                 "signature": "json", "facts": "varchar", "latency": "json"}') as d
      from lines where kind = 'model' and run is not null);
"""

# A hand-written line may hold anything: what is no version makes no row.
_REGISTER: Final = """
insert into lab.model_version
select (line->>'$.n')::bigint, t, line->>'$.by.id', d.model, d.version, d.digest,
       d.logged_model, d.run, coalesce(d.flavor, 'unknown'), coalesce(d.unsafe, true),
       coalesce(d.size, 0), d.facts, coalesce(d.note, '')
from (select t, line,
             from_json(line->'$.data', '{"model": "varchar", "version": "integer",
                 "digest": "varchar", "logged_model": "varchar", "run": "varchar",
                 "flavor": "varchar", "unsafe": "boolean", "size": "bigint", "facts": "varchar",
                 "note": "varchar"}') as d
      from lines where writer = 'decisions' and kind = 'model.register')
where d.model is not null and d.version > 0 and d.digest is not null;
"""

_EVENT: Final = """
insert into lab.model_event
select (line->>'$.n')::bigint, t, line->>'$.by.id', line->>'$.by.via', kind, line->>'$.data.model',
       try_cast(line->>'$.data.version' as integer), line->>'$.data.alias',
       line->>'$.data.digest', line->'$.data'
from lines where writer = 'decisions' and kind in (KINDS)
  and (line->>'$.data.model') is not null;
""".replace("KINDS", ", ".join(f"'{kind}'" for kind in EVENTS))

# Every move of an alias; an approval that was the last one missing is one as well. A line that
# speaks of another content than the version has can only be hand-written.
_HISTORY: Final = """
select e.model, e.alias, e.version, e.digest, make_timestamp(e.t) as since,
       make_timestamp(lead(e.t) over (partition by e.model, e.alias order by e.n)) as until,
       e.by_id as "by",
       case when e.kind = 'model.alias' then coalesce(e.data->>'how', 'promote')
            else 'promote' end as how,
       coalesce(e.data->>'reason', e.data->>'comment', '') as reason
from lab.model_event e
left join lab.model_version v on v.model = e.model and v.version = e.version
where e.alias is not null
  and (e.kind = 'model.alias'
       or e.kind = 'model.approve' and json_type(e.data->'promotes') = 'OBJECT')
  and (e.version is null or v.digest = e.digest)
"""

_VIEWS: Final = {
    "model_alias_history": _HISTORY,
    "model_aliases": """
        select model, alias, version, digest, since, "by" from lab.model_alias_history
        where until is null and version is not null""",
    "model_versions": """
        select v.model, v.version, v.digest, v.run_id, v.logged_model, v.flavor, v.unsafe,
               v.size as size_bytes, v.by_id as author, make_timestamp(v.t) as created_at,
               a.aliases, j.outcome, g.model is not null as deleted
        from (from lab.model_version
              qualify row_number() over (partition by model, version order by n) = 1) v
        left join (select model, version, list(alias order by alias) as aliases
                   from lab.model_aliases group by model, version) a
            on a.model = v.model and a.version = v.version
        left join (select model, version, last(data->>'outcome' order by n) as outcome
                   from lab.model_event where kind = 'model.judge' group by model, version) j
            on j.model = v.model and j.version = v.version
        left join (select distinct model, version from lab.model_event
                   where kind = 'model.delete') g
            on g.model = v.model and g.version = v.version""",
    "models": """
        select model as name, count(*) filter (not deleted) as versions,
               max(version) filter (not deleted) as latest, min(created_at) as created_at
        from lab.model_versions group by model""",
    "logged_models": """
        select m.logged_model, m.run_id, m.name, m.flavor, m.unsafe, m.size as size_bytes,
               m.digest, make_timestamp(m.t) as created_at
        from lab.logged_model m join lab.run r using (run_id)
        where r.started_at is not null and r.lifecycle = 'active'
        qualify row_number() over (partition by m.logged_model
                                   order by m.t desc, m.writer desc, m.off desc) = 1""",
    "approvals": """
        select model, version, alias, digest, case kind when 'model.approve' then 'approved'
               when 'model.reject' then 'rejected' else 'requested' end as what,
               by_id as "by", data->>'role' as role, coalesce(data->>'comment', '') as comment,
               make_timestamp(t) as decided_at, n
        from lab.model_event where kind in ('model.request', 'model.approve', 'model.reject')""",
    "judgements": """
        select model, version, data->>'run' as run_id, data->>'outcome' as outcome,
               try_cast(data->'gates'->>'passed' as integer) as passed,
               try_cast(data->'gates'->>'total' as integer) as total,
               make_timestamp(t) as decided_at, n
        from lab.model_event where kind = 'model.judge'""",
}

# What was deleted is needed for a while: who deletes by mistake notices within two weeks.
_OBJECTS: Final = """
with said as (
    select v.model, v.version, v.digest, v.facts,
           g.t is null or make_timestamp(g.t) > now() at time zone 'utc' - interval 14 days
           as needed
    from lab.model_version v
    left join (select model, version, max(t) as t from lab.model_event
               where kind = 'model.delete' group by model, version) g
        on g.model = v.model and g.version = v.version
)
select digest, 'the version ' || model || '@' || version as what, true as is_tree, needed
from said
union all
select facts, 'the facts of ' || model || '@' || version, false, needed
from said where facts is not null
union all
select m.digest, 'the model ' || m.name || ' of run ' || m.run_id, true,
       r.deleted_at is null or r.deleted_at > now() at time zone 'utc' - interval 14 days
from lab.logged_model m left join lab.run r using (run_id)
"""

_NODES: Final = """
select 'model:' || v.model || '@' || v.version, 'model', v.model || ' ' || v.version,
       coalesce(array_to_string(v.aliases, ', '), v.flavor), v.created_at, not v.deleted
from lab.model_versions v
"""

# A run that only judged or monitored a model can do without it: else nothing that was ever judged
# could go.
_EDGES: Final = """
select 'run:' || run_id, 'model:' || model || '@' || version, 'made', true
from lab.model_version where run_id is not null
union
select 'model:' || model || '@' || version, 'run:' || (data->>'run'), 'judged', false
from lab.model_event where kind = 'model.judge' and version is not null
  and (data->>'run') is not null
union
select 'model:' || name || '@' || version, 'run:' || run_id,
       case when role in ('judged', 'champion') then 'judged' else 'input' end,
       coalesce(role not in ('judged', 'champion', 'monitored'), true)
from lab.input where kind = 'model' and version is not null
"""

TABLES: Final = ConceptTables(
    name="registry",
    ddl=_DDL,
    folds=(
        Fold(("model",), _LOGGED),
        Fold(("model.register",), _REGISTER),
        Fold(EVENTS, _EVENT),
    ),
    views=_VIEWS,
    objects=_OBJECTS,
    nodes=_NODES,
    edges=_EDGES,
)
