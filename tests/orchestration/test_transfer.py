"""A commit as a run: it ends as the commit does, for whoever scheduled it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.errors import Conflict, Forbidden, NotFound
from mlops_lab.governance import Identity, Rules
from mlops_lab.orchestration.transfer import KIND, MOST_AT_ONCE, commit_as_run, start_commit
from mlops_lab.project import Project

RUN = "9c1de5a4f7b34e0c8a2d6b3190fe7745"


@pytest.fixture
def project(new_project: Callable[[Path], Project], tmp_path: Path) -> Any:
    opened = new_project(tmp_path / "project")
    (opened.root / "a.csv").write_text("n\n1\n2\n")
    yield opened
    opened.close()


def schedule(project: Project, role: str | None = None) -> None:
    project.runs.start(
        run_id=RUN,
        kind=KIND,
        stem="commit-a",
        status="scheduled",
        source={"dataset": "a", "path": "a.csv", "role": role},
        by=Identity("mara", "jupyter"),
    )


def commit(project: Project, path: Path) -> Any:
    return commit_as_run(
        project.runs, project.datasets, project.access, "a", path, run_id=RUN, note="first"
    )


def test_the_run_ends_with_the_commit_and_made_the_version(project: Project) -> None:
    schedule(project)
    version = commit(project, project.root / "a.csv")
    record = project.runs.get(RUN)
    assert (record.status, record.reason) == ("finished", "Committed a 1.")
    assert (version.run_id, version.author, version.note) == (RUN, "mara", "first")
    assert {metric.key for metric in project.runs.metrics(RUN)} >= {
        "system/bytes",
        "system/bytes_total",
    }
    edges = project.lineage.graph("dataset:a@1").edges
    assert [(edge.source, edge.role) for edge in edges] == [(f"run:{RUN}", "made")]


def test_the_role_that_the_server_saw_counts(project: Project) -> None:
    """Of the groups of a hub the new process knows nothing."""
    schedule(project, role="contributor")
    project.access.adopt(Rules.of({"group:ops": "contributor"}, "viewer"))
    assert commit(project, project.root / "a.csv").version == 1


def test_without_a_role_nothing_is_committed(project: Project) -> None:
    schedule(project)
    project.access.adopt(Rules.of({"ivo": "admin"}, "viewer"))
    with pytest.raises(Forbidden, match="mara is viewer"):
        commit(project, project.root / "a.csv")
    assert project.runs.get(RUN).status == "failed"
    assert project.datasets.list() == []


def test_a_commit_that_fails_ends_its_run_so(project: Project) -> None:
    schedule(project)
    with pytest.raises(NotFound):
        commit(project, project.root / "gone.csv")
    record = project.runs.get(RUN)
    assert record.status == "failed"
    assert "gone.csv" in str(record.reason)


def test_a_commit_that_is_interrupted_is_killed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule(project)

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(project.datasets), "commit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        commit(project, project.root / "a.csv")
    assert project.runs.get(RUN).status == "killed"


def test_a_commit_that_was_stopped_before_it_began_commits_nothing(project: Project) -> None:
    schedule(project)
    project.pipelines.cancel(RUN)
    with pytest.raises(KeyboardInterrupt):
        commit(project, project.root / "a.csv")
    assert project.runs.get(RUN).status == "killed"
    assert project.datasets.list() == []


def test_what_is_committed_can_be_stopped_by_its_process(project: Project) -> None:
    schedule(project)
    commit(project, project.root / "a.csv")
    source = project.runs.get(RUN).source
    assert source["pid"] == os.getpid()
    assert source["dataset"] == "a"


def test_there_are_never_too_many_at_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(MOST_AT_ONCE):
        project.runs.start(kind=KIND, status="scheduled", owner="remote")
    with pytest.raises(Conflict, match="8 commits are going on"):
        start_commit(
            project.root,
            project.store,
            project.runs,
            "a",
            project.root / "a.csv",
            by=project.identity,
        )


def test_a_role_in_a_line_lowers_nobody(project: Project) -> None:
    schedule(project, role="viewer")
    project.access.adopt(Rules.of({"mara": "admin"}, "viewer"))
    assert commit(project, project.root / "a.csv").version == 1
    assert project.access.role_of(Identity("mara")) == "admin"


def test_a_viewer_runs_no_pipeline(project: Project) -> None:
    project.access.adopt(Rules.of({"ivo": "admin"}, "viewer"))
    (project.root / "pipelines").mkdir()
    (project.root / "pipelines" / "p.yaml").write_text("name: p\nsteps: {}\n")
    with pytest.raises(Forbidden, match="needs the role contributor"):
        project.pipelines.start_detached("pipelines/p.yaml", by=Identity("mara", "jupyter"))
    with pytest.raises(Forbidden, match="needs the role contributor"):
        project.pipelines.run("pipelines/p.yaml")
    assert project.runs.search(parent=None).items == []
