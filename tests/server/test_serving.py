"""Endpoints over REST: decided, looked at, and asked through the Jupyter Server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlops_lab.project import Project
from mlops_lab.registry.package import save_model
from mlops_lab.serving.client import Client

from .conftest import API, Answer, Ask
from .test_wire import check

FRAME = pd.DataFrame({"hour": range(40), "distance": [n / 40 for n in range(40)]})
LATE = FRAME["hour"] > 20
ROWS = FRAME.iloc[[3, 30]]
RECORDS = {"dataframe_records": ROWS.to_dict("records")}


def fill(project: Project) -> None:
    """Two versions of ``late``."""
    run_id = project.runs.start(name="gbm")
    for strength in (1.0, 0.01):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength)).fit(FRAME, LATE)
        folder = project.root / f"late-{strength}"
        save_model(model, folder, example=FRAME)
        logged = project.models.log_package(run_id, f"late-{strength}", folder)
        project.models.register("late", logged_model=logged.id)
    project.runs.end(run_id)


@pytest.fixture
def project(copy_of: Callable[..., Project]) -> Iterator[Project]:
    """With two versions; nothing of its endpoints runs when the test ends."""
    opened = copy_of(fill)
    try:
        yield opened
    finally:
        for one in opened.endpoints.list():
            opened.endpoints.stop(one.name)
            opened.endpoints.end(one.name)


Below = Callable[..., Awaitable[Answer]]


@pytest.fixture
def below(ask: Ask, met: Any) -> Below:
    """Ask what is below ``endpoints``."""

    async def fetch(*parts: str, **options: Any) -> Answer:
        return await ask("projects", await met(), "endpoints", *parts, **options)

    return fetch


async def decide(below: Below, verb: str, **body: Any) -> Any:
    answer = await below("delay", verb, method="POST", body=body)
    assert answer.code == 200, answer.body
    check("EndpointChange", answer.body)
    return answer.body


async def until(below: Below, done: Callable[[Any], bool]) -> Any:
    """Look at the endpoint until it stands as is wanted."""
    deadline = time.monotonic() + 120
    while True:
        page = (await below("delay")).body
        if done(page):
            return page
        assert time.monotonic() < deadline, page["endpoint"]
        await asyncio.sleep(0.1)


def serves(version: int) -> Callable[[Any], bool]:
    def done(page: Any) -> bool:
        status = page["status"] or {}
        seq = page["desired"]["seq"]
        here = page["endpoint"]["version"] == version
        return bool(status.get("state") == "serving" and status["seq"] == seq and here)

    return done


async def test_an_endpoint_from_its_first_version_to_its_end(
    project: Project,
    below: Below,
    jp_base_url: str,
    jp_http_port: int,
    jp_auth_header: dict[str, str],
    http_server_client: Any,
) -> None:
    check("Endpoints", (await below()).body)
    change = await decide(below, "deploy", version="late@1", backend="sklearn", reason="first")
    assert change["changed"]
    assert change["endpoint"]["state"] in ("starting", "serving", "failed")
    page = await until(below, serves(1))
    check("Endpoint", page)
    check("Endpoints", (await below()).body)
    assert [field["name"] for field in page["signature"]["inputs"]] == ["hour", "distance"]
    assert page["history"][0]["reason"] == "first"
    address = f"{jp_base_url}{'/'.join((*API, 'projects', project.key, 'endpoints', 'delay'))}"

    # Asked: by records, by the protocol's own client, and in pieces.
    answered = await below("delay", "predict", method="POST", body=RECORDS)
    assert answered.code == 200, answered.body
    assert [row["prediction"] for row in answered.body["predictions"]] == [False, True], answered
    assert answered.response.headers["X-Model-Version"] == "1"
    token = jp_auth_header["Authorization"].partition(" ")[2]
    client = Client(f"http://127.0.0.1:{jp_http_port}{address}", "delay", token=token)
    found = await asyncio.to_thread(client.predict, ROWS)
    assert found["prediction"].tolist() == [False, True]
    assert found.index.tolist() == ROWS.index.tolist()
    client.close()

    async def pieces(write: Callable[[bytes], Awaitable[None]]) -> None:
        for piece in (json.dumps(RECORDS).encode()[at : at + 7] for at in range(0, 200, 7)):
            await write(piece)

    chunked = await http_server_client.fetch(
        f"{address}/predict", method="POST", headers=jp_auth_header, body_producer=pieces
    )
    assert len(json.loads(chunked.body)["predictions"]) == 2
    ready = await below("delay", "v2", "health", "ready")
    assert ready.code == 200
    assert "mlops_lab" in (await below("delay", "metrics")).response.body.decode()

    # Asked wrongly: each time told what would be right, as clients of the protocol read it.
    wrong = {"dataframe_records": [{"hour": "noon", "distance": 1.0}]}
    refused = await below("delay", "predict", method="POST", body=wrong)
    assert refused.code == 400
    assert "hour" in refused.body["error"]
    await refuses_long_bodies(http_server_client, f"{address}/predict", jp_auth_header)
    await survives_who_goes_away(jp_http_port, f"{address}/predict", jp_auth_header)
    for path in ("v2/%2e%2e/metrics", "v2/models/none/infer"):
        got = await http_server_client.fetch(
            f"{address}/{path}", headers=jp_auth_header, raise_error=False
        )
        assert got.code in (404, 405), path
    none = await below("none", "predict", method="POST", body=RECORDS)
    assert (none.code, "no endpoint 'none'" in none.body["error"]) == (404, True)

    # What it answered, and what became true.
    ids = found["prediction_id"].tolist()
    page = await rows_of(below, search=ids[0].partition("-")[0])
    check("Predictions", page)
    assert page["total"] == 2
    truths = [{"prediction_id": one, "late": True} for one in ids]
    told = await below("delay", "truth", method="POST", body={"value": "late", "rows": truths})
    check("Told", told.body)
    assert told.body["rows"] == 2
    log = await below("delay", "log")
    check("Log", log.body)

    # Tried, promoted, taken back.
    await decide(below, "canary", version="late@2", share=20, ramp={"24h": 50})
    await until(below, serves(1))
    asked = await below("delay", "predict", method="POST", body=RECORDS)
    cookies = asked.response.headers.get_list("Set-Cookie")
    assert [one for one in cookies if one.startswith("mlops-lab-unit=")]
    assert all(one.endswith(f"; Path={address}/") for one in cookies if "mlops-lab-unit" in one)
    again = await below("delay", "shadow", method="POST", body={"version": "late@2"})
    assert (again.code, "rollback delay" in again.body["detail"]) == (409, True)
    await decide(below, "share", share=40)
    check("Comparison", (await below("delay", "compare")).body)
    await decide(below, "promote", reason="good enough")
    await until(below, serves(2))
    await decide(below, "rollback", reason="it was not")
    page = await until(below, serves(1))
    verbs = [event["verb"] for event in page["history"]]
    assert verbs == ["rollback", "promote", "share", "canary", "deploy"]

    await decide(below, "stop")
    page = (await below("delay")).body
    check("Endpoint", page)
    assert page["endpoint"]["state"] == "stopped"
    gone = await below("delay", "predict", method="POST", body=RECORDS)
    assert (gone.code, "is stopped" in gone.body["error"]) == (503, True)


async def rows_of(below: Below, **query: Any) -> Any:
    """The log is written a moment after the answer."""
    deadline = time.monotonic() + 20
    while True:
        page = (await below("delay", "predictions", **query)).body
        if page["total"] or time.monotonic() > deadline:
            return page
        await asyncio.sleep(0.05)


async def refuses_long_bodies(client: Any, address: str, headers: dict[str, str]) -> None:
    """A body that is told to be long, and one that turns out to be."""
    length = 20 * 2**20
    told = await client.fetch(
        address, method="POST", headers=headers, body=b" " * length, raise_error=False
    )
    assert told.code == 413
    assert "too long" in json.loads(told.body)["error"]

    async def endless(write: Callable[[bytes], Awaitable[None]]) -> None:
        for _ in range(length // 2**16):
            await write(b" " * 2**16)

    try:
        found = await client.fetch(
            address, method="POST", headers=headers, body_producer=endless, raise_error=False
        )
    except OSError:
        return  # the connection was closed while it still wrote: refused as well
    assert found.code in (413, 599)


async def survives_who_goes_away(port: int, address: str, headers: dict[str, str]) -> None:
    """Half a request, and then nobody."""
    for _ in range(3):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = [f"POST {address} HTTP/1.1", "Host: 127.0.0.1", "Content-Length: 1000"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*head, "", "{"]).encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
