"""The active run: every rule of the contract, in one process and at the end of one."""

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import mlops_lab as lab
from mlops_lab.errors import Conflict, InvalidInput, NotFound, StorageFull
from mlops_lab.project import Project


def test_with_ends_the_run_finished(project: Project) -> None:
    with lab.start_run("gbm", "flight-delay", params={"a": 1}, tags={"t": "x"}, steps=9) as run:
        assert run.status == "running"
        assert lab.active_run() == run
    assert run.status == "finished"
    assert (run.name, run.experiment, run.params["a"], run.tags) == (
        "gbm",
        "flight-delay",
        1,
        {"t": "x"},
    )
    assert run.record.planned_steps == 9
    assert lab.active_run() is None


def test_exception_leaving_the_with_fails_the_run_and_goes_on(project: Project) -> None:
    with pytest.raises(ValueError, match="boom"), lab.start_run() as run:
        raise ValueError("boom")
    assert run.status == "failed"
    assert run.error is not None
    assert (run.error["name"], run.error["message"]) == ("ValueError", "boom")
    assert "raise ValueError" in run.error["traceback"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyboardInterrupt(), "killed"),
        (SystemExit(0), "finished"),
        (SystemExit(2), "failed"),
        (asyncio.CancelledError(), "killed"),
        (GeneratorExit(), "finished"),
        (MemoryError(), "failed"),
    ],
)
def test_how_the_block_is_left_is_the_status(
    project: Project, error: BaseException, status: str
) -> None:
    with pytest.raises(type(error)), lab.start_run() as run:
        raise error
    assert run.status == status


def test_with_inside_a_with_makes_a_child(project: Project) -> None:
    with lab.start_run("parent", experiment="x") as parent:
        with lab.start_run("child") as child:
            lab.log_metric("in", 1)
            assert lab.active_run() == child
        assert lab.active_run() == parent
        lab.log_metric("out", 2)
    assert child.parent == parent
    assert parent.children == [child]
    assert child.experiment == "x"
    assert list(child.metrics) == ["in"]
    assert list(parent.metrics) == ["out"]
    assert parent.parent is None


