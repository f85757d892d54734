"""Rows in chunks: calendars, time zones, the two nights of a year, sizes and counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_lab.compute import Chunking, chunks_of
from mlops_lab.errors import InvalidInput

NEW_YORK = "America/New_York"


def instants(*texts: str) -> pa.Table:
    """A table with a column of instants, given in UTC."""
    times = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts]
    return pa.table({"at": pa.array(times, pa.timestamp("us", "UTC"))})


def keys(rows: object, chunking: Chunking) -> dict[str, int]:
    return {chunk.key: n for chunk, n in chunks_of(rows, chunking)}


def test_a_period_is_the_zones() -> None:
    rows = instants("2013-04-01T03:59:59", "2013-04-01T04:00:00", "2013-04-08T03:59:00")
    assert keys(rows, Chunking("day", "at")) == {"2013-04-01": 2, "2013-04-08": 1}
    assert keys(rows, Chunking("day", "at", NEW_YORK)) == {
        "2013-03-31": 1,
        "2013-04-01": 1,
        "2013-04-07": 1,
    }
    assert keys(rows, Chunking("week", "at", NEW_YORK)) == {"2013-03-25": 1, "2013-04-01": 2}
    assert keys(rows, Chunking("month", "at", NEW_YORK)) == {"2013-03-01": 1, "2013-04-01": 2}


def test_clocks_that_jump_make_days_of_23_and_25_hours() -> None:
    start = datetime(2013, 3, 9, 5, tzinfo=UTC)
    half_hours = [start + timedelta(minutes=30 * i) for i in range(2 * 24 * 4)]
    rows = pa.table({"at": pa.array(half_hours, pa.timestamp("us", "UTC"))})
    assert keys(rows, Chunking("day", "at", NEW_YORK)) == {
        "2013-03-09": 48,
        "2013-03-10": 46,
        "2013-03-11": 48,
        "2013-03-12": 48,
        "2013-03-13": 2,
    }
    night = instants(*(f"2013-11-03T{hour:02}:{m:02}" for hour in range(4, 8) for m in (0, 59)))
    chunking = Chunking("hour", "at", NEW_YORK)
    assert keys(night, chunking) == {
        "2013-11-03T00": 2,
        "2013-11-03T01": 2,
        "2013-11-03T01b": 2,
        "2013-11-03T02": 2,
    }
    first, second = (chunking.bounds(f"2013-11-03T01{one}") for one in ("", "b"))
    assert first is not None
    assert second is not None
    assert first[1] == second[0] == datetime(2013, 11, 3, 6, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"])
@pytest.mark.parametrize("by", ["hour", "day", "week", "month"])
def test_bounds_hold_exactly_the_rows_of_their_chunk(zone: str, by: str) -> None:
    chance = np.random.default_rng(1)
    seconds = chance.integers(1_349_000_000, 1_385_000_000, 120)
    times = [datetime.fromtimestamp(int(one), UTC) for one in seconds]
    rows = pa.table({"at": pa.array(times, pa.timestamp("us", "UTC"))})
    chunking = Chunking(by, "at", zone)  # type: ignore[arg-type]
    found = chunks_of(rows, chunking)
    assert [chunk.key for chunk, _ in found] == sorted(chunk.key for chunk, _ in found)
    for chunk, n in found:
        assert chunk.from_ is not None
        assert chunk.until is not None
        assert sum(chunk.from_ <= one < chunk.until for one in times) == n
        assert chunking.key_of(chunk.from_) == chunk.key
        assert chunking.chunk(chunk.key) == chunk
    between = chunking.between(found[0][0].key, found[-1][0].key)
    assert {chunk.key for chunk, _ in found} <= {one.key for one in between}
    assert all(a.until == b.from_ for a, b in pairwise(between))


def test_times_without_a_zone_are_the_zones_own_clock() -> None:
    rows = pa.table({"at": np.array(["2013-04-01T00:30", "2013-04-01T23:30"], "datetime64[us]")})
    chunking = Chunking("day", "at", NEW_YORK)
    assert keys(rows, chunking) == {"2013-04-01": 2}
    bounds = chunking.bounds("2013-04-01")
    assert bounds is not None
    assert bounds[0] == datetime(2013, 4, 1, tzinfo=ZoneInfo(NEW_YORK))
    days = pa.table({"at": [date(2013, 4, 1), date(2013, 4, 7), date(2013, 4, 8)]})
    assert keys(days, Chunking("week", "at")) == {"2013-04-01": 2, "2013-04-08": 1}
    nanos = pa.table({"at": np.array(["2013-04-01T00:30:00.123456789"], "datetime64[ns]")})
    assert keys(nanos, Chunking("hour", "at")) == {"2013-04-01T00": 1}


def test_times_before_1970_and_far_away_are_placed() -> None:
    rows = instants("1883-11-18T16:59:00", "1969-12-31T23:59:59", "0999-02-03T00:00:00")
    assert keys(rows, Chunking("day", "at")) == {
        "0999-02-03": 1,
        "1883-11-18": 1,
        "1969-12-31": 1,
    }
    # The railways changed New York's noon by 3:58 on that day.
    assert keys(instants("1883-11-18T04:57:00"), Chunking("day", "at", NEW_YORK)) == {
        "1883-11-18": 1
    }


def test_rows_without_a_time_are_in_no_chunk() -> None:
    for kind in ("date", "timestamp", "timestamptz"):
        rows = (
            f"select unnest(['2013-04-01', null, 'infinity', '0001-01-01', '9999-12-31', "
            f"'0044-03-15 (BC)', '10000-01-01']::{kind}[]) as at"
        )
        for by in ("day", "month"):
            assert keys(rows, Chunking(by, "at", "Asia/Tokyo")) == {"2013-04-01": 1}


def test_sizes_go_by_the_order_of_rows_or_by_time() -> None:
    rows = pa.table(
        {
            "n": range(10),
            "at": np.datetime64("2013-04-01") + np.arange(10)[::-1].astype("timedelta64[D]"),
        }
    )
    assert keys(rows, Chunking("size", size=4)) == {"0000": 4, "0001": 4, "0002": 2}
    assert keys(rows, Chunking("count", count=3)) == {"0000": 4, "0001": 4, "0002": 2}
    by_time = chunks_of(rows, Chunking("size", "at", size=4))
    assert [n for _, n in by_time] == [4, 4, 2]
    assert by_time[1][0].from_ == datetime(2013, 4, 5, tzinfo=UTC)
    ties = pa.table({"at": [date(2013, 4, 1)] * 7 + [date(2013, 4, 2)]})
    assert keys(ties, Chunking("size", "at", size=4)) == {"0000": 8}
    assert keys(rows, Chunking()) == {"all": 10}
    assert keys(rows.slice(0, 0), Chunking("size", size=4)) == {}
    assert keys(rows.slice(0, 0), Chunking("week", "at")) == {}


@pytest.mark.parametrize(
    ("chunking", "told"),
    [
        ({"by": "fortnight", "time": "at"}, 'parted by "fortnight": give hour'),
        ({"by": "week"}, 'give time="…"'),
        ({"by": "week", "time": "at", "timezone": "Wien"}, 'no time zone "Wien"'),
        ({"by": "size", "size": 0}, "a number of at least 1"),
        ({"by": "count"}, "needs count=…"),
        ({"by": "week", "time": "when"}, "no column when to part the rows by"),
        ({"by": "week", "time": "n"}, "The column n is BIGINT, not a date or time"),
    ],
)
def test_what_cannot_part_rows_is_told(chunking: dict[str, object], told: str) -> None:
    rows = pa.table({"at": [date(2013, 4, 1)], "n": [1]})
    with pytest.raises(InvalidInput, match=told):
        chunks_of(rows, Chunking(**chunking))  # type: ignore[arg-type]


def test_too_many_chunks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_lab.compute.chunks.MAX_CHUNKS", 5)
    days = pa.table({"at": [date(2013, 4, 1) + timedelta(days=i) for i in range(6)]})
    with pytest.raises(InvalidInput, match=r"By day, the rows make 6 chunks; there can be 5"):
        chunks_of(days, Chunking("day", "at"))
    with pytest.raises(InvalidInput, match="Take longer ones"):
        chunks_of(days, Chunking("size", size=1))


def test_instants_in_nanoseconds_are_instants(tmp_path: Path) -> None:
    """As pandas has them, in frames and in files."""
    rows = instants("2013-03-31T00:00:00", "2013-04-01T00:00:00", "2013-04-02T00:00:00")
    fine = rows.cast(pa.schema([("at", pa.timestamp("ns", "UTC"))]))
    pq.write_table(fine, tmp_path / "fine.parquet")
    week = Chunking("week", "at", NEW_YORK)
    for one in (rows, fine, tmp_path / "fine.parquet"):
        assert keys(one, week) == {"2013-03-25": 2, "2013-04-01": 1}
