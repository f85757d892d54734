"""Rows in chunks: by hour, day, week or month of a time zone, by size, or by count."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mlops_lab.compute.engine import Engine, quote
from mlops_lab.compute.types import ZONED, kind_of_type
from mlops_lab.errors import InvalidInput

__all__ = [
    "MAX_CHUNKS",
    "Chunk",
    "Chunking",
    "Period",
    "Placed",
    "micros_of",
    "place",
    "sorted_chunks",
    "zone_of",
]

Period: TypeAlias = Literal["hour", "day", "week", "month", "size", "count", "all"]

MAX_CHUNKS: Final = 20_000
"""More is a mistake in the period, and no picture: two years of hours are 17,520."""

ALL: Final = "all"
"""The key of the only chunk where nothing is parted."""

_QUARTER_US: Final = 900_000_000
"""Since 1972 every time zone is off UTC by whole quarters of an hour, so all times of a quarter
are in the same chunk: the calendar is asked once for each quarter instead of once for each row."""
_SECOND_US: Final = 1_000_000
_FIRST_US: Final = -62_104_060_800_000_000
_LAST_US: Final = 253_339_228_799_999_999
"""The years 2 to 9997: rows outside of them have no time."""

_MODERN_US: Final = 2 * 366 * 86_400 * 1_000_000

_HOUR: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d)(b?)")


@dataclass(frozen=True, slots=True, order=True)
class Chunk:
    """One chunk of rows.

    Parameters
    ----------
    key
        ``2013-04-01`` (the first day of a day, week or month), ``2013-04-01T05`` (an hour; the
        second one of an hour that a clock shows twice ends in ``b``), ``0007`` (by size or count),
        or ``all``. Keys of one chunking sort in its order.
    from_, until
        In UTC, the end not included; None where the chunk has no times.
    """

    key: str
    from_: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Chunking:
    """How rows are parted.

    Parameters
    ----------
    by
        A period of the calendar (a week is Monday to Sunday), *size* (so many rows each), *count*
        (so many chunks of equal size), or *all*.
    time
        The column of times. Periods need one. *size* and *count* go by it where it is given (rows
        of the same time stay together), else in the order of the rows.
    timezone
        Whose midnights count. A column with a time zone is told in this one; in a column without,
        the times are taken for this zone's clock already.
    size
        Rows of a chunk.
    count
        How many chunks.

    Raises
    ------
    InvalidInput
        Something is missing, or there is no such period or zone.
    """

    by: Period = "all"
    time: str | None = None
    timezone: str = "UTC"
    size: int | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        if self.by not in get_args(Period):
            raise InvalidInput(
                f'Rows cannot be parted by "{self.by}": give {", ".join(get_args(Period))}.'
            )
        zone_of(self.timezone)
        if self.is_period and self.time is None:
            raise InvalidInput(
                f'To part rows by {self.by} there must be a column of times: give time="…".'
            )
        for name, value in (("size", self.size), ("count", self.count)):
            if self.by == name and (value is None or value < 1):
                raise InvalidInput(f'by="{name}" needs {name}=…, a number of at least 1.')

    @property
    def is_period(self) -> bool:
        """Whether chunks are periods of the calendar."""
        return self.by in ("hour", "day", "week", "month")

    @property
    def told(self) -> str:
        """As a person says it.

        >>> Chunking("size", size=5000).told
        'by 5,000 rows in their order'
        """
        if self.by == "all":
            return "all rows together"
        if self.is_period:
            zone = "" if self.timezone == "UTC" else f" in {self.timezone}"
            return f"by {self.by}{zone}"
        order = "in their order" if self.time is None else f"by {self.time}"
        if self.by == "size":
            return f"by {self.size:,} rows {order}"
        return f"in {self.count:,} chunks of equal size {order}"

    def bounds(self, key: str) -> tuple[datetime, datetime] | None:
        """From when until when a chunk of a period lasts, in UTC; None for other chunks.

        >>> found = Chunking("day", "at", "America/New_York").bounds("2013-03-10")
        >>> (found[1] - found[0]).total_seconds() / 3600
        23.0
        """
        if not self.is_period:
            return None
        if self.by == "hour":
            return _hour_bounds(key, self.timezone)
        first = _date_of(key)
        last = _next(first, self.by)
        return _midnight(first, self.timezone), _midnight(last, self.timezone)

    def chunk(self, key: str) -> Chunk:
        """The chunk of a key."""
        bounds = self.bounds(key)
        return Chunk(key) if bounds is None else Chunk(key, *bounds)

    def key_of(self, at: datetime) -> str:
        """The key of the period that holds a time; a time without a zone is in `timezone`'s."""
        assert self.is_period
        zone = zone_of(self.timezone)
        local = at.replace(tzinfo=zone) if at.tzinfo is None else at.astimezone(zone)
        if self.by == "hour":
            return _hour_key(local, zone)
        day = local.date()
        if self.by == "week":
            day -= timedelta(days=day.weekday())
        elif self.by == "month":
            day = day.replace(day=1)
        return day.isoformat()

    def between(self, first: str, last: str) -> list[Chunk]:
        """All periods from one to another, those without rows too.

        >>> [one.key for one in Chunking("month", "at").between("2013-11-01", "2014-01-01")]
        ['2013-11-01', '2013-12-01', '2014-01-01']
        """
        found = [self.chunk(first)]
        while found[-1].key < last and len(found) <= MAX_CHUNKS:
            until = found[-1].until
            assert until is not None
            found.append(self.chunk(self.key_of(until)))
        return found

    def to_json(self) -> dict[str, object]:
        """As it is stored with counts."""
        return {
            "by": self.by,
            "time": self.time,
            "timezone": self.timezone,
            "size": self.size,
            "count": self.count,
        }


