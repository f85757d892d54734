from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.project import Project

from .conftest import API, Ask, Sample, make_project


async def test_finds_the_project_of_a_notebook_deep_below(
    project: Project, ask: Ask, jp_root_dir: Path
) -> None:
    (jp_root_dir / "flight-delay" / "notebooks").mkdir()
    answer = await ask("projects", near="flight-delay/notebooks/not-saved-yet.ipynb")
    assert answer.body["current"]["key"] == project.key
    assert answer.body["current"]["path"] == "flight-delay"
    assert answer.body["current"]["directory"] == str(project.root)
    assert answer.body["current"]["goals"] == {"auc": "max"}


async def test_without_a_project_there_is_none(ask: Ask) -> None:
    answer = await ask("projects", near="")
    assert answer.body == {"projects": [], "current": None}


async def test_finds_the_project_that_the_server_was_started_in(
    ask: Ask, jp_root_dir: Path
) -> None:
    make_project(jp_root_dir.parent)
    (jp_root_dir / "deep").mkdir()
    current = (await ask("projects", near="deep")).body["current"]
    assert current["path"] is None
    assert current["directory"] == str(jp_root_dir.parent)


async def test_the_server_s_own_root_has_the_empty_path(ask: Ask, jp_root_dir: Path) -> None:
    make_project(jp_root_dir)
    assert (await ask("projects", near="")).body["current"]["path"] == ""


async def test_a_project_behind_a_link_has_the_path_it_is_seen_at(
    ask: Ask, jp_root_dir: Path, tmp_path: Path
) -> None:
    make_project(tmp_path / "elsewhere" / "mine")
    (jp_root_dir / "link").symlink_to(tmp_path / "elsewhere")
    current = (await ask("projects", near="link/mine")).body["current"]
    assert current["path"] == "link/mine"


@pytest.mark.parametrize("near", ["..", "../..", "a/../..", "a\\.."])
async def test_near_cannot_climb_by_name(ask: Ask, near: str) -> None:
    answer = await ask("projects", near=near)
    assert answer.code == 400
    assert answer.body["code"] == "invalid-input"


async def test_a_project_is_known_for_as_long_as_the_server_lives(
    project: Project, met: Any, ask: Ask, jp_root_dir: Path
) -> None:
    key = await met()
    make_project(jp_root_dir / "other")
    answer = await ask("projects", near="other")
    assert {one["key"] for one in answer.body["projects"]} == {key, answer.body["current"]["key"]}
    assert (await ask("projects", key)).body["name"] == "flight-delay"


async def test_a_project_that_cannot_be_read_keeps_nobody_from_theirs(
    project: Project, met: Any, ask: Ask, jp_root_dir: Path
) -> None:
    broken = make_project(jp_root_dir / "broken")
    await met("broken")
    (broken.root / "mlops.toml").write_text("[goals\n")
    listed = (await ask("projects", near="flight-delay")).body
    assert listed["current"]["key"] == project.key
    assert [one["key"] for one in listed["projects"]] == [project.key]
    refused = await ask("projects", near="broken")
    assert refused.code == 400
    assert "mlops.toml is not valid TOML" in refused.body["detail"]
    # What is refused has written nothing.
    run = broken.runs.start(name="a")
    at = ("projects", broken.key, "runs", run)
    assert (await ask(*at, method="PATCH", body={"note": "x"})).code == 400
    assert broken.runs.notes(run) == []
    broken.close()


async def test_a_link_is_answered_by_a_server_that_has_met_nobody(
    ask: Ask, jp_root_dir: Path
) -> None:
    project = make_project(jp_root_dir / "team" / "flight-delay")
    answer = await ask("projects", project.key)
    assert answer.body["path"] == "team/flight-delay"


@pytest.mark.parametrize("place", ["1/2/3/4/5/6", ".hidden/it", "node_modules/it"])
async def test_projects_that_are_hidden_or_deep_are_not_searched_for(
    ask: Ask, jp_root_dir: Path, place: str
) -> None:
    project = make_project(jp_root_dir / place)
    answer = await ask("projects", project.key)
    assert (answer.code, answer.body["code"]) == (404, "not-found")


async def test_an_unknown_key_is_not_found(project: Project, ask: Ask) -> None:
    answer = await ask("projects", "0" * 12, "runs")
    assert (answer.code, answer.body["code"]) == (404, "not-found")


async def test_a_project_whose_folder_is_gone_is_not_found(
    project: Project, met: Any, ask: Ask
) -> None:
    key = await met()
    shutil.rmtree(project.root)
    assert (await ask("projects", key)).code == 404
    assert (await ask("projects")).body["projects"] == []


