"""The endpoints of a project: who decides what, in which order, and what is refused."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.errors import (
    Conflict,
    Corrupt,
    Forbidden,
    InvalidInput,
    NotFound,
    Refused,
    Waiting,
)
from mlops_lab.governance import Identity, audit
from mlops_lab.project import Project
from mlops_lab.serving import desired
from mlops_lab.serving.manager import EndpointManager

from ..registry.conftest import (  # noqa: TID252 tests are no package
    judge_version,
    keep_model,
    with_people,
    write_policy,
)

MARA, EVE = Identity("mara"), Identity("eve")


@pytest.fixture(scope="module")
def stocked(empty_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with four versions of ``flight-delay``, the last one unsafe, to be copied."""
    folder = tmp_path_factory.mktemp("stocked") / "project"
    project = with_people(Project.open(shutil.copytree(empty_project, folder)))
    for unsafe in (False, False, False, True):
        saved = tmp_path_factory.mktemp("saved")
        logged = keep_model(project, saved, secrets.token_hex(4), unsafe=unsafe)
        project.models.register("flight-delay", logged_model=logged.id, by=MARA)
    project.close()
    return folder


@pytest.fixture
def project(stocked: Path, tmp_path: Path) -> Iterator[Project]:
    opened = with_people(Project.open(shutil.copytree(stocked, tmp_path / "a b'[1]*{x}")))
    opened.endpoints._identity = MARA
    yield opened
    opened.close()


@pytest.fixture
def endpoints(project: Project) -> EndpointManager:
    return project.endpoints


def there(project: Project, name: str = "delay") -> Any:
    """What the supervisor reads."""
    return desired.read(project.root, name)


def test_deploy_is_one_decision_and_then_a_file(project: Project) -> None:
    change = project.endpoints.deploy("delay", "flight-delay@1", workers=2, reason="the first")
    assert change.sentence == "delay serves flight-delay@1."
    assert there(project) == change.desired == project.endpoints.get("delay")
    *_, last = project.store.decisions()
    assert (last.n, last.kind, last.by) == (change.desired.seq, "endpoint.deploy", MARA.as_by())
    assert last.data["digest"] == project.models.get("flight-delay@1").digest
    (entry,) = audit.entries(project.store, kind="endpoint")
    assert entry.sentence == "mara: delay serves flight-delay@1: the first"
    assert entry.ref == ("endpoint", "delay")


def test_deploying_again_decides_nothing_and_says_so(
    project: Project, endpoints: EndpointManager
) -> None:
    endpoints.deploy("delay", "flight-delay@1")
    before = [*project.store.decisions()]
    again = endpoints.deploy("delay", "flight-delay@1", workers=1)
    assert not again.changed
    assert "nothing to do" in again.sentence
    assert [*project.store.decisions()] == before
    more = endpoints.deploy("delay", "flight-delay@1", workers=3, limits={"timeout_s": 5})
    assert (more.changed, more.desired.workers, more.desired.limits.timeout_s) == (True, 3, 5)
    assert more.desired.stable == "r1", "the model goes on, only its settings are others"


def test_a_rollout_from_its_begin_to_its_end(endpoints: EndpointManager) -> None:
    endpoints.deploy("delay", "flight-delay@1")
    guard = {"error_rate": 0.05, "p99_ms": 80}
    begun = endpoints.canary("delay", "flight-delay@2", 5, guard=guard, unit="tailnum")
    assert begun.desired.rollout is not None
    assert (begun.desired.rollout.candidate, begun.desired.rollout.base) == ("r2", "r1")
    raised = endpoints.canary("delay", "flight-delay@2", 20, guard=guard, unit="tailnum")
    assert raised.desired.rollout is not None
    assert raised.desired.rollout.share == 20
    assert raised.desired.rollout.salt == begun.desired.rollout.salt, "nobody moves out"
    with pytest.raises(Conflict, match=r"a canary of flight-delay@2 is on at 20 %.*rollback delay"):
        endpoints.shadow("delay", "flight-delay@3")
    with pytest.raises(Conflict, match="endpoint promote delay"):
        endpoints.deploy("delay", "flight-delay@3")
    promoted = endpoints.promote("delay").desired
    assert (promoted.stable, promoted.standby, promoted.rollout) == ("r2", "r1", None)
    with pytest.raises(Conflict, match="nothing to promote: delay serves flight-delay@2"):
        endpoints.promote("delay")
    back = endpoints.rollback("delay", reason="worse").desired
    assert (back.stable, [one.id for one in back.revisions]) == ("r1", ["r1"])
    with pytest.raises(Conflict, match="served no version before"):
        endpoints.rollback("delay")


