"""The tables of tracking: how its journal lines and decisions become rows, and the views users see.

Text only. The order in which lines arrive never matters: what competes is settled by
``(t, writer, off)``, everything else is a sum, a minimum or a maximum. A run's row is therefore
computed anew from all of its facts (``run_fact``) whenever one of them arrives.

Base tables are keyed by a small integer ``run`` that never leaves the index; ``lab.run`` translates
it to the run's id. Times are UTC.
"""

from __future__ import annotations

from typing import Final

from mlops_lab.store import ConceptTables, Fold

__all__ = ["TABLES"]

_DDL: Final = """
create table lab.run(
    run integer, run_id varchar, name varchar, kind varchar, status varchar, outcome varchar,
    lifecycle varchar, deleted_at timestamp, experiment varchar, parent varchar,
    author varchar, claimed_user varchar, source json,
    started_at timestamp, ended_at timestamp, owner varchar, writer varchar,
    starred boolean, reason varchar, error json, planned_steps bigint,
    -- what the lines say, before anybody judged whether the writer is alive
    said varchar, killed boolean);
create table lab.run_fact(
    run_id varchar, kind varchar, t bigint, writer varchar, off bigint, line json);
create table lab.run_activity(
    run integer, last_at timestamp,
    cell struct(t bigint, writer varchar, off bigint, id varchar));
create table lab.param(
    run integer, key varchar, value varchar, type varchar, number double,
    cell varchar, t bigint, writer varchar, off bigint);
create table lab.metric_point(
    run integer, key varchar, step bigint, logged_at timestamp, value double);
create table lab.metric_summary(
    run integer, key varchar, n bigint, n_finite bigint, total double,
    first_seen struct(logged_at timestamp, place bigint),
    last struct(step bigint, logged_at timestamp, value double),
    lowest struct(value double, step bigint), highest struct(value double, step bigint));
create table lab.tag(
    run integer, key varchar, value varchar, deleted boolean,
    t bigint, writer varchar, off bigint);
create table lab.artifact(
    run integer, path varchar, digest varchar, size bigint, media varchar, kind varchar,
    cell varchar, t bigint, writer varchar, off bigint);
create table lab.environment(
    run integer, git_commit varchar, git_branch varchar, git_dirty boolean, python varchar,
    t bigint, writer varchar, off bigint);
create table lab.cell(
    run integer, cell varchar, index integer, total integer, state varchar, seconds double,
    source varchar, t bigint, writer varchar, off bigint);
create table lab.note(
    run integer, text varchar, author varchar, cell varchar,
    t bigint, writer varchar, off bigint);
create table lab.experiment(
    experiment_id varchar, name varchar, created_at timestamp, n bigint);
insert into lab.experiment values ('0', 'Default', null, 0);
"""

# Every run id that is spoken of gets its number first; the row stays hidden until a run line comes.
_NUMBER = """
insert into lab.run(run, run_id, lifecycle, starred, killed)
select (select coalesce(max(run), 0) from lab.run) + row_number() over (order by id),
       id, 'active', false, false
from (select distinct run as id from lines where run is not null and writer <> 'decisions')
where id not in (select run_id from lab.run);
"""

