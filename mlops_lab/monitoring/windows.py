"""What is compared with what: chunks that suit the data, and a reference for each of them.

Three references. *fixed*: the same data for every chunk ("is the model still in its domain").
*rolling*: the days before each chunk ("what changed"). *training*: the data that the model version
which answered the chunk had learnt from, so that a promotion begins anew. In each, a chunk is never
compared with a reference that contains it: it would look like itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from statistics import median
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

from mlops_lab.compute.chunks import Chunk, Chunking, place
from mlops_lab.compute.counts import Counts, Later, Window
from mlops_lab.compute.engine import quote
from mlops_lab.compute.types import ZONED
from mlops_lab.monitoring.settings import Policy
from mlops_lab.wording import counted, period

if TYPE_CHECKING:
    from mlops_lab.compute.cube import Cube
    from mlops_lab.compute.engine import Engine

__all__ = [
    "Compared",
    "Seen",
    "choose_chunking",
    "compare_fixed",
    "compare_rolling",
    "compare_training",
    "is_partial",
    "label_of",
    "see",
    "without",
]

ROWS: Final = 3_000
"""Of a chunk: from here on D of a chunk without drift stays below the effect that counts."""

_Step = Literal["hour", "day", "week", "month"]
_STEPS: Final[tuple[_Step, ...]] = ("hour", "day", "week", "month")

_SLACK: Final = 0.1
"""A period is over when data has come to within this share of its end …"""
_USUAL: Final = 1.5
"""… or to within so many times what the periods before left free: shops close at night."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a first look at the chunks of a table found.

    Parameters
    ----------
    chunks
        In order.
    rows, first, last
        By chunk: how many, and the first and last time (in UTC or, without a zone, as they are).
    versions
        By chunk, the model version that answered most of its rows.
    undated
        Rows without a time.
    """

    chunks: tuple[Chunk, ...]
    rows: tuple[int, ...]
    first: tuple[datetime | None, ...]
    last: tuple[datetime | None, ...]
    versions: tuple[str | None, ...]
    undated: int = 0

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "chunks": [(one.key, *_told([one.from_, one.until])) for one in self.chunks],
            "rows": self.rows,
            "first": _told(self.first),
            "last": _told(self.last),
            "versions": self.versions,
            "undated": self.undated,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Seen:
        """Read what `to_json` made."""
        return cls(
            tuple(Chunk(key, *_read([begin, end])) for key, begin, end in value["chunks"]),
            tuple(value["rows"]),
            _read(value["first"]),
            _read(value["last"]),
            tuple(value["versions"]),
            value["undated"],
        )


def see(
    engine: Engine,
    table: str,
    chunking: Chunking,
    *,
    version: str | None = None,
    where: str | None = None,
) -> Seen:
    """Look at the chunks of a table: one pass over the time and the version.

    Parameters
    ----------
    engine, table
        Where it is, and what follows FROM.
    version
        The column that says which model version answered.
    """
    types = dict(engine.columns(table))
    placed = place(engine, table, types, chunking, where)
    told = f"t.{quote(version)}::varchar" if version else "null"
    at = f"t.{quote(chunking.time)}::timestamp" if chunking.time else "null::timestamp"
    ends = ", ".join(f"epoch_us({end}({at}) filter (isfinite({at})))" for end in ("min", "max"))
    wanted = f"{placed.expression} as g, {told} as version, count(*), {ends}"
    source = f"{placed.table}{placed.joins}"
    found = engine.rows(f"select {wanted} from {source} group by 1, 2")  # noqa: S608 quoted there
    # A column without a zone has its times by the chunking's clock, as its chunks have.
    zoned = chunking.time is not None and types.get(chunking.time) == ZONED
    zone = UTC if zoned or chunking.time is None else ZoneInfo(chunking.timezone)
    rows = [0] * len(placed.chunks)
    first: list[datetime | None] = [None] * len(rows)
    last: list[datetime | None] = [None] * len(rows)
    most: list[tuple[int, str | None]] = [(0, None)] * len(rows)
    for g, name, count, begins, ends in found:
        if g is None:
            continue
        rows[g] += int(count)
        early, late = first[g], last[g]
        began, ended = _instant(begins, zone), _instant(ends, zone)
        if began is not None:
            first[g] = began if early is None else min(early, began)
        if ended is not None:
            last[g] = ended if late is None else max(late, ended)
        if name is not None:
            most[g] = max(most[g], (int(count), str(name)), key=lambda one: (one[0], one[1] or ""))
    return Seen(
        placed.chunks,
        tuple(rows),
        tuple(first),
        tuple(last),
        tuple(name for _, name in most),
        placed.undated,
    )


def choose_chunking(
    reference: Mapping[str, int],
    current: Mapping[str, int],
    chunking: Chunking,
    policy: Policy,
) -> tuple[_Step, str]:
    """Choose the period: the shortest with enough rows, and enough of them in the reference.

    Parameters
    ----------
    reference, current
        Rows by day, or by hour where that is known, by the keys of such chunks.
    chunking
        Has the column and time zone.

    Returns
    -------
    step, told
        The period and why.

    Examples
    --------
    >>> days = {f"2013-0{m}-{d:02}": 900 for m in (1, 2, 3) for d in range(1, 29)}
    >>> choose_chunking(days, days, Chunking(time="at"), Policy())
    ('week', 'by week: the shortest period with about 3,000 rows and 8 periods in the reference')
    """
    told = []
    for step in _STEPS:
        if step == "hour" and not all("T" in key for key in current):
            continue
        mine, theirs = _rolled(current, step), _rolled(reference, step)
        rows = median(mine.values()) if mine else 0
        told.append((step, rows, len(theirs)))
    enough = policy.natural_chunks
    for step, rows, chunks in told:
        if rows >= ROWS and chunks >= enough:
            return step, (
                f"by {step}: the shortest period with about {ROWS:,} rows and {enough} periods in "
                "the reference"
            )
    for step, rows, chunks in told:
        if rows >= policy.drift_rows and chunks >= enough:
            return step, (
                f"by {step}: it has {rows:,.0f} rows in the middle, and a longer one has fewer "
                f"than {enough} periods in the reference"
            )
    for step, rows, chunks in told:
        if rows >= policy.drift_rows:
            return step, (
                f"by {step}: it has {rows:,.0f} rows in the middle; the reference has "
                f"{counted(chunks, step)}, too few to know what is natural"
            )
    return "month", f"by month: any shorter period has fewer than {policy.drift_rows:,} rows"


def is_partial(seen: Seen, at: int) -> bool:
    """Whether data has not come to the end of a chunk: only the last one can be so.

    It is over when its last row comes to within a tenth of its length of the end, or as near as the
    chunks before it usually do.
    """
    chunk = seen.chunks[at]
    last = seen.last[at]
    if at != len(seen.chunks) - 1 or chunk.until is None or last is None:
        return False
    if chunk.from_ is None:
        return False
    length = chunk.until - chunk.from_
    free = chunk.until - last
    if free <= length * _SLACK:
        return False
    before = sorted(
        one.until - end
        for one, end in zip(seen.chunks[:at], seen.last[:at], strict=True)
        if one.until is not None and end is not None
    )
    if len(before) < 3:
        return True
    return free > before[len(before) // 2] * _USUAL


def label_of(chunk: Chunk, chunking: Chunking) -> str:
    """A chunk as people write it: ``1 to 7 April``.

    >>> label_of(Chunk("0003"), Chunking("size", size=1000))
    'chunk 4'
    """
    if chunk.from_ is None or chunk.until is None:
        return "all rows" if chunk.key == "all" else f"chunk {int(chunk.key) + 1}"
    if not chunking.is_period:
        return f"chunk {int(chunk.key) + 1}"
    zone = ZoneInfo(chunking.timezone)
    return period(
        chunk.from_.astimezone(zone).replace(tzinfo=None),
        chunk.until.astimezone(zone).replace(tzinfo=None),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A reference for each chunk, and what is natural in it.

    Parameters
    ----------
    windows
        By chunk of the current data; the same object while the reference stays.
    epochs
        By chunk, what it is compared with; persistence and incidents begin anew where it changes.
    own
        By epoch, the reference's own chunks, each with the reference without it.
    left_out
        By chunk, the key of the reference's chunk that it was compared without.
    before
        By chunk, the keys of the current chunks that it is compared with, of a rolling reference.
    """

    windows: tuple[Window, ...]
    epochs: tuple[str | None, ...]
    own: Mapping[str | None, tuple[tuple[Window, Window], ...]]
    left_out: tuple[str | None, ...]
    before: tuple[tuple[str, ...], ...] = ()


