"""``audit``: what was decided, as people read it, and a log that somebody has changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_lab.project import Project

from .conftest import Call


@pytest.fixture
def decided(here: Path) -> Path:
    """A project in which three things were decided."""
    project = Project.open(here)
    run = project.runs.start(name="gbm-4", experiment="flight-delay")
    project.runs.end(run)
    project.runs.delete([run])
    project.store.decide(
        "model.approve",
        {
            "model": "flight-delay",
            "version": 6,
            "alias": "champion",
            "comment": "ranks \x1b[31mbetter",
        },
        by={"id": "ivo", "via": "jupyter"},
    )
    return here


def test_show_says_what_was_decided(decided: Path, call: Call) -> None:
    said = call("audit", "show")
    assert said.code == 0
    lines = said.out.splitlines()
    assert "ivo approved flight-delay 6 as champion: ranks" in lines[1]
    assert "deleted gbm-4" in lines[2]
    assert "made the experiment flight-delay" in lines[3]
    assert "\x1b" not in said.out


def test_show_chooses(decided: Path, call: Call) -> None:
    assert len(call("audit", "show", "--kind", "model", "--json").json["decisions"]) == 1
    assert len(call("audit", "show", "--by", "ivo", "--json").json["decisions"]) == 1
    assert len(call("audit", "show", "--since", "1h", "--json").json["decisions"]) == 3
    assert call("audit", "show", "--since", "2999-01-01").out == "No decision matches.\n"
    few = call("audit", "show", "--limit", "1")
    assert "1 of 3 decisions" in few.out
    # One kind's are counted among themselves.
    alone = call("audit", "show", "--kind", "model", "--limit", "1")
    assert "-n shows more" not in alone.out
    assert call("audit", "show", "--kind", "run", "--json").json["total"] == 1


def test_show_answers_programs(decided: Path, call: Call) -> None:
    answer = call("audit", "show", "--json").json
    assert answer["total"] == 3
    entry = answer["decisions"][0]
    assert entry["kind"] == "model.approve"
    assert entry["ref"] == ["model", "flight-delay@6"]
    assert entry["data"]["version"] == 6


@pytest.mark.parametrize("since", ["yesterday", "7y", "", "9999999d"])
def test_what_is_no_time_is_said(here: Path, call: Call, since: str) -> None:
    said = call("audit", "show", "--since", since)
    assert said.code == 2
    assert "7d, 12h" in said.err


def test_an_empty_log_is_said(here: Path, call: Call) -> None:
    assert call("audit", "show").out == "Nothing has been decided yet.\n"
    assert call("audit", "verify").code == 0


def test_verify_is_content_with_what_was_written(decided: Path, call: Call) -> None:
    said = call("audit", "verify")
    first, honest = said.out.splitlines()
    assert (said.code, first) == (0, "Every line follows from the one before: 3 decisions.")
    assert "chained, not signed" in honest
    assert call("audit", "verify", "--json").json == {"decisions": 3, "faults": []}


def test_verify_names_the_line_that_was_changed(decided: Path, call: Call) -> None:
    log = decided / ".mlops" / "decisions.jsonl"
    log.write_text(log.read_text().replace("flight-delay", "flight-relay", 1))
    said = call("audit", "verify")
    assert said.code == 5
    assert "line 1 was changed" in said.out
    assert "nothing is promoted" in said.out
    answer = call("audit", "verify", "--json")
    assert answer.code == 5
    assert answer.json["faults"][0]["line"] == 2


def test_verify_names_a_torn_tail(decided: Path, call: Call) -> None:
    with (decided / ".mlops" / "decisions.jsonl").open("a") as file:
        file.write('{"v":1')
    said = call("audit", "verify")
    assert said.code == 5
    assert "has no end" in said.out
    assert "put right" not in said.out


def test_who_has_no_role_is_told_so(decided: Path, tmp_path: Path) -> None:
    """The command line reads the same configuration as the server, from outside the project."""
    config = tmp_path / "config"
    config.mkdir()
    roles = {"MlopsLabApp": {"roles": {"somebody-else": "admin"}, "default_role": "viewer"}}
    (config / "jupyter_mlops_lab_config.json").write_text(json.dumps(roles))
    run = Project.open(decided).runs.start(name="gbm-5")
    Project.open(decided).runs.end(run)
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": str(config)}
    ended = subprocess.run(
        [sys.executable, "-m", "mlops_lab", "run", "delete", run],
        cwd=decided,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 6, ended.stderr
    assert "needs the role contributor" in ended.stderr
