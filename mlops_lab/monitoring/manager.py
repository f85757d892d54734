"""The monitors of a project: which there are, checking them, what they found."""

from __future__ import annotations

import builtins
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import LabError, NotFound
from mlops_lab.faults import Fault, Mark
from mlops_lab.governance import Access, Identity
from mlops_lab.monitoring.alerts import AlertDesk, AlertRecord, Reconciled
from mlops_lab.monitoring.delivering import Delivery, Messenger
from mlops_lab.monitoring.keeping import StoreKeep
from mlops_lab.monitoring.model import json_schema
from mlops_lab.monitoring.records import Evaluation, WindowFound
from mlops_lab.monitoring.schedule import Due
from mlops_lab.monitoring.settings import Settings
from mlops_lab.monitoring.sides import Sides, find_sides, model_events, rank_columns
from mlops_lab.monitoring.slots import Slots
from mlops_lab.monitoring.spec import (
    MonitorSpec,
    find_monitor,
    list_monitors,
    load_spec,
    read_spec,
    stated_name,
)
from mlops_lab.names import parse_reference
from mlops_lab.store import Store
from mlops_lab.tracking import RunManager

if TYPE_CHECKING:
    from mlops_lab.compute import Source
    from mlops_lab.data.manager import DatasetManager
    from mlops_lab.data.records import VersionRecord
    from mlops_lab.monitoring.live import Live
    from mlops_lab.registry.manager import ModelManager

__all__ = ["Check", "EvaluationRecord", "MonitorFile", "MonitorManager", "MonitorRecord"]

KIND: Final = "monitor"
EXPERIMENT: Final = "monitors"
ARTIFACT: Final = "evaluation.json"
_MOST_TEXT: Final = 100_000
_MOST_LIVE: Final = 4
"""Evaluations that a process keeps at hand with all that was counted, for windows."""

_EVALUATIONS: Final = """
select run_id, monitor, evaluated_at, state, sentence, alerts, until, chunks, rows, digest
from lab.evaluations
where ($name is null or monitor = $name) and ($run is null or run_id = $run)
"""
_NEWEST: Final = f"""{_EVALUATIONS}
qualify row_number() over (partition by monitor order by evaluated_at desc, run_id) = 1
"""

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class MonitorFile:
    """A monitor's file, sound or not.

    Parameters
    ----------
    name
        What it says, else the file's stem.
    path
        Relative to the project.
    spec
        None when something is wrong.
    faults
        What is wrong, in the order of the file.
    said
        What could be read of a faulty file: its texts by key.
    """

    name: str
    path: str
    spec: MonitorSpec | None
    faults: tuple[Fault, ...]
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """One check of a monitor in a few facts.

    Parameters
    ----------
    state, sentence
        The worst that was open at its end, and the whole in words.
    alerts
        How many incidents were open.
    until
        The end of the data that it saw.
    digest
        The content id of the whole.
    """

    run_id: str
    monitor: str
    at: datetime
    state: str
    sentence: str
    alerts: int
    until: datetime | None
    chunks: int
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class MonitorRecord:
    """A monitor as it stands: its file, its last check, what is open.

    Parameters
    ----------
    state
        Of the last check; ``never`` without one, ``invalid`` with a faulty file.
    last
        Its last check.
    running
        The run of a check that goes on.
    next_at
        When it is due next.
    open_alerts
        How many alerts are not resolved.
    """

    file: MonitorFile
    state: str
    sentence: str
    last: EvaluationRecord | None
    running: str | None
    next_at: datetime | None
    open_alerts: int

    @property
    def name(self) -> str:
        """What it is called."""
        return self.file.name


@dataclass(frozen=True, slots=True)
class Check:
    """What a check came to.

    Parameters
    ----------
    evaluation
        What it saw.
    opened, updated, resolved
        What it did to the alerts.
    waiting
        The monitor's alerts and warnings that nobody has looked at, after it.
    deliveries
        What became of the messages that it sent.
    """

    run_id: str
    monitor: str
    evaluation: Evaluation
    opened: tuple[AlertRecord, ...]
    updated: tuple[AlertRecord, ...]
    resolved: tuple[AlertRecord, ...]
    waiting: tuple[AlertRecord, ...]
    deliveries: tuple[Delivery, ...] = ()

    @property
    def state(self) -> str:
        """The worst that was open at its end: ok, warn, alert, quality or small."""
        return self.evaluation.summary.state

    def failing(self, severity: str = "alert") -> tuple[AlertRecord, ...]:
        """The waiting ones that are at least so severe: ``alert``, ``warn``; none for ``never``."""
        levels = {"alert": ("alert",), "warn": ("alert", "warn"), "never": ()}[severity]
        return tuple(one for one in self.waiting if one.severity in levels)

    def __repr__(self) -> str:
        counts = [
            f"{len(ones)} {word}"
            for word, ones in (
                ("opened", self.opened),
                ("went on", self.updated),
                ("resolved", self.resolved),
            )
            if ones
        ]
        told = "".join(f" · {count}" for count in counts)
        sentence = self.evaluation.summary.sentence
        return f"<Check {self.monitor} ({self.run_id[:8]}) {self.state}{told}: {sentence}>"


