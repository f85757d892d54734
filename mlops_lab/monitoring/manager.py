"""The monitors of a project: checking them, when they are due, telling their channels."""

from __future__ import annotations

import builtins
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.data.records import VersionRecord
from mlops_lab.errors import Forbidden
from mlops_lab.governance import Access, Identity
from mlops_lab.monitoring.delivering import Delivery, Messenger
from mlops_lab.monitoring.finder import KIND, MonitorFinder, with_alerts
from mlops_lab.monitoring.keeping import StoreKeep
from mlops_lab.monitoring.live import LiveLater
from mlops_lab.monitoring.reconciling import Reconciled
from mlops_lab.monitoring.records import Evaluation, Event
from mlops_lab.monitoring.remembering import asked_of, recall, remember
from mlops_lab.monitoring.results import Check
from mlops_lab.monitoring.schedule import Due
from mlops_lab.monitoring.sides import Sides, find_sides, model_events, rank_columns
from mlops_lab.monitoring.slots import Slots
from mlops_lab.monitoring.spec import MonitorSpec
from mlops_lab.names import parse_reference
from mlops_lab.store import Store
from mlops_lab.tracking import RunManager

if TYPE_CHECKING:
    from mlops_lab.data.manager import DatasetManager
    from mlops_lab.registry.manager import ModelManager

__all__ = ["EXPERIMENT", "KIND", "MonitorManager", "Progress"]

EXPERIMENT: Final = "monitors"
ARTIFACT: Final = "evaluation.json"

Progress = Callable[[float, str], None]


