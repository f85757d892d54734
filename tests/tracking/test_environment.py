"""What a run keeps of the machine, the packages and the code, without slowing it down."""

import os
import platform
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from mlops_lab.errors import InvalidInput
from mlops_lab.project import Project
from mlops_lab.tracking.capture import Capture, Wanted, log_environment, wait_for_all
from mlops_lab.tracking.environment import DIFF_PATH, describe, git_state
from mlops_lab.tracking.source import Source

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """A repository with one commit in ``tmp_path/repo``, and git to use in it."""
    repo = tmp_path / "repo"
    repo.mkdir()
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)

    def run(*arguments: str) -> str:
        command = ["git", "-C", str(repo), "-c", "user.name=t", "-c", "user.email=t@example.com"]
        return subprocess.run(
            [*command, *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()

    run("init", "-q", "-b", "main")
    (repo / "train.py").write_text("a = 1\n")
    run("add", ".")
    run("commit", "-q", "-m", "first")
    return run


def test_clean_repository_has_commit_and_branch_and_no_diff(tmp_path: Path, git: Git) -> None:
    state, diff = git_state(tmp_path / "repo", 100)
    assert state is not None
    assert (state["commit"], state["branch"], state["dirty"]) == (
        git("rev-parse", "HEAD"),
        "main",
        False,
    )
    assert (state["diff"], diff) == (None, b"")


def test_uncommitted_changes_are_kept_staged_or_not(tmp_path: Path, git: Git) -> None:
    repo = tmp_path / "repo"
    (repo / "train.py").write_text("a = 2\n")
    git("add", ".")
    (repo / "train.py").write_text("a = 3\n")
    (repo / "new file.py").write_text("")
    state, diff = git_state(repo, 100)
    assert state is not None
    assert state["dirty"]
    assert state["untracked"] == ["new file.py"]
    assert b"-a = 1\n+a = 3\n" in diff
    assert (state["diff"], state["diff_cut"]) == (DIFF_PATH, False)


def test_diff_is_bounded_and_says_that_it_was_cut(tmp_path: Path, git: Git) -> None:
    (tmp_path / "repo" / "train.py").write_text("b = 1\n" * 100_000)
    state, diff = git_state(tmp_path / "repo", 4)
    assert state is not None
    assert 3_000 < len(diff) <= 4_096
    assert diff.endswith(b"\n")
    assert state["diff_cut"]
    assert git_state(tmp_path / "repo", 0)[1] == b""


def test_repository_without_a_commit_and_detached_head(tmp_path: Path, git: Git) -> None:
    git("checkout", "-q", "--detach")
    state, _ = git_state(tmp_path / "repo", 100)
    assert state is not None
    assert state["branch"] is None
    (tmp_path / "empty").mkdir()
    subprocess.run(["git", "init", "-q", str(tmp_path / "empty")], check=True)
    state, _ = git_state(tmp_path / "empty", 100)
    assert state is not None
    assert state["commit"] is None


def test_password_in_the_remote_is_not_kept(tmp_path: Path, git: Git) -> None:
    git("remote", "add", "origin", "https://mara:secret@example.com/x.git")
    state, _ = git_state(tmp_path / "repo", 100)
    assert state is not None
    assert state["remote"] == "https://example.com/x.git"


def test_repository_does_not_run_programs_of_its_own(tmp_path: Path, git: Git) -> None:
    mark = tmp_path / "ran"
    for key in ("diff.external", "core.fsmonitor"):
        git("config", key, f"touch {mark}; true")
    (tmp_path / "repo" / "train.py").write_text("a = 2\n")
    mark.unlink(missing_ok=True)
    git_state(tmp_path / "repo", 100)
    assert not mark.exists()


def test_outside_of_a_repository_or_without_git_there_is_no_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state(tmp_path, 100) == (None, b"")
    monkeypatch.setenv("PATH", "")
    assert git_state(tmp_path, 100) == (None, b"")


def test_description_names_python_packages_and_hardware() -> None:
    found = describe()
    assert found["python"] == platform.python_version()
    assert found["packages"]["duckdb"] == version("duckdb")
    assert found["cores"] > 0
    assert found["memory_bytes"] > 1e8
    names = [name.lower() for name in found["packages"]]
    assert names == sorted(names)


def test_environment_is_read_back_and_searchable(
    project: Project, tmp_path: Path, git: Git
) -> None:
    (tmp_path / "repo" / "train.py").write_text("a = 2\n")
    run_id = project.runs.start(name="a")
    log_environment(project.runs, run_id, tmp_path / "repo")
    found = project.runs.environment(run_id)
    assert found is not None
    assert found["git"]["branch"] == "main"
    assert found["packages"]
    assert b"+a = 2" in project.runs.artifact_file(run_id, DIFF_PATH).read_bytes()
    rows = project.store.query("select git_commit, git_branch, git_dirty, python from lab.runs")
    assert rows == [(git("rev-parse", "HEAD"), "main", True, platform.python_version())]


def test_run_without_environment_has_none(project: Project) -> None:
    assert project.runs.environment(project.runs.start(name="a")) is None


def test_notebook_is_copied_at_the_start_and_again_when_it_changed(
    project: Project, tmp_path: Path
) -> None:
    notebook = tmp_path / "train.ipynb"
    notebook.write_text('{"cells": []}')
    run_id = project.runs.start(name="a")
    gathering = Capture(
        project.runs, run_id, Source(notebook=notebook), lambda: Wanted(environment=False)
    )
    wait_for_all()
    assert project.runs.artifact_file(run_id, "notebook/train.ipynb").read_text() == '{"cells": []}'
    notebook.write_text('{"cells": [1]}')
    gathering.finish()
    wait_for_all()
    (kept,) = project.runs.artifacts(run_id)
    assert (kept.kind, kept.media) == ("notebook", "application/x-ipynb+json")
    assert project.runs.artifact_file(run_id, kept.path).read_text() == '{"cells": [1]}'


def test_script_is_kept_as_source(project: Project, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("a = 1")
    run_id = project.runs.start(name="a")
    Capture(
        project.runs,
        run_id,
        Source(script=tmp_path / "train.py"),
        lambda: Wanted(environment=False),
    )
    wait_for_all()
    assert [a.path for a in project.runs.artifacts(run_id)] == ["source/train.py"]


def test_what_is_not_wanted_or_not_there_is_not_kept(project: Project, tmp_path: Path) -> None:
    run_id = project.runs.start(name="a")
    (tmp_path / "train.py").write_text("a = 1")
    nothing = Wanted(environment=False, notebook=False)
    Capture(project.runs, run_id, Source(script=tmp_path / "train.py"), lambda: nothing)
    Capture(
        project.runs,
        run_id,
        Source(notebook=tmp_path / "gone.ipynb"),
        lambda: Wanted(environment=False),
    )
    wait_for_all()
    assert project.runs.artifacts(run_id) == []


def test_gathering_that_fails_breaks_no_run(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> Wanted:
        raise OSError("odd machine")

    run_id = project.runs.start(name="a")
    Capture(project.runs, run_id, Source(), refuse)
    wait_for_all()
    assert "odd machine" in caplog.text
    project.runs.end(run_id)


def test_mistake_in_the_settings_is_said_once_in_a_sentence(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> Wanted:
        raise InvalidInput("mlops.toml: goals.auc = 'up' is not possible")

    run_id = project.runs.start(name="a")
    script = project.root / "train.py"
    script.touch()
    Capture(project.runs, run_id, Source(script=script), refuse)
    wait_for_all()
    (said,) = [record for record in caplog.records if "Not all" in record.getMessage()]
    assert said.exc_info is None
    assert "goals.auc" in said.getMessage()
