"""The handle of datasets: what users type, and what they see."""

from __future__ import annotations

import pickle
from pathlib import Path

import duckdb
import pandas as pd
import pytest

import mlops_lab as lab
from mlops_lab.data.records import ExternalInput
from mlops_lab.errors import Conflict, InvalidInput, NotFound
from mlops_lab.project import Project

FRAME = pd.DataFrame(
    {
        "id": range(100),
        "delay": [n * 0.5 for n in range(100)],
        "carrier": ["UA", "DL"] * 50,
        "when": pd.date_range("2013-01-01", periods=100, tz="UTC"),
    }
)


@pytest.fixture
def flights(project: Project) -> lab.Dataset:
    return lab.dataset("flights").commit(FRAME, note="January", alias="train")


def test_a_dataset_may_be_named_before_it_exists(project: Project) -> None:
    handle = lab.dataset("flights")
    assert not handle.exists
    assert 'lab.dataset("flights").commit("data/…") makes it' in repr(handle)
    assert handle._repr_html_() is None
    with pytest.raises(NotFound, match="commit"):
        handle.df()
    made = handle.commit(FRAME)
    assert (made.ref, handle.version, handle.exists) == ("flights@1", 1, True)


def test_what_is_committed_is_read_back_in_every_way(flights: lab.Dataset) -> None:
    pd.testing.assert_frame_equal(flights.df(), FRAME, check_dtype=False)
    assert flights.polars()["delay"].to_list() == FRAME["delay"].tolist()
    assert flights.arrow().num_rows == 100
    assert flights.relation().sum("id").fetchall() == [(4950,)]
    assert duckdb.sql("select 1").fetchall() == [(1,)], "of DuckDB's own connection"
    own = duckdb.connect()
    assert flights.relation(own).filter("id < 10").count("*").fetchall() == [(10,)]
    assert flights.path.name == "flights.parquet"
    # Readers of files take the handle itself.
    assert len(pd.read_parquet(flights)) == 100


def test_facts_are_those_of_the_version(flights: lab.Dataset) -> None:
    assert (flights.name, flights.version, flights.rows) == ("flights", 1, 100)
    assert flights.columns == ("id", "delay", "carrier", "when")
    assert (flights.note, flights.aliases, flights.is_latest) == ("January", ("train",), True)
    assert flights.kind == "table"
    assert flights.source == {"frame": "pandas"}
    assert list(flights.files) == ["flights.parquet"]
    assert flights.profile is not None
    assert flights.profile.columns[1].max == 49.5
    assert lab.run  # the maker, where there is one, is lab.run(flights.run_id)
    assert flights.run_id is None


def test_a_handle_follows_the_latest_and_a_version_stays(flights: lab.Dataset) -> None:
    latest = lab.dataset("flights")
    second = latest.commit(FRAME.head(10))
    assert (latest.version, latest.rows) == (2, 10)
    assert (flights.version, flights.rows) == (1, 100)
    assert lab.dataset("flights@train").version == 1
    second.alias("train")
    assert lab.dataset("flights@train").version == 2
    latest.remove_alias("train")
    assert not lab.dataset("flights@train").exists
    with pytest.raises(InvalidInput, match="versions do not change"):
        second.commit(FRAME)
    second.delete()
    assert latest.version == 1


def test_text_and_html_are_worth_reading(flights: lab.Dataset) -> None:
    assert repr(flights).startswith("<Dataset flights@1 (train) 100 rows · ")
    html = flights._repr_html_()
    assert html is not None
    for word in ("flights", "train", "latest", "January", "100 rows × 4 columns", "carrier", "█"):
        assert word in html
    table = lab.datasets()
    assert len(table) == 1
    assert "flights" in repr(table)
    assert "train 1" in table._repr_html_()
    assert next(iter(table)) == lab.dataset("flights")
    versions = lab.dataset("flights").versions()
    assert [one.version for one in versions] == [1]
    assert versions.df()["aliases"].tolist()[0].tolist() == ["train"]


def test_an_empty_list_says_how_to_begin(project: Project) -> None:
    assert 'lab.dataset("NAME").commit' in repr(lab.datasets())


def test_a_script_in_a_note_or_a_column_is_text(project: Project) -> None:
    evil = "<script>alert(1)</script>"
    made = lab.dataset("evil").commit(pd.DataFrame({evil: [evil]}), note=evil)
    html = made._repr_html_()
    assert html is not None
    assert "<script>" not in html
    assert "<script>" not in made.versions()._repr_html_()


def test_a_commit_inside_a_run_names_it(project: Project) -> None:
    with lab.start_run("load") as run:
        made = lab.dataset("flights").commit(FRAME)
    assert made.run_id == run.id
    assert "made" in repr(made.lineage())
    assert lab.dataset("other").commit(FRAME.head()).run_id is None


