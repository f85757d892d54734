"""What only rows tell of a feed: which come twice, at which hours, how many values a day brings.

Each is one pass with bounded memory; of a long feed only its end is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from mlops_lab.compute.chunks import micros_of
from mlops_lab.compute.engine import Engine, quote
from mlops_lab.compute.types import ZONED

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "DayValues",
    "Repeats",
    "count_repeats",
    "distinct_ids",
    "distinct_values",
    "rows_by_hour",
    "unreadable_words",
]

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US

_TOGETHER: Final = 100


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows that are equal to another one in every column, which is counted once."""

    rows: int
    repeated: int


@dataclass(frozen=True, slots=True)
class DayValues:
    """About how many different values each column has on each day.

    Parameters
    ----------
    days
        When they begin; those that have rows, in order.
    rows
        By day.
    values
        By column, by day; within about 2 %.
    """

    days: tuple[datetime, ...]
    rows: tuple[int, ...]
    values: Mapping[str, tuple[int, ...]]


def count_repeats(
    engine: Engine, table: str, marks: Sequence[datetime] = (), *, time: str | None, kind: str
) -> list[Repeats]:
    """Count rows that repeat another one of the same period.

    Parameters
    ----------
    engine, table
        Where the rows are, and what follows FROM.
    marks
        Ascending bounds of periods; without any, all rows are one.
    time, kind
        The column of times and its type.
    """
    piece, joins = "0", ""
    if marks and time is not None:
        piece, joins = _periods(engine, marks, micros_of(f"t.{quote(time)}", kind))
    found = {
        int(place): Repeats(int(rows), int(rows) - int(different))
        for place, rows, different in engine.rows(
            f"select {piece} as place, count(*), count(distinct hash(t)) "
            f"from {table} as t{joins} group by all having place is not null"
        )
    }
    empty = Repeats(0, 0)
    return [found.get(place, empty) for place in range(max(len(marks) - 1, 1))]


def distinct_ids(engine: Engine, table: str, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Of columns: how many values there are, and how many different ones."""
    if not names:
        return {}
    asked = ", ".join(f"count({quote(one)}), count(distinct {quote(one)})" for one in names)
    row = engine.row(f"select {asked} from {table}")
    return {name: (int(row[2 * i]), int(row[2 * i + 1])) for i, name in enumerate(names)}


def unreadable_words(engine: Engine, table: str, name: str, most: int = 3) -> list[str]:
    """The most frequent texts of a column that are no numbers."""
    column = f"t.{quote(name)}::varchar"
    rows = engine.rows(
        f"select {column} as word, count(*) as n from {table} as t "
        f"where {column} is not null and try_cast({column} as double) is null "
        f"group by word order by n desc, word limit {most:d}"
    )
    return [str(row[0]) for row in rows]


def rows_by_hour(
    engine: Engine, table: str, *, time: str, kind: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of each hour that has any, in order.

    Returns
    -------
    hours, rows
        Hours since 1970, of UTC or, of a column without a time zone, of its own clock.
    """
    import numpy as np

    micros = micros_of(f"t.{quote(time)}", kind)
    found = engine.rows(
        f"select floor({micros} / {HOUR_US}.0)::bigint as h, count(*) from {table} as t "
        f"where {micros} is not null group by h order by h"
    )
    return (
        np.array([row[0] for row in found], dtype=np.int64),
        np.array([row[1] for row in found], dtype=np.int64),
    )


def distinct_values(
    engine: Engine,
    table: str,
    columns: Sequence[str],
    *,
    time: str,
    kind: str,
    since: datetime | None = None,
) -> DayValues:
    """Count how many different values each day brings.

    Parameters
    ----------
    columns
        Of numbers or words.
    time, kind
        The column of times and its type.
    since
        Only rows from then on.
    """
    micros = micros_of(f"t.{quote(time)}", kind)
    where = f"{micros} is not null"
    if since is not None:
        where += f" and {micros} >= {micros_since(since)}"
    day = f"floor({micros} / {DAY_US}.0)::bigint"
    days: list[datetime] = []
    rows: list[int] = []
    values: dict[str, list[int]] = {name: [] for name in columns}
    for at in range(0, max(len(columns), 1), _TOGETHER):
        some = columns[at : at + _TOGETHER]
        asked = "".join(f", approx_count_distinct(t.{quote(name)})" for name in some)
        found = engine.rows(
            f"select {day} as d, count(*){asked} from {table} as t where {where} "
            "group by d order by d"
        )
        if at == 0:
            days = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=int(row[0])) for row in found]
            rows = [int(row[1]) for row in found]
        for i, name in enumerate(some):
            values[name] = [int(row[2 + i]) for row in found]
    return DayValues(tuple(days), tuple(rows), {name: tuple(one) for name, one in values.items()})


def micros_since(at: datetime) -> int:
    """Microseconds from 1970 to a time.

    >>> micros_since(datetime(1970, 1, 2, tzinfo=UTC)) == DAY_US
    True
    """
    return (at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def is_zoned(kind: str) -> bool:
    """Whether times of a type are instants, not what some clock showed."""
    return kind == ZONED


def _periods(engine: Engine, marks: Sequence[datetime], micros: str) -> tuple[str, str]:
    starts = [micros_since(one) for one in marks]
    engine.execute("create or replace temp table feed_marks (us bigint, place integer)")
    engine.execute(
        "insert into feed_marks select unnest($1), unnest(range($2))", [starts, len(starts)]
    )
    joins = f" asof left join feed_marks as m on {micros} >= m.us"
    # What lies behind the last mark is in no period.
    return f"case when m.place < {len(starts) - 1} then m.place end", joins
