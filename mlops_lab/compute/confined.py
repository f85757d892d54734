"""SQL that somebody wrote into a file: it reads one table and can do nothing else.

The query may come with a pull request, so it gets a DuckDB of its own in which there is only the
table ``data``, handed over as Arrow, so that no file system is needed; then the door is shut, in
the order of `mlops_lab.store.sandbox`.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from mlops_lab.compute.cells import Cells, read_cells
from mlops_lab.compute.engine import NO_BAR, Engine, first_line
from mlops_lab.errors import Forbidden, InvalidInput

__all__ = ["TIMEOUT_S", "count_rows", "select_fault"]

TIMEOUT_S = 120.0
"""A query that takes longer is stopped. Generous: it scans all rows."""

_SHUT: Final = (
    "set timezone = 'UTC'",
    NO_BAR,
    "set temp_directory = ''",
    "set python_enable_replacements = false",
    "set enable_external_access = false",
    "set disabled_filesystems = 'LocalFileSystem'",
    "set lock_configuration = true",
)


@lru_cache(256)  # a suite is read more often than it changes
def select_fault(query: str) -> str | None:
    """Why a text is not one SELECT, or None when it is; it is only parsed.

    >>> select_fault("select * from data where speed > 150")
    >>> select_fault("drop table data")
    'This is DROP; only one SELECT can stand here.'
    """
    import duckdb

    with duckdb.connect() as connection:
        try:
            kinds = [one.type for one in connection.extract_statements(query)]
        except duckdb.Error as error:
            return f"This is not SQL: {first_line(error).removeprefix('Parser Error: ')}."
        except ValueError:  # of a type for which DuckDB's Python has no name
            return "This is no SELECT; only one SELECT can stand here."
    if kinds == [duckdb.StatementType.SELECT]:
        return None
    if len(kinds) != 1:
        return f"These are {len(kinds)} statements; only one SELECT can stand here."
    return f"This is {kinds[0].name}; only one SELECT can stand here."


def count_rows(
    data: Any, query: str, *, limit: int, timeout_s: float = TIMEOUT_S, memory: str = "1GB"
) -> tuple[int, Cells]:
    """How many rows a query over the table ``data`` gives, and the first of them.

    Parameters
    ----------
    data
        An Arrow table or dataset, which can be read more than once.
    query
        One SELECT.
    limit
        So many rows are given.
    timeout_s
        It is stopped after this time.
    memory
        What it may take; nothing goes to the disk.

    Raises
    ------
    InvalidInput
        The query is wrong, is no SELECT, or took too long or too much memory.
    Forbidden
        It reached for files, settings or extensions.
    """
    import duckdb

    fault = select_fault(query)
    if fault is not None:
        raise InvalidInput(fault)
    connection = duckdb.connect(
        config={
            "threads": 2,
            "memory_limit": memory,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    try:
        connection.register("data", data)
        for statement in _SHUT:
            connection.execute(statement)
        engine = Engine(connection, None)
        text = query.rstrip().rstrip(";")

        def work() -> tuple[int, Cells]:
            count = connection.execute(f"select count(*) from ({text}\n)").fetchall()[0][0]
            cells = read_cells(engine, text, limit=limit) if count else Cells((), ())
            return int(count), cells

        return engine.run(work, timeout_s=timeout_s)
    except duckdb.Error as error:
        message = first_line(error)
        if isinstance(error, duckdb.PermissionException) or "has been locked" in message:
            raise Forbidden(
                f"A check's SQL reads the table data and nothing else. {message}"
            ) from error
        raise InvalidInput(f"The query is wrong: {message}") from error
    finally:
        with suppress(duckdb.Error):
            connection.close()
