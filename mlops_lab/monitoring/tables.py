"""The tables of monitoring: evaluations and kept counts from journals, alerts from decisions.

Text only. Decisions have one order, their number ``n``; journal lines compete by
``(t, writer, off)``. What an alert is now follows from its decisions and from the clock (a mute
ends by itself), so it is a view.
"""

from __future__ import annotations

from typing import Final

from mlops_lab.store import ConceptTables, Fold

__all__ = ["CUBE_DAYS", "EVENTS", "TABLES"]

EVENTS: Final = (
    "alert.open",
    "alert.update",
    "alert.acknowledge",
    "alert.mute",
    "alert.resolve",
    "alert.reopen",
)
"""The decisions about alerts."""

CUBE_DAYS: Final = 400
"""How long kept counts are needed: a year of daily files can be compared with the year before."""

_DDL: Final = """
create table lab.evaluation(
    run_id varchar, monitor varchar, digest varchar, state varchar, until varchar,
    chunks bigint, rows bigint, alerts bigint, sentence varchar, current json, reference json,
    t bigint, writer varchar, off bigint);
create table lab.kept_counts(
    key varchar, digest varchar, run_id varchar, t bigint, writer varchar, off bigint);
create table lab.delivery(
    run_id varchar, monitor varchar, channel varchar, event varchar, alert varchar, n bigint,
    ok boolean, tries bigint, sentence varchar, t bigint, writer varchar, off bigint);
create table lab.alert_event(
    n bigint, t bigint, by_id varchar, kind varchar, alert varchar, monitor varchar, data json);
create table lab.monitor_slot(n bigint, t bigint, monitor varchar, slot varchar, run_id varchar);
"""

_EVALUATION: Final = """
insert into lab.evaluation
select run, d.monitor, d.digest, d.state, d.until, d.chunks, d.rows, d.alerts, d.sentence,
       d.current, d.reference, t, writer, off
from (select run, t, writer, off,
             from_json(line, '{"monitor": "varchar", "digest": "varchar", "state": "varchar",
                 "until": "varchar", "chunks": "bigint", "rows": "bigint", "alerts": "bigint",
                 "sentence": "varchar", "current": "json", "reference": "json"}') as d
      from lines where kind = 'evaluation' and run is not null)
where d.digest is not null and d.state is not null;
"""

_CUBE: Final = """
insert into lab.kept_counts
select line->>'$.key', line->>'$.digest', run, t, writer, off
from lines where kind = 'cube' and run is not null
  and (line->>'$.key') is not null and (line->>'$.digest') is not null;
"""

_DELIVERY: Final = """
insert into lab.delivery
select run, d.monitor, d.channel, d.event, d.alert, d.n, d.ok, d.tries, d.sentence, t, writer, off
from (select run, t, writer, off,
             from_json(line, '{"monitor": "varchar", "channel": "varchar", "event": "varchar",
                 "alert": "varchar", "n": "bigint", "ok": "boolean", "tries": "bigint",
                 "sentence": "varchar"}') as d
      from lines where kind = 'delivery' and run is not null)
where d.channel is not null and d.alert is not null and d.ok is not null;
"""

# A hand-written line may hold anything: what speaks of no alert makes no row.
_EVENT: Final = """
insert into lab.alert_event
select (line->>'$.n')::bigint, t, line->>'$.by.id', kind, line->>'$.data.alert',
       line->>'$.data.monitor', line->'$.data'
from lines where writer = 'decisions' and kind in (KINDS)
  and regexp_full_match(line->>'$.data.alert', '[0-9a-f]{32}')
  and (line->>'$.data.monitor') is not null;
""".replace("KINDS", ", ".join(f"'{kind}'" for kind in EVENTS))

_SLOT: Final = """
insert into lab.monitor_slot
select (line->>'$.n')::bigint, t, line->>'$.data.monitor', line->>'$.data.slot',
       line->>'$.data.run'
from lines where writer = 'decisions' and kind = 'monitor.slot'
  and (line->>'$.data.monitor') is not null and (line->>'$.data.slot') is not null;
"""

