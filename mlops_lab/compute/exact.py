"""The exact distance of two samples, where a certificate is not enough.

Counts have already told between which numbers a distance is. For the Kolmogorov–Smirnov distance
only the rows of the few slots are fetched in which a greater one can hide; the Wasserstein distance
needs all values once, in order, which DuckDB sorts on disk when they do not fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_lab.compute.chunks import Chunking
from mlops_lab.compute.counting import layout_of, stream
from mlops_lab.compute.counts import Counts
from mlops_lab.compute.cube import ALL_ROWS
from mlops_lab.compute.engine import Engine, open_engine
from mlops_lab.compute.grids import Grid, Grids
from mlops_lab.compute.kinds import KindFound
from mlops_lab.compute.reading import number_sql
from mlops_lab.compute.source import Source
from mlops_lab.compute.statistics.paths import paths_of
from mlops_lab.compute.statistics.wasserstein import width_of
from mlops_lab.errors import InvalidInput

if TYPE_CHECKING:
    from mlops_lab.compute.slots import Floats

__all__ = ["Rows", "exact_ks", "exact_wasserstein"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a table: those that a window of a cube was counted from.

    Parameters
    ----------
    source
        A `Source`, or whatever `Source.of` takes.
    chunking, chunks
        How the cube was parted, and the keys of the window's chunks; default all rows.
    segment, grid, value
        The column that tells segments apart, its grid, and the segment; default all rows.
    where
        A condition in SQL, as for `count`.
    """

    source: Any
    chunking: Chunking | None = None
    chunks: Sequence[str] | None = None
    segment: str | None = None
    grid: Grid | None = None
    value: str = ALL_ROWS
    where: str | None = None

    @classmethod
    def of(cls, value: Any) -> Rows:
        """Take rows, or all rows of a table."""
        return value if isinstance(value, Rows) else cls(value)


def exact_ks(
    reference: Any, current: Any, ref: Counts, cur: Counts, *, tmp: Path | None = None
) -> float:
    """The Kolmogorov–Smirnov distance of two samples: what scipy's ``ks_2samp`` gives.

    Parameters
    ----------
    reference, current
        `Rows`, or whatever `Source.of` takes.
    ref, cur
        The counts of the column in these rows.
    tmp
        Where temporary files go.

    Raises
    ------
    InvalidInput
        The rows are not those that were counted, or the column has no order.
    """
    import numpy as np

    grid = _grid_of(ref, cur)
    first, second, n, m = ref.dense, cur.dense, ref.total, cur.total
    paths = paths_of(ref, cur)
    least = float(np.abs(paths.after).max())
    hidden = (paths.inside > least) & (first > 0) & (second > 0) & ~grid.edges.atom
    if not hidden.any():
        return least
    found = []
    for rows, counts in ((Rows.of(reference), first), (Rows.of(current), second)):
        with _opened(rows, grid, tmp) as (engine, query):
            values = _values_in(engine, query, grid, hidden)
        if len(values) != int(counts[hidden].sum()):
            raise _changed(grid)
        # Everything in the slots before, but for the hidden ones, whose values are at hand.
        known = np.cumsum(np.where(hidden, 0, counts))
        found.append((np.sort(values), known))
    points = np.unique(np.concatenate([values for values, _ in found]))
    slots = grid.slots_of(points)
    (one, one_known), (two, two_known) = found
    f = (one_known[slots] + np.searchsorted(one, points, "right")) / n
    g = (two_known[slots] + np.searchsorted(two, points, "right")) / m
    return max(least, float(np.abs(f - g).max()))


