"""Adding up cells: of parts of one scan, and of whole cubes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mlops_lab.compute.chunks import Chunk
from mlops_lab.compute.cube import FACTS, ColumnCells, Cube, most_frequent
from mlops_lab.compute.slots import Ints, carried, ranked

if TYPE_CHECKING:
    from mlops_lab.compute.grids import Grid

__all__ = ["merged", "summed"]


def summed(
    cell: Ints, key: Ints, parts: Sequence[Ints], size: int
) -> tuple[Ints, Ints, tuple[Ints, ...]]:
    """Entries in order of cell and key, those of the same place added.

    Parameters
    ----------
    cell, key
        Of each entry.
    parts
        What to add.
    size
        More than any key.
    """
    places, inverse = ranked(cell * size + key)
    totals = []
    for part in parts:
        total = np.zeros(len(places), dtype=np.int64)
        np.add.at(total, inverse, part)
        totals.append(total)
    return places // size, places % size, tuple(totals)


def merged(cubes: Sequence[Cube], chunks: tuple[Chunk, ...], names: tuple[str, ...]) -> Cube:
    """One cube of several that have the same grids.

    Parameters
    ----------
    cubes
        At least one.
    chunks, names
        Of all of them.
    """
    width = max(len(names), 1)
    places = [_places(one, chunks, names, width) for one in cubes]
    rows = np.zeros(len(chunks) * width, dtype=np.int64)
    for cube, place in zip(cubes, places, strict=True):
        rows[place] += cube.rows_of.reshape(-1)
    cells = {}
    columns = dict.fromkeys(name for one in cubes for name in one.cells)
    # One day after the other: there is nothing to add up.
    placed = sorted(zip(cubes, places, strict=True), key=lambda one: one[0].keys)
    apart = bool((np.diff(np.concatenate([place for _, place in placed])) > 0).all())
    for name in columns:
        held = [
            (one.cells[name] if name in one.cells else _gap(one), place) for one, place in placed
        ]
        cells[name] = _merged_cells(cubes[0].grids[name], held, rows.size, apart)
    return Cube(
        cubes[0].grids,
        chunks,
        names,
        rows.reshape(len(chunks), width),
        cells,
        tuple(name for name in cubes[0].absent if name not in columns),
        sum(one.undated for one in cubes),
    )


def _places(cube: Cube, chunks: tuple[Chunk, ...], names: tuple[str, ...], width: int) -> Ints:
    """Where the cells of a cube are in the merged one."""
    at = {chunk.key: i for i, chunk in enumerate(chunks)}
    chunk = np.array([at[one.key] for one in cube.chunks], dtype=np.int64)
    segment = np.array([names.index(one) for one in cube.names] or [0], dtype=np.int64)
    return (chunk[:, None] * width + segment[None, :]).reshape(-1)


def _gap(cube: Cube) -> ColumnCells:
    """A column that a table does not have: it is missing in all of its rows."""
    rows = cube.rows_of.reshape(-1)
    none = np.zeros(0, dtype=np.int64)
    facts = {name: np.zeros_like(rows) for name in FACTS} | {"missing": rows}
    gaps = np.full(len(rows), np.nan)
    return ColumnCells(none, none, none, none, none, facts, gaps, gaps)


def _merged_cells(
    grid: Grid, held: Sequence[tuple[ColumnCells, Ints]], cells: int, apart: bool
) -> ColumnCells:
    cell = np.concatenate([place[one.cell] for one, place in held])
    key = np.concatenate([one.key for one, _ in held])
    n, high, low = (
        np.concatenate([getattr(one, part) for one, _ in held]) for part in ("n", "high", "low")
    )
    if not apart:
        cell, key, (n, high, low) = summed(cell, key, (n, high, low), grid.size)
        high, low = carried(high, low)
    facts = {name: np.zeros(cells, dtype=np.int64) for name in FACTS}
    least, most = np.full(cells, np.nan), np.full(cells, np.nan)
    examples: dict[int, dict[str, int]] = {}
    for one, place in held:
        for name, total in facts.items():
            total[place] += one.facts[name]
        least[place] = np.fmin(least[place], one.min)
        most[place] = np.fmax(most[place], one.max)
        for old, listed in one.examples.items():
            words = examples.setdefault(int(place[old]), {})
            for word, count in listed:
                words[word] = words.get(word, 0) + count
    return ColumnCells(cell, key, n, high, low, facts, least, most, _kept(examples))


def _kept(examples: Mapping[int, Mapping[str, int]]) -> dict[int, tuple[tuple[str, int], ...]]:
    return {cell: most_frequent(words) for cell, words in sorted(examples.items())}
