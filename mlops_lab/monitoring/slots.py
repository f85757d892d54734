"""Taking a monitor's due times: one check for each, with any number of servers that look."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.governance import Identity
from mlops_lab.monitoring.schedule import Due
from mlops_lab.monitoring.spec import MonitorSpec
from mlops_lab.store import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["Slots"]

_LOST: Final = timedelta(minutes=5)
"""A server that takes a slot starts its run at once; one without a run then has died between."""
_AHEAD: Final = timedelta(days=1)
"""A slot further in the future was taken by a clock that went wrong: it holds nothing up."""

# The newest slot that was taken and has come to a run, or still may.
_LAST: Final = """
select max(s.slot) from lab.monitor_slot s left join lab.run r on r.run_id = s.run_id
where s.monitor = $monitor and s.slot <= $ahead
  and (r.run_id is not null or make_timestamp(s.t) > $since::timestamp)
"""


class _Taken(Exception):  # no error: another server was first
    pass


class Slots:
    """Which due times were taken. Safe to use from several threads.

    Parameters
    ----------
    store
        Where that is decided.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def due(self, spec: MonitorSpec, now: datetime) -> Due | None:
        """The slot that is to be taken now, or None."""
        assert spec.schedule is not None
        ((last,),) = self._store.query(_LAST, _asked(spec))
        written = datetime.fromtimestamp(spec.path.stat().st_mtime, UTC)
        return spec.schedule.due(_moment(last) or written, now)

    def take(self, spec: MonitorSpec, due: Due, by: Identity) -> str | None:
        """Take a slot; the run that its check is to have, or None when somebody has it."""
        run_id = secrets.token_hex(16)
        slot = _text(due.slot)

        def build(cursor: DuckDBPyConnection) -> Mapping[str, Any]:
            ((last,),) = cursor.execute(_LAST, _asked(spec)).fetchall()
            if last is not None and last >= slot:
                raise _Taken
            return {"monitor": spec.name, "slot": slot, "run": run_id, "missed": due.missed}

        try:
            self._store.decide("monitor.slot", build, by=by.as_by())
        except _Taken:
            return None
        return run_id


def _asked(spec: MonitorSpec) -> dict[str, Any]:
    now = datetime.now(UTC)
    since = (now - _LOST).replace(tzinfo=None)
    return {"monitor": spec.name, "since": since, "ahead": _text(now + _AHEAD)}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="minutes") + "Z"


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None  # a hand-written line
