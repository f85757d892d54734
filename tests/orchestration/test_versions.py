"""Datasets in pipelines: pinned inputs, committed outputs, data and fairness gates."""

from __future__ import annotations

import pytest

from mlops_lab.orchestration.sources import VersionOutput
from mlops_lab.orchestration.versions import Versions

CLEAN = """
import pathlib
import mlops_lab as lab
head, *rows = pathlib.Path(raw).read_text().splitlines()
assert raw.endswith('/flights.csv'), raw
rows = [row for row in rows if int(row.split(',')[1]) >= floor]
pathlib.Path('clean.csv').write_text('\\n'.join([head, *rows]))
lab.dataset(clean).commit('clean.csv')
"""

COUNT = """
import pathlib
import mlops_lab as lab
lab.log_metric('rows', len(pathlib.Path(clean).read_text().splitlines()) - 1)
assert lab.dataset(clean).name == 'clean', 'a path knows what it is'
"""

PIPELINE = """
params: {floor: 0}
steps:
  prepare:
    notebook: ../notebooks/prepare.ipynb
    inputs: {raw: dataset:flights}
    outputs: {clean: dataset:clean}
  count:
    notebook: ../notebooks/count.ipynb
    inputs: {clean: prepare.clean}
gates:
  - metric: count.rows = prepare.clean.rows
  - data: {suite: flights, input: prepare.raw}
"""

SUITE = "checks:\n  - {check: range, column: delay, max: 100, severity: block}\n"


@pytest.fixture
def flights(workshop):
    """A project with a dataset, a suite for it and two notebooks."""
    (workshop.root / "flights.csv").write_text("id,delay\n1,5\n2,-3\n3,40\n")
    (workshop.root / "suites").mkdir()
    (workshop.root / "suites" / "flights.yaml").write_text(SUITE)
    workshop.project.datasets.commit("flights", workshop.root / "flights.csv", checks=False)
    workshop.notebook("prepare", CLEAN, params="raw = ''\nclean = 'clean'\nfloor = 0")
    workshop.notebook("count", COUNT, params="clean = ''")
    return workshop


def commit(workshop, text: str) -> None:
    (workshop.root / "flights.csv").write_text(f"id,delay\n{text}")
    workshop.project.datasets.commit("flights", workshop.root / "flights.csv", checks=False)


def test_versions_go_in_and_come_out_and_lineage_knows(flights, request) -> None:
    first = flights.run(PIPELINE)

    assert (first.outcome, first.exit_code) == ("passed", 0), first
    assert first.steps["prepare"].inputs == {"raw": "flights@1"}
    assert first.steps["prepare"].versions == {"clean": "clean@1"}
    assert first.steps["count"].inputs == {"clean": "clean@1"}
    assert [gate.sentence for gate in first.gates] == [
        "rows 2 equals clean.rows 2",
        "flights 1 passes the one check of suite flights",
    ]
    project = flights.project
    prepare, count = project.pipelines.steps(first.run_id)
    [given] = project.datasets.inputs(prepare.id)
    assert (given.kind, given.name, given.version, given.role) == ("dataset", "flights", 1, "raw")
    edges = {
        (edge.source, edge.target, edge.role)
        for edge in project.lineage.graph("dataset:clean@1").edges
    }
    assert {
        ("dataset:flights@1", f"run:{prepare.id}", "input"),
        (f"run:{prepare.id}", "dataset:clean@1", "made"),
        ("dataset:clean@1", f"run:{count.id}", "input"),
    } <= edges

    # the same content again is the same version, and made by this run, too
    request.getfixturevalue("quick")
    second = flights.run(PIPELINE)
    assert second.steps["prepare"].versions == {"clean": "clean@1"}

    # bad data is seen, whatever the steps made of it, and is not the latest any more
    commit(flights, "1,1048\n")
    third = flights.run(PIPELINE)
    assert (third.outcome, third.exit_code) == ("rejected", 3)
    assert third.gates[1].state == "rejected"
    assert third.gates[1].sentence.startswith("flights 2 fails 1 of 1 check")
    assert "1048" in third.gates[1].sentence.replace(",", "")
    assert project.datasets.get("flights").version == 1
    assert project.datasets.get("flights@2").state == "blocked"


