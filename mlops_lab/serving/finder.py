"""The endpoints of a project, to be read: what each should serve, and what was decided about it."""

from __future__ import annotations

import builtins
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import Corrupt, NotFound
from mlops_lab.expressions import nearest
from mlops_lab.serving import desired
from mlops_lab.serving.deciding import Past
from mlops_lab.serving.records import Desired

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlops_lab.serving.predictions.reading import Predictions
    from mlops_lab.store import Store

__all__ = ["EndpointEvent", "EndpointFinder", "past_of", "read_events", "unknown"]

_log = logging.getLogger(__name__)

_EVENTS: Final = """
select n, t, by_id, via, kind, data::varchar from lab.endpoint_event
where $name is null or endpoint = $name order by n
"""
_LAST: Final = """
select n, t, by_id, via, kind, data::varchar, endpoint from lab.endpoint_event
qualify row_number() over (partition by endpoint order by n desc) = 1 order by endpoint
"""
_NAMES: Final = "select distinct endpoint from lab.endpoint_event"


@dataclass(frozen=True, slots=True)
class EndpointEvent:
    """One decision about an endpoint.

    Attributes
    ----------
    n
        Its number.
    verb
        deploy, canary, shadow, split, share, promote, rollback or stop.
    sentence
        What it changed.
    reason
        Why, in the words of who decided.
    desired
        What the endpoint should serve from then on.
    evidence
        What the guard saw, where it decided.
    """

    n: int
    at: datetime
    by: str
    via: str
    verb: str
    sentence: str
    reason: str
    desired: Desired
    evidence: dict[str, Any] | None = None


class EndpointFinder:
    """What the endpoints of one project should serve, to be read. Safe to use from several threads.

    Parameters
    ----------
    root, store
        The project's folder, and where decisions are kept.
    """

    def __init__(self, root: Path, store: Store) -> None:
        self.root = root
        self._store = store

    # ------------------------------------------------------------------ reading

    def list(self) -> builtins.list[Desired]:
        """What the endpoints of the project should serve, by name; stopped ones, too."""
        found = []
        for *row, name in self._store.query(_LAST):
            event = _event(row)
            # After a hand-written line the one before it counts.
            events = [event] if event else self._events(name)
            found += [each.desired for each in events[-1:]]
        for one in found:
            self._repair(one)
        return found

    def find(self, name: str) -> Desired | None:
        """What an endpoint should serve, or None when nothing was ever deployed to it."""
        events = self._events(desired.check_name(name))
        if not events:
            return None
        self._repair(events[-1].desired)
        return events[-1].desired

    def get(self, name: str) -> Desired:
        """What an endpoint should serve.

        Raises
        ------
        NotFound
            There is none of that name; the message has the nearest, and the line that makes one.
        """
        found = self.find(name)
        if found is None:
            # Folds are rationed: another process may have deployed it a moment ago.
            self._store.fold(force=True, wait_s=1.0)
            found = self.find(name)
        if found is None:
            with self._store.read() as cursor:
                raise unknown(cursor, name)
        return found

    def history(self, name: str) -> builtins.list[EndpointEvent]:
        """What was decided about an endpoint, the newest first."""
        self.get(name)
        return self._events(desired.check_name(name))[::-1]

    def token(self, name: str) -> str | None:
        """The token that the endpoint's TCP port asks for; None where it has no port."""
        return None if self.get(name).port is None else desired.token_of(self.root, name)

    def predictions(self, name: str, **asked: Any) -> Predictions:
        """What an endpoint has answered, with the truth as far as it is known; read when asked for.

        Parameters
        ----------
        asked
            As of `mlops_lab.serving.predictions.reading.predictions`: since, until, role, version,
            revision, rollout, status, search, where, truth.
        """
        from mlops_lab.serving.predictions.reading import predictions

        return predictions(self.root, self.get(name).name, tmp=self._store.tmp, **asked)

    # ------------------------------------------------------------------ the file

    def _events(self, name: str) -> builtins.list[EndpointEvent]:
        with self._store.read() as cursor:
            return read_events(cursor, name)

    def _repair(self, should: Desired) -> None:
        """Write the file again when its process died after the decision, or somebody changed it."""
        if self._store.read_only:
            return
        try:
            if desired.read(self.root, should.name) == should:
                return
        except Corrupt as error:
            _log.warning("%s It is written anew from the decisions.", error)
        self._write(should)

    def _write(self, should: Desired) -> None:
        """Write what should be served, unless a later decision has written already."""
        with desired.held(self.root):
            try:
                there = desired.read(self.root, should.name)
            except Corrupt:
                there = None
            if there is not None and there.seq > should.seq and self._is_decided(there):
                return
            if there != should:
                desired.write(self.root, should)

    def _is_decided(self, there: Desired) -> bool:
        """Whether what a file says was decided, and not written into it by hand."""
        for decision in self._store.decisions(there.seq - 1):
            found = decision.data.get("desired") if decision.n == there.seq else None
            return isinstance(found, dict) and _settled(found, there.seq) == there
        return False


def unknown(cursor: DuckDBPyConnection, name: str) -> NotFound:
    """What to raise of an endpoint that there is not: the nearest name, and what makes one."""
    near = nearest(name, [row[0] for row in cursor.execute(_NAMES).fetchall()])
    hint = f" Did you mean {near}?" if near else ""
    return NotFound(
        f"There is no endpoint {name!r}.{hint} `mlops-lab endpoint deploy {name} MODEL@VERSION` "
        "makes it."
    )


def read_events(cursor: DuckDBPyConnection, name: str) -> builtins.list[EndpointEvent]:
    """What was decided about an endpoint, the oldest first."""
    rows = cursor.execute(_EVENTS, {"name": name}).fetchall()
    return [event for event in map(_event, rows) if event is not None]


def _event(row: Sequence[Any]) -> EndpointEvent | None:
    """A decision; None for a hand-written line that says of no endpoint what it serves."""
    n, t, by, via, kind, text = row
    data = json.loads(text)
    try:
        should = _settled(data["desired"], n)
        should.revision(should.stable)
    except (Corrupt, KeyError):
        return None
    if should.name != data.get("endpoint"):
        return None
    evidence = data.get("evidence")
    return EndpointEvent(
        n=n,
        at=datetime.fromtimestamp(t / 1e6, UTC),
        by=by or "",
        via=via or "",
        verb=kind.partition(".")[2],
        sentence=str(data.get("sentence") or ""),
        reason=str(data.get("reason") or ""),
        desired=should,
        evidence=evidence if isinstance(evidence, dict) else None,
    )


def _settled(data: Mapping[str, Any], n: int) -> Desired:
    return Desired.from_json({**data, "seq": n})


def past_of(events: Iterable[EndpointEvent]) -> Past:
    """What is to be known of an endpoint's past to decide about it."""
    return Past.of([(event.verb, event.desired) for event in events])
