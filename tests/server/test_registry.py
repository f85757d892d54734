"""The registry by real HTTP: who may decide what, on which content, and what that leads to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mlops_lab.governance import Identity
from mlops_lab.project import Project
from mlops_lab.registry.records import ModelVersion

from .conftest import HOSTILE, Ask
from .test_wire import check

MARA = Identity("mara", "jupyter")
POLICY = """
[aliases.staging]

[aliases.champion]
after = "staging"
gates = true
approvals = 1
"""
OTHER = "b3-" + "0" * 64


def keep(project: Project, content: str, **manifest: Any) -> Any:
    """A run that has logged a model."""
    run = project.runs.start(name="fit", params={"depth": 6}, by=MARA)
    project.runs.log_metrics(run, {"auc": 0.71, "loss": float("nan")})
    folder = project.root / f"saved-{content}"
    folder.mkdir()
    unsafe = bool(manifest.get("unsafe"))
    (folder / ("model.pkl" if unsafe else "model.skops")).write_text(content)
    said = {
        "flavor": "pickle" if unsafe else "sklearn",
        "unsafe": False,
        "types": ["sklearn.linear_model._logistic.LogisticRegression"],
        "signature": {
            "inputs": [{"name": "<b>distance</b>", "type": "double", "optional": False}],
            "outputs": [{"name": "late", "type": "double", "optional": False}],
        },
        **manifest,
    }
    (folder / "model.json").write_text(json.dumps(said))
    logged = project.models.log_package(run, "model", folder)
    project.runs.end(run)
    return logged


def judged(project: Project, version: ModelVersion, outcome: str = "passed") -> str:
    """A pipeline run that has judged a version."""
    run = project.runs.start(name="flight-delay-41", kind="pipeline", by=MARA)
    project.models.judge(
        version.ref, run=run, outcome=outcome, passed=8, total=8, metrics={"auc": 0.74}, by=MARA
    )
    project.runs.end(run, outcome=outcome)
    return run


def fill_registry(project: Project) -> None:
    """Two versions of ``flight-delay``, the first champion, and an unsafe model."""
    path = project.root / "mlops.toml"
    path.write_text(path.read_text() + POLICY)
    for content in ("one", "two"):
        logged = keep(project, content)
        version = project.models.register("flight-delay", logged_model=logged.id, by=MARA)
        judged(project, version)
        project.models.promote(version.ref, "staging", by=MARA)
        if content == "one":
            project.models.request_approval(version.ref, "champion", by=MARA)
            project.models.approve(version.ref, "fine", alias="champion", by=Identity("ivo"))
    logged = keep(project, "three", unsafe=True)
    project.models.register("Größe", logged_model=logged.id, note=HOSTILE, by=MARA)


@pytest.fixture
def registry(copy_of: Callable[..., Project]) -> Project:
    """A project with what `fill_registry` makes."""
    return copy_of(fill_registry)


@pytest.fixture
def place(people: None, registry: Project, ask: Ask) -> tuple[str, ...]:
    return ("projects", registry.key, "models")


def digest_of(project: Project, ref: str) -> str:
    return project.models.get(ref).digest


async def test_models_are_listed_with_what_waits(
    place: tuple[str, ...], ask: Ask, registry: Project
) -> None:
    registry.models.request_approval("flight-delay@2", "champion", "better", by=MARA)
    for who, may in (("mara", False), ("ivo", True), ("viewer", False)):
        answer = await ask(*place, by=who)
        check("Models", answer.body)
        (request,) = answer.body["queue"]
        assert (request["version"], request["comment"]) == (2, "better")
        assert request["may_approve"] is may
        assert (request["why_not"] is None) is may
    needs = await ask(*place[:2], "needs", by="ivo")
    check("Needs", needs.body)
    approval = next(one for one in needs.body["items"] if one["kind"] == "approval")
    assert approval["title"] == "flight-delay 2 to champion"
    assert approval["detail"] == "asked by mara"


async def test_a_model_and_its_versions_are_shown(place: tuple[str, ...], ask: Ask) -> None:
    model = await ask(*place, "flight-delay", by="viewer")
    check("Model", model.body)
    assert [row["version"] for row in model.body["versions"]] == [2, 1]
    assert model.body["versions"][1]["aliases"] == ["champion"]
    assert model.body["versions"][0]["metrics"]["loss"] == "NaN"
    version = await ask(*place, "flight-delay", "versions", "2", by="viewer")
    check("ModelVersion", version.body)
    assert not any(one["may_promote"] for one in version.body["promotions"])
    unsafe = await ask(*place, "Größe", "versions", "1", by="viewer")
    check("ModelVersion", unsafe.body)
    assert unsafe.body["unsafe"] is True
    assert unsafe.body["note"] == HOSTILE
    card = await ask(*place, "flight-delay", "versions", "2", "card", by="viewer")
    check("ModelCard", card.body)


async def test_an_approval_promotes_and_settles_the_run_that_waits(
    place: tuple[str, ...], ask: Ask, registry: Project
) -> None:
    version = registry.models.get("flight-delay@2")
    run = judged(registry, version, "waiting")
    registry.runs.end(run, outcome="waiting")
    registry.models.request_approval(version.ref, "champion", "gates passed", run=run, by=MARA)
    at = (*place, "flight-delay", "versions", "2")
    body = {"alias": "champion", "digest": version.digest, "comment": "wins the fortnight"}
    for who in ("viewer", "mara"):
        refused = await ask(*at, "approve", method="POST", body=body, by=who)
        assert (refused.code, refused.body["needed"]) == (403, "approver")
    other = await ask(*at, "approve", method="POST", body={**body, "digest": OTHER}, by="ivo")
    assert other.code == 409
    mute = await ask(*at, "approve", method="POST", body={**body, "comment": " "}, by="ivo")
    assert mute.code == 400
    done = await ask(*at, "approve", method="POST", body=body, by="ivo")
    check("Decided", done.body)
    assert done.body["promoted"] is True
    assert "champion now" in done.body["sentence"]
    assert registry.runs.get(run).outcome == "passed"
    again = await ask(*at, "approve", method="POST", body=body, by="ada")
    assert again.code == 409
    decisions = await ask(*place[:2], "decisions", kind="model", by="viewer")
    check("Decisions", decisions.body)
    assert decisions.body["audit"]["state"] == "intact"
    assert decisions.body["decisions"][0]["by"] == "ivo"
    assert decisions.body["decisions"][0]["ref"] == {"kind": "model", "id": "flight-delay@2"}


async def test_nobody_approves_their_own(
    place: tuple[str, ...], ask: Ask, registry: Project
) -> None:
    registry.models.request_approval("flight-delay@2", "champion", by=Identity("ivo"))
    body = {"alias": "champion", "digest": digest_of(registry, "flight-delay@2"), "comment": "me"}
    at = (*place, "flight-delay", "versions", "2", "approve")
    refused = await ask(*at, method="POST", body=body, by="ivo")
    assert refused.code == 403
    assert "ivo" in refused.body["detail"]
    assert (await ask(*at, method="POST", body=body, by="ada")).code == 200


async def test_asking_rejecting_promoting_and_going_back(
    place: tuple[str, ...], ask: Ask, registry: Project
) -> None:
    at = (*place, "flight-delay", "versions", "2")
    body = {"alias": "champion", "digest": digest_of(registry, "flight-delay@2"), "comment": "pls"}
    asked = await ask(*at, "request", method="POST", body=body, by="mara")
    check("Decided", asked.body)
    assert asked.body["promoted"] is False
    early = {"version": 2, "digest": body["digest"], "reason": "now"}
    waiting = await ask(
        *place, "flight-delay", "aliases", "champion", method="PUT", body=early, by="mara"
    )
    assert 400 <= waiting.code < 500
    rejected = await ask(*at, "reject", method="POST", body={**body, "comment": "no"}, by="ivo")
    check("Decided", rejected.body)
    assert (await ask(*place, by="ivo")).body["queue"] == []
    put = await ask(
        *place, "flight-delay", "aliases", "staging", method="PUT",
        body={**early, "version": 1, "digest": digest_of(registry, "flight-delay@1")}, by="mara",
    )  # fmt: skip
    check("Decided", put.body)
    back = (*place, "flight-delay", "aliases", "staging", "rollback")
    assert (await ask(*back, method="POST", body={"reason": "x"}, by="mara")).code == 403
    done = await ask(*back, method="POST", body={"reason": "worse"}, by="ivo")
    check("Decided", done.body)
    assert registry.models.get("flight-delay@staging").version == 2


async def test_what_stays_editable_is_edited(
    place: tuple[str, ...], ask: Ask, registry: Project
) -> None:
    model = await ask(
        *place, "flight-delay", method="PATCH",
        body={"description": "late by 15 minutes", "tags": {"team": "ops"}}, by="mara",
    )  # fmt: skip
    check("ModelRow", model.body)
    assert model.body["tags"] == {"team": "ops"}
    version = await ask(
        *place, "flight-delay", "versions", "1", method="PATCH",
        body={"note": HOSTILE, "tags": {"team": None}}, by="mara",
    )  # fmt: skip
    check("ModelVersionRow", version.body)
    assert version.body["note"] == HOSTILE
    card = (*place, "flight-delay", "versions", "1", "card")
    sections = (await ask(*card, by="mara")).body["sections"]
    assert sections
    name = next(iter(sections))
    put = await ask(
        *place, "flight-delay", "card", method="PUT",
        body={"sections": {name: "<script>alert(1)</script> Warns the ramp."}}, by="mara",
    )  # fmt: skip
    assert put.code == 204, put.body
    written = (await ask(*card, by="viewer")).body
    assert "Warns the ramp." in written["markdown"]
    assert written["sections"][name].endswith("Warns the ramp.")
    nothing = await ask(*place, "flight-delay", method="PATCH", body={}, by="mara")
    assert nothing.code == 400


async def test_a_logged_model_is_registered(
    place: tuple[str, ...], ask: Ask, registry: Project
) -> None:
    logged = keep(registry, "four")
    at = (*place[:2], "runs", logged.run_id, "register")
    done = await ask(*at, method="POST", body={"name": "flight-delay"}, by="mara")
    assert done.code == 201, done.body
    check("ModelVersionRow", done.body)
    assert (done.body["version"], done.body["author"]) == (3, "mara")
    detail = await ask(*place[:2], "runs", logged.run_id, by="viewer")
    check("RunDetail", detail.body)
    assert detail.body["models"][0]["registered"] == [{"model": "flight-delay", "version": 3}]
    for body in ({"name": "a/b"}, {"name": ""}, {"name": "x", "logged_model": "m-none"}, {}):
        assert (await ask(*at, method="POST", body=body, by="mara")).code in (400, 404)
    graph = await ask(*place[:2], "lineage", node="model:flight-delay@3", by="viewer")
    check("Lineage", graph.body)
    assert f"run:{logged.run_id}" in {node["id"] for node in graph.body["nodes"]}
    gone = await ask(
        *place[:2], "runs", "delete", method="POST", body={"ids": [logged.run_id]}, by="root"
    )
    assert gone.code == 409
    assert "model flight-delay 3" in gone.body["detail"]


async def test_a_changed_log_is_said_and_promotes_nothing(
    place: tuple[str, ...], ask: Ask, registry: Project
) -> None:
    """An approval that somebody writes into the log by hand does not count."""
    log = registry.store.dir / "decisions.jsonl"
    last = json.loads(log.read_bytes().splitlines()[-1])
    forged = {
        **last,
        "n": last["n"] + 1,
        "by": {"id": "ivo", "via": "jupyter"},
        "kind": "model.approve",
        "data": {
            "model": "flight-delay", "version": 2, "alias": "champion", "comment": "yes",
            "digest": digest_of(registry, "flight-delay@2"), "role": "approver",
        },
    }  # fmt: skip
    with log.open("a") as file:
        file.write(json.dumps(forged) + "\n")
    decisions = await ask(*place[:2], "decisions", by="viewer")
    check("Decisions", decisions.body)
    audit = decisions.body["audit"]
    assert (audit["state"], audit["line"]) == ("broken", last["n"] + 1)
    body = {"version": 2, "digest": digest_of(registry, "flight-delay@2"), "reason": ""}
    put = await ask(
        *place, "flight-delay", "aliases", "champion", method="PUT", body=body, by="mara"
    )
    at = (*place, "flight-delay", "versions", "2", "approve")
    body = {"alias": "champion", "digest": body["digest"], "comment": "yes"}
    yes = await ask(*at, method="POST", body=body, by="ada")
    for refused in (put, yes):
        assert refused.code == 409, refused.body
        assert refused.body["line"] == audit["line"]
        assert "right from a backup" in refused.body["detail"]
    assert registry.models.get("flight-delay@champion").version == 1
    with log.open("a") as file:
        file.write("no decision\n")
    note = await ask(
        *place, "flight-delay", "versions", "1", method="PATCH", body={"note": "x"}, by="mara"
    )
    assert note.code == 409, note.body
    assert "right from a backup" in note.body["detail"]


async def test_a_version_goes_once_nothing_needs_it(
    place: tuple[str, ...], ask: Ask, registry: Project
) -> None:
    at = (*place, "flight-delay", "versions", "2")
    alias = (*place, "flight-delay", "aliases", "staging")
    used = await ask(*at, method="DELETE", by="root")
    assert used.code == 409
    assert "it is staging" in used.body["detail"]
    for who in ("viewer", "mara"):
        refused = await ask(*alias, method="DELETE", by=who)
        assert (refused.code, refused.body["needed"]) == (403, "approver")
    moved = await ask(*alias, method="DELETE", version=1, by="ivo")
    assert (moved.code, "flight-delay 2 is staging by now" in moved.body["detail"]) == (409, True)
    taken = await ask(*alias, method="DELETE", reason="too slow", version=2, by="ivo")
    check("Decided", taken.body)
    assert taken.body == {
        "promoted": False,
        "sentence": "flight-delay 2 is not staging any more.",
    }
    assert registry.models.history("flight-delay", "staging")[0].reason == "too slow"
    assert (await ask(*alias, method="DELETE", by="ivo")).code == 409
    refused = await ask(*at, method="DELETE", by="ivo")
    assert (refused.code, refused.body["needed"]) == (403, "admin")
    assert (await ask(*at, method="DELETE", by="root")).code == 204
    assert (await ask(*at, method="DELETE", by="root")).code == 409
    model = await ask(*place, "flight-delay", by="viewer")
    assert [row["version"] for row in model.body["versions"]] == [1]
    put = await ask(
        *alias, method="PUT", by="mara",
        body={"version": 2, "digest": digest_of(registry, "flight-delay@2"), "reason": "again"},
    )  # fmt: skip
    assert put.code == 409, put.body


async def test_what_cannot_be_meant_is_refused(
    place: tuple[str, ...], ask: Ask, registry: Project
) -> None:
    good = {"alias": "champion", "digest": digest_of(registry, "flight-delay@2"), "comment": "x"}
    wrong: list[dict[str, Any]] = [
        {"comment": "x" * 5_000},
        {"comment": "a\x00b"},
        {"comment": "a\x1b]0;b"},
        {"digest": "b3-1"},
        {"digest": "../../x"},
        {"alias": "../champion"},
        {"alias": "3"},
        {"alias": 3},
        {"alias": "x" * 500},
        {"more": 1},
    ]
    for how in ("request", "approve", "reject"):
        at = (*place, "flight-delay", "versions", "2", how)
        for more in wrong:
            answer = await ask(*at, method="POST", body={**good, **more}, by="root")
            assert answer.code == 400, (how, more, answer.body)
        unknown = await ask(*at, method="POST", body={**good, "alias": "nobody"}, by="root")
        assert unknown.code < 500
    for version in (True, 1.0, "1", 0, -1, 10**30, None):
        answer = await ask(
            *place, "flight-delay", "aliases", "staging", method="PUT",
            body={"version": version, "digest": good["digest"]}, by="root",
        )  # fmt: skip
        assert answer.code == 400, (version, answer.body)
    patches: list[dict[str, Any]] = [
        {"note": "x" * 30_000},
        {"tags": {"a\nb": "c"}},
        {"tags": {"a": "c" * 2_000}},
        {"tags": {"": "c"}},
    ]
    for patch in patches:
        answer = await ask(
            *place, "flight-delay", "versions", "1", method="PATCH", body=patch, by="root"
        )
        assert answer.code == 400, (patch, answer.body)
    cards: list[Any] = [{"x" * 300: "y"}, {"intended_use": "y" * 30_000}, {"a": 3}, []]
    for sections in cards:
        answer = await ask(
            *place, "flight-delay", "card", method="PUT", body={"sections": sections}, by="root"
        )
        assert answer.code == 400, answer.body


async def test_names_that_are_none_are_refused(registry: Project, raw: Ask, ask: Ask) -> None:
    place = ("projects", registry.key, "models")
    digest = digest_of(registry, "flight-delay@2")
    for name in ("..", "../x", "a/b", "a@1", "a b", "<script>", "x" * 200, "\x00", "-rf", "%"):
        quoted = quote(name, safe="")
        for parts, method, body in [
            ((quoted,), "GET", None),
            ((quoted,), "PATCH", {"description": "x"}),
            ((quoted, "card"), "PUT", {"sections": {"intended_use": "x"}}),
            ((quoted, "versions", "1"), "GET", None),
            ((quoted, "versions", "1"), "PATCH", {"note": "x"}),
            ((quoted, "versions", "1", "card"), "GET", None),
            ((quoted, "versions", "1", "approve"), "POST", {"alias": "a", "digest": digest}),
            ((quoted, "aliases", "champion"), "PUT", {"version": 1, "digest": digest}),
            (("flight-delay", "aliases", quoted), "PUT", {"version": 1, "digest": digest}),
            ((quoted, "aliases", "champion", "rollback"), "POST", {}),
            (("flight-delay", "aliases", quoted, "rollback"), "POST", {}),
        ]:
            answer = await raw(*place, *parts, method=method, body=body)
            assert 400 <= answer.code < 500, (parts, method, answer.code, answer.body)
    for number in ("0", "9" * 18, "9" * 300):
        answer = await raw(*place, "flight-delay", "versions", number)
        assert answer.code in (400, 404), (number, answer.body)


async def test_a_model_file_is_never_served_as_something_a_browser_runs(
    place: tuple[str, ...], jp_fetch: Any, registry: Project
) -> None:
    run = registry.models.get("flight-delay@1").run_id
    assert run is not None
    paths = [one.path for one in registry.runs.artifacts(run)]
    assert any(Path(path).name == "model.skops" for path in paths)
    for path in paths:
        answer = await jp_fetch(
            "mlops-lab", "api", "v1", *place[:2], "runs", run, "artifacts", *path.split("/"),
            headers={"X-Name": "viewer"},
        )  # fmt: skip
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith("attachment")
