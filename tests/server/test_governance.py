"""Who asks, what was decided, and a log that changes between two looks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from mlops_lab.governance import permissions_of
from mlops_lab.project import Project

from .conftest import Ask
from .test_wire import check

BY = {"id": "ivo", "via": "jupyter"}


async def test_everybody_learns_what_they_may(people: None, project: Project, ask: Ask) -> None:
    for who, role in (("mara", "contributor"), ("ivo", "approver"), ("nobody", "viewer")):
        me = await ask("projects", project.key, "me", by=who)
        check("Me", me.body)
        assert me.body == {"id": who, "role": role, "may": list(permissions_of(role))}  # type: ignore[arg-type]


async def test_decisions_come_in_pages_and_by_kind(project: Project, ask: Ask) -> None:
    for name in "abcde":
        project.store.decide("model.card", {"model": name}, by=BY)
    project.store.decide("dataset.alias", {"dataset": "x\u202ey", "alias": "t"}, by=BY)
    at = ("projects", project.key, "decisions")
    first = (await ask(*at, limit=2)).body
    check("Decisions", first)
    assert [one["n"] for one in first["decisions"]] == [6, 5]
    assert first["total"] == 6
    assert "\u202e" not in first["decisions"][0]["sentence"]
    second = (await ask(*at, limit=2, before=5)).body
    assert [one["n"] for one in second["decisions"]] == [4, 3]
    chosen = (await ask(*at, kind="dataset", by="ivo")).body
    assert ([one["n"] for one in chosen["decisions"]], chosen["total"]) == ([6], 1)
    for wrong in (
        {"limit": 0},
        {"limit": 501},
        {"before": 0},
        {"before": "x"},
        {"kind": "k" * 200},
    ):
        assert (await ask(*at, **wrong)).code == 400, wrong  # type: ignore[arg-type]


async def test_a_log_that_is_changed_between_two_looks_is_broken_in_the_second(
    project: Project, ask: Ask, met: Callable[[str], Awaitable[str]]
) -> None:
    for name in "abc":
        project.store.decide("model.card", {"model": name}, by=BY)
    at = ("projects", project.key, "decisions")
    assert (await ask(*at)).body["audit"]["state"] == "intact"
    log = project.store.dir / "decisions.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole.replace(b'"b"', b'"x"'))
    broken = (await ask(*at)).body["audit"]
    assert (broken["state"], broken["line"]) == ("broken", 3)
    assert broken["message"].startswith("line 3 does not continue the line before it")
    log.write_bytes(whole + b'{"v":1')
    torn = (await ask(*at)).body["audit"]
    assert (torn["state"], torn["line"]) == ("intact", None)


async def test_a_graph_is_asked_for_with_sense(project: Project, ask: Ask) -> None:
    run = project.runs.start(name="a")
    at = ("projects", project.key, "lineage")
    graph = await ask(*at, node=f"run:{run}", direction="up", depth=0)
    check("Lineage", graph.body)
    assert [node["label"] for node in graph.body["nodes"]] == ["a"]
    for wrong in ({}, {"node": ""}, {"node": "x" * 400}, {"node": f"run:{run}", "depth": 101}):
        assert (await ask(*at, **wrong)).code == 400  # type: ignore[arg-type]
    for node in ("run:none", "'; drop table lab.run; --", "model:../x", "\x00"):
        assert (await ask(*at, node=node)).code == 404, node