# A word that nobody knows would break every list that the run is in: such a line is set aside.
_RUN = """
select error('a run has no such status or outcome: ' || line::varchar)
from lines where kind in ('run', 'end')
  and (coalesce(line->>'status', 'running')
           not in ('scheduled', 'running', 'finished', 'failed', 'killed')
       or coalesce(line->>'outcome', 'passed') not in ('passed', 'rejected', 'waiting'));

insert into lab.run_fact
select run, kind, t, writer, off, line from lines where kind in ('run', 'end') and run is not null
union all
select unnest(from_json(line->'$.data.runs', '["varchar"]')), kind, t, writer, off, line
from lines where writer = 'decisions' and kind in ('run.delete', 'run.restore')
union all
-- What a run waited for was decided: by whoever completed or refused a promotion. One that ran
-- again meanwhile and made the same waits for the same answer.
select unnest(coalesce(from_json(line->'$.data.settles.runs', '["varchar"]'),
                       [line->>'$.data.settles.run'])), 'settle', t, writer, off, line
from lines where writer = 'decisions' and kind in ('model.approve', 'model.reject', 'model.alias')
  and (line->>'$.data.settles.run') is not null
  and (line->>'$.data.settles.outcome') in ('passed', 'rejected');

create or replace temp table touched as
select run as run_id from lines where kind in ('run', 'end') and run is not null
union
select unnest(from_json(line->'$.data.runs', '["varchar"]'))
from lines where writer = 'decisions' and kind in ('run.delete', 'run.restore')
union
select unnest(coalesce(from_json(line->'$.data.settles.runs', '["varchar"]'),
                       [line->>'$.data.settles.run']))
from lines where writer = 'decisions' and kind in ('model.approve', 'model.reject', 'model.alias')
  and (line->>'$.data.settles.run') is not null
union
select run from lines where kind in ('tag', 'untag') and run is not null
                        and contains(line::varchar, '"mlops.');

create or replace temp table said as
with fact as (
    select run_id, kind, t, writer, off, line,
           from_json(line, '{"name": "varchar", "experiment": "varchar", "kind": "varchar",
               "parent": "varchar", "author": "varchar", "claimed_user": "varchar",
               "source": "json", "owner": "varchar", "status": "varchar", "outcome": "varchar",
               "reason": "varchar", "error": "json", "steps": "bigint"}') as d
    from lab.run_fact where run_id in (from touched)
)
select run_id,
    last(d.name order by t, writer, off) filter (kind = 'run' and d.name is not null) as name,
    last(d.experiment order by t, writer, off)
        filter (kind = 'run' and d.experiment is not null) as experiment,
    last(d.kind order by t, writer, off) filter (kind = 'run' and d.kind is not null) as kind,
    last(d.parent order by t, writer, off) filter (kind = 'run' and d.parent is not null) as parent,
    first(d.author order by t, writer, off)
        filter (kind = 'run' and d.author is not null) as author,
    first(d.claimed_user order by t, writer, off)
        filter (kind = 'run' and d.claimed_user is not null) as claimed_user,
    last(d.source order by t, writer, off) filter (kind = 'run' and d.source is not null) as source,
    last(d.owner order by t, writer, off) filter (kind = 'run' and d.owner is not null) as owner,
    last(d.steps order by t, writer, off) filter (kind = 'run' and d.steps is not null) as steps,
    last(writer order by t, writer, off) filter (kind = 'run') as writer,
    -- Scheduled is waiting, not running: a run starts with its first line that says running.
    coalesce(min(t) filter (kind = 'run' and d.status is distinct from 'scheduled'),
             min(t) filter (kind = 'run')) as started,
    last({'kind': kind, 't': t, 'status': d.status, 'outcome': d.outcome, 'reason': d.reason,
          'error': d.error} order by t, writer, off) filter (kind in ('run', 'end')) as state,
    -- Decisions have one order, their number, which is what off counts in.
    last({'kind': kind, 't': t} order by off)
        filter (kind in ('run.delete', 'run.restore')) as life,
    last({'outcome': line->>'$.data.settles.outcome', 'reason': line->>'$.data.settles.reason'}
         order by off) filter (kind = 'settle') as settled
from fact group by run_id;

create or replace temp table marked as
select r.run_id,
    last(case when not g.deleted then g.value end order by g.t, g.writer, g.off)
        filter (g.key = 'mlops.name') as name,
    last(not g.deleted and g.value not in ('', 'false', '0') order by g.t, g.writer, g.off)
        filter (g.key = 'mlops.star') as starred
from lab.tag g join lab.run r using (run)
where r.run_id in (from touched) and g.key in ('mlops.name', 'mlops.star')
group by r.run_id;

update lab.run set
    name = coalesce(x.marked_name, x.name), experiment = coalesce(x.experiment, 'Default'),
    kind = coalesce(x.kind, 'training'), parent = x.parent, author = x.author,
    claimed_user = x.claimed_user, source = x.source, owner = coalesce(x.owner, 'journal'),
    planned_steps = x.steps, writer = x.writer, started_at = make_timestamp(x.started),
    said = x.status, status = x.status, killed = false,
    -- A settlement may be decided, or folded, before the run's own last line says that it waits.
    outcome = case when x.settles then x.settled.outcome else x.state.outcome end,
    reason = case when x.settles then x.settled.reason else x.state.reason end,
    error = x.state.error,
    ended_at = case when x.state.kind = 'end' then make_timestamp(x.state.t) end,
    starred = coalesce(x.starred, false),
    lifecycle = case when x.life.kind = 'run.delete' then 'deleted' else 'active' end,
    deleted_at = case when x.life.kind = 'run.delete' then make_timestamp(x.life.t) end
from (select s.*, m.name as marked_name, m.starred,
             coalesce(s.state.status,
                      case when s.state.kind = 'run' then 'running' else 'finished' end) as status,
             s.settled is not null and s.state.kind = 'end'
                 and coalesce(s.state.outcome, 'waiting') = 'waiting' as settles
      from said s left join marked m using (run_id)) x
where run.run_id = x.run_id;
"""

