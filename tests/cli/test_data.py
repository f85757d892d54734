"""``data``: commit, look, compare, check, draft and bring back, over a real project."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_lab.project import Project

from .conftest import Call, program

SUITE = """\
name: weather
key: id
checks:
  - {check: range, column: wind_speed, max: 150, severity: SEVERITY}
  - {check: not_null, column: origin}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(here: Path) -> Write:
    """A Parquet file of three readings."""

    def made(name: str = "weather.parquet", *, wind: float = 12.5, rows: int = 3) -> Path:
        path = here / "data" / name
        path.parent.mkdir(exist_ok=True)
        table = pa.table(
            {
                "id": list(range(1, rows + 1)),
                "origin": ["EWR", "JFK", "LGA"][:rows],
                "wind_speed": [3.0, wind, 5.0][:rows],
            }
        )
        pq.write_table(table, path)
        return path

    return made


@pytest.fixture
def suite(here: Path) -> Callable[[str], Path]:
    """The project's suite for weather, of a severity."""

    def made(severity: str = "block") -> Path:
        path = here / "suites" / "weather.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(SUITE.replace("SEVERITY", severity))
        return path

    return made


def test_commit_says_what_it_kept(write: Write, call: Call) -> None:
    said = call("data", "commit", "weather", write(), "-m", "January", "--alias", "train")
    assert said.code == 0
    assert said.out.startswith("Committed weather@1: 3 rows, 3 columns, ")
    again = call("data", "commit", "weather", "data/weather.parquet")
    assert again.out.startswith("The content is already weather@1: 3 rows")
    document = call("data", "commit", "weather", write(wind=13.0), "--json").json
    assert (document["ref"], document["again"], document["reports"]) == ("weather@2", False, [])


def test_commit_of_sql_and_of_a_folder(here: Path, write: Write, call: Call) -> None:
    write()
    query = "select origin, wind_speed from 'data/weather.parquet' where wind_speed < 4"
    assert "slow@1: 1 row, 2 columns" in call("data", "commit", "slow", query).out
    (here / "data" / "note.txt").write_text("measured by hand")
    assert "everything@1: 2 files" in call("data", "commit", "everything", "data").out
    assert "note.txt" in call("data", "show", "everything").out


def test_a_blocked_commit_exits_1_and_shows_why(
    here: Path, write: Write, suite: Callable[[str], Path], call: Call
) -> None:
    suite("block")
    said = call("data", "commit", "weather", write(wind=1048.36), "--alias", "train")
    assert said.code == 1
    assert "weather blocks: 1 of 2 checks failed" in said.out
    assert "wind_speed: 1 of 3 rows above 150 (max 1,048)" in said.out
    assert "1048.36" in said.out
    project = Project.open(here)
    assert project.datasets.get("weather@1").aliases == ()
    listed = call("data", "list")
    assert "none" in listed.out
    assert "✗" in listed.out
    # The same as a program reads it.
    document = call("data", "commit", "weather", "data/weather.parquet", "--json")
    assert document.code == 1
    assert document.json["reports"][0]["checks"][0]["failed"] == 1
    # Without its suites another content is just kept.
    assert call("data", "commit", "weather", write(wind=1049), "--no-checks").code == 0


def test_a_warned_commit_is_kept_and_exits_0(
    write: Write, suite: Callable[[str], Path], call: Call
) -> None:
    suite("warn")
    said = call("data", "commit", "weather", write(wind=1048.36))
    assert said.code == 0
    assert "weather warns: 1 of 2 checks failed" in said.out


