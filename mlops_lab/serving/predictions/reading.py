"""Reading the log: newest first with search for people, all of it in time order for programs.

What was answered a fifth of a second ago is there: open files are read with the settled ones.
"""

# ruff: noqa: S608 (names are quoted, values are bound)

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.compute import open_engine
from mlops_lab.compute.engine import quote
from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.serving.predictions.filtering import Filter
from mlops_lab.serving.predictions.joining import join, slots_of
from mlops_lab.serving.predictions.scanning import (
    again,
    day_of,
    days_of,
    find_parts,
    folder_of,
    instant,
    micros,
    register,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops_lab.compute import Engine

__all__ = ["Page", "Predictions", "labelled", "predictions"]

_MOST_LIMIT: Final = 1_000
_NEWEST: Final = "t desc, prediction_id desc, revision desc"
_NO_CURSOR: Final = "This cursor is none; take next_cursor of the page before."


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the predictions, newest first.

    Attributes
    ----------
    rows
        With the truth beside each, as far as it is known.
    next_cursor
        Where the next page begins; None is the end.
    total
        How many there are in all.
    truths
        The columns of `rows` that are truth, by the names they were told by.
    """

    rows: pa.Table
    next_cursor: str | None
    total: int
    truths: dict[str, str]


def predictions(
    root: Path,
    endpoint: str,
    *,
    since: Any = None,
    until: Any = None,
    truth: bool = True,
    tmp: Path | None = None,
    now: int | None = None,
    **asked: Any,
) -> Predictions:
    """Find the predictions of an endpoint; they are read when they are asked for.

    Parameters
    ----------
    root
        The project's folder.
    endpoint
        Its name.
    since, until
        As `instant` takes them: a datetime, text, ``7d``.
    truth
        Whether the truth stands beside them.
    tmp
        Where temporary folders are made.
    now
        In µs, UTC.
    asked
        What else of `Filter`: role, version, revision, rollout, status, search, where.

    Raises
    ------
    InvalidInput
        A time is none.
    """
    at = time.time_ns() // 1000 if now is None else now
    wanted = Filter(since=instant(since, at), until=instant(until, at), **asked)
    return Predictions(folder_of(root, endpoint), wanted, truth=truth, tmp=tmp)


class Predictions:
    """The predictions of an endpoint that a filter asks for. Safe to use from several threads.

    Parameters
    ----------
    folder
        The endpoint's log.
    wanted
        Which.
    truth
        Whether the truth stands beside them.
    tmp
        Where temporary folders are made.
    """

    def __init__(
        self, folder: Path, wanted: Filter, *, truth: bool = True, tmp: Path | None = None
    ) -> None:
        self.folder = folder
        self.filter = wanted
        self._truth = truth
        self._tmp = tmp

    def __repr__(self) -> str:
        return f"<Predictions of {self.folder.name}: {self.filter}>"

    def count(self) -> int:
        """How many there are."""
        return again(self._count)

    def _count(self) -> int:
        try:
            with self._engine() as (engine, log):
                if self.filter.where:
                    log, _ = self._joined(engine, log)
                where, values = self._where(engine, log)
                return int(engine.row(f"select count(*) from {log} where {where}", values)[0])
        except NotFound:
            return 0

    def arrow(self, limit: int | None = None) -> pa.Table:
        """All of them, oldest first; with a limit the newest so many.

        Raises
        ------
        NotFound
            Nothing has been logged.
        """
        return again(lambda: self._arrow(limit))

    def _arrow(self, limit: int | None) -> pa.Table:
        with self._engine() as (engine, log):
            relation, _ = self._joined(engine, log)
            where, values = self._where(engine, relation)
            order = "t, prediction_id, revision"
            if limit is not None:
                newest = f"select * from {relation} where {where} order by {_NEWEST}"
                sql = f"select * from ({newest} limit {int(limit)}) order by {order}"
            else:
                sql = f"select * from {relation} where {where} order by {order}"
            return engine.run(lambda: engine.connection.sql(sql, params=values).to_arrow_table())

    def batches(
        self, rows: int = 50_000, *, columns: Callable[[str], bool] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """All of them, oldest first, in bounded memory.

        Parameters
        ----------
        rows
            Of a batch, at most.
        columns
            Which columns are read, by their names; None is all.

        Raises
        ------
        NotFound
            Nothing has been logged.
        """
        with self._engine() as (engine, log):
            joined, _ = self._joined(engine, log)
            where, values = self._where(engine, joined)
            names = [name for name, _ in engine.columns(joined) if columns is None or columns(name)]
            picked = ", ".join(map(quote, names)) or "null as nothing"
            sql = f"select {picked} from {joined} where {where} order by t, prediction_id, revision"
            relation = engine.connection.sql(sql, params=values)
            yield from engine.run(lambda: relation.to_arrow_reader(rows))

    def page(self, limit: int = 50, cursor: str | None = None) -> Page:
        """The newest, a page at a time; pages do not shift when more are logged.

        Parameters
        ----------
        limit
            Rows, 1 to 1,000.
        cursor
            `Page.next_cursor` of the page before.

        Raises
        ------
        InvalidInput
            The cursor is none, or the condition has faults.
        """
        import pyarrow as pa

        limit = max(1, min(limit, _MOST_LIMIT))
        before = None if cursor is None else _cursor(cursor)
        try:
            total = self.count()
            found, truths = again(lambda: self._newest(limit + 1, before))
        except NotFound:
            return Page(pa.table({}), None, 0, {})
        rows = found.slice(0, limit)
        more = None
        if found.num_rows > limit:
            last = rows.slice(limit - 1, 1)
            at = last.column("t").cast(pa.int64())[0].as_py()
            more = _as_cursor(
                at, *(last.column(one)[0].as_py() for one in ("prediction_id", "revision"))
            )
        return Page(rows, more, total, truths)

    def _newest(
        self, limit: int, before: tuple[int, str, str] | None
    ) -> tuple[pa.Table, dict[str, str]]:
        """The newest rows (before a place): first those of the last days, then all."""
        upper = self.filter.until
        if before is not None:
            upper = before[0] + 1 if upper is None else min(upper, before[0] + 1)
        for lower in self._steps(upper):
            since = [one for one in (self.filter.since, lower) if one is not None]
            wanted = replace(self.filter, since=max(since, default=None), until=upper)
            with self._engine(wanted) as (engine, log):
                found = self._first(engine, log, wanted, limit, before)
                if found[0].num_rows == limit or lower is None:
                    return found
        raise AssertionError("the last step looks at everything")

    def _first(
        self,
        engine: Engine,
        log: str,
        wanted: Filter,
        limit: int,
        before: tuple[int, str, str] | None,
    ) -> tuple[pa.Table, dict[str, str]]:
        relation, truths = self._joined(engine, log) if wanted.where else (log, {})
        where, values = self._where(engine, relation, wanted)
        if before is not None:
            place = "(make_timestamptz($at::bigint), $id::varchar, $by::varchar)"
            where += f" and (t, prediction_id, revision) < {place}"
            values |= {"at": before[0], "id": before[1], "by": before[2]}
        newest = f"order by {_NEWEST}"
        engine.execute(
            f"create temp table page as select * from {relation} where {where} {newest} "
            f"limit {limit}",
            values,
        )
        # Only now the truth of these few, unless the condition needed that of all.
        if not wanted.where:
            relation, truths = self._joined(engine, "page")
        else:
            relation = "page"
        sql = f"select * from {relation} {newest}"
        return engine.run(lambda: engine.connection.sql(sql).to_arrow_table()), truths

    def _steps(self, upper: int | None) -> Iterator[int | None]:
        """From when on to look, nearer first; None is everything."""
        end = None if upper is None else day_of(upper)
        days = [day for day in days_of(self.folder) if end is None or day <= end]
        for back in (2, 8):
            if len(days) > back:
                yield micros(days[-back])
        yield None

    @contextmanager
    def _engine(self, wanted: Filter | None = None) -> Iterator[tuple[Engine, str]]:
        wanted = wanted or self.filter
        with open_engine(self._tmp) as engine:
            parts = find_parts(self.folder, since=wanted.since, until=wanted.until)
            yield engine, register(engine, parts)

    def _where(
        self, engine: Engine, relation: str, wanted: Filter | None = None
    ) -> tuple[str, dict[str, Any]]:
        where, values = (wanted or self.filter).sql(engine.columns(relation))
        return where, dict(values)

    def _joined(self, engine: Engine, relation: str) -> tuple[str, dict[str, str]]:
        slots = slots_of(self.folder) if self._truth else []
        return join(relation, dict(engine.columns(relation)), slots)


def labelled(
    root: Path, endpoint: str, target: str | None, *, role: str = "stable", tmp: Path | None = None
) -> int:
    """Count the answers of an endpoint whose truth is known.

    Parameters
    ----------
    root
        The project's folder.
    endpoint
        Its name.
    target
        What the truth is called; None is the only one there is.
    role
        Whose answers.
    tmp
        Where temporary folders are made.
    """
    folder = folder_of(root, endpoint)
    told = {slot.name for slot in slots_of(folder)}
    name = target if target is not None else next(iter(told)) if len(told) == 1 else None
    if name is None or name not in told:
        return 0
    try:
        return again(lambda: _labelled(folder, name, Filter(role=role, status=200), tmp))
    except NotFound:
        return 0


def _labelled(folder: Path, name: str, wanted: Filter, tmp: Path | None) -> int:
    with open_engine(tmp) as engine:
        log = register(engine, find_parts(folder))
        columns = dict(engine.columns(log))
        relation, names = join(log, columns, slots_of(folder))
        where, values = wanted.sql(list(columns.items()))
        if name not in names:  # told by columns that nothing was logged with
            return 0
        sql = f"select count({quote(names[name])}) from {relation} where {where}"
        return int(engine.row(sql, dict(values))[0])


def _as_cursor(at: int, id: str, revision: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([at, id, revision]).encode()).decode()


def _cursor(text: str) -> tuple[int, str, str]:
    try:
        at, id, by = json.loads(base64.urlsafe_b64decode(text.encode("ascii")))
        if isinstance(at, int) and abs(at) < 2**62 and isinstance(id, str) and isinstance(by, str):
            return at, id, by
    except (ValueError, TypeError, binascii.Error):
        pass
    raise InvalidInput(_NO_CURSOR)
