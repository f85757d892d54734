"""One model behind HTTP: ours, MLServer and `mlflow models serve`, asked by the same client.

    python tests/bench/serving.py [quick]

The model takes three texts and fourteen numbers, as the example's does: codes, then 120 trees. Each
request is one row, and each server has one process for it. Of each: processor time for a request
(all of the server's processes), requests a second and p50, p99 in ms at 1, 16 and 64 connections in
a closed loop, what memory grows over 100,000 requests, what it takes until the first answer. The
client needs a core of its own: shares of it are told. Ours logs every prediction; the others log
none. MLServer runs the model in its own process (parallel_workers 0), which is its quickest.

The peers live in build/peers-serving and build/peers, which `make bench` makes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import psutil
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

ROOT = Path(__file__).parents[2]
MLSERVER = ROOT / "build" / "peers-serving" / "bin"
MLFLOW = ROOT / "build" / "peers" / "bin"
PEER = Path(__file__).parent / "peers" / "serving_mlflow.py"

QUICK = "quick" in sys.argv[1:]
CONNECTIONS = (1, 16, 64)
SECONDS = 0.5 if QUICK else 8.0
WARM_S = 1.0
MEMORY_REQUESTS = 2_000 if QUICK else 100_000
MEMORY_S = 3.0 if QUICK else 120.0  # a slow server is asked less often
START_S = 120.0
TEXTS = ("carrier", "origin", "dest")
NUMBERS = tuple(f"x{i}" for i in range(14))


def table(rows: int) -> pd.DataFrame:
    """Rows as the model takes them; some numbers are missing."""
    draw = np.random.default_rng(7)
    columns: dict[str, Any] = {
        name: draw.choice([f"{name[0].upper()}{i}" for i in range(count)], rows)
        for name, count in zip(TEXTS, (16, 3, 100), strict=True)
    }
    for name in NUMBERS:
        columns[name] = draw.normal(size=rows).round(3)
    columns["x0"][draw.random(rows) < 0.1] = np.nan
    return pd.DataFrame(columns)


def fitted(frame: pd.DataFrame) -> Any:
    """The model."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = ColumnTransformer([("c", codes, list(TEXTS)), ("n", "passthrough", list(NUMBERS))])
    trees = HistGradientBoostingClassifier(
        max_iter=120, max_leaf_nodes=15, early_stopping=False, random_state=7
    )
    late = frame["x1"] + frame["x2"].abs() + (frame["origin"] == "O1") > 1.2
    return make_pipeline(columns, trees).fit(frame, late.astype(int))


# ---------------------------------------------------------------------- the client


@dataclass
class Run:
    """What the client saw: seconds for each answer and in all, and one of the answers."""

    took: list[float]
    wall_s: float
    client_s: float
    body: bytes


LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Connection:
    """One connection that asks again as soon as it is answered."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = request
        self.asked = 0.0
        self.read = self.body = b""

    def ask(self) -> None:
        self.asked = time.perf_counter()
        self.socket.sendall(self.request)

    def answered(self) -> bool:
        """Read what there is; whether the answer is whole."""
        got = self.socket.recv(1 << 16)
        assert got, "the server closed the connection"
        self.read += got
        end = self.read.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self.read[:end]
        assert head.startswith(b"HTTP/1.1 200"), self.read[:500]
        found = LENGTH.search(head)
        assert found is not None, head
        if len(self.read) < end + 4 + int(found[1]):
            return False
        self.body, self.read = self.read[end + 4 :], b""
        return True


def drive(
    port: int, request: bytes, connections: int, seconds: float, most: int | None = None
) -> Run:
    """Ask over so many connections at once, for so long or so often."""
    took: list[float] = []
    opened = [Connection(port, request) for _ in range(connections)]
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        for each in opened:
            stack.callback(each.socket.close)
            selector.register(each.socket, selectors.EVENT_READ, each)
        cpu, start = time.process_time(), time.perf_counter()
        for each in opened:
            each.ask()
        now = start
        while now < start + seconds and (most is None or len(took) < most):
            for key, _ in selector.select():
                if key.data.answered():
                    now = time.perf_counter()
                    took.append(now - key.data.asked)
                    key.data.ask()
        return Run(took, now - start, time.process_time() - cpu, opened[0].body)


def post(path: str, body: dict[str, Any], *headers: str) -> bytes:
    """A request as bytes."""
    data = json.dumps(body).encode()
    head = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
        *headers,
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + data


# ---------------------------------------------------------------------- the servers


@dataclass
class Server:
    """How to start one, and what to ask it."""

    command: list[str]
    request: bytes
    environment: dict[str, str]
    folder: Path


def ours(folder: Path, model: Any, frame: pd.DataFrame, row: pd.DataFrame) -> Iterator[Any]:
    """An endpoint in the foreground, its supervisor included; by onnxruntime and scikit-learn."""
    from mlops_lab.project import Project
    from mlops_lab.registry.package import save_model

    project = Project.create(folder / "project")
    run = project.runs.start(name="fit")
    project.datasets.commit("seen", frame, run_id=run)
    save_model(model, folder / "saved", example=frame)
    logged = project.models.log_package(run, "late", folder / "saved")
    project.models.register("late", logged_model=logged.id)
    project.runs.end(run)

    def make(name: str, backend: str, port: int) -> Server:
        project.endpoints.deploy(name, "late@1", port=port, backend=backend)
        token = (project.root / ".mlops" / "endpoints" / f"{name}.token").read_text()
        command = [sys.executable, "-P", "-m", "mlops_lab", "endpoint", "serve", name]
        request = post("/v2/models/late/infer", v2(row), f"Authorization: Bearer {token}")
        return Server(command, request, {}, project.root)

    yield "ours", partial(make, "quick", "auto")
    yield "ours_scikit_learn", partial(make, "plain", "sklearn")
    project.close()


def v2(row: pd.DataFrame, **parameters: Any) -> dict[str, Any]:
    """A row in protocol version 2, a tensor for each column."""
    inputs = [
        {
            "name": name,
            "shape": [1, 1] if parameters else [1],
            "datatype": "BYTES" if name in TEXTS else "FP64",
            "data": row[name].tolist(),
            **({"parameters": {"content_type": "str"}} if parameters and name in TEXTS else {}),
        }
        for name in row
    ]
    return {"inputs": inputs, **({"parameters": parameters} if parameters else {})}


def mlserver(folder: Path, model: Any, row: pd.DataFrame) -> Iterator[Any]:
    """MLServer's own runtime for scikit-learn."""
    if not (MLSERVER / "mlserver").exists():
        return
    folder.mkdir()
    joblib.dump(model, folder / "model.joblib")
    implementation = "mlserver_sklearn.SKLearnModel"
    settings = {"name": "late", "implementation": implementation}
    settings["parameters"] = {"uri": "./model.joblib", "version": "1"}  # type: ignore[assignment]
    (folder / "model-settings.json").write_text(json.dumps(settings))

    def make(port: int) -> Server:
        general = {
            "debug": False,
            "parallel_workers": 0,
            "host": "127.0.0.1",
            "http_port": port,
            "grpc_port": free_port(),
            "metrics_port": free_port(),
        }
        (folder / "settings.json").write_text(json.dumps(general))
        return Server(
            [str(MLSERVER / "mlserver"), "start", str(folder)],
            post("/v2/models/late/infer", v2(row, content_type="pd")),
            {},
            folder,
        )

    yield "mlserver", make


def mlflow(folder: Path, model: Any, row: pd.DataFrame, frame: pd.DataFrame) -> Iterator[Any]:
    """`mlflow models serve`, with one worker in the environment that is there."""
    if not (MLFLOW / "mlflow").exists():
        return
    folder.mkdir()
    joblib.dump(model, folder / "model.joblib")
    frame.dropna().head(5).to_json(folder / "example.json", orient="split", index=False)
    subprocess.run(
        [
            *(str(MLFLOW / "python"), str(PEER), str(folder / "model.joblib")),
            *(str(folder / "example.json"), str(folder / "model")),
        ],
        check=True,
        capture_output=True,
    )
    split = {"columns": list(row), "data": row.to_numpy(dtype=object).tolist()}
    yield (
        "mlflow_models_serve",
        lambda port: Server(
            [
                *(str(MLFLOW / "mlflow"), "models", "serve", "--env-manager", "local"),
                *("-m", str(folder / "model"), "-h", "127.0.0.1", "-p", str(port), "-w", "1"),
            ],
            post("/invocations", {"dataframe_split": split}),
            {"PATH": f"{MLFLOW}{os.pathsep}{os.environ['PATH']}"},
            folder,
        ),
    )


