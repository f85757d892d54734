"""Searching runs: expressions to SQL over the index, a page at a time.

A search goes in two steps, ids first and then what belongs to them. The first step joins one
small table per metric, param or tag that the search speaks of, so its cost does not depend on how
many there are beside them. Pages go on after the last row's sort values and id (a keyset), so they
do not shift when runs are added.
"""

# ruff: noqa: S608 (statements are joined from our own fragments; what users typed is bound)

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import InvalidInput
from mlops_lab.expressions import Parameters, order_to_sql, parse, parse_order, to_sql
from mlops_lab.tracking import reading
from mlops_lab.tracking.goals import Direction
from mlops_lab.tracking.names import ATTRIBUTES, Known, RunNames, explain_nothing, read_known
from mlops_lab.tracking.records import ANY, Page

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlops_lab.store import Store

__all__ = ["ANY", "ATTRIBUTES", "DEFAULT_ORDER", "MAX_LIMIT", "Search", "find_ids", "search_runs"]


MAX_LIMIT: Final = 1_000
_MAX_OFFSET: Final = 10**12
DEFAULT_ORDER: Final = "started desc"
_NO_CURSOR: Final = "This cursor is none; take next_cursor of the page before."


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for, apart from the page.

    Parameters
    ----------
    where
        A condition, or None for every run.
    order_by
        Values with ``asc`` or ``desc``; None: newest first.
    parent
        A run's id for its children, None for runs at the top, ``ANY`` for all.
    deleted
        Only the deleted runs instead of only the others.
    notebook
        Only the runs of the notebook at this path in the project; None for all.
    """

    where: str | None = None
    order_by: str | None = None
    parent: str | None = ANY
    deleted: bool = False
    notebook: str | None = None

    def __post_init__(self) -> None:
        for what, value in (("A search", self.where), ("An order", self.order_by)):
            if value is not None and not isinstance(value, str):
                raise InvalidInput(f"{what} is text; got {value!r:.60} ({type(value).__name__}).")

    def key(self) -> str:
        """A short hash: a cursor belongs to one search."""
        said = json.dumps([self.where, self.order_by, self.parent, self.deleted, self.notebook])
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def search_runs(
    store: Store,
    goals: Mapping[str, Direction],
    where: str | None = None,
    *,
    order_by: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
    offset: int = 0,
    parent: str | None = ANY,
    deleted: bool = False,
    notebook: str | None = None,
) -> Page:
    """Find runs, a page at a time.

    Parameters
    ----------
    store, goals
        The project's store and which direction is better for its metrics.
    where, order_by, parent, deleted, notebook
        See `Search`.
    limit
        Runs on the page, from 1 to 1,000.
    cursor
        ``next_cursor`` of the page before, of the same search.
    offset
        Rows left out before the page: how one jumps into a long list. Pages that follow one
        another take the cursor, which does not shift when runs are added.

    Raises
    ------
    InvalidInput
        An expression is wrong (with its position), or the cursor is another search's.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"limit is from 1 to {MAX_LIMIT:,}; got {limit}.", limit=limit)
    if not 0 <= offset <= _MAX_OFFSET:
        raise InvalidInput(f"offset is from 0 to {_MAX_OFFSET:,}; got {offset}.", offset=offset)
    search = Search(where, order_by, parent, deleted, notebook)
    after = _Cursor.read(cursor, search) if cursor is not None else None

    def known() -> Known:
        with store.read() as connection:
            return read_known(connection)

    query = _Query(search, goals, after, known)
    with store.read() as connection:
        rows = connection.execute(
            query.page_sql, query.values(query.page_sql, limit + 1, offset)
        ).fetchall()
        total = rows[0][0] if rows else _count(connection, query)
        found = [row[1] for row in rows]
        records = reading.runs(connection, found[:limit])
        hint = _hint(connection, query) if total == 0 else None
    more = len(found) > limit
    following = query.cursor_after(rows[limit - 1]) if more else None
    return Page(records, following, total, hint)


def find_ids(
    connection: DuckDBPyConnection, goals: Mapping[str, Direction], search: Search
) -> list[str]:
    """Find the ids of all runs of a search, in its order."""
    query = _Query(search, goals, None, lambda: read_known(connection))
    rows = connection.execute(query.page_sql, query.values(query.page_sql, 2**62)).fetchall()
    return [row[1] for row in rows]


def _hint(connection: DuckDBPyConnection, query: _Query) -> str | None:
    """Say why a search may have found nothing."""
    if query.condition is None:
        return None
    return explain_nothing(query.condition, read_known(connection))


