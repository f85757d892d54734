"""Counting a table on grids: one scan for all numbers, one for each column of words.

Memory is bounded by the number of cells and slots, not by rows. Sums are of whole numbers, so that
the same rows give the same digits in any order, from any format, and in any number of files.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.compute.chunks import Chunk, Chunking, Placed, place
from mlops_lab.compute.cube import EXAMPLES, FACTS, ColumnCells, Cube
from mlops_lab.compute.engine import Engine, open_engine, quote
from mlops_lab.compute.grids import OTHER, Grid, Grids
from mlops_lab.compute.profiling import Progress
from mlops_lab.compute.reading import number_sql, unreadable_sql, word_sql
from mlops_lab.compute.source import Source
from mlops_lab.errors import InvalidInput

if TYPE_CHECKING:
    from mlops_lab.compute.slots import Ints

__all__ = ["MISSING", "Layout", "count", "layout_of", "stream"]

MISSING: Final = "(missing)"
"""The segment of rows whose segment is not known."""

MOST_SEGMENTS: Final = 50

BATCH: Final = 131_072
"""Rows that are counted at once."""

_SCAN_BYTES: Final = 64 << 20
_TALLY_PLACES: Final = 8_000_000
"""A scan takes as many columns as need no more than this for a batch, and for what is counted."""

_MOST_COLUMNS: Final = 500


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the rows of a table are counted.

    Parameters
    ----------
    placed
        Their chunks.
    names
        The segments, or none.
    expression
        A row's cell in SQL: chunk × segments + segment; None where there is one cell.
    joins
        What follows the table in FROM.
    """

    placed: Placed
    names: tuple[str, ...]
    expression: str | None
    joins: str

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.placed.chunks) * max(len(self.names), 1)

    def select(self, wanted: Sequence[str], where: str | None = None) -> str:
        """A SELECT of a row's cell as ``g`` (0 where there is one cell), and of expressions over
        the table ``t``; rows in no chunk are left out.
        """
        cell = self.expression or "0"
        conditions = [f"{cell} is not null"] if self.placed.undated else []
        conditions += [f"({where})"] if where else []
        kept = f" where {' and '.join(conditions)}" if conditions else ""
        return f"select {', '.join([f'{cell} as g', *wanted])} from {self.joins}{kept}"


def count(
    source: Any,
    grids: Grids,
    *,
    chunking: Chunking | None = None,
    segment: str | None = None,
    where: str | None = None,
    progress: Progress | None = None,
    tmp: Path | None = None,
) -> Cube:
    """Count a table.

    Parameters
    ----------
    source
        A `Source`, or whatever `Source.of` takes. Columns that the grids do not have are left out.
    grids
        From `fit_grids`.
    chunking
        How rows are parted; default not at all.
    segment
        A column with at most 50 different values (in the grids) that tells rows apart.
    where
        Only rows that meet this condition, in SQL.
    progress
        Called with the number of columns counted and of all.
    tmp
        Where temporary files go.

    Returns
    -------
    Cube
        The same for the same rows, whatever their format, and in any order unless chunks go by it.

    Raises
    ------
    InvalidInput
        The data cannot be read, or cannot be parted like that.
    KeyboardInterrupt
        Ctrl-C stops it at once.

    Examples
    --------
    >>> import pyarrow
    >>> from mlops_lab.compute import fit_grids
    >>> table = pyarrow.table({"speed": [3.0, 5.0, None]})
    >>> counted = count(table, fit_grids(table)).window()["speed"]
    >>> counted.total, counted.missing, counted.mean
    (2, 1, 4.0)
    """
    given = Source.of(source)
    with open_engine(tmp) as engine, given.reading():
        table = given.view(engine)
        types = dict(engine.columns(table))
        present = [name for name in grids if name in types]
        cells = layout_of(engine, table, types, grids, chunking or Chunking(), segment, where)
        rows = _rows(engine, cells)
        found: dict[str, ColumnCells] = {}

        def done(columns: dict[str, ColumnCells]) -> None:
            found.update(columns)
            if progress is not None:
                progress(len(found), len(present))

        numbers = [name for name in present if grids[name].form != "words"]
        for some in _scans(grids, numbers, cells.count, int(rows.sum())):
            done(_count_numbers(engine, cells, types, grids, some))
        for name in present:
            if grids[name].form == "words":
                done({name: _count_words(engine, cells, types[name], grids[name], rows)})
    placed = cells.placed
    return Cube(
        grids,
        placed.chunks,
        cells.names,
        rows.reshape(len(placed.chunks), max(len(cells.names), 1)),
        {name: found[name] for name in present},
        tuple(name for name in grids if name not in types),
        placed.undated,
    )


