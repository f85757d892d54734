"""Folding: move whole journal lines into the index, rows and offsets in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_lab.store.batch import Listed, Packed, Rejected
from mlops_lab.store.layout import LINE_VERSION, STORE_TABLES, ConceptTables, Fold, lineage_views
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

# One look at the batch: what to count, and which folds have anything to do.
_SUMMARY = """
select writer, count(*), count(*) filter (reason is not null),
       count(*) filter (reason is null and not newer and writer <> 'decisions' and not known),
       count(*) filter (newer), list(distinct kind) filter (reason is null and not newer)
from parsed group by writer
"""

_REJECTED = """
select writer, off, reason, text from parsed join raw using (writer, off) where reason is not null
"""

_KNOWN_WRITERS = "from lab.journal where writer in (select unnest($1::varchar[]))"
_FORGET_WRITERS = "delete from lab.journal where writer in (select unnest($1::varchar[]))"
_WRITERS = """
insert into lab.journal
select unnest($1::varchar[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::bigint[]),
       unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::varchar[]), unnest($8::varchar[]),
       unnest($9::bigint[]), unnest($10::varchar[]), unnest($11::bigint[])
"""


@dataclass(slots=True)
class Counts:
    """Lines of one writer: all of them, set aside, of unknown kind, of a newer program."""

    lines: int = 0
    rejected: int = 0
    unknown: int = 0
    newer: int = 0


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
    for name, sql in lineage_views(concepts).items():
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
            What is known now about the writers of whom something has changed.
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
                counts, found = self._load(cursor, lines) if len(lines) else ({}, [])
                loading = False
                self._set_aside(cursor, [*rejected, *found])
                for line in rejected:
                    of_writer = counts.setdefault(line.writer, Counts())
                    of_writer.lines += 1
                    of_writer.rejected += 1
                self._advance(cursor, writers, counts)
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

    def _load(
        self, cursor: DuckDBPyConnection, lines: Packed | Listed
    ) -> tuple[dict[str, Counts], list[Rejected]]:
        """Parse the lines, run the concepts' folds over the good ones and return the bad ones."""
        lines.hand_over(cursor)
        cursor.execute(
            _PARSE,
            {"known": self._known, "version": LINE_VERSION, "first": _FIRST_T, "last": _LAST_T},
        )
        cursor.execute(_LINES)
        counts: dict[str, Counts] = {}
        kinds: set[str] = set()
        for writer, count, bad, unknown, newer, found in cursor.execute(_SUMMARY).fetchall():
            counts[writer] = Counts(count, bad, unknown, newer)
            kinds.update(found or ())
        if DECISIONS in counts:
            cursor.execute(_FOLD_DECISIONS)
        for fold in self._folds:
            if not kinds.isdisjoint(fold.kinds):
                cursor.execute(fold.sql)
        if not any(of_writer.rejected for of_writer in counts.values()):
            return counts, []
        return counts, [Rejected(*row) for row in cursor.execute(_REJECTED).fetchall()]

    def _poison(self, cursor: DuckDBPyConnection, lines: Listed) -> list[Rejected]:
        """The lines that fail by themselves, found by halving, in undone transactions."""
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

    def _set_aside(self, cursor: DuckDBPyConnection, rejected: Sequence[Rejected]) -> None:
        if rejected:
            cursor.execute(
                "insert into lab.rejected "
                "select unnest($1::varchar[]), unnest($2::bigint[]), unnest($3::varchar[])",
                [
                    [line.writer for line in rejected],
                    [line.off for line in rejected],
                    [line.reason for line in rejected],
                ],
            )

    def _advance(
        self,
        cursor: DuckDBPyConnection,
        writers: Sequence[WriterState],
        counts: Mapping[str, Counts],
    ) -> None:
        """Note in ``lab.journal`` how far each writer is, and what its lines were."""
        names = [writer.name for writer in writers]
        before = {row[0]: row for row in cursor.execute(_KNOWN_WRITERS, [names]).fetchall()}
        rows = []
        for writer in writers:
            new = counts.get(writer.name, Counts())
            opening = writer.opening
            _, _, lines, rejected, unknown, newer, _, *who = before.get(
                writer.name,
                ("", 0, 0, 0, 0, 0, "", opening.host, opening.pid, opening.program, opening.t),
            )
            rows.append(
                (
                    writer.name,
                    writer.off,
                    lines + new.lines,
                    rejected + new.rejected,
                    unknown + new.unknown,
                    newer + new.newer,
                    writer.state,
                    *who,
                )
            )
        if before:
            cursor.execute(_FORGET_WRITERS, [names])
        if rows:
            cursor.execute(_WRITERS, [list(column) for column in zip(*rows, strict=True)])

    def _judge(self, cursor: DuckDBPyConnection) -> None:
        deaths = [concept.deaths for concept in self._concepts if concept.deaths]
        if not deaths:
            return
        for name, condition in (("dead", "<>"), ("alive", "=")):
            cursor.execute(
                f"create or replace temp view {name} as "  # noqa: S608  two fixed words
                f"select writer from lab.journal where state {condition} 'live'"
            )
        for sql in deaths:
            cursor.execute(sql)


def _rollback(cursor: DuckDBPyConnection) -> None:
    import duckdb

    # A commit that failed has ended the transaction already; its own error is the one to tell.
    with suppress(duckdb.Error):
        cursor.execute("rollback")
