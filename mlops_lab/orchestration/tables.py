"""The tables of pipelines: what gates said of runs, which step's files another one got, and what
triggers have started, what became of serving what was promoted.
"""

from __future__ import annotations

from typing import Final

from mlops_lab.store import ConceptTables, Fold

__all__ = ["TABLES"]

_DDL: Final = """
create table lab.gate(
    run_id varchar, index integer, kind varchar, expression varchar, state varchar,
    sentence varchar, lhs double, rhs double, t bigint, writer varchar, off bigint);
create table lab.gate_settled(run_id varchar, outcome varchar, reason varchar, off bigint);
create table lab.feed(run_id varchar, source varchar);
create table lab.deployment(
    run_id varchar, endpoint varchar, strategy varchar, model varchar, alias varchar,
    version bigint, state varchar, sentence varchar, how json,
    t bigint, writer varchar, off bigint);
create table lab.trigger_event(
    n bigint, t bigint, by_id varchar, kind varchar, pipeline varchar, run_id varchar, data json);
"""

_GATE: Final = """
insert into lab.gate
select run, d.i, d.kind, d.expression, d.state, d.sentence, d."left", d."right", t, writer, off
from (select run, t, writer, off,
             from_json(line, '{"i": "integer", "kind": "varchar", "expression": "varchar",
                 "state": "varchar", "sentence": "varchar", "left": "double",
                 "right": "double"}') as d
      from lines where kind = 'gate') l
where run is not null and d.i is not null and d.state is not null;
"""

# Whoever completes or refuses a promotion answers the gates that waited for people.
_SETTLED: Final = """
insert into lab.gate_settled
select unnest(coalesce(from_json(line->'$.data.settles.runs', '["varchar"]'),
                       [line->>'$.data.settles.run'])), line->>'$.data.settles.outcome',
       line->>'$.data.settles.reason', off
from lines
where writer = 'decisions' and kind in ('model.approve', 'model.reject', 'model.alias')
  and (line->>'$.data.settles.run') is not null
  and (line->>'$.data.settles.outcome') in ('passed', 'rejected');
"""

_FEED: Final = """
insert into lab.feed select run, line->>'from' from lines
where kind = 'feed' and run is not null and (line->>'from') is not null;
"""

_DEPLOYMENT: Final = """
insert into lab.deployment
select run, d.endpoint, d.strategy, d.model, d.alias, d.version, d.state, d.sentence, d.how, t,
       writer, off
from (select run, t, writer, off,
             from_json(line, '{"endpoint": "varchar", "strategy": "varchar", "model": "varchar",
                 "alias": "varchar", "version": "bigint", "state": "varchar",
                 "sentence": "varchar", "how": "json"}') as d
      from lines where kind = 'deployment' and run is not null)
where d.endpoint is not null and d.state is not null;
"""

_DEPLOYMENTS: Final = """
    select d.run_id, d.endpoint, d.strategy, d.model, d.version, d.alias, d.state, d.sentence,
           make_timestamp(d.t) as decided_at
    from lab.deployment d join lab.run r using (run_id)
    where r.started_at is not null and r.lifecycle = 'active'
    qualify row_number() over (partition by d.run_id order by d.t desc, d.writer desc, d.off desc)
            = 1"""

_TRIGGER: Final = """
insert into lab.trigger_event
select (line->>'$.n')::bigint, t, line->>'$.by.id', kind, line->>'$.data.pipeline',
       line->>'$.data.run', line->'$.data'
from lines where writer = 'decisions' and kind in ('trigger.watch', 'trigger.start')
  and (line->>'$.data.pipeline') is not null;
"""

# Of a start that was taken up again after its watcher had died, the first.
_STARTS: Final = """
    with started as (
        select * from lab.trigger_event where kind = 'trigger.start' and run_id is not null
        qualify row_number() over (partition by run_id order by n) = 1
    ), caused as (
        select s.*, unnest(coalesce(try(from_json(s.data->'causes',
            '[{"kind": "varchar", "trigger": "varchar", "key": "varchar",
               "sentence": "varchar"}]')), [])) as c
        from started s
    )
    select run_id, pipeline, c.kind as kind, c.trigger as "trigger", c.key as cause,
           c.sentence as sentence, make_timestamp(t) as started_at, by_id as "by"
    from caused"""

_VIEW: Final = """
    select g.run_id, g.index, g.kind, g.expression,
           case when g.state = 'waiting' then coalesce(s.outcome, g.state) else g.state end
               as state,
           case when g.state = 'waiting' and s.reason is not null then rtrim(s.reason, '.')
                else g.sentence end as sentence,
           g.lhs as "left", g.rhs as "right", make_timestamp(g.t) as decided_at
    from lab.gate g join lab.run r using (run_id)
    left join (select * from lab.gate_settled
               qualify row_number() over (partition by run_id order by off desc) = 1) s
      using (run_id)
    where r.started_at is not null and r.lifecycle = 'active'
    qualify row_number() over (partition by g.run_id, g.index
                               order by g.t desc, g.writer desc, g.off desc) = 1"""

# A file that one step made and another one got; both are parts of one run, so neither can be
# deleted from under the other.
_EDGES: Final = """
    select distinct 'run:' || source, 'run:' || run_id, 'input', false from lab.feed
"""

TABLES: Final = ConceptTables(
    name="orchestration",
    ddl=_DDL,
    folds=(
        Fold(("gate",), _GATE),
        Fold(("model.approve", "model.reject", "model.alias"), _SETTLED),
        Fold(("feed",), _FEED),
        Fold(("deployment",), _DEPLOYMENT),
        Fold(("trigger.watch", "trigger.start"), _TRIGGER),
    ),
    views={"gates": _VIEW, "trigger_starts": _STARTS, "deployments": _DEPLOYMENTS},
    edges=_EDGES,
)
"""A line ``gate`` says ``i`` (from 0), ``kind``, ``expression``, ``state`` (passed, rejected,
waiting), ``sentence``, and where the gate compares two numbers, ``left`` and ``right``. A line
``feed`` says that the run got a file that the run ``from`` has made, in which ``role`` and of which
``digest``. A line ``deployment`` says of a promoted ``model``, ``version`` and ``alias`` to which
``endpoint`` it goes, by which ``strategy``, in which ``state`` that is, a ``sentence``, and
``how``: what the pipeline's file said."""