class MonitorManager(MonitorFinder):
    """All that can be done with the monitors and alerts of one project.

    Safe to use from several threads; a check takes the thread that calls it.

    Parameters
    ----------
    root, store, runs, identity, datasets, models, access
        As of `MonitorFinder`.
    name
        Gives what people call the project, for messages.
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        runs: RunManager,
        identity: Identity,
        datasets: Callable[[], DatasetManager],
        models: Callable[[], ModelManager],
        access: Access | None = None,
        name: Callable[[], str] | None = None,
    ) -> None:
        super().__init__(root, store, runs, identity, datasets, models, access)
        self._messenger = Messenger(store, root, name or (lambda: root.name))
        self._slots = Slots(store)

    # ------------------------------------------------------------------ checking

    def check(
        self,
        name: str,
        *,
        run_id: str | None = None,
        by: Identity | None = None,
        parent: str | None = None,
        source: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> Check:
        """Look at the data now, and bring the alerts in line with what is found.

        The check is a run of kind ``monitor``. Its evaluation is kept as its artifact
        ``evaluation.json``; what it counted is kept by content, so that the next check counts what
        is new.

        Parameters
        ----------
        run_id
            The id that the run should have, 32 hex characters.
        parent
            The run inside which it happens: a pipeline's step.
        source
            What else identifies where it runs.
        progress
            Told how far it is, from 0 to 1, and what it does.

        Raises
        ------
        NotFound, InvalidInput
            The monitor's file has faults, or what it names is not there. The run has failed with
            that reason, if there was one yet.
        """
        who = by or self._identity
        self._access.require(who, "monitors:check")
        spec = self.load(name)
        if self._store.read_only:
            raise Forbidden(
                f"A check is kept, and {self.root} can be read but not written here: "
                "lab.drift looks without keeping anything; or copy the project to a folder of "
                "your own, or ask its owner to let you write."
            )
        run = self._runs.start(
            stem=spec.name,
            experiment=EXPERIMENT,
            kind=KIND,
            run_id=run_id,
            parent=parent,
            source={"monitor": spec.name, "file": spec.file, **(source or {})},
            by=who,
        )
        try:
            if self._runs.is_cancelled(run):  # before there was a process to be stopped
                raise KeyboardInterrupt
            check = self._check(spec, run, who, progress)
        except KeyboardInterrupt:
            self._runs.end(run, "killed", reason="It was stopped.")
            raise
        except BaseException as error:
            message = {"name": type(error).__name__, "message": str(error)}
            self._runs.end(run, "failed", reason=str(error)[:1000], error=message)
            raise
        self._runs.end(run, reason=check.evaluation.summary.sentence)
        return check

    def _check(
        self, spec: MonitorSpec, run_id: str, who: Identity, progress: Progress | None
    ) -> Check:
        datasets = self._datasets()
        spec, watched = self._watched(spec)
        with self._store.read():  # dozens of questions: the index is opened once for all of them
            sides = find_sides(spec, datasets, self._models(), self._runs, watched)
            if isinstance(sides.current, VersionRecord):
                datasets.use(run_id, sides.current, role="current")
            if sides.reference != sides.current and isinstance(sides.reference, VersionRecord):
                datasets.use(run_id, sides.reference, role="reference")
            if sides.model is not None:
                self._models().use(run_id, sides.model.ref, role="monitored")
        keep = self._keep(sides, run_id)
        evaluation, asked = self._evaluate(spec, sides, keep, run_id, progress)
        data = json.dumps(evaluation.to_json(), ensure_ascii=False, separators=(",", ":")).encode()
        artifact = self._runs.put_artifact(run_id, ARTIFACT, data, kind="dict")
        self._store.append(_line(run_id, spec, sides, evaluation, artifact.digest))
        remember(keep, asked, sides, evaluation, artifact.digest)
        self._runs.log_metrics(run_id, _figures(evaluation, keep))
        reconciled = self.reconcile(
            spec.name,
            evaluation,
            run_id=run_id,
            digest=artifact.digest,
            by=who,
            promoted=lambda since: self._promoted(spec, since),
        )
        return self._told(spec, run_id, evaluation, reconciled)

    def _told(
        self, spec: MonitorSpec, run_id: str, evaluation: Evaluation, found: Reconciled
    ) -> Check:
        deliveries = self._messenger.deliver(spec, self)
        alerts = self.alerts(monitor=spec.name)
        return Check(
            run_id=run_id,
            monitor=spec.name,
            evaluation=with_alerts(evaluation, alerts),
            opened=found.opened,
            updated=found.updated,
            resolved=found.resolved,
            waiting=tuple(one for one in alerts if one.status == "open"),
            deliveries=tuple(deliveries),
        )

    def _evaluate(
        self,
        spec: MonitorSpec,
        sides: Sides,
        keep: StoreKeep,
        run_id: str,
        progress: Progress | None,
    ) -> tuple[Evaluation, str]:
        """What there is to see, and the hash of what was asked."""
        from mlops_lab.monitoring.evaluate import evaluate, look_again

        reference, current = self._source(sides.reference), self._source(sides.current)
        importances = rank_columns(spec, sides, reference, self._models(), keep)
        settings = replace(self._settings(spec, sides), importance=importances.values)
        asked = asked_of(settings, sides, importances.note)
        known = recall(keep, self._store.objects, asked, sides)
        if known is not None:
            again = partial(look_again, reference, current, settings, tmp=self._store.tmp)
            live = LiveLater(lambda: again(keep=self._keep(sides)))
            evaluation = replace(known, at=datetime.now(UTC), live=live)
            if progress is not None:
                progress(1.0, "nothing is new")
        else:
            evaluation = evaluate(
                reference, current, settings, keep=keep, progress=progress, tmp=self._store.tmp
            )
        answered = {chunk.version for chunk in evaluation.chunks}
        notes = (*evaluation.notes, *sides.notes(answered), *filter(None, [importances.note]))
        evaluation = replace(
            evaluation,
            id=run_id,
            monitor=spec.name,
            notes=tuple(dict.fromkeys(notes)),
            events=self._events(spec, evaluation),
        )
        return evaluation, asked

    def _events(self, spec: MonitorSpec, evaluation: Evaluation) -> tuple[Event, ...]:
        with self._store.read():
            return model_events(spec, self._models(), evaluation.chunks)

    def _promoted(self, spec: MonitorSpec, since: datetime) -> str | None:
        """Which version got the monitored alias since a moment, in words."""
        if spec.model is None:
            return None
        reference = parse_reference(spec.model, "A model")
        for move in self._models().history(reference.name, reference.alias or "champion"):
            if move.version is not None and move.since > since:
                return f"{reference.name} {move.version} became {move.alias}."
        return None

    # ------------------------------------------------------------------ when

    def due(self, spec: MonitorSpec, now: datetime | None = None) -> Due | None:
        """The slot of a monitor's schedule that is to be taken now, or None.

        Before the first one a schedule counts from when its file was written.
        """
        if spec.schedule is None:
            return None
        return self._slots.due(spec, now or datetime.now(UTC))

    def take_slot(self, spec: MonitorSpec, due: Due, *, by: Identity | None = None) -> str | None:
        """Take a slot by a decision: of any number of servers exactly one gets it.

        Returns
        -------
        str or None
            The id that the check's run is to have; None when somebody else has taken it.
        """
        return self._slots.take(spec, due, by or self._identity)

    # ------------------------------------------------------------------ telling

    def deliver(self) -> builtins.list[Delivery]:
        """Send what channels were not told yet: what people decided, and what a killed check left.

        What happened a moment ago is left to the check that is telling it.
        """
        found: builtins.list[Delivery] = []
        for one in self.files():
            if one.spec is not None and one.spec.channels:
                found += self._messenger.deliver(one.spec, self, settled=True)
        return found

    def deliveries(self, name: str, *, limit: int = 50) -> builtins.list[Delivery]:
        """What became of a monitor's messages, newest first."""
        return self._messenger.history(name, limit)


