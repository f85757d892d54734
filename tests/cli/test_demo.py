"""``demo`` and ``doctor``; the demo over a small stand-in for the example's notebooks."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlops_lab import example
from mlops_lab.cli import checks

from .conftest import LOG_AUC, Call, write_pipeline

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def small_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An example whose two pipelines take a second: one passes, one is refused."""
    folder = tmp_path / "origin"
    gates = ["fit.auc >= 0.6", "fit.auc <= 0.85"]
    write_pipeline(folder, LOG_AUC, name="flight-delay", gates=gates)
    write_pipeline(folder, LOG_AUC.replace("auc)", "0.94)"), name="leak", gates=gates)
    monkeypatch.setattr(example, "source", lambda: folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB", "0")
    monkeypatch.delenv("MLOPS_LAB_PROJECT", raising=False)
    return folder


def test_demo_tells_the_story(small_example: Path, tmp_path: Path, call: Call) -> None:
    said = call("demo", "try")
    assert said.code == 0, said.err
    for fact in (
        "made in try",
        "flight-delay: all 2 gates passed",
        "leak: refused, auc 0.94 is above 0.85",
        "try/work/executed/flight-delay/fit.ipynb",
        "jupyter lab",
    ):
        assert fact in said.out
    executed = json.loads((tmp_path / "try/work/executed/leak/fit.ipynb").read_text())
    assert executed["cells"]


def test_demo_again_overwrites_nothing(small_example: Path, tmp_path: Path, call: Call) -> None:
    assert call("demo").code == 0
    notebook = tmp_path / "flight-delay" / "notebooks" / "flight-delay.ipynb"
    mine = notebook.read_text().replace("auc = 0.7", "auc = 0.71  # mine")
    notebook.write_text(mine)
    said = call("demo", "--json")
    assert said.code == 0
    assert notebook.read_text() == mine
    assert said.json["made"] is False
    assert said.json["passing"]["outcome"] == "passed"
    assert said.json["leaking"]["outcome"] == "rejected"
    assert len(call("--project", "flight-delay", "run", "list", "--json").json["runs"]) == 4


def test_demo_never_takes_a_folder_with_something_else(
    small_example: Path, tmp_path: Path, call: Call
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("…")
    said = call("demo", "mine")
    assert said.code == 2
    assert "mlops-lab demo mine-example" in said.err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_demo_whose_leak_passes_is_a_failure(small_example: Path, call: Call) -> None:
    write_pipeline(small_example, LOG_AUC, name="leak", gates=["fit.auc >= 0.6"])
    said = call("demo")
    assert said.code == 1
    assert "should have been refused" in said.out


def test_demo_ends_where_its_pipeline_fails(small_example: Path, call: Call) -> None:
    write_pipeline(small_example, "raise ValueError('no data')", name="flight-delay")
    said = call("demo")
    assert said.code == 1
    assert "no data" in said.out


def test_demo_becomes_jupyterlab(
    small_example: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setenv("LAB", "1")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(os, "execv", lambda path, arguments: started.append([path, *arguments]))
    assert call("demo", "--no-lab").code == 0
    assert not started
    assert call("demo").code == 0
    assert started[0][2:4] == ["-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={tmp_path / 'flight-delay'}" in started[0]


# --- doctor ---------------------------------------------------------------------------------------


def test_doctor_looks_at_everything(here: Path, call: Call) -> None:
    document = call("doctor", "--json").json
    looked_at = {finding["what"] for finding in document["findings"]}
    assert {
        "Python",
        "MLOps Lab",
        "JupyterLab",
        "sidebar",
        "server extension",
        "kernel",
        "project",
        "locks",
        "store",
        "disk",
    } <= looked_at
    assert all(finding["mend"] for finding in document["findings"] if finding["state"] == "failed")


def test_doctor_exits_with_1_when_something_is_broken(
    here: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        checks,
        "examine",
        lambda _: iter([checks.Finding("disk", "failed", "1 B free", "rm -rf …")]),
    )
    said = call("doctor")
    assert said.code == 1
    assert "1 broken" in said.out
    assert "→ rm -rf …" in said.out


def test_doctor_finds_settings_that_cannot_be_read(here: Path) -> None:
    (here / "mlops.toml").write_text("[goals]\nauc = 'up'\n")
    found = {finding.what: finding for finding in checks.examine(here)}
    assert found["project"].state == "failed"
    assert "auc" in found["project"].message


def test_doctor_finds_a_disabled_extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    (config / "jupyter_server_config.d").mkdir(parents=True)
    (config / "jupyter_server_config.d" / "mlops_lab.json").write_text(
        '{"ServerApp": {"jpserver_extensions": {"mlops_lab": false}}}'
    )
    (config / "labconfig").mkdir()
    (config / "labconfig" / "page_config.json").write_text(
        '{"disabledExtensions": {"mlops-lab": true}}'
    )
    data = tmp_path / "data" / "labextensions" / "mlops-lab"
    (data / "static").mkdir(parents=True)
    (data / "static" / "remote.js").touch()
    (data / "package.json").write_text(
        '{"version": "0.1.0", "jupyterlab": {"_build": {"load": "static/remote.js"}}}'
    )
    monkeypatch.setenv(
        "JUPYTER_PREFER_ENV_PATH", "0"
    )  # the user's folders before the environment's
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(config))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    found = {finding.what: finding for finding in checks.examine(tmp_path)}
    assert found["server extension"].state == "failed"
    assert "jupyter server extension enable" in found["server extension"].mend
    assert found["sidebar"].state == "failed"
    assert "jupyter labextension enable" in found["sidebar"].mend


def test_doctor_finds_a_server_that_is_older_than_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys
    import time

    runtime = tmp_path / "runtime"
    runtime.mkdir()
    facts = {"pid": os.getpid(), "url": "http://localhost:8888/", "root_dir": "/"}
    (runtime / "jpserver-1.json").write_text(json.dumps(facts))
    (runtime / "jpserver-2.json").write_text('{"pid": 4194304, "url": "http://localhost:1/"}')
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
    monkeypatch.setattr("psutil.Process.cmdline", lambda _: [sys.executable, "-m", "jupyterlab"])
    for installed, state in ((time.time() + 60, "warning"), (1.0, "ok")):
        monkeypatch.setattr(checks, "_installed_at", lambda at=installed: at)
        found = [finding for finding in checks.examine(tmp_path) if finding.what == "server"]
        assert [finding.state for finding in found] == [state]
