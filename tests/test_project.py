"""Which project a process works in, and how one is made."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlops_lab.project as module
from mlops_lab.errors import Forbidden, InvalidInput, NotFound
from mlops_lab.project import Project

ODD = "a b'[1]*{x}"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("MLOPS_LAB_PROJECT", "MLOPS_LAB_RUN", "MLOPS_LAB_ROOT"):
        monkeypatch.delenv(name, raising=False)
    before = set(module._opened)
    yield
    for root in set(module._opened) - before:
        module._opened[root].close()


def test_create_writes_commented_settings_that_load(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    text = (project.root / "mlops.toml").read_text()
    assert "[goals]" in text
    assert '# auc = "max"' in text
    assert project.name == "p"
    assert project.settings.goals == {}
    assert (project.root / ".mlops" / ".gitignore").read_text() == "*\n"


def test_create_keeps_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "mlops.toml").write_text('[project]\nname = "mine"\n')
    assert Project.create(tmp_path, name="other").name == "mine"


@pytest.mark.parametrize("name", ['say "hi"\\', "日本語", "a\nb", ODD])
def test_create_quotes_any_name(tmp_path: Path, name: str) -> None:
    assert Project.create(tmp_path / "p", name=name).name == name.replace("\n", "")


def test_settings_are_read_again_when_the_file_changes(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    assert project.settings.goals == {}
    (tmp_path / "mlops.toml").write_text('[goals]\nauc = "max"\n')
    assert project.settings.goals == {"auc": "max"}


def test_find_walks_up_and_open_gives_one_object(tmp_path: Path) -> None:
    project = Project.create(tmp_path / ODD)
    deep = project.root / "notebooks" / "old"
    deep.mkdir(parents=True)
    assert Project.find(deep) is project
    assert Project.find(deep / "no-such-file.ipynb") is project
    assert Project.find(tmp_path) is None
    assert len(project.key) == 12


def test_open_elsewhere_says_the_command(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="mlops-lab init"):
        Project.open(tmp_path)


def test_locate_prefers_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, other = Project.create(tmp_path / "here"), Project.create(tmp_path / "other")
    monkeypatch.chdir(here.root)
    assert Project.locate() is here
    monkeypatch.setenv("MLOPS_LAB_PROJECT", str(other.root))
    assert Project.locate() is other


def test_locate_makes_one_at_the_git_root_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    inner = tmp_path / "repo" / "notebooks"
    inner.mkdir()
    monkeypatch.chdir(inner)
    assert Project.locate().root == tmp_path / "repo"
    assert "made a project" in caplog.text
    caplog.clear()
    assert Project.locate().root == tmp_path / "repo"
    assert not caplog.text


def test_locate_without_git_uses_the_servers_root_else_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "root" / "a")
    monkeypatch.setenv("MLOPS_LAB_ROOT", str(tmp_path / "root"))
    assert Project.locate().root == tmp_path / "root"
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "b")
    monkeypatch.delenv("MLOPS_LAB_ROOT")
    assert Project.locate().root == tmp_path / "b"


def test_locate_never_makes_one_in_home_or_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MLOPS_LAB_ROOT", "/")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match="mlops-lab init"):
        Project.locate()
    assert not (tmp_path / "mlops.toml").exists()
    below = tmp_path / "work"
    below.mkdir()
    monkeypatch.chdir(below)
    assert Project.locate().root == below


def test_init_may_make_one_in_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    made = Project.create(tmp_path)
    assert Project.locate() is made


def test_locate_for_reading_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound, match="start_run"):
        Project.locate(create=False)
    assert list(tmp_path.iterdir()) == []


def test_many_processes_make_one_project(tmp_path: Path) -> None:
    script = """
import os, sys
from mlops_lab.project import Project
go_read, go_write = os.pipe()
children = []
for i in range(6):
    pid = os.fork()
    if pid == 0:
        os.close(go_write)
        os.read(go_read, 1)
        try:
            project = Project.locate()
            run_id = project.runs.start(name=f"r{i}", experiment="same")
            project.runs.log_metrics(run_id, {"x": i}, step=0)
            project.runs.end(run_id)
            project.close()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    children.append(pid)
os.close(go_read); os.close(go_write)
failed = [pid for pid in children if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]
project = Project.locate(create=False)
project.store.fold(wait_s=10, force=True)
rows = project.store.query("select name, status, experiment_id from lab.runs")
assert not failed, failed
assert sorted(rows) == sorted((f"r{i}", "finished", "1") for i in range(6)), rows
assert sorted(v for (v,) in project.store.query("select last from lab.metrics")) == list(range(6))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "MLOPS_LAB_ROOT": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert [p.name for p in tmp_path.iterdir() if "toml" in p.name] == ["mlops.toml"]


def test_folder_that_cannot_be_written_is_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(Forbidden, match="Permission denied"):
        Project.create(tmp_path / "p")


def test_read_only_project_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.create(tmp_path / ODD)
    run_id = project.runs.start(name="old")
    project.runs.end(run_id)
    project.close()
    # As root, modes protect nothing: ask what any other user would be told.
    real = os.access
    inside = str(project.root / ".mlops")
    monkeypatch.setattr(
        os,
        "access",
        lambda path, mode, **k: not str(path).startswith(inside) and real(path, mode, **k),
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    again = Project.open(project.root)
    assert again.read_only
    assert again.runs.get(run_id).name == "old"
    with pytest.raises(Forbidden):
        again.runs.start(name="new")
