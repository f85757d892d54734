"""What becomes of serving a model that a pipeline has promoted; processes are others' tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlops_lab.errors import LabError, Unavailable
from mlops_lab.governance import Identity
from mlops_lab.orchestration import summary
from mlops_lab.serving.manager import EndpointManager

from ..monitoring.evaluations import evaluation, incident  # noqa: TID252 tests are no package
from .conftest import DELAY, Workshop

EVE = Identity("eve")
FIGHT = (
    DELAY
    + """
gates:
  - metric: evaluate.auc >= champion.evaluate.auc
promote: {model: train.model, alias: champion}
"""
)
CANARY = FIGHT + "deploy: {endpoint: delay, strategy: canary, share: 5, ramp: {1h: 20}}\n"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Callable[[LabError | None], None]:
    """No process serves: each endpoint answers, or says why not."""
    answers: list[LabError | None] = [None]

    def run(self: Any, name: str, seq: int, **_: object) -> None:
        assert self.get(name).seq == seq
        if answers[0] is not None:
            raise answers[0]

    monkeypatch.setattr(EndpointManager, "run", run)

    def set_answer(error: LabError | None) -> None:
        answers[0] = error

    return set_answer


def test_the_first_is_served_and_the_next_one_gets_a_share(
    delay: Workshop, quick: pytest.MonkeyPatch, served: Any
) -> None:
    endpoints = delay.project.endpoints
    first = delay.run(CANARY)
    assert (first.status, first.deployment.state, first.exit_code) == ("finished", "deployed", 0)
    assert first.deployment.sentence == "delay serves flight-delay@1"
    assert endpoints.get("delay").follows == "flight-delay@champion"
    said = delay.project.runs.get(first.run_id).reason
    assert said == "flight-delay 1 is champion now. delay serves flight-delay@1."

    second = delay.run(CANARY, {"skill": 0.8})
    rollout = endpoints.get("delay").rollout
    assert rollout is not None
    assert (rollout.kind, rollout.share, len(rollout.ramp)) == ("canary", 5.0, 1)
    assert "gives 5 % of its requests to flight-delay@2, a canary" in second.deployment.sentence
    assert rollout.reason == "The pipeline flight-delay made it champion."

    # A newer champion is tried in its place: what is older is not the champion any more.
    third = delay.run(CANARY, {"skill": 0.9})
    present = endpoints.get("delay")
    assert third.deployment.state == "deployed"
    assert present.rollout is not None
    assert present.revision(present.rollout.candidate).version == 3
    assert present.revision(present.stable).version == 1
    # A challenger that is refused is not deployed.
    assert delay.run(CANARY, {"skill": 0.1}).deployment is None
    rows = delay.project.store.query("select version, state from lab.deployments order by version")
    assert rows == [(1, "deployed"), (2, "deployed"), (3, "deployed")]
    assert "🚀" in summary.markdown(third)
    assert 'classname="flight-delay.deployment"' in summary.junit(third)
    assert third.to_json()["deployment"]["endpoint"] == "delay"
    plan = delay.project.pipelines.plan("p")
    assert plan.deploy == "it becomes a canary of delay with 5 %, then 20 %"


@pytest.mark.parametrize(("strategy", "kind"), [("replace", None), ("shadow", "shadow")])
def test_replacing_and_shadowing(
    delay: Workshop, quick: pytest.MonkeyPatch, served: Any, strategy: str, kind: str | None
) -> None:
    text = f"{FIGHT}deploy: {{endpoint: delay, strategy: {strategy}}}\n"
    delay.run(text)
    delay.run(text, {"skill": 0.8})
    present = delay.project.endpoints.get("delay")
    rollout = present.rollout
    assert (rollout.kind if rollout else None) == kind
    assert present.revision(present.stable).version == (1 if kind else 2)


def test_what_does_not_answer_is_taken_back_and_the_promotion_stands(
    delay: Workshop, quick: pytest.MonkeyPatch, served: Any
) -> None:
    project = delay.project
    delay.run(CANARY)
    served(Unavailable("flight-delay@2 does not start: no module named lightgbm."))
    result = delay.run(CANARY, {"skill": 0.8})

    assert (result.status, result.outcome, result.exit_code) == ("failed", "passed", 1)
    assert result.promotion.state == "promoted"
    assert project.models.record("flight-delay").aliases == {"champion": 2}
    assert result.reason.startswith(
        "flight-delay 2 is champion now, it replaces 1. flight-delay@2 does not answer at delay: "
        "flight-delay@2 does not start: no module named lightgbm. "
    )
    assert project.endpoints.get("delay").rollout is None
    record = project.runs.get(result.run_id)
    assert (record.status, record.reason) == ("failed", result.reason)
    assert 'type="failed"' in summary.junit(result)

    # An endpoint that somebody has stopped is not started behind their back.
    served(None)
    project.endpoints.stop("delay")
    result = delay.run(CANARY, {"skill": 0.9})
    assert result.status == "failed"
    assert "delay was stopped, and is not started again by a pipeline" in result.reason
    assert project.endpoints.get("delay").state == "stopped"


def test_an_alert_trains_nothing_while_the_last_answer_to_it_is_tried(
    delay: Workshop, quick: pytest.MonkeyPatch, served: Any
) -> None:
    (delay.root / "monitors").mkdir()
    text = "current: endpoint:delay\nreference: dataset:flights\n"
    (delay.root / "monitors" / "delay.yaml").write_text(text)
    triggers = "triggers:\n  - alert: delay\n"
    delay.run(CANARY + triggers)
    delay.run(CANARY + triggers, {"skill": 0.8})
    project = delay.project
    project.triggers.look()
    run = project.runs.start(kind="monitor", source={"monitor": "delay"})
    seen = evaluation(incident())
    project.monitors.reconcile("delay", seen, run_id=run, digest="0" * 64, by=EVE)
    project.runs.end(run)
    ((standing,),) = [one.standings for one in project.triggers.list()]
    assert standing.sentence.startswith("flight-delay@2 is a canary of delay still: delay alarms")
    project.endpoints.promote("delay")
    ((standing,),) = [one.standings for one in project.triggers.list()]
    assert standing.state == "ready"


def test_what_waits_for_people_is_deployed_once_they_have_approved(
    delay: Workshop, quick: pytest.MonkeyPatch, served: Any
) -> None:
    text = CANARY.replace("promote:", "  - approval: {role: approver, count: 1}\npromote:")
    project = delay.project
    result = delay.run(text)
    assert (result.outcome, result.deployment.state, result.exit_code) == ("waiting", "waiting", 4)
    assert result.deployment.sentence.endswith("once it is champion")
    assert project.triggers.look().deployed == ()
    project.models.approve("flight-delay@1", "good", alias="champion", by=EVE)
    (deployed,) = project.triggers.look().deployed
    assert (deployed.state, deployed.sentence) == ("deployed", "delay serves flight-delay@1")
    assert project.triggers.look().deployed == ()
    # One that another has overtaken meanwhile is not.
    for skill in (0.8, 0.9):
        delay.run(text, {"skill": skill})
    project.models.approve("flight-delay@2", "good", alias="champion", by=EVE)
    project.models.approve("flight-delay@3", "good", alias="champion", by=EVE)
    found = {one.version: one.state for one in project.triggers.look().deployed}
    assert found == {2: "overtaken", 3: "deployed"}


def test_faults_of_deploy_are_told_at_their_place(faults_of: Any, workshop: Workshop) -> None:
    workshop.notebook("train", "1")
    steps = "steps:\n  a: {notebook: ../notebooks/train.ipynb}\n"
    assert faults_of(steps + "deploy: {endpoint: delay, ramp: {1h: 20}}") == [
        "3:10: Deployed is what was promoted, and this pipeline has no promote, such as promote: "
        "{model: train.model, alias: champion}.",
        "3:27: ramp is of a canary, not of replace.",
    ]
    assert faults_of(steps + "deploy: {endpoint: ../delay}")[0].startswith("3:10:")
    (said,) = faults_of(steps + "deploy: {endpoint: delay, stratgy: canary}")
    assert "Did you mean strategy?" in said
