"""Predictions beside their truth: what was told last, by prediction or by the requests' columns."""

# ruff: noqa: S608 (names are quoted, values are bound)

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlops_lab.compute.engine import quote, quote_glob

__all__ = [
    "ABOUT",
    "FOLDER",
    "Slot",
    "files_of",
    "join",
    "last_of",
    "parquet_of",
    "settle",
    "slots_of",
]

FOLDER: Final = "truth"
"""Of an endpoint's log: a folder for each slot."""

ABOUT: Final = "slot.json"


@dataclass(frozen=True, slots=True)
class Slot:
    """Truths of one name that are told by the same columns.

    Attributes
    ----------
    name
        What the truth is called.
    on
        The columns that say whose it is.
    event
        Whether it is a conversion: where nothing was told it is false.
    files
        Parquet, oldest first.
    """

    name: str
    on: tuple[str, ...]
    event: bool
    files: tuple[Path, ...]


def slots_of(folder: Path) -> list[Slot]:
    """The truths that an endpoint was told, by name."""
    found = []
    for about in sorted((folder / FOLDER).glob(f"*/{ABOUT}")):
        try:
            told = json.loads(about.read_text(encoding="utf-8"))
            inside = parquet_of(about.parent)
            slot = Slot(told["name"], tuple(told["on"]), bool(told["event"]), tuple(inside))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if inside:
            found.append(slot)
    return sorted(found, key=lambda one: (one.name, one.on))


def parquet_of(slot: Path) -> list[Path]:
    """The files of a slot, oldest first; what a killed writer left behind is hidden."""
    return sorted(one for one in slot.glob("*.parquet") if not one.name.startswith("."))


def files_of(paths: Sequence[Path]) -> str:
    """What can follow FROM for a slot's files, where DuckDB may read files."""
    listed = ", ".join("'" + quote_glob(one).replace("'", "''") + "'" for one in paths)
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"


def last_of(relation: str, keys: int) -> str:
    """A query for the last truth of each key."""
    by = ", ".join(f"k{i}" for i in range(keys))
    return (
        f"select {by}, arg_max(value, (t, n)) as value, max(t) as t, arg_max(n, (t, n)) as n "
        f"from {relation} group by {by}"
    )


def settle(given: str, slot: Slot, columns: Mapping[str, str]) -> str:
    """A query for the last truth of each key, the keys in the types that the log has them in."""
    keys = ", ".join(f"try_cast(k{j} as {columns[key]}) as k{j}" for j, key in enumerate(slot.on))
    return last_of(f"(select {keys}, value, t, n from {given})", len(slot.on))


def join(
    relation: str,
    columns: Mapping[str, str],
    slots: Sequence[Slot],
    *,
    table: Callable[[Slot], str] | None = None,
    settled: bool = False,
) -> tuple[str, dict[str, str]]:
    """Put the truth beside predictions.

    Parameters
    ----------
    relation
        What follows FROM for the log.
    columns
        Its columns, with DuckDB's types.
    slots
        What was told.
    table
        What follows FROM for a slot; default its files.
    settled
        Whether such a table is what `settle` gives.

    Returns
    -------
    relation
        What can follow FROM.
    names
        The column of each truth, by its name: the name itself unless a column is called so.
    """
    taken = {name.lower() for name in columns}
    joins: list[str] = []
    found: dict[str, list[tuple[str, bool]]] = {}
    for i, slot in enumerate(slots):
        if not all(key in columns for key in slot.on):
            continue  # told before anything was logged that has such a column
        given = files_of(slot.files) if table is None else table(slot)
        on = " and ".join(f"log.{quote(key)} = s{i}.k{j}" for j, key in enumerate(slot.on))
        told = given if settled else f"({settle(given, slot, columns)})"
        joins.append(f"left join {told} s{i} on {on}")
        found.setdefault(slot.name, []).append((f"s{i}", slot.event))
    if not joins:
        return relation, {}
    names: dict[str, str] = {}
    values = []
    for name, several in found.items():
        column = name
        while column.lower() in taken:
            column = f"truth_{column}"
        taken.add(column.lower())
        names[name] = column
        values.append(f"{_latest(several)} as {quote(column)}")
    select = f"select log.*, {', '.join(values)} from {relation} log {' '.join(joins)}"
    return f"({select})", names


def _latest(several: Sequence[tuple[str, bool]]) -> str:
    """Of truths told in several ways, the one told last."""
    if len(several) == 1:
        value = f"{several[0][0]}.value"
    else:
        last = f"greatest({', '.join(f'coalesce({one}.t, 0)' for one, _ in several)})"
        cases = " ".join(f"when {one}.t then {one}.value" for one, _ in several)
        value = f"(case {last} {cases} end)"
    return f"coalesce({value}, false)" if all(event for _, event in several) else value
