"""Real clients of the protocol ask a real worker, and every way of asking gets the same answer."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tritonclient.http as triton
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from tritonclient.utils import InferenceServerException

from mlops_lab.compute import Source
from mlops_lab.errors import Forbidden, InvalidInput, NotFound, Unavailable
from mlops_lab.registry.package import load_model, read_facts, save_model
from mlops_lab.registry.predicting import predict
from mlops_lab.serving.backends import SklearnBackend, choose
from mlops_lab.serving.client import Client
from mlops_lab.serving.inputs import Schema
from mlops_lab.serving.scoring import score_table

from .conftest import DEADLINE_S, Package, Starter, Worker, digest_of

N_ROWS = 10_000
DATATYPES = {"carrier": "BYTES", "gate": "BYTES", "hour": "INT64", "temp": "FP64", "sure": "BOOL"}


def flights(n_rows: int, seed: int) -> pd.DataFrame:
    """Text, categories, whole numbers, numbers and booleans; missing ones, unicode, unseen ones."""
    draw = np.random.default_rng(seed)
    seen = ["UA", "Ærø", "日本 ✈", None] + ([] if seed == 0 else ["", "unseen", "Ze\u0301"])
    return pd.DataFrame(
        {
            "carrier": pd.Series(draw.choice(np.array(seen, dtype=object), n_rows), dtype="str"),
            "gate": pd.Categorical(draw.choice(["A", "B", "C"][: 2 + min(seed, 1)], n_rows)),
            "hour": draw.integers(0, 24, n_rows),
            "temp": np.where(
                draw.random(n_rows) < 0.2, np.nan, draw.normal(10, 5, n_rows).round(1)
            ),
            "sure": draw.random(n_rows) < 0.5,
        }
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A model of trees that takes missing values and unseen categories."""
    frame = flights(2_000, 0)
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(
        ColumnTransformer([("codes", codes, ["carrier", "gate"])], remainder="passthrough"),
        HistGradientBoostingClassifier(max_iter=30, random_state=7),
    )
    late = frame["hour"] + frame["temp"].fillna(20) + (frame["carrier"] == "Ærø") * 9 > 25
    model.fit(frame, np.where(late, "spät", "in time"))
    folder = tmp_path_factory.mktemp("model") / "flight-delay"
    save_model(model, folder, example=frame.head(50))
    return Package(folder, digest_of(folder), model, frame)


@pytest.fixture(scope="module")
def worker(starter: Starter, served: Package, tmp_path_factory: pytest.TempPathFactory) -> Worker:
    return starter(served, tmp_path_factory.mktemp("project"), over_network=True)


@pytest.fixture(scope="module")
def client(worker: Worker) -> Iterator[Client]:
    with Client(f"unix:{worker.public}", "delay") as made:
        yield made


@pytest.fixture(scope="module")
def tritons(worker: Worker) -> Iterator[triton.InferenceServerClient]:
    made = triton.InferenceServerClient(f"127.0.0.1:{worker.port}")
    yield made
    made.close()


def shown() -> dict[str, str]:
    """The token; tritonclient writes into what it is given."""
    return {"Authorization": "Bearer secret"}


def as_tensors(frame: pd.DataFrame, *, binary: bool) -> list[triton.InferInput]:
    made = []
    for name, datatype in DATATYPES.items():
        tensor = triton.InferInput(name, [len(frame)], datatype)
        values = frame[name].to_numpy(dtype=object if datatype == "BYTES" else None)
        tensor.set_data_from_numpy(values, binary_data=binary)
        made.append(tensor)
    return made


# ------------------------------------------------------------------ tritonclient


def test_triton_hears_what_the_server_and_the_model_are(
    tritons: triton.InferenceServerClient,
) -> None:
    assert tritons.is_server_live()
    assert tritons.is_server_ready()
    assert tritons.is_model_ready("delay", headers=shown())
    assert tritons.is_model_ready("flight-delay", "1", headers=shown())
    assert not tritons.is_model_ready("delay", "2", headers=shown())
    assert "binary_tensor_data" in tritons.get_server_metadata(headers=shown())["extensions"]
    told = tritons.get_model_metadata("delay", headers=shown())
    assert {one["name"]: one["datatype"] for one in told["inputs"]} == DATATYPES
    assert [one["name"] for one in told["outputs"]] == [
        "prediction",
        "probability",
        "prediction_id",
    ]