def test_a_suite_with_faults_lets_nothing_through(here: Path, write: Write, call: Call) -> None:
    (here / "suites").mkdir()
    (here / "suites" / "weather.yaml").write_text("checks:\n  - {check: rnge, column: a}\n")
    said = call("data", "commit", "weather", write())
    assert said.code == 2
    assert "suites/weather.yaml:2:13: 'rnge' is no check" in said.err
    assert "Did you mean range?" in said.err
    assert call("data", "list").out.startswith("No datasets yet")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("commit", "weather", "nowhere.parquet"), "There is no file"),
        (("commit", "-x", "data"), "No such option"),
        (("show", "nowhere"), "There is no dataset nowhere"),
        (("list", "nowhere"), "There is no dataset nowhere"),
        (("check", "nowhere"), "There is no dataset nowhere"),
        (("infer", "nowhere"), "There is no dataset nowhere"),
        (("checkout", "nowhere"), "There is no dataset nowhere"),
        (("diff", "nowhere"), "There is no dataset nowhere"),
        (("commit", "a/b", "x"), "a/b"),
    ],
)
def test_what_is_not_there_exits_2(
    arguments: tuple[str, ...], said: str, here: Path, call: Call
) -> None:
    found = call("data", *arguments)
    assert found.code == 2
    assert said in found.err
    assert "Traceback" not in found.err


def test_list_and_show(write: Write, suite: Callable[[str], Path], call: Call) -> None:
    assert call("data", "list", "--json").json == {"datasets": []}
    suite("warn")
    call("data", "commit", "weather", write(), "--alias", "train", "-m", "first")
    call("data", "commit", "weather", write(wind=200.0))
    (row,) = call("data", "list", "--json").json["datasets"]
    assert (row["name"], row["versions"], row["latest"], row["aliases"]) == (
        "weather",
        2,
        2,
        {"train": 1},
    )
    assert "train 1" in call("data", "list").out
    versions = call("data", "list", "weather").out.splitlines()
    assert "weather@2" in versions[1]
    assert "weather warned" in versions[1]
    assert "weather@1" in versions[2]
    shown = call("data", "show", "weather@train").out
    for fact in ("weather@1", "first", "b3-", "wind_speed", "DOUBLE", "EWR 33%", "passed"):
        assert fact in shown
    document = call("data", "show", "weather", "--json").json
    assert document["version"] == 2
    assert [one["name"] for one in document["profile"]["columns"]] == ["id", "origin", "wind_speed"]
    assert document["reports"][0]["state"] == "warned"
    assert document["entries"][0]["path"] == "weather.parquet"


def test_diff_by_statistics_and_by_key(write: Write, call: Call) -> None:
    call("data", "commit", "weather", write())
    assert "no version before" in call("data", "diff", "weather").err
    call("data", "commit", "weather", write(wind=99.5, rows=2))
    said = call("data", "diff", "weather").out
    assert said.startswith("weather@1 → weather@2")
    assert "rows 3 → 2" in said
    keyed = call("data", "diff", "weather@1", "weather@2", "--key", "id", "--json").json["keyed"]
    assert (keyed["added"], keyed["removed"], keyed["changed"], keyed["same"]) == (0, 1, 1, 1)
    assert keyed["columns"] == {"wind_speed": 1}
    text = call("data", "diff", "weather@1", "weather@2", "-k", "id").out
    assert "12.5" in text
    assert "99.5" in text
    assert "no column idd" in call("data", "diff", "weather", "-k", "idd").err


def test_check_records_and_exits_by_severity(
    here: Path, write: Write, suite: Callable[[str], Path], call: Call
) -> None:
    call("data", "commit", "weather", write(wind=1048.36))
    assert "data infer weather" in call("data", "check", "weather").err
    suite("block")
    seen = call("data", "check", "weather", "--no-record")
    assert seen.code == 1
    assert "weather@1: 3 rows" in seen.out
    datasets = Project.open(here).datasets
    assert datasets.get("weather@1").state is None
    assert call("data", "check", "weather").code == 1
    assert datasets.get("weather@1").state == "blocked"
    suite("warn")
    again = call("data", "check", "weather@1", "--json")
    assert (again.code, again.json["state"]) == (0, "warned")
    assert again.json["reports"][0]["checks"][0]["sample"]["rows"] == [[2, 1048.36]]


def test_check_of_a_file_that_is_no_version_yet(
    here: Path, write: Write, suite: Callable[[str], Path], call: Call
) -> None:
    path = suite("block")
    file = write(wind=1048.36)
    assert "name one with --suite" in call("data", "check", file).err
    for name in ("weather", str(path)):
        said = call("data", "check", file, "--suite", name)
        assert (said.code, "max 1,048" in said.out) == (1, True)
    assert "Did you mean weather?" in call("data", "check", file, "--suite", "wether").err
    assert Project.open(here).datasets.list() == []


