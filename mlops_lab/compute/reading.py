"""How a column is read for its grid, in SQL: as doubles, or as words."""

from __future__ import annotations

from mlops_lab.compute.chunks import micros_of
from mlops_lab.compute.engine import quote
from mlops_lab.compute.frequent import TEXT_CHARS
from mlops_lab.compute.kinds import Kind
from mlops_lab.compute.types import INTEGERS, is_number, kind_of_type

__all__ = ["number_sql", "unreadable_sql", "word_sql"]


def number_sql(name: str, type_name: str, kind: Kind) -> str:
    """A column of the table ``t`` as doubles.

    A text counts by its length, a time by its seconds since 1970; of *id* and *other* only whether
    there is a value. What is no number where numbers are expected becomes NULL.
    """
    column = f"t.{quote(name)}"
    family = kind_of_type(type_name)
    match kind:
        case "text":
            text = column if type_name == "VARCHAR" else f"{column}::varchar"
            return f"length({text})::double"
        case "time":
            return f"{micros_of(column, type_name)} / 1e6" if family == "time" else _NOTHING
        case "id" | "other" | "category" | "boolean":
            return f"case when {column} is not null then 0.0::double end"
        case _:
            if is_number(type_name):
                return column if type_name == "DOUBLE" else f"{column}::double"
            if family == "boolean":
                return f"{column}::integer::double"
            if family == "text":
                return f"try_cast({column}::varchar as double)"
            return _NOTHING


def unreadable_sql(name: str, type_name: str, kind: Kind) -> str | None:
    """The condition that a value is there but no number, or None where that cannot be."""
    column = f"t.{quote(name)}"
    family = kind_of_type(type_name)
    if kind in ("number", "integer"):
        if is_number(type_name) or family == "boolean":
            return None
        if family == "text":
            return f"{column} is not null and try_cast({column}::varchar as double) is null"
        return f"{column} is not null"
    if kind == "time" and family != "time":
        return f"{column} is not null"
    return None


def word_sql(value: str, type_name: str, kind: Kind, *, cut: bool = True) -> str:
    """A value as a word, the same from every format.

    A whole number is written without a point: pandas makes 1.0 of a 1 beside a gap.

    Parameters
    ----------
    value
        In SQL.
    type_name
        Its type.
    kind
        Of the column: *boolean* takes 1 and 0, and any case, for true and false.
    cut
        Whether long texts are cut, which costs more than all the rest: for each different value
        it is cheap, for each row it is not.
    """
    text = value
    if is_number(type_name) and type_name not in INTEGERS:
        double = value if type_name == "DOUBLE" else f"{value}::double"
        text = (
            f"(case when abs({double}) < 1e15 and {double} = trunc({double}) "
            f"then {double}::bigint::varchar else {double}::varchar end)"
        )
    elif type_name != "VARCHAR":
        text = f"{value}::varchar"
    elif cut:
        text = f"left({value}, {TEXT_CHARS})"
    if kind == "boolean":
        return (
            f"(case lower({text}) when '1' then 'true' when '0' then 'false' "
            f"else lower({text}) end)"
        )
    return text


_NOTHING = "null::double"