_PARAM = """
insert into lab.param
select run, key,
       case type when 'null' then 'None'
                 when 'bool' then case when v->>'$' = 'true' then 'True' else 'False' end
                 else v->>'$' end, type,
       case when type in ('int', 'float', 'str') and isfinite(try_cast(v->>'$' as double))
            then try_cast(v->>'$' as double) end,
       cell, t, writer, off
from (
    select *, case json_type(v) when 'VARCHAR' then 'str' when 'BOOLEAN' then 'bool'
                  when 'DOUBLE' then 'float' when 'NULL' then 'null' when 'ARRAY' then 'list'
                  when 'OBJECT' then 'dict' else 'int' end as type
    from (
        select r.run, l.t, l.writer, l.off, l.line->>'c' as cell, e.key as key, e.value as v
        from lines l join lab.run r on r.run_id = l.run, json_each(l.line, '$.k') e
        where l.kind = 'param'
    )
);
"""

# Last is by (step, time, value), ties included; lowest and highest are over finite values only
# (DuckDB sorts NaN above everything) and remember the first step that reached them. A missing one
# loses against any in `least` and `greatest`.
_METRIC = """
create or replace temp table point as
select run, unnest(map_keys(m)) as key, step, make_timestamp(t) as logged_at,
       unnest(map_values(m)) as value, unnest(range(len(map_keys(m)))) as place
from (select run, t,
          case when d.m is null then error('no metrics "m": ' || line::varchar) else d.m end as m,
          case when d.s is null then 0
               when try_cast(d.s as bigint)::varchar = d.s then d.s::bigint
               else error('the step is no whole number: ' || d.s) end as step
      from (select r.run, l.t, l.line,
                from_json(l.line, '{"s": "varchar", "m": "map(varchar, double)"}') as d
            from lines l join lab.run r on r.run_id = l.run where l.kind = 'metric'));
select error('a metric is no number: ' || key) from point where value is null;

insert into lab.metric_point select run, key, step, logged_at, value from point;

merge into lab.metric_summary s using (
    select run, key, count(*) as n, count(*) filter (isfinite(value)) as n_finite,
           coalesce(sum(value) filter (isfinite(value)), 0) as total,
           min({'logged_at': logged_at, 'place': place}) as first_seen,
           max({'step': step, 'logged_at': logged_at, 'value': value}) as last,
           min({'value': value, 'step': step}) filter (isfinite(value)) as lowest,
           max({'value': value, 'step': -step}) filter (isfinite(value)) as highest
    from point group by run, key
) b on s.run = b.run and s.key = b.key
when matched then update set
    n = s.n + b.n, n_finite = s.n_finite + b.n_finite, total = s.total + b.total,
    first_seen = least(s.first_seen, b.first_seen), last = greatest(s.last, b.last),
    lowest = least(s.lowest, b.lowest), highest = greatest(s.highest, b.highest)
when not matched then insert values
    (b.run, b.key, b.n, b.n_finite, b.total, b.first_seen, b.last, b.lowest, b.highest);
"""

_TAG = """
insert into lab.tag
select r.run, e.key, e.value->>'$', false, l.t, l.writer, l.off
from lines l join lab.run r on r.run_id = l.run, json_each(l.line, '$.k') e
where l.kind = 'tag'
union all
select r.run, e.value->>'$', null, true, l.t, l.writer, l.off
from lines l join lab.run r on r.run_id = l.run, json_each(l.line, '$.k') e
where l.kind = 'untag';
"""

