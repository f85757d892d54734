"""Every route of the real table: closed without a token, and without the right to our resource."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.base.handlers import JupyterHandler

from mlops_lab.server.extension import routes
from mlops_lab.server.handler import LabHandler

from .conftest import Sample

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
RUN = "c41d7e0a9b3f4c52a86e1d0f7b2c9e34"


class NotForLab(Authorizer):
    """Lets everybody do everything but ours."""

    def is_authorized(self, handler: JupyterHandler, user: Any, action: str, resource: str) -> bool:
        return resource != "mlops_lab"


@pytest.fixture
def refusing(jp_server_config: dict[str, Any]) -> None:
    jp_server_config["ServerApp"]["authorizer_class"] = NotForLab


def real_routes(app: Any) -> Iterator[tuple[str, type[LabHandler]]]:
    """Ours in the table by which the server really routes: an example address and its handler."""
    pending = [app.web_app.default_router]
    while pending:
        for rule in pending.pop().rules:
            if hasattr(rule.target, "rules"):
                pending.append(rule.target)
            elif isinstance(rule.target, type) and rule.target.__module__.startswith("mlops_lab"):
                yield example(rule.matcher.regex.pattern), rule.target


def example(pattern: str) -> str:
    """An address that a route's pattern matches."""
    address = pattern.removesuffix("$").replace("([0-9a-f]{12})", "0123456789ab")
    address = address.replace("([0-9]{1,18})", "3")
    address = (
        address.replace("([^/]+)", RUN).replace("(.+)", "x/y.csv").replace("(/.*)?", "/nothing")
    )
    assert re.fullmatch(pattern.removesuffix("$"), address), pattern
    return address


def test_the_real_table_has_all_our_routes(jp_serverapp: Any) -> None:
    assert len(list(real_routes(jp_serverapp))) == len(routes()) >= 20


async def test_no_route_answers_without_a_token(jp_serverapp: Any, http_server_client: Any) -> None:
    asked = 0
    for address, _ in real_routes(jp_serverapp):
        for verb in VERBS:
            for headers in ({}, {"Authorization": "token wrong"}):
                response = await http_server_client.fetch(
                    address,
                    method=verb,
                    headers=headers,
                    body=None if verb in ("GET", "HEAD", "DELETE") else "{}",
                    raise_error=False,
                    follow_redirects=False,
                )
                asked += 1
                assert response.code in (401, 403), (verb, address, response.code)
                if verb != "HEAD":
                    assert json.loads(response.body)["code"] in ("forbidden", "unauthenticated")
    assert asked > 200


async def test_no_route_answers_without_the_right_to_our_resource(
    refusing: None, jp_serverapp: Any, http_server_client: Any, jp_auth_header: dict[str, str]
) -> None:
    for address, handler in real_routes(jp_serverapp):
        for verb in VERBS:
            if getattr(handler, verb.lower()) is getattr(JupyterHandler, verb.lower()):
                continue
            response = await http_server_client.fetch(
                address,
                method=verb,
                headers=jp_auth_header,
                body=None if verb in ("GET", "HEAD", "DELETE") else "{}",
                raise_error=False,
            )
            assert response.code == 403, (verb, address, response.code)


async def test_what_others_may_is_still_theirs(
    refusing: None, jp_fetch: Any, jp_serverapp: Any
) -> None:
    assert (await jp_fetch("api", "contents")).code == 200


async def session_cookie(client: Any, base_url: str, token: dict[str, str]) -> str:
    """The cookie by which a browser that is logged in asks."""
    page = await client.fetch(
        base_url + "login", headers=token, follow_redirects=False, raise_error=False
    )
    cookies = [one.split(";")[0] for one in page.headers.get_list("Set-Cookie")]
    return next(one for one in cookies if one.startswith("username-"))


async def test_a_write_with_a_cookie_needs_its_xsrf_token(
    jp_serverapp: Any, http_server_client: Any, jp_auth_header: dict[str, str], jp_base_url: str
) -> None:
    """A page of somebody else sends the cookie along, but cannot read it."""
    cookie = await session_cookie(http_server_client, jp_base_url, jp_auth_header)
    for address, _ in real_routes(jp_serverapp):
        for verb in ("POST", "PUT", "PATCH", "DELETE"):
            response = await http_server_client.fetch(
                address,
                method=verb,
                body=None if verb == "DELETE" else "{}",
                headers={"Cookie": cookie},
                raise_error=False,
            )
            assert response.code == 403, (verb, address, response.code)
            assert "_xsrf" in json.loads(response.body)["detail"]


async def test_a_get_changes_nothing(
    sample: Sample, met: Any, jp_serverapp: Any, http_server_client: Any, jp_auth_header: Any
) -> None:
    """Links, pictures and preloading send GETs, and no XSRF token guards them."""
    assert await met() == sample.key
    before, answered = written(sample.project.root), 0
    for address, _ in real_routes(jp_serverapp):
        response = await http_server_client.fetch(
            address.replace("0123456789ab", sample.key).replace(RUN, sample.ids["passed"]),
            headers=jp_auth_header,
            raise_error=False,
        )
        answered += response.code == 200
    assert answered >= 9
    assert written(sample.project.root) == before


def written(root: Path) -> dict[str, bytes]:
    """Every file of a project but the index, which is a copy, and the locks."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(("index-", "lock"))
    }


async def test_a_page_of_another_origin_reads_nothing(
    jp_serverapp: Any, http_server_client: Any, jp_auth_header: dict[str, str], jp_base_url: str
) -> None:
    cookie = await session_cookie(http_server_client, jp_base_url, jp_auth_header)
    for origin, allowed in (("https://evil.example", False), (None, True)):
        response = await http_server_client.fetch(
            jp_base_url + "mlops-lab/api/v1/projects",
            headers={"Cookie": cookie, **({"Origin": origin} if origin else {})},
            raise_error=False,
        )
        assert (response.code == 200) is allowed, response.body
        if not allowed:
            assert response.headers["Content-Type"] == "application/problem+json"
            assert "Access-Control-Allow-Origin" not in response.headers