# What people decided last counts until something else is decided. A mute ends with its time; an
# alert that got worse after somebody had acknowledged it waits for somebody again.
_ALERTS: Final = """
    with opened as (
        select * from lab.alert_event where kind = 'alert.open'
        qualify row_number() over (partition by alert order by n) = 1
    ), said as (
        select * from lab.alert_event where kind in ('alert.open', 'alert.update', 'alert.reopen')
          and (data->>'sentence') is not null
        qualify row_number() over (partition by alert order by n desc) = 1
    ), settled as (
        select * from lab.alert_event where kind <> 'alert.update'
        qualify row_number() over (partition by alert order by n desc) = 1
    ), person as (
        select * from lab.alert_event
        where kind in ('alert.acknowledge', 'alert.mute', 'alert.resolve', 'alert.reopen')
        qualify row_number() over (partition by alert order by n desc) = 1
    ), worse as (
        select alert, max(n) as n from lab.alert_event
        where kind = 'alert.update' and coalesce(try_cast(data->>'worse' as boolean), false)
        group by alert
    ), newest as (
        select alert, max(n) as n, max(t) as t from lab.alert_event group by alert
    )
    select o.alert as id, o.monitor, coalesce(o.data->>'key', '') as key,
           coalesce(o.data->>'kind', 'drift') as kind,
           coalesce(s.data->>'severity', 'warn') as severity,
           coalesce(try(from_json(o.data->'columns', '["varchar"]')), []) as columns,
           o.data->>'chunk' as chunk, coalesce(s.data->>'last', o.data->>'chunk') as last,
           coalesce(o.data->>'label', o.data->>'chunk', 'all rows') as label,
           coalesce(s.data->>'sentence', '') as sentence,
           try_cast(s.data->>'impact' as double) as impact,
           case when t.kind = 'alert.resolve' then 'resolved'
                when t.kind = 'alert.mute'
                     and try_cast(t.data->>'until' as timestamp) > now() at time zone 'utc'
                then 'muted'
                when t.kind = 'alert.acknowledge' and coalesce(w.n, 0) < t.n then 'acknowledged'
                else 'open' end as status,
           make_timestamp(o.t) as opened_at, make_timestamp(m.t) as updated_at,
           case when t.kind = 'alert.mute' then try_cast(t.data->>'until' as timestamp) end
               as muted_until,
           case when p.kind = 'alert.resolve' and coalesce(p.data->>'how', 'person') <> 'person'
                then null else p.by_id end as "by",
           coalesce(p.data->>'comment', '') as comment, p.data->>'how' as how,
           s.data->>'run' as run_id, m.n as n
    from opened o join said s using (alert) join settled t using (alert)
    join newest m using (alert)
    left join person p using (alert) left join worse w using (alert)"""

_EVALUATIONS: Final = """
    select e.run_id, e.monitor, e.digest, e.state, e.until, e.chunks, e.rows, e.alerts, e.sentence,
           e.current, e.reference, make_timestamp(e.t) as evaluated_at
    from lab.evaluation e join lab.run r using (run_id)
    where r.started_at is not null and r.lifecycle = 'active'
    qualify row_number() over (partition by e.run_id order by e.t desc, e.writer desc, e.off desc)
            = 1"""

_DELIVERIES: Final = """
    select run_id, monitor, channel, event, alert, n, ok, tries, sentence,
           make_timestamp(t) as sent_at
    from lab.delivery"""

_OBJECTS: Final = """
    select e.digest, 'the evaluation of the monitor ' || e.monitor, false,
           r.deleted_at is null or r.deleted_at > now() at time zone 'utc' - interval 14 days
    from lab.evaluation e left join lab.run r using (run_id)
    union all
    select digest, 'counts that monitors keep', false,
           make_timestamp(t) > now() at time zone 'utc' - interval CUBE_DAYS days
    from lab.kept_counts
""".replace("CUBE_DAYS", str(CUBE_DAYS))

TABLES: Final = ConceptTables(
    name="monitoring",
    ddl=_DDL,
    folds=(
        Fold(("evaluation",), _EVALUATION),
        Fold(("cube",), _CUBE),
        Fold(("delivery",), _DELIVERY),
        Fold(EVENTS, _EVENT),
        Fold(("monitor.slot",), _SLOT),
    ),
    views={"evaluations": _EVALUATIONS, "alerts": _ALERTS, "deliveries": _DELIVERIES},
    objects=_OBJECTS,
)
"""A line ``evaluation`` says ``monitor``, ``digest`` (of the evaluation's JSON), ``state``,
``until``, how many ``chunks``, ``rows`` and open ``alerts``, a ``sentence``, and ``current`` and
``reference`` as ``{"ref", "digest"}``. A line ``cube`` says under which ``key`` counts are kept, as
the object ``digest``. A line ``delivery`` says what became of a message: ``channel``, ``event``
(alert, warn, resolved), ``alert``, the decision ``n`` that it tells of, ``ok``, ``tries`` and a
``sentence``."""