def compare_fixed(reference: Cube, current: Cube) -> Compared:
    """Compare every chunk with the whole reference, but for the chunk itself."""
    own = _own(reference)
    windows, left_out = _each_without_itself(reference, current, [None] * len(current.chunks))
    epochs = (None,) * len(current.chunks)
    return Compared(windows, epochs, {None: own}, left_out)


def compare_training(
    reference: Cube, versions: Mapping[str, Cube], current: Cube, answered: Sequence[str | None]
) -> Compared:
    """Compare each chunk with what the model version that answered it had learnt from.

    Parameters
    ----------
    reference
        For chunks of which nobody knows the version.
    answered
        By chunk, the version.
    """
    epochs = tuple(one if one in versions else None for one in answered)
    own = {
        epoch: _own(reference if epoch is None else versions[epoch])
        for epoch in dict.fromkeys(epochs)
    }
    windows: list[Window] = [Window(0, {})] * len(epochs)
    left_out: list[str | None] = [None] * len(epochs)
    for epoch in own:
        cube = reference if epoch is None else versions[epoch]
        found, left = _each_without_itself(cube, current, epochs, epoch)
        for at, one in enumerate(epochs):
            if one == epoch:
                windows[at], left_out[at] = found[at], left[at]
    return Compared(tuple(windows), epochs, own, tuple(left_out))