class MonitorManager(AlertDesk):
    """All that can be done with the monitors and alerts of one project.

    Safe to use from several threads; a check takes the thread that calls it.

    Parameters
    ----------
    root
        The project's folder.
    store, runs
        Where checks are kept.
    identity
        Who acts, unless a call says otherwise.
    datasets, models
        Give the managers of what monitors watch.
    access
        Who may what; by default everybody everything.
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
        super().__init__(store, identity, access)
        self.root = root
        self._runs = runs
        self._datasets = datasets
        self._models = models
        self._messenger = Messenger(store, root, name or (lambda: root.name))
        self._slots = Slots(store)
        self._live: dict[tuple[object, ...], Live] = {}
        self._mutex = threading.Lock()

    # ------------------------------------------------------------------ files

    def files(self) -> builtins.list[MonitorFile]:
        """The files below ``monitors/``, by name, with their faults. Of two of one name the second
        has that for a fault.
        """
        found: dict[str, MonitorFile] = {}
        for path in list_monitors(self.root):
            one = self._file(path)
            if one.name in found:
                other = found[one.name].path
                message = f"{one.name} is called so in {other} already: name one otherwise."
                mark = Fault(one.path, Mark(), message)
                key = f"{one.name}\0{one.path}"
                found[key] = replace(one, name=path.stem, spec=None, faults=(*one.faults, mark))
            else:
                found[one.name] = one
        return sorted(found.values(), key=lambda one: (one.name, one.path))

    def load(self, name: str) -> MonitorSpec:
        """Read and check a monitor.

        Raises
        ------
        NotFound
            There is none of that name; the message has the nearest.
        InvalidInput
            With ``file:line:column: sentence`` for everything that is wrong in it.
        """
        path = find_monitor(self.root, name)
        return load_spec(path, file=self._relative(path))

    def text(self, name: str) -> str:
        """The text of a monitor's file, as far as it is one."""
        path = find_monitor(self.root, name)
        try:
            return path.read_text(encoding="utf-8", errors="replace")[:_MOST_TEXT]
        except OSError:
            return ""

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of monitors' files."""
        return json_schema()

    # ------------------------------------------------------------------ as they stand

    def list(self) -> builtins.list[MonitorRecord]:
        """The monitors of the project with what they found last, by name."""
        return self._records(self.files())

    def get(self, name: str) -> MonitorRecord:
        """One monitor as it stands, sound or not.

        Raises
        ------
        NotFound
            There is none of that name.
        """
        path = find_monitor(self.root, name)
        relative = self._relative(path)
        for one in self.files():
            if one.path == relative:
                return self._records([one])[0]
        raise NotFound(f"There is no monitor {name!r}: its file is gone.")

    def _records(self, files: builtins.list[MonitorFile]) -> builtins.list[MonitorRecord]:
        now = datetime.now(UTC)
        with self._store.read():
            last = {one.monitor: one for one in self._evaluations(newest=True)}
            counts = dict(
                self._store.query(
                    "select monitor, count(*) from lab.alerts where status <> 'resolved' group by 1"
                )
            )
            running = dict(
                self._store.query(
                    "select source->>'monitor', last(run_id order by started_at) from lab.run "
                    "where kind = $kind and status in ('scheduled', 'running') group by 1",
                    {"kind": KIND},
                )
            )
        return [
            MonitorRecord(
                file=one,
                state=_state(one, last.get(one.name)),
                sentence=self._sentence(one, last.get(one.name)),
                last=last.get(one.name),
                running=running.get(one.name),
                next_at=one.spec.schedule.after(now) if one.spec and one.spec.schedule else None,
                open_alerts=counts.get(one.name, 0),
            )
            for one in files
        ]

    def _sentence(self, file: MonitorFile, last: EvaluationRecord | None) -> str:
        if file.spec is None:
            first, count = file.faults[0].message, len(file.faults)
            return first if count == 1 else f"The file has {count} faults: {first}"
        if last is not None:
            return last.sentence
        if self._datasets().find(file.spec.current) is None:
            return f"It has not been checked yet: there is no dataset {file.spec.current}."
        return "It has not been checked yet."

    # ------------------------------------------------------------------ evaluations

    def evaluations(self, name: str, *, limit: int = 100) -> builtins.list[EvaluationRecord]:
        """The checks of a monitor in a few facts, newest first."""
        return self._evaluations(name, limit=limit)

    def evaluation(self, name: str, run_id: str | None = None) -> Evaluation:
        """What a check saw, with the alerts that it became as they are now.

        Parameters
        ----------
        run_id
            Which check: its run or a prefix; default the last one.

        Raises
        ------
        NotFound
            There is no such check.
        Corrupt
            What was kept of it is damaged.
        """
        if run_id is not None:
            run_id = self._runs.get(run_id).id
        found = self._evaluations(name, run_id=run_id, limit=1)
        if not found:
            if run_id is not None:
                raise NotFound(f"The run {run_id[:8]} is no check of the monitor {name}.")
            find_monitor(self.root, name)
            raise NotFound(
                f"The monitor {name} has not been checked yet: `mlops-lab monitor check {name}`."
            )
        data = self._store.objects.trusted(found[0].digest).read_bytes()
        evaluation = Evaluation.from_json(json.loads(data))
        evaluation = replace(evaluation, id=found[0].run_id, monitor=name)
        return self._with_alerts(name, evaluation)

    def _evaluations(
        self,
        name: str | None = None,
        *,
        run_id: str | None = None,
        newest: bool = False,
        limit: int | None = None,
    ) -> builtins.list[EvaluationRecord]:
        rows = self._store.query(
            f"{_NEWEST if newest else _EVALUATIONS} order by evaluated_at desc, run_id "
            "limit coalesce($limit, 9223372036854775807)",
            {"name": name, "run": run_id, "limit": limit},
        )
        return [
            EvaluationRecord(
                run_id=run,
                monitor=monitor,
                at=at.replace(tzinfo=UTC),
                state=state,
                sentence=sentence or "",
                alerts=alerts or 0,
                until=_moment(until),
                chunks=chunks or 0,
                rows=count or 0,
                digest=digest,
            )
            for run, monitor, at, state, sentence, alerts, until, chunks, count, digest in rows
        ]

    def _with_alerts(self, name: str, evaluation: Evaluation) -> Evaluation:
        """Its incidents with the ids and statuses of their alerts."""
        known = {one.key: one for one in reversed(self.alerts(monitor=name))}
        marked = []
        for incident in evaluation.alerts:
            record = known.get(incident.key)
            if record is None and incident.open:
                record = next(
                    (
                        one
                        for one in known.values()
                        if one.cause == incident.cause and not one.is_over
                    ),
                    None,
                )
            marked.append(
                incident
                if record is None
                else replace(incident, id=record.id, status=record.status)
            )
        return replace(evaluation, alerts=tuple(marked))

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
        sides = find_sides(spec, datasets, self._models(), self._runs)
        datasets.use(run_id, sides.current, role="current")
        if sides.reference != sides.current:
            datasets.use(run_id, sides.reference, role="reference")
        if sides.model is not None:
            self._models().use(run_id, sides.model.ref, role="monitored")
        keep = StoreKeep(self._store, run_id)
        evaluation = self._evaluate(spec, sides, keep, run_id, progress)
        data = json.dumps(evaluation.to_json(), ensure_ascii=False, separators=(",", ":")).encode()
        artifact = self._runs.put_artifact(run_id, ARTIFACT, data, kind="dict")
        self._store.append(_line(run_id, spec, sides, evaluation, artifact.digest))
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
        waiting = [one for one in self.alerts(monitor=spec.name) if one.status == "open"]
        return Check(
            run_id=run_id,
            monitor=spec.name,
            evaluation=self._with_alerts(spec.name, evaluation),
            opened=found.opened,
            updated=found.updated,
            resolved=found.resolved,
            waiting=tuple(waiting),
            deliveries=tuple(deliveries),
        )

    def _evaluate(
        self,
        spec: MonitorSpec,
        sides: Sides,
        keep: StoreKeep,
        run_id: str,
        progress: Progress | None,
    ) -> Evaluation:
        from mlops_lab.monitoring.evaluate import evaluate

        reference, current = self._source(sides.reference), self._source(sides.current)
        importances = rank_columns(spec, sides, reference, self._models(), keep)
        settings = replace(self._settings(spec, sides), importance=importances.values)
        evaluation = evaluate(
            reference, current, settings, keep=keep, progress=progress, tmp=self._store.tmp
        )
        notes = (*evaluation.notes, *sides.notes, *filter(None, [importances.note]))
        return replace(
            evaluation,
            id=run_id,
            monitor=spec.name,
            notes=tuple(dict.fromkeys(notes)),
            events=model_events(spec, self._models(), evaluation.chunks),
        )

    def _settings(self, spec: MonitorSpec, sides: Sides) -> Settings:
        return Settings(
            **spec.settings,
            versions={number: self._source(one) for number, one in sides.versions.items()},
            reference_told=_told_reference(spec, sides),
            current_told=sides.current.ref,
        )

    def _source(self, version: VersionRecord) -> Source:
        from mlops_lab.compute import Source

        return Source.of(self._datasets().path(version))

    def _promoted(self, spec: MonitorSpec, since: datetime) -> str | None:
        """Which version got the monitored alias since a moment, in words."""
        if spec.model is None:
            return None
        reference = parse_reference(spec.model, "A model")
        for move in self._models().history(reference.name, reference.alias or "champion"):
            if move.version is not None and move.since > since:
                return f"{reference.name} {move.version} became {move.alias}."
        return None

    # ------------------------------------------------------------------ windows

    def window(
        self,
        name: str,
        from_: str,
        until: str,
        *,
        segment: str | None = None,
        column: str | None = None,
    ) -> WindowFound:
        """A range of chunks of the last check as if it were one, with certified values.

        It is computed from what was kept; data is read only where that is gone.

        Parameters
        ----------
        from_, until
            Keys of its first and its last chunk.
        segment
            A value of the monitor's segment; None is all rows.
        column
            Only this one.

        Raises
        ------
        NotFound, InvalidInput
            There is no such chunk, segment or column.
        """
        from mlops_lab.monitoring.live import window_of

        spec, evaluation = self.load(name), self.evaluation(name)
        if column is not None:
            evaluation.column(column)
        live, read = self._at_hand(spec, evaluation)
        found = window_of(evaluation, live, from_, until, segment)
        columns = tuple(one for one in found.columns if column in (None, one.name))
        return replace(found, columns=columns, scanned=found.scanned or read)

    def _at_hand(self, spec: MonitorSpec, evaluation: Evaluation) -> tuple[Live, bool]:
        """What the last check has counted, and whether data was read for it."""
        from mlops_lab.monitoring.evaluate import look_again

        which = (evaluation.id, spec.file, spec.path.stat().st_mtime_ns)
        with self._mutex:
            if which in self._live:
                return self._live[which], False
        keep = StoreKeep(self._store)
        sides = self._sides_of(spec)
        live = look_again(
            self._source(sides.reference),
            self._source(sides.current),
            self._settings(spec, sides),
            keep=keep,
            tmp=self._store.tmp,
        )
        with self._mutex:
            while len(self._live) >= _MOST_LIVE:
                self._live.pop(next(iter(self._live)))
            self._live[which] = live
        return live, keep.made > 0

    def _sides_of(self, spec: MonitorSpec) -> Sides:
        """What the last check compared, so that its chunks are meant; else what is there now."""
        sides = find_sides(spec, self._datasets(), self._models(), self._runs)
        rows = self._store.query(
            "select current->>'ref', reference->>'ref' from lab.evaluations where monitor = ? "
            "order by evaluated_at desc limit 1",
            [spec.name],
        )
        for current, reference in rows:
            try:
                return replace(
                    sides,
                    current=self._datasets().get(current),
                    reference=self._datasets().get(reference),
                )
            except (LabError, TypeError):
                continue
        return sides

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

    def running(self, name: str) -> str | None:
        """The run of a check of this monitor that goes on, or None."""
        page = self._runs.search(
            f"kind = '{KIND}' and status in ('scheduled', 'running')", limit=200
        )
        return next((one.id for one in page.items if one.source.get("monitor") == name), None)

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

    # ------------------------------------------------------------------ inside

    def _file(self, path: Path) -> MonitorFile:
        relative = self._relative(path)
        spec, faults, said = read_spec(path, file=relative)
        name = spec.name if spec else stated_name(path)
        return MonitorFile(name, relative, spec, tuple(faults), said)

    def _relative(self, path: Path) -> str:
        return (
            path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)
        )


def _state(file: MonitorFile, last: EvaluationRecord | None) -> str:
    if file.spec is None:
        return "invalid"
    return "never" if last is None else last.state


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
        "alerts": sum(one.open for one in evaluation.alerts),
        "current": {"ref": sides.current.ref, "digest": sides.current.digest},
        "reference": {"ref": sides.reference.ref, "digest": sides.reference.digest},
    }


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
        "pieces_counted": keep.made,
        "pieces_kept": keep.reused,
    }
    if evaluation.performance is not None:
        for name, line in evaluation.performance.metrics.items():
            known = [value for value in line.realised if value is not None]
            if known:
                figures[name] = known[-1]
    return figures


def _told_reference(spec: MonitorSpec, sides: Sides) -> str:
    """What sentences call the reference."""
    match spec.reference.kind:
        case "rolling":
            return f"the {spec.reference.days:g} days before"
        case "training" if sides.model is not None:
            return f"what {sides.model.ref} was trained on"
    return sides.reference.ref


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found is not None else None
