"""Folding: move whole journal lines into the index, rows and offsets in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_lab.store.batch import Listed, Packed, Rejected
from mlops_lab.store.layout import LINE_VERSION, STORE_TABLES, ConceptTables, Fold
from mlops_lab.store.objects import Objects
from mlops_lab.store.tail import Batch, WriterState

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["DECISIONS", "Applied", "BatchFolder", "create_tables"]

logger = logging.getLogger(__name__)

DECISIONS = "decisions"
"""The writer under whose name decisions appear among the lines."""


# Years 1 to 9999 in µs: outside of them no timestamp can be made.
_FIRST_T, _LAST_T = -62_135_596_800_000_000, 253_402_300_799_999_999

_PARSE = """
create or replace temp table parsed as
with cast_lines as (
    select writer, off, try_cast(text as json) as line from raw
), extracted as (
    select writer, off, line,
        case when json_type(line) = 'OBJECT' then
            case when writer = 'decisions'
                 then json_extract(line, ['$.kind', '$.data.run', '$.t', '$.v'])
                 else json_extract(line, ['$.e', '$.r', '$.t', '$.v']) end
        end as x
    from cast_lines
), typed as (
    select writer, off, line, x,
        case when x[1] like '"%' then x[1] ->> '$' end as kind,
        case when x[2] like '"%' then x[2] ->> '$' end as run,
        case when try_cast(x[3]::varchar as bigint)::varchar = x[3]::varchar
             then try_cast(x[3]::varchar as bigint) end as t,
        coalesce(try_cast(x[4]::varchar as bigint), 1) as v,
        x[1] ->> '$' in (select unnest($known)) as known
    from extracted
)
select writer, off, t, kind, run, line, known, v > $version as newer,
    case when v > $version then null
         when line is null then 'not JSON'
         when x is null then 'not a JSON object'
         when kind is null then 'no kind "e"'
         when t is null then 'no time "t" in whole microseconds'
         when t not between $first and $last then 'its year is not within 1 to 9999'
         when run is null and known and kind <> 'open' and writer <> 'decisions' then 'no run "r"'
    end as reason
from typed
"""


_LINES = """
create or replace temp view lines as
select writer, off, t, kind, run, line from parsed where reason is null and not newer
"""

_FOLD_DECISIONS = """
insert into lab.decision
select (line ->> '$.n')::bigint, t, line ->> '$.by.id', line ->> '$.by.via', kind, line -> '$.data',
       line ->> '$.prev', sha256(line::varchar)
from lines where writer = 'decisions' order by off
"""

_NEW_WRITERS = """
insert into lab.journal
select writer, 0, 0, 0, 0, 0, 'live', host, pid, program, make_timestamp(t)
from (select unnest($1::varchar[]) as writer, unnest($2::varchar[]) as host,
             unnest($3::bigint[]) as pid, unnest($4::varchar[]) as program,
             unnest($5::bigint[]) as t)
"""

_ADVANCE = """
create or replace temp table counted as
select writer, count(*) as lines, count(*) filter (newer) as newer,
       count(*) filter (reason is null and not newer and writer <> 'decisions'
                        and not known) as unknown
from parsed group by writer;
update lab.journal set lines = journal.lines + counted.lines,
       unknown = journal.unknown + counted.unknown, newer = journal.newer + counted.newer
from counted where journal.writer = counted.writer;
update lab.journal set rejected = journal.rejected + r.n, lines = journal.lines + r.unparsed
from (
    select writer, count(*) as n, count(*) filter (early) as unparsed from refused group by writer
) r where journal.writer = r.writer;
update lab.journal set off = seen_writers.off, state = seen_writers.state
from seen_writers where journal.writer = seen_writers.writer
  and (journal.off <> seen_writers.off or journal.state <> seen_writers.state);
"""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a batch: lines in = lines folded, unknown or newer + rejected."""

    lines: int
    rejected: list[Rejected]


def create_tables(
    cursor: DuckDBPyConnection, concepts: Sequence[ConceptTables], schema: str
) -> None:
    """Make the tables and views of a new index, all or none."""
    cursor.execute("begin")
    for concept in (STORE_TABLES, *concepts):
        cursor.execute(concept.ddl)
    for concept in (STORE_TABLES, *concepts):
        for name, sql in concept.views.items():
            cursor.execute(f"create view lab.{name} as {sql}")
    cursor.execute("insert into lab.meta values ('schema', ?)", [schema])
    cursor.execute("commit")


