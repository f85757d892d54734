"""Columns of scores, labels and segments in SQL: equal labels are equal texts, however stored."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from mlops_lab.compute.engine import quote
from mlops_lab.compute.types import INTEGERS, kind_of_type
from mlops_lab.errors import InvalidInput

__all__ = ["NOTHING", "column_named", "finite_number", "label_of", "label_text", "segment_text"]

NOTHING: Final = '"NULL"'
"""The type of a column without any value, as a frame may have it."""

_KNOWN: Final = {"true": "1", "false": "0"}


def column_named(name: str, role: str, types: Mapping[str, str], told: str) -> str:
    """The column as the table writes it: case does not count in DuckDB.

    Raises
    ------
    InvalidInput
        There is none; the message names the nearest.
    """
    same = {one.casefold(): one for one in types}
    if name in types or name.casefold() in same:
        return name if name in types else same[name.casefold()]
    near = get_close_matches(name, types, 1)
    hint = f"Did you mean {near[0]}?" if near else f"It has {', '.join(list(types)[:20])}."
    raise InvalidInput(f"The {role} {name} is no column of {told}. {hint}")


def finite_number(name: str, table: str = "") -> str:
    """A column of numbers in SQL as a double; what is not finite is missing.

    Parameters
    ----------
    name
        Of the column.
    table
        The alias of its table with a dot, where another one may have a column of this name.
    """
    value = f"cast({table}{quote(name)} as double)"
    return f"(case when isfinite({value}) then {value} end)"


def label_text(name: str, kind: str, role: str, table: str = "") -> str:
    """A column of labels in SQL as texts that are equal however the label is stored.

    True is ``1`` as 1 and 1.0 are; an empty text and not a number are missing.

    Raises
    ------
    InvalidInput
        The type is none of labels.
    """
    column = f"{table}{quote(name)}"
    match kind_of_type(kind):
        case "other" if kind == NOTHING:
            return "null::varchar"
        case "boolean":
            return f"(case {column} when true then '1' when false then '0' end)"
        case "number" if kind in INTEGERS:
            return f"cast({column} as varchar)"
        case "number":
            value = f"cast({column} as double)"
            whole = f"cast(cast({value} as bigint) as varchar)"
            return (
                f"(case when not isfinite({value}) then null when {value} = trunc({value}) "
                f"and abs({value}) < 1e15 then {whole} else cast({value} as varchar) end)"
            )
        case "text":
            text = f"trim(cast({column} as varchar))"
            known = " ".join(f"when '{one}' then '{code}'" for one, code in _KNOWN.items())
            return f"(case lower({text}) {known} when '' then null else {text} end)"
        case _:
            raise InvalidInput(f"The {role} {name} is {kind}, which is no label and no number.")


def segment_text(name: str, kind: str, table: str = "") -> str:
    """A column of segments in SQL as texts."""
    if kind_of_type(kind) == "boolean":
        return f"(case {table}{quote(name)} when true then 'true' when false then 'false' end)"
    if kind_of_type(kind) == "number":
        return label_text(name, kind, "segment", table)
    return f"nullif(cast({table}{quote(name)} as varchar), '')"


def label_of(value: Any) -> str:
    """What a person gave as a label, as the text of `label_text`.

    >>> label_of(True), label_of(1.0), label_of(" yes ")
    ('1', '1', 'yes')
    """
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    text = str(value).strip()
    return _KNOWN.get(text.lower(), text)
