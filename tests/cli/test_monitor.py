"""``mlops-lab monitor`` and ``alert``: what they say, what they change, and their exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as xml

import pytest
from jsonschema import Draft202012Validator

import mlops_lab as lab
from mlops_lab.governance.access import Rules
from mlops_lab.project import Project

from ..monitoring.watched import fill  # noqa: TID252 tests are no package
from .conftest import Call


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project.create(tmp_path_factory.mktemp("filled") / "project")
    fill(project)
    project.monitors.check("delay")
    project.close()
    return project.root


@pytest.fixture
def watched(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project whose monitor has been checked once and alarms."""
    root = shutil.copytree(filled, tmp_path / "here", symlinks=True)
    monkeypatch.chdir(root)
    monkeypatch.delenv("MLOPS_LAB_PROJECT", raising=False)
    opened = Project.open(root)
    opened.access.adopt(Rules())
    yield opened
    opened.close()


def test_a_project_without_monitors_says_how_one_is_made(here: Path, call: Call) -> None:
    said = call("monitor", "list")
    assert said.code == 0
    assert "YAML files below monitors/" in said.out
    assert call("monitor", "list", "--json").json == {"monitors": []}
    assert call("alert", "list").out == "Nothing alarms.\n"
    assert call("alert", "list", "--json").json == {"alerts": [], "open": 0}


def test_a_check_fails_while_an_alert_waits_for_somebody(watched: Project, call: Call) -> None:
    junit, summary = watched.root / "out" / "delay.xml", watched.root / "out" / "delay.md"
    said = call("monitor", "check", "delay", "--junit", junit, "--summary", summary)
    assert said.code == 1, said.err
    assert "temp" in said.out
    suite = xml.parse(junit).getroot()
    assert (suite.get("name"), suite.get("failures")) == ("delay", "1")
    (failure,) = suite.iter("failure")
    assert "temp" in (failure.get("message") or "")
    assert failure.text
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("## delay: ")
    assert "| column | kind |" in text
    assert call("monitor", "check", "delay", "--fail-on", "never").code == 0

    (alert,) = call("alert", "list", "--json").json["alerts"]
    id = alert["id"][:8]
    shown = call("alert", "show", id)
    assert alert["sentence"] in shown.out
    assert "what happened" in shown.out
    done = call("alert", "acknowledge", id, "-m", "the spring")
    assert (done.code, done.out.split(":")[0]) == (0, f"{id} is acknowledged")
    checked = call("monitor", "check", "delay", "--json", "--junit", junit)
    assert (checked.code, checked.json["failing"]) == (0, [])
    assert checked.json["evaluation"]["format"] == 1
    suite = xml.parse(junit).getroot()
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")
    assert "muted until" in call("alert", "mute", id, "7d").out
    assert call("alert", "mute", id, "soon").code == 2
    assert call("alert", "resolve", id, "--json").json["status"] == "resolved"
    assert call("alert", "resolve", id).code == 2
    assert call("alert", "list").out == "Nothing alarms.\n"
    assert id in call("alert", "list", "--status", "all").out
    assert "is open" in call("alert", "reopen", id, "-m", "no").out
    assert "ivo" not in call("audit", "show", "--kind", "alert").out


def test_a_monitor_is_shown_with_its_faults_its_columns_and_its_checks(
    watched: Project, call: Call
) -> None:
    listed = call("monitor", "list")
    assert listed.code == 0
    assert "there is no dataset nowhere" in listed.out
    assert "monitors/bad.yaml:2:1: 'refrence' is not known here" in listed.out
    shown = call("monitor", "show", "delay")
    assert "dataset:predictions against dataset:flights · by day" in shown.out
    assert "carrier" in shown.out
    assert "▲" in shown.out
    page = call("monitor", "show", "delay", "--json").json
    assert (page["state"], len(page["evaluations"])) == ("alert", 1)
    assert page["yaml"].startswith("name: delay")
    assert call("monitor", "show", "bad").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "dealy"], "Did you mean delay?"),
        (["check", "bad"], "monitors/bad.yaml:2:1"),
        (["check", "ghost"], "nowhere"),
        (["check", "delay", "--fail-on", "sometimes"], "--fail-on"),
        (["check", "delay", "--junit", "mlops.toml/y.xml"], "cannot be written"),
        (["show", "../../etc/passwd"], "There is no monitor"),
        (["ls"], "mlops-lab monitor list"),
    ],
)
def test_bad_input_is_a_sentence(
    watched: Project, call: Call, arguments: list[str], said: str
) -> None:
    result = call("monitor", *arguments)
    assert result.code == 2
    assert said in result.err
    assert "Traceback" not in result.err


@pytest.fixture
def read_only(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The project as somebody has it who may only read, and its folder as the current one."""
    root = shutil.copytree(filled, tmp_path / "there", symlinks=True)
    for options in ("bind", "bind,remount,ro"):
        if subprocess.run(["mount", "-o", options, root, root], check=False).returncode:
            pytest.skip("nothing can be mounted here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MLOPS_LAB_PROJECT", raising=False)
    monkeypatch.chdir(root)
    yield root
    monkeypatch.undo()
    subprocess.run(["umount", "--lazy", root], check=True)


def test_who_may_only_read_sees_everything_and_is_told_what_a_check_needs(
    read_only: Path, tmp_path: Path, call: Call
) -> None:
    (alert,) = call("alert", "list", "--json").json["alerts"]
    assert "temp" in call("monitor", "list").out
    assert "▲" in call("monitor", "show", "delay").out
    assert alert["sentence"] in call("alert", "show", alert["id"][:8]).out
    assert call("report", "monitor:delay", "-o", tmp_path / "x.html").code == 0
    said = call("monitor", "check", "delay")
    assert said.code == 6
    assert "lab.drift looks without keeping anything" in said.err
    assert "ask its owner" in call("alert", "resolve", alert["id"][:8]).err
    evaluation = lab.drift("flights@1", "predictions", time="at", by="day", progress=False)
    assert " · alert>" in repr(evaluation)
    assert "�" not in repr(lab.monitor("delay"))


def test_the_schema_is_one(here: Path, call: Call) -> None:
    Draft202012Validator.check_schema(json.loads(call("monitor", "schema").out))
