from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_lab.errors import InvalidInput
from mlops_lab.server.encode import to_json
from mlops_lab.server.preview import MAX_CHARACTERS, MAX_COLUMNS, preview


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Without a suffix, as objects are."""
    path = tmp_path / "object"
    pq.write_table(
        pa.table(
            {
                "<b>n</b>": [2**53, 2**60, None],
                "score": [0.5, float("nan"), float("inf")],
                "at": [datetime(2013, 3, 18, 10, 15, tzinfo=UTC), None, None],
                "raw": [b"\x00\xff", b"x" * 5000, None],
                "text": ["é" * 5000, "<script>", ""],
                "many": [[1, 2], [], None],
                "price": [Decimal("1.50"), None, None],
                "late": [True, False, None],
            }
        ),
        path,
    )
    return path


def test_a_parquet_file_shows_every_type_as_json(odd: Path) -> None:
    shown = json.loads(to_json(preview(odd, "t.parquet")))
    assert [column["name"] for column in shown["columns"]][:2] == ["<b>n</b>", "score"]
    assert shown["columns"][0]["type"] == "int64"
    first, second, third = shown["rows"]
    assert first[0] == str(2**53)
    assert second[1] == "NaN"
    assert third[1] == "Infinity"
    assert first[2] == "2013-03-18T10:15:00+00:00"
    assert first[3] == "0x00ff"
    assert len(first[4]) == MAX_CHARACTERS
    assert first[5:] == ["[1, 2]", "1.50", True]
    assert shown["n_rows"] == 3


@pytest.mark.parametrize(("rows", "n"), [(2, 2), (0, 0), (-1, 0), (10**9, 1000)])
def test_rows_are_bounded(tmp_path: Path, rows: int, n: int) -> None:
    pq.write_table(pa.table({"a": range(5000)}), tmp_path / "o")
    shown = preview(tmp_path / "o", "t.parquet", rows=rows)
    assert (len(shown["rows"]), shown["n_rows"]) == (n, 5000)


def test_columns_are_bounded(tmp_path: Path) -> None:
    pq.write_table(pa.table({f"c{n}": [n] for n in range(500)}), tmp_path / "o")
    shown = preview(tmp_path / "o", "t.parquet")
    assert len(shown["columns"]) == len(shown["rows"][0]) == MAX_COLUMNS


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "o")
    shown = preview(tmp_path / "o", "t.parquet")
    assert shown == {"columns": [{"name": "a", "type": "int64"}], "rows": [], "n_rows": 0}


def test_a_csv_file_is_read_with_its_types(tmp_path: Path) -> None:
    (tmp_path / "o").write_text('carrier,n,note\nDL,412,"two\nlines"\nEV,7,\n', encoding="utf-8")
    shown = preview(tmp_path / "o", "errors.csv", rows=1)
    assert shown["columns"][1] == {"name": "n", "type": "int64"}
    assert shown["rows"] == [["DL", 412, "two\nlines"]]
    assert shown["n_rows"] == 2


def test_a_long_csv_file_is_not_read_whole_but_counted(tmp_path: Path) -> None:
    (tmp_path / "o").write_text("a,b\n" + "1,2\n" * 600_000, encoding="utf-8")
    shown = preview(tmp_path / "o", "big.csv", rows=3)
    assert (len(shown["rows"]), shown["n_rows"]) == (3, 600_000)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.parquet", b"PAR1 not really"),
        ("t.csv", b"a,b\n1\n2,3,4\n"),
        ("t.csv", b"\xff\xfe\x00garbage"),
        ("t.html", b"<b>"),
        ("no_suffix", b""),
    ],
)
def test_what_is_no_table_says_so(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / "o").write_bytes(data)
    with pytest.raises(InvalidInput, match=name):
        preview(tmp_path / "o", name)


def test_an_empty_csv_file_has_no_columns(tmp_path: Path) -> None:
    (tmp_path / "o").touch()
    assert preview(tmp_path / "o", "t.csv") == {"columns": [], "rows": [], "n_rows": 0}