_ARTIFACT = """
select error('an artifact has a path inside the run and a content id: ' || line::varchar)
from lines where kind = 'artifact'
  and not (coalesce(regexp_full_match(line->>'digest', 'b3-[0-9a-f]{64}'), false)
           and not coalesce(regexp_matches(line->>'path', '^/|(^|/)[.][.](/|$)'), true));

insert into lab.artifact
select r.run, d.path, d.digest, d.size, d.media, coalesce(d.kind, 'file'), d.c, t, l.writer, off
from (select run as run_id, t, writer, off,
             from_json(line, '{"path": "varchar", "digest": "varchar", "size": "bigint",
                 "media": "varchar", "kind": "varchar", "c": "varchar"}') as d
      from lines where kind = 'artifact') l join lab.run r using (run_id);

insert into lab.environment
select r.run, d.commit, d.branch, d.dirty, d.python, t, l.writer, off
from (select run as run_id, t, writer, off,
             from_json(line->'environment', '{"commit": "varchar", "branch": "varchar",
                 "dirty": "boolean", "python": "varchar"}') as d
      from lines where kind = 'artifact' and (line->'environment') is not null) l
join lab.run r using (run_id);
"""

_CELL = """
insert into lab.cell
select r.run, d.c, d.i, d.n, d.state, d.s, d.source, t, l.writer, off
from (select run as run_id, t, writer, off,
             from_json(line, '{"c": "varchar", "i": "integer", "n": "integer",
                 "state": "varchar", "s": "double", "source": "varchar"}') as d
      from lines where kind = 'cell') l join lab.run r using (run_id);
"""

_NOTE = """
insert into lab.note
select r.run, d.text, d.author, d.c, t, l.writer, off
from (select run as run_id, t, writer, off,
             from_json(line, '{"text": "varchar", "author": "varchar", "c": "varchar"}') as d
      from lines where kind = 'note') l join lab.run r using (run_id);
"""

# What a run itself did last, and in which cell: a star set by somebody else is no sign of life.
_ACTIVITY = """
merge into lab.run_activity a using (
    select r.run, make_timestamp(max(l.t)) as last_at,
           max({'t': l.t, 'writer': l.writer, 'off': l.off, 'id': l.line->>'c'})
               filter ((l.line->>'c') is not null) as cell
    from lines l join lab.run r on r.run_id = l.run
    where l.kind in ('run', 'end', 'param', 'metric', 'artifact', 'cell', 'system') group by r.run
) b on a.run = b.run
when matched then update set
    last_at = greatest(a.last_at, b.last_at), cell = greatest(a.cell, b.cell)
when not matched then insert values (b.run, b.last_at, b.cell);
"""

_EXPERIMENT = """
insert into lab.experiment
select line->>'$.data.id', line->>'$.data.name', make_timestamp(t), off
from lines where writer = 'decisions' and kind = 'experiment.create';
"""

# Death is reversible: a run is killed only for as long as its writer's lock is free.
_DEATHS = """
update lab.run set status = said, killed = false, reason = null, ended_at = null
where killed and writer in (select writer from alive);
update lab.run set status = 'killed', killed = true, reason = 'Its process is gone.'
where not killed and said in ('running', 'scheduled') and owner = 'journal'
  and writer in (select writer from dead);
update lab.run set ended_at = a.last_at from lab.run_activity a
where run.killed and a.run = run.run and run.ended_at is distinct from a.last_at;
"""

_OBJECTS: Final = """
select a.digest, 'the artifact ' || a.path || ' of run ' || r.run_id as what, false as is_tree,
       r.lifecycle = 'active' or r.deleted_at > now() at time zone 'utc' - interval 14 days
           as needed
from lab.artifact a join lab.run r using (run)
order by r.run_id, a.path, a.t
"""

_SHOWN = "r.started_at is not null and r.lifecycle = 'active'"

