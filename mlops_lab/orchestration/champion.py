"""The champion judged again: the same step on the same inputs, with the champion in it.

A fair fight needs the same exam on the same day. What the step logged for the champion the last
time is used again only when nothing of the exam has changed: the champion's content, the step's
notebook, every other input's content and the params. That key is a tag on the run that has it.

A champion is often a twin of what was judged, fitted on the exam's rows as well. When it sat this
very exam before it was promoted, that answer counts: the twin has seen the solutions since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from mlops_lab.errors import LabError
from mlops_lab.orchestration.events import ChampionFound, Event
from mlops_lab.orchestration.gates import Champion
from mlops_lab.orchestration.items import Item, digest_of_path
from mlops_lab.orchestration.site import Site
from mlops_lab.orchestration.spec import PipelineSpec, Step
from mlops_lab.orchestration.step import StepRunner, Task
from mlops_lab.registry.records import ModelVersion
from mlops_lab.tracking.records import MetricSummary

__all__ = ["CHAMPION", "EXAM", "ChampionJudge"]

EXAM: Final = "mlops.exam"
"""The tag that holds the key of what was judged, by what, on what."""

CHAMPION: Final = "mlops.champion"
"""The tag that names the version that was judged."""

_SAT_BEFORE: Final = """
select t.run_id from lab.tags t join lab.runs r using (run_id)
where t.key = $key and t.value = $exam and r.kind = 'step' and r.status = 'finished'
order by r.started_at desc limit 1
"""


class ChampionJudge:
    """Has one pipeline's champion judged by the step that has judged the new model.

    Used by one thread, after the steps.

    Parameters
    ----------
    site
        The project.
    spec
        The pipeline, with a gate that speaks of the champion.
    steps
        Which has run the steps.
    params
        What the judging step was given, without its paths.
    tell
        Hears what happens.
    """

    def __init__(
        self,
        site: Site,
        spec: PipelineSpec,
        steps: StepRunner,
        params: Mapping[str, Any],
        tell: Callable[[Event], None],
    ) -> None:
        self.site = site
        self.spec = spec
        self.steps = steps
        self.params = params
        self.tell = tell

    def judge(self) -> Champion:
        """The champion as it is now, with what the step logs for it.

        One who is not there, or cannot be judged, is an answer and no exception.
        """
        promote = self.spec.promote
        if promote is None or promote.replaces is None:
            raise AssertionError("no gate asks for a champion")
        champion = Champion(promote.against, promote.name)
        holder = self.site.versions.holder(promote.name, promote.against)
        if holder is None:
            return champion
        champion = Champion(promote.against, promote.name, holder.version)
        try:
            return self._judged(champion, holder, *promote.replaces)
        except LabError as error:
            return _refused(champion, error.message)

    def note(self) -> None:
        """Mark the run that judged the new model with its exam: it need not sit it twice."""
        promote = self.spec.promote
        run_id = self.steps.judged_in
        if promote is None or promote.replaces is None or run_id is None:
            return
        name, replaced = promote.replaces
        step, tried = self.spec.step(name), self.steps.given[promote.replaces]
        try:
            if self._changed(step, replaced) is not None:
                return  # nobody can say which content it has judged
        except LabError:
            return
        self.site.runs.set_tags(run_id, {EXAM: self._exam(step, replaced, tried.digest)})

    def _judged(
        self, champion: Champion, holder: ModelVersion, step_name: str, replaced: str
    ) -> Champion:
        step = self.spec.step(step_name)
        changed = self._changed(step, replaced)
        if changed is not None:
            return _refused(champion, f"{changed} was changed while the pipeline ran")
        item = self.site.versions.item("model", holder)
        exam = self._exam(step, replaced, item.digest)
        for content in _judged_for(holder, f"{step_name}.{replaced}"):
            run_id = self._sat_before(self._exam(step, replaced, content))
            if run_id is not None:
                self.tell(ChampionFound(step.name, item.ref, run_id))
                return _with(champion, self.site.runs.metrics(run_id))
        return self._sit(champion, step, replaced, item, exam)

    def _sit(
        self, champion: Champion, step: Step, replaced: str, item: Item, exam: str
    ) -> Champion:
        """Run the step with the champion in it."""
        total = len(self.spec.steps)
        result = self.steps.execute(
            Task(
                step,
                total + 1,
                self.params,
                f"{step.name} with {champion.label}",
                f"{step.name}.champion",
                swapped={replaced: item},
                tags={EXAM: exam, CHAMPION: item.ref},
            )
        )
        if result.error is not None:
            return _refused(champion, f"step {step.name} failed: {result.error}")
        if result.run_id is None:
            raise AssertionError("a step that ran has a run")
        return _with(champion, self.site.runs.metrics(result.run_id))

    def _changed(self, step: Step, replaced: str) -> str | None:
        """What is not any more as it was when the new model was judged."""
        store = self.site.store
        if digest_of_path(store, step.notebook) != self.steps.judged_by:
            return step.notebook.name
        for name in step.inputs:
            item = self.steps.given[step.name, name]
            # Versions and kept files cannot change; what lies in somebody's folder can.
            loose = item.kind == "file" and item.made_by is None and name != replaced
            if loose and digest_of_path(store, item.path) != item.digest:
                return f"input {name} ({item.path.name})"
        return None

    def _exam(self, step: Step, replaced: str, content: str | None) -> str:
        """The key under which the answer is found again."""
        inputs = {name: self.steps.given[step.name, name].digest for name in step.inputs}
        said = {
            "v": 1,
            "notebook": self.steps.judged_by,
            "inputs": {**inputs, replaced: content},
            "params": self.params,
        }
        text = json.dumps(said, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def _sat_before(self, exam: str) -> str | None:
        rows = self.site.store.query(_SAT_BEFORE, {"key": EXAM, "exam": exam})
        return str(rows[0][0]) if rows else None


def _judged_for(holder: ModelVersion, place: str) -> list[str]:
    """The contents whose answers speak for a champion: what was judged for it, and itself."""
    judged = holder.judgement.judged if holder.judgement is not None else {}
    before = judged.get("digest") if judged.get("input") == place else None
    return [one for one in (before, holder.digest) if one]


def _with(champion: Champion, metrics: list[MetricSummary]) -> Champion:
    return Champion(
        champion.alias, champion.model, champion.version, {one.key: one for one in metrics}
    )


def _refused(champion: Champion, why: str) -> Champion:
    sentence = f"{champion.label} of {champion.model} could not be judged: {why.rstrip('.')}"
    return Champion(champion.alias, champion.model, champion.version, refused=sentence)
