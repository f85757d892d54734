"""A worker answers as its model does, says who answered, and keeps to the protocol's routes."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families


def _records(package: Any, rows: int) -> list[dict[str, Any]]:
    frame = package.frame.head(rows).astype(object)
    return frame.where(frame.notna(), None).to_dict("records")


def test_ready_is_said_once_the_model_is_warm(worker: Any) -> None:
    assert worker.first["say"] == "ready"
    assert worker.first["backend"] == "sklearn"
    assert worker.first["rss"] > 0 < worker.first["load_s"]


def test_an_answer_is_the_models_and_says_whose_it_is(worker: Any, package: Any) -> None:
    answer = worker.post(_records(package, 50))
    assert answer.status_code == 200, answer.text
    given = answer.json()
    assert (given["model_name"], given["model_version"]) == ("flight-delay", "1")
    assert [row["prediction"] for row in given["predictions"]] == package.model.predict(
        package.frame.head(50)
    ).tolist()
    chances = [row["probability_True"] for row in given["predictions"]]
    assert chances == package.model.predict_proba(package.frame.head(50))[:, 1].tolist()
    assert answer.headers["x-revision"] == "r1"
    assert answer.headers["x-model-version"] == "1"
    id = answer.headers["x-request-id"]
    assert given["predictions"][7]["prediction_id"] == f"{id}-7"


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/flight-delay/infer",
        "/v2/models/delay/infer",
        "/v2/models/delay/versions/1/infer",
        "/predict",
    ],
)
def test_every_address_of_the_model_predicts(worker: Any, path: str) -> None:
    tensors = [
        {"name": "temp", "shape": [1], "datatype": "FP64", "data": [None]},
        {"name": "carrier", "shape": [1], "datatype": "BYTES", "data": ["DL"]},
        {"name": "hour", "shape": [1], "datatype": "INT64", "data": [7]},
    ]
    with worker.client() as client:
        answer = client.post(path, json={"id": "mine", "inputs": tensors})
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == "mine"
    assert answer.json()["outputs"][0]["data"] == [False]


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/v2", 200, "mlops-lab"),
        ("GET", "/v2/health/live", 200, "true"),
        ("GET", "/v2/health/ready", 200, "true"),
        ("GET", "/v2/models/delay", 200, "carrier"),
        ("GET", "/v2/models/flight-delay/versions/1", 200, "carrier"),
        ("GET", "/v2/models/delay/ready", 200, "true"),
        ("GET", "/v2/models/other", 404, "does not run here"),
        ("POST", "/v2/models/other/infer", 404, "does not run here"),
        ("POST", "/v2/models/delay/versions/2/infer", 404, "does not run here"),
        ("GET", "/predict", 405, "does not take GET"),
        ("GET", "/figures", 404, "no such address"),
        ("GET", "/elsewhere", 404, "/v2/models/NAME/infer"),
    ],
)
def test_the_routes_answer_in_the_protocols_words(
    worker: Any, method: str, path: str, status: int, said: str
) -> None:
    with worker.client() as client:
        answer = client.request(method, path)
    assert answer.status_code == status
    assert said in answer.text
    if status >= 400:
        assert set(answer.json()) == {"error"}


def test_what_does_not_fit_is_refused_with_the_column(worker: Any) -> None:
    answer = worker.post([{"carrier": "DL", "hour": "noon", "temp": 1.0}])
    assert answer.status_code == 400
    assert "'hour'" in answer.json()["error"]
    assert answer.headers["x-revision"] == "r1"


def test_over_the_network_the_token_is_asked_for(worker: Any, package: Any) -> None:
    url = f"http://127.0.0.1:{worker.port}"
    right, wrong = {"authorization": "Bearer secret"}, {"authorization": "Bearer secre"}
    rows = _records(package, 1)
    for headers, status in ((right, 200), (wrong, 401), ({}, 401)):
        assert httpx.post(f"{url}/predict", json=rows, headers=headers).status_code == status
        assert httpx.get(f"{url}/metrics", headers=headers).status_code == status
    # Whoever starts containers asks without knowing secrets.
    assert httpx.get(f"{url}/v2/health/ready").status_code == 200


def test_a_client_cannot_say_what_workers_tell_each_other(worker: Any, package: Any) -> None:
    told = {"x-mlops-lab-role": "shadow", "x-mlops-lab-request": "0" * 32}
    answer = worker.post(_records(package, 1), headers=told)
    assert answer.headers["x-request-id"] != "0" * 32


def test_metrics_are_what_was_asked(worker: Any, package: Any) -> None:
    def samples() -> dict[str, float]:
        with worker.client() as client:
            text = client.get("/metrics").text
        return {
            f"{one.name}{one.labels.get('le', '')}": one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
            if one.labels.get("role", "stable") == "stable"
        }

    before = samples()
    for rows in (1, 2, 3):
        worker.post(_records(package, rows))
    worker.post([{}])
    after = samples()
    more = {name: after[name] - before.get(name, 0.0) for name in after}
    assert more["mlops_lab_requests_total"] == 4
    assert more["mlops_lab_rows_total"] == 6
    assert more["mlops_lab_rejected_total"] == 1
    assert more["mlops_lab_errors_total"] == 0
    assert more["mlops_lab_latency_seconds_bucket+Inf"] == 4
    assert more["mlops_lab_latency_seconds_count"] == 4
    assert after["mlops_lab_worker_up"] == after["mlops_lab_ready"] == 1


def test_many_clients_at_once_get_their_own_answers(worker: Any, package: Any) -> None:
    import threading

    chances = package.model.predict_proba(package.frame)[:, 1]
    records = _records(package, 200)
    wrong: list[Any] = []

    def ask(start: int) -> None:
        with worker.client() as client:
            for row in range(start, 200, 8):
                answer = client.post("/predict", json=[records[row]])
                got = answer.json()["predictions"][0]["probability_True"]
                if not np.isclose(got, chances[row], rtol=1e-12):
                    wrong.append((row, got, chances[row]))

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