def test_a_step_that_commits_nothing_or_bad_data_fails_with_a_sentence(flights, quick) -> None:
    (flights.root / "suites" / "clean.yaml").write_text(SUITE.replace("100", "10"))
    blocked = flights.run(PIPELINE)
    assert blocked.steps["prepare"].error.message == (
        "output clean: clean 1 was committed and is blocked by its checks (suite clean)"
    )

    flights.notebook("prepare", "1", params="raw = ''\nclean = 'clean'\nfloor = 0")
    nothing = flights.run(PIPELINE)
    assert nothing.steps["prepare"].error.message == (
        "output clean: the notebook committed no version of the dataset clean; "
        "lab.dataset(clean).commit(…) does"
    )
    assert (nothing.status, nothing.exit_code) == ("failed", 1)


def test_an_input_whose_bytes_were_changed_is_never_delivered(flights) -> None:
    path = flights.project.datasets.path("flights@1").resolve()
    path.chmod(0o644)
    path.write_bytes(b"id,delay\n1,6\n2,-3\n3,40\n")

    result = flights.run(PIPELINE)

    assert (result.status, result.exit_code) == ("failed", 1)
    error = result.steps["prepare"].error
    assert error.name == "Corrupt"
    assert "flights@1" in error.message
    assert error.cell_index is None  # no kernel was started


def test_a_version_that_an_earlier_step_makes_need_not_be_there_before(flights, quick) -> None:
    flights.notebook("prepare", CLEAN, params="raw = ''\nclean = 'clean'\nfloor = 0")
    text = PIPELINE.replace("inputs: {clean: prepare.clean}", "inputs: {clean: dataset:clean}")
    text = text.replace("gates:", "    # in the order of the file\ngates:")

    result = flights.run(text)

    assert (result.status, result.steps["count"].inputs) == ("finished", {"clean": "clean@1"})


def test_a_suite_over_a_file_between_steps_is_a_gate_as_well(flights, quick) -> None:
    flights.notebook("prepare", "import shutil\nshutil.copy(raw, t)", params="raw = t = ''")
    text = (
        "steps:\n  prepare:\n    notebook: ../notebooks/prepare.ipynb\n"
        "    inputs: {raw: dataset:flights@1}\n    outputs: {t: t.csv}\n"
        "gates:\n  - data: {suite: flights, input: prepare.t}\n"
    )

    result = flights.run(text)

    assert result.outcome == "passed", result
    assert result.gates[0].sentence == "t.csv passes the one check of suite flights"


def test_groups_are_compared_with_each_other(delay, quick) -> None:
    from .conftest import DELAY

    gate = "  - fairness: {metric: evaluate.fpr, by: carrier, %s}\n"
    result = delay.run(
        DELAY
        + "gates:\n"
        + gate % "max_ratio: 1.25, min_count: 100"
        + gate % "max_ratio: 1.1, max_difference: 0.05, min_count: 100"
        + gate % "max_ratio: 2"
    )

    assert [gate.state for gate in result.gates] == ["passed", "rejected", "rejected"]
    assert result.gates[0].sentence == (
        "fpr by carrier goes from DL 0.1 to EV 0.12 over 2 groups (1 below 100 rows left out); "
        "its ratio 1.2 is at most 1.25"
    )
    assert result.gates[1].sentence.endswith(
        "its difference 0.02 is at most 0.05 and its ratio 1.2 is above 1.1"
    )
    assert "to OO 0.9 over 3 groups; its ratio 9 is above 2" in result.gates[2].sentence


def test_what_a_run_below_has_made_counts_and_the_last_of_several(workshop, tmp_path) -> None:
    project = workshop.project
    versions = Versions(project.store, lambda: project.datasets, lambda: project.models)
    step = project.runs.start(name="train", kind="step")
    below = project.runs.start(name="fold", parent=project.runs.start(name="cv", parent=step))
    beside = project.runs.start(name="other")

    def register(run_id: str, skill: str) -> None:
        folder = tmp_path / skill
        folder.mkdir()
        (folder / "model.json").write_text('{"flavor": "sklearn", "unsafe": false}')
        (folder / "skill.txt").write_text(skill)
        project.models.log_package(run_id, "model", folder)
        project.models.register("delay", run_id=run_id)

    model, data = VersionOutput("model", "delay"), VersionOutput("dataset", "clean")
    register(beside, "0.1")
    assert versions.made(step, model) is None
    register(below, "0.2")
    assert versions.made(step, model).ref == "delay@2"
    register(step, "0.3")
    register(beside, "0.4")
    assert versions.made(step, model).ref == "delay@3"
    assert versions.made(step, VersionOutput("model", "other")) is None

    for text, run_id in (("a", below), ("b", step), ("a", below)):
        path = tmp_path / "clean.txt"
        path.write_text(text)
        project.datasets.commit("clean", path, run_id=run_id)
    assert versions.made(step, data).ref == "clean@2"
    assert versions.made(below, data).ref == "clean@1"
    assert versions.made(beside, data) is None
