"""Every route × every verb × every role: who may not is told which role it takes.

Generated from the real table: a new route that says nothing of what it needs fails here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.auth.identity import User
from jupyter_server.base.handlers import JupyterHandler

from mlops_lab.governance import PERMISSIONS, ROLES, Identity, Rules
from mlops_lab.governance.access import CONFIG_NAME, read_rules
from mlops_lab.governance.roles import rank
from mlops_lab.project import Project
from mlops_lab.server.handler import NoRoute
from mlops_lab.server.rules import ServerRules, groups_of

from .conftest import Ask, Sample
from .people import GroupedUser, Named
from .test_closed_to_strangers import RUN, real_routes, written

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
READING = {"GET"}
# They write nothing of the project.
HARMLESS = {"/watch", "/window"}


@pytest.fixture
def send(
    http_server_client: Any, jp_auth_header: dict[str, str]
) -> Callable[..., Awaitable[tuple[int, Any]]]:
    async def ask(
        address: str, verb: str, name: str, *, body: str = "{}", group: str | None = None
    ) -> tuple[int, Any]:
        response = await http_server_client.fetch(
            address,
            method=verb,
            headers={**jp_auth_header, "X-Name": name, **({"X-Group": group} if group else {})},
            body=None if verb in ("GET", "DELETE") else body,
            raise_error=False,
        )
        kind = response.headers.get("Content-Type", "")
        return response.code, json.loads(response.body) if "json" in kind else response.body

    return ask


def verbs_of(app: Any, key: str, run: str) -> Iterator[tuple[str, str, str]]:
    """Each address, verb, and what it needs, of the real table."""
    for address, handler in real_routes(app):
        if handler is NoRoute:
            continue
        for verb in VERBS:
            if getattr(handler, verb.lower()) is getattr(JupyterHandler, verb.lower()):
                continue
            permission = handler.permissions.get(verb.lower())
            assert permission in PERMISSIONS, f"{verb} {address} says not what it needs"
            yield address.replace("0123456789ab", key).replace(RUN, run), verb, permission


async def test_every_verb_is_closed_to_the_roles_below_what_it_needs(
    people: None, sample: Sample, met: Any, jp_serverapp: Any, send: Any
) -> None:
    key = await met()
    before, refused = written(sample.project.root), 0
    for address, verb, permission in verbs_of(jp_serverapp, key, sample.ids["passed"]):
        needed = PERMISSIONS[permission]
        for role in ROLES:
            if rank(role) >= rank(needed):
                continue
            code, body = await send(address, verb, role)
            assert code == 403, (verb, address, role, code)
            assert body["code"] == "forbidden"
            assert (body["role"], body["needed"]) == (role, needed)
            assert f"needs the role {needed}" in body["detail"]
            assert f"c.MlopsLabApp.roles in {CONFIG_NAME}.py" in body["detail"]
            refused += 1
    assert refused >= 25
    assert written(sample.project.root) == before


async def test_every_verb_is_open_to_the_roles_that_may(
    people: None, sample: Sample, met: Any, jp_serverapp: Any, send: Any
) -> None:
    """A body that no route takes: who may is told so, or answered, and never with a 500."""
    await met()
    for address, verb, permission in verbs_of(jp_serverapp, "ffffffffffff", RUN):
        for role in ROLES:
            if rank(role) >= rank(PERMISSIONS[permission]):
                code, body = await send(address, verb, role, body='{"no": "such word"}')
                assert code < 500, (verb, address, role, code, body)
                assert code != 403, (verb, address, role, body)


async def test_a_viewer_is_refused_on_every_writing_route(
    people: None, sample: Sample, met: Any, jp_serverapp: Any, send: Any
) -> None:
    key = await met()
    for address, verb, _ in verbs_of(jp_serverapp, key, sample.ids["passed"]):
        if verb not in READING and not address.endswith(tuple(HARMLESS)):
            code, body = await send(address, verb, "viewer")
            assert (code, body["role"]) == (403, "viewer"), (verb, address, body)


async def test_a_viewer_reads(
    people: None, sample: Sample, met: Any, jp_serverapp: Any, send: Any
) -> None:
    key = await met()
    answered = 0
    for address, verb, _ in verbs_of(jp_serverapp, key, sample.ids["passed"]):
        if verb in READING:
            code, body = await send(address, verb, "viewer")
            assert code in (200, 400, 404), (address, code, body)
            answered += code == 200
    assert answered >= 9


async def test_who_has_no_role_by_name_is_viewer(
    people: None, sample: Sample, met: Any, send: Any, jp_base_url: str
) -> None:
    me = f"{jp_base_url}mlops-lab/api/v1/projects/{await met()}/me"
    assert (await send(me, "GET", "stranger"))[1]["role"] == "viewer"
    assert (await send(me, "GET", "stranger", group="ops"))[1]["role"] == "approver"
    assert (await send(me, "GET", "contributor", group="ops"))[1]["role"] == "contributor"


async def test_without_roles_everybody_may_everything(sample: Sample, met: Any, ask: Ask) -> None:
    me = (await ask("projects", await met(), "me")).body
    assert me["role"] == "admin"
    assert set(me["may"]) == set(PERMISSIONS)


@pytest.fixture
def configured(jp_server_config: dict[str, Any], jp_config_dir: Path) -> None:
    """A server whose user's configuration gives roles, in the file that kernels read, too."""
    jp_server_config["ServerApp"]["identity_provider_class"] = Named
    roles = {"roles": {"mara": "approver"}, "default_role": "contributor"}
    (jp_config_dir / f"{CONFIG_NAME}.json").write_text(json.dumps({"MlopsLabApp": roles}))


