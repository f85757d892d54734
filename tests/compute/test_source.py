"""Sources: what can be scanned, and Parquet written the same for the same table."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_lab.compute import Source, is_tabular, open_engine, profile
from mlops_lab.data.frames import read_arrow
from mlops_lab.errors import InvalidInput, NotFound

TABLE = pa.table({"a": [1, 2, 3], "b": ["x", None, "ü"]})


def rows_of(value: Any) -> list[tuple[Any, ...]]:
    with open_engine() as engine:
        source = Source.of(value)
        return engine.rows(f"select * from {source.view(engine)}")


FRAMES = {
    "arrow": TABLE,
    "batch": TABLE.to_batches()[0],
    "pandas": pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "ü"]}),
    "polars": pl.DataFrame({"a": [1, 2, 3], "b": ["x", None, "ü"]}),
    "lazy": pl.LazyFrame({"a": [1, 2, 3], "b": ["x", None, "ü"]}),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_have_the_same_rows_and_the_same_file(kind: str, tmp_path: Path) -> None:
    assert rows_of(FRAMES[kind]) == [(1, "x"), (2, None), (3, "ü")]
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    assert Source.of(FRAMES[kind]).write_parquet(ours) == 3
    Source.of(TABLE).write_parquet(theirs)
    assert ours.read_bytes() == theirs.read_bytes()


def test_relation_of_another_connection(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        relation = connection.sql("select range as a from range(3)")
        assert rows_of(relation) == [(0,), (1,), (2,)]
        assert Source.of(relation).write_parquet(tmp_path / "r.parquet") == 3


def test_reader_is_read_once(tmp_path: Path) -> None:
    assert Source.of(TABLE.to_reader()).write_parquet(tmp_path / "r.parquet") == 3
    assert rows_of(TABLE.to_reader()) == rows_of(TABLE)


def test_sql_is_one_select(tmp_path: Path) -> None:
    assert rows_of("  -- why\n select 1 as a;") == [(1,)]
    assert rows_of("with x as (select 2 as a) from x") == [(2,)]
    with pytest.raises(InvalidInput, match="2 statements"):
        rows_of("select 1; select 2")
    with pytest.raises(InvalidInput, match="nowhere does not exist"):
        rows_of("select * from nowhere")
    for text in ("with x as (select 1) delete from x", "from x; drop table x"):
        with pytest.raises(InvalidInput):
            rows_of(text)


def test_sql_with_python_variables_is_refused() -> None:
    frame = TABLE
    with pytest.raises(InvalidInput, match="frame does not exist"):
        rows_of("select * from frame")
    assert frame.num_rows == 3


def test_sql_gives_the_same_bytes_each_time(tmp_path: Path) -> None:
    query = (
        "select i % 97 as k, sum(i / 3) as s, any_value(i) as v from range(500000) r(i) group by k"
    )
    for name in ("one", "two"):
        Source.of(query).write_parquet(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_chunks_do_not_show_in_the_file(tmp_path: Path) -> None:
    whole = pa.table({"a": range(300_000), "b": [str(i % 1000) for i in range(300_000)]})
    pieces = pa.concat_tables([whole.slice(0, 7), whole.slice(7, 200_000), whole.slice(200_007)])
    Source.of(whole).write_parquet(tmp_path / "whole")
    Source.of(pieces).write_parquet(tmp_path / "pieces")
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()
    assert pq.ParquetFile(tmp_path / "whole").metadata.num_row_groups == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.csv", "a,b\n1,x\n2,\n"),
        ("f.tsv", "a\tb\n1\tx\n2\t\n"),
        ("f.ndjson", '{"a":1,"b":"x"}\n{"a":2}\n'),
        ("f.json", '[{"a":1,"b":"x"},{"a":2,"b":null}]'),
    ],
)
def test_text_files(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert is_tabular(tmp_path / name)
    assert rows_of(tmp_path / name) == [(1, "x"), (2, None)]


def test_a_type_that_shows_only_far_down(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    path.write_text("a\n" + "1\n" * 150_000 + "x\n")
    assert rows_of(path)[-1] == ("x",)


@pytest.mark.parametrize(
    ("first", "last", "value"),
    [
        ("1", "1.5", 1.5),  # not 2
        ("2013-01-01", "2013-01-01 05:00:00", dt.datetime(2013, 1, 1, 5)),  # with its time
        ("1", "x", "x"),
    ],
)
def test_a_value_far_down_is_delivered_as_it_is_written(
    first: str, last: str, value: Any, tmp_path: Path
) -> None:
    path = tmp_path / "late.csv"
    path.write_text("a\n" + f"{first}\n" * 110_000 + f"{last}\n")
    assert rows_of(path)[-1] == (value,)
    assert read_arrow(path, "late@1")["a"][-1].as_py() == value
    assert profile(path).columns[0].type == str(Source.of(path).relation().types[0])


def test_a_folder_is_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "weeks [1]"
    (folder / "sub").mkdir(parents=True)
    pq.write_table(pa.table({"a": [2], "c": [9]}), folder / "sub" / "w2.parquet")
    pq.write_table(pa.table({"a": [1]}), folder / "a.parquet")
    (folder / "_SUCCESS").touch()
    (folder / ".hidden.csv").touch()
    assert is_tabular(folder)
    assert rows_of(folder) == [(1, None), (2, 9)]


def test_a_partitioned_folder_has_its_keys(tmp_path: Path) -> None:
    for year in (2012, 2013):
        (tmp_path / "t" / f"year={year}").mkdir(parents=True)
        pq.write_table(pa.table({"a": [year]}), tmp_path / "t" / f"year={year}" / "f.parquet")
    assert rows_of(tmp_path / "t") == [(2012, 2012), (2013, 2013)]


def test_folders_that_are_no_table(tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    (mixed / "a.csv").write_text("a\n1\n")
    (mixed / "b.json").write_text("[]")
    (tmp_path / "empty").mkdir()
    for folder in (mixed, tmp_path / "empty"):
        assert not is_tabular(folder)
    with pytest.raises(InvalidInput, match="2 files are not all of one"):
        Source.of(mixed)
    with pytest.raises(InvalidInput, match="holds no files"):
        Source.of(tmp_path / "empty")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "int 5 is no table"),
        (None, "is no table"),
        (pa.table({}), "has no columns"),
        (pd.DataFrame(index=[1, 2]), "has no columns"),
        (pd.DataFrame({"a": [1, "x"]}), r"column a .* \(int, str\); make them one"),
        ([], "no files in the list"),
        ([1, 2], r"list \[1, 2\] is no list of files"),
        (pd.DataFrame({"a": [2**70, 1]}), "column a .* more than 64 bits; make them text"),
        (pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}), "column a"),
        (pd.DataFrame([[1]], columns=pd.Index(["\ud800"], dtype=object)), "surrogates"),
        (pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}), "column a .*objects"),
    ],
)
def test_what_is_no_table_is_said(value: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        rows_of(value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and nothing")
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00a,b\n1,2")
    (tmp_path / "note.txt").write_text("a")
    for name in ("bad.parquet", "bad.csv"):
        with pytest.raises(InvalidInput, match=rf"{name} cannot be read"):
            Source.of(tmp_path / name).write_parquet(tmp_path / "out")
    with pytest.raises(InvalidInput, match="no table by its name"):
        Source.of(tmp_path / "note.txt")
    with pytest.raises(NotFound, match=r"no file nowhere\.csv"):
        Source.of("nowhere.csv")


def test_pandas_keeps_an_index_only_by_name() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=[7, 8])
    assert rows_of(frame) == [(1,), (2,)]
    assert rows_of(frame.rename_axis("k")) == [(7, 1), (8, 2)]
    assert rows_of(frame.rename_axis("a")) == [(7, 1), (8, 2)], "a level called as a column is"


def test_names_are_made_unique_without_regard_to_case() -> None:
    table = pa.Table.from_arrays([pa.array([1])] * 4, names=["a", "A", "a", ""])
    with open_engine() as engine:
        columns = engine.columns(Source.of(table).view(engine))
    assert [name for name, _ in columns] == ["a", "A_1", "a_2", "column"]


def test_a_wide_frame_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_lab.compute.source._WIDE_COLUMNS", 1)
    name = 'a "b"'
    with open_engine() as engine:
        view = Source.of(TABLE.rename_columns([name, "b"])).view(engine, 'so "urce')
        assert engine.rows(f"select * from {view}") == [(1, "x"), (2, None), (3, "ü")]
        assert [one for one, _ in engine.columns(view)] == [name, "b"]
        tables = engine.rows("select table_name from duckdb_tables()")
    assert tables == [('so "urce',)]


def test_types_survive_the_file(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "c": pd.Categorical(["a", "b", "a"]),
            "t": pd.to_datetime(["2013-01-01", None, "1850-05-05"]).tz_localize("UTC"),
            "n": pd.array([1, None, 3], dtype="Int64"),
            "d": [dt.date(1969, 1, 1), None, dt.date(9999, 12, 31)],
        }
    )
    Source.of(frame).write_parquet(tmp_path / "f.parquet")
    back = pd.read_parquet(tmp_path / "f.parquet")
    assert str(back["c"].dtype) == "category"
    assert str(back["t"].dt.tz) == "UTC"
    assert back["n"].isna().tolist() == [False, True, False]
    assert back["d"].tolist() == frame["d"].tolist()


def test_odd_types_of_sql_are_written_as_text(tmp_path: Path) -> None:
    query = "select interval 3 day as i, '101'::bit as b, [1, 2] as l, {'a': 1} as s"
    assert Source.of(query).write_parquet(tmp_path / "f.parquet") == 1
    assert pq.read_table(tmp_path / "f.parquet").to_pylist()[0]["i"] == "3 days"


def test_a_relation_of_the_users_own_connection(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "it's [1].parquet")
    with duckdb.connect() as mine, duckdb.connect() as other:
        for value in (
            tmp_path / "it's [1].parquet",
            TABLE,
            FRAMES["pandas"],
            other.sql("select unnest([1, 2, 3]) as a, unnest(['x', null, 'ü']) as b"),
            "select unnest([1, 2, 3]) as a, unnest(['x', null, 'ü']) as b",
        ):
            relation = Source.of(value).relation(mine)
            assert relation.filter("a > 1").fetchall() == [(2, None), (3, "ü")]


def test_links_are_read_as_what_they_are_called(tmp_path: Path) -> None:
    """The store's views: links with the file's own name to objects without a suffix."""
    pq.write_table(TABLE, tmp_path / "object")
    view = tmp_path / "view"
    view.mkdir()
    (view / "t.parquet").symlink_to(tmp_path / "object")
    assert is_tabular(view)
    assert is_tabular(view / "t.parquet")
    assert rows_of(view) == rows_of(view / "t.parquet") == rows_of(TABLE)


@pytest.mark.parametrize("text", ["table.csv", "from-2013.csv", "select.parquet", "values/a.csv"])
def test_a_file_called_like_sql_is_a_file(text: str) -> None:
    with pytest.raises(NotFound, match="There is no file"):
        Source.of(text)


@pytest.mark.parametrize(
    "text", ["FROM range(3)", "(select 1)", "select(1)", "select*from t", "with\na as (x) from a"]
)
def test_sql_is_recognised(text: str) -> None:
    assert Source.of(text).kind == "sql"
