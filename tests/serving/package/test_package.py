"""What is packaged answers elsewhere as the model does here."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from mlops_lab.cli import main
from mlops_lab.errors import Conflict, InvalidInput
from mlops_lab.project import Project
from mlops_lab.registry.package import save_model
from mlops_lab.serving.package import TARGETS, package_version

from ..backends.conftest import boosted, frame_of, target_of  # noqa: TID252 tests are no package

pytest.importorskip("skl2onnx")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return frame_of(300)


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> Any:
    return boosted().fit(frame, target_of(frame))


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, empty_project: Path, frame: pd.DataFrame, model: Any
) -> Iterator[Project]:
    """A project with a version that passes the gate, and one that nothing can be made of."""
    folder = tmp_path_factory.mktemp("packaging") / "project"
    opened = Project.open(shutil.copytree(empty_project, folder))
    run = opened.runs.start(name="fit")
    opened.datasets.commit("seen", frame, run_id=run)
    for name, options in (("late", {}), ("pickled", {"unsafe": True})):
        saved = tmp_path_factory.mktemp("saved") / name
        save_model(model, saved, example=frame, **options)
        logged = opened.models.log_package(run, name, saved)
        opened.models.register(name, logged_model=logged.id)
    opened.runs.end(run)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory, project: Project) -> dict[str, Path]:
    """The first version, for every target."""
    above = tmp_path_factory.mktemp("packaged")
    for target in TARGETS:
        package_version(project.models, project.root, "late", target, above / target)
    return {target: above / target for target in TARGETS}


def without_us(folder: Path) -> dict[str, str]:
    """An environment in which neither our package nor pandas can be imported."""
    for name in ("mlops_lab", "pandas", "sklearn"):
        (folder / f"{name}.py").write_text("raise ImportError('not here')\n")
    return {**os.environ, "PYTHONPATH": str(folder)}


def records_of(frame: pd.DataFrame) -> Any:
    """As JSON has them: null for what is missing."""
    return json.loads(frame.to_json(orient="records"))


def test_the_onnx_folder_answers_with_onnxruntime_alone(
    tmp_path: Path, packaged: dict[str, Path], frame: pd.DataFrame, model: Any
) -> None:
    rows = frame.head(50).copy()
    rows.loc[3, "carrier"] = "✈ never seen"
    rows.loc[4, "carrier"] = None
    (tmp_path / "rows.json").write_text(json.dumps(records_of(rows)))
    done = subprocess.run(
        [sys.executable, packaged["onnx"] / "predict.py", tmp_path / "rows.json"],
        env=without_us(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    assert said["prediction"] == model.predict(rows).tolist()
    assert np.abs(said["probability"] - model.predict_proba(rows)).max() < 1e-6
    assert said["classes"] == model.classes_.tolist()


def test_the_onnx_folder_tells_what_it_is(packaged: dict[str, Path], project: Project) -> None:
    folder = packaged["onnx"]
    report = json.loads((folder / "parity.json").read_bytes())
    assert report["passed"]
    assert report["source"] == "dataset seen@1"
    about = json.loads((folder / "about.json").read_bytes())
    assert about["digest"] == project.models.get("late").digest
    assert [each["name"] for each in about["signature"]["inputs"]] == ["carrier", "weight", "hour"]
    assert "onnxruntime==" in (folder / "requirements.txt").read_text()
    assert report["why"] in (folder / "README.md").read_text()


@pytest.fixture(scope="module")
def served(
    packaged: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program of the image, as its Dockerfile starts it, on a port of its own."""
    recipe = (packaged["docker"] / "Dockerfile").read_text()
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", recipe, re.MULTILINE)
    assert (packaged["docker"] / "app").is_dir()
    assert "COPY --chown=root:root app /app" in recipe
    places = {
        "python": sys.executable,
        "/app": str(packaged["docker"] / "app"),
        "/data": str(tmp_path_factory.mktemp("data")),
    }
    command = [places.get(word, word) for word in json.loads(entry)]
    with subprocess.Popen(
        [*command, "--port", "0"],
        env={**os.environ, "MLOPS_LAB_TOKEN": "open sesame"},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                found = re.search(r"ready at (http://\S+)", line)
                if found:
                    break
            else:
                pytest.fail("".join(said))
            yield process, found[1]
        finally:
            process.kill()


def test_the_image_answers_as_the_model(
    served: Any, frame: pd.DataFrame, model: Any, project: Project
) -> None:
    process, url = served
    with httpx.Client(base_url=url) as client:
        assert client.get("/v2/health/ready").json() == {"ready": True}
        body = json.dumps(records_of(frame))
        headers = {"content-type": "application/json"}
        assert client.post("/predict", content=body, headers=headers).status_code == 401
        headers["authorization"] = "Bearer open sesame"
        answer = client.post("/predict", content=body, headers=headers).json()
        assert [one["prediction"] for one in answer["predictions"]] == model.predict(frame).tolist()
        assert answer["model_version"] == "1"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_an_image_needs_a_token_and_the_right_bytes(
    tmp_path: Path, packaged: dict[str, Path]
) -> None:
    def ended(app: Path, **environment: str) -> str:
        done = subprocess.run(
            [
                *(sys.executable, "-P", "-m", "mlops_lab.serving.package.serve", app),
                *("--data", tmp_path / "data", "--port", "0"),
            ],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "set MLOPS_LAB_TOKEN" in ended(packaged["docker"] / "app")
    assert "holds no packaged model" in ended(tmp_path, MLOPS_LAB_TOKEN="t")
    changed = Path(shutil.copytree(packaged["docker"] / "app", tmp_path / "app"))
    with (changed / "model" / "model.skops").open("ab") as file:
        file.write(b"x")
    assert "not what was registered" in ended(changed, MLOPS_LAB_TOKEN="t")


def test_the_image_is_pinned(packaged: dict[str, Path]) -> None:
    wanted = (packaged["docker"] / "requirements.txt").read_text().split()
    names = {line.partition("==")[0] for line in wanted}
    assert {"mlops-lab", "scikit-learn", "numpy", "pandas", "skops", "onnxruntime"} <= names
    assert all("==" in line for line in wanted)
    modes = [path.stat().st_mode & 0o005 for path in packaged["docker"].rglob("*")]
    assert all(modes), "an image does not run as whoever packaged it"


def told(*arguments: str) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as ended:
        main(["model", "package", *arguments])
    return int(ended.value.code or 0)


def test_what_is_there_stays_and_what_cannot_be_is_told(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "mine.txt").write_text("mine")
    with pytest.raises(Conflict, match="name a new folder"):
        package_version(project.models, project.root, "late", "docker", kept)
    with pytest.raises(InvalidInput, match="no target 'toaster'"):
        package_version(project.models, project.root, "late", "toaster", tmp_path / "new")
    monkeypatch.chdir(project.root)
    for target in TARGETS:
        assert told("pickled", str(tmp_path / "new"), "--for", target) == 3
        assert "pickle" in capsys.readouterr().err
    assert sorted(each.name for each in tmp_path.iterdir()) == ["kept"]
    assert told("late", str(tmp_path / "new"), "--for", "onnx", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["backend"] == "onnx"
    assert document["parity"]["passed"]
