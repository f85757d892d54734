"""Requests go to the revision that the table says, and none fails while the table changes."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlops_lab.serving.predictions.reading import predictions
from mlops_lab.serving.records import Guard, Rollout
from mlops_lab.serving.rollouts.routing import Table, unit_key, variant

LIMITS = {"timeout_s": 5.0, "drain_s": 5.0}


def _wait(done: Any) -> Any:
    until = time.monotonic() + 60
    while not (found := done()):
        assert time.monotonic() < until
        time.sleep(0.002)
    return found


def _row(do: str = "answer", x: float = 1.5, **more: Any) -> dict[str, Any]:
    return {"do": do, "x": x, **more}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def pair(starter: Any, awkward: Any, project: Path) -> tuple[Any, Any]:
    """Workers of two revisions of an endpoint."""
    versions = {"r1": "flight-delay@1", "r2": "flight-delay@2"}
    r2 = starter(
        awkward, project, "r2", version=2, accept=False, limits=LIMITS, route={"versions": versions}
    )
    r1 = starter(awkward, project, limits=LIMITS, route={"versions": versions})
    return r1, r2


def _route(pair: tuple[Any, Any], stable: str = "r1", **more: Any) -> Table:
    """Have both workers follow another table."""
    r1, r2 = pair
    _route.seq += 1  # type: ignore[attr-defined]
    tables = [
        Table(
            _route.seq,  # type: ignore[attr-defined]
            own,
            stable,
            sockets={"r1": (r1.private,), "r2": (r2.private,)},
            versions={"r1": "flight-delay@1", "r2": "flight-delay@2"},
            **more,
        )
        for own in ("r1", "r2")
    ]
    for worker, table in zip(pair, tables, strict=True):
        worker.say({"do": "route", "route": table.to_json()})
        _wait(lambda worker=worker: worker.reports and worker.reports[-1]["seq"] == _route.seq)  # type: ignore[attr-defined]
    return tables[0]


_route.seq = 1  # type: ignore[attr-defined]


def _rollout(kind: Any, share: float, **more: Any) -> Rollout:
    return Rollout("a" * 32, kind, candidate="r2", base="r1", share=share, salt="salt", **more)


def test_a_unit_is_answered_by_its_side_however_it_says_who_it_is(pair: tuple[Any, Any]) -> None:
    r1, _ = pair
    _route(
        pair, rollout=_rollout("canary", 40.0, by="tail"), roles={"r1": "stable", "r2": "canary"}
    )
    units = [f"Ærø {n}" for n in range(20)]
    with r1.client() as client:
        for unit in units:
            ways = [
                client.post("/predict", json=[_row()], headers={"x-unit-id": unit.encode()}),
                client.post("/predict", json=[_row(tail=unit)]),
                client.post("/predict", json={"inputs": [_row()], "parameters": {"unit": unit}}),
            ]
            side = "r2" if variant("salt", unit, 40.0) else "r1"
            assert [one.headers["x-revision"] for one in ways] == [side] * 3
            assert {one.json()["model_version"] for one in ways} == {side[1]}
    assert {variant("salt", unit, 40.0) for unit in units} == {True, False}


def test_who_says_nothing_gets_a_cookie_and_stays_on_a_side(pair: tuple[Any, Any]) -> None:
    r1, _ = pair
    _route(pair, rollout=_rollout("canary", 50.0), roles={"r1": "stable", "r2": "canary"})
    sides = set()
    for _ in range(12):
        with r1.client() as browser:
            answers = [browser.post("/predict", json=[_row()]) for _ in range(4)]
        assert "set-cookie" in answers[0].headers
        assert not any("set-cookie" in one.headers for one in answers[1:])
        assert len({one.headers["x-revision"] for one in answers}) == 1
        sides.add(answers[0].headers["x-revision"])
    assert sides == {"r1", "r2"}


def test_a_version_named_outright_answers_whatever_the_share(pair: tuple[Any, Any]) -> None:
    r1, _ = pair
    _route(pair, rollout=_rollout("canary", 0.0), roles={"r1": "stable", "r2": "canary"})
    with r1.client() as client:
        for version in ("1", "2"):
            answer = client.post(f"/v2/models/delay/versions/{version}/infer", json=[_row()])
            assert answer.headers["x-model-version"] == version
        about = client.get("/v2/models/delay/versions/2")
    assert about.json()["versions"] == ["1", "2"]


def test_bad_events_are_told_by_unit_and_by_the_revision_they_befell(
    pair: tuple[Any, Any],
) -> None:
    r1, r2 = pair
    rollout = _rollout("canary", 100.0, guard=Guard(p99_ms=30.0))
    _route(pair, rollout=rollout, roles={"r1": "stable", "r2": "canary"}, slow_ms=30.0)
    for do, status in (("raise", 500), ("sleep 0.1", 200), ("answer", 200)):
        answer = r1.post([_row(do)], headers={"x-unit-id": do})
        assert (answer.status_code, answer.headers["x-revision"]) == (status, "r2")
    assert r1.post([{"x": 1.0}], headers={"x-unit-id": "short"}).status_code == 400
    wanted = [("error", "raise"), ("slow", "sleep 0.1"), ("reject", "short")]
    expected = [[metric, "r2", unit_key("salt", unit)] for metric, unit in wanted]
    _wait(lambda: [one for one in r2.units() if one in expected] == expected)
    assert r1.counted("canary", "forwarded") >= 4


def test_a_shadow_that_sleeps_delays_nobody_and_overflows_into_a_count(
    pair: tuple[Any, Any], tmp_path: Path
) -> None:
    r1, r2 = pair
    _route(pair, rollout=_rollout("shadow", 100.0), roles={"r1": "stable", "r2": "shadow"})
    sent = r1.told("shadow", "sent")
    with r2.busy(tmp_path / "go"):
        with r1.client() as client:
            answers = [client.post("/predict", json=[_row(x=x)]) for x in range(300)]
        _wait(lambda: r1.told("shadow", "dropped") >= 300 - 256 - 4)
        # Everybody has an answer, and the shadow has given none.
        assert r1.told("shadow", "sent") == sent
    assert {(one.status_code, one.headers["x-revision"]) for one in answers} == {(200, "r1")}
    _wait(lambda: r1.told("shadow", "sent") > sent)


def test_both_sides_of_a_shadow_are_logged_under_one_prediction_id(
    pair: tuple[Any, Any], project: Path
) -> None:
    r1, _ = pair
    _route(pair, rollout=_rollout("shadow", 100.0), roles={"r1": "stable", "r2": "shadow"})
    id = r1.post([_row(), _row()]).headers["x-request-id"]

    def rows() -> list[dict[str, Any]]:
        found = predictions(project, "delay", search=id).arrow().to_pylist()
        return found if len(found) == 4 else []

    found = _wait(rows)
    assert sorted((one["prediction_id"], one["role"], one["revision"]) for one in found) == [
        (f"{id}-0", "shadow", "r2"),
        (f"{id}-0", "stable", "r1"),
        (f"{id}-1", "shadow", "r2"),
        (f"{id}-1", "stable", "r1"),
    ]
    assert {one["rollout"] for one in found} == {"a" * 32}


def test_whoever_is_asked_tells_the_metrics_of_all_workers(pair: tuple[Any, Any]) -> None:
    for worker in pair:
        _route(pair)
        with worker.client(worker.private) as client:
            families = text_string_to_metric_families(client.get("/metrics").text)
            samples = [one for family in families for one in family.samples]
        up = {one.labels["worker"]: one.value for one in samples if one.name.endswith("worker_up")}
        assert up == {"r1-0": 1.0, "r2-0": 1.0}
        versions = {
            one.labels["revision"]: one.labels["version"]
            for one in samples
            if one.name == "mlops_lab_requests_total"
        }
        assert versions == {"r1": "flight-delay@1", "r2": "flight-delay@2"}


def test_no_request_fails_while_revisions_change_places(pair: tuple[Any, Any]) -> None:
    r1, _ = pair
    failed: list[Any] = []
    sides: list[str] = []
    done = threading.Event()

    def ask() -> None:
        with r1.client() as client:
            while not done.is_set():
                try:
                    answer = client.post("/predict", json=[_row()])
                    sides.append(answer.headers["x-revision"])
                    if answer.status_code != 200:
                        failed.append(answer.text)
                except Exception as error:
                    failed.append(repr(error))

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    # Two workers of this test have public sockets of their own, so r1 stays the door: what rests
    # passes requests on.
    for stable in ("r2", "r1", "r2", "r1"):
        _route(pair, stable)
        seen = len(sides)
        _wait(lambda seen=seen, stable=stable: stable in sides[seen:])
    done.set()
    for client in clients:
        client.join()
    assert not failed
    assert {"r1", "r2"} <= set(sides)


def test_a_worker_that_rests_passes_on_and_closes_what_is_connected(pair: tuple[Any, Any]) -> None:
    r1, _ = pair
    _route(pair, "r2")
    with r1.client() as client:
        assert client.post("/predict", json=[_row()]).headers["x-revision"] == "r2"
        r1.say({"do": "rest"})
        answer = _wait(
            lambda: (
                (one := client.post("/predict", json=[_row()])).headers.get("connection") and one
            )
        )
        assert (answer.status_code, answer.headers["x-revision"]) == (200, "r2")
    r1.say({"do": "accept"})
    _route(pair)
    assert r1.post([_row()]).headers["x-revision"] == "r1"


def test_a_candidate_that_dies_costs_nobody_an_answer_nor_does_an_end(
    starter: Any, awkward: Any, tmp_path: Path
) -> None:
    limits = {"timeout_s": 30.0, "drain_s": 30.0}
    r2 = starter(awkward, tmp_path, "r2", accept=False, limits=limits)
    r1 = starter(awkward, tmp_path, limits=limits)
    _route((r1, r2), rollout=_rollout("canary", 100.0), roles={"r1": "stable", "r2": "canary"})
    with r1.client() as client:
        assert client.post("/predict", json=[_row()]).headers["x-revision"] == "r2"
        r2.process.kill()
        r2.process.wait()
        answer = client.post("/predict", json=[_row()], headers={"x-unit-id": "somebody"})
    assert (answer.status_code, answer.headers["x-revision"]) == (200, "r1")
    _wait(lambda: ["error", "r2", unit_key("salt", "somebody")] in r1.units())

    def closed() -> bool:
        try:
            r1.connect().close()
        except OSError:
            return True
        return False

    with r1.busy(tmp_path / "go") as begun:
        r1.say({"do": "drain"})
        _wait(closed)
    assert begun.result().status_code == 200
    assert r1.process.wait(60) == 0
    assert not Path(r1.private).exists()
    _wait(lambda: r1.told("log", "written") == 2)
    assert r1.counted("stable", "requests") == 2


def test_other_bytes_than_were_registered_are_not_served(
    starter: Any, package: Any, tmp_path: Path
) -> None:
    worker = starter(package, tmp_path, digest=f"b3-{'0' * 64}")
    assert worker.first["say"] == "failed"
    assert "are not what was registered" in worker.first["message"]
    assert worker.process.wait(60) == 1