def exact_wasserstein(
    reference: Any,
    current: Any,
    ref: Counts,
    cur: Counts,
    *,
    in_units: bool = False,
    tmp: Path | None = None,
) -> float:
    """The Wasserstein distance of two samples: scipy's ``wasserstein_distance`` over the
    reference's standard deviation (with n below).

    Parameters
    ----------
    reference, current, ref, cur, tmp
        As for `exact_ks`.
    in_units
        Not over the standard deviation, but in the column's unit.

    Raises
    ------
    InvalidInput
        The rows are not those that were counted, or the column has no order.
    """
    import numpy as np

    grid = _grid_of(ref, cur)
    with open_engine(tmp) as engine:
        for side, given in (("ref", reference), ("cur", current)):
            with _query(engine, Rows.of(given), grid, side) as query:
                engine.execute(
                    f"create temp table exact_{side} as select x, count(*) as n from ({query}) "
                    "where x is not null and isfinite(x) group by x"
                )
        batches = list(
            stream(
                engine,
                "select x, sum(n)::bigint as n, sum(m)::bigint as m from "
                "(select x, n, 0 as m from exact_ref union all select x, 0, n from exact_cur) "
                "group by x order by x",
            )
        )
    x, n, m = (np.concatenate([np.asarray(one.column(i)) for one in batches]) for i in range(3))
    if int(n.sum()) != ref.total or int(m.sum()) != cur.total:
        raise _changed(grid)
    apart = np.abs(np.cumsum(n) / ref.total - np.cumsum(m) / cur.total)[:-1]
    # To the last digit whatever the size of batches: a sum that rounds once.
    distance = fsum((apart * np.diff(x)).tolist())
    return distance if in_units else distance / _deviation(x, n, ref)


def _deviation(x: Floats, n: Any, ref: Counts) -> float:
    import numpy as np

    there = n > 0
    far = x[there] - ref.mean
    weights = n[there]
    mean = fsum((far * weights).tolist()) / ref.total
    found = float(np.sqrt(fsum(((far - mean) ** 2 * weights).tolist()) / ref.total))
    return found if found > 0 else width_of(ref)[0]


def _grid_of(ref: Counts, cur: Counts) -> Grid:
    if not ref.grid.ordered or not cur.grid.ordered:
        raise InvalidInput(f"The values of {ref.grid.name} have no order: there is no distance.")
    if not ref.total or not cur.total:
        raise InvalidInput(f"One side of {ref.grid.name} has no values: there is no distance.")
    return ref.grid


def _values_in(engine: Engine, query: str, grid: Grid, marked: Any) -> Floats:
    """The values that fall into the marked slots."""
    import numpy as np

    parts = [np.zeros(0)]
    with closing(stream(engine, query)) as batches:
        for batch in batches:
            values = np.asarray(batch.column(0).drop_null())
            values = values[np.isfinite(values)]
            parts.append(values[marked[grid.slots_of(values)]])
    return np.concatenate(parts)


@contextmanager
def _opened(rows: Rows, grid: Grid, tmp: Path | None) -> Iterator[tuple[Engine, str]]:
    with open_engine(tmp) as engine, _query(engine, rows, grid, "source") as query:
        yield engine, query


@contextmanager
def _query(engine: Engine, rows: Rows, grid: Grid, name: str) -> Iterator[str]:
    """A SELECT of the column's values in the rows, as doubles called ``x``."""
    given = Source.of(rows.source)
    with given.reading():
        table = given.view(engine, name)
        types = dict(engine.columns(table))
        if grid.name not in types:
            raise InvalidInput(f"There is no column {grid.name} in {given.told}.")
        segments = {} if rows.grid is None else {rows.grid.name: rows.grid}
        layout = layout_of(
            engine,
            table,
            types,
            Grids(segments, dict.fromkeys(segments, KindFound("category", ""))),
            rows.chunking or Chunking(),
            rows.segment,
            rows.where,
        )
        value = number_sql(grid.name, types[grid.name], grid.kind)
        inner = layout.select([f"{value} as x"])
        cells = _cells(rows, [one.key for one in layout.placed.chunks], layout.names)
        yield f"select x from ({inner}) where g in ({', '.join(map(str, cells)) or 'null'})"


def _cells(rows: Rows, keys: Sequence[str], names: Sequence[str]) -> list[int]:
    width = max(len(names), 1)
    chunks = range(len(keys)) if rows.chunks is None else [keys.index(one) for one in rows.chunks]
    segments = range(width) if rows.value == ALL_ROWS else [list(names).index(rows.value)]
    return [chunk * width + segment for chunk in chunks for segment in segments]


def _changed(grid: Grid) -> InvalidInput:
    return InvalidInput(
        f"The rows of {grid.name} are not those that were counted: count them again."
    )
