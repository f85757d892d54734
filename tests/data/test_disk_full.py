"""A disk that is full: the sentence says so, nothing is half there, and room helps."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from mlops_lab.errors import Forbidden, StorageFull
from mlops_lab.project import Project


@pytest.fixture
def small_project(tmp_path: Path) -> Iterator[Project]:
    """A project on a file system of sixteen megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not let us mount")
    project = Project.create(disk / "project")
    yield project
    project.close()
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_commit_without_room_keeps_nothing(small_project: Project, tmp_path: Path) -> None:
    data = small_project.datasets
    small = tmp_path / "small.bin"
    small.write_bytes(os.urandom(1_000_000))
    first = data.commit("big", small)
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(20_000_000))
    before = large.stat()
    with pytest.raises(StorageFull, match="there is no room"):
        data.commit("big", large)
    assert large.stat().st_size == before.st_size
    assert large.stat().st_mtime_ns == before.st_mtime_ns
    assert list((small_project.store.dir / "tmp").glob("put-*")) == []
    assert [one.version for one in data.versions("big")] == [1]
    # What failed has given its room back: a smaller one fits.
    small.write_bytes(os.urandom(1_000_000))
    assert data.commit("big", small).version == 2
    assert data.path(first).stat().st_size == 1_000_000
    assert small_project.store.verify() == []


def test_a_table_without_room_keeps_nothing(small_project: Project) -> None:
    frame = pd.DataFrame({"x": [os.urandom(1000) for _ in range(25_000)]})
    with pytest.raises(StorageFull, match="no room"):
        small_project.datasets.commit("table", frame)
    assert small_project.datasets.find("table") is None
    assert list((small_project.store.dir / "tmp").glob("put-*")) == []
    assert small_project.datasets.commit("table", frame.iloc[:100]).rows == 100


def test_a_checkout_without_room_leaves_whole_files(small_project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(10):
        (folder / f"{n}.bin").write_bytes(os.urandom(1_000_000))
    small_project.datasets.commit("many", folder)
    out = small_project.root / "out"
    with pytest.raises(StorageFull, match="no room for many@1"):
        small_project.datasets.checkout("many", out)
    for path in out.iterdir():
        assert path.read_bytes() == (folder / path.name).read_bytes()
    report = small_project.datasets.checkout("many", tmp_path / "roomy")
    assert len(report.written) == 10


def test_a_project_that_can_only_be_read_delivers_and_keeps_nothing(
    small_project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = small_project.root
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.csv").write_text(f"x\n{n}\n")
    version = small_project.datasets.commit("many", folder)
    small_project.close()
    subprocess.run(["mount", "-o", "remount,ro", str(root.parent)], check=True)
    try:
        project = Project.open(root)
        assert project.read_only
        found = project.datasets.path("many")
        assert (found / "1.csv").read_text() == "x\n1\n"
        assert project.datasets.recognise(folder) == version
        project.datasets.checkout("many", tmp_path / "out")
        assert (tmp_path / "out" / "2.csv").read_text() == "x\n2\n"
        with pytest.raises(Forbidden, match="can be read but not written"):
            project.datasets.commit("many", folder / "0.csv")
        with pytest.raises(Forbidden, match="can be read but not written"):
            project.datasets.commit("many", "select 1 as x")
        assert project.store.verify() == []
        project.close()
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(root.parent)], check=True)
