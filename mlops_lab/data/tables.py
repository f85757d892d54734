"""The tables of data: how commits, aliases, checks and inputs become rows, and what users see.

Text only. Decisions have one order, their place in the log (``off``); inputs are lines of journals
and resolve by ``(t, writer, off)``.
"""

from __future__ import annotations

from typing import Final

from mlops_lab.store import ConceptTables, Fold

__all__ = ["TABLES"]

_DDL: Final = """
create table lab.dataset_commit(
    dataset varchar, version bigint, digest varchar, kind varchar, file varchar, is_tree boolean,
    files bigint, size_bytes bigint, rows bigint, columns bigint, profile varchar, source json,
    note varchar, author varchar, run_id varchar, t bigint, off bigint);
create table lab.dataset_alias(
    dataset varchar, alias varchar, version bigint, author varchar, t bigint, off bigint);
create table lab.dataset_check(
    dataset varchar, version bigint, digest varchar, suite varchar, suite_digest varchar,
    state varchar, failed bigint, result varchar, t bigint, off bigint, place bigint);
create table lab.dataset_delete(dataset varchar, version bigint, t bigint, off bigint);
create table lab.input(
    run_id varchar, kind varchar, name varchar, version bigint, digest varchar, role varchar,
    external json, t bigint, writer varchar, off bigint);
"""

_COMMIT: Final = """
create or replace temp table committed as
select from_json(line->'$.data', '{"dataset": "varchar", "version": "bigint", "digest": "varchar",
           "kind": "varchar", "file": "varchar", "tree": "boolean", "files": "bigint",
           "size": "bigint", "rows": "bigint", "columns": "bigint", "profile": "varchar",
           "source": "json", "note": "varchar", "run": "varchar", "alias": "varchar",
           "checks": [{"suite": "varchar", "suite_digest": "varchar", "state": "varchar",
                       "failed": "bigint", "result": "varchar"}]}') as d,
       line->>'$.by.id' as author, t, off
from lines where writer = 'decisions' and kind = 'dataset.commit';

insert into lab.dataset_commit
select d.dataset, d.version, d.digest, d.kind, d.file, coalesce(d.tree, false), d.files, d.size,
       d.rows, d.columns, d.profile, d.source, d.note, author, d.run, t, off
from committed;

insert into lab.dataset_alias
select d.dataset, d.alias, d.version, author, t, off from committed where d.alias is not null;

insert into lab.dataset_check
select d.dataset, d.version, d.digest, c.suite, c.suite_digest, c.state, c.failed, c.result, t, off,
       place
from (select d, t, off, unnest(d.checks) as c, unnest(range(len(d.checks))) as place
      from committed);
"""

_ALIAS: Final = """
insert into lab.dataset_alias
select line->>'$.data.dataset', line->>'$.data.alias', (line->>'$.data.version')::bigint,
       line->>'$.by.id', t, off
from lines where writer = 'decisions' and kind = 'dataset.alias';
"""

_CHECK: Final = """
insert into lab.dataset_check
select d.dataset, d.version, d.digest, d.suite, d.suite_digest, d.state, d.failed, d.result, t, off,
       0
from (select from_json(line->'$.data', '{"dataset": "varchar", "version": "bigint",
                 "digest": "varchar", "suite": "varchar", "suite_digest": "varchar",
                 "state": "varchar", "failed": "bigint", "result": "varchar"}') as d, t, off
      from lines where writer = 'decisions' and kind = 'dataset.check');
"""

_DELETE: Final = """
insert into lab.dataset_delete
select line->>'$.data.dataset', (line->>'$.data.version')::bigint, t, off
from lines where writer = 'decisions' and kind = 'dataset.delete';
"""

_INPUT: Final = """
insert into lab.input
select run, case when d.dataset is not null then 'dataset' when d.model is not null then 'model'
                 else 'external' end,
       coalesce(d.dataset, d.model, d."external"->>'$.name'), d.version,
       coalesce(d.digest, d."external"->>'$.digest'), d.role, d."external", t, writer, off
from (select run, t, writer, off,
             from_json(line, '{"dataset": "varchar", "model": "varchar", "version": "bigint",
                 "digest": "varchar", "role": "varchar", "external": "json"}') as d
      from lines where kind = 'input' and run is not null);
"""

# A version is what its first commit said; committed again by other runs, they made it, too.
_VERSIONS: Final = """
    with stated as (
        select * from lab.dataset_commit
        qualify row_number() over (partition by dataset, version order by off) = 1
    ), judged as (
        select dataset, version, suite, suite_digest, state, failed, result, off, place
        from lab.dataset_check
        qualify row_number() over (partition by dataset, version, suite
                                   order by off desc, place desc) = 1
    ), states as (
        select dataset, version,
               case when bool_or(state = 'blocked') then 'blocked'
                    when bool_or(state = 'warned') then 'warned' else 'passed' end as state,
               list({'suite': suite, 'suite_digest': suite_digest, 'state': state,
                     'failed': failed, 'result': result} order by suite) as checks
        from judged group by dataset, version
    ), named as (
        select dataset, alias, version from lab.dataset_alias
        qualify row_number() over (partition by dataset, alias order by off desc) = 1
    ), aliases as (
        select dataset, version, list(alias order by alias) as aliases
        from named where version is not null group by dataset, version
    ), gone as (select distinct dataset, version from lab.dataset_delete)
    select s.dataset, s.version, s.digest, s.kind, s.file, s.files, s.size_bytes, s.rows, s.columns,
           s.note, s.author, make_timestamp(s.t) as created_at, s.run_id,
           coalesce(a.aliases, []::varchar[]) as aliases, j.state, coalesce(j.checks, []) as checks,
           coalesce(s.version = max(s.version) filter (j.state is distinct from 'blocked')
                                over (partition by s.dataset), false) as is_latest,
           s.profile, s.source, s.is_tree
    from stated s
    left join states j on j.dataset = s.dataset and j.version = s.version
    left join aliases a on a.dataset = s.dataset and a.version = s.version
    where not exists (select 1 from gone g where g.dataset = s.dataset and g.version = s.version)
"""

