"""A new day costs one day: what was counted of a file is counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_lab.compute import Source
from mlops_lab.monitoring.evaluate import evaluate
from mlops_lab.monitoring.keeping import StoreKeep
from mlops_lab.monitoring.records import Evaluation
from mlops_lab.monitoring.settings import Settings
from mlops_lab.project import Project


@pytest.fixture
def project(new_project: Callable[[Path], Project], tmp_path: Path) -> Iterator[Project]:
    opened = new_project(tmp_path / "project")
    yield opened
    opened.close()


def day(number: int, rows: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(number)
    at = pd.Timestamp("2013-02-01") + pd.Timedelta(days=number)
    return pd.DataFrame(
        {
            "at": at + pd.to_timedelta(random.integers(0, 86_400, rows), unit="s"),
            "x": random.normal(size=rows),
            "carrier": random.choice(["EV", "UA"], rows),
            "score": random.random(rows),
            "late": random.integers(0, 2, rows),
        }
    )


class Watch:
    """A folder that grows, and what looking at it costs."""

    def __init__(self, project: Project, settings: Settings) -> None:
        self.project, self.settings = project, settings
        self.folder = project.root / "data"
        self.folder.mkdir()
        project.datasets.commit("flights", pd.concat([day(number) for number in range(4)]))

    def grow(self, number: int) -> str:
        path = self.folder / f"{number:03}.parquet"
        day(number).to_parquet(path)
        return str(path)

    def look(self, run: bool = True) -> tuple[StoreKeep, Evaluation]:
        version = self.project.datasets.commit("days", self.folder)
        run_id = self.project.runs.start(name="look") if run else None
        keep = StoreKeep(self.project.store, run_id)
        found = evaluate(
            Source.of(self.project.datasets.path("flights")),
            Source.of(self.project.datasets.path(version)),
            self.settings,
            keep=keep,
            tmp=self.project.store.tmp,
        )
        if run_id is not None:
            self.project.runs.end(run_id)
        return keep, found


SETTINGS = {
    "fixed": Settings(time="at", by="day", domain=False, segment="carrier"),
    "performance": Settings(time="at", by="day", domain=False, target="late", score="score"),
    "rolling": Settings(
        time="at", by="day", domain=False, reference_kind="rolling", rolling_days=2
    ),
}


@pytest.mark.parametrize("name", list(SETTINGS))
def test_a_folder_that_grew_by_one_file_is_counted_by_that_file(
    project: Project, name: str
) -> None:
    watch = Watch(project, SETTINGS[name])
    for number in range(10, 15):
        watch.grow(number)
    _, first = watch.look()
    again, same = watch.look()
    assert again.made == 0
    assert {**same.to_json(), "at": None} == {**first.to_json(), "at": None}
    path = watch.grow(15)
    grown, found = watch.look()
    files = {project.store.digest_of_file(one) for one in watch.folder.iterdir()}
    assert grown.contents & files == {project.store.digest_of_file(Path(path))}
    assert [one.rows for one in found.chunks] == [200] * 6


def test_counts_that_are_gone_or_damaged_are_counted_again(project: Project) -> None:
    watch = Watch(project, SETTINGS["fixed"])
    watch.grow(10)
    watch.look()
    rows = project.store.query("select digest from lab.kept_counts")
    for place, (digest,) in enumerate(rows):
        path = project.store.objects.path(digest)
        path.chmod(0o644)
        if place % 2:
            path.unlink()
        else:
            path.write_bytes(b"rubbish")
    again, _ = watch.look()
    # Two may have come to the same bytes: then the second finds what the first has made again.
    assert again.made == len({digest for (digest,) in rows})
    assert watch.look()[0].made == 0


def test_what_another_version_of_the_program_counted_is_counted_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(project, SETTINGS["fixed"])
    watch.grow(10)
    first, _ = watch.look()
    monkeypatch.setattr("mlops_lab.monitoring.keeping._version", lambda: "99.0")
    assert watch.look()[0].made == first.made
    assert watch.look()[0].made == 0


def test_without_a_run_what_is_kept_is_used_and_nothing_is_added(project: Project) -> None:
    watch = Watch(project, SETTINGS["fixed"])
    watch.grow(10)
    alone, _ = watch.look(run=False)
    assert alone.made > 0
    assert project.store.query("select count(*) from lab.kept_counts") == [(0,)]
    watch.look()
    assert watch.look(run=False)[0].made == 0


def test_frames_are_no_content_and_are_counted_each_time(project: Project) -> None:
    keep = StoreKeep(project.store)
    assert keep.pieces(Source.of(day(1)))[0][0] is None
    assert keep.kept(None, "key", lambda: b"1") == b"1"
    assert keep.made == 1


def test_folders_that_are_columns_are_one_piece(project: Project, tmp_path: Path) -> None:
    for month in (1, 2):
        folder = tmp_path / "by" / f"month={month}"
        folder.mkdir(parents=True)
        day(month).to_parquet(folder / "part.parquet")
    version = project.datasets.commit("days", tmp_path / "by")
    pieces = StoreKeep(project.store).pieces(Source.of(project.datasets.path(version)))
    assert [content for content, _ in pieces] == [version.digest]


def test_kept_counts_are_known_to_the_collection_of_what_nothing_needs(project: Project) -> None:
    watch = Watch(project, SETTINGS["fixed"])
    watch.grow(10)
    watch.look()
    report = project.store.collect()
    assert report.items == ()