def test_rollback_goes_back_step_by_step(endpoints: EndpointManager) -> None:
    for version in (1, 2, 3):
        endpoints.deploy("delay", f"flight-delay@{version}")
    endpoints.canary("delay", "flight-delay@1")
    assert endpoints.rollback("delay").desired.stable == "r3", "first the rollout ends"
    assert endpoints.rollback("delay").desired.stable == "r2"
    assert endpoints.rollback("delay").desired.stable == "r1"
    with pytest.raises(Conflict, match="never flight-delay@3"):
        endpoints.rollback("delay", to="flight-delay@3")


def test_split_is_between_what_is_served_and_another(endpoints: EndpointManager) -> None:
    endpoints.deploy("delay", "flight-delay@1")
    with pytest.raises(Conflict, match="which is not one of the two"):
        endpoints.split("delay", {"flight-delay@2": 50, "flight-delay@3": 50})
    with pytest.raises(InvalidInput, match="together 100"):
        endpoints.split("delay", {"flight-delay@1": 50, "flight-delay@2": 40})
    begun = endpoints.split("delay", {"flight-delay@2": 30, "flight-delay@1": 70}).desired
    assert begun.rollout is not None
    assert (begun.rollout.kind, begun.rollout.share) == ("ab", 30)
    assert begun.role(begun.rollout.candidate) == "stable"
    with pytest.raises(Conflict, match="keeps its shares"):
        endpoints.set_share("delay", 50)


def test_the_guard_ends_its_own_rollout_and_no_other(
    project: Project, endpoints: EndpointManager
) -> None:
    endpoints.deploy("delay", "flight-delay@1")
    first = endpoints.canary("delay", "flight-delay@2").desired.rollout
    assert first is not None
    endpoints.cancel_rollout("delay")
    endpoints.canary("delay", "flight-delay@2")
    late = endpoints.settle("delay", first.id, "rollback", reason="E 60")
    assert not late.changed
    going = endpoints.get("delay").rollout
    assert going is not None
    ended = endpoints.settle("delay", going.id, "rollback", reason="E 60", evidence={"e": 60.0})
    assert (ended.changed, ended.desired.rollout) == (True, None)
    newest = endpoints.history("delay")[0]
    assert (newest.by, newest.verb, newest.evidence) == ("guard", "rollback", {"e": 60.0})
    rows = project.store.query(
        "select outcome, ended_by, ended_why from lab.rollouts order by began_at"
    )
    assert rows == [("rolled back", "mara", ""), ("rolled back", "guard", "E 60")]


def test_two_at_once_are_taken_in_an_order_and_both_are_told(
    project: Project, endpoints: EndpointManager
) -> None:
    with ThreadPoolExecutor(3) as pool:
        changes = [*pool.map(lambda n: endpoints.deploy("delay", f"flight-delay@{n}"), (1, 2, 3))]
    last = max((change.desired for change in changes), key=lambda one: one.seq)
    assert there(project) == endpoints.get("delay") == last
    assert len({change.desired.seq for change in changes}) == 3
    assert sorted(one.id for change in changes for one in change.desired.revisions[:1]) == [
        "r1",
        "r2",
        "r3",
    ], "each followed the one before"