@pytest.mark.parametrize("packing", [None, "gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_triton_gets_the_models_answer(
    tritons: triton.InferenceServerClient, served: Package, binary: bool, packing: str | None
) -> None:
    frame = flights(300, 1).dropna()

    said = tritons.infer(
        "delay",
        as_tensors(frame, binary=binary),
        request_id="mine",
        headers=shown(),
        outputs=[
            triton.InferRequestedOutput("probability", binary_data=binary),
            triton.InferRequestedOutput("prediction", binary_data=binary),
        ],
        request_compression_algorithm=packing,
        response_compression_algorithm=packing,
    )

    np.testing.assert_array_equal(
        said.as_numpy("probability"), served.model.predict_proba(frame), strict=True
    )
    texts = said.as_numpy("prediction").tolist()
    if binary:
        texts = [text.decode() for text in texts]
    assert texts == served.model.predict(frame).tolist()
    assert said.get_response()["id"] == "mine"
    assert said.as_numpy("prediction_id") is None


def test_triton_is_told_what_is_wrong(tritons: triton.InferenceServerClient) -> None:
    wrong = triton.InferInput("hour", [1], "FP64")
    wrong.set_data_from_numpy(np.array([7.5]))
    tensors = [wrong if one.name() == "hour" else one for one in one_row()]

    with pytest.raises(InferenceServerException) as caught:
        tritons.infer("delay", tensors, headers=shown())

    assert caught.value.status() == "400"
    said = "Column 'hour' (integer, 0 to 23 in the example) holds 7.5 in row 1; whole numbers"
    assert said in caught.value.message()


def one_row() -> list[triton.InferInput]:
    return as_tensors(flights(20, 1).dropna().head(1), binary=True)


# ------------------------------------------------------------------ our own


def test_our_client_gives_a_frame_like_the_one_that_was_sent(
    client: Client, served: Package
) -> None:
    frame = flights(50, 1).set_index(pd.Index(range(100, 150)))

    said = client.predict(frame.assign(tail="N1"), unit="N1")

    assert list(said) == [
        "prediction_id",
        "prediction",
        "probability_in time",
        "probability_spät",
    ]
    assert list(said.index) == list(frame.index)
    assert list(said["prediction"]) == served.model.predict(frame).tolist()
    assert said["prediction_id"].is_unique
    assert list(client.predict(frame, outputs=["prediction"])) == ["prediction"]
    assert client.ready()
    assert client.metadata()["versions"] == ["1"]
    assert client.predict(frame.head(1), version=1).shape == (1, 4)


def test_our_client_says_what_is_wrong(client: Client, worker: Worker, tmp_path: Path) -> None:
    frame = flights(3, 1)

    with pytest.raises(InvalidInput, match=r"Column 'temp' .* is missing"):
        client.predict(frame.drop(columns="temp"))
    with pytest.raises(InvalidInput, match="texts beside other values"):
        client.predict(frame.assign(carrier=["a", 1, None]))
    with pytest.raises(NotFound, match="9"):
        client.predict(frame, version=9)
    with pytest.raises(Unavailable, match="Nobody answers at unix:"):
        Client(f"unix:{tmp_path}/none.sock", "delay").predict(frame)
    assert not Client(f"unix:{tmp_path}/none.sock", "delay").ready()
    network = f"http://127.0.0.1:{worker.port}"
    with Client(network, "delay") as stranger, pytest.raises(Forbidden):
        stranger.predict(frame)
    with Client(network, "delay", token="secret") as known:
        assert len(known.predict(frame)) == 3


def test_our_client_asks_again_when_its_connection_ends() -> None:
    with socket.socket(socket.AF_UNIX) as server, tempfile.TemporaryDirectory() as folder:
        server.bind(f"{folder}/s")
        server.listen()
        server.settimeout(DEADLINE_S)

        def answer() -> None:
            for reply in (b"", b'HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{"name": "delay"}'):
                with server.accept()[0] as taken:
                    taken.recv(4096)
                    taken.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        with Client(f"unix:{folder}/s", "delay") as client:
            assert client.metadata() == {"name": "delay"}
        thread.join(DEADLINE_S)


# ------------------------------------------------------------------ the same answer everywhere


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    """Rows with missing values, categories that the model has not seen, and unicode."""
    return flights(N_ROWS, 1)


@pytest.fixture(scope="module")
def expected(served: Package, many: pd.DataFrame) -> pd.DataFrame:
    """What a notebook says of them."""
    model, signature = load_model(served.folder), read_facts(served.folder).signature
    chances = predict(model, many, signature, chances=True)
    return pd.DataFrame(
        {
            "prediction": predict(model, many, signature),
            "probability_in time": chances[:, 0],
            "probability_spät": chances[:, 1],
        }
    )


def test_bytes_get_the_answer_of_the_notebook(
    client: Client, many: pd.DataFrame, expected: pd.DataFrame
) -> None:
    said = client.predict(many)

    same(said, expected)


@pytest.mark.parametrize("form", ["records", "split", "v2"])
def test_json_gets_the_answer_of_the_notebook(
    worker: Worker, many: pd.DataFrame, expected: pd.DataFrame, form: str
) -> None:
    # What pandas writes has ten digits; Python's own has all of them.
    rows = json.loads(json.dumps(many.astype(object).where(many.notna(), None).to_dict("split")))
    body: Any = {"columns": rows["columns"], "data": rows["data"]}
    if form == "records":
        body = [dict(zip(rows["columns"], row, strict=True)) for row in rows["data"]]
    elif form == "v2":
        columns = dict(zip(rows["columns"], zip(*rows["data"], strict=True), strict=True))
        body = {
            "inputs": [
                {"name": name, "shape": [N_ROWS], "datatype": datatype, "data": columns[name]}
                for name, datatype in DATATYPES.items()
            ]
        }
    with worker.client() as http:
        told = http.post("/v2/models/delay/infer", json=body).json()

    if form == "v2":
        outputs = {one["name"]: one["data"] for one in told["outputs"]}
        chances = np.array(outputs["probability"]).reshape(-1, 2)
        said = pd.DataFrame({"prediction": outputs["prediction"]}).assign(
            **{"probability_in time": chances[:, 0], "probability_spät": chances[:, 1]}
        )
    elif form == "split":
        said = pd.DataFrame(told["predictions"]["data"], columns=told["predictions"]["columns"])
    else:
        said = pd.DataFrame(told["predictions"])
    same(said, expected)


def test_rows_alone_get_the_answer_that_they_get_among_others(
    client: Client, many: pd.DataFrame, expected: pd.DataFrame
) -> None:
    rows = range(0, N_ROWS, 500)

    said = pd.concat([client.predict(many.iloc[[row]]) for row in rows])

    same(said, expected.iloc[list(rows)])


def test_a_table_gets_the_answer_of_the_notebook(
    served: Package, many: pd.DataFrame, expected: pd.DataFrame, tmp_path: Path
) -> None:
    backend, schema = SklearnBackend.load(served.folder), Schema.read(served.folder)
    many.to_parquet(tmp_path / "many.parquet")
    target = tmp_path / "scores.parquet"

    score_table(backend, schema, Source.of(tmp_path / "many.parquet"), target, keep=[])

    same(pd.read_parquet(target), expected)


def test_the_converted_model_gets_the_answer_of_the_notebook_within_its_gate(
    served: Package, many: pd.DataFrame, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    # Texts are missing only later: fitted on some, this model's converted form fails its gate.
    frame = served.frame[served.frame["carrier"].notna()]
    model = clone(served.model).fit(frame, served.model.predict(frame))
    save_model(model, tmp_path / "late", example=frame.head(50))
    chosen = choose(tmp_path / "late", rows=frame)
    assert chosen.backend.name == "onnx", chosen.why

    rows = Schema.read(tmp_path / "late").rows_of(many)
    said = chosen.backend.predict(rows)

    for row in range(0, N_ROWS, 1_000):
        alone = chosen.backend.predict(rows.slice(row, row + 1))
        np.testing.assert_array_equal(alone.probability[0], said.probability[row])
    assert list(said.prediction) == list(model.predict(many))
    assert np.mean(np.abs(said.probability - model.predict_proba(many)) > 1e-3) <= 0.001


def same(said: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal to the bit, column by column."""
    for name in expected:
        assert list(said[name]) == list(expected[name]), name
