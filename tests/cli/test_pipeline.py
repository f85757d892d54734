"""``pipeline``: real notebooks, real kernels, real signals."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest

from mlops_lab.project import Project

from .conftest import LOG_AUC, Call, program, run_program, write_pipeline

pytestmark = pytest.mark.timeout(300)


def test_run_that_passes_says_what_happened(here: Path, call: Call) -> None:
    write_pipeline(here, LOG_AUC, gates=["fit.auc >= 0.6"])
    said = call("pipeline", "run", "pipelines/small.yaml")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith("small: run ")
    assert "[1/1] fit: notebooks/small.ipynb" in lines
    assert any(line.startswith("[1/1] fit: finished in") and "auc 0.7" in line for line in lines)
    assert "gate passed: auc 0.7 is at least 0.6" in lines
    assert "✓  finished, gates passed" in said.out
    assert "\x1b" not in said.out


def test_run_that_a_gate_rejects_exits_with_3_and_writes_the_reports_for_ci(
    here: Path, call: Call
) -> None:
    write_pipeline(here, LOG_AUC, gates=["fit.auc >= 0.6", "fit.auc <= 0.85"])
    (here / "summary.md").write_text("before\n")
    reports = ("--junit", "out/gates.xml", "--summary", "summary.md")
    said = call("pipeline", "run", "small", "-p", "auc=0.9", "--json", *reports)
    assert said.code == 3
    report = ElementTree.parse(here / "out" / "gates.xml")
    assert len(report.findall(".//failure")) == 1
    summary = (here / "summary.md").read_text()
    assert summary.startswith("before\n")
    assert "rejected" in summary
    assert said.json["outcome"] == "rejected"
    assert [gate["state"] for gate in said.json["gates"]] == ["passed", "rejected"]
    assert "gate rejected" in said.err  # the progress goes beside the JSON


def test_run_whose_step_fails_exits_with_1_and_shows_the_cell(here: Path, call: Call) -> None:
    write_pipeline(here, "x = 1", "raise ValueError('no such column: auc')")
    said = call("pipeline", "run", "small")
    assert said.code == 1
    assert "ValueError" in said.out
    assert "no such column: auc" in said.out
    assert "executed notebook:" in said.out


def test_what_a_notebook_raises_commands_no_terminal(here: Path, call: Call) -> None:
    write_pipeline(here, r"raise ValueError('\x1b]0;mine\x07 [red]\u202e')")
    said = call("pipeline", "run", "small", "--summary", "summary.md")
    assert said.code == 1
    assert "]0;mine" in said.out
    assert "[red]" in said.out
    for text in (said.out, (here / "summary.md").read_text()):
        assert not {"\x1b", "\x07"} & set(text)
    assert "\u202e" not in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.yaml",), "nowhere.yaml"),
        (("small", "-p", "auc="), "auc is empty"),
        (("small", "--junit", "mlops.toml/x.xml"), "cannot be written"),
        (("small", "--summary", "mlops.toml/x.md"), "cannot be written"),
        (("small", "-p", "acu=1"), "auc"),
        (("small", "-p", "auc"), "NAME=VALUE"),
        (("small", "-p", "auc=high"), "auc"),
    ],
)
def test_bad_input_exits_with_2_before_anything_runs(
    here: Path, call: Call, arguments: tuple[str, ...], message: str
) -> None:
    write_pipeline(here, LOG_AUC)
    said = call("pipeline", "run", *arguments)
    assert said.code == 2
    assert message in said.err
    assert Project.open(here).runs.search().total == 0


def test_fault_in_the_file_has_its_line(here: Path, call: Call) -> None:
    path = write_pipeline(here, LOG_AUC)
    path.write_text(path.read_text().replace("notebook:", "notbook:"))
    said = call("pipeline", "run", "small")
    assert said.code == 2
    assert "pipelines/small.yaml:4:" in said.err
    assert "notebook" in said.err


def test_file_of_another_folder_brings_its_project(
    here: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_pipeline(here, LOG_AUC)
    monkeypatch.chdir(tmp_path)
    said = call("pipeline", "run", path, "--dry-run", "--json")
    assert said.code == 0, said.err
    assert said.json["pipeline"] == "small"


def test_dry_run_shows_the_plan_and_runs_nothing(here: Path, call: Call) -> None:
    write_pipeline(here, "raise SystemExit", gates=["fit.auc >= 0.6"])
    said = call("pipeline", "run", "small", "--dry-run", "-p", "auc=0.5")
    assert said.code == 0
    for fact in ("small", "fit", "notebooks/small.ipynb", "fit.auc >= 0.6", "auc 0.5"):
        assert fact in said.out
    assert Project.open(here).runs.search().total == 0


def test_dry_run_shows_what_holds_for_one_step(here: Path, call: Call) -> None:
    path = write_pipeline(here, LOG_AUC)
    path.write_text(path.read_text().replace(".ipynb}", ".ipynb, retries: 2, timeout: 90s}"))
    said = call("pipeline", "run", "small", "--dry-run", "-p", "fit.auc=0.9")
    assert "auc 0.9, retries 2, timeout 1:30" in said.out


def test_run_takes_the_id_it_is_given_and_cannot_be_cancelled_when_it_has_ended(
    here: Path, call: Call
) -> None:
    write_pipeline(here, LOG_AUC)
    run_id = "0123456789abcdef" * 2
    said = call("pipeline", "run", "small", "--run-id", run_id, "--json")
    assert said.json["run_id"] == run_id
    assert call("pipeline", "show", run_id[:8]).code == 0
    assert call("pipeline", "cancel", run_id).code == 2


def test_list_and_show(here: Path, call: Call) -> None:
    write_pipeline(here, LOG_AUC, gates=["fit.auc >= 0.6"])
    (here / "pipelines" / "broken.yaml").write_text("steps: []\n")
    said = call("pipeline", "list")
    assert said.code == 0
    assert "small" in said.out
    assert "pipelines/broken.yaml:1:" in said.out
    write_pipeline(here, LOG_AUC, name="face")
    for name in ("small", "face"):  # which could be the beginning of a run's id
        shown = call("pipeline", "show", name, "--json").json
        assert [step["name"] for step in shown["steps"]] == ["fit"]


def test_schema_is_json_schema(call: Call) -> None:
    schema = json.loads(call("pipeline", "schema").out)
    assert schema["$schema"].endswith("2020-12/schema")
    assert "steps" in schema["properties"]


# --- as a program ---------------------------------------------------------------------------------

SLEEP = "import pathlib, time\npathlib.Path('../started').touch()\ntime.sleep(200)"


def wait_for(condition: object, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def start_sleeper(here: Path) -> subprocess.Popen[str]:
    write_pipeline(here, SLEEP)
    sleeper = subprocess.Popen(
        program("pipeline", "run", "small"),
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for((here / "started").exists)
    return sleeper


def test_interrupt_exits_with_130_and_leaves_no_kernel(here: Path) -> None:
    sleeper = start_sleeper(here)
    kernels = psutil.Process(sleeper.pid).children(recursive=True)
    assert kernels
    os.killpg(sleeper.pid, signal.SIGINT)
    out, err = sleeper.communicate(timeout=120)
    assert sleeper.returncode == 130, err
    assert "Traceback" not in err
    assert "killed" in out
    _, alive = psutil.wait_procs(kernels, timeout=30)
    assert not alive
    record = Project.open(here).runs.search("kind = 'pipeline'").items[0]
    assert record.status == "killed"


def test_cancel_stops_a_run_of_another_process(here: Path, call: Call) -> None:
    sleeper = start_sleeper(here)
    run_id = Project.open(here).runs.search("kind = 'pipeline'").items[0].id
    step_id = Project.open(here).runs.search("kind = 'step'", parent=run_id).items[0].id
    for one in (run_id, step_id):
        # closed, it would go on and could not be cancelled any more
        said = call("run", "close", one)
        assert said.code == 2
        assert f"is running in process {sleeper.pid}" in said.err
    assert call("pipeline", "cancel", step_id[:8]).code == 0
    sleeper.communicate(timeout=120)
    assert sleeper.returncode == 130
    assert Project.open(here).runs.get(run_id).status == "killed"


def test_reader_of_the_log_may_go_away(here: Path) -> None:
    write_pipeline(here, LOG_AUC, gates=["fit.auc >= 0.6"])
    run = subprocess.Popen(
        program("pipeline", "run", "small"),
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    run.stdout.close()
    assert run.stderr is not None
    err = run.stderr.read()
    run.stderr.close()
    assert run.wait(200) == 0, err
    # The run itself went on to its end.
    assert Project.open(here).runs.search("kind = 'pipeline'").items[0].outcome == "passed"


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="terminals of Unix")
def test_reports_are_written_whatever_becomes_of_the_terminal(here: Path) -> None:
    write_pipeline(here, LOG_AUC)
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            program("pipeline", "run", "small", "--junit", "gates.xml"),
            cwd=here,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=240,
            check=False,
        )
    assert ended.returncode == 5, ended.stderr
    assert ElementTree.parse(here / "gates.xml").find(".//testcase") is not None


def test_terminal_sees_a_live_picture(here: Path) -> None:
    # Long enough for some of the ten pictures a second.
    write_pipeline(here, f"{LOG_AUC}\nimport time; time.sleep(1)", gates=["fit.auc >= 0.6"])
    main, end = pty.openpty()
    run = subprocess.Popen(
        program("pipeline", "run", "small"),
        cwd=here,
        stdout=end,
        stderr=end,
        stdin=end,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"},
    )
    os.close(end)
    seen = b""
    while True:
        try:
            piece = os.read(main, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(main)
    assert run.wait(60) == 0
    text = seen.decode()
    assert "\x1b[?25l" in text  # the cursor is hidden while it draws …
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # … and comes back
    assert "starting the kernel" in text
    assert "3/3" in text  # parameters, what was injected, the cell
    assert "auc 0.7 is at least 0.6" in text


def test_no_color_is_obeyed_on_a_terminal(here: Path) -> None:
    write_pipeline(here, LOG_AUC)
    said = run_program("pipeline", "show", "small", cwd=here, NO_COLOR="1", FORCE_COLOR="1")
    assert said.code == 0
    assert "\x1b[3" not in said.out  # no colours (bold and dim may stay)
