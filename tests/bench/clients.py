"""kserve's own client against an endpoint: does it get the model's answers, to the last bit?

    python tests/bench/clients.py

tritonclient is asked in the tests; kserve's client needs an environment of its own, which
`make bench` makes in build/peers-kserve.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from mlops_lab.project import Project
from mlops_lab.registry.package import save_model
from mlops_lab.serving.package import package_version

sys.path.insert(0, str(Path(__file__).parent))
from serving import fitted, table

ROOT = Path(__file__).parents[2]
KSERVE = ROOT / "build" / "peers-kserve" / "bin" / "python"
ASKS = Path(__file__).parent / "peers" / "kserve_client.py"
TOKEN = "bench"
START_S = 120.0


@contextlib.contextmanager
def served(folder: Path, model: Any, frame: Any) -> Iterator[str]:
    """The packaged model, answering by scikit-learn; gives the address."""
    project = Project.create(folder / "project")
    run = project.runs.start(name="fit")
    save_model(model, folder / "saved", example=frame.head(50))
    logged = project.models.log_package(run, "late", folder / "saved")
    project.models.register("late", logged_model=logged.id)
    project.runs.end(run)
    package_version(project.models, project.root, "late", "docker", folder / "image")
    project.close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    words = [sys.executable, "-P", "-m", "mlops_lab.serving.package.serve"]
    words += [str(folder / "image" / "app"), "--data", str(folder / "data")]
    process = subprocess.Popen(
        [*words, "--port", str(port), "--backend", "sklearn"],
        env={**os.environ, "MLOPS_LAB_TOKEN": TOKEN},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + START_S
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{url}/v2/health/ready").is_success:
                    break
            assert time.monotonic() < until, "it is not ready"
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    frame = table(2_000)
    model = fitted(frame)
    rows = frame.dropna().head(500)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rows.json").write_text(json.dumps(rows.to_dict("list")))
        with served(folder, model, frame) as url:
            asked = subprocess.run(
                [KSERVE, ASKS, url, TOKEN, "late", folder / "rows.json"],
                capture_output=True,
                text=True,
                check=True,
            )
    told = json.loads(asked.stdout.splitlines()[-1])
    chances, labels = model.predict_proba(rows), model.predict(rows)
    equal = {
        form: bool(
            np.array_equal(told[form]["probability"], chances)
            and np.array_equal(told[form]["prediction"], labels)
        )
        for form in ("json", "bytes")
    }
    healthy = told["live"] and told["ready"] and told["model_ready"]
    figures = {"rows": len(rows), "healthy": healthy, "equal": equal, "error": told["error"]}
    print(json.dumps({"bench": "clients", "kserve": figures}))
    assert healthy
    assert all(equal.values())


if __name__ == "__main__":
    main()
