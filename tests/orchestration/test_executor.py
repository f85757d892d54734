"""Whole pipelines with real kernels. Each costs seconds, so each shows much."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlops_lab.errors import Conflict, InvalidInput
from mlops_lab.orchestration import events
from mlops_lab.orchestration.results import PipelineResult

STEPS = """
name: demo
params: {seed: 7, floor: 0.6}
steps:
  judge:
    notebook: ../notebooks/judge.ipynb
    inputs: {table: make.table, raw: ../raw.csv}
  make:
    notebook: ../notebooks/make.ipynb
    params: {rate: 1}
    outputs: {table: deep/table.csv}
gates:
  - metric: judge.auc >= params.floor
  - metric: judge.auc <= 0.7
"""


@pytest.fixture
def demo(workshop):
    (workshop.root / "raw.csv").write_text("raw\n")
    workshop.notebook(
        "make",
        "import os",
        "assert os.getcwd() == os.path.dirname(os.path.realpath('make.ipynb')), os.getcwd()",
        "assert os.environ['OMP_NUM_THREADS'] == '1'",
        "open(table, 'w').write(f'{seed} {rate} {type(rate).__name__}')",
        params="seed = 1\nrate = 0.5\ntable = 'out.csv'",
    )
    workshop.notebook(
        "judge",
        "import mlops_lab as lab\nassert table.endswith('/table.csv'), table",
        "assert open(raw).read() == 'raw\\n'",
        "with lab.start_run('mine', params={'text': open(table).read()}):\n"
        "    lab.log_metrics({'auc': 0.745, 'loss': float('nan')})",
        params="seed = 1\ntable = raw = ''",
    )
    return workshop


def test_a_pipeline_runs_in_order_and_leaves_its_runs(demo) -> None:
    result: PipelineResult = demo.run(STEPS, {"seed": "3"})

    # the result
    assert list(result.steps) == ["make", "judge"]
    assert (result.status, result.outcome, result.exit_code) == ("finished", "rejected", 3)
    assert [gate.sentence for gate in result.gates] == [
        "auc 0.745 is at least floor 0.6",
        "auc 0.745 is above 0.7",
    ]
    assert result.reason == "auc 0.745 is above 0.7."
    assert result.steps["make"].outputs["table"].read_text() == "3 1 int"
    assert result.steps["judge"].metrics["auc"] == 0.745
    assert json.loads(json.dumps(result.to_json(), allow_nan=False))["steps"][1]["metrics"] == {
        "auc": 0.745,
        "loss": "NaN",
    }

    # the runs
    project = demo.project
    run = project.runs.get(result.run_id)
    assert (run.kind, run.status, run.outcome, run.experiment) == (
        "pipeline",
        "finished",
        "rejected",
        "demo",
    )
    assert run.name == "demo-1"
    assert run.source["pipeline"] == "pipelines/p.yaml"
    assert {one.key: one.value for one in project.runs.params(run.id)} == {
        "seed": "3",
        "floor": "0.6",
    }
    steps = project.pipelines.steps(run.id)
    assert [(step.name, step.kind, step.status) for step in steps] == [
        ("make", "step", "finished"),
        ("judge", "step", "finished"),
    ]
    assert steps[1].source["notebook"] == "notebooks/judge.ipynb"
    assert [gate.state for gate in project.pipelines.gates(run.id)] == ["passed", "rejected"]
    assert project.pipelines.gates(run.id) == list(result.gates)

    # what the steps left
    made = {one.path: one for one in project.runs.artifacts(steps[0].id)}
    assert made["outputs/table.csv"].kind == "table"
    assert made["notebook/make.ipynb"].media == "application/x-ipynb+json"
    cells = project.runs.cells(steps[1].id)
    assert [(cell.index, cell.total, cell.state) for cell in cells] == [
        (index, 5, "done") for index in range(1, 6)
    ]
    assert cells[0].id == "cell-0"
    # the metric knows its cell, because our engine says which one runs
    params = {one.key: one for one in project.runs.params(steps[1].id)}
    assert params["text"].value == "3 1 int"
    assert params["text"].cell == "cell-3"
    assert not (project.store.dir / "scratch" / run.id).exists()

    surroundings = {one.path for one in project.runs.artifacts(run.id)}
    assert {"source/p.yaml", "mlops/environment.json"} <= surroundings
    assert project.runs.environment(run.id) is not None

    # what was told on the way
    kinds = [type(event).__name__ for event in demo.events]
    assert kinds[0] == "PipelineStarted"
    assert kinds[-3:] == ["GateDecided", "GateDecided", "PipelineFinished"]
    assert kinds.count("CellStarted") == kinds.count("CellFinished") == 11


def test_a_failing_cell_fails_the_run_and_keeps_the_notebook(workshop) -> None:
    workshop.notebook("a", "print('so far')", "1 / 0", "print('never')")
    workshop.notebook("b", "1", params="x = ''")
    result = workshop.run(
        "steps:\n"
        "  a: {notebook: ../notebooks/a.ipynb, outputs: {x: x.csv}}\n"
        "  b: {notebook: ../notebooks/b.ipynb, inputs: {x: a.x}}\n"
        "gates:\n  - metric: b.auc > 1\n"
    )

    assert (result.status, result.outcome, result.exit_code) == ("failed", None, 1)
    assert result.gates == ()
    assert result.steps["b"].status == "skipped"
    error = result.steps["a"].error
    assert error is not None
    assert (error.name, error.message, error.cell_index, error.source) == (
        "ZeroDivisionError",
        "division by zero",
        3,
        "1 / 0",
    )
    assert "ZeroDivisionError" in (error.traceback or "")
    assert "\x1b" not in (error.traceback or "")
    executed = json.loads(result.steps["a"].executed.read_text())
    printed = [cell.get("outputs") for cell in executed["cells"] if cell["cell_type"] == "code"]
    assert printed[1][0]["text"] in ("so far\n", ["so far\n"])
    statuses = [
        cell["metadata"]["papermill"]["status"]
        for cell in executed["cells"]
        if cell["cell_type"] == "code"
    ]
    assert statuses[-2:] == ["failed", "pending"]
    record = workshop.project.runs.get(result.run_id)
    assert record.status == "failed"
    assert record.reason == ("Step a failed in cell 3: ZeroDivisionError: division by zero.")
    step = workshop.project.pipelines.steps(result.run_id)[0]
    assert step.status == "failed"
    assert step.error is not None
    assert step.error["cell_index"] == 3


def test_a_dead_kernel_fails_the_step_and_names_the_cell(workshop) -> None:
    workshop.notebook("a", "print('so far')", "import os\nos.abort()")

    result = workshop.run("steps:\n  a: {notebook: ../notebooks/a.ipynb}\n")

    error = result.steps["a"].error
    assert (result.status, result.exit_code) == ("failed", 1)
    assert error is not None
    assert (error.name, error.cell_index) == ("DeadKernel", 2)
    assert "the kernel died" in error.message
    cells = workshop.project.runs.cells(result.steps["a"].run_id)
    assert [cell.state for cell in cells] == ["done", "failed"]
    executed = json.loads(result.steps["a"].executed.read_text())
    # papermill itself would call this cell completed
    assert executed["cells"][-1]["metadata"]["papermill"]["status"] == "failed"


def test_a_step_is_tried_again_in_a_new_run(workshop) -> None:
    workshop.notebook(
        "a", "import os\nfirst = not os.path.exists('seen')\nopen('seen', 'w')", "assert not first"
    )

    result = workshop.run("steps:\n  a: {notebook: ../notebooks/a.ipynb, retries: 2}\n")

    assert (result.status, result.steps["a"].attempts) == ("finished", 2)
    steps = workshop.project.pipelines.steps(result.run_id)
    assert [step.status for step in steps] == ["failed", "finished"]
    [retried] = [event for event in workshop.events if isinstance(event, events.StepRetried)]
    assert (retried.attempt, retried.tries) == (1, 3)


def test_a_step_that_takes_too_long_fails_and_says_so(workshop) -> None:
    workshop.notebook("a", "import time", "time.sleep(600)")

    result = workshop.run("steps:\n  a: {notebook: ../notebooks/a.ipynb, timeout: 6s}\n")

    error = result.steps["a"].error
    assert (result.status, result.exit_code) == ("failed", 1)
    assert error is not None
    assert (error.name, error.message, error.cell_index) == (
        "TimeOut",
        "took longer than 6 s",
        2,
    )
    assert result.steps["a"].duration_s < 60


def test_a_notebook_deleted_meanwhile_fails_its_step(workshop) -> None:
    workshop.notebook("a", "import os\nos.remove('b.ipynb')")
    workshop.notebook("b", "1")

    result = workshop.run(
        "steps:\n  a: {notebook: ../notebooks/a.ipynb}\n  b: {notebook: ../notebooks/b.ipynb}\n"
    )

    assert (result.status, result.exit_code) == ("failed", 1)
    assert [step.status for step in result.steps.values()] == ["finished", "failed"]
    assert "b.ipynb cannot be read" in str(result.steps["b"].error)


def test_an_output_that_was_not_written_fails_the_step(workshop, quick) -> None:
    workshop.notebook("a", "1", params="table = ''")

    result = workshop.run(
        "steps:\n  a: {notebook: ../notebooks/a.ipynb, outputs: {table: t.csv}}\n"
    )

    assert result.status == "failed"
    assert str(result.steps["a"].error) == (
        "MissingOutput: the notebook did not write its output table: t.csv"
    )


@pytest.mark.parametrize("dry_run", [False, True])
def test_nothing_runs_when_a_kernel_is_missing(workshop, dry_run: bool) -> None:
    workshop.notebook("a", "1")
    workshop.notebook("b", "1", kernel="no-such-kernel")

    with pytest.raises(InvalidInput, match="asks for the kernel 'no-such-kernel'; installed: "):
        workshop.run(
            "steps:\n"
            "  a: {notebook: ../notebooks/a.ipynb}\n"
            "  b: {notebook: ../notebooks/b.ipynb}\n",
            dry_run=dry_run,
        )

    assert workshop.project.store.query("select * from lab.runs") == []


def test_a_dry_run_plans_and_runs_nothing(demo) -> None:
    result = demo.run(STEPS, {"seed": 3}, dry_run=True)

    assert (result.status, result.exit_code) == ("planned", 0)
    assert [step.name for step in result.plan.steps] == ["make", "judge"]
    assert result.plan.steps[0].params == {"seed": 3, "rate": 1}
    assert result.plan.steps[1].inputs == {"table": "make.table", "raw": "../raw.csv"}
    assert result.plan.gates == ("judge.auc >= params.floor", "judge.auc <= 0.7")
    assert result.to_json()["status"] == "planned"
    assert demo.project.store.query("select * from lab.runs") == []


def test_a_scheduled_run_is_taken_over_and_a_finished_one_refused(workshop, quick) -> None:
    workshop.notebook("a", "1")
    runs = workshop.project.runs
    run_id = runs.start(name="later", kind="pipeline", status="scheduled")

    result = workshop.run("steps:\n  a: {notebook: ../notebooks/a.ipynb}\n", run_id=run_id)

    assert result.run_id == run_id
    assert (runs.get(run_id).status, runs.get(run_id).name) == ("finished", "later")
    with pytest.raises(Conflict, match="exists already: it is finished"):
        workshop.run("steps:\n  a: {notebook: ../notebooks/a.ipynb}\n", run_id=run_id)


def test_a_listener_that_fails_does_not_take_the_run_with_it(workshop, quick) -> None:
    class Broken:
        def on_event(self, event: events.Event) -> None:
            raise BrokenPipeError

    workshop.notebook("a", "1")
    path = workshop.pipeline("steps:\n  a: {notebook: ../notebooks/a.ipynb}\n")

    assert workshop.project.pipelines.run(path, listener=Broken()).status == "finished"


def test_one_pipeline_runs_several_times_at_once(workshop) -> None:
    workshop.notebook("a", "open(out, 'w').write(str(n))", params="n = 0\nout = ''")
    path = workshop.pipeline(
        "params: {n: 0}\nsteps:\n  a: {notebook: ../notebooks/a.ipynb, outputs: {out: o.txt}}\n"
    )
    project = workshop.project

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(lambda n: project.pipelines.run(path, {"n": n}), (1, 2)))

    assert [result.status for result in results] == ["finished", "finished"]
    assert [result.steps["a"].outputs["out"].read_text() for result in results] == ["1", "2"]
    assert len({result.run_id for result in results}) == 2


def test_a_link_to_a_notebook_runs_where_the_link_is(workshop, tmp_path: Path) -> None:
    real = workshop.notebook("a", "import os\nopen(here, 'w').write(os.getcwd())", params="here=''")
    shared = real.rename(tmp_path / "shared.ipynb")
    real.symlink_to(shared)

    result = workshop.run("steps:\n  a: {notebook: ../notebooks/a.ipynb, outputs: {here: h.txt}}\n")

    assert result.status == "finished"
    assert result.steps["a"].outputs["here"].read_text() == str(real.parent)
    assert result.steps["a"].notebook == "notebooks/a.ipynb"


def test_sockets_fit_below_a_long_path(tmp_path: Path, workshop) -> None:
    from mlops_lab.orchestration.scratch import sockets_folder

    deep = tmp_path / ("x" * 90)
    with sockets_folder(deep) as folder:
        assert len(os.fsencode(folder)) < 90
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


def test_a_jupytext_script_is_a_step(workshop) -> None:
    (workshop.root / "notebooks" / "a.py").write_text(
        '# %% tags=["parameters"]\nx = 1\nout = ""\n\n# %%\nopen(out, "w").write(str(x))\n'
    )

    result = workshop.run(
        "params: {x: 5}\nsteps:\n  a: {notebook: ../notebooks/a.py, outputs: {out: o.txt}}\n"
    )

    assert result.status == "finished"
    assert result.steps["a"].outputs["out"].read_text() == "5"
    assert json.loads(result.steps["a"].executed.read_text())["nbformat"] == 4


def test_a_fault_of_our_own_ends_the_runs_and_leaves_no_kernel(workshop, monkeypatch) -> None:
    import psutil

    from mlops_lab.orchestration.step import StepRunner

    def broken(*_: object) -> None:
        raise OSError("the disk is gone")

    workshop.notebook("a", "open(big, 'w').write('so far')", params="big = ''")
    monkeypatch.setattr(StepRunner, "_keep_notebook", broken)

    with pytest.raises(OSError, match="the disk is gone"):
        workshop.run("steps:\n  a: {notebook: ../notebooks/a.ipynb, outputs: {big: o.txt}}\n")

    monkeypatch.undo()
    project = workshop.project
    records = project.runs.search(order_by="started").items
    assert [(record.kind, record.status) for record in records] == [
        ("pipeline", "failed"),
        ("step", "failed"),
    ]
    assert records[0].reason == "The executor failed: OSError: the disk is gone"
    assert not [child for child in psutil.Process().children() if "ipykernel" in child.name()]
    # what may have filled the disk is gone; what was executed is kept by whoever comes next
    assert not list(workshop.project.store.dir.glob("scratch/*/*/outputs"))
    project.pipelines.recover()
    kept = [one.path for one in project.runs.artifacts(records[1].id)]
    assert "notebook/a.ipynb" in kept
