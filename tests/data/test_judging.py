"""Suites at commit: what blocks is kept and not delivered by default, what warns is said."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from mlops_lab.data.manager import DatasetManager
from mlops_lab.errors import Conflict, InvalidInput, NotFound
from mlops_lab.governance import Access, Identity
from mlops_lab.project import Project

Write = Callable[[str, bytes | str], Path]

SUITE = """\
name: weather
key: id
checks:
  - {check: range, column: wind_speed, max: 150, severity: block}
  - {check: not_null, column: temp, severity: warn}
"""
GOOD = pd.DataFrame({"id": [1, 2, 3], "wind_speed": [1.0, 2.0, 3.0], "temp": [1.0, 2.0, 3.0]})
WINDY = GOOD.assign(wind_speed=[1.0, 1048.0, 3.0])
MISSING = GOOD.assign(temp=[1.0, None, 3.0])


@pytest.fixture
def suite(project: Project) -> Path:
    path = project.root / "suites" / "weather.yaml"
    path.parent.mkdir()
    path.write_text(SUITE)
    return path


@pytest.mark.usefixtures("suite")
def test_what_a_suite_blocks_is_kept_and_is_not_the_latest(
    datasets: DatasetManager, caplog: pytest.LogCaptureFixture
) -> None:
    datasets.commit("weather", GOOD, alias="train")
    with caplog.at_level(logging.WARNING, "mlops_lab"):
        blocked = datasets.commit("weather", WINDY, alias="train")
    assert "weather@2 is blocked by its checks (weather)" in caplog.text
    assert (blocked.state, blocked.is_latest, blocked.aliases) == ("blocked", False, ())
    assert datasets.get("weather").version == 1
    assert datasets.get("weather@train").version == 1
    assert datasets.path("weather@2").exists()
    with pytest.raises(Conflict, match="blocked by the suite weather"):
        datasets.set_alias("weather", "train", 2)
    report = datasets.report("weather@2", "weather")
    assert report.state == "blocked"
    (wind, temp) = report.checks
    assert (wind.state, temp.state) == ("failed", "passed")
    assert wind.sample is not None
    assert 1048.0 in wind.sample.rows[0]
    (listed,) = datasets.list()
    assert (listed.latest, listed.state, listed.versions) == (1, "blocked", 2)


@pytest.mark.usefixtures("suite")
def test_what_a_suite_warns_of_is_the_latest_and_says_so(datasets: DatasetManager) -> None:
    version = datasets.commit("weather", MISSING, alias="train")
    assert (version.state, version.is_latest, version.aliases) == ("warned", True, ("train",))
    assert [(one.suite, one.failed) for one in version.checks] == [("weather", 1)]


@pytest.mark.usefixtures("suite")
def test_when_all_are_blocked_there_is_no_latest_and_the_sentence_says_why(
    datasets: DatasetManager,
) -> None:
    datasets.commit("weather", WINDY)
    with pytest.raises(NotFound, match=r"Every version of weather is blocked.*suite weather"):
        datasets.get("weather")


def test_a_relaxed_suite_looks_again_at_the_same_content(
    datasets: DatasetManager, suite: Path
) -> None:
    assert datasets.commit("weather", WINDY).state == "blocked"
    suite.write_text(SUITE.replace("150", "2000"))
    again = datasets.commit("weather", WINDY, alias="train")
    assert (again.version, again.state, again.aliases) == (1, "passed", ("train",))
    assert datasets.get("weather") == again


def test_checks_can_be_left_out_and_asked_later(
    datasets: DatasetManager, suite: Path, project: Project
) -> None:
    version = datasets.commit("weather", WINDY, checks=False)
    assert (version.state, version.is_latest) == (None, True)
    report = datasets.check("weather@1", "weather")
    assert report.state == "blocked"
    assert datasets.get("weather@1").state == "blocked"
    decisions = sum(1 for _ in project.store.decisions())
    datasets.check("weather@1", suite)
    assert sum(1 for _ in project.store.decisions()) == decisions, "it had said so before"
    assert datasets.reports("weather@1") == [report]


def test_who_may_not_commit_can_ask_without_a_record(
    project: Project, suite: Path, datasets: DatasetManager
) -> None:
    datasets.commit("weather", WINDY, checks=False)
    access = Access({"mara": "contributor"})
    guarded = DatasetManager(project.root, project.store, Identity("eve"), access)
    assert guarded.check("weather", suite).state == "blocked"
    assert guarded.get("weather").state is None
    with pytest.raises(PermissionError):
        guarded.check("weather", suite, record=True)


def test_a_mistyped_suite_lets_nothing_pass(
    datasets: DatasetManager, suite: Path, caplog: pytest.LogCaptureFixture
) -> None:
    suite.write_text(SUITE.replace("range", "rnage") + "# as for flights\n")
    with pytest.raises(InvalidInput, match=r"suites/weather\.yaml:4"):
        datasets.commit("weather", GOOD)
    with caplog.at_level(logging.WARNING, "mlops_lab"):
        assert datasets.commit("flights", GOOD).version == 1
    assert "weather.yaml has faults and was left out" in caplog.text


@pytest.mark.usefixtures("suite")
def test_a_suite_for_what_is_no_table_says_so(datasets: DatasetManager, write: Write) -> None:
    with pytest.raises(InvalidInput, match="is no table"):
        datasets.commit("weather", write("weather.png", b"\x89PNG"))
    datasets.commit("pictures", write("weather.png", b"\x89PNG"))
    with pytest.raises(InvalidInput, match="is no table"):
        datasets.check("pictures", "weather")


def test_two_versions_are_compared(datasets: DatasetManager, write: Write) -> None:
    datasets.commit("weather", GOOD)
    datasets.commit("weather", WINDY.assign(place="JFK"))
    diff = datasets.diff("weather@1", "weather@2", key="id")
    assert diff.profile is not None
    assert diff.keyed is not None
    assert diff.profile.added == ("place",)
    assert diff.keyed.changed == 1
    assert diff.keyed.columns == {"wind_speed": 1}
    assert "1 changed" in repr(diff)
    assert diff.to_json()["before"] == 1
    assert "wind_speed" in diff._repr_html_()
    assert datasets.diff("weather@1", "weather@1").is_empty


def test_two_folders_are_compared_by_their_files(
    datasets: DatasetManager, project: Project, write: Write
) -> None:
    write("many/a.bin", b"1")
    write("many/b.bin", b"2")
    folder = project.root / "data" / "many"
    datasets.commit("many", folder)
    write("many/a.bin", b"3")
    (folder / "b.bin").unlink()
    write("many/c.bin", b"4")
    datasets.commit("many", folder)
    files = datasets.diff("many@1", "many@2").files
    assert files is not None
    assert (files.added, files.removed, files.changed) == (("c.bin",), ("b.bin",), ("a.bin",))
    with pytest.raises(InvalidInput, match="many@1 is no table"):
        datasets.diff("many@1", "many@2", key="id")


def test_the_profile_is_that_of_the_commit(datasets: DatasetManager, write: Write) -> None:
    datasets.commit("weather", GOOD)
    profile = datasets.profile("weather")
    assert profile is not None
    assert [column.name for column in profile.columns] == ["id", "wind_speed", "temp"]
    assert profile.rows == 3
    datasets.commit("text", write("readme.txt", "hello"))
    assert datasets.profile("text") is None


def test_suites_of_other_datasets_are_neither_read_nor_in_the_way(
    datasets: DatasetManager,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = project.root / "suites"
    folder.mkdir()
    (folder / "other.yaml").write_text(SUITE.replace("weather", "other"))
    (folder / "broken.yaml").write_text("checks: [")
    (folder / "folder.yaml").mkdir()
    (folder / "nothing.yaml").symlink_to("gone")
    os.mkfifo(folder / "pipe.yaml")
    with monkeypatch.context() as patch:
        patch.setattr("mlops_lab.data.suite.read_document", lambda *_, **__: pytest.fail("read"))
        assert datasets.commit("weather", GOOD).state is None
    assert caplog.text == ""
    for name in ("folder", "pipe"):
        with pytest.raises(InvalidInput, match=f"suites/{name}.yaml cannot be read: it is no file"):
            datasets.commit(name, GOOD)
    with pytest.raises(NotFound, match=r"no suite .*nothing\.yaml"):
        datasets.commit("nothing", GOOD)


@pytest.mark.parametrize(
    ("file", "dataset", "name"),
    [
        ("a", '"wea\\x74her"', "weather"),
        ("a", '"wea\\\n  ther"', "weather"),
        ("a", "cafe\u0301", "caf\u00e9"),  # as another machine writes it
        ("cafe\u0301", None, "caf\u00e9"),
    ],
)
def test_a_suite_is_found_however_its_dataset_is_spelt(
    datasets: DatasetManager, project: Project, file: str, dataset: str | None, name: str
) -> None:
    path = project.root / "suites" / f"{file}.yaml"
    path.parent.mkdir()
    said = "" if dataset is None else f"dataset: {dataset}\n"
    path.write_text(said + "checks:\n  - {check: range, column: wind_speed, max: 150}\n")
    assert datasets.commit(name, WINDY).state == "blocked"
    assert datasets.check(f"{name}@1", file).state == "blocked"
