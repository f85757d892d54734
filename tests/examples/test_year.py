"""The first weeks of the example's year: answers, outcomes, alerts, the next model, the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_lab.project import Project

from .conftest import Ran, kept_file, metrics, run_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def project(spring: Ran) -> Project:
    assert spring["returncode"] == 0, spring.get("error") or spring["steps"]
    return Project.open(Path(spring["project"]))


def test_every_week_is_a_version_of_the_answers(project: Project) -> None:
    versions = project.datasets.versions("answers")
    assert [(one.files, one.note) for one in reversed(versions)] == [
        (1, "week of 1 April"),
        (2, "week of 8 April"),
        (3, "week of 15 April"),
        (4, "week of 22 April"),
    ]


def test_an_alert_trains_the_next_model_and_the_gates_judge_it(
    project: Project, spring: Ran
) -> None:
    """The weather leaves what the model has met on 22 April; nobody decides anything."""
    raised = [
        alert
        for alert in project.monitors.alerts()
        if alert.kind in ("domain", "performance") and alert.severity == "alert"
    ]
    assert raised
    assert all(alert.sentence.endswith(".") for alert in raised)
    newest = project.models.versions("flight-delay")[0]
    assert newest.version > 2, "a champion and a refused one were there before"
    assert newest.judgement is not None
    champion = project.models.get("flight-delay@champion")
    assert (champion.version == newest.version) == (newest.judgement.outcome == "passed")
    assert metrics(spring, "year")["versions"] == (2 if champion.version > 1 else 1)


def test_the_last_check_knows_which_version_answered_and_how_ripe_outcomes_are(
    project: Project,
) -> None:
    evaluation = project.monitors.evaluation("delay")
    assert len(evaluation.chunks) == 4
    assert [chunk.version for chunk in evaluation.chunks][:3] == ["1"] * 3
    assert evaluation.performance is not None
    auc = evaluation.performance.metrics["auc"].realised
    assert all(value is not None and 0.5 < value < 0.9 for value in auc[:3])


def test_the_report_is_one_file_that_asks_nobody(spring: Ran) -> None:
    report = kept_file(spring, "year", "outputs/report.html").read_text(encoding="utf-8")
    assert 300_000 < len(report) < 2_000_000
    assert "Content-Security-Policy" in report
    assert "The year after" in report


def test_the_diary_and_the_figure_are_kept(project: Project, spring: Ran) -> None:
    paths = {one.path for one in project.runs.artifacts(run_of(spring, "year"))}
    assert {"months.vl.json", "notebook/year.ipynb"} <= paths
