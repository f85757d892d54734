"""The manager of runs: what it writes is what it reads, across processes and deaths."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_lab.errors import Conflict, InvalidInput, NotFound
from mlops_lab.governance import Identity
from mlops_lab.project import Project
from mlops_lab.tracking.lines import artifact_path

MARA = Identity("mara", "jupyter")


def journal(project: Project) -> list[dict[str, object]]:
    files = sorted((project.store.dir / "journal").rglob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_started_run_is_read_back_whole(project: Project) -> None:
    run_id = project.runs.start(
        name="gbm",
        experiment="flight-delay",
        params={"lr": 0.1},
        tags={"team": "ops"},
        source={"notebook": "n/train.ipynb"},
        steps=120,
    )
    record = project.runs.get(run_id[:6])
    assert (record.id, record.name, record.experiment) == (run_id, "gbm", "flight-delay")
    assert (record.status, record.kind, record.planned_steps) == ("running", "training", 120)
    assert record.source == {"notebook": "n/train.ipynb"}
    assert record.author == project.identity.id
    assert record.started_at.tzinfo is not None
    assert record.duration_s >= 0
    assert [p.value for p in project.runs.params(run_id)] == ["0.1"]
    assert project.runs.tags(run_id) == {"team": "ops"}


def test_experiment_is_made_once_and_keeps_its_id(project: Project) -> None:
    first = project.runs.get(project.runs.start(name="a", experiment="x"))
    second = project.runs.get(project.runs.start(name="b", experiment="x"))
    other = project.runs.get(project.runs.start(name="c"))
    assert first.experiment_id == second.experiment_id == "1"
    assert (other.experiment, other.experiment_id) == ("Default", "0")
    assert [d.kind for d in project.store.decisions()] == ["experiment.create"]
    assert project.experiments.get("x").runs == 2
    assert project.experiments.get("0").name == "Default"
    with pytest.raises(NotFound, match="'x'"):
        project.experiments.get("y")


def test_child_inherits_the_experiment(project: Project) -> None:
    parent = project.runs.start(name="p", experiment="x")
    child = project.runs.start(name="c", parent=parent, kind="step")
    assert project.runs.get(child).experiment == "x"
    assert project.runs.get(child).parent == parent
    assert project.runs.get(parent).children == 1
    assert [r.id for r in project.runs.children(parent)] == [child]


def test_unnamed_runs_are_numbered_on_from_what_is_there(project: Project) -> None:
    project.runs.start(name="train-7")
    project.runs.start(name="train-x")
    names = [project.runs.get(project.runs.start(stem="train")).name for _ in range(2)]
    assert names == ["train-8", "train-9"]
    assert project.runs.get(project.runs.start(kind="batch")).name == "batch-1"


def test_same_id_again_answers_with_the_same_run(project: Project) -> None:
    run_id = project.runs.start(name="a", run_id="ab" * 16)
    assert project.runs.start(name="b", run_id="ab" * 16) == run_id
    assert project.runs.get(run_id).name == "a"
    with pytest.raises(InvalidInput, match="32"):
        project.runs.start(run_id="AB")


def test_scheduled_run_is_taken_over(project: Project) -> None:
    run_id = project.runs.start(name="a", experiment="x", status="scheduled", run_id="cd" * 16)
    assert project.runs.get(run_id).status == "scheduled"
    assert project.runs.start(run_id=run_id, kind="pipeline") == run_id
    record = project.runs.get(run_id)
    assert (record.status, record.name, record.experiment, record.kind) == (
        "running",
        "a",
        "x",
        "pipeline",
    )


def test_end_keeps_why(project: Project) -> None:
    run_id = project.runs.start(name="a")
    project.runs.end(
        run_id,
        "failed",
        outcome="rejected",
        reason="auc is too low",
        error={"name": "ValueError", "message": "boom", "traceback": "x" * 100_000},
    )
    record = project.runs.get(run_id)
    assert (record.status, record.outcome, record.reason) == (
        "failed",
        "rejected",
        "auc is too low",
    )
    assert record.error is not None
    assert len(record.error["traceback"]) == 16_000
    assert record.ended_at is not None
    assert not record.is_open


@pytest.mark.parametrize(
    "bad", [{"params": [1]}, {"tags": "x"}, {"steps": 1.5}, {"name": 3}, {"experiment": ""}]
)
def test_start_that_is_refused_writes_nothing(project: Project, bad: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        project.runs.start(**{"name": "a", **bad})  # type: ignore[arg-type]
    assert project.runs.search().total == 0


@pytest.mark.parametrize("bad", [{"status": "done"}, {"status": "running"}, {"outcome": "good"}])
def test_end_refuses_other_words(project: Project, bad: dict[str, str]) -> None:
    run_id = project.runs.start(name="a")
    with pytest.raises(InvalidInput):
        project.runs.end(run_id, **bad)  # type: ignore[arg-type]


def test_logging_to_an_ended_run_is_kept_and_leaves_its_status(project: Project) -> None:
    run_id = project.runs.start(name="a")
    project.runs.end(run_id, "failed")
    project.runs.log_metrics(run_id, {"late": 1})
    assert project.runs.get(run_id).status == "failed"
    assert project.runs.metrics(run_id)[0].key == "late"


def test_step_counts_on_by_itself(project: Project) -> None:
    run_id = project.runs.start(name="a")
    project.runs.log_metrics(run_id, {"loss": 0.5})
    project.runs.log_metrics(run_id, {"loss": 0.4, "auc": 1})
    project.runs.log_metrics(run_id, {"loss": 0.3}, step=10)
    project.runs.log_metrics(run_id, {"loss": 0.2})
    assert project.runs.history(run_id, "loss").steps == [0, 1, 10, 11]


def test_step_that_cannot_count_on_is_refused_and_not_lost(project: Project) -> None:
    run_id = project.runs.start()
    project.runs.log_metrics(run_id, {"loss": 1}, step=2**63 - 1)
    with pytest.raises(InvalidInput, match="64 bits"):
        project.runs.log_metrics(run_id, {"loss": 2})
    project.runs.log_metrics(run_id, {"loss": 3}, step=0)
    assert project.runs.history(run_id, "loss").values == [3, 1]
    assert project.store.status().rejected == 0


def test_step_counts_on_in_another_process(project: Project) -> None:
    run_id = project.runs.start(name="a")
    project.runs.log_metrics(run_id, {"loss": 0.5}, step=41)
    project.close()
    again = Project.open(project.root)
    again.runs.log_metrics(run_id, {"loss": 0.4})
    assert again.runs.history(run_id, "loss").steps == [41, 42]
    again.close()


def test_history_is_ordered_and_keeps_every_peak(project: Project) -> None:
    run_id = project.runs.start(name="a")
    values = [0.0] * 5_000
    values[1234], values[4321] = 9.0, -9.0
    for step in reversed(range(0, 5_000, 50)):
        for i in range(step, step + 50):
            project.runs.log_metrics(run_id, {"x": values[i]}, step=i)
    whole = project.runs.history(run_id, "x")
    assert (whole.steps, whole.n, whole.downsampled) == (list(range(5_000)), 5_000, False)
    small = project.runs.history(run_id, "x", points=100)
    assert small.downsampled
    assert small.n == 5_000
    assert len(small) <= 102
    assert {9.0, -9.0} <= set(small.values)
    assert (small.steps[0], small.steps[-1]) == (0, 4_999)
    assert small.steps == sorted(small.steps)
    frame = whole.df()
    assert list(frame.columns) == ["step", "time", "value"]
    assert str(frame["time"].dt.tz) == "UTC"


def test_history_keeps_what_is_not_finite(project: Project) -> None:
    run_id = project.runs.start(name="a")
    for value in (1.0, float("nan"), float("inf"), float("-inf")):
        project.runs.log_metrics(run_id, {"x": value})
    assert repr(project.runs.history(run_id, "x").values) == "[1.0, nan, inf, -inf]"
    summary = project.runs.metrics(run_id)[0]
    assert (summary.best, summary.not_finite, summary.n) == (1.0, 3, 4)
    assert project.runs.history(run_id, "none") == project.runs.history(run_id, "none", points=5)


def test_best_follows_the_goal(project: Project) -> None:
    run_id = project.runs.start(name="a")
    for value in (0.5, 0.7, 0.6):
        project.runs.log_metrics(run_id, {"loss": value, "auc": value})
    loss, auc = project.runs.metrics(run_id)
    assert (loss.best, loss.best_step, loss.goal, loss.guessed) == (0.5, 0, "min", True)
    assert (auc.best, auc.best_step, auc.goal) == (0.7, 1, "max")
    (project.root / "mlops.toml").write_text('[goals]\nauc = "min"\n')
    assert project.runs.metrics(run_id)[1].best == 0.5
    assert project.runs.goal_of(run_id).key == "auc"  # type: ignore[union-attr]
    assert project.runs.goal_of("ee" * 16) is None


def test_sparklines_are_of_the_metric_that_stands_for_the_run(project: Project) -> None:
    first, second = (project.runs.start(name=name) for name in "ab")
    for i in range(200):
        project.runs.log_metrics(first, {"loss": 200 - i, "auc": i})
    project.runs.log_metrics(second, {"auc": float("nan")})
    curves = project.runs.sparklines([first, second], points=20)
    assert curves[first][0] == "loss"
    assert len(curves[first][1]) == 20
    assert curves[first][1][-1] == 1.0
    assert project.runs.sparklines([first], "auc", points=500)[first][1] == [
        float(i) for i in range(200)
    ]


def test_values_of_any_size_are_kept(project: Project) -> None:
    text = "ü" * 300_000
    run_id = project.runs.start(name="a", params={"prompt": text}, tags={"long": text})
    project.runs.note(run_id, text)
    project.runs.log_metrics(run_id, {f"metric/{i}": i for i in range(5_000)})
    assert project.runs.params(run_id)[0].value == text
    assert project.runs.tags(run_id)["long"] == text
    assert project.runs.notes(run_id)[0].text == text
    assert len(project.runs.metrics(run_id)) == 5_000
    assert all(
        len(json.dumps(line, ensure_ascii=False).encode()) < 65_536 for line in journal(project)
    )


def test_bytes_that_were_deleted_are_said_by_verify(project: Project) -> None:
    run_id = project.runs.start()
    kept = project.runs.put_artifact(run_id, "a.txt", b"hello")
    assert project.store.verify() == []
    project.store.objects.path(kept.digest).unlink()
    (problem,) = project.store.verify()
    assert problem.where == f"object {kept.digest}"
    assert f"a.txt of run {run_id}" in problem.message


def test_artifacts_are_replaced_and_found_by_folder(project: Project, tmp_path: Path) -> None:
    run_id = project.runs.start(name="a")
    (tmp_path / "m.bin").write_bytes(b"model")
    project.runs.put_artifact(run_id, "plots/roc.svg", b"old", kind="figure")
    project.runs.put_artifact(run_id, "plots/roc.svg", b"<svg/>", kind="figure")
    kept = project.runs.put_artifact(run_id, "models/m.bin", tmp_path / "m.bin")
    assert kept.size == 5
    found = project.runs.artifacts(run_id, "plots")
    assert [(a.path, a.media, a.size, a.kind) for a in found] == [
        ("plots/roc.svg", "image/svg+xml", 6, "figure")
    ]
    assert len(project.runs.artifacts(run_id)) == 2
    assert project.runs.artifacts(run_id, "plot") == []
    assert project.runs.artifact_file(run_id, "plots/roc.svg").read_bytes() == b"<svg/>"
    with pytest.raises(NotFound, match=r"models/m\.bin"):
        project.runs.artifact_file(run_id, "nope")


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "a/../../x", "C:/x", "\\x", "a\nb", ".."]
)
def test_artifact_path_stays_inside_the_run(path: str) -> None:
    with pytest.raises(InvalidInput):
        artifact_path(path)


def test_artifact_path_is_made_plain() -> None:
    assert artifact_path("a//b/./c.txt") == "a/b/c.txt"
    assert artifact_path("a\\b") == "a/b"
    assert artifact_path("größe/日本.txt") == "größe/日本.txt"


def test_get_says_what_to_do(project: Project) -> None:
    project.runs.start(name="one", run_id="ab12" + "0" * 28)
    project.runs.start(name="two", run_id="ab12" + "1" * 28)
    with pytest.raises(InvalidInput, match="begin with 'ab12'") as several:
        project.runs.get("ab12")
    assert {"one", "two"} <= set(str(several.value).split())
    assert len(several.value.details["candidates"]) == 2
    with pytest.raises(NotFound, match="no run 'ffff'"):
        project.runs.get("ffff")
    for bad in ("abc", "gbm", "AB12", "", None):
        with pytest.raises(InvalidInput, match="hex"):
            project.runs.get(bad)  # type: ignore[arg-type]
    assert project.runs.find("ff" * 16) is None


def test_names_of_many_runs_are_read_at_once(project: Project) -> None:
    ids = [project.runs.start(name=name) for name in ("a", "<b>")]
    assert project.runs.names([*ids, "f" * 32]) == dict(zip(ids, ("a", "<b>"), strict=True))
    assert project.runs.names([]) == {}


def test_deleting_takes_the_children_and_restoring_brings_them_back(project: Project) -> None:
    parent = project.runs.start(name="p")
    child = project.runs.start(name="c", parent=parent)
    with pytest.raises(Conflict, match="running"):
        project.runs.delete([parent])
    project.runs.end(child)
    project.runs.end(parent)
    assert sorted(project.runs.delete([parent], by=MARA)) == sorted([parent, child])
    assert project.runs.get(parent).lifecycle == "deleted"
    assert project.runs.get(child).deleted_at is not None
    assert project.runs.search().total == 0
    project.runs.restore([parent])
    assert project.runs.search().total == 2
    *_, deleted, _ = project.store.decisions()
    assert deleted.by == {"id": "mara", "via": "jupyter"}
    with pytest.raises(NotFound):
        project.runs.delete([parent, "ff" * 16])
    assert project.runs.delete([]) == []


def test_rename_star_and_tags_from_elsewhere_own_nothing(project: Project) -> None:
    run_id = project.runs.start(name="a", tags={"x": "1"})
    project.runs.rename(run_id, "b")
    project.runs.star(run_id)
    project.runs.tag(run_id, {"x": None, "y": "2"})
    record = project.runs.get(run_id)
    assert (record.name, record.starred) == ("b", True)
    assert "x" not in project.runs.tags(run_id)
    assert project.runs.tags(run_id)["y"] == "2"
    project.runs.star(run_id, False)
    assert not project.runs.get(run_id).starred
    assert len([line for line in journal(project) if line["e"] == "run"]) == 1


def test_close_ends_what_nobody_will(project: Project) -> None:
    run_id = project.runs.start(name="a", owner="remote")
    project.runs.close(run_id, by=MARA)
    assert project.runs.get(run_id).reason == "Closed by mara."
    with pytest.raises(Conflict, match="killed"):
        project.runs.close(run_id)


def test_cancel_is_a_decision_and_needs_an_open_run(project: Project) -> None:
    run_id = project.runs.start(name="a")
    decision = project.runs.cancel(run_id, by=MARA)
    assert (decision.kind, decision.data) == ("run.cancel", {"run": run_id})
    project.runs.end(run_id)
    with pytest.raises(Conflict):
        project.runs.cancel(run_id)
    with pytest.raises(NotFound):
        project.runs.cancel("ff" * 16)


def test_needs_are_what_waits_failed_or_died(project: Project) -> None:
    waiting = project.runs.start(name="w")
    project.runs.end(waiting, outcome="waiting", reason="needs one approver")
    failed = project.runs.start(name="f", source={"notebook": "f.ipynb"})
    project.runs.end(failed, "failed", error={"name": "ValueError", "message": "bad\nx"})
    fine = project.runs.start(name="ok")
    project.runs.end(fine)
    child = project.runs.start(name="c", parent=fine)
    project.runs.end(child, "failed")
    project.runs.close(project.runs.start(name="stopped by hand"))
    needs = project.runs.needs()
    assert [(n.kind, n.title, n.detail) for n in needs] == [
        ("failed", "f failed", "ValueError: bad"),
        ("waiting", "w waits for you", "needs one approver"),
    ]
    project.runs.dismiss(waiting)
    # The same notebook ran through since: nobody need look at the failure any more.
    project.runs.end(project.runs.start(name="f2", source={"notebook": "f.ipynb"}))
    assert project.runs.needs() == []


def test_killed_process_leaves_a_killed_run_with_its_last_cell_and_step(project: Project) -> None:
    script = f"""
