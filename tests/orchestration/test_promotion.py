"""Gates against a champion, and what becomes of a model after them. Real kernels, real registry."""

from __future__ import annotations

import json

import pytest

from mlops_lab.errors import Forbidden, InvalidInput
from mlops_lab.governance import Identity
from mlops_lab.orchestration.events import ChampionFound

from .conftest import DELAY, LOG, REGISTER

FIGHT = (
    DELAY
    + """
gates:
  - metric: evaluate.auc >= 0.60
  - metric: evaluate.auc >= champion.evaluate.auc - 0.005
promote: {model: train.model, alias: champion}
"""
)


def judged(workshop, result) -> list[str]:
    return [
        one.name
        for one in workshop.project.pipelines.steps(result.run_id)
        if "champion" in one.name
    ]


def champion_of(workshop) -> int | None:
    found = workshop.project.models.find("flight-delay@champion")
    return found.version if found else None


def test_a_challenger_is_compared_with_the_champion_on_the_same_inputs(delay, quick) -> None:
    # the first one stands alone
    first = delay.run(FIGHT)
    assert (first.outcome, first.exit_code) == ("passed", 0), first
    assert [gate.sentence for gate in first.gates] == [
        "auc 0.7 is at least 0.60",
        "auc 0.7: flight-delay has no champion yet to compare with",
    ]
    assert first.promotion.state == "promoted"
    assert first.promotion.sentence == "flight-delay 1 is champion now"
    assert first.steps["train"].versions == {"model": "flight-delay@1"}
    assert first.steps["evaluate"].inputs == {"model": "flight-delay@1"}
    assert judged(delay, first) == []

    # the second one meets it on another day, judged by the same step
    second = delay.run(FIGHT, {"skill": 0.699, "day": 2})
    assert second.outcome == "passed", second
    assert second.gates[1].sentence == (
        "auc 0.699 is at least champion 1's 0.7 \N{MINUS SIGN} 0.005 (same step, same inputs)"
    )
    assert second.promotion.sentence == "flight-delay 2 is champion now, it replaces 1"
    run = delay.project.runs.get(second.run_id)  # its page says so as well
    assert run.reason == "flight-delay 2 is champion now, it replaces 1."
    assert judged(delay, second) == ["evaluate with champion 1"]
    child = delay.project.pipelines.steps(second.run_id)[-1]
    tags = delay.project.runs.tags(child.id)
    assert tags["mlops.champion"] == "flight-delay@1"
    assert [
        (one.kind, one.name, one.version) for one in delay.project.datasets.inputs(child.id)
    ] == [("model", "flight-delay", 1)]
    assert second.steps["evaluate"].metrics["auc"] == 0.699  # not the champion's

    # a worse one changes nothing
    third = delay.run(FIGHT, {"skill": 0.65, "day": 3})
    assert judged(delay, third) == ["evaluate with champion 2"]
    assert (third.outcome, third.exit_code) == ("rejected", 3)
    assert third.reason == (
        "auc 0.65 is below champion 2's 0.699 \N{MINUS SIGN} 0.005 (same step, same inputs)."
    )
    assert third.promotion.state == "rejected"
    assert third.promotion.sentence == "flight-delay 3 does not become champion; 2 stays"
    assert champion_of(delay) == 2
    judgement = delay.project.models.get("flight-delay@3").judgement
    assert (judgement.outcome, judgement.passed, judgement.total) == ("rejected", 1, 2)
    assert judgement.champion == {"version": 2, "metrics": pytest.approx({
        "auc": 0.699, "fpr/carrier=DL": 0.1, "count/carrier=DL": 400.0,
        "fpr/carrier=EV": 0.12, "count/carrier=EV": 300.0,
        "fpr/carrier=OO": 0.9, "count/carrier=OO": 3.0,
    })}  # fmt: skip

    # the champion has sat this exam already: nobody starts a kernel for it again
    delay.events.clear()
    fourth = delay.run(FIGHT, {"skill": 0.64, "day": 3})
    assert fourth.outcome == "rejected"
    assert "champion 2's 0.699" in fourth.gates[1].sentence
    assert judged(delay, fourth) == []
    [found] = [event for event in delay.events if isinstance(event, ChampionFound)]
    assert (found.step, found.ref) == ("evaluate", "flight-delay@2")
    assert json.loads(json.dumps(fourth.to_json()))["promotion"]["state"] == "rejected"

    # nor for the exam that it sat when it was the challenger itself
    delay.events.clear()
    again = delay.run(FIGHT, {"skill": 0.635, "day": 2})
    assert (judged(delay, again), again.outcome) == ([], "rejected")
    [found] = [event for event in delay.events if isinstance(event, ChampionFound)]
    assert found.run_id == second.steps["evaluate"].run_id

    # until something of the exam changes: its notebook
    delay.notebook("evaluate", EVALUATE_AGAIN, params="model = ''\nday = 1")
    fifth = delay.run(FIGHT, {"skill": 0.63, "day": 3})
    assert judged(delay, fifth) == ["evaluate with champion 2"]
    assert "champion 2's 0.1" in fifth.gates[1].sentence