async def test_makes_a_project_once(ask: Ask, jp_root_dir: Path) -> None:
    (jp_root_dir / "new ü").mkdir()
    first = await ask("projects", method="POST", body={"near": "new ü"})
    again = await ask("projects", method="POST", body={"near": "new ü"})
    assert (first.code, again.code) == (201, 200)
    assert first.body == again.body
    assert first.body["path"] == "new ü"
    assert (jp_root_dir / "new ü" / "mlops.toml").is_file()


async def test_makes_a_project_below_another_one(
    project: Project, ask: Ask, jp_root_dir: Path
) -> None:
    (jp_root_dir / "flight-delay" / "inner").mkdir()
    made = await ask("projects", method="POST", body={"near": "flight-delay/inner"})
    assert made.code == 201
    assert made.body["key"] != project.key


async def test_counts_the_runs_of_the_top_level(sample: Sample, met: Any, ask: Ask) -> None:
    body = (await ask("projects", await met())).body
    assert body["runs"] == 8
    assert body["running"] == 2


async def test_kernels_learn_where_a_project_may_be_made(
    jp_serverapp: Any, jp_root_dir: Path
) -> None:
    assert os.environ["MLOPS_LAB_ROOT"] == str(jp_root_dir)


async def test_a_variable_that_was_set_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("MLOPS_LAB_ROOT", "/somewhere")
    request.getfixturevalue("jp_serverapp")
    assert os.environ["MLOPS_LAB_ROOT"] == "/somewhere"


@pytest.mark.parametrize("body", [{}, {"near": 3}, {"near": "", "path": "x"}, [], "x", None])
async def test_a_body_of_another_shape_is_a_problem(ask: Ask, body: Any) -> None:
    answer = await ask("projects", method="POST", body=body)
    assert (answer.code, answer.body["code"]) == (400, "invalid-input")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "The body has no near."),
        (b'{"Near": "."}', "'Near' is not known here. Did you mean near? The body has near."),
        (b'{"near": 3}', "near is 3; it must be text."),
        (b"[]", "The body is a list; it must be an object."),
        (b"{", "The body is not JSON"),
        (b"\xff\xfe{}", "The body is not JSON"),
        (b"[" * 100_000, "The body is not JSON"),
        (b'{"near": "' + b"x" * 2_000_000 + b'"}', "2,000,012 bytes; 1,000,000 are enough"),
    ],
)
async def test_a_body_that_cannot_be_read_is_a_problem(
    jp_fetch: Any, body: bytes, detail: str
) -> None:
    answer = await jp_fetch(*API, "projects", method="POST", body=body, raise_error=False)
    assert answer.code == 400
    assert detail in json.loads(answer.body)["detail"]


async def test_paths_longer_than_any_are_problems(ask: Ask, jp_root_dir: Path) -> None:
    for path in ("a" * 300, "a/" * 2000, "\ud800"):
        for answer in (
            await ask("projects", method="POST", body={"near": path}),
            await ask("projects", "example", method="POST", body={"near": path}),
        ):
            assert (answer.code, answer.body["code"]) == (400, "invalid-input")
    assert (await ask("projects", near="a" * 300)).code == 400
    assert os.listdir(jp_root_dir) == []


async def test_what_is_no_route_is_a_problem_document(ask: Ask, jp_fetch: Any) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = await ask("nothing", "here", method=method)
        assert answer.code == 404
        assert answer.response.headers["Content-Type"] == "application/problem+json"
    above = await jp_fetch("mlops-lab", "x", raise_error=False)
    assert above.headers["Content-Type"] == "application/problem+json"


async def test_a_verb_that_a_route_has_not_is_a_problem(ask: Ask) -> None:
    answer = await ask("projects", method="DELETE")
    assert (answer.code, answer.body["code"]) == (405, "method-not-allowed")


async def test_an_unexpected_error_leaks_nothing(
    project: Project, met: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await met()

    def fail(*_: Any) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr("mlops_lab.server.projects.count_runs", fail)
    answer = await ask("projects", key)
    assert (answer.code, answer.body["code"]) == (500, "internal-error")
    assert b"hunter2" not in answer.response.body
    assert "hunter2" not in str(answer.response.headers)
    assert answer.response.reason == "Internal Server Error"
    assert "Traceback" not in str(answer.body)


async def test_what_a_user_typed_is_not_in_the_status_line(
    project: Project, met: Any, ask: Ask
) -> None:
    answer = await ask("projects", await met(), "runs", "EVIL", "metrics")
    assert answer.code == 400
    assert answer.response.reason == "Bad Request"
    assert "EVIL" in answer.body["detail"]


async def test_answers_are_not_cached(project: Project, met: Any, ask: Ask) -> None:
    answer = await ask("projects", await met())
    assert answer.response.headers["Cache-Control"] == "no-store"