def layout_of(
    engine: Engine,
    table: str,
    types: dict[str, str],
    grids: Grids,
    chunking: Chunking,
    segment: str | None = None,
    where: str | None = None,
) -> Layout:
    """Find out which cells a table has, and how a row's is told in SQL."""
    placed = place(engine, table, types, chunking, where)
    if segment is None:
        alone = len(placed.chunks) == 1 and not placed.undated and not placed.joins
        expression = None if alone else placed.expression
        return Layout(placed, (), expression, f"{placed.table}{placed.joins}")
    if segment not in types:
        raise InvalidInput(f"There is no column {segment} to tell segments by.")
    grid = grids.get(segment)
    if grid is None:
        raise InvalidInput(
            f"The segment {segment} is no column of the reference, or was left out of it."
        )
    names, value, kind = _segments(grid, types[segment])
    engine.execute(f"create or replace temp table chunks_segments (v {kind}, s integer)")
    known = list(grid.words) if grid.form == "words" else list(grid.values)
    if known:
        engine.execute(
            "insert into chunks_segments select unnest($1), unnest(range($2))", [known, len(known)]
        )
    joins = f"{placed.table}{placed.joins} left join chunks_segments as s on s.v = {value}"
    other = f"case when {value} is null then {len(known) + 1} else {len(known)} end"
    expression = f"({placed.expression}) * {len(names)} + coalesce(s.s, {other})"
    return Layout(placed, names, expression, joins)


def _segments(grid: Grid, type_name: str) -> tuple[tuple[str, ...], str, str]:
    """Names, the value in SQL, and its type."""
    if grid.form == "words":
        return (
            (*grid.words, OTHER, MISSING),
            word_sql(f"t.{quote(grid.name)}", type_name, grid.kind, cut=False),
            "varchar",
        )
    if grid.form == "values" and len(grid.values) <= MOST_SEGMENTS:
        names = [f"{value:.15g}" for value in grid.values]
        return (*names, OTHER, MISSING), number_sql(grid.name, type_name, grid.kind), "double"
    raise InvalidInput(
        f"The column {grid.name} cannot tell segments apart: it is of kind {grid.kind}, and a "
        f"segment is a category or has at most {MOST_SEGMENTS} different values."
    )


def stream(engine: Engine, query: str) -> Generator[Any]:
    """The rows of a query as Arrow batches; the next one is fetched while one is looked at.

    Ctrl-C stops it. Close it where it is not read to its end.
    """
    reader = engine.run(lambda: engine.connection.sql(query).to_arrow_reader(BATCH))
    with ThreadPoolExecutor(1, "mlops-lab-fetch") as pool:
        pending = pool.submit(next, reader, None)
        try:
            while (batch := engine.run(pending.result)) is not None:
                pending = pool.submit(next, reader, None)
                if batch.num_rows:
                    yield batch
        finally:
            while not pending.done():
                engine.connection.interrupt()
                wait([pending], 0.1)


def _rows(engine: Engine, cells: Layout) -> Ints:
    import numpy as np

    found = np.zeros(cells.count, dtype=np.int64)
    for cell, rows in _by_cell(engine, cells, cells.select([])):
        found[cell] = rows
    return found


def _by_cell(engine: Engine, cells: Layout, query: str) -> list[tuple[int, int]]:
    """The rows of a query by their cell ``g``."""
    # Where there is one cell, counting needs no look at the table.
    g, group = ("0", "") if cells.expression is None else ("g", " group by g")
    found = engine.rows(f"select {g}, count(*) from ({query}){group}")
    return [(int(cell), int(rows)) for cell, rows in found]


def _scans(grids: Grids, names: Sequence[str], cells: int, rows: int) -> Iterator[list[str]]:
    """As many columns at a time as fit together, at least one."""
    from mlops_lab.compute.tally import DENSE

    width = 8 * max(1, min(rows, BATCH))
    some: list[str] = []
    room, places = _SCAN_BYTES, _TALLY_PLACES
    for name in names:
        needed = cells * grids[name].size
        needed = needed if needed <= DENSE else DENSE
        if some and (room < width or places < needed or len(some) >= _MOST_COLUMNS):
            yield some
            some, room, places = [], _SCAN_BYTES, _TALLY_PLACES
        some.append(name)
        room, places = room - width, places - needed
    if some:
        yield some


