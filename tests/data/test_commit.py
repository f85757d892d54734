"""Committing: versions, what they hold, and that the user's own data is left alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mlops_lab.data.manager import DatasetManager
from mlops_lab.errors import Conflict, InvalidInput, NotFound
from mlops_lab.governance import Access, Identity
from mlops_lab.project import Project

Write = Callable[[str, bytes | str], Path]

FRAME = pd.DataFrame({"id": [1, 2, 3], "carrier": ["UA", "DL", None], "delay": [1.5, -2.0, None]})


def stamp(path: Path) -> tuple[int, ...]:
    """By what anybody would notice that a file was touched; reading moves only atime."""
    stat = path.stat()
    return (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_nlink)


def test_a_file_becomes_version_1_and_itself_is_only_read(
    datasets: DatasetManager, write: Write
) -> None:
    path = write("flights.csv", "id,delay\n1,5\n2,7\n")
    before = stamp(path)
    version = datasets.commit("flights", path, note="January", alias="train")
    assert (version.ref, version.kind, version.file) == ("flights@1", "file", "flights.csv")
    assert (version.rows, version.columns, version.files) == (2, 2, 1)
    assert (version.note, version.aliases, version.is_latest) == ("January", ("train",), True)
    assert version.source == {"path": "data/flights.csv"}
    assert stamp(path) == before
    found = datasets.path("flights")
    assert found.name == "flights.csv"
    assert found.read_bytes() == path.read_bytes()


def test_equal_content_is_the_same_version(datasets: DatasetManager, write: Write) -> None:
    first = datasets.commit("flights", write("a.csv", "x\n1\n"))
    again = datasets.commit("flights", write("copy/b.csv", "x\n1\n"))
    other = datasets.commit("flights", write("a.csv", "x\n2\n"))
    assert again == first
    assert other.version == 2
    back = datasets.commit("flights", write("a.csv", "x\n1\n"))
    assert back.version == 1
    assert [one.version for one in datasets.versions("flights")] == [2, 1]
    assert datasets.get("flights").version == 2


def test_a_folder_is_all_of_its_files(datasets: DatasetManager, write: Write) -> None:
    write("weeks/week-01.csv", "x\n1\n")
    write("weeks/sub/week-02.csv", "x\n2\n")
    write("weeks/.DS_Store", "litter")
    folder = write("weeks/.ipynb_checkpoints/week-01.csv", "x\n9\n").parents[1]
    version = datasets.commit("weeks", folder)
    assert (version.kind, version.files, version.rows) == ("folder", 2, 2)
    assert datasets.entries("weeks") == [("sub/week-02.csv", 4), ("week-01.csv", 4)]
    found = datasets.path("weeks")
    assert found.name == "weeks"
    names = sorted(p.relative_to(found).as_posix() for p in found.rglob("*.csv"))
    assert names == ["sub/week-02.csv", "week-01.csv"]
    write("weeks/week-01.csv", "x\n3\n")
    assert datasets.commit("weeks", folder).version == 2
    assert (datasets.path("weeks@1") / "week-01.csv").read_text() == "x\n1\n"


@pytest.mark.parametrize(
    "frame",
    [FRAME, pl.from_pandas(FRAME), pa.Table.from_pandas(FRAME), duckdb.from_df(FRAME)],
    ids=["pandas", "polars", "arrow", "relation"],
)
def test_a_frame_is_kept_as_parquet(datasets: DatasetManager, frame: Any) -> None:
    version = datasets.commit("flights", frame)
    assert (version.kind, version.file) == ("table", "flights.parquet")
    assert (version.rows, version.columns) == (3, 3)
    assert pd.read_parquet(datasets.path("flights"))["id"].tolist() == [1, 2, 3]


def test_the_same_table_is_the_same_version_wherever_it_comes_from(
    datasets: DatasetManager,
) -> None:
    first = datasets.commit("flights", FRAME)
    assert datasets.commit("flights", pl.from_pandas(FRAME)).version == first.version
    assert datasets.commit("flights", pa.Table.from_pandas(FRAME)).version == first.version


def test_sql_is_run_and_its_text_is_kept(datasets: DatasetManager) -> None:
    query = "select i as id, i % 7 as delay from range(1000) t(i) order by i"
    version = datasets.commit("late", query)
    assert version.source == {"sql": query}
    assert version.rows == 1000
    assert datasets.commit("late", query).version == 1


def test_an_empty_frame_and_an_empty_file_are_data(datasets: DatasetManager, write: Write) -> None:
    version = datasets.commit("none", FRAME.iloc[:0])
    assert (version.rows, version.columns) == (0, 3)
    empty = datasets.commit("file", write("empty.bin", b""))
    assert (empty.size_bytes, empty.rows) == (0, None)
    assert datasets.path("file").read_bytes() == b""
    assert datasets.commit("text", write("empty.csv", b"")).size_bytes == 0


def test_an_empty_folder_is_refused(datasets: DatasetManager, project: Project) -> None:
    (project.root / "data" / "sub").mkdir(parents=True)
    with pytest.raises(InvalidInput, match="holds no files"):
        datasets.commit("weeks", project.root / "data")


def test_what_is_no_table_by_its_content_is_still_data(
    datasets: DatasetManager, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    version = datasets.commit("broken", write("broken.parquet", b"PAR1 is what it begins with"))
    assert version.rows is None
    assert "broken gets no profile: broken.parquet cannot be read" in caplog.text
    assert datasets.path("broken").read_bytes().startswith(b"PAR1")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere.csv", "no file or folder 'nowhere.csv'"),
        (Path("nowhere"), "no file or folder"),
        ("", "empty text"),
        (None, "is no table"),
        ("select nothing from nowhere", "nowhere"),
        ("drop table x", "no file or folder"),
        ("table.csv", "no file or folder 'table.csv'"),
        pytest.param("a,b\n1,2\n" * 2000, r"no file or folder 'a,b\\n.{,250}…'", id="text"),
        ("~nobody-of-this-name/a.csv", "no file or folder '~nobody"),
    ],
)
def test_what_cannot_be_committed_is_said(
    datasets: DatasetManager, given: Any, message: str
) -> None:
    with pytest.raises((InvalidInput, NotFound), match=message):
        datasets.commit("flights", given)
    assert datasets.find("flights") is None


@pytest.mark.parametrize("name", ["", "a/b", "../up", "a@3", ".hidden", "a b", "x" * 101, "a\n", 7])
def test_names_that_would_not_travel_are_refused(
    datasets: DatasetManager, write: Write, name: Any
) -> None:
    with pytest.raises(InvalidInput):
        datasets.commit(name, write("a.csv", "x\n"))


def test_unchanged_data_is_not_read_again(
    datasets: DatasetManager, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("big.bin", os.urandom(100_000))
    long_ago = path.stat().st_mtime_ns - 10**9
    os.utime(path, ns=(long_ago, long_ago))
    first = datasets.commit("big", path)
    # Written within one tick of the clock, it may be remembered only the second time.
    datasets.commit("big", path)
    monkeypatch.setattr("mlops_lab.store.objects.take_snapshot", None)
    assert datasets.commit("big", path) == first
    assert datasets.recognise(path) == first


def test_the_cache_of_stamps_can_be_lost_or_broken(
    datasets: DatasetManager, project: Project, write: Write
) -> None:
    path = write("a.csv", "x\n1\n")
    first = datasets.commit("flights", path)
    cache = project.store.dir / "stat.sqlite"
    for broken in (None, b"", b"this is no database at all" * 100, os.urandom(9000)):
        cache.unlink(missing_ok=True)
        if broken is not None:
            cache.write_bytes(broken)
        assert datasets.commit("flights", path) == first
        assert datasets.path("flights").read_text() == "x\n1\n"
        assert datasets.recognise(path) == first


def test_content_in_two_datasets_is_kept_once(
    datasets: DatasetManager, project: Project, write: Write
) -> None:
    path = write("a.bin", os.urandom(1000))
    one, other = datasets.commit("one", path), datasets.commit("other", path)
    assert one.digest == other.digest
    assert other.version == 1
    assert len(list(project.store.objects.digests())) == 1


def test_a_run_that_commits_is_what_made_it(
    datasets: DatasetManager, project: Project, write: Write
) -> None:
    path = write("a.csv", "x\n1\n")
    first, second = (project.runs.start(name=name) for name in ("first", "second"))
    made = datasets.commit("flights", path, run_id=first)
    assert made.run_id == first
    # The same content again, as a pipeline makes it that runs twice.
    again = datasets.commit("flights", path, run_id=second)
    assert (again.version, again.run_id) == (1, first)
    decisions = sum(1 for _ in project.store.decisions())
    datasets.commit("flights", path, run_id=second)
    assert sum(1 for _ in project.store.decisions()) == decisions
    for run_id in (first, second):
        assert [one.ref for one in datasets.made_by([run_id])] == ["flights@1"]
    assert datasets.made_by([second], name="other") == []
    graph = project.lineage.graph("dataset:flights@1")
    assert {edge.source for edge in graph.edges} == {f"run:{first}", f"run:{second}"}


def test_who_may_not_commit_is_refused(project: Project, write: Write) -> None:
    access = Access({"mara": "contributor"})
    guarded = DatasetManager(project.root, project.store, Identity("eve"), access)
    path = write("a.csv", "x\n1\n")
    with pytest.raises(PermissionError, match="contributor"):
        guarded.commit("flights", path)
    made = guarded.commit("flights", path, by=Identity("mara"))
    assert made.author == "mara"
    with pytest.raises(PermissionError, match="admin"):
        guarded.delete("flights", 1, by=Identity("mara"))


def test_progress_is_told_in_bytes(datasets: DatasetManager, write: Write) -> None:
    for n in range(5):
        write(f"many/{n}.bin", bytes([n]) * 1000)
    told: list[tuple[int, int]] = []
    folder = write("many/last.bin", b"x" * 1000).parent
    datasets.commit("many", folder, progress=lambda done, total: told.append((done, total)))
    assert told[0] == (0, 6000)
    assert told[-1] == (6000, 6000)
    assert told == sorted(told)


def test_the_content_id_is_the_files_own_hash(datasets: DatasetManager, write: Write) -> None:
    from blake3 import blake3

    data = os.urandom(3_000_000)
    version = datasets.commit("big", write("big.bin", data))
    assert version.digest == f"b3-{blake3(data).hexdigest()}"
    assert hashlib.sha256(datasets.path("big").read_bytes()).digest() == (
        hashlib.sha256(data).digest()
    )


def test_aliases_and_deletes_that_cannot_be_are_said(
    datasets: DatasetManager, write: Write
) -> None:
    datasets.commit("flights", write("a.csv", "x\n1\n"), alias="train")
    with pytest.raises(NotFound, match=r"it has 1\."):
        datasets.set_alias("flights", "train", 7)
    with pytest.raises(NotFound, match="no alias test"):
        datasets.set_alias("flights", "test", None)
    with pytest.raises(Conflict, match="flights@1 is train"):
        datasets.delete("flights", 1)