_VIEWS: Final = {
    "runs": """
        select r.run_id, r.name, r.kind, r.status, r.outcome, r.experiment, e.experiment_id,
               r.parent as parent_id, r.author, r.source->>'notebook' as notebook,
               r.source->>'pipeline' as pipeline, r.started_at, r.ended_at,
               date_diff('microseconds', r.started_at, r.ended_at) / 1e6 as duration_s,
               r.starred, r.reason, v.git_commit, v.git_branch, v.git_dirty, v.python
        from lab.run r
        left join lab.experiment e on e.name = r.experiment
        left join (select * from lab.environment
                   qualify row_number() over (partition by run order by t desc, writer desc,
                                              off desc) = 1) v on v.run = r.run
        where SHOWN""",
    "params": """
        select r.run_id, p.key, p.value, p.type, p.number, make_timestamp(p.t) as logged_at
        from lab.param p join lab.run r using (run) where SHOWN
        qualify row_number() over (partition by p.run, p.key
                                   order by p.t desc, p.writer desc, p.off desc) = 1""",
    "metrics": """
        select r.run_id, m.key, m.n, m.last.value as last, m.last.step as last_step,
               m.last.logged_at as last_at, m.lowest.value as min, m.lowest.step as min_step,
               m.highest.value as max, -m.highest.step as max_step,
               case when m.n_finite > 0 then m.total / m.n_finite end as mean,
               m.n - m.n_finite as not_finite
        from lab.metric_summary m join lab.run r using (run) where SHOWN""",
    "history": """
        select r.run_id, h.key, h.step, h.logged_at, h.value
        from lab.metric_point h join lab.run r using (run) where SHOWN""",
    "tags": """
        select run_id, key, value from (
            select r.run_id, g.key, g.value, g.deleted
            from lab.tag g join lab.run r using (run) where SHOWN
            qualify row_number() over (partition by g.run, g.key
                                       order by g.t desc, g.writer desc, g.off desc) = 1)
        where not deleted""",
    "artifacts": """
        select r.run_id, a.path, a.kind, a.media as media_type, a.size as size_bytes, a.digest,
               make_timestamp(a.t) as created_at
        from lab.artifact a join lab.run r using (run) where SHOWN
        qualify row_number() over (partition by a.run, a.path
                                   order by a.t desc, a.writer desc, a.off desc) = 1""",
    "cells": """
        select r.run_id, c.cell as cell_id, c.index, c.total, c.state, c.seconds as duration_s,
               c.source, make_timestamp(c.t) as logged_at
        from lab.cell c join lab.run r using (run) where SHOWN
        qualify row_number() over (partition by c.run, c.index
                                   order by c.t desc, c.writer desc, c.off desc) = 1""",
    "notes": """
        select r.run_id, n.text, n.author, make_timestamp(n.t) as created_at
        from lab.note n join lab.run r using (run) where SHOWN""",
    "experiments": """
        select e.experiment_id, e.name, count(r.run) as runs, e.created_at,
               max(coalesce(r.ended_at, r.started_at)) as last_updated_at
        from lab.experiment e
        left join lab.run r on r.experiment = e.name and r.lifecycle = 'active'
                           and r.started_at is not null
        group by e.experiment_id, e.name, e.created_at""",
}

_NODES: Final = """
select 'run:' || r.run_id, 'run', r.name,
       concat_ws(', ', case when p.name is null then r.kind else r.kind || ' of ' || p.name end,
                 case when r.status <> 'finished' then r.status else r.outcome end,
                 case when r.seconds < 60 then format('{:.1f} s', r.seconds)
                      when r.seconds < 3600
                          then format('{}:{:02d}', r.seconds::integer // 60,
                                      r.seconds::integer % 60)
                      when r.seconds >= 3600 then format('{:.1f} h', r.seconds / 3600) end),
       r.started_at, r.lifecycle = 'active'
from (select *, date_diff('microseconds', started_at, ended_at) / 1e6 as seconds
      from lab.run where started_at is not null) r
left join lab.run p on p.run_id = r.parent
"""

# A part goes with its whole: deleting a run takes those below it along, so nothing is refused.
_EDGES: Final = """
select 'run:' || parent, 'run:' || run_id, 'part', false
from lab.run where parent is not null and started_at is not null
"""

_OF_A_RUN = (
    "run",
    "end",
    "param",
    "metric",
    "tag",
    "untag",
    "note",
    "artifact",
    "cell",
    "system",
)

TABLES: Final = ConceptTables(
    name="tracking",
    ddl=_DDL,
    folds=(
        Fold(("experiment.create",), _EXPERIMENT),
        Fold(_OF_A_RUN, _NUMBER),
        Fold(("tag", "untag"), _TAG),
        Fold(
            (
                "run",
                "end",
                "tag",
                "untag",
                "run.delete",
                "run.restore",
                "model.approve",
                "model.reject",
                "model.alias",
            ),
            _RUN,
        ),
        Fold(("param",), _PARAM),
        Fold(("metric",), _METRIC),
        Fold(("artifact",), _ARTIFACT),
        Fold(("cell",), _CELL),
        Fold(("note",), _NOTE),
        Fold(_OF_A_RUN, _ACTIVITY),
    ),
    views={name: text.replace("SHOWN", _SHOWN) for name, text in _VIEWS.items()},
    deaths=_DEATHS,
    objects=_OBJECTS,
    nodes=_NODES,
    edges=_EDGES,
)