# -- pages --------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a page ended: the moment of the search, the last row's sort values and id."""

    now_us: int
    values: tuple[float | str | None, ...]
    run_id: str

    def write(self, search: Search) -> str:
        """Give it as text that belongs to one search."""
        said = json.dumps([1, search.key(), self.now_us, list(self.values), self.run_id])
        return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, search: Search) -> _Cursor:
        """Read what `write` gave, and refuse anything else."""
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            version, key, now_us, values, run_id = json.loads(
                base64.b64decode(padded, altchars=b"-_", validate=True)
            )
            datetime.fromtimestamp(now_us / 1e6, UTC)
            fits = version == 1 and isinstance(run_id, str) and isinstance(values, list)
        except (ValueError, TypeError, OverflowError, OSError, RecursionError, binascii.Error):
            fits = False
        if not fits:
            raise InvalidInput(_NO_CURSOR)
        if key != search.key():
            raise InvalidInput(
                "This cursor belongs to another search; where, order_by, parent, deleted and "
                "notebook stay the same from page to page."
            )
        return cls(int(now_us), tuple(values), run_id)


class _Query:
    """The SQL of a search, and of the page after a cursor."""

    def __init__(
        self,
        search: Search,
        goals: Mapping[str, Direction],
        after: _Cursor | None,
        known: Callable[[], Known],
    ) -> None:
        self._search = search
        self._now_us = after.now_us if after else int(datetime.now(UTC).timestamp() * 1e6)
        self._parameters = Parameters()
        self._names = RunNames(goals, known, steps=search.parent is None)
        now = datetime.fromtimestamp(self._now_us / 1e6, UTC)
        self.condition = None
        conditions = [
            "r.started_at is not null",
            f"r.lifecycle = '{'deleted' if search.deleted else 'active'}'",
        ]
        if search.parent is None:
            conditions.append("r.parent is null")
        elif search.parent != ANY:
            conditions.append(f"r.parent = {self._parameters.bind(search.parent)}")
        if search.notebook is not None:
            path = self._parameters.bind(search.notebook)
            conditions.append(f"r.source->>'notebook' = {path}")
        if search.where is not None and search.where.strip():
            self._names.reading = search.where
            self.condition = parse(search.where)
            conditions.append(
                to_sql(self.condition, self._names, parameters=self._parameters, now=now)[0]
            )
        order = search.order_by if search.order_by and search.order_by.strip() else DEFAULT_ORDER
        self._names.reading = order
        self._keys = [
            key
            for term in parse_order(order)
            for key in order_to_sql(term, self._names, parameters=self._parameters, now=now)
        ]
        if after and not self._continues(after):
            raise InvalidInput(_NO_CURSOR)
        columns = "".join(f", {key.sql} as k{i}" for i, key in enumerate(self._keys))
        # Every user value is bound; what is put together here are our own fragments.
        matched = (
            f"with matched as materialized (select r.run_id{columns} from lab.run r "
            f"{' '.join(self._names.joins)} where {' and '.join(conditions)})"
        )
        listed = "".join(f", k{i}" for i in range(len(self._keys)))
        by = "".join(
            f"k{i} {'desc' if key.descending else 'asc'} nulls last, "
            for i, key in enumerate(self._keys)
        )
        self.count_sql = matched + " select count(*) from matched"
        self.page_sql = (
            matched + f" select (select count(*) from matched), run_id{listed} from matched"
            f" where {self._after(after, 0) if after else 'true'}"
            f" order by {by}run_id limit $limit offset $offset"
        )

    def values(self, sql: str, limit: int = 0, offset: int = 0) -> dict[str, Any]:
        """Give the parameters that a statement of this query speaks of."""
        bound: dict[str, Any] = {**self._parameters.values, **self._names.keys}
        bound |= {"limit": limit, "offset": offset, "now_us": self._now_us}
        spoken_of = set(re.findall(r"\$(\w+)", sql))
        return {name: value for name, value in bound.items() if name in spoken_of}

    def cursor_after(self, row: tuple[Any, ...]) -> str:
        """Give the cursor that goes on after a row of the page's SQL."""
        return _Cursor(self._now_us, tuple(row[2:]), row[1]).write(self._search)

    def _continues(self, cursor: _Cursor) -> bool:
        """Whether a cursor has one value of the right type for each sort key."""
        return len(cursor.values) == len(self._keys) and all(
            value is None or type(value) is (str if key.textual else float)
            for key, value in zip(self._keys, cursor.values, strict=True)
        )

    def _after(self, cursor: _Cursor, at: int) -> str:
        """Write the condition that a row comes after the cursor, from the key number ``at`` on."""
        if at == len(self._keys):
            return f"run_id > {self._parameters.bind(cursor.run_id)}"
        rest = self._after(cursor, at + 1)
        value = cursor.values[at]
        if value is None:
            return f"(k{at} is null and {rest})"
        bound = self._parameters.bind(value)
        sign = "<" if self._keys[at].descending else ">"
        return f"(k{at} {sign} {bound} or k{at} is null or (k{at} = {bound} and {rest}))"


def _count(connection: DuckDBPyConnection, query: _Query) -> int:
    row = connection.execute(query.count_sql, query.values(query.count_sql)).fetchone()
    return int(row[0]) if row else 0
