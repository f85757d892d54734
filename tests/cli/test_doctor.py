"""``doctor``: each thing that can be broken is said, with the command that mends it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from mlops_lab.cli import checks
from mlops_lab.project import Project
from mlops_lab.store import Store
from mlops_lab.store import lock as store_lock

from .conftest import Call


def finding(what: str, folder: Path) -> checks.Finding:
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
    real = checks.version
    monkeypatch.setattr(
        checks, "version", lambda name: have if name == "jupyterlab" else real(name)
    )

    found = finding("JupyterLab", here)

    assert found.state == state
    assert ("--upgrade" in found.mend) == (state == "failed")
