"""``doctor``: each thing that can be broken is said, with the command that mends it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from mlops_lab.cli import checks, installation
from mlops_lab.cli.finding import Finding
from mlops_lab.project import Project
from mlops_lab.store import Store
from mlops_lab.store import lock as store_lock

from .conftest import Call


def finding(what: str, folder: Path) -> Finding:
    [found] = [one for one in checks.examine(folder) if one.what == what]
    return found


@pytest.mark.parametrize(
    ("program", "script", "state", "message"),
    [
        (None, "", "failed", "there is no kernel python3"),
        ("gone", "", "failed", "which is not there"),
        ("other", "exit 1", "failed", "which has no mlops_lab"),
        ("other", "exit 0", "hint", "runs in another Python"),
    ],
)
def test_kernel(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: str | None,
    script: str,
    state: str,
    message: str,
) -> None:
    def spec(_: Any, name: str) -> Any:
        if program is None:
            raise NoSuchKernel(name)
        return SimpleNamespace(argv=[str(here / program)])

    if script:
        (here / "other").write_text(f"#!/bin/sh\n{script}\n")
        (here / "other").chmod(0o755)
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", spec)

    found = finding("kernel", here)

    assert found.state == state
    assert message in found.message
    assert ("ipykernel install" in found.mend) == (state == "failed")


@pytest.mark.parametrize(
    ("free", "state"), [(50 << 20, "failed"), (500 << 20, "warning"), (5 << 30, "ok")]
)
def test_disk_space(here: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))

    found = finding("disk", here)

    assert found.state == state
    assert bool(found.mend) == (state != "ok")


@pytest.mark.parametrize(
    ("what", "facts", "state", "message"),
    [
        ("locks", {"locks": "two processes had one lock"}, "failed", "could lose data"),
        ("locks", {"network": "nfs4"}, "warning", "network file system (nfs4)"),
        ("locks", {}, "ok", "shuts a second process out"),
        ("store", {"rejected": 3}, "warning", "3 unreadable lines"),
        ("store", {"newer": 2}, "warning", "2 lines are of a newer program"),
    ],
)
def test_store(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    facts: dict[str, Any],
    state: str,
    message: str,
) -> None:
    real = Store.status
    clean = {"locks": None, "network": None, "rejected": 0, "newer": 0}
    monkeypatch.setattr(Store, "status", lambda store: replace(real(store), **(clean | facts)))

    found = finding(what, here)

    assert found.state == state
    assert message in found.message


def test_locks_are_tried_before_there_is_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_lock, "locks_work", lambda _: "two processes had one lock")

    found = finding("locks", tmp_path)

    assert found.state == "failed"
    assert found.mend


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.os, "access", lambda *_: False)

    assert finding("folder", tmp_path).state == "warning"


def test_a_read_only_project(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Project, "read_only", property(lambda _: True))

    found = finding("project", here)

    assert (found.state, "read-only here" in found.message) == ("warning", True)


def test_a_folder_that_is_not_there(tmp_path: Path, call: Call) -> None:
    said = call("--project", tmp_path / "gone", "doctor")

    assert said.code == 1
    assert "there is no folder" in said.out
    assert "mlops-lab init" in said.out


@pytest.mark.parametrize(("have", "state"), [("4.2.5", "failed"), ("4.6.0", "ok")])
def test_jupyterlab_that_is_too_old(
    here: Path, monkeypatch: pytest.MonkeyPatch, have: str, state: str
) -> None:
    real = installation.version
    monkeypatch.setattr(
        installation, "version", lambda name: have if name == "jupyterlab" else real(name)
    )

    found = finding("JupyterLab", here)

    assert found.state == state
    assert ("--upgrade" in found.mend) == (state == "failed")


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
        lambda _: iter([Finding("disk", "failed", "1 B free", "rm -rf …")]),
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
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    facts = {"pid": os.getpid(), "url": "http://localhost:8888/", "root_dir": "/"}
    (runtime / "jpserver-1.json").write_text(json.dumps(facts))
    (runtime / "jpserver-2.json").write_text('{"pid": 4194304, "url": "http://localhost:1/"}')
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
    monkeypatch.setattr("psutil.Process.cmdline", lambda _: [sys.executable, "-m", "jupyterlab"])
    for installed, state in ((time.time() + 60, "warning"), (1.0, "ok")):
        monkeypatch.setattr(installation, "_installed_at", lambda at=installed: at)
        found = [finding for finding in checks.examine(tmp_path) if finding.what == "server"]
        assert [finding.state for finding in found] == [state]


@pytest.mark.parametrize(
    ("config", "state", "said"),
    [
        (None, "ok", "everybody is admin"),
        ({"default_role": "viewer"}, "ok", "everybody is viewer"),
        ({"roles": {"ivo": "approver"}}, "ok", "1 given by name, others are viewer; you ("),
        ({"roles": {"ivo": "boss"}}, "failed", "'boss'"),
    ],
)
def test_doctor_says_who_has_which_role(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: Any, state: str, said: str
) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    if config:
        path = folder / "jupyter_mlops_lab_config.json"
        path.write_text(json.dumps({"MlopsLabApp": config}))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(folder))
    Project.open(here).close()
    found = next(one for one in checks._project(here) if one.what == "roles")
    assert "jupyter_mlops_lab_config" in found.message
    assert (found.state, said in found.message) == (state, True), found


def test_doctor_goes_on_after_what_it_may_not_look_at(
    here: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    def forbidden() -> Any:
        raise PermissionError(13, "Permission denied", "/elsewhere/package.json")

    monkeypatch.setattr(installation, "_labextension_folder", forbidden)
    said = call("doctor")
    assert said.code == 1
    assert "cannot be looked at: Permission denied: /elsewhere/package.json" in said.out
    assert "disk" in said.out


def test_doctor_names_faults_of_monitors_and_what_their_channels_miss(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = here / "monitors"
    folder.mkdir()
    least = "current: dataset:x\nreference: dataset:y\n"
    (folder / "bad.yaml").write_text("current: 7\n")
    (folder / "good.yaml").write_text(
        least + "channels: [{webhook: 'env:HOOK_URL', secret: HOOK_SECRET}]\n"
    )
    monkeypatch.delenv("HOOK_URL", raising=False)
    monkeypatch.setenv("HOOK_SECRET", "s")
    found = [one for one in checks.examine(here) if one.what == "monitors"]
    assert [(one.state, one.message) for one in found] == [
        (
            "warning",
            "monitors/bad.yaml:1:10: current is 7; it must be dataset:NAME, also with @version or "
            "@alias; or endpoint:NAME, whose answers are watched.",
        ),
        ("hint", "good tells webhook env:HOOK_URL, and HOOK_URL is not set"),
    ]
    (folder / "bad.yaml").unlink()
    (folder / "good.yaml").write_text(least + "schedule: '0 6 * * mon'\n")
    found = [one for one in checks.examine(here) if one.what == "monitors"]
    assert [one.state for one in found] == ["ok"]
