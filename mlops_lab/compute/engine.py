"""A DuckDB of its own for scanning users' data: bounded, interruptible, and thrown away.

Nothing here touches the project's index. Memory and threads are limited, what does not fit goes to
a temporary folder, extensions are never loaded by themselves, and Python's variables are no tables:
a name in SQL that happens to be a frame somewhere must not be read by accident.
"""

from __future__ import annotations

import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mlops_lab.errors import InvalidInput, StorageFull
from mlops_lab.store.interrupts import is_ctrl_c

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["MEMORY", "THREADS", "Engine", "open_engine", "quote", "quote_glob", "reading_as"]

MEMORY = "1GB"
"""What one scan may hold; more goes to its temporary folder. A laptop has room for it."""

THREADS = 2
"""A notebook beside it stays usable."""

NO_BAR = "set enable_progress_bar = false"
"""Else DuckDB draws one on stdout where it takes the process for an interactive one."""

_LOOK_S = 0.2

_T = TypeVar("_T")

_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*(\(\d+(, *\d+)?\))?(\[\])*")


def quote(name: str) -> str:
    """A name as an SQL identifier.

    >>> quote('a "b"')
    '"a ""b\"""'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_glob(path: Path | str) -> str:
    """A path for DuckDB's ``read_*``, which take every path for a pattern.

    >>> quote_glob("/data/a[1]*.csv")
    '/data/a[[]1][*].csv'
    """
    return "".join(f"[{one}]" if one in "*?[" else one for one in str(path))


class Engine:
    """One connection, and a way to run on it that Ctrl-C ends at once.

    For one thread; `connection` is there for who needs DuckDB itself.

    Parameters
    ----------
    connection
        In-memory, with the limits of `open_engine`.
    tmp
        A folder for files on their way, which goes with the engine; None where there are none.
    """

    def __init__(self, connection: DuckDBPyConnection, tmp: Path | None = None) -> None:
        self.connection = connection
        self.tmp = tmp

    def execute(self, sql: str, parameters: Any = None) -> None:
        """Run a statement for its effect."""
        self.run(lambda: self.connection.execute(sql, parameters))

    def rows(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.run(lambda: self.connection.execute(sql, parameters).fetchall())

    def row(self, sql: str, parameters: Any = None) -> tuple[Any, ...]:
        """The only row of a query."""
        found = self.rows(sql, parameters)
        assert len(found) == 1
        return found[0]

    def columns(self, relation: str) -> list[tuple[str, str]]:
        """The names and types of what follows a FROM."""
        return [
            (str(row[0]), str(row[1])) for row in self.rows(f"describe select * from {relation}")
        ]

    def type_named(self, name: str) -> str:
        """DuckDB's own name of a type: ``int`` is INTEGER.

        Raises
        ------
        ValueError
            There is no such type.
        """
        import duckdb

        if not _TYPE.fullmatch(name):
            raise ValueError(name)
        try:
            return str(self.row(f"select typeof(cast(null as {name}))")[0])
        except duckdb.Error as error:
            raise ValueError(name) from error

    def run(self, work: Callable[[], _T], *, timeout_s: float | None = None) -> _T:
        """Do something with the connection; KeyboardInterrupt stops it.

        Parameters
        ----------
        work
            Called once, in another thread where this one must stay able to stop it.
        timeout_s
            Stop it after this time; None is never.

        Raises
        ------
        KeyboardInterrupt
            Ctrl-C, or the kernel's interrupt.
        InvalidInput
            The data needs more memory than there is, or it took longer than `timeout_s`.
        StorageFull
            What did not fit into memory did not fit on the disk either.
        """
        try:
            main = threading.current_thread() is threading.main_thread()
            if not main and timeout_s is None:
                return work()  # no signal arrives here
            return self._watched(work, timeout_s)
        except RuntimeError as error:
            if is_ctrl_c(error):
                raise KeyboardInterrupt from error
            raise _translated(error) from error
        except Exception as error:
            translated = _translated(error)
            if translated is error:
                raise
            raise translated from error

    def _watched(self, work: Callable[[], _T], timeout_s: float | None) -> _T:
        # In a thread of its own: DuckDB looks for Ctrl-C only when the query is over.
        done, given_up = threading.Event(), threading.Event()
        results: list[_T] = []
        errors: list[BaseException] = []

        def target() -> None:
            try:
                if not given_up.is_set():
                    results.append(work())
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                errors.append(error)
            finally:
                done.set()

        thread = threading.Thread(target=target, name="mlops-lab-scan", daemon=True)
        in_time = False
        try:
            # Inside: Ctrl-C may come while the thread is starting.
            thread.start()
            in_time = _wait(done, timeout_s)
        finally:
            given_up.set()
            # Again and again: an interrupt before the query has begun is forgotten.
            while thread.ident is not None and not done.is_set():
                with suppress(KeyboardInterrupt):
                    self.connection.interrupt()
                    done.wait(0.1)
        if not in_time:
            raise InvalidInput(f"The query took longer than {timeout_s:g} s and was stopped.")
        if errors:
            raise errors[0]
        return results[0]


@contextmanager
def open_engine(
    tmp: Path | None = None, *, threads: int = THREADS, memory: str = MEMORY
) -> Iterator[Engine]:
    """Open a DuckDB for one scan; everything about it is gone afterwards.

    Parameters
    ----------
    tmp
        Where its temporary folder is made; default the system's.
    threads
        How many cores it may use.
    memory
        What it may hold in memory, as DuckDB writes it.
    """
    import duckdb

    if tmp is not None:
        tmp.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="scan-", dir=tmp, ignore_cleanup_errors=True) as folder:
        connection = duckdb.connect(
            config={
                "threads": threads,
                "memory_limit": memory,
                "temp_directory": str(Path(folder) / "spill"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
            }
        )
        try:
            connection.execute("set timezone = 'UTC'")
            connection.execute(NO_BAR)
            yield Engine(connection, Path(folder))
        finally:
            with suppress(duckdb.Error):
                connection.close()


def _wait(done: threading.Event, timeout_s: float | None) -> bool:
    """Wait in short pieces: a signal that another thread took does not wake this one."""
    end = None if timeout_s is None else time.monotonic() + timeout_s
    while not done.is_set():
        left = _LOOK_S if end is None else min(_LOOK_S, end - time.monotonic())
        if left <= 0:
            return False
        done.wait(left)
    return True


def _translated(error: Exception) -> BaseException:
    import duckdb

    text = str(error)
    if isinstance(error, duckdb.InterruptException):
        return KeyboardInterrupt()
    if isinstance(error, duckdb.OutOfMemoryException) and "max_temp_directory_size" not in text:
        return InvalidInput(f"This needs more memory than a scan may take: {first_line(error)}")
    if isinstance(error, duckdb.OutOfMemoryException):
        return StorageFull(f"What does not fit into memory does not fit on the disk: {text}")
    if isinstance(error, duckdb.IOException) and "No space left" in text:
        return StorageFull(f"What does not fit into memory does not fit on the disk: {text}")
    return error


def first_line(error: BaseException) -> str:
    """What an error of DuckDB says, without the query that it repeats."""
    lines = str(error).split("\n\nLINE ")[0].strip().splitlines() or [type(error).__name__]
    if "CSV Error on Line" in lines[0] and len(lines) > 1:
        # What is wrong stands below: the line itself, and the reason.
        reason = [line for line in lines[1:] if line and not line.startswith("Original Line")]
        return ": ".join([lines[0], *reason[:1]])
    return lines[0]


@contextmanager
def reading_as(told: str, path: Path) -> Iterator[None]:
    """Say whose data could not be read, and by its own name instead of its place on the disk.

    Parameters
    ----------
    told
        How the data is referred to.
    path
        Where it is.

    Raises
    ------
    InvalidInput
        In place of what DuckDB and Arrow raise of what is in a file.
    """
    import duckdb
    import pyarrow as pa

    try:
        yield
    # Of a torn file Arrow raises a bare OSError; one of the system has a number.
    except (InvalidInput, duckdb.Error, pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        why = first_line(error).replace(str(path), path.name)
        raise InvalidInput(
            f'{told} cannot be read as a table: {why} Its bytes are at lab.dataset("{told}").path.'
        ) from error
