"""Bringing alerts in line with what a check has found.

The same incident found again is the same alert: by its key, or by its cause while it is not over.
Whatever happens to an alert is a decision, so that two checks at once open it once.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.governance import Identity
from mlops_lab.monitoring.alerts import RANK, SELECT, AlertDesk, AlertRecord, alert_of, read_alert
from mlops_lab.monitoring.records import Evaluation, Incident

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["AlertKeeper", "Reconciled"]

_SENTENCE: Final = 1_000
_SECTIONS: Final = 20_000
_COLUMNS: Final = 50
"""An alert's columns, its sentence and its explanation are bounded: a decision is read for ever."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a check did to the alerts of its monitor: those that it opened (also those that came
    again), changed and ended.
    """

    opened: tuple[AlertRecord, ...] = ()
    updated: tuple[AlertRecord, ...] = ()
    resolved: tuple[AlertRecord, ...] = ()


class _Already(Exception):  # no error: somebody has decided the same meanwhile
    pass


class AlertKeeper(AlertDesk):
    """The alerts of one project, which checks keep up to date. Safe to use from several threads."""

    def reconcile(
        self,
        monitor: str,
        evaluation: Evaluation,
        *,
        run_id: str,
        digest: str,
        by: Identity,
        promoted: Callable[[datetime], str | None] = lambda since: None,
    ) -> Reconciled:
        """Bring a monitor's alerts in line with what a check has found.

        Any number of checks may do so at once: each decision looks at the alert as it is then.

        Parameters
        ----------
        monitor
            Its name.
        evaluation
            Whose incidents are alerts: one that is over before anybody was told opens none.
        run_id, digest
            The check's run, and the content id of its evaluation.
        by
            For whom it runs.
        promoted
            Which version was promoted since a moment, in words, if one was.
        """
        known = self.alerts(monitor=monitor)
        facts = _Facts(monitor, evaluation, run_id, digest)
        opened, updated, resolved = [], [], []
        seen: set[str] = set()
        for incident in evaluation.alerts:
            record = _match(known, incident, facts.keys)
            if record is None:
                if incident.open and (new := self._open(facts, incident, by)):
                    opened.append(new)
                    seen.add(new)
                continue
            seen.add(record.id)
            if record.is_over:
                if incident.open and _goes_on(record, incident):
                    opened += self._say("alert.reopen", record, facts, incident, by)
            elif not incident.open:
                resolved += self._end(record, promoted(record.opened_at), "", by)
            elif _changed(record, incident):
                updated += self._say("alert.update", record, facts, incident, by)
        for record in known:
            if record.id not in seen and not record.is_over and _covers(evaluation, record.last):
                told = f"The check {run_id[:8]} finds it no more."
                resolved += self._end(record, promoted(record.opened_at), told, by)
        now = {one.id: one for one in self.alerts(monitor=monitor)}
        return Reconciled(
            *(tuple(now[id] for id in ids if id in now) for ids in (opened, updated, resolved))
        )

    def _open(self, facts: _Facts, incident: Incident, by: Identity) -> str | None:
        id = secrets.token_hex(16)

        def build(cursor: DuckDBPyConnection) -> Mapping[str, Any]:
            rows = cursor.execute(f"{SELECT} where monitor = ?", [facts.monitor]).fetchall()
            if _match([alert_of(row) for row in rows], incident, facts.keys) is not None:
                raise _Already
            return {
                "alert": id,
                "key": incident.key,
                "kind": incident.kind,
                "columns": [one[:200] for one in incident.columns[:_COLUMNS]],
                "chunk": incident.first or None,
                "label": facts.label(incident.first),
                **facts.say(incident),
            }

        try:
            self._store.decide("alert.open", build, by=by.as_by())
        except _Already:
            return None
        return id

    def _say(
        self, kind: str, record: AlertRecord, facts: _Facts, incident: Incident, by: Identity
    ) -> list[str]:
        """Decide that an alert goes on, or comes again; nothing when it was decided meanwhile."""

        def build(cursor: DuckDBPyConnection) -> Mapping[str, Any]:
            now = read_alert(cursor, record.id)
            if now.n != record.n:
                again = kind == "alert.reopen"
                if now.is_over != again or not (again or _changed(now, incident)):
                    raise _Already
            said = {"alert": record.id, **facts.say(incident)}
            if RANK[incident.severity] > RANK.get(now.severity, 0):
                said["worse"] = True
            if kind == "alert.reopen":
                said |= {"how": "again", "comment": f"It came again: {facts.label(incident.last)}."}
            return said

        try:
            self._store.decide(kind, build, by=by.as_by())
        except _Already:
            return []
        return [record.id]

    def _end(
        self, record: AlertRecord, promotion: str | None, comment: str, by: Identity
    ) -> list[str]:
        def build(cursor: DuckDBPyConnection) -> Mapping[str, Any]:
            if read_alert(cursor, record.id).is_over:
                raise _Already
            return {
                "alert": record.id,
                "monitor": record.monitor,
                "comment": promotion or comment,
                "how": "promotion" if promotion else "quiet",
            }

        try:
            self._store.decide("alert.resolve", build, by=by.as_by())
        except _Already:
            return []
        return [record.id]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What all decisions of one check say."""

    monitor: str
    evaluation: Evaluation
    run_id: str
    digest: str

    @property
    def keys(self) -> set[str]:
        """Of the incidents that were found."""
        return {one.key for one in self.evaluation.alerts}

    def label(self, chunk: str | None) -> str:
        for one in self.evaluation.chunks:
            if one.key == chunk:
                return one.label[:200]
        return (chunk or "all rows")[:200]

    def say(self, incident: Incident) -> dict[str, Any]:
        sections = [{"title": s.title, "lines": list(s.lines)} for s in incident.sections]
        while sections and len(json.dumps(sections)) > _SECTIONS:
            sections.pop()
        return {
            "monitor": self.monitor,
            "severity": incident.severity,
            "last": incident.last or None,
            "sentence": incident.sentence[:_SENTENCE],
            "impact": incident.impact,
            "sections": sections,
            "run": self.run_id,
            "evaluation": self.digest,
        }


def _match(
    known: Sequence[AlertRecord], incident: Incident, keys: Collection[str]
) -> AlertRecord | None:
    """The alert that an incident is: of its very key, else of its cause and not over.

    An alert whose own incident is among those that were found, by `keys`, is no other's: what a
    new version begins with does not go on with what ended with the last.
    """
    same = [one for one in known if one.key == incident.key]
    going = [
        one
        for one in known
        if one.cause == incident.cause and not one.is_over and one.key not in keys
    ]
    found = [one for one in same if not one.is_over] or (going if incident.open else []) or same
    return max(found, key=lambda one: one.n, default=None)


def _changed(record: AlertRecord, incident: Incident) -> bool:
    return record.severity != incident.severity or record.last != (incident.last or None)


def _goes_on(record: AlertRecord, incident: Incident) -> bool:
    """Whether an incident that was called over alarms again: a person's word holds for the chunks
    that were known then.
    """
    later = (incident.last or "") > (record.last or "")
    return later or record.how != "person"


def _covers(evaluation: Evaluation, chunk: str | None) -> bool:
    """Whether an evaluation reaches as far as a chunk: what looks at less has no say."""
    if chunk is None:
        return True
    keys = [one.key for one in evaluation.chunks]
    return bool(keys) and max(keys) >= chunk