@pytest.mark.parametrize("left", [None, "{}", "no json", "an older one", "from the future"])
def test_the_next_reader_repairs_the_file(project: Project, left: str | None) -> None:
    path = desired.path_of(project.root, "delay")
    project.endpoints.deploy("delay", "flight-delay@1")
    older = path.read_text()
    project.endpoints.deploy("delay", "flight-delay@2")
    should = there(project)
    if left is None:
        path.unlink()
    elif left == "an older one":
        path.write_text(older)
    elif left == "from the future":
        path.write_text(json.dumps({**json.loads(older), "seq": 10**6}))
    else:
        path.write_text(left)
    assert project.endpoints.list() == [should]
    assert there(project) == should


@pytest.mark.parametrize("name", ["../x", "a/b", "", " ", ".hidden", "x" * 101, "delay.status", 7])
def test_hostile_names_are_refused(endpoints: EndpointManager, name: Any) -> None:
    with pytest.raises(InvalidInput, match="An endpoint's name"):
        endpoints.deploy(name, "flight-delay@1")


def test_a_name_is_as_long_as_a_files_may_be(project: Project) -> None:
    project.endpoints.deploy("é" * 100, "flight-delay@1")
    with pytest.raises(InvalidInput, match="200 bytes"):
        project.endpoints.deploy("語" * 100, "flight-delay@1")
    with pytest.raises(Conflict, match="would be taken for"):
        project.endpoints.deploy("É" * 100, "flight-delay@1")


def test_unknown_ones_are_named(endpoints: EndpointManager) -> None:
    with pytest.raises(NotFound, match=r"no endpoint 'dely'.*endpoint deploy dely"):
        endpoints.get("dely")
    endpoints.deploy("delay", "flight-delay@1")
    with pytest.raises(NotFound, match="Did you mean delay"):
        endpoints.canary("dely", "flight-delay@2")
    with pytest.raises(NotFound, match="no version 9"):
        endpoints.deploy("delay", "flight-delay@9")
    with pytest.raises(NotFound, match="No version of flight-delay is champion"):
        endpoints.deploy("delay", "flight-delay@champion")


def test_what_somebody_rejected_answers_nobody(project: Project) -> None:
    endpoints = project.endpoints
    endpoints.deploy("delay", "flight-delay@1")
    judge_version(
        project, project.models.get("flight-delay@2"), "rejected", sentences=["auc 0.5 is low."]
    )
    judge_version(project, project.models.get("flight-delay@3"), "waiting")
    with pytest.raises(Refused, match=r"2 was rejected and answers nobody: auc 0\.5 is low\."):
        endpoints.canary("delay", "flight-delay@2")
    with pytest.raises(Waiting, match="3 waits for approval"):
        endpoints.deploy("delay", "flight-delay@3")
    endpoints.shadow("delay", "flight-delay@2")
    with pytest.raises(Refused):
        endpoints.promote("delay")
    endpoints.cancel_rollout("delay")
    write_policy(project, "[aliases.trial]\n")
    project.models.promote("flight-delay@2", "trial", by=MARA)
    assert endpoints.canary("delay", "flight-delay@2").changed, "a policy has allowed it"


def test_an_unsafe_format_takes_the_same_consent_as_loading(endpoints: EndpointManager) -> None:
    with pytest.raises(InvalidInput, match="allow_unsafe=True"):
        endpoints.deploy("delay", "flight-delay@4")
    deployed = endpoints.deploy("delay", "flight-delay@4", allow_unsafe=True).desired
    assert deployed.revision(deployed.stable).unsafe


def test_changed_files_are_never_served(project: Project) -> None:
    tree = project.models.tree("flight-delay@1")
    (weights,) = (one for one in tree.entries if one.path == "model.skops")
    path = project.store.objects.path(weights.digest)
    path.chmod(0o644)
    path.write_text("others")
    with pytest.raises(Corrupt, match=r"not what was registered: model\.skops"):
        project.endpoints.deploy("delay", "flight-delay@1")
    assert project.endpoints.list() == []


