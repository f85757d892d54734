"""After the steps: the gates, the judgement they come to, and the promotion that follows.

Everything that is said here is written down before the alias moves, and the alias moves in one
decision: a process that dies anywhere between has promoted nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import Conflict, Corrupt, Forbidden, InvalidInput, NotFound
from mlops_lab.orchestration.champion import ChampionJudge
from mlops_lab.orchestration.events import Event, GateDecided
from mlops_lab.orchestration.gates import Champion, GateFacts, Promoted, decide
from mlops_lab.orchestration.gates.kinds.approval import Approval
from mlops_lab.orchestration.items import Item
from mlops_lab.orchestration.results import GateRecord, Promotion
from mlops_lab.orchestration.site import Site
from mlops_lab.orchestration.spec import PipelineSpec, Promote
from mlops_lab.orchestration.step import StepRunner
from mlops_lab.registry.records import ModelVersion

if TYPE_CHECKING:
    from mlops_lab.monitoring.alerts import AlertRecord
    from mlops_lab.monitoring.results import MonitorRecord

__all__ = ["Judging", "Outcome"]

_ROUNDS: Final = 5
"""How often a champion that changes while it is judged is judged again, before giving up."""


class _Overtaken(Exception):
    """The champion that was compared with is none any more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the gates and the promotion came to.

    Parameters
    ----------
    state
        passed, rejected or waiting; None without gates and promotion.
    reason
        Why it is not passed.
    """

    state: str | None
    reason: str | None
    gates: tuple[GateRecord, ...]
    promotion: Promotion | None


class Judging:
    """Decides the gates of one pipeline run, and promotes. Used once, by one thread.

    Parameters
    ----------
    site
        The project.
    spec
        The pipeline, whose steps have all finished.
    steps
        Which has run them.
    run_id
        The pipeline's run.
    params
        The pipeline's params.
    judging_params
        What the step was given that judges the champion.
    tell
        Hears what happens.
    stopped
        Whether somebody wants an end of the run.
    """

    def __init__(
        self,
        site: Site,
        spec: PipelineSpec,
        steps: StepRunner,
        run_id: str,
        params: Mapping[str, Any],
        judging_params: Mapping[str, Any],
        tell: Callable[[Event], None],
        stopped: Callable[[], bool],
    ) -> None:
        self.site = site
        self.spec = spec
        self.steps = steps
        self.run_id = run_id
        self.params = params
        self.tell = tell
        self.stopped = stopped
        self._champions = ChampionJudge(site, spec, steps, judging_params, tell)

    def run(self) -> Outcome | None:
        """Decide and promote; None when somebody stopped the run meanwhile."""
        self._champions.note()
        for _ in range(_ROUNDS):
            with suppress(_Overtaken):
                return self._once()
        raise Conflict(
            f"The champion changed {_ROUNDS} times while it was being compared with: too many "
            "pipelines promote at once."
        )

    def _once(self) -> Outcome | None:
        promote = self.spec.promote
        champion: Champion | None = None
        if self.spec.judging_step is not None:
            champion = self._champions.judge()
        facts = self._facts(champion)
        if self.stopped():
            return None
        gates = tuple(decide(gate, facts) for gate in self.spec.gates)
        if self.stopped():
            return None
        self._write(gates)
        state, reason = _outcome(gates)
        if promote is None:
            return Outcome(state, reason, gates, None)
        item = self.steps.kept[promote.model.step, promote.model.output]
        promotion = Promotion(promote.name, _number(item), promote.alias, "rejected", "")
        try:
            if gates:
                self._judge(promote, item, gates, state or "passed", champion)
            if state == "rejected":
                sentence = self._stays(promote, item)
                return Outcome(state, reason, gates, _with(promotion, "rejected", sentence))
            return self._settle(promote, item, gates, promotion, champion)
        except (Forbidden, Corrupt, Conflict, InvalidInput, NotFound) as error:
            if error.details.get("overtaken"):
                # Another pipeline has promoted meanwhile: its model is the one to beat now.
                raise _Overtaken from error
            # Somebody's role, or a changed log, file or policy: met gates, and no promotion.
            refused = _with(promotion, "refused", error.message)
            return Outcome("rejected", error.message, gates, refused)

    # --- gates ------------------------------------------------------------------------------

    def _facts(self, champion: Champion | None) -> GateFacts:
        outputs: dict[str, dict[str, Mapping[str, float]]] = {}
        for (step, output), item in self.steps.kept.items():
            outputs.setdefault(step, {})[output] = item.figures
        return GateFacts(
            params=self.params,
            metrics=self.steps.metrics,
            outputs=outputs,
            champion=champion,
            inputs={**self.steps.given, **self.steps.kept},
            check_data=self.site.versions.check_data,
            promoted=self._promoted(),
            monitor=self._monitor,
        )

    def _monitor(self, name: str) -> tuple[MonitorRecord, list[AlertRecord]]:
        """A monitor of the project as it stands, and its alerts."""
        from mlops_lab.monitoring.manager import MonitorManager

        site = self.site
        monitors = MonitorManager(
            site.root,
            site.store,
            site.runs,
            site.identity,
            lambda: site.versions.datasets,
            lambda: site.versions.models,
        )
        record = monitors.get(name)
        return record, monitors.alerts(status="open", monitor=record.name)

    def _promoted(self) -> Promoted | None:
        promote = self.spec.promote
        if promote is None:
            return None
        item = self.steps.kept[promote.model.step, promote.model.output]
        holder = self.site.versions.holder(promote.name, promote.alias)
        holds = holder is not None and holder.version == item.version
        return Promoted(promote.name, _number(item), promote.alias, holds)

    def _write(self, gates: tuple[GateRecord, ...]) -> None:
        now = time.time_ns() // 1000
        self.site.store.append(
            *(
                {
                    "e": "gate",
                    "r": self.run_id,
                    "t": now,
                    "i": gate.index,
                    "kind": gate.kind,
                    "expression": gate.expression,
                    "state": gate.state,
                    "sentence": gate.sentence,
                    "left": gate.left,
                    "right": gate.right,
                }
                for gate in gates
            )
        )
        for gate in gates:
            self.tell(GateDecided(gate))

    # --- promotion --------------------------------------------------------------------------

    def _judge(
        self,
        promote: Promote,
        item: Item,
        gates: tuple[GateRecord, ...],
        state: str,
        champion: Champion | None,
    ) -> None:
        """Write down, with the version, what the gates said of it."""
        step = promote.replaces[0] if promote.replaces else None
        judged: dict[str, Any] = {"digest": item.digest}
        if promote.replaces is not None:
            # What was judged may be another file than what is promoted: a model that was fitted
            # without the holdout, and its twin that was fitted on everything.
            tried = self.steps.given[promote.replaces]
            judged = {"digest": tried.digest, "input": ".".join(promote.replaces)}
        told = None
        if champion is not None and champion.version is not None:
            metrics = {key: one.last for key, one in champion.metrics.items()}
            told = {"version": champion.version, "metrics": _finite(metrics)}
        self.site.versions.models.judge(
            item.ref,
            run=self.run_id,
            outcome=state,
            passed=sum(gate.state == "passed" for gate in gates),
            total=len(gates),
            sentences=[gate.sentence for gate in gates if gate.state != "passed"],
            metrics=self._metrics(step),
            champion=told,
            judged=judged,
            approval=self._approval(gates),
            by=self.site.identity,
        )

    def _metrics(self, step: str | None) -> dict[str, float]:
        """The metrics that speak of the model: those of the step that judges, else of all."""
        names = [step] if step else [one.name for one in self.spec.steps]
        found = {
            key: summary.last
            for name in names
            for key, summary in self.steps.metrics.get(name, {}).items()
        }
        return _finite(found)

    def _approval(self, gates: tuple[GateRecord, ...]) -> dict[str, Any] | None:
        """The strictest approval gate that waits: the most people, and the highest role."""
        waiting = {gate.index for gate in gates if gate.state == "waiting"}
        rules = [
            gate.rule
            for gate in self.spec.gates
            if gate.index in waiting and isinstance(gate.rule, Approval)
        ]
        if not rules:
            return None
        return {
            "role": max(rules, key=lambda rule: rule.rank).role,
            "count": max(rule.count for rule in rules),
        }

    def _settle(
        self,
        promote: Promote,
        item: Item,
        gates: tuple[GateRecord, ...],
        promotion: Promotion,
        champion: Champion | None,
    ) -> Outcome:
        promoted = self._promoted()
        if promoted is not None and promoted.holds:
            sentence = f"{item.label} is {promote.alias} already"
            return Outcome("passed", None, gates, _with(promotion, "promoted", sentence))
        settled = self.site.versions.models.settle(
            item.ref,
            promote.alias,
            run=self.run_id,
            against=None if champion is None else (champion.alias, champion.version),
            by=self.site.identity,
        )
        done = _with(promotion, settled.state, settled.sentence.rstrip("."))
        match settled.state:
            case "promoted":
                return Outcome("passed", None, self._answered(gates, done), done)
            case "waiting":
                return Outcome("waiting", settled.sentence, gates, done)
        why = f"The policy of {promote.alias} refuses {item.label}: {settled.sentence}"
        return Outcome("rejected", why, gates, _with(done, "refused", why.rstrip(".")))

    def _answered(self, gates: tuple[GateRecord, ...], done: Promotion) -> tuple[GateRecord, ...]:
        """The gates, once people have said all that was asked of them: before, of this content."""
        waiting = [gate for gate in gates if gate.state == "waiting"]
        if not waiting:
            return gates
        said = f"approved before: {done.sentence}"
        answered = {gate.index: replace(gate, state="passed", sentence=said) for gate in waiting}
        self._write(tuple(answered.values()))
        return tuple(answered.get(gate.index, gate) for gate in gates)

    def _stays(self, promote: Promote, item: Item) -> str:
        holder: ModelVersion | None = self.site.versions.holder(promote.name, promote.alias)
        if holder is None:
            return f"{item.label} does not become {promote.alias}"
        return f"{item.label} does not become {promote.alias}; {holder.version} stays"


def _outcome(gates: tuple[GateRecord, ...]) -> tuple[str | None, str | None]:
    if not gates:
        return None, None
    for state in ("rejected", "waiting"):
        sentences = [gate.sentence for gate in gates if gate.state == state]
        if sentences:
            # Not capitalised: it begins with a metric's name.
            return state, f"{'; '.join(sentences)}."
    return "passed", None


def _with(promotion: Promotion, state: str, sentence: str) -> Promotion:
    return Promotion(promotion.model, promotion.version, promotion.alias, state, sentence)


def _number(item: Item) -> int:
    if item.version is None:
        raise InvalidInput(f"{item.label} is no version.")
    return item.version


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    return {key: value for key, value in metrics.items() if math.isfinite(value)}