def test_infer_drafts_what_check_then_asks(here: Path, write: Write, call: Call) -> None:
    file = write()
    call("data", "commit", "weather", file)
    drafted = call("data", "infer", "weather")
    assert "name: weather\n" in drafted.out
    assert "no folder suites" in call("data", "infer", "weather", "-o", "suites/weather.yaml").err
    (here / "suites").mkdir()
    wrote = call("data", "infer", "weather", "-o", "suites/weather.yaml")
    assert wrote.out.startswith("Wrote suites/weather.yaml")
    assert (here / "suites" / "weather.yaml").read_text() == drafted.out
    assert call("data", "check", "weather").code == 0
    kept = call("data", "infer", "weather", "-o", "suites/weather.yaml")
    assert (kept.code, "is there already" in kept.err) == (2, True)
    from_file = call("data", "infer", file, "--name", "other", "--json").json
    assert from_file["name"] == "other"
    assert "name: other" in from_file["suite"]


def test_infer_of_what_is_no_table(here: Path, call: Call) -> None:
    (here / "note.txt").write_text("x")
    call("data", "commit", "note", "note.txt")
    assert "has no profile" in call("data", "infer", "note").err


def test_checkout_writes_what_differs_and_spares_changes(
    here: Path, write: Write, call: Call
) -> None:
    call("data", "commit", "weather", write())
    assert call("data", "checkout", "weather@1", "out/").out == (
        "weather@1 in out: 1 file written.\n"
    )
    assert "1 file there already" in call("data", "checkout", "weather@1", "out/").out
    (here / "out" / "weather.parquet").chmod(0o644)
    (here / "out" / "weather.parquet").write_text("mine")
    refused = call("data", "checkout", "weather@1", "out/")
    assert refused.code == 2
    assert (here / "out" / "weather.parquet").read_text() == "mine"
    forced = call("data", "checkout", "weather@1", "out/", "--force", "--json").json
    assert forced["written"] == ["weather.parquet"]


def test_names_cannot_command_the_terminal(here: Path, call: Call) -> None:
    table = pa.table({"a\x1b[31mb": ["\x1b]0;title\x07"]})
    pq.write_table(table, here / "odd.parquet")
    call("data", "commit", "odd", "odd.parquet", "-m", "note \x1b[2J")
    for arguments in (("show", "odd"), ("list", "odd"), ("infer", "odd")):
        said = call("data", *arguments)
        assert said.code == 0
        assert "\x1b" not in said.out


def test_help_has_examples_for_each_verb(call: Call) -> None:
    for verb in ("commit", "list", "show", "diff", "check", "infer", "checkout"):
        said = call("data", verb, "--help")
        assert said.code == 0
        assert f"mlops-lab data {verb}" in said.out


def test_on_a_terminal_nothing_of_the_progress_stays(here: Path, write: Write) -> None:
    """The bar is on stderr and is gone afterwards; stdout is the answer alone."""
    write()
    ours, theirs = pty.openpty()
    ended = subprocess.run(
        program("data", "commit", "weather", "data/weather.parquet", "--json"),
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
        timeout=120,
        check=False,
    )
    os.close(theirs)
    os.close(ours)
    assert json.loads(ended.stdout)["ref"] == "weather@1"


def test_a_project_that_may_only_be_read_is_looked_into(
    call: Call, here: Path, write: Write, suite: Callable[[str], Path]
) -> None:
    """What a reader needs for a while is put elsewhere."""
    suite("warn")
    path = write(wind=1048.0)
    assert call("data", "commit", "weather", path, "--no-checks").code == 0
    Project.open(here).close()
    newer = here / ".mlops" / "format"
    newer.write_text('{"read": 1, "write": 99}')
    tmp = here / ".mlops" / "tmp"
    shutil.rmtree(tmp)
    assert call("data", "infer", path).code == 0
    assert call("data", "check", path, "--suite", "weather").code == 0
    key = ("--key", "id")
    assert call("data", "diff", "weather@1", "weather@1", *key).code == 0
    refused = call("data", "commit", "more", path)
    assert (refused.code, "newer program" in refused.err) == (2, True)
    assert not tmp.exists()
