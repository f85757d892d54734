"""Regular expressions as DuckDB reads them (RE2)."""

from __future__ import annotations

from functools import lru_cache

from mlops_lab.compute.engine import first_line

__all__ = ["pattern_fault"]


@lru_cache(256)  # a suite is read more often than it changes
def pattern_fault(pattern: str) -> str | None:
    """Why a pattern cannot be read, or None when it can.

    >>> pattern_fault("N[0-9]+"), pattern_fault("N[0-9")
    (None, 'missing ]: [0-9')
    """
    import duckdb

    with duckdb.connect() as connection:
        try:
            connection.execute("select regexp_full_match('', $1)", [pattern])
        except duckdb.Error as error:
            return first_line(error).partition("Error: ")[2].rstrip(".") or first_line(error)
    return None
