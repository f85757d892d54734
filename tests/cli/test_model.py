"""``mlops-lab model``: what it shows, what it changes, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.governance import Identity
from mlops_lab.governance.access import Rules
from mlops_lab.project import Project

from .conftest import Call

MARA, IVO = Identity("mara"), Identity("ivo")


@pytest.fixture
def project(here: Path) -> Project:
    """A project whose champion takes an approval, with two versions that mara registered."""
    toml = here / "mlops.toml"
    toml.write_text(toml.read_text() + '[aliases.champion]\nafter = "staging"\napprovals = 1\n')
    opened = Project.open(here)
    opened.access.adopt(Rules())
    for number in (1, 2):
        register(opened, here / "saved" / str(number), f"weights {number}")
    return opened


def register(project: Project, folder: Path, content: str) -> None:
    folder.mkdir(parents=True)
    (folder / "model.skops").write_text(content)
    (folder / "model.json").write_text(json.dumps({"flavor": "sklearn", "unsafe": False}))
    run_id = project.runs.start(name="fit", params={"depth": 6}, by=MARA)
    project.runs.log_metrics(run_id, {"auc": 0.7})
    logged = project.models.log_package(run_id, "model", folder)
    project.runs.end(run_id)
    project.models.register("flight-delay", logged_model=logged.id, by=MARA)


def test_an_empty_project_says_how_the_first_version_is_made(here: Path, call: Call) -> None:
    said = call("model", "list")
    assert said.code == 0
    assert "run.log_model(model, register='NAME')" in said.out
    assert call("model", "list", "--json").json == {"models": [], "queue": []}


@pytest.mark.usefixtures("project")
def test_a_version_goes_its_way_to_champion_and_back(call: Call) -> None:
    assert call("model", "promote", "flight-delay@1", "staging", "-m", "first").code == 0
    waiting = call("model", "promote", "flight-delay@1", "champion")
    assert waiting.code == 4
    assert "Needs 1 approval by an approver who is not mara." in waiting.err
    assert call("model", "request", "flight-delay@1", "-m", "please").code == 0
    listed = call("model", "list")
    assert "flight-delay@1 to champion" in listed.out
    assert "0 of 1 approvals" in listed.out

    queue = call("model", "list", "--json").json["queue"]
    assert [one["alias"] for one in queue] == ["champion"]


def test_the_last_approval_promotes_and_rollback_goes_back(project: Project, call: Call) -> None:
    for ref in ("flight-delay@1", "flight-delay@2"):
        assert call("model", "promote", ref, "staging").code == 0
        project.models.request_approval(ref, by=MARA)
        said = call("model", "approve", ref, "-m", "wins the fortnight")
        assert said.code == 0
    assert said.out == "flight-delay 2 is champion now, it replaces 1.\n"
    back = call("model", "rollback", "flight-delay", "champion", "-m", "late in the rain", "--json")
    assert back.json == {
        "promoted": True,
        "version": 1,
        "alias": "champion",
        "sentence": "flight-delay 1 is champion again now, it replaces 2.",
    }
    moves = call("model", "history", "flight-delay", "champion", "--json").json["history"]
    assert [move["version"] for move in moves] == [1, 2, 1]
    table = call("model", "history", "flight-delay", "champion").out
    assert "late in the rain" in table
    assert "wins the fortnight" in table
    on = call("model", "history", "flight-delay", "champion", "--on", "2000-01-01")
    assert on.out == "No version of flight-delay was champion then.\n"


@pytest.mark.usefixtures("project")
def test_a_demand_that_is_not_met_exits_3_and_says_which(call: Call) -> None:
    refused = call("model", "promote", "flight-delay@1", "champion", "--json")
    assert refused.code == 3
    problem = json.loads(refused.err)
    assert problem["code"] == "refused"
    assert problem["lines"][0] == {
        "state": "failed",
        "sentence": "Has not been staging yet, which comes before champion.",
    }


def test_who_lacks_the_role_exits_6(project: Project, call: Call) -> None:
    project.access.adopt(Rules.of({"somebody": "admin"}, "contributor"))
    said = call("model", "approve", "flight-delay@1", "--alias", "champion", "-m", "me")
    assert said.code == 6
    assert "needs the role approver" in said.err


def test_a_rejection_is_told(project: Project, call: Call) -> None:
    call("model", "promote", "flight-delay@1", "staging")
    project.models.request_approval("flight-delay@1", by=MARA)
    assert call("model", "reject", "flight-delay@1", "-m", "worse for EV").code == 0
    refused = call("model", "promote", "flight-delay@1", "champion")
    assert refused.code == 3
    assert "worse for EV" in refused.err


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_an_answer_takes_a_comment(call: Call, verb: str) -> None:
    said = call("model", verb, "flight-delay@1", "--alias", "champion")
    assert said.code == 2
    assert "--comment" in said.err


@pytest.mark.usefixtures("project")
def test_another_content_than_was_looked_at_is_a_conflict(call: Call) -> None:
    said = call("model", "promote", "flight-delay@1", "staging", "--digest", "b3-" + "0" * 64)
    assert said.code == 2
    assert "Look at it again" in said.err


def test_show_says_what_is_known_and_what_stands_in_the_way(project: Project, call: Call) -> None:
    project.models.edit("flight-delay@2", note="with \x1b[31mcolour", by=MARA)
    of_model = call("model", "show", "flight-delay")
    assert of_model.code == 0
    assert "Has been staging first." in of_model.out
    assert "\x1b" not in of_model.out
    of_version = call("model", "show", "flight-delay@2").out
    assert "champion: cannot be promoted" in of_version
    assert "Has not been staging yet, which comes before champion." in of_version
    assert 'lab.model("flight-delay@2").load()' in of_version
    document: dict[str, Any] = call("model", "show", "flight-delay@2", "--json").json
    assert (document["version"], document["params"]) == (2, {"depth": "6"})
    assert call("model", "show", "flight-delay@9").code == 2
    assert call("model", "show", "nothing").code == 2


def test_verify_names_what_is_wrong(project: Project, call: Call) -> None:
    assert call("model", "verify", "flight-delay@1").code == 0
    (entry,) = [one for one in project.models.tree("flight-delay@1").entries if "skops" in one.path]
    path = project.store.objects.path(entry.digest)
    path.chmod(0o644)
    path.write_bytes(b"other bytes")
    said = call("model", "verify", "flight-delay@1")
    assert said.code == 5
    assert "model.skops has other bytes than were registered" in said.out
    document = call("model", "verify", "flight-delay@1", "--json").json
    assert (document["sound"], document["faults"][0]["where"]) == (False, "model.skops")


@pytest.mark.usefixtures("project")
def test_card_is_written_and_keeps_what_people_say(call: Call, here: Path) -> None:
    said = call("model", "card", "flight-delay", "--write", "limitations", "Not for helicopters.")
    assert said.code == 0
    assert "## Limitations\n\nNot for helicopters." in said.out
    written = call("model", "card", "flight-delay@1", "-o", here / "CARD.md")
    assert written.code == 0
    assert (here / "CARD.md").read_text().startswith("---\nlibrary_name:")
    assert call("model", "card", "flight-delay", "--write", "evaluation", "perfect").code == 2
    for nowhere in (here / "none" / "CARD.md", here / "CARD.md" / "x"):
        refused = call("model", "card", "flight-delay", "-o", nowhere)
        assert (refused.code, "Errno" in refused.err) == (2, False), refused.err
