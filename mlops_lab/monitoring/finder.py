"""The monitors of a project, to be read: their files, how they stand, what their checks saw."""

from __future__ import annotations

import builtins
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import InvalidInput, LabError, NotFound
from mlops_lab.faults import Fault, Mark
from mlops_lab.governance import Access, Identity
from mlops_lab.monitoring.alerts import AlertRecord
from mlops_lab.monitoring.keeping import StoreKeep
from mlops_lab.monitoring.model import json_schema
from mlops_lab.monitoring.reconciling import AlertKeeper
from mlops_lab.monitoring.records import Evaluation, WindowFound
from mlops_lab.monitoring.results import EvaluationRecord, MonitorFile, MonitorRecord
from mlops_lab.monitoring.settings import Settings
from mlops_lab.monitoring.sides import Sides, find_sides
from mlops_lab.monitoring.spec import (
    MonitorSpec,
    find_monitor,
    list_monitors,
    load_spec,
    name_in,
    read_spec,
    read_text,
)
from mlops_lab.monitoring.trained import TrainedSources
from mlops_lab.store import Store
from mlops_lab.tracking import RunManager

if TYPE_CHECKING:
    from mlops_lab.compute import Source
    from mlops_lab.data.manager import DatasetManager
    from mlops_lab.data.records import VersionRecord
    from mlops_lab.monitoring.live import Live
    from mlops_lab.registry.manager import ModelManager
    from mlops_lab.serving.predictions.watching import Watched

__all__ = ["KIND", "MonitorFinder", "with_alerts"]

KIND: Final = "monitor"
"""Of the runs that are checks."""

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


class MonitorFinder(AlertKeeper):
    """The monitors and alerts of one project, to be read. Safe to use from several threads.

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
    ) -> None:
        super().__init__(store, identity, access)
        self.root = root
        self._runs = runs
        self._datasets = datasets
        self._models = models
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
                mark = Fault(one.path, Mark(), _taken(one.name, other))
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
        spec = load_spec(path, file=self._relative(path))
        if spec.name != name and (first := find_monitor(self.root, spec.name)) != path:
            raise InvalidInput(f"{spec.file}: {_taken(spec.name, self._relative(first))}")
        return spec

    def text(self, name: str) -> str:
        """The text of a monitor's file, as far as it is one."""
        return read_text(find_monitor(self.root, name), _MOST_TEXT)

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
                    "select monitor, count(*) from lab.alerts "
                    "where status = 'open' and severity <> 'info' group by 1"
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
            first, count = file.faults[0].sentence, len(file.faults)
            return first if count == 1 else f"The file has {count} faults: {first}"
        if last is not None:
            return last.sentence
        if file.spec.endpoint is not None:
            return "It has not been checked yet."
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
        return with_alerts(evaluation, self.alerts(monitor=name))

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
        spec, sides = self._sides_of(spec)
        keep = self._keep(sides)
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

    def _sides_of(self, spec: MonitorSpec) -> tuple[MonitorSpec, Sides]:
        """What the last check compared, so that its chunks are meant; else what is there now."""
        rows = self._store.query(
            "select current->>'ref', reference->>'ref', (current->>'moment')::bigint "
            "from lab.evaluations where monitor = ? order by evaluated_at desc limit 1",
            [spec.name],
        )
        spec, watched = self._watched(spec, rows[0][2] if rows else None)
        with self._store.read():
            sides = find_sides(spec, self._datasets(), self._models(), self._runs, watched)
        for current, reference, _ in rows:
            rolling = sides.reference is sides.current
            try:
                then = self._datasets().get(current) if watched is None else watched
                other = then if rolling else self._datasets().get(reference)
            except (LabError, TypeError):
                continue
            sides = replace(sides, current=then, reference=other)
        return spec, sides

    def _watched(
        self, spec: MonitorSpec, moment: int | None = None
    ) -> tuple[MonitorSpec, Watched | None]:
        """What the endpoint of a monitor has answered, and the monitor with the names in it."""
        if spec.endpoint is None:
            return spec, None
        from mlops_lab.serving.predictions.watching import Names, watch

        name, role = spec.endpoint
        asked, positive = spec.settings, spec.settings["positive"]
        names = Names(
            time=asked["time"],
            version=asked["version"],
            prediction=asked["prediction"],
            score=asked["score"],
            target=asked["target"],
            positive=None if positive is None else str(positive),
        )
        watched = watch(self.root, name, names, role=role, moment=moment, tmp=self._store.tmp)
        found = watched.names
        settings = {
            **asked,
            "time": found.time,
            "version": found.version if spec.reference.kind == "training" else asked["version"],
            "prediction": found.prediction,
            "score": found.score,
            "target": found.target,
        }
        return replace(spec, settings=settings), watched

    def _keep(self, sides: Sides, run_id: str | None = None) -> StoreKeep:
        known = getattr(sides.current, "contents", None)
        return StoreKeep(self._store, run_id, known=known)

    def running(self, name: str) -> str | None:
        """The run of a check of this monitor that goes on, or None."""
        page = self._runs.search(
            f"kind = '{KIND}' and status in ('scheduled', 'running')", limit=200
        )
        return next((one.id for one in page.items if one.source.get("monitor") == name), None)

    # ------------------------------------------------------------------ inside

    def _file(self, path: Path) -> MonitorFile:
        relative = self._relative(path)
        spec, faults, said = read_spec(path, file=relative)
        name = spec.name if spec else name_in(said, path)
        return MonitorFile(name, relative, spec, tuple(faults), said)

    def _relative(self, path: Path) -> str:
        inside = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        return inside.as_posix().encode("utf-8", "replace").decode()

    def _settings(self, spec: MonitorSpec, sides: Sides) -> Settings:
        return Settings(
            **spec.settings,
            versions=TrainedSources(sides.versions, self._source, self._store),
            reference_told=_told_reference(spec, sides),
            current_told=sides.current.ref,
        )

    def _source(self, version: VersionRecord | Watched) -> Source:
        from mlops_lab.compute import Source
        from mlops_lab.serving.predictions.watching import Watched

        if isinstance(version, Watched):
            return version.source()
        return Source.of(self._datasets().path(version))


def with_alerts(evaluation: Evaluation, alerts: Sequence[AlertRecord]) -> Evaluation:
    """Its incidents with the ids and statuses of the alerts that they became."""
    known = {one.key: one for one in reversed(alerts)}
    marked = []
    for incident in evaluation.alerts:
        record = known.get(incident.key)
        if record is None and incident.open:
            going = (one for one in known.values() if not one.is_over)
            record = next((one for one in going if one.cause == incident.cause), None)
        if record is not None:
            incident = replace(incident, id=record.id, status=record.status)
        marked.append(incident)
    return replace(evaluation, alerts=tuple(marked))


def _taken(name: str, other: str) -> str:
    return f"{name} is called so in {other} already: name one otherwise."


def _state(file: MonitorFile, last: EvaluationRecord | None) -> str:
    if file.spec is None:
        return "invalid"
    return "never" if last is None else last.state


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
