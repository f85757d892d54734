"""Making the example project."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlops_lab import Forbidden, example
from mlops_lab.project import Project


def test_create_makes_a_project_with_everything(tmp_path: Path) -> None:
    folder = example.create(tmp_path)
    assert folder == tmp_path / "flight-delay"
    assert example.is_example(folder)
    project = Project.open(folder)
    assert project.settings.goals["auc"] == "max"
    assert [one.name for one in project.pipelines.list()] == [
        "flight-delay",
        "january",
        "leak",
        "year",
    ]
    assert [one.name for one in project.monitors.list()] == ["delay"]
    assert not any(one.faults for one in project.pipelines.list())
    assert sorted(path.name for path in (folder / "data").iterdir()) == [
        "airlines.parquet",
        "airports.parquet",
        "flights.parquet",
        "planes.parquet",
        "weather.parquet",
    ]


def test_create_takes_the_next_free_name(tmp_path: Path) -> None:
    (tmp_path / "flight-delay").mkdir()
    (tmp_path / "flight-delay" / "mine.txt").write_text("mine")
    (tmp_path / "flight-delay-2").write_text("a file")
    assert example.create(tmp_path).name == "flight-delay-3"
    assert [path.name for path in (tmp_path / "flight-delay").iterdir()] == ["mine.txt"]


def test_create_at_once_never_shares_a_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: example.create(tmp_path), range(6)))
    assert len(set(made)) == 6
    assert all(example.is_example(folder) for folder in made)


def test_create_leaves_what_running_made_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = example.create(tmp_path, "used")
    (used / "work").mkdir()
    (used / "work" / "train.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(example, "source", lambda: used)
    copy = example.create(tmp_path, "copy")
    assert not (copy / "work").exists()
    # Its own store, not a copy of the other one's.
    assert not list((copy / ".mlops" / "journal").glob("*.jsonl"))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_create_where_nothing_can_be_written_says_so() -> None:
    with pytest.raises(Forbidden, match="cannot be made in /proc"):
        example.create(Path("/proc"))