@dataclass(frozen=True, slots=True)
class Placed:
    """The chunks of a table, and how a row's is found in SQL.

    Parameters
    ----------
    chunks
        In order.
    expression
        The chunk's place in `chunks`, over the aliases ``t`` and those of `joins`; NULL where a row
        has no time.
    joins
        What follows the table.
    table
        What stands for the table: it, or it with its rows numbered.
    undated
        Rows without a time, which are in no chunk.
    """

    chunks: tuple[Chunk, ...]
    expression: str
    joins: str
    table: str
    undated: int = 0


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name.

    Raises
    ------
    InvalidInput
        There is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as error:
        raise InvalidInput(
            f'There is no time zone "{name}": write it like Europe/Vienna or UTC.'
        ) from error


def place(
    engine: Engine, table: str, types: dict[str, str], chunking: Chunking, where: str | None = None
) -> Placed:
    """Find the chunks that the rows of a table are in.

    Parameters
    ----------
    engine
        Where the table is; gets temporary tables, whose names begin with ``chunks_``.
    table
        What follows FROM.
    types
        Of its columns.
    chunking
        How to part it.
    where
        Only rows that meet this condition.

    Raises
    ------
    InvalidInput
        There is no such column, it holds no times, or there are too many chunks.
    """
    if where is not None:
        table = f"(select * from {table} where {where})"
    if chunking.by == "all":
        return Placed((Chunk(ALL),), "0", "", f"{table} as t")
    if chunking.time is None:
        return _by_rows(engine, table, types, chunking)
    column = quote(chunking.time)
    kind = _time_type(types, chunking.time)
    micros = micros_of(f"t.{column}", kind)
    # "Never" is often the year 1 or 9999, where calendars end.
    micros = f"(case when {micros} between {_FIRST_US} and {_LAST_US} then {micros} end)"
    if not chunking.is_period:
        return _by_rank(engine, table, chunking, micros, kind)
    return _by_period(engine, table, chunking, micros, kind == ZONED)