# ---------------------------------------------------------------------- measuring


def free_port() -> int:
    """A port that nobody has just now."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process and what it started."""
    return [process, *process.children(recursive=True)]


def cpu_of(process: psutil.Process) -> float:
    """Processor seconds of a server, and of what it started and ended."""
    total = 0.0
    for each in family(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    gone = process.cpu_times()
    return total + gone.children_user + gone.children_system


def rss_of(process: psutil.Process) -> float:
    """Memory in MB."""
    total = 0
    for each in family(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += each.memory_info().rss
    return total / 1e6


def first_answer(server: Server, port: int, process: subprocess.Popen[bytes]) -> bytes:
    """Wait until it answers the request."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, (server.folder / "server.txt").read_text()[-2000:]
        with contextlib.suppress(OSError, AssertionError):
            return drive(port, server.request, 1, 10.0, 1).body
        time.sleep(0.02)
    raise AssertionError((server.folder / "server.txt").read_text()[-2000:])


def said(body: bytes) -> Any:
    """The prediction in an answer of any of them."""
    answer = json.loads(body)
    if "predictions" in answer:
        return answer["predictions"][0]
    outputs = {each["name"]: each["data"] for each in answer["outputs"]}
    return outputs.get("prediction", outputs.get("predict"))[0]


def measure(make: Callable[[int], Server], right: Any) -> dict[str, Any]:
    """All figures of one server, which gives the right answer and is gone afterwards."""
    port = free_port()
    server = make(port)
    with (server.folder / "server.txt").open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            server.command,
            cwd=server.folder,
            env={**os.environ, **server.environment, "OMP_NUM_THREADS": "1"},
            stdout=output,
            stderr=output,
        )
        watched = psutil.Process(process.pid)
        try:
            assert said(first_answer(server, port, process)) == right
            started = {"wall_s": time.perf_counter() - start, "cpu_s": cpu_of(watched)}
            drive(port, server.request, 4, WARM_S)
            figures = {str(n): at(server, port, watched, n) for n in CONNECTIONS}
            memory = grown(server, port, watched)
        finally:
            everybody = family(watched)
            process.terminate()
            psutil.wait_procs(everybody, 20)
            for each in everybody:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            process.wait()
    return {"start": started, "connections": figures, "memory": memory}


def at(server: Server, port: int, watched: psutil.Process, connections: int) -> dict[str, float]:
    """Figures at so many connections."""
    before = cpu_of(watched)
    run = drive(port, server.request, connections, SECONDS)
    cpu = cpu_of(watched) - before
    took = np.array(run.took) * 1000
    return {
        "cpu_ms_per_request": cpu / len(took) * 1000,
        "requests_per_s": len(took) / run.wall_s,
        "p50_ms": float(np.quantile(took, 0.5)),
        "p99_ms": float(np.quantile(took, 0.99)),
        "client_share_of_a_core": run.client_s / run.wall_s,
    }


def grown(server: Server, port: int, watched: psutil.Process) -> dict[str, float]:
    """What memory grows over many requests; of a slow server over as many as the time allows."""
    before = rss_of(watched)
    run = drive(port, server.request, 16, MEMORY_S, MEMORY_REQUESTS)
    after = rss_of(watched)
    return {"requests": len(run.took), "before_mb": before, "grown_mb": after - before}


def main() -> None:
    """One line of JSON."""
    frame = table(20_000)
    model = fitted(frame)
    row = frame.dropna().head(1)
    folder = Path(tempfile.mkdtemp(prefix="bench-serving-"))
    try:
        figures = {}
        for peer in (
            ours(folder, model, frame, row),
            mlserver(folder / "mlserver", model, row),
            mlflow(folder / "mlflow", model, row, frame),
        ):
            for name, make in peer:
                figures[name] = measure(make, int(model.predict(row)[0]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ratios = {
        name: {
            connections: round(
                found["connections"][connections]["cpu_ms_per_request"]
                / figures["ours"]["connections"][connections]["cpu_ms_per_request"],
                1,
            )
            for connections in found["connections"]
        }
        for name, found in figures.items()
        if name != "ours"
    }
    print(json.dumps({"bench": "serving", **rounded(figures), "cpu_times_ours": ratios}))


def rounded(found: Any) -> Any:
    """Three digits are enough."""
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    return float(f"{found:.3g}") if isinstance(found, float) else found


if __name__ == "__main__":
    main()