def test_a_commit_in_a_pipeline_step_names_the_step(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = project.runs.start(name="prepare", kind="step")
    monkeypatch.setenv("MLOPS_LAB_RUN", step)
    monkeypatch.setenv("MLOPS_LAB_PROJECT", str(project.root))
    assert lab.dataset("flights").commit(FRAME).run_id == step
    with lab.start_run("anything") as run:
        assert run.id == step
        assert lab.dataset("flights").commit(FRAME.head()).run_id == step


def test_a_run_uses_a_version_and_keeps_it(flights: lab.Dataset, project: Project) -> None:
    Path("notes.txt").write_text("no data of ours")
    with lab.start_run("train") as run:
        used = run.use("flights", role="train")
        again = run.use(flights)
        external = run.use("notes.txt")
    assert used == again == lab.dataset("flights@1")
    assert isinstance(external, ExternalInput)
    assert external.path == Path("notes.txt")
    assert [(one.kind, one.name, one.role) for one in run.inputs] == [
        ("dataset", "flights", "train"),
        ("dataset", "flights", None),
        ("external", "notes.txt", None),
    ]
    flights.remove_alias("train")
    with pytest.raises(Conflict, match="train"):
        flights.delete()


def test_a_path_says_which_version_it_is(flights: lab.Dataset, project: Project) -> None:
    flights.checkout("copy.parquet")
    assert lab.dataset("copy.parquet") == flights
    assert lab.dataset(flights.path) == flights
    assert lab.dataset(str(flights.path)) == flights
    Path("new.csv").write_text("x\n1\n")
    with pytest.raises(NotFound, match=r'lab\.dataset\("new"\)\.commit\("\./new\.csv"\)|commit'):
        lab.dataset("./new.csv")
    with pytest.raises(NotFound, match="no file or folder"):
        lab.dataset("data/nowhere.csv")


@pytest.mark.parametrize("ref", [3, None, "", "a b", "x@", ["flights"]])
def test_what_names_nothing_is_refused(project: Project, ref: object) -> None:
    with pytest.raises(InvalidInput):
        lab.dataset(ref)  # type: ignore[arg-type]


def test_other_processes_get_a_handle(flights: lab.Dataset) -> None:
    copy = pickle.loads(pickle.dumps(flights))
    assert copy == flights
    assert copy.rows == 100


def test_what_is_no_table_says_what_it_is(project: Project) -> None:
    Path("picture.png").write_bytes(b"\x89PNG")
    made = lab.dataset("pictures").commit("picture.png")
    assert made.profile is None
    assert made.columns is None
    for read in (made.df, made.arrow, made.polars, made.relation):
        with pytest.raises(InvalidInput, match=r"no table but picture\.png"):
            read()


def test_text_tables_are_read_as_they_were_checked(project: Project) -> None:
    Path("weeks").mkdir()
    for n in range(3):
        Path(f"weeks/week-{n}.csv").write_text(f"id,day\n{n},2013-01-0{n + 1}\n")
    made = lab.dataset("weeks").commit("weeks")
    assert made.df()["id"].tolist() == [0, 1, 2]
    assert str(made.arrow().schema.field("day").type) == "date32[day]"
    assert made.relation().columns == ["id", "day"]


def test_a_diff_reads_forward(flights: lab.Dataset) -> None:
    second = lab.dataset("flights").commit(FRAME.iloc[5:].assign(delay=0.0))
    diff = second.diff("flights@1", key="id")
    assert (diff.before.version, diff.after.version) == (1, 2)
    assert diff.keyed is not None
    assert diff.keyed.removed == 5
    assert second.diff(flights).profile is not None
    assert second.diff(1).before == flights.record


def test_what_is_asked_every_day_is_worth_reading(project: Project) -> None:
    frame = pd.DataFrame({"age": [20, 40, None], "plan": ["a", "b", "a"]})
    Path("suites").mkdir()
    Path("suites/people.yaml").write_text(
        "name: people\nchecks:\n  - {check: not_null, column: age, severity: warn}\n"
        "  - {check: range, column: age, max: 30, severity: block}\n"
    )
    kept = lab.dataset("people").commit(frame, checks=False)
    assert repr(kept.profile) == (
        "<Profile 3 rows, 2 columns>\n"
        "  age   DOUBLE   20 … 20 … 40 · 2 different · 1 missing\n"
        "  plan  VARCHAR  a (2), b (1) · 2 different"
    )
    said = repr(kept.check("people")).splitlines()
    assert said[0] == "<SuiteReport people blocks: 2 of 2 checks failed>"
    assert [line.split(":")[0] for line in said[1:]] == ["  warns", "  blocks"]
    assert repr(kept.checkout("people.parquet")).startswith("<CheckoutReport people.parquet: 1 wr")
