"""Every route × every verb × what nobody would send: an answer that says so, never a 500."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from jupyter_server.base.handlers import JupyterHandler

from mlops_lab.project import Project
from mlops_lab.server.handler import NoRoute

from .test_closed_to_strangers import RUN, real_routes

BODIES: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"\xff\xfe",
    b"[" * 50_000,
    b'{"a": ' * 900 + b"1" + b"}" * 900,
    b'{"\\ud800": "\\udfff"}',
    json.dumps(
        {
            "path": "../../etc/passwd", "name": "\x00", "alias": {"a": 1}, "digest": 3,
            "version": 1e400, "ids": ["x" * 10_000], "tags": [1], "sections": {"": None},
            "comment": None, "reason": ["x"], "near": "../..", "params": {"a": {"b": []}},
            "note": 1, "starred": "maybe", "description": [], "run_id": "zz", "logged_model": 7,
        }
    ).encode(),
    json.dumps(
        {
            "path": "x" * 5_000, "name": "a/b", "alias": "latest", "digest": "b3-" + "f" * 64,
            "version": 10**17, "comment": "x", "reason": "y",
        }
    ).encode(),
    json.dumps({"ids": ["' or 1=1; --", "0" * 32]}).encode(),
    json.dumps({"alias": "champion", "digest": "b3-" + "f" * 64, "comment": "x"}).encode(),
    json.dumps({"version": 1}).encode(),
    json.dumps({"name": "a", "path": "data"}).encode(),
    json.dumps({"near": "\x00"}).encode(),
    json.dumps({"sections": {"intended_use": "x"}}).encode(),
]  # fmt: skip
QUERIES = [
    "limit=1e400&before=-1&points=999999999999999999999",
    "limit=%00&cursor=%ff&offset=99999999999999999999999",
    f"where={quote('best(')}&order_by={quote(chr(0))}&parent=../..&sparkline=%00",
    "against=0&key=" + "a," * 400,
    f"against=1&key={quote('n; drop table x')}",
    "node=run:" + "%2e%2e%2f" * 50 + "&depth=100",
    f"node=dataset:{quote('a@b@c')}&direction=sideways",
    "near=%00&path=%00&under=%00&rows=-5",
    f"near={quote('../' * 50)}&path={quote('../' * 50)}&under={quote('/etc')}",
    "cursor=" + "e30=" * 100 + "&key=%F0%9F%9B%AB",
]


async def test_no_body_and_no_query_makes_the_server_fail(
    project: Project, jp_serverapp: Any, http_server_client: Any, jp_auth_header: dict[str, str]
) -> None:
    run = project.runs.start(name="a", params={"lr": 1})
    project.runs.log_metrics(run, {"auc": 0.7})
    project.runs.put_artifact(run, "x/y.csv", b"a,b\n1,2\n")
    project.runs.end(run)
    (project.root / "data.csv").write_text("n\n1\n")
    project.datasets.commit(RUN, project.root / "data.csv")
    (project.root / "saved").mkdir()
    (project.root / "saved" / "model.json").write_text('{"flavor": "sklearn", "unsafe": false}')
    logged = project.models.log_package(run, "model", project.root / "saved")
    project.models.register(RUN, logged_model=logged.id, alias="champion")
    asked, answered = 0, set()
    for address, handler in real_routes(jp_serverapp):
        if handler is NoRoute or address.endswith("/projects/example"):
            continue
        target = address.replace("0123456789ab", project.key)
        of_run = target.replace(f"/runs/{RUN}", f"/runs/{run}").replace(
            "/versions/3", "/versions/1"
        )
        for verb in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if getattr(handler, verb.lower()) is getattr(JupyterHandler, verb.lower()):
                continue
            reading = verb in ("GET", "DELETE")
            for tried in QUERIES if reading else BODIES:
                response = await http_server_client.fetch(
                    f"{of_run}?{tried}" if reading else of_run,
                    method=verb,
                    headers=jp_auth_header,
                    body=None if reading else tried,
                    raise_error=False,
                )
                asked += 1
                answered |= {handler} if response.code < 300 else set()
                assert response.code < 500, (verb, of_run, tried[:200], response.body)
                if response.code >= 400:
                    assert json.loads(response.body)["detail"]
    assert asked > 400
    # It got as far as to what is asked for, and was not always stopped at the door.
    assert len(answered) > 20