def _count_numbers(
    engine: Engine, cells: Layout, types: dict[str, str], grids: Grids, names: Sequence[str]
) -> dict[str, ColumnCells]:
    import numpy as np

    # They need numpy, which is not for those who only import the package.
    from mlops_lab.compute.tally import Tally

    wanted = [
        f"{number_sql(name, types[name], grids[name].kind)} as c{i}" for i, name in enumerate(names)
    ]
    tallies = [Tally(grids[name], cells.count) for name in names]
    with closing(stream(engine, cells.select(wanted))) as batches:
        for batch in batches:
            parted = cells.expression is not None
            cell = np.asarray(batch.column(0)).astype(np.int64) if parted else None
            for i, tally in enumerate(tallies, 1):
                tally.add(batch.column(i), cell)
    for name, tally in zip(names, tallies, strict=True):
        condition = unreadable_sql(name, types[name], grids[name].kind)
        if condition is not None:
            for one, n in _by_cell(engine, cells, cells.select([], condition)):
                tally.facts["unreadable"][one] = n
                tally.facts["missing"][one] -= n
    return {name: tally.result() for name, tally in zip(names, tallies, strict=True)}


def _count_words(
    engine: Engine, cells: Layout, type_name: str, grid: Grid, rows: Ints
) -> ColumnCells:
    """Count words in DuckDB; only slots come back, however many different words there are."""
    import numpy as np

    column = f"t.{quote(grid.name)} as raw"
    # A group by a constant takes as long as one by a column.
    g, group = ("0 as g", "raw") if cells.expression is None else ("g", "g, raw")
    counted = (
        f"select g, {word_sql('raw', type_name, grid.kind)} as v, n from "
        f"(select {g}, raw, count(*) as n from ({cells.select([column])}) group by {group})"
    )
    known_words(engine, grid)
    slot = f"case when v is null then -1 else coalesce(k.place, {grid.new_slot}) end"
    if not grid.complete:
        slot = f"case when v is null then -1 else coalesce(k.place, {grid.other_slot}) end"
    joined = f"from ({counted}) left join known_words as k on k.hash = md5_number_lower(v) "
    found = engine.rows(
        f"select g, {slot} as slot, sum(n)::bigint {joined} group by g, slot order by g, slot"
    )
    entries = [row for row in found if row[1] >= 0]
    cell, key, n = (np.array([int(row[i]) for row in entries], dtype=np.int64) for i in range(3))
    facts = {name: np.zeros(cells.count, dtype=np.int64) for name in FACTS}
    for one, at, missing in found:
        if at < 0:
            facts["missing"][int(one)] = int(missing)
    examples: dict[int, list[tuple[str, int]]] = {}
    if any(at == grid.new_slot for _, at, _ in found):
        listed = engine.rows(
            "select g, v, n from (select g, v, n, row_number() over (partition by g "
            "order by n desc, v) as place from (select g, v, sum(n)::bigint as n "
            f"{joined} where v is not null and k.place is null group by g, v)) "
            f"where place <= {EXAMPLES} order by g, place"
        )
        for one, text, times in listed:
            examples.setdefault(int(one), []).append((str(text), int(times)))
    none = np.zeros(len(cell), dtype=np.int64)
    gaps = np.full(cells.count, np.nan)
    return ColumnCells(
        cell,
        key,
        n,
        none,
        none,
        facts,
        gaps,
        gaps,
        {one: tuple(listed) for one, listed in examples.items()},
    )


def known_words(engine: Engine, grid: Grid) -> None:
    """Make the slots of a grid's words known, by hash, as the table ``known_words``."""
    import numpy as np
    import pyarrow as pa

    engine.execute("create or replace temp table known_words (hash ubigint, place integer)")
    if grid.words:
        engine.execute(
            "insert into known_words select md5_number_lower(unnest($1)), unnest(range($2))",
            [list(grid.words), len(grid.words)],
        )
    if grid.others:
        hashes = pa.table({"hash": pa.array(np.frombuffer(grid.others, "<u8"))})
        register: Callable[[], object] = lambda: engine.connection.register("hashes", hashes)  # noqa: E731
        engine.run(register)
        engine.execute(f"insert into known_words select hash, {grid.other_slot} from hashes")
        engine.run(lambda: engine.connection.unregister("hashes"))


def chunks_of(
    source: Any, chunking: Chunking, *, where: str | None = None, tmp: Path | None = None
) -> list[tuple[Chunk, int]]:
    """The chunks of a table with their rows, without counting any column."""
    given = Source.of(source)
    with open_engine(tmp) as engine, given.reading():
        table = given.view(engine)
        types = dict(engine.columns(table))
        placed = place(engine, table, types, chunking, where)
        cells = Layout(placed, (), placed.expression, f"{placed.table}{placed.joins}")
        return list(zip(placed.chunks, _rows(engine, cells).tolist(), strict=True))
