"""Versions by reference, alias, path and run; deleting them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.data.manager import DatasetManager
from mlops_lab.data.records import ExternalInput, VersionRecord
from mlops_lab.errors import Conflict, InvalidInput, NotFound
from mlops_lab.project import Project

Write = Callable[[str, bytes | str], Path]


@pytest.fixture
def flights(datasets: DatasetManager, write: Write) -> DatasetManager:
    """Three versions of flights, 1 is train."""
    for n in (1, 2, 3):
        alias = "train" if n == 1 else None
        datasets.commit("flights", write(f"{n}.csv", f"x\n{n}\n"), alias=alias)
    return datasets


@pytest.mark.parametrize(
    ("ref", "version"),
    [("flights", 3), ("flights@2", 2), ("flights@train", 1), ("flights@latest", 3)],
)
def test_a_reference_names_a_version(flights: DatasetManager, ref: str, version: int) -> None:
    assert flights.get(ref).version == version
    assert flights.path(ref).read_text() == f"x\n{version}\n"


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("flihgts", r"no dataset flihgts\. Did you mean flights\? .*commit"),
        ("flights@9", r"no version 9; it has 3, 2, 1"),
        ("flights@test", r"no alias test; it has train \(1\)"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(
    flights: DatasetManager, ref: str, message: str
) -> None:
    assert flights.find(ref) is None
    with pytest.raises(NotFound, match=message):
        flights.get(ref)


@pytest.mark.parametrize("ref", ["", "@3", "flights@", "flights@a@b", "a/b", 3, None])
def test_what_is_no_reference_is_refused(flights: DatasetManager, ref: Any) -> None:
    with pytest.raises(InvalidInput):
        flights.get(ref)


def test_an_alias_moves_and_its_moves_are_decisions(
    flights: DatasetManager, project: Project
) -> None:
    flights.set_alias("flights", "train", 2)
    assert flights.get("flights@train").version == 2
    assert flights.get("flights@1").aliases == ()
    flights.set_alias("flights", "train", 2)  # as it is: nothing to decide
    flights.set_alias("flights", "train", None)
    assert flights.find("flights@train") is None
    moves = [one for one in project.store.decisions() if one.kind == "dataset.alias"]
    assert [(one.data["from"], one.data["version"]) for one in moves] == [(1, 2), (2, None)]
    assert flights.list()[0].aliases == {}


@pytest.mark.parametrize("alias", ["3", "latest", "", "a b", "x" * 51, 3])
def test_what_is_no_alias_is_refused(flights: DatasetManager, alias: Any) -> None:
    with pytest.raises(InvalidInput):
        flights.set_alias("flights", alias, 1)


def test_a_deleted_version_is_gone_and_its_number_with_it(
    flights: DatasetManager, write: Write
) -> None:
    flights.delete("flights", 3)
    assert flights.get("flights").version == 2
    assert flights.find("flights@3") is None
    with pytest.raises(NotFound, match="no version 3"):
        flights.delete("flights", 3)
    again = flights.commit("flights", write("3.csv", "x\n3\n"))
    assert again.version == 4
    assert flights.path(again).read_text() == "x\n3\n"


def test_what_something_was_made_from_cannot_be_deleted(
    flights: DatasetManager, project: Project
) -> None:
    run = project.runs.start(name="training-7")
    flights.use(run, "flights@2")
    project.runs.end(run, "finished")
    with pytest.raises(Conflict, match="training-7"):
        flights.delete("flights", 2)
    project.runs.delete([run])
    flights.delete("flights", 2)
    assert flights.find("flights@2") is None


def test_a_run_pins_the_version_it_used(
    flights: DatasetManager, project: Project, write: Write
) -> None:
    run = project.runs.start(name="training")
    used = flights.use(run, "flights", role="train")
    flights.commit("flights", write("4.csv", "x\n4\n"))
    assert isinstance(used, VersionRecord)
    assert used.version == 3
    (found,) = flights.inputs(run)
    assert (found.kind, found.name, found.version, found.role) == ("dataset", "flights", 3, "train")
    graph = project.lineage.graph(f"run:{run}", direction="up")
    assert [edge.source for edge in graph.edges] == ["dataset:flights@3"]
    ((name, version),) = project.store.query("select name, version from lab.inputs")
    assert (name, version) == ("flights", 3)


def test_a_path_is_recognised_and_another_is_external(
    flights: DatasetManager, project: Project, write: Write, tmp_path: Path
) -> None:
    run = project.runs.start(name="training")
    used = flights.use(run, project.root / "data" / "2.csv")
    assert isinstance(used, VersionRecord)
    assert used.version == 2
    assert flights.use(run, "data/2.csv") == used
    assert flights.use(run, flights.path("flights@1")) == flights.get("flights@1")
    other = flights.use(run, write("other.csv", "x\n99\n"), role="holdout")
    assert isinstance(other, ExternalInput)
    assert other.source == "data/other.csv"
    assert other.digest is not None
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.txt").write_text("a")
    folder = flights.use(run, outside)
    assert isinstance(folder, ExternalInput)
    assert (folder.name, folder.source) == ("outside", str(outside))
    assert folder.digest is not None
    kinds = [one.kind for one in flights.inputs(run)]
    assert sorted(kinds) == ["dataset", "dataset", "external", "external"]


def test_the_dataset_comes_before_a_file_of_the_same_name(
    flights: DatasetManager, project: Project
) -> None:
    (project.root / "flights").write_text("I am no dataset")
    run = project.runs.start(name="training")
    assert flights.use(run, "flights") == flights.get("flights")
    assert isinstance(flights.use(run, "./flights"), ExternalInput)
    with pytest.raises(NotFound, match="no version 9"):
        flights.use(run, "flights@9")
    with pytest.raises(NotFound, match="no file of that name either"):
        flights.use(run, "nowhere")
    with pytest.raises(NotFound, match="no dataset can be called so"):
        flights.use(run, "no/where.csv")


def test_a_changed_file_is_not_taken_for_what_it_was(
    flights: DatasetManager, project: Project, write: Write
) -> None:
    path = project.root / "data" / "2.csv"
    before = path.stat()
    assert flights.recognise(path) is not None
    path.write_text("x\n5\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert flights.recognise(path) is None
    path.write_text("x\n3\n")
    found = flights.recognise(path)
    assert found is not None
    assert found.version == 3


def test_public_views_can_be_asked(flights: DatasetManager, project: Project) -> None:
    rows = project.store.query(
        "select version, rows, is_latest, aliases from lab.dataset_versions order by version"
    )
    assert rows == [(1, 1, False, ["train"]), (2, 1, False, []), (3, 1, True, [])]
    assert project.store.query("select dataset, versions, latest from lab.datasets") == [
        ("flights", 3, 3)
    ]


def test_a_rebuilt_index_says_the_same(flights: DatasetManager, project: Project) -> None:
    run = project.runs.start(name="training")
    flights.use(run, "flights@2")
    flights.set_alias("flights", "test", 3)
    before = (flights.list(), flights.versions("flights"), flights.inputs(run))
    project.store.rebuild()
    assert (flights.list(), flights.versions("flights"), flights.inputs(run)) == before


def test_names_that_look_equal_are_equal_and_case_tells_apart(
    datasets: DatasetManager, write: Write
) -> None:
    path = write("a.csv", "x\n1\n")
    datasets.commit("nai\u0308ve", path)
    assert datasets.get("naïve").ref == "naïve@1"
    datasets.commit("Flights", path)
    datasets.commit("flights", write("b.csv", "x\n2\n"))
    assert [one.name for one in datasets.list()] == ["Flights", "flights", "naïve"]
    assert datasets.path("Flights").read_text() == "x\n1\n"
    longest = "é" * 100
    assert datasets.commit(longest, path).ref == f"{longest}@1"
    assert datasets.path(longest).read_text() == "x\n1\n"


def test_a_long_table_name_still_makes_a_file(datasets: DatasetManager) -> None:
    # 100 characters of three bytes are more than a file's name may have.
    version = datasets.commit("表" * 100, "select 1 as x")
    assert datasets.path(version).suffix == ".parquet"
    assert datasets.profile(version) is not None
