"""What the triggers of a pipeline have seen and started: read from the decisions about them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.orchestration.triggers.kind import Mark

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["History", "Start", "chain_of", "own_runs", "read_histories"]

# The newest decision holds all that the triggers of its pipeline have seen.
_SEEN: Final = """
select pipeline, n, data from lab.trigger_event
qualify row_number() over (partition by pipeline order by n desc) = 1
"""
# Those that limits count, and some more for people. A start that was taken up again counts once.
_STARTS: Final = """
select e.pipeline, e.run_id, min(e.t), max(e.t), first(e.data order by e.n),
       first(e.by_id order by e.n), any_value(r.run_id) is not null,
       any_value(r.status), any_value(r.outcome)
from lab.trigger_event e left join lab.run r on r.run_id = e.run_id
where e.kind = 'trigger.start' and e.run_id is not null
group by e.pipeline, e.run_id
qualify row_number() over (partition by e.pipeline order by min(e.n) desc) <= $most
     or min(e.t) > $since
order by min(e.n) desc
"""
_GOING: Final = """
select source->>'pipeline', last(run_id order by started_at) from lab.run
where kind = 'pipeline' and status in ('scheduled', 'running') and (source->>'pipeline') is not null
group by 1
"""
# From each run up to the run that it is a part of, and to what had started that.
_ABOVE: Final = """
with recursive above as (
    select run_id as asked, run_id, parent from lab.run
    where run_id in (select unnest($runs::varchar[]))
    union
    select a.asked, r.run_id, r.parent from above a join lab.run r on r.run_id = a.parent
), within as (
    select a.asked, r.source->>'pipeline' as pipeline, e.data as data
    from above a join lab.run r using (run_id)
    left join lab.trigger_event e on e.run_id = a.run_id and e.kind = 'trigger.start'
    where r.kind = 'pipeline'
)
select asked, pipeline from within where pipeline is not null
union
select asked, unnest(coalesce(try(from_json(data->'chain', '["varchar"]')), [])) from within
where data is not null
"""
_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Start:
    """A run that triggers have started.

    Parameters
    ----------
    run_id
        The run's.
    at
        When it was decided, UTC.
    tried_at
        When somebody set about it the last time.
    data
        What was decided.
    by
        For whom.
    launched
        Whether there is a run.
    status, outcome
        The run's, as far as it is there.
    """

    run_id: str
    at: datetime
    tried_at: datetime
    data: Mapping[str, Any]
    by: str | None
    launched: bool
    status: str | None
    outcome: str | None

    @property
    def causes(self) -> Sequence[Mapping[str, Any]]:
        """What it was started for."""
        causes = self.data.get("causes")
        return [one for one in causes if isinstance(one, dict)] if isinstance(causes, list) else []

    @property
    def sentence(self) -> str:
        """What it was started for, in words."""
        return "; ".join(str(one.get("sentence", "")) for one in self.causes)


@dataclass(frozen=True, slots=True)
class History:
    """What the triggers of one pipeline have seen and started.

    Parameters
    ----------
    n
        The number of the newest decision about them; 0 before the first.
    marks
        How far each has seen, by its key.
    labels
        How many labels each had counted at the last start, by its key.
    starts
        The newest first.
    going
        A run of the pipeline that goes on now, whoever started it.
    """

    n: int = 0
    marks: Mapping[str, Mark] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    starts: tuple[Start, ...] = ()
    going: str | None = None


def read_histories(cursor: DuckDBPyConnection, now: datetime) -> dict[str, History]:
    """The histories of all pipelines that have one, or that run now."""
    since = int((now - timedelta(days=1)).timestamp() * 1_000_000)
    seen = {row[0]: row for row in cursor.execute(_SEEN).fetchall()}
    starts: dict[str, list[Start]] = {}
    for row in cursor.execute(_STARTS, {"most": _MOST, "since": since}).fetchall():
        at, tried = _moment(row[2]), _moment(row[3])
        start = Start(row[1], at, tried, json.loads(row[4]), *row[5:])
        starts.setdefault(row[0], []).append(start)
    going = dict(cursor.execute(_GOING).fetchall())
    found = {}
    for pipeline in {*seen, *going}:
        _, n, text = seen.get(pipeline, (pipeline, 0, "{}"))
        data = json.loads(text)
        found[pipeline] = History(
            n,
            _maps(data.get("marks")),
            {key: int(n) for key, n in _map(data.get("labels")).items() if isinstance(n, int)},
            tuple(starts.get(pipeline, ())),
            going.get(pipeline),
        )
    return found


def own_runs(cursor: DuckDBPyConnection, pipeline: str, runs: Collection[str]) -> set[str]:
    """Which of some runs a pipeline stands behind: its own, and what their results have started."""
    if not runs:
        return set()
    found = cursor.execute(_ABOVE, {"runs": sorted(runs)}).fetchall()
    return {asked for asked, name in found if name == pipeline}


def chain_of(cursor: DuckDBPyConnection, runs: Collection[str]) -> list[str]:
    """The pipelines that stand behind some runs, by name."""
    if not runs:
        return []
    return sorted({name for _, name in cursor.execute(_ABOVE, {"runs": sorted(runs)}).fetchall()})


def _maps(data: Any) -> dict[str, Mark]:
    return {key: one for key, one in _map(data).items() if isinstance(one, dict)}


def _map(data: Any) -> Mapping[str, Any]:
    return data if isinstance(data, dict) else {}


def _moment(t: int) -> datetime:
    return datetime.fromtimestamp(t / 1_000_000, UTC)