def test_run_left_open_is_finished_by_the_next_with_one_line_said(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    first = lab.start_run("first")
    second = lab.start_run("second")
    assert (first.status, second.status) == ("finished", "running")
    assert [r.message for r in caplog.records if "first" in r.message] == [
        "MLOps Lab: first was still open and is finished now."
    ]
    assert second.parent is None
    lab.end_run()
    assert second.status == "finished"
    lab.end_run()


def test_run_held_by_a_with_is_not_ended_by_another(project: Project) -> None:
    with lab.start_run("outer") as outer:
        loose = lab.start_run("loose")
        again = lab.start_run("again")
        assert (outer.status, loose.status, again.status) == ("running", "finished", "running")
        assert again.parent == outer
    assert again.status == "finished"


def test_children_left_open_fail_with_their_parent(project: Project) -> None:
    loose: list[lab.Run] = []

    def fail() -> None:
        with lab.start_run("outer"):
            loose.append(lab.start_run("loose"))
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert loose[0].status == "failed"


def test_end_run_inside_a_with_ends_it_once(project: Project) -> None:
    with lab.start_run("a") as run:
        lab.end_run("failed")
        assert lab.active_run() is None
        run.log_metric("late", 1)
    assert run.status == "failed"
    with pytest.raises(Conflict, match="resume="), run:
        pass


def test_threads_use_the_handle_and_may_name_a_parent(project: Project) -> None:
    made: list[lab.Run] = []

    def work(i: int) -> None:
        with lab.start_run(f"child-{i}", parent=parent) as child:
            made.append(child)
            for step in range(20):
                parent.log_metric(f"m{i}", step)
                lab.log_metric("own", step)

    with lab.start_run("parent") as parent:
        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert lab.active_run() == parent
    assert {m: s.n for m, s in parent.metrics.items()} == {f"m{i}": 20 for i in range(4)}
    assert all(child.metrics["own"].n == 20 and child.parent == parent for child in made)
    assert all(child.status == "finished" for child in made)


def test_thread_without_a_run_of_its_own_logs_to_the_last_open_one(project: Project) -> None:
    run = lab.start_run("main")
    thread = threading.Thread(target=lab.log_metric, args=("x", 1))
    thread.start()
    thread.join()
    assert run.metrics["x"].last == 1


def test_threads_do_not_end_each_others_runs(project: Project) -> None:
    mine = lab.start_run("mine")
    thread = threading.Thread(target=lab.start_run, args=("theirs",))
    thread.start()
    thread.join()
    assert mine.status == "running"


def test_asyncio_tasks_have_each_their_own(project: Project) -> None:
    async def train(i: int) -> lab.Run:
        with lab.start_run(f"task-{i}") as run:
            for _ in range(3):
                lab.log_metric("i", i)
                await asyncio.sleep(0)
        return run

    async def main() -> list[lab.Run]:
        return await asyncio.gather(*(train(i) for i in range(3)))

    runs = asyncio.run(main())
    assert [{m.last for m in run.metrics.values()} for run in runs] == [{0.0}, {1.0}, {2.0}]
    assert all(run.metrics["i"].n == 3 and run.parent is None for run in runs)


def test_logging_with_no_run_starts_one_and_says_so_once(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    lab.log_metric("x", 1)
    lab.log_metrics({"x": 2})
    lab.log_param("p", 1)
    run = lab.active_run()
    assert run is not None
    assert run.metrics["x"].n == 2
    assert len([r for r in caplog.records if "was started" in r.message]) == 1
    assert run.name in caplog.text


def test_name_that_is_the_id_of_a_run_is_refused_and_names_resume(project: Project) -> None:
    with lab.start_run("a") as run:
        pass
    with pytest.raises(InvalidInput, match="resume="):
        lab.start_run(run.id)
    with lab.start_run("f" * 32) as other:
        assert other.name == "f" * 32


def test_resume_goes_on_with_a_run(project: Project) -> None:
    with lab.start_run("a", experiment="x") as run:
        run.log_metric("loss", 1)
    before = run.started_at
    with lab.start_run(resume=run.id[:8]) as again:
        assert again == run
        assert run.status == "running"
        lab.log_metric("loss", 0.5)
        assert lab.start_run(resume=run) == run
    assert run.status == "finished"
    assert (run.started_at, run.name, run.experiment) == (before, "a", "x")
    assert run.history("loss").steps == [0, 1]
    with pytest.raises(NotFound):
        lab.start_run(resume="ffff")


def test_resume_takes_what_comes_with_it(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    with lab.start_run("a", "x", params={"lr": 0.1}) as run:
        pass
    with lab.start_run("b", "y", resume=run, params={"lr": 0.2}, tags={"t": 1}, steps=9):
        lab.start_run(resume=run, params={"seed": 7})
    assert (run.name, run.experiment, dict(run.params)) == ("b", "x", {"lr": 0.2, "seed": 7})
    assert (run.tags["t"], run.record.planned_steps) == ("1", 9)
    assert "keeps its experiment" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [{"name": 3}, {"name": ""}, {"params": [1]}, {"experiment": 3}, {"steps": "x"}, {"parent": 3}],
)
def test_start_that_is_refused_ends_nothing(project: Project, wrong: dict[str, Any]) -> None:
    run = lab.start_run("a")
    with pytest.raises(InvalidInput):
        lab.start_run(**wrong)
    assert run.status == "running"
    assert lab.active_run() == run


def test_same_run_in_two_withs_ends_with_the_outer(project: Project) -> None:
    with lab.start_run("a") as run:
        with run:
            lab.log_metric("x", 1)
        assert run.status == "running"
        with pytest.raises(ValueError), lab.start_run(resume=run):
            raise ValueError
        assert lab.active_run() == run
    assert run.status == "finished"
    assert lab.active_run() is None


def test_end_that_is_refused_leaves_the_run_open(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = lab.start_run("a")
    with pytest.raises(InvalidInput, match="finished, failed or killed"):
        run.end("done")  # type: ignore[arg-type]
    assert lab.active_run() == run

    def full(*lines: object) -> None:
        raise StorageFull("no room")

    with monkeypatch.context() as patch:
        patch.setattr(project.store, "append", full)
        with pytest.raises(StorageFull):
            lab.end_run()
    assert lab.active_run() == run
    lab.end_run()
    assert run.status == "finished"
    assert lab.active_run() is None


def test_clock_that_is_set_back_changes_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time_ns
    with lab.start_run("a", params={"lr": 0.1}) as run:
        monkeypatch.setattr(time, "time_ns", lambda: real() - 3_600_000_000_000)
        lab.log_param("lr", 0.2)
        lab.set_tag("t", "old")
        lab.set_tag("t", "new")
    assert (run.status, run.params["lr"], run.tags["t"]) == ("finished", 0.2, "new")
    assert 0 <= run.duration_s < 60
    with lab.start_run(resume=run):
        assert run.status == "running"
    assert run.status == "finished"


def test_run_of_a_clock_that_was_ahead_can_be_closed_and_resumed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = time.time_ns() // 1000 + 3_600_000_000
    other = project.runs
    run_id = other.start(name="a", owner="remote")
    project.store.append({"e": "run", "r": run_id, "t": ahead, "status": "running"})
    other.close(run_id)
    assert other.get(run_id).status == "killed"
    with lab.start_run(resume=run_id) as run:
        assert run.status == "running"
    assert run.status == "finished"


def test_experiment_is_the_argument_else_what_was_set_else_the_notebooks_name(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Main:
        __file__ = str(project.root / "train model.py")

    monkeypatch.setitem(sys.modules, "__main__", Main)  # type: ignore[arg-type]
    assert lab.start_run().experiment == "train model"
    assert lab.start_run().name == "train model-2"
    lab.set_experiment("mine")
    assert lab.start_run().experiment == "mine"
    assert lab.start_run(experiment="other").experiment == "other"
    lab.set_experiment(None)
    assert lab.start_run().experiment == "train model"
    with pytest.raises(InvalidInput):
        lab.set_experiment("")


def test_step_of_a_pipeline_adopts_its_run_once(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    step = project.runs.start(name="train", experiment="flight-delay", kind="step")
    monkeypatch.setenv("MLOPS_LAB_RUN", step)
    monkeypatch.setenv("MLOPS_LAB_PROJECT", str(project.root))
    monkeypatch.chdir("/")
    lab.log_metric("before", 1)
    assert lab.active_run() == lab.run(step)
    with lab.start_run("gbm", experiment="other", params={"a": 1}, tags={"t": "x"}) as run:
        assert run.id == step
        lab.log_metric("inside", 1)
        with lab.start_run("nested") as nested:
            pass
    assert "not in 'other'" in caplog.text
    lab.log_metric("after", 1)
    later = lab.start_run("later")
    lab.end_run()
    assert nested.parent == later.parent == run
    assert set(run.metrics) == {"before", "inside", "after"}
    assert (run.name, run.experiment, run.params["a"]) == ("train", "flight-delay", 1)
    assert run.tags == {"t": "x", "name": "gbm"}
    # Only the executor ends it.
    assert run.status == "running"
    assert later.status == "finished"


def test_failure_in_a_step_is_told_by_the_executor(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = project.runs.start(name="train", kind="step")
    monkeypatch.setenv("MLOPS_LAB_RUN", step)
    with pytest.raises(ValueError), lab.start_run():
        raise ValueError
    assert project.runs.get(step).status == "running"


def test_twins_are_the_methods_of_run() -> None:
    for name in (
        "log_metric",
        "log_metrics",
        "log_param",
        "log_params",
        "set_tag",
        "set_tags",
        "delete_tag",
        "note",
        "log_figure",
        "log_table",
        "log_text",
        "log_dict",
        "log_image",
        "log_artifact",
        "log_artifacts",
    ):
        twin, method = getattr(lab, name), getattr(lab.Run, name)
        assert twin.__doc__ == method.__doc__
        parameters = list(inspect.signature(method).parameters.values())[1:]
        assert list(inspect.signature(twin).parameters.values()) == parameters


# ---------------------------------------------------------------------- the end of a process


def run_script(root: Path, script: str, **more: Any) -> subprocess.CompletedProcess[str]:
    (root / "train.py").write_text(f"import mlops_lab as lab\n{script}")
    return subprocess.run(
        [sys.executable, "train.py"],
        cwd=root,
        text=True,
        timeout=60,
        check=False,
        capture_output=True,
        **more,
    )


@pytest.mark.parametrize(
    ("script", "statuses"),
    [
        ("lab.start_run('a'); lab.log_metric('x', 1)", {"a": "finished"}),
        ("lab.start_run('a'); raise ValueError('boom')", {"a": "failed"}),
        ("lab.start_run('a'); raise KeyboardInterrupt", {"a": "killed"}),
        ("lab.start_run('a'); raise SystemExit(0)", {"a": "finished"}),
        ("with lab.start_run('a'):\n  raise SystemExit(3)", {"a": "failed"}),
        (
            "with lab.start_run('a'):\n  b = lab.start_run('b')\n  1 / 0",
            {"a": "failed", "b": "failed"},
        ),
        ("lab.start_run('a'); import os; os._exit(0)", {"a": "killed"}),
        (
            "lab.start_run('a'); import os\nif os.fork() == 0: raise SystemExit(0)\nos.wait()\n"
            "lab.log_metric('x', 1)",
            {"a": "finished"},
        ),
    ],
)
def test_end_of_a_process_ends_its_runs(
    project: Project, script: str, statuses: dict[str, str]
) -> None:
    run_script(project.root, script)
    project.store.fold(wait_s=10, force=True)
    assert {r.name: r.status for r in project.runs.search().items} == statuses


def test_error_at_the_end_is_kept(project: Project) -> None:
    done = run_script(project.root, "lab.start_run('a'); raise ValueError('boom')")
    assert "ValueError: boom" in done.stderr
    (record,) = project.runs.search().items
    assert record.error is not None
    assert record.error["message"] == "boom"
    assert record.source == {"program": "train.py"}


def test_error_from_before_the_run_is_not_its_own(project: Project) -> None:
    script = "import sys; sys.last_value = sys.last_exc = ValueError('old'); lab.start_run('a')"
    run_script(project.root, script)
    assert [r.status for r in project.runs.search().items] == ["finished"]


def test_terminated_process_leaves_a_killed_run(project: Project) -> None:
    script = "import os, signal; lab.start_run('a'); os.kill(os.getpid(), signal.SIGTERM)"
    assert run_script(project.root, script).returncode == -signal.SIGTERM
    project.store.fold(wait_s=10, force=True)
    assert [r.status for r in project.runs.search().items] == ["killed"]


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("how", ["shutil.rmtree(here)", "os.rename(here, here + '-moved')"])
def test_process_whose_project_is_gone_ends_quietly_and_does_not_bring_it_back(
    tmp_path: Path, ended: bool, how: str
) -> None:
    root = tmp_path / "project"
    Project.create(root).close()
    done = run_script(
        root,
        "import os, shutil; lab.start_run('a'); lab.log_metric('x', 1)\n"
        f"{'lab.end_run()' if ended else ''}\n"
        "from mlops_lab.tracking.capture import wait_for_all; wait_for_all()\n"
        f"here = os.getcwd(); os.chdir('/'); {how}",
    )
    assert done.returncode == 0
    assert not root.exists()
    assert "Exception" not in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= (0 if ended else 1)


def test_first_run_makes_a_project_and_says_so_once(tmp_path: Path) -> None:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("MLOPS_LAB_")}
    done = run_script(
        tmp_path, "lab.start_run('a'); lab.end_run(); lab.start_run('b')", env=environ
    )
    assert done.stderr.count("made a project in") == 1
    found = Project.find(tmp_path)
    assert found is not None
    assert found.runs.search().total == 2
    found.close()
