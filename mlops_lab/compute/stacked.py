"""Columns of one type asked the same, as one column beside their number.

An aggregate costs DuckDB a tenth of a millisecond before it has seen a row: planned for each of ten
thousand columns, that is all that a wide table takes. Below each other they are planned once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from mlops_lab.compute.engine import Engine

__all__ = ["ask", "stacks"]

TOGETHER: Final = 500_000
"""Columns are stacked while they have no more values than this."""


def stacks(columns: Mapping[str, str], rows: int) -> Iterator[tuple[str, Sequence[str], str]]:
    """Columns of the table ``chunk`` with what follows FROM to ask them together.

    Parameters
    ----------
    columns
        Their types by their names in the chunk.
    rows
        Of the chunk.

    Yields
    ------
    type, names, relation
        Some columns of one type; the relation's ``i`` is their place in the names, ``v`` the value.
    """
    size = max(1, TOGETHER // max(rows, 1))
    for kind, group in groupby(sorted(columns, key=columns.__getitem__), columns.__getitem__):
        names = list(group)
        for start in range(0, len(names), size):
            some = names[start : start + size]
            if len(some) == 1:
                yield kind, some, f"(select 0 as i, {some[0]} as v from chunk)"
            else:
                together = f"unnest(range({len(some)})) as i, unnest([{', '.join(some)}]) as v"
                yield kind, some, f"(select {together} from chunk)"


def ask(
    engine: Engine, wanted: Sequence[str], names: Sequence[str], relation: str
) -> dict[str, tuple[Any, ...]]:
    """The values of aggregates over ``v`` (and ``i``) for each column of a stack.

    Of a chunk without rows several columns have no values at all.
    """
    listed = ", ".join(wanted)
    if (
        len(names) == 1
    ):  # with nothing to tell apart it is cheaper, which counts where rows are many
        return {names[0]: engine.row(f"select {listed} from {relation}")}
    rows = engine.rows(f"select i, {listed} from {relation} group by i")
    return {names[i]: tuple(values) for i, *values in rows}
