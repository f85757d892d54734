"""``run``, ``sql``, ``store`` and ``init`` over real projects."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mlops_lab.project import Project

from .conftest import Call, program, run_program


@pytest.fixture
def project(here: Path) -> Project:
    made = Project.open(here)
    (here / "mlops.toml").write_text('[goals]\nauc = "max"\nlog_loss = "min"\n')
    for name, auc in (("first", 0.61), ("second", 0.74), ("third", 0.68)):
        run_id = made.runs.start(name=name, experiment="delay", params={"depth": 6, "kind": "gbm"})
        for step in range(3):
            made.runs.log_metrics(run_id, {"auc": auc - 0.1 + step * 0.05}, step=step)
        made.runs.log_metrics(run_id, {"log_loss": 1 - auc})
        made.runs.end(run_id)
    return made


def id_of(project: Project, name: str) -> str:
    return project.runs.search(f"name = '{name}'").items[0].id


def test_list_shows_runs_with_the_goal_metric(project: Project, call: Call) -> None:
    said = call("run", "list")
    assert said.code == 0
    header, *lines = said.out.splitlines()
    assert "auc ↑" in header
    assert len(lines) == 3
    assert all("0.5" in line or "0.6" in line or "0.7" in line for line in lines)
    assert "[" not in said.out  # neither markup nor escape codes in a pipe


def test_list_filters_orders_and_limits(project: Project, call: Call) -> None:
    said = call(
        "run", "list", "best(auc) > 0.65", "--order-by", "best(auc) desc", "-n", "1", "--json"
    )
    assert [run["name"] for run in said.json["runs"]] == ["second"]
    assert said.json["total"] == 2


def test_list_of_nothing_says_so(here: Path, call: Call) -> None:
    assert "No runs yet" in call("run", "list").out
    assert call("run", "list", "--json").json == {"runs": [], "total": 0}


def test_list_leaves_child_runs_out_unless_all(project: Project, call: Call) -> None:
    parent = id_of(project, "first")
    project.runs.end(project.runs.start(name="below", parent=parent))
    assert "below" not in call("run", "list").out
    assert "below" in call("run", "list", "--all").out


def test_show_has_everything(project: Project, call: Call) -> None:
    run_id = id_of(project, "second")
    project.runs.note(run_id, "with weather")
    project.runs.set_tags(run_id, {"team": "ops"})
    project.runs.put_artifact(run_id, "errors.txt", b"none", kind="text")
    said = call("run", "show", run_id[:8])
    for fact in (
        run_id,
        "finished",
        "delay",
        "depth",
        "auc ↑",
        "errors.txt",
        "with weather",
        "ops",
    ):
        assert fact in said.out
    document = call("run", "show", run_id[:8], "--json").json
    assert document["metrics"]["auc"]["best"] == pytest.approx(0.74)
    assert document["params"] == {"depth": "6", "kind": "gbm"}


def test_show_prints_what_users_wrote_as_it_is(project: Project, call: Call) -> None:
    run_id = project.runs.start(name="[bold]not bold[/bold] :smile:", params={"x": "[red]"})
    project.runs.end(run_id, "failed", reason="[link=x]no[/link]")
    said = call("run", "show", run_id)
    for text in ("[bold]not bold[/bold] :smile:", "[red]", "[link=x]no[/link]"):
        assert text in said.out


def test_show_drops_escape_codes_of_a_traceback(project: Project, call: Call) -> None:
    run_id = project.runs.start(name="broken")
    trace = "\x1b[31mValueError\x1b[0m: no\x1b]0;title\x07"
    project.runs.end(
        run_id, "failed", error={"name": "ValueError", "message": "no", "traceback": trace}
    )
    said = call("run", "show", run_id)
    assert "ValueError: no" in said.out
    assert "\x1b" not in said.out


def test_names_and_reasons_command_no_terminal(project: Project, call: Call) -> None:
    run_id = project.runs.start(params={"x": "\x1b]0;mine\x07"}, tags={"t": "\x9b31m"})
    project.runs.end(run_id, "failed", reason="\x1b[2J gone \u202e to its end")
    for arguments in (("run", "show", run_id), ("run", "list"), ("sql", "from params")):
        said = call(*arguments)
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(said.out)
    assert "to its end" in call("run", "list").out
    said = call("run", "list", "\x1b[31m")
    assert said.code == 2
    assert "\x1b" not in said.err


def test_show_of_a_killed_run_names_its_last_cell(project: Project, call: Call) -> None:
    run_id = project.runs.start(kind="step")
    project.runs.log_cell(run_id, "c1", index=3, total=9, state="running", source="fit()")
    project.runs.end(run_id, "killed", reason="Its process is gone.")
    assert "Its last cell was 3 of 9." in call("run", "show", run_id).out


def test_show_of_an_unknown_run_is_not_found(project: Project, call: Call) -> None:
    said = call("run", "show", "00000000")
    assert said.code == 2
    assert "00000000" in said.err


@pytest.mark.parametrize(("metric", "name"), [("auc", "second"), ("log_loss", "second")])
def test_best_follows_the_goal(project: Project, call: Call, metric: str, name: str) -> None:
    assert call("run", "best", metric, "--json").json["name"] == name


def test_best_among_some(project: Project, call: Call) -> None:
    said = call("run", "best", "auc", "name != 'second'")
    assert said.code == 0
    assert "Best auc of 2 runs, the highest" in said.out
    assert "third" in said.out


def test_best_of_a_metric_nobody_logged(project: Project, call: Call) -> None:
    assert call("run", "best", "f1").code == 2


def test_best_says_that_a_direction_is_guessed(project: Project, call: Call) -> None:
    run_id = project.runs.start(name="other")
    project.runs.log_metrics(run_id, {"val/rmse": 3.0})
    project.runs.end(run_id)
    assert "the lowest (guessed" in call("run", "best", "val/rmse").out


def test_deleted_run_comes_back(project: Project, call: Call) -> None:
    run_id = id_of(project, "first")
    said = call("run", "delete", run_id[:8])
    assert said.code == 0
    assert f"run restore {run_id[:8]}" in said.out
    assert "first" not in call("run", "list").out
    assert "first" in call("run", "list", "--deleted").out
    assert call("run", "restore", run_id[:8]).code == 0
    assert "first" in call("run", "list").out


def test_restoring_says_what_was_collected_meanwhile(project: Project, call: Call) -> None:
    run_id = id_of(project, "first")
    kept = project.runs.put_artifact(run_id, "notes/plan.txt", b"the plan")
    call("run", "delete", run_id[:8])
    assert "Without" not in str(call("run", "restore", run_id[:8]))
    call("run", "delete", run_id[:8])
    project.store.objects.path(kept.digest).unlink()  # as gc moves it, two weeks later
    said = call("run", "restore", run_id[:8])
    assert said.code == 0
    assert "Without notes/plan.txt: `mlops-lab store gc` has taken" in str(said)
    call("run", "delete", run_id[:8])
    assert call("run", "restore", run_id[:8], "--json").json["gone"] == ["notes/plan.txt"]


def test_delete_of_several_is_all_or_nothing(project: Project, call: Call) -> None:
    assert call("run", "delete", id_of(project, "first"), "ffffffff").code == 2
    assert "first" in call("run", "list").out


def test_close_ends_a_run_that_nobody_will_end(project: Project, call: Call) -> None:
    run_id = project.runs.start(name="remote", owner="remote")
    said = call("run", "close", run_id, "--status", "failed")
    assert said.code == 0, said.err
    assert project.runs.get(run_id).status == "failed"


# --- sql ------------------------------------------------------------------------------------------


def test_sql_answers_with_a_table(project: Project, call: Call) -> None:
    said = call("sql", "select name, status from runs order by name")
    assert [line.split() for line in said.out.splitlines()] == [
        ["name", "status"],
        ["first", "finished"],
        ["second", "finished"],
        ["third", "finished"],
    ]


def test_sql_answers_programs(project: Project, call: Call) -> None:
    answer = call("sql", "select 1.5::double as a, 'nan'::double as b, null as c", "--json").json
    assert answer == {"columns": ["a", "b", "c"], "rows": [[1.5, "NaN", None]], "truncated": False}


def test_sql_says_when_rows_are_left_out(project: Project, call: Call) -> None:
    said = call("sql", "select * from range(10)", "--limit", "3")
    assert len(said.out.splitlines()) == 4
    assert "first 3 rows" in said.err


def test_sql_reads_the_query_from_stdin(project: Project) -> None:
    project.close()
    ended = subprocess.run(
        program("sql", "-", "--json"),
        input="select count(*) as n from runs",
        capture_output=True,
        text=True,
        check=False,
        cwd=project.root,
    )
    assert ended.returncode == 0, ended.stderr
    assert '"n"' in ended.stdout


@pytest.mark.parametrize("query", ["drop table runs", "select * from read_csv('/etc/passwd')", " "])
def test_sql_that_does_more_than_ask_is_refused(project: Project, call: Call, query: str) -> None:
    said = call("sql", query)
    assert said.code in (2, 6)
    assert "error:" in said.err


# --- store and init -------------------------------------------------------------------------------


def test_store_status_counts(project: Project, call: Call) -> None:
    assert call("store", "status", "--json").json["lines"] > 10
    assert "none set aside" in call("store", "status").out


def test_store_fold_and_rebuild(project: Project, call: Call) -> None:
    assert call("store", "fold").code == 0
    said = call("store", "fold", "--rebuild")
    assert said.code == 0
    assert "moved into the index" in said.out


def test_store_verify_finds_a_changed_object(project: Project, call: Call) -> None:
    run_id = id_of(project, "first")
    record = project.runs.put_artifact(run_id, "a.txt", b"true", kind="text")
    assert call("store", "verify").code == 0
    path = project.store.objects.path(record.digest)
    os.chmod(path, 0o644)
    path.write_bytes(b"lies")
    said = call("store", "verify")
    assert said.code == 5
    assert record.digest in said.out


def test_init_makes_a_project_once(tmp_path: Path, call: Call) -> None:
    said = call("init", tmp_path / "new", "--name", "Churn")
    assert said.code == 0
    assert (tmp_path / "new" / "mlops.toml").is_file()
    again = call("init", tmp_path / "new", "--json").json
    assert (again["name"], again["created"]) == ("Churn", False)


@pytest.mark.skipif(os.geteuid() != 0, reason="/proc refuses everybody, root included, on Linux")
def test_init_with_an_empty_name_makes_nothing(tmp_path: Path, call: Call) -> None:
    said = call("init", tmp_path / "new", "--name", " ")
    assert said.code == 2
    assert not (tmp_path / "new").exists()


def test_init_where_nothing_can_be_written_is_forbidden(tmp_path: Path) -> None:
    said = run_program("init", "/proc/nowhere", cwd=tmp_path)
    assert said.code == 6
    assert "Traceback" not in said.err
