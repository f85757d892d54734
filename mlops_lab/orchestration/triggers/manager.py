"""The triggers of a project: what they watch, what they have started, and starting what is due."""

from __future__ import annotations

import builtins
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import LabError
from mlops_lab.governance import Access, Identity
from mlops_lab.orchestration import detached
from mlops_lab.orchestration.results import Deployment
from mlops_lab.orchestration.triggers.checking import FACT
from mlops_lab.orchestration.triggers.finder import PipelineTriggers, TriggerFinder
from mlops_lab.orchestration.triggers.history import History, Start, chain_of, read_histories
from mlops_lab.orchestration.triggers.kind import Cause
from mlops_lab.orchestration.triggers.limits import Standing
from mlops_lab.store import Store
from mlops_lab.tracking import RunManager

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlops_lab.data.manager import DatasetManager
    from mlops_lab.monitoring.manager import MonitorManager
    from mlops_lab.orchestration.manager import PipelineManager
    from mlops_lab.registry.manager import ModelManager

__all__ = ["Problem", "Round", "Started", "TriggerManager"]

_LOST: Final = timedelta(minutes=1)
"""Whoever decides a start launches its run at once; one without a run then has died between."""
_FORGOTTEN: Final = timedelta(days=1)
"""Nobody launches what was decided longer ago."""
_NEVER: Final = timedelta(minutes=10)
"""A process that has not taken its run over by then never will."""


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was started, or would be."""

    pipeline: str
    name: str
    run_id: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the triggers of a pipeline cannot do their work."""

    pipeline: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Round:
    """What one look at all triggers came to.

    Parameters
    ----------
    started
        The runs.
    problems
        What could not be done.
    deployed
        What pipelines had wanted to deploy and was promoted by people since.
    """

    started: tuple[Started, ...] = ()
    problems: tuple[Problem, ...] = ()
    deployed: tuple[Deployment, ...] = ()


class _Overtaken(Exception):  # no error: somebody else was first
    pass


