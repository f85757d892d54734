"""A version read as a frame, and content that is not what its name says."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_lab.data.frames import read_arrow, read_pandas, read_relation
from mlops_lab.errors import InvalidInput


def torn(path: Path) -> bytes:
    pq.write_table(pa.table({"a": range(100_000)}), path)
    data = path.read_bytes()
    return data[:2000] + os.urandom(2000) + data[4000:]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("utf16.csv", "a,b\n1,ü\n".encode("utf-16"), "not utf-8"),
        ("fake.csv.gz", b"a\n1\n", "not a GZIP stream: fake.csv.gz"),
        ("half.json", b'{"a":', 'in file "half.json"'),
        ("deep.json", b"[" * 2000 + b"]" * 2000, "recursion"),
        ("lie.parquet", b"a,b\n1,2\n", "magic bytes"),
        ("empty.parquet", b"", "0 bytes"),
        ("torn.parquet", None, "Corrupt"),
    ],
)
def test_what_cannot_be_read_is_said_by_its_own_name(
    name: str, content: bytes | None, why: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(torn(path) if content is None else content)
    for read in (read_arrow, read_pandas):
        with pytest.raises(InvalidInput, match=r"flights@3 cannot be read as a table") as told:
            read(path, "flights@3")
        assert why in str(told.value)
        assert str(tmp_path) not in str(told.value)
    if name.endswith(("gz", "json")):  # of others only the schema is read
        with pytest.raises(InvalidInput, match=r"flights@3 cannot be read as a table"):
            read_relation(path, "flights@3")


def test_a_time_zone_that_nobody_knows_is_said(tmp_path: Path) -> None:
    path = tmp_path / "mars.parquet"
    pq.write_table(pa.table({"a": pa.array([1], pa.timestamp("ns", "Mars/Olympus"))}), path)
    assert read_arrow(path, "flights@3").num_rows == 1
    with pytest.raises(InvalidInput, match="flights@3 cannot be read as a table"):
        read_pandas(path, "flights@3")
