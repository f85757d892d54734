"""The root: help, general options, errors and their exit codes."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mlops_lab import errors
from mlops_lab.cli.app import root
from mlops_lab.cli.command import LabCommand, Session
from mlops_lab.cli.failures import report
from mlops_lab.cli.habits import HABITS
from mlops_lab.project import Project

from .conftest import Call, program, run_program


def commands(group: click.Group = root, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group, obj=Session())
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = list(commands())


def test_nouns_and_verbs_are_those_of_the_contract() -> None:
    assert {" ".join(path) for path in ALL if len(path) == 2 or path[0] in ("init", "sql")} == {
        "init",
        "sql",
        *(f"pipeline {verb}" for verb in ("run", "list", "show", "cancel", "schema")),
        *(f"run {verb}" for verb in ("list", "show", "best", "close", "delete", "restore")),
        *(
            f"data {verb}"
            for verb in ("commit", "list", "show", "diff", "check", "infer", "checkout")
        ),
        *(
            f"model {verb}"
            for verb in (
                "list",
                "show",
                "history",
                "request",
                "approve",
                "reject",
                "promote",
                "rollback",
                "verify",
                "card",
                "score",
                "package",
            )
        ),
        *(
            f"endpoint {verb}"
            for verb in (
                *("deploy", "serve", "stop", "list", "show", "logs", "canary", "shadow"),
                *("split", "compare", "promote", "rollback", "truth"),
            )
        ),
        *(f"trigger {verb}" for verb in ("list", "run")),
        *(f"monitor {verb}" for verb in ("list", "show", "check", "schema")),
        *(f"alert {verb}" for verb in ("list", "show", "acknowledge", "mute", "resolve", "reopen")),
        *(f"store {verb}" for verb in ("status", "fold", "verify", "gc")),
        *(f"audit {verb}" for verb in ("show", "verify")),
    }
    assert ("demo",) in ALL
    assert ("doctor",) in ALL


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_help_with_an_example_and_the_general_options(
    path: tuple[str, ...], call: Call
) -> None:
    said = call(*path, "--help")
    assert said.code == 0
    assert "Examples:" in said.out
    assert f"mlops-lab {path[0]}" in said.out.split("Examples:")[1]
    for option in ("--json", "--project DIR", "--debug"):
        assert option in said.out


def test_help_fits_eighty_columns(call: Call) -> None:
    for path in [(), *ALL]:
        help_text = call(*path, "--help").out.split("Examples:")[0]
        assert max(map(len, help_text.splitlines())) <= 80


def test_help_imports_no_heavy_library(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom mlops_lab.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('duckdb','pandas','papermill','altair','rich','IPython') "
        "if m in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert ended.stderr.strip() == "[]"


def test_version_is_told(call: Call) -> None:
    assert call("--version").out.startswith("mlops-lab ")


@pytest.mark.parametrize(
    ("typed", "meant"), [(("pipelin",), "pipeline"), (("run", "lst"), "list"), (("sqll",), "sql")]
)
def test_misspelt_command_hears_the_nearest(typed: tuple[str, ...], meant: str, call: Call) -> None:
    said = call(*typed)
    assert said.code == 2
    assert f"Did you mean {meant}?" in said.err
    assert "Traceback" not in said.err


def test_project_can_be_named_before_and_after_the_verb(
    here: Path, tmp_path: Path, call: Call
) -> None:
    other = Project.create(tmp_path / "other")
    other.runs.end(other.runs.start(name="elsewhere"))
    for arguments in (
        ("--project", other.root, "run", "list"),
        ("run", "list", "--project", other.root),
    ):
        assert "elsewhere" in call(*arguments).out
    assert "elsewhere" not in call("run", "list").out


def test_no_project_says_how_to_make_one(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLOPS_LAB_PROJECT", raising=False)
    said = call("run", "list")
    assert said.code == 2
    assert "mlops-lab init" in said.err
    assert said.out == ""
    assert not (tmp_path / ".mlops").exists()  # looking makes nothing


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotFound("x"), 2),
        (errors.Conflict("x"), 2),
        (errors.InvalidInput("x"), 2),
        (errors.StepFailed("x"), 1),
        (errors.StoreBusy("x"), 5),
        (errors.StorageFull("x"), 5),
        (errors.Corrupt("x"), 5),
        (errors.Forbidden("x"), 6),
        (KeyboardInterrupt(), 130),
        (click.exceptions.Abort(), 130),
        (click.UsageError("x"), 2),
        (OSError(28, "No space left on device"), 5),
        (RuntimeError("x"), 1),
        (SystemExit(3), 3),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_error_has_the_exit_code_of_the_contract(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error, Session()) == code
    assert "Traceback" not in capsys.readouterr().err


def test_error_is_json_on_stderr_when_programs_read(here: Path, call: Call) -> None:
    said = call("run", "list", "best(auc >", "--json")
    assert said.code == 2
    assert said.out == ""
    problem = json.loads(said.err)
    assert problem["code"] == "invalid-input"
    assert problem["position"] >= 0


def test_stack_trace_comes_only_with_debug(here: Path, call: Call) -> None:
    assert "Traceback" not in call("run", "show", "abcd").err
    assert "Traceback" in call("run", "show", "abcd", "--debug").err


def test_bad_expression_points_at_its_character(here: Path, call: Call) -> None:
    said = call("run", "list", "stauts = 'failed'")
    assert said.code == 2
    assert "^^^^^^" in said.err
    assert "status" in said.err


def test_reader_that_stops_early_is_no_error(here: Path) -> None:
    project = Project.open(here)
    for index in range(300):
        project.runs.end(project.runs.start(name=f"run-{index}"))
    project.close()
    listing = subprocess.Popen(
        program("run", "list", "-n", "300", "--json"),
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert listing.stdout is not None
    assert listing.stderr is not None
    assert listing.stdout.read(1) == b"{"
    listing.stdout.close()
    assert listing.stderr.read() == b""
    listing.stderr.close()
    assert listing.wait(60) == 0


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "2>&-"])
def test_closed_streams_are_no_error(here: Path, closed: str) -> None:
    command = " ".join(shlex.quote(word) for word in program("run", "list"))
    ended = subprocess.run(
        ["sh", "-c", f"{command} {closed}"], cwd=here, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0
    assert ended.stderr == ""


def test_terminal_that_knows_only_ascii_gets_an_answer(here: Path) -> None:
    project = Project.open(here)
    project.runs.end(project.runs.start(name="größer ✓"))
    project.close()
    said = run_program("run", "list", cwd=here, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert said.code == 0, said.err
    assert "gr" in said.out


def test_commands_of_ours_are_the_only_ones() -> None:
    context = click.Context(root, obj=Session())
    for path in ALL:
        command: click.Command = root
        for name in path:
            assert isinstance(command, click.Group)
            found = command.get_command(context, name)
            assert found is not None
            command = found
        if not isinstance(command, click.Group):
            assert isinstance(command, LabCommand)


def test_store_gc_says_what_could_go_and_does_it_when_told(here: Path, call: Call) -> None:
    project = Project.open(here)
    digest = project.store.objects.put_bytes(b"nobody wants me")
    then = time.time() - 20 * 86_400
    os.utime(project.store.objects.path(digest), (then, then))
    said = call("store", "gc")
    assert said.code == 0
    assert "1 object, 15 B could go" in said.out
    assert project.store.objects.exists(digest)
    done = call("store", "gc", "--apply", "--json")
    assert [one["digest"] for one in done.json["items"]] == [digest]
    assert not project.store.objects.exists(digest)
    assert "Nothing to collect" in call("store", "gc").out
    assert call("store", "gc", "--older-than", "0").code == 2


@pytest.mark.parametrize("noun", HABITS)
def test_habits_are_answered_with_commands_that_there_are(noun: str) -> None:
    group = root if noun == "mlops-lab" else root.get_command(click.Context(root), noun)
    assert isinstance(group, click.Group)
    assert not set(HABITS[noun]) & set(group.list_commands(click.Context(group)))
    for line in HABITS[noun].values():
        for command in re.findall(r"mlops-lab ([a-z -]+)", line):
            found: click.Command | None = root
            for word in command.split():
                if isinstance(found, click.Group) and not word.startswith("-"):
                    found = found.get_command(click.Context(found), word)
            assert found is not None, line


def test_word_of_another_program_is_answered_with_the_command(call: Call) -> None:
    said = call("data", "add", "flights.csv")
    assert said.code == 2
    assert "There is no command 'add'. Use mlops-lab data commit NAME PATH." in said.err
    assert "Did you mean" not in call("model", "quiz").err, "nothing is like it"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("pipeline", "run", "churn", "-p", "min_auc", "0.7"), "-p min_auc=0.7"),
        (("model", "promote", "churn", "2", "champion"), "churn@2"),
        (("data", "diff", "churn", "v1", "2"), "churn@1"),
    ],
)
def test_word_too_many_hears_how_it_is_written(
    typed: tuple[str, ...], told: str, here: Path, call: Call
) -> None:
    said = call(*typed)
    assert said.code == 2
    assert told in said.err
    assert "Got unexpected extra argument" in call("data", "list", "a", "b").err