def compare_rolling(history: Cube, current: Cube, days: float) -> Compared:
    """Compare each chunk with the chunks of the days before it.

    Parameters
    ----------
    history
        The current chunks, and what came before them.
    days
        How many, as 28.
    """
    windows, before = [], []
    for chunk in current.chunks:
        assert chunk.from_ is not None
        since = chunk.from_ - timedelta(days=days)
        keys = [
            one.key
            for one in history.chunks
            if one.until is not None
            and one.from_ is not None
            and one.from_ >= since
            and one.until <= chunk.from_
        ]
        windows.append(history.window(keys))
        before.append(tuple(keys))
    epochs = (None,) * len(windows)
    return Compared(tuple(windows), epochs, {None: ()}, epochs, tuple(before))


def without(whole: Window, part: Window) -> Window:
    """A window minus one that is part of it; what cannot be taken off (extremes) stays."""
    return Window(
        whole.rows - part.rows,
        Later(whole.columns, lambda name: _minus(whole[name], part[name])),
    )


def _minus(whole: Counts, part: Counts) -> Counts:
    import numpy as np

    at = np.searchsorted(whole.keys, part.keys)
    n, high, low = whole.n.copy(), whole.high.copy(), whole.low.copy()
    n[at] -= part.n
    high[at] -= part.high
    low[at] -= part.low
    left = n > 0
    return replace(
        whole,
        keys=whole.keys[left],
        n=n[left],
        high=high[left],
        low=low[left],
        missing=whole.missing - part.missing,
        nan=whole.nan - part.nan,
        positive_infinite=whole.positive_infinite - part.positive_infinite,
        negative_infinite=whole.negative_infinite - part.negative_infinite,
        unreadable=whole.unreadable - part.unreadable,
    )


def _own(reference: Cube) -> tuple[tuple[Window, Window], ...]:
    """The reference's chunks, each with the rest; those much smaller than usual are left out."""
    keys = [chunk.key for chunk in reference.chunks]
    if len(keys) < 2:
        return ()
    whole = reference.window(None)
    windows = [reference.window([key]) for key in keys]
    # The first and last weeks of a quarter are torn: their range is not the others'.
    usual = median(window.rows for window in windows)
    return tuple((one, without(whole, one)) for one in windows if one.rows >= usual / 2)


def _each_without_itself(
    reference: Cube,
    current: Cube,
    epochs: Sequence[str | None],
    epoch: str | None = None,
) -> tuple[tuple[Window, ...], tuple[str | None, ...]]:
    whole = reference.window(None)
    theirs = {chunk.key for chunk in reference.chunks}
    windows, left_out = [], []
    for chunk, one in zip(current.chunks, epochs, strict=True):
        window, left = whole, None
        # With one chunk nothing would be left: then the data is compared as it was given.
        if one == epoch and chunk.key in theirs and len(theirs) > 1:
            same = reference.window([chunk.key])
            if _contains(same, current.window([chunk.key])):
                window, left = without(whole, same), chunk.key
        windows.append(window)
        left_out.append(left)
    return tuple(windows), tuple(left_out)


def _contains(whole: Window, part: Window) -> bool:
    """Whether every value of one is in the other: then they may be the same rows."""
    import numpy as np

    if part.rows > whole.rows:
        return False
    for name, counts in part.columns.items():
        if name not in whole.columns:
            continue
        other = whole[name]
        if counts.missing > other.missing or not np.isin(counts.keys, other.keys).all():
            return False
        if (counts.n > other.n[np.searchsorted(other.keys, counts.keys)]).any():
            return False
    return True


def _rolled(rows: Mapping[str, int], step: _Step) -> dict[str, int]:
    """Rows by a longer period."""
    found: dict[str, int] = {}
    for key, count in rows.items():
        name = key if step == "hour" else _start(key[:10], step)
        found[name] = found.get(name, 0) + count
    return found


def _start(day: str, step: _Step) -> str:
    if step == "day":
        return day
    at = date.fromisoformat(day)
    return (at - timedelta(days=at.weekday()) if step == "week" else at.replace(day=1)).isoformat()


def _told(moments: Sequence[datetime | None]) -> tuple[str | None, ...]:
    return tuple(None if one is None else one.isoformat() for one in moments)


def _read(moments: Sequence[str | None]) -> tuple[datetime | None, ...]:
    return tuple(None if one is None else datetime.fromisoformat(one) for one in moments)


def _instant(micros: int | None, zone: tzinfo) -> datetime | None:
    if micros is None:
        return None
    clock = datetime(1970, 1, 1) + timedelta(microseconds=micros)
    return clock.replace(tzinfo=zone).astimezone(UTC)