EVALUATE_AGAIN = LOG + "log(auc=0.1)"


MEASURED = FIGHT.replace(
    "promote:",
    """  - metric: train.model.latency_p95_ms <= 10
  - metric: train.model.size_bytes <= 1000
promote:""",
)


def test_the_same_model_again_stays_what_it_is(delay, quick) -> None:
    first = delay.run(MEASURED)
    assert first.gates[2].sentence == "model.latency_p95_ms 2.5 is at most 10"
    assert "model.size_bytes" in first.gates[3].sentence
    again = delay.run(MEASURED)

    assert (again.outcome, again.steps["train"].versions) == (
        "passed",
        {"model": "flight-delay@1"},
    )
    assert again.promotion.sentence == "flight-delay 1 is champion already"


def test_what_waits_is_promoted_by_the_last_approval_and_nothing_runs_again(delay, quick) -> None:
    text = (
        DELAY
        + "gates:\n  - metric: evaluate.auc >= 0.60\n  - approval: {role: approver, count: 2}\n"
        + "promote: {model: train.model, alias: champion}\n"
    )
    # as the server does it, for whom it has authenticated
    scheduled = delay.project.runs.start(
        stem="flight-delay", kind="pipeline", status="scheduled", by=Identity("nora", "jupyter")
    )
    result = delay.run(text, run_id=scheduled)

    assert (result.status, result.outcome, result.exit_code) == ("finished", "waiting", 4), result
    assert [gate.state for gate in result.gates] == ["passed", "waiting"]
    assert result.gates[1].sentence == (
        "waits for approval by 2 approvers of flight-delay 1 as champion"
    )
    assert result.promotion.state == "waiting"
    models, project = delay.project.models, delay.project
    assert champion_of(delay) is None
    [request] = models.queue(Identity("ivo"))
    assert (request.needs, request.role, request.run_id) == (2, "approver", result.run_id)
    assert [need.kind for need in project.runs.needs()] == ["waiting"]

    with pytest.raises(Forbidden, match="nobody approves their own version"):
        models.approve("flight-delay@1", "mine", by=Identity("nora"))
    assert not models.approve("flight-delay@1", "good", by=Identity("ivo")).promoted
    assert project.runs.get(result.run_id).outcome == "waiting"
    runs_before = len(project.runs.search(parent="any", limit=100).items)
    assert models.approve("flight-delay@1", "meets the policy", by=Identity("mara")).promoted

    assert champion_of(delay) == 1
    run = project.runs.get(result.run_id)
    assert (run.status, run.outcome) == ("finished", "passed")
    assert "mara" in run.reason
    assert [gate.state for gate in project.pipelines.gates(run.id)] == ["passed", "passed"]
    assert project.pipelines.gates(run.id)[1].sentence.startswith("Approved by mara")
    assert len(project.runs.search(parent="any", limit=100).items) == runs_before
    assert project.runs.needs() == []


def test_what_is_rejected_by_a_person_is_settled_as_well(delay, quick) -> None:
    text = DELAY + "gates:\n  - approval: {}\npromote: {model: train.model, alias: champion}\n"
    result = delay.run(text)
    models = delay.project.models

    models.reject("flight-delay@1", "not on a Friday", by=Identity("ivo"))

    run = delay.project.runs.get(result.run_id)
    assert (run.outcome, champion_of(delay)) == ("rejected", None)
    assert delay.project.pipelines.gates(run.id)[0].state == "rejected"


def test_the_policy_of_the_alias_has_the_last_word(delay, quick) -> None:
    config = delay.project.root / "mlops.toml"
    config.write_text(config.read_text() + '\n[aliases.champion]\nafter = "staging"\n')

    result = delay.run(FIGHT)

    assert [gate.state for gate in result.gates] == ["passed", "passed"]
    assert (result.outcome, result.exit_code) == ("rejected", 3)
    assert result.promotion.state == "refused"
    assert result.reason.startswith("The policy of champion refuses flight-delay 1: ")
    assert "staging" in result.reason
    assert champion_of(delay) is None


def test_a_champion_that_the_step_cannot_judge_rejects_and_says_why(delay, quick) -> None:
    delay.run(FIGHT)
    delay.notebook(
        "evaluate",
        "import pathlib\n"
        "skill = float(pathlib.Path(model, 'skill.txt').read_text())\n"
        "if skill == 0.7: raise OSError('old format')",
        LOG + "log(auc=0.9)",
        params="model = ''",
    )
    result = delay.run(FIGHT, {"skill": 0.8})

    assert (result.status, result.outcome) == ("finished", "rejected")
    assert result.gates[1].sentence == (
        "champion 1 of flight-delay could not be judged: step evaluate failed: OSError in cell 3: "
        "old format"
    )
    assert champion_of(delay) == 1


