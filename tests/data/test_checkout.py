"""Checking out: what differs is written, what was never committed is not lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.data.manager import DatasetManager
from mlops_lab.errors import Conflict, InvalidInput, NotFound
from mlops_lab.project import Project

Write = Callable[[str, bytes | str], Path]


@pytest.fixture
def weeks(datasets: DatasetManager, project: Project, write: Write) -> DatasetManager:
    """Two versions: a, b and old/c; then a changed, b as it was, d instead of old/c."""
    folder = project.root / "data" / "weeks"
    write("weeks/a.csv", "x\n1\n")
    write("weeks/b.csv", "x\n2\n")
    write("weeks/old/c.csv", "x\n3\n")
    datasets.commit("weeks", folder)
    write("weeks/a.csv", "x\n10\n")
    (folder / "old" / "c.csv").unlink()
    (folder / "old").rmdir()
    write("weeks/d.csv", "x\n4\n")
    datasets.commit("weeks", folder)
    return datasets


def contents(folder: Path) -> dict[str, str]:
    files = (one for one in folder.rglob("*") if one.is_file())
    return {one.relative_to(folder).as_posix(): one.read_text() for one in files}


def test_only_what_differs_is_written(weeks: DatasetManager, project: Project) -> None:
    out = project.root / "out"
    first = weeks.checkout("weeks@1", out)
    assert (first.written, first.unchanged) == (("a.csv", "b.csv", "old/c.csv"), ())
    kept = (out / "b.csv").stat()
    second = weeks.checkout("weeks@2", out)
    assert second.written == ("a.csv", "d.csv")
    assert second.unchanged == ("b.csv",)
    assert second.removed == ("old/c.csv",)
    assert contents(out) == {"a.csv": "x\n10\n", "b.csv": "x\n2\n", "d.csv": "x\n4\n"}
    assert not (out / "old").exists()
    assert (out / "b.csv").stat().st_ino == kept.st_ino
    assert (out / "b.csv").stat().st_mtime_ns == kept.st_mtime_ns
    again = weeks.checkout("weeks@2", out)
    assert (again.written, again.removed) == ((), ())


def test_changes_that_were_never_committed_are_not_lost(
    weeks: DatasetManager, project: Project
) -> None:
    out = project.root / "out"
    weeks.checkout("weeks@1", out)
    (out / "a.csv").write_text("my own work")
    with pytest.raises(Conflict, match=r"a\.csv would be lost.*--force") as caught:
        weeks.checkout("weeks@2", out)
    assert caught.value.details["files"] == ["a.csv"]
    assert contents(out)["a.csv"] == "my own work"
    assert (out / "old" / "c.csv").exists(), "nothing was done at all"
    weeks.checkout("weeks@2", out, force=True)
    assert contents(out)["a.csv"] == "x\n10\n"


def test_what_the_dataset_never_had_is_left_alone(weeks: DatasetManager, project: Project) -> None:
    out = project.root / "out"
    weeks.checkout("weeks@1", out)
    (out / "notes.txt").write_text("mine")
    (out / "old" / "c.csv").write_text("changed by me")
    weeks.checkout("weeks@2", out, force=True)
    found = contents(out)
    assert found["notes.txt"] == "mine"
    # It is no file of this version, so there is no need to overwrite it.
    assert found["old/c.csv"] == "changed by me"


def test_another_version_that_is_damaged_keeps_none_from_being_checked_out(
    weeks: DatasetManager, project: Project
) -> None:
    out = project.root / "out"
    weeks.checkout("weeks@1", out)
    listed = project.store.objects.path(weeks.get("weeks@1").digest)
    listed.chmod(0o644)
    listed.write_bytes(b"nothing of it")
    report = weeks.checkout("weeks@2", out, force=True)
    assert report.removed == (), "nobody can tell what the other had left"
    assert contents(out)["a.csv"] == "x\n10\n"


def test_a_file_goes_into_a_folder_or_gets_a_name(
    datasets: DatasetManager, project: Project, write: Write
) -> None:
    datasets.commit("flights", write("flights.csv", "x\n1\n"))
    (project.root / "here").mkdir()
    datasets.checkout("flights", "here")
    datasets.checkout("flights", "new/")
    datasets.checkout("flights", "named.csv")
    for path in ("here/flights.csv", "new/flights.csv", "named.csv"):
        assert (project.root / path).read_text() == "x\n1\n"
    assert os.access(project.root / "named.csv", os.W_OK)
    assert datasets.checkout("flights", "named.csv").unchanged == ("named.csv",)


def test_what_was_checked_out_is_recognised_and_its_change_noticed(
    datasets: DatasetManager, project: Project, write: Write
) -> None:
    version = datasets.commit("flights", write("flights.csv", "x\n1\n"))
    datasets.checkout("flights", "copy.csv")
    assert datasets.recognise("copy.csv") == version
    (project.root / "copy.csv").write_text("x\n2\n")
    assert datasets.recognise("copy.csv") is None


def test_a_checkout_is_no_way_into_the_store(
    datasets: DatasetManager, project: Project, write: Write
) -> None:
    version = datasets.commit("flights", write("flights.csv", "x\n1\n"))
    datasets.checkout("flights", "copy.csv")
    (project.root / "copy.csv").write_text("x\n2\n")
    write("flights.csv", "x\n3\n")
    assert datasets.path("flights@1").read_text() == "x\n1\n"
    assert project.store.objects.path(version.digest).stat().st_nlink == 1
    assert (project.root / "data" / "flights.csv").stat().st_nlink == 1


def test_links_and_folders_in_the_way_are_not_followed(
    weeks: DatasetManager, project: Project, tmp_path: Path
) -> None:
    out, elsewhere = project.root / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    out.mkdir()
    (out / "old").symlink_to(elsewhere)
    with pytest.raises(Conflict, match="is a link"):
        weeks.checkout("weeks@1", out, force=True)
    assert list(elsewhere.iterdir()) == []
    (out / "old").unlink()
    target = elsewhere / "precious.csv"
    target.write_text("precious")
    (out / "a.csv").symlink_to(target)
    with pytest.raises(Conflict, match=r"a\.csv would be lost"):
        weeks.checkout("weeks@1", out)
    weeks.checkout("weeks@1", out, force=True)
    assert target.read_text() == "precious"
    assert not (out / "a.csv").is_symlink()
    (out / "b.csv").unlink()
    (out / "b.csv").mkdir()
    with pytest.raises(Conflict, match="in the way"):
        weeks.checkout("weeks@1", out, force=True)


def test_what_is_not_there_cannot_be_checked_out(weeks: DatasetManager) -> None:
    with pytest.raises(NotFound, match=r"has no version 9; it has 2, 1\."):
        weeks.checkout("weeks@9", "out")


def test_it_works_across_file_systems(
    weeks: DatasetManager, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or not os.access(shm, os.W_OK):
        pytest.skip("there is no second file system here")
    out = shm / f"mlops-lab-test-{os.getpid()}"
    try:
        weeks.checkout("weeks@1", out)
        assert contents(out)["old/c.csv"] == "x\n3\n"
        (out / ".mlops-part-0123").write_text("left by one that was killed")
        report = weeks.checkout("weeks@2", out)
        assert report.removed == ("old/c.csv",)
        assert not (out / ".mlops-part-0123").exists()
    finally:
        for path in sorted(out.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        out.rmdir()


@pytest.mark.parametrize(
    ("dest", "error", "message"),
    [
        (None, InvalidInput, "to a path; got None"),
        ("a\0b", InvalidInput, "to a path"),
        ("x" * 300, Conflict, "File name too long"),
        ("taken", Conflict, "taken is in the way of a folder"),
        ("taken/below", Conflict, "Not a directory"),
        ("loop/below", Conflict, "cannot be written"),
    ],
)
def test_where_no_folder_can_be_is_said(
    weeks: DatasetManager, project: Project, dest: Any, error: type[Exception], message: str
) -> None:
    (project.root / "taken").write_text("mine")
    (project.root / "loop").symlink_to("loop")
    with pytest.raises(error, match=message):
        weeks.checkout("weeks@1", dest, force=True)
    assert (project.root / "taken").read_text() == "mine"


def test_a_file_that_would_be_lost_is_what_to_commit(
    datasets: DatasetManager, project: Project, write: Write
) -> None:
    datasets.commit("one", write("one.bin", b"1"))
    (project.root / "mine.bin").write_text("mine")
    with pytest.raises(Conflict, match=r'commit\(".*mine\.bin"\)'):
        datasets.checkout("one", project.root / "mine.bin")
