"""Approvals: whose word counts, of which content, and what the last one does."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.errors import Conflict, Corrupt, Forbidden, InvalidInput, Refused, Waiting
from mlops_lab.governance import Identity
from mlops_lab.governance.access import Rules
from mlops_lab.project import Project
from mlops_lab.registry.records import ModelVersion

from .conftest import ADA, IVO, MARA, ROOT, Make, package

ONE: str = "[aliases.champion]\napprovals = 1\n"


@pytest.fixture
def version(version: ModelVersion, policy: Callable[[str], None]) -> ModelVersion:
    """A version whose promotion takes one approval."""
    policy(ONE)
    return version


def decisions(project: Project, kind: str) -> list[dict[str, Any]]:
    return [one.data for one in project.store.decisions() if one.kind == kind]


def write_by_hand(project: Project, kind: str, data: dict[str, Any], by: str = "ivo") -> None:
    """Append a line to the log as somebody with an editor would."""
    path = project.store.dir / "decisions.jsonl"
    last = path.read_bytes().splitlines()[-1]
    line = {
        "v": 1,
        "n": json.loads(last)["n"] + 1,
        "t": json.loads(last)["t"] + 1,
        "by": {"id": by, "via": "os"},
        "kind": kind,
        "data": data,
        "prev": "0" * 64,
    }
    with path.open("ab") as file:
        file.write(json.dumps(line).encode() + b"\n")


def change_content(project: Project, version: ModelVersion, name: str = "model.skops") -> None:
    """Flip a bit of a stored file and put its time back."""
    (entry,) = [one for one in project.models.tree(version.ref).entries if one.path == name]
    path = project.store.objects.path(entry.digest)
    stat = path.stat()
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_the_last_approval_promotes_in_the_same_decision(
    project: Project, version: ModelVersion
) -> None:
    run = project.runs.start(name="flight-delay-41", kind="pipeline", by=MARA)
    project.models.request_approval(version.ref, run=run, comment="look", by=MARA)
    project.runs.end(run, outcome="waiting")
    before = len(list(project.store.decisions()))
    done = project.models.approve(version.ref, "meets the policy", by=IVO)
    assert (done.promoted, done.sentence) == (True, "flight-delay 1 is champion now.")
    assert len(list(project.store.decisions())) == before + 1
    (line,) = decisions(project, "model.approve")
    assert (line["digest"], line["role"], line["alias"]) == (version.digest, "approver", "champion")
    assert line["promotes"]["from"] is None
    assert line["settles"]["run"] == run
    settled = project.runs.get(run)
    assert settled.outcome == "passed"
    assert settled.reason == "Approved by ivo: flight-delay 1 is champion now."
    assert project.models.get("flight-delay@champion").version == 1
    assert project.models.queue(IVO) == []


def test_an_approval_that_nobody_asked_for_waits_for_a_promotion(
    project: Project, version: ModelVersion
) -> None:
    first = project.models.approve(version.ref, "fine", by=IVO)
    assert not first.promoted
    assert project.models.find("flight-delay@champion") is None
    assert project.models.promote(version.ref, "champion", by=MARA).promoted


def test_nobody_approves_what_they_registered_or_asked_for(
    project: Project, make: Make, policy: Callable[[str], None], keep: Any
) -> None:
    policy(ONE)
    logged = keep()
    project.models.register("mine", logged_model=logged.id, by=IVO)
    project.models.request_approval("mine@1", by=ADA)
    with pytest.raises(Forbidden, match="ivo registered it: nobody approves their own version"):
        project.models.approve("mine@1", "fine", by=IVO)
    with pytest.raises(Forbidden, match="ada asked for it"):
        project.models.approve("mine@1", "fine", by=ADA)
    (request,) = project.models.queue(ADA)
    assert (request.may_approve, request.why_not) == (
        False,
        "ada asked for it: nobody approves their own version.",
    )
    assert project.models.approve("mine@1", "fine", by=ROOT).promoted


def test_the_same_person_by_another_way_in_is_the_same_person(
    project: Project, keep: Any, policy: Callable[[str], None]
) -> None:
    policy(ONE)
    project.models.register("mine", logged_model=keep().id, by=IVO)
    project.models.request_approval("mine@1", by=MARA)
    with pytest.raises(Forbidden, match="nobody approves their own"):
        project.models.approve("mine@1", "fine", by=Identity("ivo", via="jupyter"))


def test_a_policy_may_allow_self_approval(
    project: Project, keep: Any, policy: Callable[[str], None]
) -> None:
    policy(ONE + "self_approval = true\n")
    project.models.register("mine", logged_model=keep().id, by=IVO)
    project.models.request_approval("mine@1", by=IVO)
    assert project.models.approve("mine@1", "fine", by=IVO).promoted


def test_the_role_counts_that_the_approver_had_then(
    project: Project, version: ModelVersion, policy: Callable[[str], None]
) -> None:
    policy("[aliases.champion]\napprovals = 2\n")
    project.models.request_approval(version.ref, by=MARA)
    project.models.approve(version.ref, "fine", by=IVO)
    project.access.adopt(Rules.of({"ada": "approver", "mara": "contributor"}, "viewer"))
    assert project.models.approve(version.ref, "fine", by=ADA).promoted


def test_an_approval_of_another_content_is_a_conflict(
    project: Project, version: ModelVersion
) -> None:
    project.models.request_approval(version.ref, by=MARA)
    with pytest.raises(Conflict, match="Look at it again"):
        project.models.approve(version.ref, "fine", digest="b3-" + "0" * 64, by=IVO)
    assert decisions(project, "model.approve") == []


def test_changed_content_cannot_be_approved(project: Project, version: ModelVersion) -> None:
    project.models.request_approval(version.ref, by=MARA)
    change_content(project, version)
    with pytest.raises(Corrupt, match=r"not what was registered: model\.skops has other bytes"):
        project.models.approve(version.ref, "fine", by=IVO)
    assert decisions(project, "model.approve") == []


def test_content_that_changed_after_the_approval_is_not_promoted(
    project: Project, version: ModelVersion
) -> None:
    project.models.approve(version.ref, "fine", by=IVO)
    change_content(project, version)
    with pytest.raises(Corrupt, match=r"model\.skops"):
        project.models.promote(version.ref, "champion", by=MARA)
    assert [fault.where for fault in project.models.verify(version.ref)] == ["model.skops"]
    assert project.models.find("flight-delay@champion") is None


def test_a_rejection_voids_approvals_and_settles_the_run(
    project: Project, version: ModelVersion, policy: Callable[[str], None]
) -> None:
    policy("[aliases.champion]\napprovals = 2\n")
    run = project.runs.start(name="flight-delay-41", kind="pipeline", by=MARA)
    project.models.request_approval(version.ref, run=run, by=MARA)
    project.runs.end(run, outcome="waiting")
    project.models.approve(version.ref, "fine", by=IVO)
    project.models.reject(version.ref, "worse for EV", by=ADA)
    assert project.runs.get(run).outcome == "rejected"
    assert project.runs.get(run).reason == "ada rejected it: worse for EV"
    assert project.models.queue(ADA) == []
    with pytest.raises(Refused, match="Rejected by ada, just now: worse for EV"):
        project.models.promote(version.ref, "champion", by=MARA)
    project.models.request_approval(version.ref, by=MARA)
    assert not project.models.approve(version.ref, "better now", by=ADA).promoted
    assert project.models.approve(version.ref, "better now", by=IVO).promoted


def test_approvals_are_used_up_by_the_promotion(
    project: Project, versions: list[ModelVersion], policy: Callable[[str], None]
) -> None:
    policy(ONE)
    first, second, _ = versions
    for version in (first, second):
        project.models.request_approval(version.ref, by=MARA)
        project.models.approve(version.ref, "fine", by=IVO)
    with pytest.raises(Waiting, match="Needs 1 approval"):
        project.models.promote(first.ref, "champion", by=MARA)


@pytest.mark.parametrize("comment", ["", "  ", None])
def test_an_answer_takes_a_comment(project: Project, version: ModelVersion, comment: Any) -> None:
    with pytest.raises(InvalidInput, match="takes a comment"):
        project.models.approve(version.ref, comment, by=IVO)
    with pytest.raises(InvalidInput, match="takes a comment"):
        project.models.reject(version.ref, comment, by=IVO)


def test_an_approval_written_by_hand_stops_every_promotion(
    project: Project, version: ModelVersion
) -> None:
    project.models.request_approval(version.ref, by=MARA)
    about = {"model": version.name, "version": 1, "digest": version.digest, "alias": "champion"}
    write_by_hand(
        project, "model.approve", {**about, "comment": "me", "role": "approver", "promotes": None}
    )
    lines = len((project.store.dir / "decisions.jsonl").read_bytes().splitlines())
    for act in (
        lambda: project.models.promote(version.ref, "champion", by=MARA),
        lambda: project.models.approve(version.ref, "fine", by=ADA),
    ):
        with pytest.raises(Corrupt, match=f"decision log is broken: line {lines} ") as error:
            act()
        assert error.value.details["line"] == lines
    assert project.models.find("flight-delay@champion") is None


def chained(project: Project, kind: str, data: dict[str, Any], by: str) -> None:
    """A hand-written line by somebody who knows how lines are chained."""
    path = project.store.dir / "decisions.jsonl"
    last = path.read_bytes().splitlines()[-1]
    line = {
        "v": 1,
        "n": json.loads(last)["n"] + 1,
        "t": json.loads(last)["t"] + 1,
        "by": {"id": by, "via": "os"},
        "kind": kind,
        "data": data,
        "prev": hashlib.sha256(last).hexdigest(),
    }
    with path.open("ab") as file:
        file.write(json.dumps(line).encode() + b"\n")


@pytest.mark.parametrize(
    "change",
    [
        {"role": "contributor"},
        {"role": None},
        {"role": "emperor"},
        {"digest": "b3-" + "0" * 64},
        {"version": 7},
        {"version": "one"},
        {"by": "mara"},
    ],
)
def test_a_chained_line_counts_only_if_it_could_have_been_decided(
    project: Project, version: ModelVersion, change: dict[str, Any]
) -> None:
    about = {"model": version.name, "version": 1, "digest": version.digest, "alias": "champion"}
    data = {**about, "comment": "x", "role": "approver", "promotes": None, **change}
    chained(project, "model.approve", data, data.pop("by", "ivo"))
    with pytest.raises(Waiting, match="Needs 1 approval"):
        project.models.promote(version.ref, "champion", by=MARA)


def test_a_move_to_another_content_is_no_move(project: Project, version: ModelVersion) -> None:
    about = {"model": version.name, "version": 1, "digest": "b3-" + "0" * 64, "alias": "champion"}
    chained(project, "model.alias", {**about, "how": "promote"}, "ivo")
    assert project.models.find("flight-delay@champion") is None
    assert project.sql("select * from model_aliases").arrow.num_rows == 0


def test_a_torn_last_line_is_no_tampering(project: Project, version: ModelVersion) -> None:
    with (project.store.dir / "decisions.jsonl").open("ab") as file:
        file.write(b'{"v":1,"n":99')
    project.models.request_approval(version.ref, by=MARA)
    with (project.store.dir / "decisions.jsonl").open("ab") as file:
        file.write(b'{"v":1,"n":99')
    assert project.models.approve(version.ref, "fine", by=IVO).promoted


def test_a_request_is_made_once_and_only_where_it_helps(
    project: Project, version: ModelVersion, make: Make, tmp_path: Path
) -> None:
    project.models.request_approval(version.ref, by=MARA)
    with pytest.raises(Conflict, match="mara has asked already"):
        project.models.request_approval(version.ref, by=ADA)
    with pytest.raises(Conflict, match="takes no approval"):
        project.models.request_approval(version.ref, "staging", by=MARA)
    unsafe = make(unsafe=True)
    with pytest.raises(Refused, match="loading it can run any code"):
        project.models.request_approval(unsafe.ref, by=MARA)


def test_the_gate_of_a_pipeline_asks_for_approval_where_the_policy_does_not(
    project: Project, versions: list[ModelVersion], judge: Any
) -> None:
    version = versions[0]
    run = judge(version, "waiting", total=9, approval={"role": "approver", "count": 1})
    settled = project.models.settle(version.ref, "champion", run=run, by=MARA)
    assert (settled.state, settled.sentence) == (
        "waiting",
        "Needs 1 approval by an approver who is not mara.",
    )
    assert [request.run_id for request in project.models.queue(IVO)] == [run]
    assert project.models.get(version.ref).judgement.outcome == "waiting"
    assert project.models.approve(version.ref, "fine", by=IVO).promoted
    assert project.runs.get(run).outcome == "passed"
    verdict = project.models.get(version.ref).judgement
    assert (verdict.outcome, verdict.passed, verdict.total) == ("passed", 9, 9)


def test_what_waited_and_was_rejected_is_told_as_rejected(
    project: Project, versions: list[ModelVersion], judge: Any
) -> None:
    version = versions[0]
    run = judge(version, "waiting", total=9, approval={"role": "approver", "count": 1})
    project.models.settle(version.ref, "champion", run=run, by=MARA)
    project.models.reject(version.ref, "too slow", by=IVO)
    verdict = project.models.get(version.ref).judgement
    assert (verdict.outcome, verdict.sentences) == ("rejected", ("ivo rejected it: too slow",))


def test_settling_promotes_waits_or_refuses(
    project: Project, version: ModelVersion, judge: Any, policy: Callable[[str], None]
) -> None:
    policy("[aliases.champion]\ngates = true\n")
    run = judge(version, "rejected", sentences=["auc 0.61 is below 0.70"])
    refused = project.models.settle(version.ref, "champion", run=run, by=MARA)
    assert (refused.state, refused.sentence) == (
        "refused",
        "Rejected in flight-delay-41, just now: auc 0.61 is below 0.70.",
    )
    promoted = project.models.settle(version.ref, "champion", run=judge(version), by=MARA)
    assert (promoted.state, promoted.sentence) == ("promoted", "flight-delay 1 is champion now.")
    again = project.models.settle(version.ref, "champion", run=judge(version), by=MARA)
    assert (again.state, again.sentence) == ("promoted", "flight-delay 1 is champion already.")


def test_all_runs_that_made_the_same_are_answered_at_once(
    project: Project, versions: list[ModelVersion], judge: Any
) -> None:
    version = versions[0]
    gate = {"role": "approver", "count": 1}
    runs = []
    for _ in range(2):
        run = judge(version, "waiting", total=9, approval=gate)
        project.models.settle(version.ref, "champion", run=run, by=MARA)
        runs.append(run)
    assert len(project.models.queue(IVO)) == 1
    project.models.approve(version.ref, "fine", by=IVO)
    assert [project.runs.get(run).outcome for run in runs] == ["passed", "passed"]


def test_there_must_be_something_to_reject(project: Project, version: ModelVersion) -> None:
    with pytest.raises(Conflict, match="nothing to reject"):
        project.models.reject(version.ref, "no", alias="best", by=IVO)


def test_lines_gone_from_the_end_of_the_log_stop_promotions(
    project: Project, version: ModelVersion, policy: Callable[[str], None]
) -> None:
    policy("[aliases.champion]\napprovals = 1\n")
    project.models.approve(version.ref, "fine", by=IVO)
    project.models.reject(version.ref, "no, wait", by=ADA)
    path = project.store.dir / "decisions.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises((Corrupt, Refused)):
        project.models.promote(version.ref, "champion", by=MARA)
    assert project.models.find("flight-delay@champion") is None


def test_who_a_hub_says_trained_it_cannot_approve_it(
    project: Project,
    tmp_path: Path,
    policy: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy(ONE)
    # On a hub all kernels may run as one user of the system; its own word is the only other one.
    monkeypatch.setenv("JUPYTERHUB_USER", "ivo")
    run_id = project.runs.start(name="fit", by=MARA)
    logged = project.models.log_package(run_id, "model", package(tmp_path / "saved"))
    project.models.register("mine", logged_model=logged.id, by=MARA)
    project.models.request_approval("mine@1", by=MARA)
    with pytest.raises(Forbidden, match="ivo trained it: nobody approves their own version"):
        project.models.approve("mine@1", "fine", by=IVO)
    assert project.models.approve("mine@1", "fine", by=ADA).promoted


@pytest.mark.parametrize("spelt", ["Mara", " mara", "\uff4dara", "ma\u200bra"])
def test_another_spelling_of_a_name_is_no_other_person(
    project: Project, version: ModelVersion, spelt: str
) -> None:
    project.access.adopt(Rules.of({}, "approver"))
    models = project.models
    models.request_approval(version.ref, by=MARA)
    with pytest.raises(Forbidden, match="nobody approves their own version"):
        models.approve(version.ref, "mine", by=Identity(spelt))


def test_one_person_approves_once_however_the_name_is_spelt(
    project: Project, version: ModelVersion, policy: Callable[[str], None]
) -> None:
    policy("[aliases.champion]\napprovals = 2\n")
    project.access.adopt(Rules.of({}, "approver"))
    models = project.models
    models.request_approval(version.ref, by=MARA)
    models.approve(version.ref, "good", by=IVO)
    with pytest.raises(Conflict, match="Ivo has approved it already"):
        models.approve(version.ref, "good", by=Identity("Ivo"))


def test_an_approval_by_nobody_does_not_count(project: Project, version: ModelVersion) -> None:
    path = project.store.dir / "decisions.jsonl"
    data = {"model": version.name, "version": 1, "digest": version.digest, "alias": "champion"}
    project.store.decide("model.approve", {**data, "comment": "x", "role": "approver"}, by={})
    assert b'"by":{}' in path.read_bytes()
    with pytest.raises(Waiting):
        project.models.promote(version.ref, "champion", by=MARA)


def test_what_was_rejected_is_asked_for_again_before_it_is_approved(
    project: Project, version: ModelVersion
) -> None:
    models = project.models
    models.request_approval(version.ref, by=MARA)
    models.reject(version.ref, "no", by=IVO)
    with pytest.raises(Conflict, match=r"ivo has rejected .* once somebody asks again"):
        models.approve(version.ref, "yes", alias="champion", by=ADA)
    models.request_approval(version.ref, by=MARA)
    assert models.approve(version.ref, "yes", by=ADA).promoted


def test_a_request_that_would_wait_for_nothing_is_refused(
    project: Project, version: ModelVersion
) -> None:
    models = project.models
    assert not models.approve(version.ref, "before anybody asked", by=IVO).promoted
    with pytest.raises(Conflict, match="has every approval that champion takes: `promote`"):
        models.request_approval(version.ref, by=MARA)
    assert models.settle(version.ref, "champion", by=MARA).state == "promoted"


def test_an_alias_in_other_capitals_than_its_policy_is_refused(
    project: Project, version: ModelVersion
) -> None:
    models = project.models
    for act in (models.promote, models.request_approval, models.settle):
        with pytest.raises(InvalidInput, match="write champion"):
            act(version.ref, "Champion", by=MARA)
