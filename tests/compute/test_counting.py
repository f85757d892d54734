"""Counting on grids: the same digits from everywhere, cubes that add, and odd tables."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlops_lab.compute import Chunking, Cube, Grids, count, fit_grids, infer_kinds
from mlops_lab.compute import tally as tally_module
from mlops_lab.compute.grids import Grid
from mlops_lab.compute.statistics import STATISTICS
from mlops_lab.errors import Corrupt, InvalidInput, NotFound

WORDS = np.array(["EV", "UA", "B6", "MQ", "ü"])


def table(n: int, seed: int = 1, shift: float = 0.0) -> pa.Table:
    """A table with a column of each kind, gaps and values that are not finite."""
    chance = np.random.default_rng(seed)
    gaps = chance.random(n) < 0.1
    odd = chance.gamma(2.0, 2.0, n)
    odd[::97], odd[5::97], odd[7::97] = np.nan, np.inf, -np.inf
    return pa.table(
        {
            "at": np.datetime64("2013-03-01T00:00:00", "us")
            + chance.integers(0, 40 * 86_400, n).astype("timedelta64[s]"),
            "speed": pa.array(chance.normal(shift, 3.0, n), mask=gaps),
            "rain": np.where(chance.random(n) < 0.6, 0.0, odd),
            "seats": chance.integers(0, 40, n),
            "minute": chance.integers(0, 1440, n),
            "carrier": WORDS[chance.integers(0, len(WORDS), n)],
            "late": chance.random(n) < 0.3,
        }
    )


def pictures(rows: pa.Table, folder: Path) -> dict[str, Any]:
    """The same rows in every format, and in another order."""
    pq.write_table(rows, folder / "rows.parquet")
    for i, part in enumerate((rows.slice(0, 700), rows.slice(700))):
        (folder / "parts").mkdir(exist_ok=True)
        pq.write_table(part, folder / "parts" / f"{i}.parquet", row_group_size=200)
    order = np.random.default_rng(9).permutation(len(rows))
    return {
        "arrow": rows,
        "parquet": folder / "rows.parquet",
        "folder": folder / "parts",
        "pandas": rows.to_pandas(),
        "pandas with Arrow's types": rows.to_pandas(types_mapper=pd.ArrowDtype),
        "polars": pl.from_arrow(rows),
        "duckdb": duckdb.from_arrow(rows),
        "sql": f"select * from '{folder / 'rows.parquet'}' order by speed desc",
        "other order": rows.take(order),
    }


def test_every_format_and_order_gives_the_same_bytes(tmp_path: Path) -> None:
    rows = table(3_000)
    # pandas has no gaps but NaN: a comparison of bytes needs a table that means the same in all.
    rows = rows.set_column(2, "rain", pa.array(np.nan_to_num(rows["rain"].to_numpy(), nan=7.0)))
    chunking = Chunking("week", "at")
    found = {}
    for name, source in pictures(rows, tmp_path).items():
        grids = fit_grids(source, time="at")
        found[name] = count(source, grids, chunking=chunking, segment="carrier").to_bytes()
    assert len(set(found.values())) == 1


def test_a_drawn_sample_does_not_depend_on_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_lab.compute.fitting.SAMPLE", 2_000)
    rows = table(20_000)
    order = np.random.default_rng(2).permutation(len(rows))
    grids = fit_grids(rows)
    assert grids["speed"].form == "bins"
    assert grids["seats"].form == "values"
    assert grids.digest == fit_grids(rows.take(order)).digest


def test_rows_that_repeat_are_all_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_lab.compute.fitting.SAMPLE", 1_000)
    n = 8_000
    same = pa.table({"a": np.arange(n) % 3, "b": np.repeat(1.5, n), "c": np.arange(n) % 2})
    grids = fit_grids(same)
    assert grids["a"].values == (0.0, 1.0, 2.0)
    assert grids["b"].values == (0.0, 1.5)


def test_counts_are_those_of_numpy() -> None:
    rows = table(5_000)
    window = count(rows, fit_grids(rows)).window()
    speed = rows["speed"].drop_null().to_numpy()
    counts = window["speed"]
    assert window.rows == counts.rows == 5_000
    assert counts.total == len(speed)
    assert counts.missing == 5_000 - len(speed)
    assert (counts.min, counts.max) == (speed.min(), speed.max())
    assert counts.mean == pytest.approx(speed.mean(), abs=1e-9)
    low, high = counts.std_bounds
    assert low <= speed.std() <= high
    assert counts.std == pytest.approx(speed.std(), rel=1e-5)
    for q in (0.0, 0.01, 0.5, 0.9, 1.0):
        left, right = counts.quantile_bounds(q)
        assert left <= np.quantile(speed, q, method="inverted_cdf") <= right
        assert left <= counts.quantile(q) <= right
    rain = rows["rain"].to_numpy()
    counts = window["rain"]
    assert counts.nan == np.isnan(rain).sum()
    assert counts.positive_infinite == (rain == np.inf).sum()
    assert counts.negative_infinite == (rain == -np.inf).sum()
    assert counts.zero == (rain == 0).sum()
    assert window["seats"].count_of(7) == (rows["seats"].to_numpy() == 7).sum()
    assert window["carrier"].count_of("ü") == (rows["carrier"].to_numpy() == "ü").sum()
    assert window["late"].share(True) == rows["late"].to_numpy().mean()


def test_parts_add_up_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = table(4_000)
    grids = fit_grids(rows, time="at")
    chunking = Chunking("day", "at")
    whole = count(rows, grids, chunking=chunking, segment="carrier")
    parts = [
        count(rows.slice(i, 1_000), grids, chunking=chunking, segment="carrier")
        for i in range(0, 4_000, 1_000)
    ]
    assert Cube.merge(*parts).to_bytes() == whole.to_bytes()
    assert Cube.merge(Cube.merge(parts[3], parts[0]), parts[2], parts[1]).to_bytes() == (
        whole.to_bytes()
    )
    # Kept ones are as narrow as their numbers; whole days one after the other need no adding.
    kept = [Cube.from_bytes(one.to_bytes()) for one in parts]
    assert Cube.merge(*kept).to_bytes() == whole.to_bytes()
    days = [
        count(
            rows,
            grids,
            chunking=chunking,
            segment="carrier",
            where=f"\"at\" {one} timestamp '2013-03-20'",
        )
        for one in (">=", "<")
    ]
    kept = [Cube.from_bytes(one.to_bytes()) for one in days]
    assert Cube.merge(*kept).to_bytes() == whole.to_bytes()
    assert kept[0].window()["speed"].mean == days[0].window()["speed"].mean
    # A column with many cells is counted in sparse arrays: to the same digits.
    monkeypatch.setattr(tally_module, "DENSE", 1_000)
    sparse = count(rows, grids, chunking=chunking, segment="carrier")
    assert sparse.to_bytes() == whole.to_bytes()


def test_windows_are_sums_of_cells() -> None:
    rows = table(4_000)
    cube = count(rows, fit_grids(rows), chunking=Chunking("week", "at"), segment="carrier")
    assert cube.segments[0] == ""
    assert sum(window.rows for _, window in cube.chunk_windows()) == 4_000
    week = cube.keys[2]
    by_segment = [cube.window([week], name)["speed"] for name in cube.names]
    together = cube.window([week])["speed"]
    assert sum(one.total for one in by_segment) == together.total
    assert sum(one.dense for one in by_segment).tolist() == together.dense.tolist()
    apart = cube.window([cube.keys[0], cube.keys[3]])["speed"]
    assert apart.rows == cube.rows(cube.keys[0]) + cube.rows(cube.keys[3])
    with pytest.raises(NotFound, match="2099"):
        cube.window(["2099-01-01"])
    with pytest.raises(NotFound, match="no segment"):
        cube.window(segment="XX")


def test_bytes_tell_what_is_wrong_with_them() -> None:
    rows = table(100)
    data = count(rows, fit_grids(rows)).to_bytes()
    assert Cube.from_bytes(data).to_bytes() == data
    for torn in (b"", b"junk", data[:-9], data[:8] + b"\0" + data[9:]):
        with pytest.raises(Corrupt):
            Cube.from_bytes(torn)


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.float64,
        st.integers(1, 60),
        elements=st.one_of(
            st.floats(allow_nan=False, allow_infinity=False),
            st.floats(-1e3, 1e3),
            st.sampled_from([0.0, -0.0, 1.0, 1.5, 1e-300, -1e300, 5e-324]),
        ),
    ),
    st.floats(-1e6, 1e6),
    st.integers(-40, 40),
    st.sets(st.floats(-1e3, 1e3), max_size=4),
)
def test_slots_keep_the_order_of_values(
    values: np.ndarray, centre: float, exponent: int, atoms: set[float]
) -> None:
    grid = Grid("x", "number", "bins", centre, 2.0**exponent, tuple(sorted(atoms | {0.0})))
    ordered = np.sort(values + 0.0)
    slots = grid.slots_of(ordered)
    assert (np.diff(slots) >= 0).all()
    assert slots.min() >= 0
    assert slots.max() < grid.size
    assert (grid.edges.atom[grid.slots_of(np.array(grid.atoms))]).all()
    # Values that differ from an atom are not in its slot.
    inside = grid.edges.atom[slots]
    assert set(ordered[inside].tolist()) <= set(grid.atoms)


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.one_of(st.integers(-70, 70).map(float), st.floats(-9, 9)), min_size=1, max_size=9),
    arrays(np.float64, 20, elements=st.one_of(st.integers(-99, 99).map(float), st.floats(-9, 9))),
)
def test_values_have_odd_slots_and_what_lies_between_even_ones(
    known: set[float], values: np.ndarray
) -> None:
    listed = sorted({value + 0.0 for value in known})
    grid = Grid("x", "integer", "values", values=tuple(listed))
    for value, slot in zip(values.tolist(), grid.slots_of(values).tolist(), strict=True):
        below = sum(one < value for one in listed)
        assert slot == 2 * below + (value in listed)


KINDS = {
    "b": (pa.array([True, False] * 300), "boolean"),
    "few": (pa.array([0.5, 1.5] * 300), "integer"),
    "many": (pa.array(np.linspace(0, 1, 600)), "number"),
    "whole": (pa.array(np.arange(600)), "integer"),
    "huge": (pa.array([2**63 + i for i in range(600)], pa.uint64()), "integer"),
    "money": (pa.array([f"{i}.25" for i in range(600)]).cast(pa.decimal128(9, 2)), "number"),
    "word": (pa.array(["a", "b"] * 300), "category"),
    "id": (pa.array([f"N{i}" for i in range(600)]), "id"),
    "prose": (pa.array([f"the {i}th of all long sentences here" for i in range(600)]), "text"),
    "day": (pa.array(np.arange("2013-01", "2014-09", dtype="datetime64[D]")[:600]), "time"),
    "clock": (pa.array(np.arange(600) * 60_000_000, pa.time64("us")), "time"),
    "nested": (pa.array([{"a": i} for i in range(600)]), "other"),
    "none": (pa.nulls(600, pa.float64()), "number"),
    "nothing": (pa.nulls(600), "other"),
    "bytes": (pa.array([b"x"] * 600), "other"),
}


def test_kinds_are_told_from_types_and_values() -> None:
    rows = pa.table({name: values for name, (values, _) in KINDS.items()})
    found = infer_kinds(rows)
    assert {name: one.kind for name, one in found.items()} == {
        name: kind for name, (_, kind) in KINDS.items()
    }
    assert found["many"].reason == "600 different values"
    # Few rows are no few values.
    assert infer_kinds(rows.slice(0, 40))["many"].kind == "number"
    # Whatever it is, it can be counted, and compared with itself.
    window = count(rows, fit_grids(rows)).window()
    for name in rows.column_names:
        for one in STATISTICS.values():
            measured = one.measure(window[name], window[name])
            assert not measured.known or one.bounds[0] <= measured.value <= one.bounds[1]


def test_kinds_are_declared_where_that_is_possible() -> None:
    rows = pa.table({name: values for name, (values, _) in KINDS.items()})
    grids = fit_grids(rows, kinds={"whole": "category", "few": "number", "word": "id"})
    assert grids["whole"].form == "words"
    assert grids.kinds["whole"].declared
    assert grids["word"].form == "presence"
    with pytest.raises(InvalidInput, match="declared as number, but its type is STRUCT"):
        fit_grids(rows, kinds={"nested": "number"})
    with pytest.raises(InvalidInput, match='"numeric"; a kind is one of number'):
        fit_grids(rows, kinds={"few": "numeric"})
    with pytest.raises(InvalidInput, match="Did you mean money"):
        fit_grids(rows, kinds={"moneys": "number"})
    with pytest.raises(InvalidInput, match='no value of it is a number: it holds "a"'):
        fit_grids(rows, kinds={"word": "number"})
    with pytest.raises(InvalidInput, match=r'true or false, or 1 or 0: it holds "0\.5"'):
        fit_grids(rows, kinds={"few": "boolean"})
    with pytest.raises(InvalidInput, match="no column speed"):
        fit_grids(rows, columns=["speed"])


def test_row_numbers_are_counted_as_there_or_not() -> None:
    row = np.arange(2_000) * 10**15
    rows = pa.table({"row": row, "x": np.arange(2_000) % 900, "far": row * 1e7})
    grids = fit_grids(rows)
    # Doubles beyond 2⁵³ are all whole: that makes no identifier of them.
    assert [grids[name].kind for name in rows.column_names] == ["id", "integer", "number"]
    counts = count(rows, grids).window()["row"]
    assert (grids["row"].form, counts.total, counts.missing) == ("presence", 2_000, 0)


def test_new_and_other_words_are_told_apart() -> None:
    reference = pa.table({"tail": [f"N{i % 300}" for i in range(3_000)] + ["top"] * 500})
    grids = fit_grids(reference, kinds={"tail": "category"})
    assert len(grids["tail"].words) == 49
    assert Grids.from_json(grids.to_json()).digest == grids.digest
    current = pa.table({"tail": ["top", "N299", "N7", "never", "never", "x" * 500, None]})
    counts = count(current, grids).window()["tail"]
    assert counts.count_of("top") == 1
    assert counts.new == 3
    assert counts.total == 6
    assert counts.missing == 1
    assert counts.examples == (("never", 2), ("x" * 200, 1))


def test_another_type_than_the_reference_has_is_read_or_told() -> None:
    reference = pa.table(
        {"n": np.arange(1000) / 7, "c": ["1", "2"] * 500, "b": [True, False] * 500}
    )
    grids = fit_grids(reference)
    text = pa.table({"n": ["1.5", "n/a", "", None], "c": [1.0, 2.0, None, 3.5], "b": [0, 1, 1, 2]})
    window = count(text, grids).window()
    assert (window["n"].total, window["n"].unreadable, window["n"].missing) == (1, 2, 1)
    assert (window["c"].count_of("1"), window["c"].new, window["c"].missing) == (1, 1, 1)
    assert window["b"].count_of(True) == 2
    nested = pa.table({"n": [[1.0], None]})
    counted = count(nested, grids)
    assert counted.window()["n"].unreadable == 1
    assert counted.absent == ("c", "b")


def test_names_are_only_names() -> None:
    odd = ["t", "g", "raw", "v", "n", "place", "q", "us", "select", "at", "a \"b'; --", "", "ü\n"]
    chance = np.random.default_rng(6)
    values: list[Any] = [
        WORDS[chance.integers(0, 5, 60)] if i % 2 else chance.normal(size=60)
        for i in range(len(odd))
    ]
    rows = pa.table(dict(zip(odd, values, strict=True)))
    cube = count(rows, fit_grids(rows), chunking=Chunking("size", size=20), segment="g")
    assert len(cube.columns) == len(odd)
    assert cube.total_rows == 60


def test_a_histogram_holds_every_value() -> None:
    rows = table(2_000)
    window = count(rows, fit_grids(rows)).window()
    for name in ("speed", "rain", "seats", "minute"):
        edges, counts = window[name].histogram()
        assert len(edges) == len(counts) + 1 <= 31
        assert counts.sum() == window[name].total
        assert (np.diff(edges) > 0).all()
    edges, counts = window["speed"].histogram([-1.0, 0.0, 1.0])
    speed = rows["speed"].drop_null().to_numpy()
    assert counts.tolist() == pytest.approx([(speed < 0).sum(), (speed >= 0).sum()], abs=3)


def test_huge_and_tiny_numbers_stay_finite() -> None:
    values = np.array([1e308, -1e308, 5e-324, 0.0, 1.0] * 200 + list(np.linspace(0, 1, 600)))
    rows = pa.table({"x": values})
    counts = count(rows, fit_grids(rows)).window()["x"]
    assert counts.total == len(values)
    assert (counts.min, counts.max) == (-1e308, 1e308)
    assert np.isfinite(counts.median)
    ends = pa.table({"x": np.array([1.7e308, -1.7e308] * 300)})
    far = count(ends, fit_grids(rows)).window()["x"]
    for one in STATISTICS.values():
        for pair in ((counts, far), (far, counts), (far, far)):
            measured = one.measure(*pair)
            assert not measured.known or one.bounds[0] <= measured.value <= one.bounds[1]


@pytest.mark.parametrize(
    "rows",
    [
        pa.table({"x": pa.array([], pa.float64()), "c": pa.array([], pa.string())}),
        pa.table({"x": pa.nulls(3, pa.float64()), "c": pa.nulls(3, pa.string())}),
        pa.table({"x": [np.nan, np.inf], "c": ["", None]}),
        pa.table({"x": [4.5], "c": ["one"]}),
    ],
    ids=["empty", "missing", "not finite", "one row"],
)
def test_tables_with_hardly_anything_are_counted(rows: pa.Table) -> None:
    cube = count(rows, fit_grids(rows))
    window = Cube.from_bytes(cube.to_bytes()).window()
    assert window["x"].rows == window["c"].rows == len(rows)
    full = count(pa.table({"x": [1.0, 2.0], "c": ["a", "b"]}), cube.grids).window()
    for one in STATISTICS.values():
        for name in ("x", "c"):
            one.measure(window[name], full[name])
            one.measure(full[name], window[name])


def test_a_condition_and_absent_segments_are_told() -> None:
    rows = table(500)
    grids = fit_grids(rows)
    late = count(rows, grids, where="late")
    assert late.total_rows == int(rows["late"].to_numpy().sum())
    with pytest.raises(InvalidInput, match="no column origin"):
        count(rows, grids, segment="origin")
    with pytest.raises(InvalidInput, match="of kind number"):
        count(rows, grids, segment="speed")
    assert count(rows, grids, segment="seats").rows("all", "39") > 0


def test_counting_a_wide_table_does_not_hang() -> None:
    chance = np.random.default_rng(3)
    wide = pa.table({f"c{i}": chance.normal(size=50) for i in range(900)})
    done: list[tuple[int, int]] = []
    cube = count(wide, fit_grids(wide), progress=lambda a, b: done.append((a, b)))
    assert len(cube.columns) == 900
    assert done[-1] == (900, 900)


def test_an_interrupt_stops_the_scan(tmp_path: Path) -> None:
    source = "select range * 1.5 as x, range * 2.5 as y from range(200000)"
    grids = fit_grids(source)
    long = "select a.range * 1.5 as x, b.range * 2.5 as y from range(100000) a, range(100000) b"
    begun = time.monotonic()
    import _thread

    timer = threading.Timer(0.7, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        count(long, grids, tmp=tmp_path)
    timer.join()
    assert time.monotonic() - begun < 60
    assert list(tmp_path.iterdir()) == []