async def test_roles_come_from_the_configuration_of_jupyter(
    configured: None, project: Project, ask: Ask
) -> None:
    at = ("projects", project.key, "me")
    assert (await ask(*at, by="mara")).body["role"] == "approver"
    assert (await ask(*at, by="ivo")).body["role"] == "contributor"
    # A kernel finds the same file.
    assert read_rules(project.root).role_of(Identity("mara")) == "approver"


@pytest.mark.parametrize("name", ["<script>", "ü/日本語", "a" * 5000])
async def test_a_strange_name_is_text(
    people: None, sample: Sample, met: Any, send: Any, jp_base_url: str, name: str
) -> None:
    me = f"{jp_base_url}mlops-lab/api/v1/projects/{await met()}/me"
    try:
        name.encode("latin-1")
    except UnicodeEncodeError:
        name = "a b"
    code, body = await send(me, "GET", name)
    assert code == 200
    assert body["role"] == "viewer"


def test_groups_come_as_jupyterhub_gives_them() -> None:
    assert groups_of(GroupedUser("x", {"groups": ["ops", 3, None]})) == ("ops",)
    assert groups_of(GroupedUser("x", {"groups": "ops"})) == ()
    assert groups_of(User("x")) == ()


def test_roles_from_a_file_inside_a_project_do_not_count_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was started in a repository has read its configuration for other projects."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(project))
    file = project / f"{CONFIG_NAME}.json"
    file.write_text('{"MlopsLabApp": {"roles": {"mara": "admin"}, "default_role": "admin"}}')
    rules = Rules.of({"mara": "admin"}, "admin")
    typed = {"roles": {"ivo": "approver"}}
    inside = ServerRules(rules, (file,), typed).of_project(project)
    assert inside == Rules.of({"ivo": "approver"}, None)
    assert ServerRules(rules, (file,)).of_project(tmp_path / "other") == rules
    (project / "other.json").write_text("{}")
    assert ServerRules(rules, (project / "other.json",)).of_project(project) == rules


@pytest.mark.parametrize("roles", [{"mara": "boss"}, "admin"])
def test_a_role_that_does_not_exist_lets_no_server_start_with_it(roles: Any) -> None:
    from traitlets import TraitError

    from mlops_lab.server.extension import MlopsLabApp

    with pytest.raises(TraitError):
        MlopsLabApp(roles=roles)


def test_the_walk_finds_a_route_that_says_nothing() -> None:
    from mlops_lab.server.handler import LabHandler, needs

    assert LabHandler.permissions == {}
    with pytest.raises(ValueError, match="no right 'models:steal'"):
        needs(get="models:steal")
    assert re.fullmatch(r"[a-z]+:[a-z]+", next(iter(PERMISSIONS)))