_DATASETS: Final = """
    select dataset, count(*) as versions, max(version) filter (is_latest) as latest,
           last(rows order by version) as rows, last(size_bytes order by version) as size_bytes,
           last(state order by version) as state, last(created_at order by version) as updated_at
    from lab.dataset_versions group by dataset
"""

_INPUTS: Final = """
    select i.run_id, i.kind, i.name, i.version, i.digest, i.role, make_timestamp(i.t) as used_at,
           i.external
    from lab.input i join lab.run r using (run_id)
    where r.started_at is not null and r.lifecycle = 'active'
    qualify row_number() over (partition by i.run_id, i.kind, i.name, i.version, i.digest, i.role
                               order by i.t, i.writer, i.off) = 1
"""

# What was deleted is needed for a while: who deletes by mistake notices within two weeks.
_NEEDED: Final = """
    (g.t is null or make_timestamp(g.t) > now() at time zone 'utc' - interval 14 days)
"""

_OBJECTS: Final = """
    with gone as (
        select dataset, version, max(t) as t from lab.dataset_delete group by dataset, version
    ), said as (
        select c.dataset, c.version, c.digest, c.profile, c.is_tree, NEEDED as needed
        from lab.dataset_commit c
        left join gone g on g.dataset = c.dataset and g.version = c.version
    )
    select digest, dataset || '@' || version as what, is_tree, needed from said
    union all
    select profile, 'the profile of ' || dataset || '@' || version, false, needed
    from said where profile is not null
    union all
    select k.result, 'the result of the suite ' || k.suite || ' on ' || k.dataset || '@'
                     || k.version, false, NEEDED
    from lab.dataset_check k
    left join gone g on g.dataset = k.dataset and g.version = k.version
    where k.result is not null
    union all
    select i.digest, i.name || '@' || i.version || ', an input of the run ' || r.name || ' ('
                     || r.run_id[:8] || ')', c.is_tree, false
    from lab.input i
    join lab.run r on r.run_id = i.run_id
    join (select distinct dataset, version, is_tree from lab.dataset_commit) c
      on c.dataset = i.name and c.version = i.version
    where i.kind = 'dataset'
"""

_NODES: Final = """
    select 'dataset:' || c.dataset || '@' || c.version as node, 'dataset' as kind,
           c.dataset || ' ' || c.version as label,
           case when c.rows is not null then c.rows || ' rows'
                when c.files > 1 then c.files || ' files' else coalesce(c.file, c.kind) end
               as detail,
           make_timestamp(c.t) as at,
           not exists (select 1 from lab.dataset_delete g
                       where g.dataset = c.dataset and g.version = c.version) as alive
    from lab.dataset_commit c
    qualify row_number() over (partition by c.dataset, c.version order by c.off) = 1
"""

# The run that made a version first must stay; whoever made the same content again may go. A
# monitor that only looked at a version can do without it: else nothing that is watched could go.
_EDGES: Final = """
    select distinct 'dataset:' || i.name || '@' || i.version as source,
           'run:' || i.run_id as target, 'input' as role,
           coalesce(r.kind, '') <> 'monitor' as strong
    from lab.input i left join lab.run r on r.run_id = i.run_id where i.kind = 'dataset'
    union all
    select 'run:' || run_id, 'dataset:' || dataset || '@' || version, 'made', bool_or(first)
    from (select run_id, dataset, version,
                 row_number() over (partition by dataset, version order by off) = 1 as first
          from lab.dataset_commit)
    where run_id is not null group by run_id, dataset, version
"""

TABLES: Final = ConceptTables(
    name="data",
    ddl=_DDL,
    folds=(
        Fold(("dataset.commit",), _COMMIT),
        Fold(("dataset.alias",), _ALIAS),
        Fold(("dataset.check",), _CHECK),
        Fold(("dataset.delete",), _DELETE),
        Fold(("input",), _INPUT),
    ),
    views={"dataset_versions": _VERSIONS, "datasets": _DATASETS, "inputs": _INPUTS},
    objects=_OBJECTS.replace("NEEDED", _NEEDED),
    nodes=_NODES,
    edges=_EDGES,
)
"""A line ``input`` says what a run was given: ``dataset`` (or ``model``), ``version``, ``digest``
and ``role``; or ``external`` with ``name``, ``digest``, ``source`` and ``context`` for what is no
version of ours."""
