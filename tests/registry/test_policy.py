"""Alias policies: every demand in a sentence, and nothing moves that a policy does not allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlops_lab.errors import Conflict, Forbidden, InvalidInput, Refused, Waiting
from mlops_lab.project import Project
from mlops_lab.registry.policy import demands
from mlops_lab.registry.records import ModelVersion

from .conftest import ADA, EVE, IVO, MARA, ROOT, Make

Write = Callable[..., None]


def lines(project: Project, ref: str, alias: str = "champion") -> list[tuple[str, str]]:
    check = project.models.check_policy(ref, alias)
    return [(line.state, line.sentence) for line in check.lines]


def test_an_alias_without_a_table_takes_any_safe_model(
    project: Project, version: ModelVersion
) -> None:
    assert lines(project, "flight-delay@1", "best") == [("passed", "No unsafe format: sklearn.")]
    done = project.models.promote("flight-delay", "best", reason="first", by=MARA)
    assert done.promoted
    assert done.sentence == "flight-delay 1 is best now."
    assert project.models.get("flight-delay@best").aliases == ("best",)


def test_every_demand_is_answered_in_a_sentence(
    project: Project, version: ModelVersion, judge: Any, policy: Write
) -> None:
    policy()
    assert lines(project, version.ref) == [
        ("failed", "No pipeline has judged it yet, so no gate has passed."),
        ("failed", "Has not been staging yet, which comes before champion."),
        ("passed", "No unsafe format: sklearn."),
        ("waiting", "Needs 1 approval by an approver who is not mara."),
    ]
    judge(version)
    project.models.promote(version.ref, "staging", by=MARA)
    said = lines(project, version.ref)
    assert said[0] == ("passed", "All 8 gates passed in flight-delay-41, just now.")
    assert said[1][1].startswith("Has been staging first, since ")
    assert project.models.check_policy(version.ref, "champion").state == "waiting"


def test_a_missing_approval_waits_and_an_unmet_demand_is_refused(
    project: Project, version: ModelVersion, judge: Any, policy: Write
) -> None:
    policy()
    with pytest.raises(Refused, match="No pipeline has judged it yet") as refused:
        project.models.promote(version.ref, "champion", by=MARA)
    assert (refused.value.exit_code, refused.value.details["state"]) == (3, "refused")
    judge(version)
    project.models.promote(version.ref, "staging", by=MARA)
    with pytest.raises(Waiting, match="Needs 1 approval by an approver who is not mara") as waiting:
        project.models.promote(version.ref, "champion", by=MARA)
    assert waiting.value.exit_code == 4
    assert project.models.history("flight-delay", "champion") == []


def test_rejected_gates_are_told_with_their_reason(
    project: Project, version: ModelVersion, judge: Any, policy: Write
) -> None:
    policy()
    judge(version)
    judge(version, "rejected", sentences=["auc 0.61 is below 0.70"])
    assert lines(project, version.ref)[0] == (
        "failed",
        "Rejected in flight-delay-41, just now: auc 0.61 is below 0.70.",
    )


def test_staging_that_was_rolled_back_does_not_count(
    project: Project, versions: list[ModelVersion], policy: Write
) -> None:
    policy("[aliases.champion]\nafter = 'staging'\n")
    project.models.promote("flight-delay@1", "staging", by=MARA)
    project.models.promote("flight-delay@2", "staging", by=MARA)
    assert lines(project, "flight-delay@1")[0][0] == "passed"
    project.models.rollback("flight-delay", "staging", by=IVO)
    assert lines(project, "flight-delay@2")[0] == (
        "failed",
        "Has been staging, which was rolled back just now.",
    )


def test_an_unsafe_format_is_refused_unless_the_policy_allows_it(
    project: Project, make: Make, policy: Write
) -> None:
    make(unsafe=True)
    with pytest.raises(Refused, match="loading it can run any code"):
        project.models.promote("flight-delay@1", "champion", by=ROOT)
    policy("[aliases.champion]\nunsafe = true\n")
    assert project.models.promote("flight-delay@1", "champion", by=MARA).promoted


def test_a_model_that_lies_about_its_format_is_unsafe(project: Project, keep: Any) -> None:
    logged = keep()
    project.store.append(
        {
            "e": "model",
            "r": logged.run_id,
            "t": 1,
            "model": "m-" + "0" * 32,
            "name": "forged",
            "flavor": "sklearn",
            "digest": keep(unsafe=True).digest,
            "size": 1,
            "unsafe": False,
            "facts": logged.facts,
        }
    )
    version = project.models.register("forged", logged_model="m-" + "0" * 32, by=MARA)
    assert version.unsafe
    assert version.flavor == "pickle"


@pytest.mark.parametrize("who", [EVE, MARA])
def test_approval_needs_the_role(
    project: Project, version: ModelVersion, judge: Any, policy: Write, who: Any
) -> None:
    policy()
    judge(version)
    with pytest.raises(Forbidden, match="approver"):
        project.models.approve("flight-delay@1", "fine", alias="champion", by=who)


def test_a_policy_can_ask_for_a_higher_role(
    project: Project, version: ModelVersion, policy: Write
) -> None:
    policy("[aliases.champion]\napprovals = 1\nrole = 'admin'\n")
    project.models.request_approval("flight-delay@1", by=MARA)
    with pytest.raises(Forbidden, match="ivo is approver, and this takes an admin"):
        project.models.approve("flight-delay@1", "fine", by=IVO)
    assert project.models.approve("flight-delay@1", "fine", by=ROOT).promoted


def test_a_judgement_without_gates_passes_none(
    project: Project, version: ModelVersion, policy: Write
) -> None:
    policy("[aliases.champion]\ngates = true\n")
    with pytest.raises(InvalidInput, match="got 0 gates"):
        project.models.judge(version.ref, run=None, outcome="passed", passed=0, total=0)
    # nor does a line that somebody wrote without asking
    about = {"model": version.name, "version": 1, "digest": version.digest, "run": None}
    gates = {"outcome": "passed", "gates": {"passed": 0, "total": 0}}
    project.store.decide("model.judge", about | gates, by=MARA.as_by())
    with pytest.raises(Refused, match="no gate has passed"):
        project.models.promote(version.ref, "champion", by=MARA)


def test_a_role_that_may_not_approve_is_not_asked(
    project: Project, version: ModelVersion, policy: Write
) -> None:
    policy("[aliases.champion]\napprovals = 1\nrole = 'contributor'\n")
    project.models.request_approval("flight-delay@1", by=ROOT)
    assert demands(project.models.policy("champion"))[-1].startswith("1 approval by an approver")
    [request] = project.models.queue(MARA)
    assert request.why_not == "mara is contributor, and this takes an approver."
    assert project.models.approve("flight-delay@1", "fine", by=IVO).promoted


def test_two_approvals_are_by_two_people(
    project: Project, version: ModelVersion, policy: Write
) -> None:
    policy("[aliases.champion]\napprovals = 2\n")
    project.models.request_approval("flight-delay@1", by=MARA)
    first = project.models.approve("flight-delay@1", "fine", by=IVO)
    assert not first.promoted
    assert first.sentence == (
        "flight-delay 1 is approved for champion. Needs 1 more approval by an approver who is not "
        "ivo or mara, beside that of ivo."
    )
    with pytest.raises(Conflict, match="ivo has approved it already"):
        project.models.approve("flight-delay@1", "again", by=IVO)
    assert project.models.approve("flight-delay@1", "fine", by=ADA).promoted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[aliases.champion]\napprovals = -1\n", "aliases.champion.approvals = -1"),
        ("[aliases.champion]\napprovals = '1'\n", "aliases.champion.approvals = '1'"),
        ("[aliases.champion]\nrole = 'boss'\n", "aliases.champion.role = 'boss'"),
        ("[aliases.champion]\naproval = 1\n", r"\[aliases.champion\] aproval .*mean approvals"),
        ("[aliases.champion]\nafter = 'champion'\n", "come after itself"),
        ("[aliases.a]\nafter = 'b'\n[aliases.b]\nafter = 'a'\n", "come after itself"),
        ("[aliases.a]\nafter = 'a'\n", r"\[aliases\] a would have to come after itself\.$"),
        ("[aliases.'7']\n", "7"),
        ("[aliases.latest]\n", "not latest"),
    ],
)
def test_a_wrong_policy_names_file_and_key(
    project: Project, policy: Write, text: str, said: str
) -> None:
    policy(text)
    with pytest.raises(InvalidInput, match=said) as error:
        project.models.policies()
    assert "mlops.toml" in str(error.value)


def test_the_environment_cannot_weaken_a_policy(
    project: Project, policy: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy()
    monkeypatch.setenv("MLOPS_LAB_ALIASES_CHAMPION", "{}")
    monkeypatch.setenv("MLOPS_LAB_ALIASES_CHAMPION_APPROVALS", "0")
    assert project.models.policy("champion").approvals == 1


def test_a_fight_with_somebody_else_is_told(
    project: Project, versions: list[ModelVersion], judge: Any
) -> None:
    project.models.promote("flight-delay@1", "champion", by=MARA)
    judge(project.models.get("flight-delay@2"), champion={"version": 1, "metrics": {}})
    check = project.models.check_policy
    policy = project.root / "mlops.toml"
    policy.write_text(policy.read_text() + "[aliases.champion]\ngates = true\n")
    assert check("flight-delay@2", "champion").lines[0].sentence.endswith("just now.")
    policy.write_text(policy.read_text().replace("gates = true", "gates = false"))
    project.models.promote("flight-delay@3", "champion", by=MARA)
    policy.write_text(policy.read_text().replace("gates = false", "gates = true"))
    assert check("flight-delay@2", "champion").lines[0].sentence == (
        "All 8 gates passed in flight-delay-41, just now. It was compared with 1, not with 3."
    )