def test_a_policy_that_cannot_be_read_is_a_fault_before_anything_runs(delay, quick) -> None:
    config = delay.project.root / "mlops.toml"
    sound = config.read_text()
    config.write_text(sound + '\n[aliases.Champion]\nafter = "staging"\n')
    with pytest.raises(InvalidInput, match="write Champion"):
        delay.run(FIGHT)
    assert delay.project.runs.search().items == []

    # it is broken while the steps run: what they made stays, and nothing is promoted
    config.write_text(sound)
    delay.notebook(
        "evaluate",
        LOG + f"log(auc=0.9)\npathlib.Path({str(config)!r}).write_text('[aliases.champion')",
        params="model = ''\nday = 1",
    )
    result = delay.run(FIGHT)
    assert (result.status, result.outcome, result.exit_code) == ("finished", "rejected", 3)
    assert "not valid TOML" in result.reason
    assert champion_of(delay) is None


def test_a_champion_whose_bytes_were_changed_rejects_in_one_sentence(delay, quick) -> None:
    delay.run(FIGHT)
    models, objects = delay.project.models, delay.project.store.objects
    [entry] = [one for one in models.tree("flight-delay@1").entries if one.path == "skill.txt"]
    path = objects.path(entry.digest)
    path.chmod(0o644)
    path.write_text("9.9")

    result = delay.run(FIGHT, {"skill": 0.8})

    assert result.outcome == "rejected"
    assert "could not be judged: the bytes of" in result.reason
    assert not result.reason.endswith("..")


def test_a_misspelt_metric_opens_no_gate_when_nobody_is_champion(delay, quick) -> None:
    result = delay.run(FIGHT.replace("evaluate.auc >= champion", "evaluate.acu >= champion"))

    assert result.gates[1].sentence == "step evaluate logged no metric acu; the nearest is auc"
    assert champion_of(delay) is None


def test_an_input_version_that_does_not_exist_is_a_fault_before_anything_runs(delay, quick) -> None:
    delay.notebook("prepare", "1", params="raw = old = ''")
    text = (
        "steps:\n  prepare:\n    notebook: ../notebooks/prepare.ipynb\n"
        "    inputs:\n      raw: dataset:flights@3\n      old: model:flight-delay@champion\n"
    )

    with pytest.raises(InvalidInput) as caught:
        delay.run(text)

    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "pipelines/p.yaml:5:12",
        "pipelines/p.yaml:6:12",
    ]
    assert "There is no dataset flights" in lines[0]
    assert "There is no model 'flight-delay'" in lines[1]
    assert delay.project.runs.search().items == []
    with pytest.raises(InvalidInput):
        delay.run(text, dry_run=True)
    assert (
        delay.project.pipelines.plan("p").steps[0].inputs["raw"]
        == "dataset:flights@3 (not there yet)"
    )


def test_a_model_that_is_never_registered_fails_its_step_with_a_sentence(delay, quick) -> None:
    delay.notebook("train", "1", params="skill = 1\nmodel = 'm'")
    result = delay.run(FIGHT)

    assert (result.status, result.exit_code, result.gates) == ("failed", 1, ())
    assert result.steps["train"].error.message == (
        "output model: the notebook registered no version of the model flight-delay; "
        "run.log_model(…, register=model) does"
    )


TWIN = """
candidate_path, twin = pathlib.Path(candidate), skill + 0.2
candidate_path.write_text(str(skill))
skill = twin  # what is promoted was fitted on everything, the exam's rows included
"""

TWINS = """
params: {skill: 0.7, day: 1}
steps:
  train:
    notebook: ../notebooks/train.ipynb
    outputs: {candidate: candidate.txt, model: model:flight-delay}
  evaluate:
    notebook: ../notebooks/evaluate.ipynb
    inputs: {model: train.candidate}
gates:
  - metric: evaluate.auc >= champion.evaluate.auc
promote: {model: train.model, alias: champion, replaces: evaluate.model}
"""


def test_a_champion_who_has_seen_the_solutions_counts_by_what_it_knew_before(delay, quick) -> None:
    delay.notebook(
        "train",
        "import pathlib\n" + TWIN,
        REGISTER,
        params="skill = 0.5\nmodel = 'm'\ncandidate = ''",
    )
    delay.notebook(
        "evaluate",
        LOG + "path = pathlib.Path(model)\n"
        "path = path / 'skill.txt' if path.is_dir() else path\n"
        "log(auc=float(path.read_text()))",
        params="model = ''\nday = 1",
    )
    assert delay.run(TWINS).outcome == "passed"

    # on the rows that the champion was fitted on since, its twin's answer from before counts
    second = delay.run(TWINS, {"skill": 0.71})
    assert second.outcome == "passed", second
    assert "auc 0.71 is at least champion 1's 0.7 " in second.gates[0].sentence
    assert judged(delay, second) == []
    judgement = delay.project.models.get("flight-delay@2").judgement
    assert judgement.judged["input"] == "evaluate.model"
    assert judgement.judged["digest"] != delay.project.models.get("flight-delay@2").digest

    # on rows that are new to both, the champion itself is asked
    third = delay.run(TWINS, {"skill": 0.72, "day": 2})
    assert judged(delay, third) == ["evaluate with champion 2"]
    assert "auc 0.72 is below champion 2's 0.91 " in third.gates[0].sentence