def _line(
    run_id: str, spec: MonitorSpec, sides: Sides, evaluation: Evaluation, digest: str
) -> dict[str, Any]:
    until = evaluation.current.until
    return {
        "e": "evaluation",
        "r": run_id,
        "t": time.time_ns() // 1000,
        "monitor": spec.name,
        "digest": digest,
        "state": evaluation.summary.state,
        "sentence": evaluation.summary.sentence[:1000],
        "until": None if until is None else until.astimezone(UTC).isoformat(),
        "chunks": len(evaluation.chunks),
        "rows": evaluation.current.rows,
        "alerts": sum(one.open and one.severity != "info" for one in evaluation.alerts),
        "current": _current(sides),
        "reference": {"ref": sides.reference.ref, "digest": sides.reference.digest},
    }


def _current(sides: Sides) -> dict[str, Any]:
    """Which data was looked at; of a log also until when, so that it can be looked at again."""
    found: dict[str, Any] = {"ref": sides.current.ref, "digest": sides.current.digest}
    if not isinstance(sides.current, VersionRecord):
        found["moment"] = sides.current.moment
    return found


def _figures(evaluation: Evaluation, keep: StoreKeep) -> dict[str, float]:
    """What a check logs as metrics: how much it saw, how much alarms, how well the model does."""
    going = [one for one in evaluation.alerts if one.open]
    last = max(0, len(evaluation.chunks) - 1)
    figures: dict[str, float] = {
        "alerts": sum(one.severity == "alert" for one in going),
        "warnings": sum(one.severity == "warn" for one in going),
        "columns_drifted": sum(one.states[last : last + 1] in "wa" for one in evaluation.columns)
        if evaluation.chunks
        else 0,
        "chunks": len(evaluation.chunks),
        "rows": evaluation.current.rows,
        "system/pieces_counted": keep.made,
        "system/pieces_kept": keep.reused,
    }
    if evaluation.performance is not None:
        for name, line in evaluation.performance.metrics.items():
            known = [value for value in line.realised if value is not None]
            if known:
                figures[name] = known[-1]
    return figures