def test_a_version_that_is_served_cannot_be_deleted(project: Project) -> None:
    root = Identity("root")
    project.endpoints.deploy("delay", "flight-delay@1")
    project.endpoints.canary("delay", "flight-delay@2")
    for version in (1, 2):
        with pytest.raises(Conflict, match="the endpoint delay serves it"):
            project.models.delete(f"flight-delay@{version}", by=root)
    project.endpoints.rollback("delay")
    project.models.delete("flight-delay@2", by=root)


def test_a_port_is_nobodys_and_has_a_token(project: Project) -> None:
    endpoints = project.endpoints
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(Conflict, match=f"{taken} of 127.0.0.1 is in use"):
            endpoints.deploy("delay", "flight-delay@1", port=taken)
    deployed = endpoints.deploy("delay", "flight-delay@1", port=taken).desired
    token = endpoints.token("delay")
    assert token is not None
    assert deployed.token_hash == desired.token_hash(token)
    assert token not in json.dumps(there(project).to_json())
    kept = project.root / ".mlops" / "endpoints" / "delay.token"
    assert kept.stat().st_mode & 0o077 == 0
    with pytest.raises(Conflict, match="that of the endpoint delay"):
        endpoints.deploy("other", "flight-delay@1", port=taken)
    closed = endpoints.deploy("delay", "flight-delay@1", port=0).desired
    assert (closed.port, closed.token_hash, endpoints.token("delay")) == (None, None, None)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"guard": {"p99": 80}}, "'p99' is not known here. Did you mean p99_ms?"),
        ({"guard": 80}, "A guard"),
        ({"backend": "gpu"}, "A backend is auto"),
        ({"ramp": {"soon": 20}}, "a length from now"),
        ({"ramp": {"24h": 20, "12h": 50}}, "each later and higher"),
        ({"guard": {"error_rate": 2}}, "error_rate = 2"),
        ({"share": 0}, "above 0"),
        ({"share": float("nan")}, "above 0"),
        ({"share": 100}, "a part of the requests"),
        ({"ramp": [(2, 20), (1, 50)]}, "each later and higher"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    endpoints: EndpointManager, asked: dict[str, Any], said: str
) -> None:
    endpoints.deploy("delay", "flight-delay@1")
    with pytest.raises(InvalidInput) as refused:
        endpoints.canary("delay", "flight-delay@2", **asked)
    assert said in str(refused.value)


def test_only_who_may_deploys(endpoints: EndpointManager) -> None:
    endpoints.deploy("delay", "flight-delay@1")
    for decide in (
        lambda: endpoints.deploy("delay", "flight-delay@2", by=EVE),
        lambda: endpoints.canary("delay", "flight-delay@2", by=EVE),
        lambda: endpoints.rollback("delay", by=EVE),
        lambda: endpoints.stop("delay", by=EVE),
    ):
        with pytest.raises(Forbidden, match="endpoints:deploy"):
            decide()


def test_stopped_it_keeps_its_past(project: Project, endpoints: EndpointManager) -> None:
    endpoints.deploy("delay", "flight-delay@1")
    assert endpoints.stop("delay").desired.state == "stopped"
    assert not endpoints.stop("delay").changed
    with pytest.raises(Conflict, match="is stopped"):
        endpoints.canary("delay", "flight-delay@2")
    again = endpoints.deploy("delay", "flight-delay@2").desired
    assert (again.state, again.stable) == ("serving", "r2")
    assert endpoints.rollback("delay").desired.stable == "r1"


def test_hand_written_decisions_spoil_nothing(project: Project) -> None:
    project.endpoints.deploy("delay", "flight-delay@1")
    for said in ({"revisions": [1]}, {"revisions": [{"id": 7}], "rollout": 3, "name": "x"}):
        project.store.decide(
            "endpoint.deploy", {"endpoint": "delay", "desired": said}, by=MARA.as_by()
        )
    assert [one.stable for one in project.endpoints.list()] == ["r1"]
    for view in ("endpoints", "endpoint_revisions", "rollouts", "endpoint_decisions", "lineage"):
        project.sql(f"from {view}")
    assert audit.entries(project.store, kind="endpoint")
