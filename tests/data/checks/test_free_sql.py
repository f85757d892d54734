"""Free SQL in a suite reads the table ``data`` and can do nothing else."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_lab.compute import count_rows
from mlops_lab.compute.confined import select_fault
from mlops_lab.errors import Forbidden, InvalidInput

from .conftest import Ask

DATA = pa.table({"id": [1, 2, 3], "v": [1.0, 2.0, None]})


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_csv('{path}')",
        "select * from '{path}'",
        "select * from read_text('/etc/passwd')",
        "select * from glob('/*')",
        "with x as (copy data to '{path}.out') from x",
        "copy data to '{path}.out'",
        "select 1; copy data to '{path}.out'",
        "attach '{path}.db' as other",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "pragma database_list",
        "insert into data values (9, 9)",
        "create table other as select 1",
        "with x as (delete from data) select 1",
        "select * from frame",
        "select getenv('HOME')",
        "call duckdb_extensions()",
        "select * from query('copy data to ''{path}.out''')",
        "select * from duckdb_secrets()",
    ],
)
def test_nothing_else_can_be_reached(query: str, tmp_path: Path) -> None:
    path = tmp_path / "secret.csv"
    path.write_text("a\n1\n")
    frame = pd.DataFrame({"a": [1]})
    text = query.format(path=path)
    try:
        count, _ = count_rows(DATA, text, limit=5)
    except (Forbidden, InvalidInput):
        pass
    else:
        assert count == 0
    assert [one.name for one in tmp_path.iterdir()] == ["secret.csv"]
    assert len(frame) == 1


def test_the_sandbox_cannot_be_opened_again() -> None:
    with pytest.raises((Forbidden, InvalidInput)):
        count_rows(DATA, "select set_config('enable_external_access', 'true')", limit=5)


def test_a_query_may_read_the_data_more_than_once() -> None:
    query = "select a.id from data a join data b on a.id = b.id + 1 -- why"
    count, cells = count_rows(DATA, query, limit=1)
    assert count == 2
    assert (cells.columns, len(cells.rows)) == (("id",), 1)


def test_a_query_that_takes_too_long_is_stopped() -> None:
    query = "select count(*) as n from range(100000000000) a(i) where i % 7 = 3 having n < 0"
    with pytest.raises(InvalidInput, match=r"longer than 0\.2 s"):
        count_rows(DATA, query, limit=1, timeout_s=0.2)


def test_a_query_that_needs_too_much_memory_fails_alone() -> None:
    query = "select list(i) from range(100000000) r(i)"
    with pytest.raises(InvalidInput, match="memory"):
        count_rows(DATA, query, limit=1, memory="100MB")


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("select 1", None),
        ("from data where v > 1;", None),
        ("", "0 statements"),
        ("select 1; select 2", "2 statements"),
        ("drop table data", "is DROP"),
        ("explain select 1", "is EXPLAIN"),
        ("selekt 1", "not SQL"),
    ],
)
def test_faults_of_a_query(query: str, fault: str | None) -> None:
    found = select_fault(query)
    assert found is None if fault is None else fault in str(found)


def test_wrong_queries_fail_with_their_reason(ask: Ask) -> None:
    found = ask(DATA, 'check: sql, query: "select nothing from data"')
    assert found.state == "failed"
    assert "nothing" in found.sentence
    other = ask(DATA, 'check: sql, query: "select * from other"')
    assert "other does not exist" in other.sentence


@pytest.mark.parametrize("kind", ["parquet", "csv", "folder", "frame", "sql", "twice"])
def test_every_source_can_be_queried(kind: str, tmp_path: Path, ask: Ask) -> None:
    source: object = DATA
    if kind == "parquet":
        pq.write_table(DATA, tmp_path / "d.parquet")
        source = tmp_path / "d.parquet"
    elif kind == "csv":
        DATA.to_pandas().to_csv(tmp_path / "d.csv", index=False)
        source = tmp_path / "d.csv"
    elif kind == "folder":
        source = tmp_path / "it's [1]"
        source.mkdir()
        for i in range(3):
            pq.write_table(DATA.slice(i, 1), source / f"{i}.parquet")
    elif kind == "frame":
        source = DATA.to_pandas()
    elif kind == "sql":
        source = "select unnest([1, 2, 3]) as id, unnest([1.0, 2.0, null]) as v"
    elif kind == "twice":
        pq.write_table(
            pa.Table.from_arrays([*DATA.columns, DATA["v"]], ["id", "v", "V"]),
            tmp_path / "d.parquet",
        )
        source = tmp_path / "d.parquet"
    found = ask(source, 'check: sql, query: "select id from data where v >= 2"')
    assert (found.failed, found.total) == (1, 3)
    assert found.sample is not None
    assert found.sample.rows == ((2,),)
