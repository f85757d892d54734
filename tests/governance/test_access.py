"""Roles: who has which, and that nothing inside a project gives one."""

from __future__ import annotations

import itertools
import json
import logging
from pathlib import Path

import pytest

from mlops_lab.errors import Forbidden, InvalidInput
from mlops_lab.governance import (
    PERMISSIONS,
    ROLES,
    Access,
    Identity,
    Rules,
    current_identity,
    permissions_of,
)
from mlops_lab.governance.access import CONFIG_NAME, read_rules
from mlops_lab.project import Project

MARA, IVO = Identity("mara", "jupyter"), Identity("ivo", "jupyter")


def write_config(folder: Path, roles: dict[str, str] | None, default: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    section = {"roles": roles, "default_role": default}
    path = folder / f"{CONFIG_NAME}.json"
    path.write_text(
        json.dumps({"MlopsLabApp": {key: value for key, value in section.items() if value}})
    )
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in a repository."""
    root = tmp_path / "repository" / "project"
    root.mkdir(parents=True)
    (tmp_path / "repository" / ".git").mkdir()
    return root


def test_each_role_may_all_that_the_one_before_it_may() -> None:
    for lower, higher in itertools.pairwise(ROLES):
        assert set(permissions_of(lower)) < set(permissions_of(higher))
    assert set(permissions_of("admin")) == set(PERMISSIONS)


def test_without_a_configuration_everybody_is_admin() -> None:
    assert Access().role_of(MARA) == "admin"


def test_with_one_who_is_not_named_is_viewer() -> None:
    access = Access({"ivo": "approver"})
    assert access.role_of(IVO) == "approver"
    assert access.role_of(MARA) == "viewer"
    assert Access({"ivo": "approver"}, "contributor").role_of(MARA) == "contributor"
    assert Access({}, "viewer").role_of(MARA) == "viewer"


def test_a_group_gives_its_highest_role_and_an_own_entry_wins() -> None:
    rules = Rules.of({"group:ops": "approver", "group:all": "viewer", "mara": "viewer"}, None)
    assert rules.role_of(Identity("ivo", "jupyter", ("all", "ops", "x"))) == "approver"
    assert rules.role_of(Identity("mara", "jupyter", ("ops",))) == "viewer"
    assert rules.role_of(Identity("group:ops", "jupyter")) == "viewer"


def test_a_refusal_says_which_role_is_needed_and_who_gives_it() -> None:
    with pytest.raises(Forbidden, match="mara is viewer here") as caught:
        Access({"ivo": "approver"}).require(MARA, "models:approve")
    assert "approver" in caught.value.message
    assert "c.MlopsLabApp.roles" in caught.value.message
    assert caught.value.details["needed"] == "approver"
    Access({"ivo": "approver"}).require(IVO, "models:approve")


@pytest.mark.parametrize(
    ("roles", "default"), [({"a": "root"}, None), ({}, "boss"), (["a"], None), ({"a": None}, None)]
)
def test_an_unknown_role_is_refused(roles: object, default: str | None) -> None:
    with pytest.raises(InvalidInput):
        Rules.of(roles, default)


def test_kernels_read_jupyters_configuration(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config(tmp_path / "config", {"ivo": "approver"})
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path / "config"))
    project = Project.create(root)
    assert project.access.role_of(IVO) == "approver"
    assert project.access.role_of(current_identity()) == "viewer"
    project.close()


def test_the_first_folder_wins_and_python_is_read_too(tmp_path: Path, root: Path) -> None:
    write_config(tmp_path / "user", None, "contributor")
    system = tmp_path / "system"
    system.mkdir()
    (system / f"{CONFIG_NAME}.py").write_text(
        'c = get_config()\nc.MlopsLabApp.roles = {"ivo": "admin"}\n'
        'c.MlopsLabApp.default_role = "viewer"\n'
    )
    rules = read_rules(root, [tmp_path / "user", system])
    assert rules.role_of(IVO) == "admin"
    assert rules.role_of(MARA) == "contributor"


@pytest.mark.parametrize("where", ["project", "repository", "project/.venv/etc/jupyter", "here"])
def test_no_file_inside_the_project_or_here_gives_a_role(
    tmp_path: Path,
    root: Path,
    where: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    places = {"project": root, "repository": root.parent, "here": tmp_path / "here"}
    folder = places.get(where, root / ".venv" / "etc" / "jupyter")
    planted = write_config(folder, {current_identity().id: "admin"})
    (folder / f"{CONFIG_NAME}.py").write_text("raise SystemExit('this must never run')")
    write_config(tmp_path / "config", {"ivo": "approver"})
    monkeypatch.chdir(folder)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", f"{folder}::.:{tmp_path / 'config'}")
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(folder))
    project = Project.create(root)
    with caplog.at_level(logging.WARNING):
        assert project.access.role_of(project.identity) == "viewer"
    assert str(planted) in caplog.text
    project.close()


def test_a_link_to_a_file_inside_is_inside(tmp_path: Path, root: Path) -> None:
    planted = write_config(root / "conf", {"mara": "admin"})
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / planted.name).symlink_to(planted)
    assert read_rules(root, [tmp_path / "user"]) == Rules()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"MlopsLabApp": {"roles": {"ivo": "boss"}}}',
        '{"MlopsLabApp": 3}',
        '{"MlopsLabApp": {"rolse": {"ivo": "approver"}}}',
    ],
)
def test_a_broken_configuration_lets_nobody_do_anything(
    tmp_path: Path, root: Path, text: str
) -> None:
    write_config(tmp_path / "user", {}).write_text(text)
    with pytest.raises(InvalidInput):
        read_rules(root, [tmp_path / "user"])


def test_a_configuration_that_ends_the_process_is_a_broken_one(tmp_path: Path, root: Path) -> None:
    (tmp_path / f"{CONFIG_NAME}.py").write_text("raise SystemExit(0)")
    with pytest.raises(InvalidInput, match="nobody has a role"):
        read_rules(root, [tmp_path])


def test_roles_are_added_to_as_jupyter_does(tmp_path: Path, root: Path) -> None:
    (tmp_path / f"{CONFIG_NAME}.py").write_text(
        'c = get_config()\nc.MlopsLabApp.roles.update({"ivo": "approver"})\n'
    )
    assert read_rules(root, [tmp_path]).role_of(IVO) == "approver"


def test_no_option_of_jupyters_own_is_taken_for_a_slip(tmp_path: Path, root: Path) -> None:
    from mlops_lab.server.extension import MlopsLabApp

    section = dict.fromkeys(MlopsLabApp.class_traits(config=True)) | {"roles": {"ivo": "admin"}}
    text = json.dumps({"MlopsLabApp": {**section, "default_role": "viewer"}})
    (tmp_path / f"{CONFIG_NAME}.json").write_text(text)
    assert read_rules(root, [tmp_path]).role_of(IVO) == "admin"


def test_a_refused_role_says_whose_it_is() -> None:
    with pytest.raises(InvalidInput, match=r"The role of ivo is one of viewer.*; got 'boss'"):
        Rules.of({"ivo": "boss"}, None)


def test_a_server_puts_its_own_rules_in_place() -> None:
    access = Access()
    access.adopt(Rules.of({"ivo": "approver"}, None))
    assert not access.may(MARA, "runs:write")