import os, signal
from mlops_lab.project import Project
runs = Project.open({str(project.root)!r}).runs
run_id = runs.start(name="victim", run_id="ab" * 16)
runs.log_cell(run_id, "cell-7", index=7, total=9, state="running", source="fit()")
runs.log_metrics(run_id, {{"loss": 0.5}}, step=40)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], timeout=60, check=False)
    assert done.returncode == -9
    project.store.fold(wait_s=10, force=True)
    record = project.runs.get("ab" * 16)
    assert (record.status, record.step, record.cell) == (
        "killed",
        40,
        {"id": "cell-7", "index": 7, "total": 9},
    )
    assert record.ended_at is not None
    assert [n.detail for n in project.runs.needs()] == [
        "Its process is gone. It was last seen in cell 7, at step 40."
    ]


def test_forked_child_logs_to_the_parents_run_and_its_death_ends_nothing(project: Project) -> None:
    run_id = project.runs.start(name="parent")
    pid = os.fork()
    if pid == 0:
        try:
            project.runs.log_metrics(run_id, {"from": 1}, step=1)
        finally:
            os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    project.store.fold(wait_s=10, force=True)
    assert project.runs.get(run_id).status == "running"
    assert project.runs.metrics(run_id)[0].key == "from"


def test_journal_deleted_under_an_open_run_begins_again_with_it(project: Project) -> None:
    run_id = project.runs.start(name="a", experiment="x")
    for file in (project.store.dir / "journal").glob("*.jsonl"):
        file.unlink()
    with pytest.warns(RuntimeWarning, match="deleted"):
        project.runs.log_metrics(run_id, {"loss": 1}, step=3)
    record = project.runs.get(run_id)
    assert (record.name, record.status, record.step) == ("a", "running", 3)
