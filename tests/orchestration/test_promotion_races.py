"""Promotions that meet another one, a signal, or the end of their process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from mlops_lab.governance.access import Rules
from mlops_lab.orchestration.events import Event, GateDecided, StepStarted
from mlops_lab.project import Project

from .conftest import DELAY, LOG, Workshop

FIGHT = (
    DELAY
    + """
gates:
  - metric: evaluate.auc >= champion.evaluate.auc
promote: {model: train.model, alias: champion}
"""
)

DIES = """
import os, signal, sys
from mlops_lab.orchestration.events import GateDecided
from mlops_lab.project import Project

class Dies:
    def on_event(self, event):
        if isinstance(event, GateDecided):
            os.kill(os.getpid(), signal.SIGKILL)

Project.open(sys.argv[1]).pipelines.run("p", run_id=sys.argv[2], listener=Dies())
"""


class AtTheGate:
    """Does something once, when the first gate has been decided and nothing is promoted yet."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work: Callable[[], object] | None = work

    def on_event(self, event: Event) -> None:
        if isinstance(event, GateDecided) and self.work is not None:
            work, self.work = self.work, None
            work()


def aliases(project: Project) -> dict[str, int]:
    return project.models.record("flight-delay").aliases


def test_a_process_killed_between_gates_and_promotion_has_promoted_nothing(delay: Workshop) -> None:
    delay.pipeline(FIGHT)
    project, run_id = delay.project, "ab" * 16

    ended = subprocess.run(
        [sys.executable, "-c", DIES, str(delay.root), run_id],
        timeout=120,
        check=False,
        capture_output=True,
    )

    assert ended.returncode == -signal.SIGKILL, ended.stderr
    run = project.runs.get(run_id)
    assert (run.status, run.outcome) == ("killed", None)
    assert [gate.state for gate in project.pipelines.gates(run_id)] == ["passed"]
    assert aliases(project) == {}
    assert project.models.get("flight-delay@1").judgement is None
    # and whoever runs it again promotes
    assert delay.run(FIGHT).promotion.state == "promoted"


def test_of_two_promotions_at_once_the_second_fights_the_first(
    delay: Workshop, quick: pytest.MonkeyPatch
) -> None:
    delay.run(FIGHT)
    other = delay.pipeline(FIGHT, name="other")

    # While 0.72 has beaten 0.70 and is about to be promoted, 0.80 is.
    late = AtTheGate(lambda: delay.project.pipelines.run(other, {"skill": 0.8}))
    result = delay.project.pipelines.run("p", {"skill": 0.72}, listener=late)

    assert result.outcome == "rejected", result
    assert result.gates[0].sentence == (
        "auc 0.72 is below champion 3's 0.8 (same step, same inputs)"
    )
    assert aliases(delay.project) == {"champion": 3}
    judgement = delay.project.models.get("flight-delay@2").judgement
    assert (judgement.outcome, judgement.champion["version"]) == ("rejected", 3)
    gates = delay.project.pipelines.gates(result.run_id)
    assert [(gate.state, gate.sentence) for gate in gates] == [
        ("rejected", result.gates[0].sentence)
    ]


def test_who_interrupts_at_the_gate_still_has_what_was_decided(
    delay: Workshop, quick: pytest.MonkeyPatch
) -> None:
    # The gates are through: a signal now comes too late, and must not leave a half of it.
    late = AtTheGate(lambda: os.kill(os.getpid(), signal.SIGINT))
    delay.pipeline(FIGHT)

    result = delay.project.pipelines.run("p", listener=late)

    assert (result.status, result.outcome) == ("finished", "passed")
    assert aliases(delay.project) == {"champion": 1}


def test_who_cancels_while_the_champion_is_judged_stops_everything(
    delay: Workshop, quick: pytest.MonkeyPatch
) -> None:
    delay.run(FIGHT)
    project = delay.project

    class Cancels:
        def on_event(self, event: Event) -> None:
            if isinstance(event, StepStarted) and event.index > event.total:
                quick.undo()
                project.pipelines.cancel(event.run_id)

    result = project.pipelines.run("p", {"skill": 0.9, "day": 2}, listener=Cancels())

    assert (result.status, result.outcome, result.exit_code) == ("killed", None, 130), result
    assert result.gates == ()
    assert result.promotion is None
    steps = project.pipelines.steps(result.run_id)
    assert [(step.name, step.status) for step in steps] == [
        ("train", "finished"),
        ("evaluate", "finished"),
        ("evaluate with champion 1", "killed"),
    ]
    assert aliases(project) == {"champion": 1}
    assert project.models.get("flight-delay@2").judgement is None


def test_without_gates_the_policy_alone_decides(delay: Workshop, quick: pytest.MonkeyPatch) -> None:
    promote = DELAY + "promote: {model: train.model, alias: champion}\n"
    assert delay.run(promote).promotion.state == "promoted"

    config = delay.root / "mlops.toml"
    config.write_text(config.read_text() + "\n[aliases.champion]\ngates = true\n")
    result = delay.run(promote, {"skill": 0.9})
    assert (result.outcome, result.promotion.state) == ("rejected", "refused")
    assert "No pipeline has judged it yet" in result.reason


def test_who_may_not_promote_does_not_and_is_told_who_gives_the_role(
    delay: Workshop, quick: pytest.MonkeyPatch
) -> None:
    delay.pipeline(FIGHT)
    project = delay.project
    rules = Rules.of({project.identity.id: "viewer"}, None)

    # The kernel registered the model by the rules of before.
    late = AtTheGate(lambda: project.access.adopt(rules))
    result = project.pipelines.run("p", listener=late)

    assert (result.status, result.outcome, result.exit_code) == ("finished", "rejected", 3)
    assert [gate.state for gate in result.gates] == ["passed"]
    assert result.promotion.state == "refused"
    assert "needs the role contributor" in result.reason


def test_a_changed_decision_log_promotes_nothing(
    delay: Workshop, quick: pytest.MonkeyPatch
) -> None:
    delay.run(FIGHT)
    log = delay.project.store.dir / "decisions.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if b'"model.register"' in line)
    lines[at] = lines[at].replace(b'"note":""', b'"note":"x"')
    log.write_bytes(b"".join(lines))

    result = delay.run(FIGHT, {"skill": 0.9})

    assert (result.outcome, result.promotion.state) == ("rejected", "refused"), result
    assert str(at + 1) in result.reason  # the line after which the chain is broken
    assert aliases(delay.project) == {"champion": 1}


def test_inputs_that_change_meanwhile_are_no_fair_fight(
    delay: Workshop, quick: pytest.MonkeyPatch
) -> None:
    rows = delay.root / "rows.csv"
    rows.write_text("1\n")
    text = FIGHT.replace(
        "    inputs: {model: train.model}", "    inputs: {model: train.model, rows: ../rows.csv}"
    )
    delay.run(text)
    delay.notebook(
        "evaluate",
        LOG + "log(auc=0.9)\nopen(rows, 'a').write('2\\n')",
        params="model = rows = ''",
    )

    result = delay.run(text, {"skill": 0.8})

    assert result.outcome == "rejected"
    assert result.gates[0].sentence == (
        "champion 1 of flight-delay could not be judged: input rows (rows.csv) was changed while "
        "the pipeline ran"
    )
