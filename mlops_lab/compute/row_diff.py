"""How two tables differ row by row, told apart by a key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_lab.compute.cells import Cells, read_cells
from mlops_lab.compute.engine import Engine, open_engine, quote
from mlops_lab.compute.source import Source
from mlops_lab.compute.types import is_number
from mlops_lab.errors import InvalidInput
from mlops_lab.expressions import nearest

__all__ = ["RowDiff", "diff_rows"]

MAX_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class RowDiff:
    """The rows that came, went and changed.

    Parameters
    ----------
    key
        The columns that tell rows apart.
    added, removed, changed, same
        How many rows.
    columns
        How many rows changed in each column, without those in which none did.
    examples
        Some of the differences: the key, then ``change`` (added, removed, changed), ``column``,
        ``before`` and ``after``; one line for each value that changed.
    """

    key: tuple[str, ...]
    added: int
    removed: int
    changed: int
    same: int
    columns: Mapping[str, int]
    examples: Cells

    def to_json(self) -> dict[str, Any]:
        """As REST sends it."""
        return {
            "key": list(self.key),
            "added": self.added,
            "removed": self.removed,
            "changed": self.changed,
            "same": self.same,
            "columns": dict(self.columns),
            "examples": self.examples.to_json(),
        }


def diff_rows(
    before: Any, after: Any, key: str | Sequence[str], *, tmp: Path | None = None
) -> RowDiff:
    """Compare two tables row by row.

    Columns that only one of them has do not make a row changed; a column whose type changed is
    compared by its values as far as they can be compared, else by their text. NaN equals NaN, and
    nothing equals nothing.

    Parameters
    ----------
    before, after
        A `Source` each, or whatever `Source.of` takes.
    key
        The column or columns that tell rows apart.
    tmp
        Where temporary files go; default the system's folder for them.

    Raises
    ------
    InvalidInput
        The key is no name or list of them, a column of it is missing in one of them, or two rows
        have the same key.
    """
    given = [key] if isinstance(key, str) else key
    named = isinstance(given, Iterable) and all(isinstance(one, str) for one in given)
    keys = tuple(given) if named else ()
    if not keys or len(set(keys)) < len(keys):
        raise InvalidInput(f"The key {given!r} is none: name one or more columns, each once.")
    with open_engine(tmp) as engine:
        sides = []
        for name, given in (("before", before), ("after", after)):
            source = Source.of(given)
            view = source.view(engine, name)
            with source.reading():
                columns = dict(engine.columns(view))
            _check_columns(name, columns, keys)
            sides.append((view, columns))
        for name, (view, _) in zip(("before", "after"), sides, strict=True):
            _check_unique(engine, name, view, keys)
        return _compare(engine, keys, *sides)


def _check_columns(side: str, columns: Mapping[str, str], keys: Sequence[str]) -> None:
    for name in keys:
        if name not in columns:
            near = nearest(name, columns)
            hint = f" Did you mean {near}?" if near else ""
            raise InvalidInput(f"The table {side} has no column {name}.{hint}")


def _check_unique(engine: Engine, side: str, view: str, keys: Sequence[str]) -> None:
    listed = ", ".join(map(quote, keys))
    twice = read_cells(
        engine,
        # Without an alias for the count: a column of theirs may be called so.
        f"select {listed}, count(*) from {view} group by {listed} having count(*) > 1 "
        f"order by count(*) desc, {listed}",
        limit=1,
    )
    if twice.rows:
        *values, n = twice.rows[0]
        told = ", ".join(f"{name} {value}" for name, value in zip(keys, values, strict=True))
        raise InvalidInput(
            f"The key is not unique: the table {side} has {n:,} rows with {told}. "
            "Add a column that tells them apart."
        )


def _compare(
    engine: Engine,
    keys: Sequence[str],
    earlier: tuple[str, Mapping[str, str]],
    later: tuple[str, Mapping[str, str]],
) -> RowDiff:
    (table_before, before), (table_after, after) = earlier, later
    # Whether a row is there at all, under names that no column has.
    there_b, there_a = (_unused(name, [*before, *after]) for name in ("there_b", "there_a"))
    compared = [name for name in before if name in after and name not in keys]
    sides = {name: _sides(quote(name), before[name], after[name]) for name in (*keys, *compared)}
    same_key = " and ".join(f"{b} is not distinct from {a}" for b, a in (sides[k] for k in keys))
    differs = {name: "({} is distinct from {})".format(*sides[name]) for name in compared}
    flags = ", ".join(f"{sql} as c{i}" for i, sql in enumerate(differs.values()))
    # Only which columns differ is kept of each pair: the values are looked up for the examples.
    key_of_both = ", ".join(
        f"case when {there_b} then b.{quote(k)} else a.{quote(k)} end as k{i}"
        if before[k] == after[k]
        else f"coalesce(b.{quote(k)}::varchar, a.{quote(k)}::varchar) as k{i}"
        for i, k in enumerate(keys)
    )
    engine.execute(
        f"create temp table pairs as select {key_of_both}, "
        f"coalesce({there_b}, false) as in_b, coalesce({there_a}, false) as in_a"
        f"{', ' + flags if flags else ''} "
        f"from (select *, true as {there_b} from {table_before}) b "
        f"full join (select *, true as {there_a} from {table_after}) a on {same_key}"
    )
    any_flag = " or ".join(f"c{i}" for i in range(len(compared))) or "false"
    sums = "".join(f", count(*) filter (in_a and in_b and c{i})" for i in range(len(compared)))
    added, removed, changed, both, *counts = engine.row(
        "select count(*) filter (in_a and not in_b), count(*) filter (in_b and not in_a), "
        f"count(*) filter (in_a and in_b and ({any_flag})), count(*) filter (in_a and in_b)"
        f"{sums} from pairs"
    )
    by_column = {name: int(n) for name, n in zip(compared, counts, strict=True) if n}
    examples = _examples(engine, keys, compared, by_column, (table_before, table_after))
    return RowDiff(
        tuple(keys),
        int(added),
        int(removed),
        int(changed),
        int(both - changed),
        by_column,
        examples,
    )


def _sides(name: str, before: str, after: str) -> tuple[str, str]:
    """A column of both tables as what can be compared: its values, else their text."""
    both = (before, after)
    if (
        before == after
        or all(map(is_number, both))
        or all(kind.startswith(("DATE", "TIMESTAMP")) for kind in both)
    ):
        return f"b.{name}", f"a.{name}"
    return f"b.{name}::varchar", f"a.{name}::varchar"


def _unused(name: str, columns: Sequence[str]) -> str:
    taken = {one.lower() for one in columns}
    while name in taken:
        name += "_"
    return name


def _examples(
    engine: Engine,
    keys: Sequence[str],
    compared: Sequence[str],
    counts: Mapping[str, int],
    tables: tuple[str, str],
) -> Cells:
    """Changed values first, then rows that came and went."""
    shown = ", ".join(f"p.k{i} as {quote(k)}" for i, k in enumerate(keys))
    order = ", ".join(f"p.k{i}" for i in range(len(keys)))
    columns = (*keys, "change", "column", "before", "after")
    rows: list[tuple[Any, ...]] = []
    # Every changed column gets its turn, the most changed one first.
    each = max(1, MAX_EXAMPLES // (2 * max(1, len(counts))))
    for name in sorted(counts, key=lambda one: -counts[one]):
        left = min(each, MAX_EXAMPLES - len(rows))
        if left <= 0:
            break
        same = " and ".join(
            f"p.k{i}::varchar is not distinct from {{0}}.{quote(k)}::varchar"
            for i, k in enumerate(keys)
        )
        picked = (
            f"select * from pairs p where in_a and in_b and c{compared.index(name)} "
            f"order by {order} limit {left}"
        )
        found = read_cells(
            engine,
            f"select {shown}, b.{quote(name)} as value_before, a.{quote(name)} as value_after "
            f"from ({picked}) p join {tables[0]} b on {same.format('b')} "
            f"join {tables[1]} a on {same.format('a')} order by {order}",
            limit=left,
        )
        rows += [(*row[:-2], "changed", name, *row[-2:]) for row in found.rows]
    for change, where in (("added", "not in_b"), ("removed", "not in_a")):
        left = min(5, MAX_EXAMPLES - len(rows))
        if left > 0:
            found = read_cells(
                engine, f"select {shown} from pairs p where {where} order by {order}", limit=left
            )
            rows += [(*row, change, None, None, None) for row in found.rows]
    return Cells(columns, tuple(rows))