def _by_rows(engine: Engine, table: str, types: dict[str, str], chunking: Chunking) -> Placed:
    rows = int(engine.row(f"select count(*) from {table}")[0])
    size = _size(chunking, rows)
    chunks = tuple(Chunk(f"{i:04}") for i in range(_checked(-(-rows // size), chunking)))
    place = "place"
    while any(place == name.lower() for name in types):
        place += "_"
    numbered = f"(select *, row_number() over () - 1 as {place} from {table}) as t"
    return Placed(chunks, f"t.{place} // {size}", "", numbered)


def _by_rank(engine: Engine, table: str, chunking: Chunking, micros: str, kind: str) -> Placed:
    rows, undated = (
        int(one) for one in engine.row(f"select count({micros}), count(*) from {table} as t")
    )
    undated -= rows
    size = _size(chunking, rows)
    _checked(-(-rows // size), chunking)
    starts = engine.rows(
        f"select distinct us from (select us, (row_number() over (order by us) - 1) % {size} "
        f"as place from (select {micros} as us from {table} as t) where us is not null) "
        "where place = 0 order by us"
    )
    last = engine.row(f"select max({micros}) from {table} as t")[0]
    marks = [int(row[0]) for row in starts]
    ends = [*marks[1:], 0 if last is None else int(last) + 1]
    zone = None if kind == ZONED else chunking.timezone
    chunks = tuple(
        Chunk(f"{i:04}", _instant(first, zone), _instant(end, zone))
        for i, (first, end) in enumerate(zip(marks, ends, strict=True))
    )
    engine.execute("create or replace temp table chunks_marks (us bigint, g integer)")
    if marks:
        engine.execute(
            "insert into chunks_marks select unnest($1), unnest(range($2))", [marks, len(marks)]
        )
    join = f" asof left join chunks_marks as m on {micros} >= m.us"
    return Placed(chunks, "m.g", join, f"{table} as t", undated)


def _by_period(engine: Engine, table: str, chunking: Chunking, micros: str, zoned: bool) -> Placed:
    rows, dated, least = engine.row(
        f"select count(*), count({micros}), min({micros}) from {table} as t"
    )
    modern = least is None or int(least) > _MODERN_US
    step = _QUARTER_US if modern else _SECOND_US
    piece = f"floor({micros} / {step}.0)::bigint"
    local = "timezone($zone, to_timestamp(us / 1000000.0))" if zoned else "make_timestamp(us)"
    start = f"date_trunc('{chunking.by}', {local})"
    # Of an hour that the clock shows twice there are two: told apart by when they began.
    began = f"us - (epoch_us({local}) - epoch_us({start}))" if chunking.by == "hour" else "0"
    engine.execute(
        f"create or replace temp table chunks_found as select q, {start} as start, "
        f"{began} as began "
        f"from (select distinct {piece} as q, {piece} * {step} as us from {table} as t "
        f"where {micros} is not null)",
        {"zone": chunking.timezone} if zoned else None,
    )
    engine.execute(
        "create or replace temp table chunks_named as select start, began, "
        "row_number() over (partition by start order by began) - 1 as nth, "
        "row_number() over (order by start, began) - 1 as g "
        "from (select distinct start, began from chunks_found)"
    )
    named = engine.rows("select start, nth from chunks_named order by g")
    _checked(len(named), chunking)
    engine.execute(
        "create or replace temp table chunks_pieces as select q, g::integer as g "
        "from chunks_found join chunks_named using (start, began)"
    )
    form = "%Y-%m-%dT%H" if chunking.by == "hour" else "%Y-%m-%d"
    chunks = tuple(
        chunking.chunk(f"{_padded(start, form)}{'b' * min(int(nth), 1)}") for start, nth in named
    )
    join = f" left join chunks_pieces as p on p.q = {piece}"
    return Placed(chunks, "p.g", join, f"{table} as t", int(rows) - int(dated))


def _time_type(types: dict[str, str], name: str) -> str:
    if name not in types:
        raise InvalidInput(f"There is no column {name} to part the rows by: give another time=….")
    kind = types[name]
    if kind_of_type(kind) != "time" or kind in ("TIME", "TIME_NS"):
        raise InvalidInput(
            f"The column {name} is {kind}, not a date or time: rows cannot be parted by it. "
            f"Make it one, in SQL with {quote(name)}::timestamp."
        )
    return kind


def micros_of(column: str, kind: str) -> str:
    """Microseconds since 1970 (of the clock, where there is no zone); NULL of infinity.

    Of a time of the day since midnight.
    """
    if kind == "TIMESTAMP_NS":
        return f"(epoch_ns({column}) // 1000)"
    if kind in ("TIME", "TIME_NS"):
        return f"(epoch({column}::time) * 1000000)::bigint"
    value = column if kind in (ZONED, "TIMESTAMP") else f"{column}::timestamp"
    return f"(case when isfinite({value}) then epoch_us({value}) end)"


def _size(chunking: Chunking, rows: int) -> int:
    if chunking.by == "size":
        assert chunking.size is not None
        return chunking.size
    assert chunking.count is not None
    return max(1, -(-rows // chunking.count))


def _checked(count: int, chunking: Chunking) -> int:
    if count > MAX_CHUNKS:
        raise InvalidInput(
            f"{chunking.told[0].upper()}{chunking.told[1:]}, the rows make {count:,} chunks; there "
            f"can be {MAX_CHUNKS:,}. Take longer ones."
        )
    return count


def _padded(at: datetime | date, form: str) -> str:
    # On Linux %Y has no leading zeros.
    return at.strftime(form).rjust(len("2013-04-01") + (3 if "T" in form else 0), "0")


def _date_of(key: str) -> date:
    try:
        return date.fromisoformat(key)
    except ValueError as error:
        raise InvalidInput(f'"{key}" is no key of a chunk: write it like 2013-04-01.') from error


def _next(day: date, by: Period) -> date:
    match by:
        case "day":
            return day + timedelta(days=1)
        case "week":
            return day + timedelta(days=7)
        case _:
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


@lru_cache(4096)
def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone_of(zone)).astimezone(UTC)


def _hour_bounds(key: str, zone: str) -> tuple[datetime, datetime]:
    found = _HOUR.fullmatch(key)
    if found is None:
        raise InvalidInput(f'"{key}" is no key of an hour: write it like 2013-04-01T05.')
    day, hour, fold = _date_of(found[1]), int(found[2]), len(found[3])
    if hour > 23:
        raise InvalidInput(f'"{key}" is no key of an hour: a day has 00 to 23.')
    clock = zone_of(zone)
    starts = [
        datetime.combine(day, time(hour, minute, fold=fold), tzinfo=clock).astimezone(UTC)
        for minute in range(0, 60, 15)
    ]
    # A clock may jump into the hour, or over it: it lasts while the clock shows it.
    start = next((one for one in starts if _hour_key(one, clock) == key), starts[0])
    until = start
    while _hour_key(until, clock) == key:
        until += timedelta(minutes=15)
    return start, until


def _hour_key(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    hour = local.replace(tzinfo=None, minute=0, second=0, microsecond=0)
    return f"{_padded(hour, '%Y-%m-%dT%H')}{'b' * local.fold}"


def _instant(micros: int, zone: str | None) -> datetime:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    return at if zone is None else at.replace(tzinfo=zone_of(zone)).astimezone(UTC)


def sorted_chunks(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """Chunks of one or several cubes, each once, in order."""
    return tuple(sorted({one.key: one for one in chunks}.values(), key=lambda one: one.key))