class TriggerManager(TriggerFinder):
    """Watches for the causes of a project's pipelines and starts these, each cause once.

    Any number of processes may look at the same time: a start is a decision, taken under the
    store's lock by the first that still finds everything as it has seen it. Safe to use from
    several threads.

    Parameters
    ----------
    root
        The project's folder.
    store, runs
        Where the decisions and the runs are.
    identity
        Who acts, unless a call says otherwise.
    pipelines, datasets, models, monitors
        Give the managers of what is started and watched.
    access
        Who may start pipelines; by default everybody.
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        runs: RunManager,
        identity: Identity,
        pipelines: Callable[[], PipelineManager],
        datasets: Callable[[], DatasetManager],
        models: Callable[[], ModelManager],
        monitors: Callable[[], MonitorManager],
        access: Access | None = None,
    ) -> None:
        super().__init__(root, store, pipelines, datasets, models, monitors)
        self._runs = runs
        self._identity = identity
        self._access = access or Access()

    # ------------------------------------------------------------------ starting

    def look(
        self, *, by: Identity | None = None, dry_run: bool = False, now: datetime | None = None
    ) -> Round:
        """Start every pipeline that something has happened for; what was started, and what is odd.

        The first look at a new trigger only notes what is there. What a pipeline wants to deploy
        and people have promoted since is deployed, too.

        Parameters
        ----------
        by
            For whom the runs are; default: whoever runs this process.
        dry_run
            Only say what would be started.
        now
            The moment, UTC.
        """
        who = by or self._identity
        now = now or datetime.now(UTC)
        started: builtins.list[Started] = []
        problems: builtins.list[Problem] = []
        histories = self._histories(now)
        there = self._all(histories, now)
        for one in there:
            problems += _problems(one)
            try:
                found = self._start(one, who, now, dry_run=dry_run)
            except (LabError, OSError) as error:
                problems.append(Problem(one.path, str(error)))
                continue
            if found is not None:
                started.append(found)
        deployed: builtins.list[Deployment] = []
        if not dry_run and not self._store.read_only:
            deployed = self._pipelines().deploy_approved(who)
            paths = {one.path for one in there}
            gone = {path: one for path, one in histories.items() if path not in paths}
            self._forget(gone, who, now)
        return Round(tuple(started), tuple(problems), tuple(deployed))

    def _start(
        self, one: PipelineTriggers, who: Identity, now: datetime, *, dry_run: bool
    ) -> Started | None:
        """Start a pipeline if something has happened for it, unless somebody else has."""
        spec = one.spec
        if spec is None:
            return None
        if not dry_run:
            self._end_unbegun(one.history, now)
        lost = _lost(one.history, now)
        if lost is not None:
            if dry_run:
                return Started(one.path, one.name, lost.run_id, lost.sentence)
            return self._again(one, lost, who, now)
        if not dry_run:
            noted = self._note(one, who, now)
            if noted is None:
                return None
            one = noted
        if not one.ready:
            return None
        params = _params(one.ready)
        self._pipelines().startable(spec.path, params, by=who)
        causes = [each for each in one.standings if each.whole]
        causes.sort(key=lambda each: each.state != "ready")
        sentence = "; ".join(_cause(each).sentence for each in causes)
        if dry_run:
            return Started(one.path, one.name, "", sentence)
        run_id = secrets.token_hex(16)

        def build(cursor: DuckDBPyConnection) -> Mapping[str, Any]:
            if _changed(cursor, one, now):
                raise _Overtaken
            behind = [run for each in causes for run in _cause(each).runs]
            return {
                "pipeline": one.path,
                "run": run_id,
                "causes": [_told(each) for each in causes],
                "params": params,
                "chain": sorted({*chain_of(cursor, behind)} - {one.path}),
                **_seen(one, causes),
            }

        try:
            decided = self._store.decide("trigger.start", build, by=who.as_by())
        except _Overtaken:
            return None
        return self._launch(one, run_id, decided.data, who)

    def _again(
        self, one: PipelineTriggers, lost: Start, who: Identity, now: datetime
    ) -> Started | None:
        """Launch the run of a start whose watcher has died before it came to that."""
        self._pipelines().startable(self.root / one.path, lost.data.get("params"), by=who)

        def build(cursor: DuckDBPyConnection) -> Mapping[str, Any]:
            if _changed(cursor, one, now):
                raise _Overtaken
            return {**lost.data, "again": True}

        try:
            decided = self._store.decide("trigger.start", build, by=who.as_by())
        except _Overtaken:
            return None
        return self._launch(one, lost.run_id, decided.data, who)

    def _launch(
        self, one: PipelineTriggers, run_id: str, decided: Mapping[str, Any], who: Identity
    ) -> Started:
        causes = decided["causes"]
        sentence = "; ".join(str(each["sentence"]) for each in causes)
        self._pipelines().start_detached(
            self.root / one.path,
            decided["params"],
            run_id=run_id,
            source={"trigger": {"sentence": sentence, "causes": causes}},
            tags={"trigger": causes[0]["kind"]},
            owner="remote",
            by=who,
        )
        return Started(one.path, one.name, run_id, sentence)

    def _end_unbegun(self, history: History, now: datetime) -> None:
        """End the run whose process has died before it began: nobody else speaks for it."""
        newest = history.starts[0] if history.starts else None
        if newest is None or newest.status != "scheduled" or newest.tried_at + _NEVER > now:
            return
        said = f"Its process never began: {detached.log_path(self._store, newest.run_id)}"
        self._runs.end(newest.run_id, "failed", reason=said)

    def _note(self, one: PipelineTriggers, who: Identity, now: datetime) -> PipelineTriggers | None:
        """Decide from where on new triggers count, and what nobody watches any more; None when
        somebody else has.
        """
        keys = {each.trigger.key for each in one.standings}
        new = [each for each in one.standings if each.state == "new" and each.look is not None]
        gone = [key for key in one.history.marks if key not in keys]
        if not new and not gone:
            return one
        self._access.require(who, "pipelines:run")

        def build(cursor: DuckDBPyConnection) -> Mapping[str, Any]:
            if _changed(cursor, one, now):
                raise _Overtaken
            return {
                "pipeline": one.path,
                "triggers": [each.trigger.text for each in new],
                "gone": len(gone),
                **_seen(one, new),
            }

        try:
            decided = self._store.decide("trigger.watch", build, by=who.as_by())
        except _Overtaken:
            return None
        history = replace(
            one.history, n=decided.n, marks=decided.data["marks"], labels=decided.data["labels"]
        )
        return replace(one, history=history)

    def _forget(self, gone: Mapping[str, History], who: Identity, now: datetime) -> None:
        """Note of pipelines that have no triggers any more, or are gone, that they are not
        watched: should they come back, they begin anew.
        """
        for path, history in gone.items():
            if history.marks:
                self._note(PipelineTriggers(path, Path(path).stem, (), (), history), who, now)


def _problems(one: PipelineTriggers) -> builtins.list[Problem]:
    if one.faults:
        first, count = str(one.faults[0]), len(one.faults)
        more = "" if count == 1 else f" It has {count - 1} more faults."
        return [Problem(one.path, f"Its triggers wait until it is sound. {first}{more}")]
    return [
        Problem(one.path, f"{each.trigger.text}: {each.sentence}")
        for each in one.standings
        if each.state == "failed"
    ]


def _lost(history: History, now: datetime) -> Start | None:
    """The newest start, when nobody has launched its run."""
    if not history.starts or history.starts[0].launched:
        return None
    newest = history.starts[0]
    return newest if newest.tried_at + _LOST < now < newest.at + _FORGOTTEN else None


def _changed(cursor: DuckDBPyConnection, one: PipelineTriggers, now: datetime) -> bool:
    """Whether something was decided of a pipeline's triggers, or it was started, since a look."""
    history = read_histories(cursor, now).get(one.path, History())
    return history.n != one.history.n or (history.going is not None and bool(one.ready))


def _seen(one: PipelineTriggers, answered: Sequence[Standing]) -> dict[str, Any]:
    """What the triggers have seen once those that were answered go on from now."""
    there = {each.trigger.key for each in one.standings}
    marks = {key: mark for key, mark in one.history.marks.items() if key in there}
    labels = {key: n for key, n in one.history.labels.items() if key in there}
    for each in answered:
        if each.look is not None:
            marks[each.trigger.key] = each.look.mark
        if each.labels is not None:
            labels[each.trigger.key] = each.labels
    return {"marks": marks, "labels": labels}


def _params(ready: Sequence[Standing]) -> dict[str, Any]:
    """What the run is given: of several triggers the first has the last word."""
    found: dict[str, Any] = {}
    for each in reversed(ready):
        facts = _cause(each).facts
        for name, value in each.trigger.params.items():
            is_fact = isinstance(value, str) and value.startswith(FACT)
            # As text, which the pipeline reads by the type that its own value has.
            found[name] = str(facts[value.removeprefix(FACT)]) if is_fact else value
    return found


def _told(standing: Standing) -> dict[str, Any]:
    cause = _cause(standing)
    return {
        "kind": standing.trigger.kind,
        "trigger": standing.trigger.text,
        "key": cause.key,
        "sentence": cause.sentence[:1000],
    }


def _cause(standing: Standing) -> Cause:
    if standing.look is None or standing.look.cause is None:
        raise AssertionError("a trigger that starts something has a cause")
    return standing.look.cause