class BatchFolder:
    """Folds batches into an attached index; the caller holds the exclusive lock."""

    def __init__(self, concepts: Sequence[ConceptTables], objects: Objects) -> None:
        self._concepts = concepts
        self._objects = objects
        self._folds: list[Fold] = [fold for concept in concepts for fold in concept.folds]
        self._known = sorted({kind for fold in self._folds for kind in fold.kinds} | {"open"})

    def fold(
        self, cursor: DuckDBPyConnection, batch: Batch, writers: Sequence[WriterState]
    ) -> Applied:
        """Fold the batch and write down how far each journal has come and which writers live.

        A line that makes a fold's SQL fail must not stop the store for ever: it is found, rejected
        with DuckDB's own words, and the rest is folded.

        Parameters
        ----------
        writers
            What is known now about each writer that was seen.
        """
        import duckdb

        rejected: list[Rejected] = []
        lines: Packed | Listed | None = Packed.of(batch.pieces)
        if lines is None:
            lines, rejected = Listed.of(batch.pieces, self._objects)
        total = len(lines) + len(rejected)
        while True:
            cursor.execute("begin")
            loading = True
            try:
                found = self._load(cursor, lines)
                loading = False
                self._advance(cursor, writers, rejected)
                self._judge(cursor)
                cursor.execute("commit")
                return Applied(total, rejected + found)
            except (duckdb.DataError, duckdb.InvalidInputException) as error:
                _rollback(cursor)
                if not loading:
                    raise
                if isinstance(lines, Packed):
                    lines, rejected = Listed.of(batch.pieces, self._objects)
                poison = self._poison(cursor, lines)
                if not poison:
                    raise
                logger.warning("%d journal lines cannot be folded: %s", len(poison), error)
                lines = lines.without({(line.writer, line.off) for line in poison})
                rejected += poison
            except BaseException:
                _rollback(cursor)
                raise

    def _load(self, cursor: DuckDBPyConnection, lines: Packed | Listed) -> list[Rejected]:
        """Parse the lines, run the concepts' folds over the good ones and return the bad ones."""
        lines.hand_over(cursor)
        cursor.execute(
            _PARSE,
            {"known": self._known, "version": LINE_VERSION, "first": _FIRST_T, "last": _LAST_T},
        )
        cursor.execute(_LINES)
        kinds = {kind for (kind,) in cursor.execute("select distinct kind from lines").fetchall()}
        cursor.execute(_FOLD_DECISIONS)
        for fold in self._folds:
            if not kinds.isdisjoint(fold.kinds):
                cursor.execute(fold.sql)
        bad = cursor.execute(
            "select writer, off, reason, text from parsed join raw using (writer, off) where "
            "reason is not null"
        ).fetchall()
        return [Rejected(*row) for row in bad]

    def _poison(self, cursor: DuckDBPyConnection, lines: Listed) -> list[Rejected]:
        """The lines that fail by themselves, found by halving in transactions that are rolled
        back.
        """
        import duckdb

        cursor.execute("begin")
        try:
            self._load(cursor, lines)
        except (duckdb.DataError, duckdb.InvalidInputException) as error:
            if len(lines) == 1:
                reason = str(error).splitlines()[0]
                return [Rejected(lines.writers[0], lines.offs[0], reason, lines.texts[0])]
        else:
            return []
        finally:
            _rollback(cursor)
        half = len(lines) // 2
        return self._poison(cursor, lines.slice(0, half)) + self._poison(
            cursor, lines.slice(half, len(lines))
        )

    def _advance(
        self,
        cursor: DuckDBPyConnection,
        writers: Sequence[WriterState],
        rejected: Sequence[Rejected],
    ) -> None:
        """Note positions, counts and states in ``lab.journal``, and the rejected lines."""
        early = [
            [line.writer for line in rejected],
            [line.off for line in rejected],
            [line.reason for line in rejected],
        ]
        cursor.execute(
            """
            create or replace temp table refused as
            select writer, off, reason, false as early from parsed where reason is not null
            union all
            select *, true
            from (select unnest($1::varchar[]), unnest($2::bigint[]), unnest($3::varchar[]))
            """,
            early,
        )
        cursor.execute("insert into lab.rejected select writer, off, reason from refused")
        names = [writer.name for writer in writers]
        cursor.execute(
            """
            create or replace temp table seen_writers as
            select unnest($1::varchar[]) as writer, unnest($2::bigint[]) as off,
                   unnest($3::varchar[]) as state
            """,
            [names, [writer.off for writer in writers], [writer.state for writer in writers]],
        )
        known = {name for (name,) in cursor.execute("select writer from lab.journal").fetchall()}
        new = [writer for writer in writers if writer.name not in known]
        if new:
            openings = [writer.opening for writer in new]
            cursor.execute(
                _NEW_WRITERS,
                [
                    [writer.name for writer in new],
                    [opening.host for opening in openings],
                    [opening.pid for opening in openings],
                    [opening.program for opening in openings],
                    [opening.t for opening in openings],
                ],
            )
        cursor.execute(_ADVANCE)

    def _judge(self, cursor: DuckDBPyConnection) -> None:
        deaths = [concept.deaths for concept in self._concepts if concept.deaths]
        if not deaths:
            return
        cursor.execute(
            "create or replace temp table dead as select writer from lab.journal where state <> "
            "'live'"
        )
        cursor.execute(
            "create or replace temp table alive as select writer from lab.journal where state = "
            "'live'"
        )
        for sql in deaths:
            cursor.execute(sql)


def _rollback(cursor: DuckDBPyConnection) -> None:
    import duckdb

    # A commit that failed has ended the transaction already; its own error is the one to tell.
    with suppress(duckdb.Error):
        cursor.execute("rollback")
