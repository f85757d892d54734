"""Work that outlives who started it: the real command line in a process of its own."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.orchestration import detached


def wait_for(condition: Callable[[], object], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.1)


def test_a_detached_run_is_there_at_once_and_runs_to_its_end(workshop) -> None:
    workshop.notebook(
        "a",
        "import mlops_lab as lab\nlab.log_metric('n', len(names) + n)",
        params="n = 1\nnames = []\nkind = 'x'",
    )
    path = workshop.pipeline(
        "params: {n: 1, names: [a], kind: gbm}\nsteps:\n  a: {notebook: ../notebooks/a.ipynb}\n"
        "gates:\n  - metric: a.n > 100\n"
    )
    runs = workshop.project.runs

    run_id = workshop.project.pipelines.start_detached(
        path, {"n": 5, "names": ["a", "b c"], "kind": "7"}
    )

    assert runs.get(run_id).status in ("scheduled", "running")
    wait_for(lambda: not runs.get(run_id).is_open, "the run to end")
    record = runs.get(run_id)
    log = detached.log_path(workshop.project.store, run_id).read_text()
    assert (record.status, record.outcome) == ("finished", "rejected"), log
    assert record.reason == "n 7 is not above 100."
    params = {one.key: one.value for one in runs.params(run_id)}
    assert params["kind"] == "7"
    assert "n 7 is not above 100" in log
    # the same id again is the same run
    again = workshop.project.pipelines.start_detached(path, run_id=run_id)
    assert again == run_id
    assert len(workshop.project.runs.search(parent=None).items) == 1


def test_a_process_that_dies_before_its_first_line_fails_the_run_with_its_log(
    workshop, monkeypatch
) -> None:
    monkeypatch.setattr(
        detached,
        "command",
        lambda *_: [sys.executable, "-c", "raise SystemExit('no such thing')"],
    )
    daemons: list[bool] = []
    recover = detached.scratch.recover

    def noting(*of: object) -> None:
        daemons.append(threading.current_thread().daemon)
        recover(*of)

    monkeypatch.setattr(detached.scratch, "recover", noting)
    workshop.notebook("a", "1")
    path = workshop.pipeline("steps:\n  a: {notebook: ../notebooks/a.ipynb}\n")

    run_id = workshop.project.pipelines.start_detached(path)

    wait_for(lambda: not workshop.project.runs.get(run_id).is_open, "the run to end")
    record = workshop.project.runs.get(run_id)
    assert record.status == "failed"
    assert record.reason == ("The process ended before the run began (exit code 1): no such thing")
    # An interpreter that ends while a daemon is inside DuckDB is aborted.
    assert not any(daemons)


def test_a_program_that_cannot_be_started_fails_the_run(workshop, monkeypatch) -> None:
    monkeypatch.setattr(detached, "command", lambda *_: ["/no/such/python"])
    workshop.notebook("a", "1")
    path = workshop.pipeline("steps:\n  a: {notebook: ../notebooks/a.ipynb}\n")

    with pytest.raises(FileNotFoundError):
        workshop.project.pipelines.start_detached(path)

    [record] = workshop.project.runs.search(parent=None).items
    assert record.status == "failed"


@pytest.mark.parametrize(
    "params", [{"sead": 1}, {"n": "many"}, {"text": "a\0b"}, {"text": "x" * 200_000}]
)
def test_wrong_params_are_refused_before_anything_starts(workshop, params) -> None:
    workshop.notebook("a", "1", params="n = 1\ntext = ''")
    path = workshop.pipeline(
        "params: {n: 1, text: a}\nsteps:\n  a: {notebook: ../notebooks/a.ipynb}\n"
    )

    with pytest.raises(InvalidInput):
        workshop.project.pipelines.start_detached(path, params)

    assert workshop.project.store.query("select * from lab.runs") == []


def test_a_missing_kernel_is_refused_before_anything_starts(workshop) -> None:
    workshop.notebook("a", "1", kernel="no-such-kernel")
    path = workshop.pipeline("steps:\n  a: {notebook: ../notebooks/a.ipynb}\n")

    with pytest.raises(InvalidInput, match="no-such-kernel"):
        workshop.project.pipelines.start_detached(path)

    assert workshop.project.store.query("select * from lab.runs") == []


def test_pipelines_are_found_by_path_and_by_name(workshop, monkeypatch) -> None:
    workshop.notebook("a", "1")
    good = workshop.pipeline("steps:\n  a: {notebook: ../notebooks/a.ipynb}\n", name="good")
    workshop.pipeline("steps:\n  a: {notebook: ../notebooks/b.ipynb}\n", name="bad")
    pipelines = workshop.project.pipelines
    monkeypatch.chdir(workshop.root / "notebooks")

    for path in (good, "pipelines/good.yaml", "../pipelines/good.yaml", "good"):
        assert pipelines.resolve(path) == good
    with pytest.raises(NotFound, match=r"Did you mean pipelines/good\.yaml\?"):
        pipelines.resolve("god")
    bad, found = pipelines.list()
    assert (found.path, found.name, found.steps, found.faults) == (
        "pipelines/good.yaml",
        "good",
        ("a",),
        (),
    )
    assert [str(fault).split(" There")[0] for fault in bad.faults] == ["pipelines/bad.yaml:2:17:"]


def test_a_project_with_an_odd_name_works(tmp_path: Path) -> None:
    from mlops_lab.project import Project

    folder = tmp_path / "a b'[1]*{x}"
    (folder / "pipelines").mkdir(parents=True)
    notebook = (
        '{"cells": [{"cell_type": "code", "source": "open(out, \'w\').write(\'1\')", '
        '"metadata": {}, "outputs": [], "execution_count": null}], "metadata": {}, '
        '"nbformat": 4, "nbformat_minor": 4}'
    )
    (folder / "pipelines" / "{n}.ipynb").write_text(notebook)
    path = folder / "pipelines" / "p [1].yaml"
    path.write_text("steps:\n  a: {notebook: '{n}.ipynb', outputs: {out: 'o [x].txt'}}\n")
    project = Project.create(folder)

    result = project.pipelines.run(path)

    assert result.status == "finished", result
    assert result.steps["a"].outputs["out"].read_text() == "1"
    project.close()
