"""Profiles: exact, the same in any order and from any format, whatever is in the columns."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_lab.compute import ColumnProfile, Profile, profile
from mlops_lab.compute.bins import MAX_BINS
from mlops_lab.compute.engine import MEMORY
from mlops_lab.errors import Corrupt

NAN, INF = float("nan"), float("inf")


def column(values: Any, type_: Any = None) -> ColumnProfile:
    found = profile(pa.table({"x": pa.array(values, type_)}))
    check_sound(found)
    return found.columns[0]


def check_sound(found: Profile) -> None:
    """What holds of every profile."""
    assert Profile.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found
    for one in found.columns:
        assert one.rows == found.rows
        finite = one.count - one.not_finite
        assert one.distinct is None or one.distinct <= finite
        assert sum(n for _, n in one.top) <= finite
        counts = [n for _, n in one.top]
        assert counts == sorted(counts, reverse=True)
        if one.histogram is not None:
            edges = list(one.histogram.edges)
            assert sum(one.histogram.counts) == finite
            assert len(edges) == len(one.histogram.counts) + 1 <= MAX_BINS + 1
            if one.kind == "number":
                assert edges == sorted(set(edges))
        if one.kind == "number" and finite:
            values = list(one.quantiles.values())
            assert values == sorted(values, key=float)


def test_numbers_are_what_numpy_says() -> None:
    values = np.random.default_rng(7).exponential(10, 5000)
    found = column(values)
    assert (found.kind, found.count, found.missing, found.distinct) == ("number", 5000, 0, 5000)
    assert found.mean == pytest.approx(values.mean(), rel=1e-11)
    assert found.std == pytest.approx(values.std(ddof=1), rel=1e-9)
    assert (found.min, found.max) == (values.min(), values.max())
    for name, share in (("p1", 0.01), ("p50", 0.5), ("p99", 0.99)):
        assert found.quantiles[name] == np.quantile(values, share, method="inverted_cdf")
    assert found.histogram is not None
    edges = np.array(found.histogram.edges, dtype=float)
    assert list(np.histogram(values, edges)[0]) == list(found.histogram.counts)


def test_bins_have_their_lower_edge() -> None:
    # Tenths and their products do not meet in floating point: the edges themselves decide.
    found = column([i / 10 for i in range(101)])
    assert found.histogram is not None
    edges = np.array(found.histogram.edges, dtype=float)
    values = np.array([i / 10 for i in range(101)])
    assert list(np.histogram(values, edges)[0]) == list(found.histogram.counts)


def test_whole_numbers_get_bins_of_their_own() -> None:
    found = column([3, 3, 4, 6])
    assert found.histogram is not None
    assert found.histogram.edges == (2.5, 3.5, 4.5, 5.5, 6.5)
    assert found.histogram.counts == (2, 1, 0, 1)


def test_a_far_value_does_not_flatten_the_rest() -> None:
    found = column([*np.linspace(0, 40, 5000), 1048.0])
    assert found.histogram is not None
    assert found.max == 1048.0
    assert found.histogram.edges[-1] == 1048.0
    assert float(found.histogram.edges[-2]) <= 50
    assert len(found.histogram.counts) > 10


def test_a_date_that_stands_for_never_does_not_flatten_the_rest() -> None:
    days = [dt.date(2013, 1, 1) + dt.timedelta(days=i % 365) for i in range(5000)]
    found = column([*days, dt.date(9999, 12, 31)])
    assert found.histogram is not None
    assert found.histogram.edges[-1] == "9999-12-31"
    assert str(found.histogram.edges[-2]) < "2014-02"
    assert len(found.histogram.counts) > 10


def test_not_finite_numbers_are_counted_apart() -> None:
    found = column([1.0, NAN, INF, -INF, None, NAN, 2.0])
    assert (found.count, found.missing, found.nan, found.infinite) == (6, 1, 2, 2)
    assert (found.distinct, found.min, found.max, found.mean) == (2, 1.0, 2.0, 1.5)
    assert [value for value, _ in found.top] == [1.0, 2.0]
    only = column([NAN, INF])
    assert (only.count, only.not_finite, only.min, only.histogram) == (2, 2, None, None)


@pytest.mark.parametrize(
    "kind",
    [pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.date32(), pa.timestamp("us"), pa.null()],
)
@pytest.mark.parametrize("rows", [0, 3])
def test_nothing_there(kind: Any, rows: int) -> None:
    found = column([None] * rows, kind)
    assert (found.count, found.missing, found.top) == (0, rows, ())
    assert (found.min, found.mean, found.histogram, dict(found.quantiles)) == (None, None, None, {})


@pytest.mark.parametrize("value", [5, 0.0, -3, 1e300, 1.7e308, 5e-324, 2**62])
def test_constants(value: float) -> None:
    found = column([value] * 9)
    assert (found.distinct, found.std) == (1, 0.0)
    assert found.mean == pytest.approx(value)
    assert found.top == ((found.min, 9),)


@pytest.mark.parametrize(
    "values",
    [
        [1.7e308, -1.7e308, 5e-324, 0.0] * 5,
        [5e-324, 1e-323, 0.0] * 5,
        [1.0, 1.0000000000000002] * 5,
        [1e16, 1e16 + 2] * 5,
    ],
)
def test_extremes_of_doubles(values: list[float]) -> None:
    found = column(values)
    assert (found.min, found.max) == (min(values), max(values))
    assert found.mean is not None
    assert math.isfinite(found.mean)


def test_huge_whole_numbers_keep_their_digits() -> None:
    found = column([2**63 - 1, -(2**63), 7])
    assert (found.min, found.max) == ("-9223372036854775808", "9223372036854775807")
    assert ("9223372036854775807", 1) in found.top
    assert (7, 1) in found.top


def test_decimals() -> None:
    found = column([decimal.Decimal("1.25"), None, decimal.Decimal("-3.75")])
    assert (found.kind, found.min, found.max, found.mean) == ("number", -3.75, 1.25, -1.25)


def test_single_precision_is_shown_in_its_own_digits() -> None:
    found = column([37.94, 10.94, 0.1], pa.float32())
    assert (found.min, found.max) == (0.1, 37.94)
    assert found.quantiles["p50"] == 10.94


def test_times_before_1970_and_far_away() -> None:
    found = column([dt.datetime(1850, 5, 5, 3), dt.datetime(1969, 12, 31), dt.datetime(2030, 1, 1)])
    assert (found.kind, found.min, found.max) == (
        "time",
        "1850-05-05T03:00:00",
        "2030-01-01T00:00:00",
    )
    assert found.quantiles["p50"] == "1969-12-31T00:00:00"
    check_sound(profile("select unnest([date '0044-03-15 (BC)', date 'infinity']) as x"))


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (dt.date(1, 1, 1), dt.date(9999, 12, 31)),
        (dt.date(520, 1, 1), dt.date(9200, 12, 31)),
        (dt.date(9200, 1, 1), dt.date(9999, 12, 31)),
        (dt.date(2013, 1, 31), dt.date(2013, 2, 1)),
    ],
)
def test_edges_of_every_span_of_time(first: dt.date, last: dt.date) -> None:
    days = [first + (last - first) * i / 50 for i in range(51)]
    found = column(days)
    assert found.histogram is not None
    assert list(found.histogram.edges) == sorted(set(found.histogram.edges), key=str)


def test_time_zones_are_told_in_utc() -> None:
    values = [dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC), None]
    found = column(values, pa.timestamp("us", "America/New_York"))
    assert found.min == "2013-01-01T05:00:00Z"
    assert found.histogram is not None
    assert str(found.histogram.edges[0]).endswith("Z")


def test_times_of_day() -> None:
    found = column([dt.time(1, 2, 3), dt.time(23, 59)])
    assert (found.kind, found.min) == ("time", "01:02:03")
    assert found.histogram is not None
    assert found.histogram.edges[-1] == "24:00:00"


def test_booleans() -> None:
    found = column([True, True, False, None])
    assert (found.kind, found.mean, found.top) == (
        "boolean",
        pytest.approx(2 / 3),
        ((True, 2), (False, 1)),
    )


def test_texts_are_categories_while_they_repeat() -> None:
    assert column(["a", "b"] * 60).kind == "category"
    assert column([f"N{i % 300}" for i in range(1000)]).kind == "category"
    assert column([f"id {i}" for i in range(1000)]).kind == "text"
    assert column(["a long sentence about a delay of a flight in the rain"] * 9).kind == "text"


def test_long_texts_are_cut() -> None:
    found = column(["x" * 100_000, "y"])
    assert len(str(found.min)) == 200
    assert found.distinct == 2


def test_equals_are_listed_smallest_first() -> None:
    assert [value for value, _ in column(["b", "a", "c"] * 2).top] == ["a", "b", "c"]


def test_nested_values_are_only_counted() -> None:
    found = profile(
        "select unnest([[1], null]) as l, {'a': 1} as s, map {'a': 1} as m, 'x'::blob as b"
    )
    check_sound(found)
    assert [one.kind for one in found.columns] == ["other"] * 4
    assert (found.columns[0].count, found.columns[0].missing) == (1, 1)
    assert found.columns[0].distinct is None


def test_names_can_be_anything() -> None:
    names = ['a "b"', "ü\n;--", "%s {x} $1", "select", "c0", "C0", "chunk"]
    found = profile(pa.Table.from_arrays([pa.array([i]) for i in range(7)], names=names))
    assert found.names == ['a "b"', "ü\n;--", "%s {x} $1", "select", "c0", "C0_1", "chunk"]
    assert [one.min for one in found.columns] == list(range(7))


def test_very_many_values_are_estimated() -> None:
    values = np.random.default_rng(3).random(250_000)
    found = column(np.concatenate([values, np.zeros(50_000)]))
    assert found.approximate
    assert found.distinct == pytest.approx(250_001, rel=0.1)
    assert found.top == ((0.0, 50_000),)  # found by a sketch, counted exactly
    assert found.quantiles["p50"] == np.quantile(
        np.concatenate([values, np.zeros(50_000)]), 0.5, method="inverted_cdf"
    )


def test_progress_ends_with_all_columns() -> None:
    seen: list[tuple[int, int]] = []
    profile(
        pa.table({f"c{i}": [i] for i in range(1_050)}),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (1050, 1050)
    assert seen == sorted(seen)
    assert len(seen) > 1


def test_a_newer_format_is_refused() -> None:
    with pytest.raises(Corrupt, match="format 99"):
        Profile.from_json({"format": 99})
    with pytest.raises(Corrupt, match="no profile"):
        Profile.from_json({"rows": 3})


# -- properties -----------------------------------------------------------------------------------
MIXED = st.lists(
    st.tuples(
        st.none() | st.floats(allow_nan=True, allow_infinity=True),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.sampled_from(["a", "b", "", "ü", "x" * 300]),
        st.none() | st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)),
        st.none() | st.booleans(),
    ),
    max_size=40,
)
SCHEMA = pa.schema(
    [
        ("f", pa.float64()),
        ("i", pa.int64()),
        ("s", pa.string()),
        ("t", pa.timestamp("us")),
        ("b", pa.bool_()),
    ]
)


def table_of(rows: list[tuple[Any, ...]]) -> pa.Table:
    return pa.table([[row[i] for row in rows] for i in range(5)], schema=SCHEMA)


def near(found: Profile) -> list[dict[str, Any]]:
    """With the moments, which are sums, to fewer digits."""
    columns = [one.to_json() for one in found.columns]
    for one in columns:
        for key in ("mean", "std"):
            one[key] = None if one[key] is None else float(f"{one[key]:.6e}")
    return columns


@given(MIXED, st.randoms(use_true_random=False))
@settings(max_examples=12)
def test_any_rows_in_any_order(rows: list[tuple[Any, ...]], shuffle: random.Random) -> None:
    found = profile(table_of(rows))
    check_sound(found)
    shuffled = list(rows)
    shuffle.shuffle(shuffled)
    again = profile(table_of(shuffled))
    finite = [row[0] for row in rows if row[0] is not None and math.isfinite(row[0])]
    if max((abs(value) for value in finite), default=0) < 1e6:
        assert near(again) == near(found)
    else:  # what cancels leaves another rest in another order
        assert [one["top"] for one in near(again)] == [one["top"] for one in near(found)]


@given(MIXED, MIXED)
@settings(max_examples=8)
def test_counts_of_a_whole_are_those_of_its_parts(
    first: list[tuple[Any, ...]], second: list[tuple[Any, ...]]
) -> None:
    a, b, both = (profile(table_of(rows)) for rows in (first, second, first + second))
    for x, y, z in zip(a.columns, b.columns, both.columns, strict=True):
        assert (z.count, z.missing) == (x.count + y.count, x.missing + y.missing)
        assert z.not_finite == x.not_finite + y.not_finite
        assert max(x.distinct or 0, y.distinct or 0) <= (z.distinct or 0)
        assert (z.distinct or 0) <= (x.distinct or 0) + (y.distinct or 0)


def test_every_format_gives_the_same_digits(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    n = 20_000
    table = pa.table(
        {
            "f": generator.lognormal(size=n),
            "i": generator.integers(-50, 50, n),
            "s": generator.choice(["a", "b", "ü"], n),
            "t": pa.array(generator.integers(0, 10**15, n), pa.timestamp("us")),
            "b": generator.random(n) < 0.3,
            "gaps": pa.array([None if i % 3 else i / 7 for i in range(n)], pa.float64()),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=3000)
    sources = [
        table,
        tmp_path / "t.parquet",
        table.to_pandas(),
        pl.from_arrow(table),
        pd.read_parquet(tmp_path / "t.parquet", dtype_backend="pyarrow"),
        f"select * from read_parquet('{tmp_path / 't.parquet'}') order by random()",
    ]
    first, *others = [profile(one) for one in sources]
    for other in others:
        assert other == first


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_a_column_is_the_same_alone_and_among_others(rows: int) -> None:
    """Equal types are asked together, those without a value or a finite one among them."""
    twice = {
        "float": [[0.5, NAN, INF, 2.0, None, 2.0, -1.0], [1e300, -1e300, 3.0, 3.0, 3.0, 3.0, 3.0]],
        "int": [[1, 2, 2**60, None, 2, 2, 1], [None] * 7],
        "text": [["a", None, "b" * 300, "b", "a", "a", "a"], ["x", "y", "z", "x", "y", "z", "x"]],
        "bool": [[True, False, None, True, True, True, True], [False] * 7],
        "nan": [[NAN] * 7, [INF, -INF, None, NAN, NAN, NAN, NAN]],
        "list": [[[1], None, [], [2], [2], [2], [2]], [None] * 7],
        "time": [[dt.date(2013, 1, one) for one in range(1, 8)], [None] * 7],
    }
    types = {"float": pa.float64(), "int": pa.int64(), "text": pa.string(), "bool": pa.bool_()}
    types |= {"nan": pa.float64(), "list": pa.list_(pa.int32()), "time": pa.date32()}
    table = pa.table(
        {
            f"{name}{i}": pa.array(values[:rows], types[name])
            for name, pair in twice.items()
            for i, values in enumerate(pair)
        }
    )
    alone = [profile(table.select([name])).columns[0] for name in table.column_names]
    assert list(profile(table).columns) == alone


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_is_bounded(tmp_path: Path) -> None:
    """Three million rows that take 1.6 GB, profiled and compared under a limit of 1 GB."""
    path, rows = tmp_path / "big.parquet", 250_000
    texts = {
        f"text{n}": pa.array([f"{i * 7919 % (4000 + n)}{' aircraft' * 28}" for i in range(rows)])
        for n in range(2)
    }
    writer = None
    for piece in range(12):
        ids = np.arange(piece * rows, (piece + 1) * rows)
        numbers = np.random.default_rng(piece).random(rows)
        table = pa.table({"id": ids, "x": numbers, **texts})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    del table, texts
    # Not getrusage: what it says of a process begins with what its parent took.
    script = f"""
import re
import duckdb, numpy, pyarrow, mlops_lab
from pathlib import Path
from mlops_lab.compute import profile

def most():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1000

before = most()
assert profile({str(path)!r}).rows == {12 * rows}
assert mlops_lab.drift({str(path)!r}, {str(path)!r}).state == "ok"
print(most() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    # What DuckDB may hold by itself; the arrays beside it must fit into what it leaves.
    assert MEMORY == "1GB"
    assert float(done.stdout) < 1000
