"""DuckDB's types: what a column of one is for, and how its values become JSON."""

from __future__ import annotations

import math
import struct
from typing import Any, Final

from mlops_lab.compute.column import Kind, Value

__all__ = [
    "FLOATS",
    "INTEGERS",
    "ZONED",
    "fields_of_type",
    "finite",
    "is_number",
    "json_number",
    "kind_of_type",
    "time_text",
]

_SIGNED: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_UNSIGNED: Final = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
INTEGERS: Final = frozenset((*_SIGNED, *_UNSIGNED, "BIGNUM"))
FLOATS: Final = frozenset(("FLOAT", "DOUBLE"))
ZONED: Final = "TIMESTAMP WITH TIME ZONE"
_TIMES: Final = frozenset(
    (
        "DATE",
        "TIME",
        "TIME_NS",
        "TIMESTAMP",
        "TIMESTAMP_S",
        "TIMESTAMP_MS",
        "TIMESTAMP_NS",
        ZONED,
    )
)
_UNBOUNDED: Final = frozenset((*FLOATS, "DATE", "TIMESTAMP", ZONED))
"""Types that know infinity."""

_SAFE_INTEGER = 2**53


def is_number(kind: str) -> bool:
    """Whether a type is one of numbers.

    >>> is_number("DECIMAL(10,2)"), is_number("INTEGER[]")
    (True, False)
    """
    decimal = kind.startswith("DECIMAL(") and kind.endswith(")")
    return kind in INTEGERS or kind in FLOATS or decimal


def kind_of_type(kind: str) -> Kind:
    """What a type is for, before the values are known: texts may turn out to be categories.

    >>> kind_of_type("HUGEINT"), kind_of_type("DATE"), kind_of_type("STRUCT(a INTEGER)")
    ('number', 'time', 'other')
    """
    if is_number(kind):
        return "number"
    if kind in _TIMES:
        return "time"
    if kind == "BOOLEAN":
        return "boolean"
    if kind in ("VARCHAR", "UUID") or (kind.startswith("ENUM(") and kind.endswith(")")):
        return "text"
    return "other"


def fields_of_type(kind: str) -> dict[str, str]:
    """The fields of a STRUCT and their types, in the order of their names; of other types none.

    >>> fields_of_type('STRUCT(b STRUCT(y DATE), "a, c" DECIMAL(10,2))')
    {'a, c': 'DECIMAL(10,2)', 'b': 'STRUCT(y DATE)'}
    >>> fields_of_type("BIGINT[]"), fields_of_type("STRUCT(a BIGINT)[]")
    ({}, {})
    """
    if not (kind.startswith("STRUCT(") and kind.endswith(")")):
        return {}
    import duckdb

    return {str(name): str(inside) for name, inside in sorted(duckdb.sqltype(kind).children)}


def knows_infinity(kind: str) -> bool:
    """Whether a value of the type may be infinite."""
    return kind in _UNBOUNDED


def finite(column: str, kind: str) -> str:
    """The condition that a value is there and finite, in SQL."""
    return f"isfinite({column})" if kind in _UNBOUNDED else f"{column} is not null"


def json_number(value: Any, kind: str) -> Value:
    """A number for JSON: whole ones that a double cannot hold become text.

    >>> json_number(2**53 + 1, "BIGINT"), json_number(float("inf"), "DOUBLE")
    ('9007199254740993', 'Infinity')
    """
    if kind in INTEGERS:
        whole = int(value)
        return whole if abs(whole) <= _SAFE_INTEGER else str(whole)
    number = _single(float(value)) if kind == "FLOAT" else float(value)
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")


def time_text(value: str, kind: str) -> str:
    """DuckDB's text of a time (in UTC) as ISO 8601 writes it; the year before 1 is 0.

    >>> time_text("2013-01-01 05:00:00+00", ZONED), time_text("0044-03-15 (BC)", "DATE")
    ('2013-01-01T05:00:00Z', '-0043-03-15')
    """
    if kind == ZONED:
        value = value.replace("+00", "Z", 1)
    if " (BC)" in value:
        value = value.replace(" (BC)", "")
        year, rest = value.split("-", 1)
        value = f"-{int(year) - 1:04}-{rest}"
    if kind == "DATE":
        return value.partition(" ")[0]
    return value.replace(" ", "T", 1)


def _single(number: float) -> float:
    """A single-precision value by its shortest digits: 37.94, not 37.939998626708984."""
    for digits in (6, 7, 8):
        short = float(f"{number:.{digits}g}")
        if abs(short) < 3.4028234e38 and struct.unpack("f", struct.pack("f", short))[0] == number:
            return short
    return number
