"""SQL that a person typed: it reads the project's tables and can do nothing else.

Each query gets a DuckDB of its own, thrown away afterwards. The index is attached to it read-only,
under the store's shared lock like every reader's, and what is kept beside the index is handed over
by Arrow; then the door is shut, in this order: nothing spills to disk, Python's variables are out
of sight, no external access, no file system, and no setting can be changed any more. With external
access off alone a query could still detach the index and attach it for writing. The statement must
be a single SELECT or EXPLAIN; an INSERT or COPY inside a common table expression counts as SELECT,
which the read-only index and the missing file system stop.

A time limit inside a process is best effort: some functions never look whether they were
interrupted. `run_sql_in_child` runs the query in a process that is killed; REST and the command
line use that one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import Corrupt, Forbidden, InvalidInput, LabError
from mlops_lab.expressions import nearest
from mlops_lab.store.beside import Beside, attach
from mlops_lab.store.duck import quote_path

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

    from mlops_lab.store.store import Store

__all__ = ["DEFAULT_TIMEOUT_S", "MAX_BYTES", "MAX_ROWS", "SqlResult", "run_sql", "run_sql_in_child"]

DEFAULT_TIMEOUT_S = 30.0
MAX_ROWS = 100_000
MAX_BYTES = 256 << 20
"""Most bytes of a result; a row over it is still given, as the last one."""

_MAX_QUERY_CHARS = 100_000
_BATCH_ROWS = 10_000
_MEMORY = "1GB"
_CHILD_MEMORY_BYTES = 6 << 30
_CHILD_GRACE_S = 5.0

_SHUT: Final = (
    "set temp_directory = ''",
    "set python_enable_replacements = false",
    "set enable_external_access = false",
    "set disabled_filesystems = 'LocalFileSystem'",
    "set lock_configuration = true",
)

_ALLOWED = "Here stands one SELECT (or EXPLAIN of one); nothing can be changed from SQL."
_NO_TABLE = re.compile(r'Table with name "?(.+?)"? does not exist')
_EXPLAIN = re.compile(r"\s*explain(?:\s+analyze\b|\s*\([^()]*\))?(?=[\s(])", re.IGNORECASE)

Parameters = Sequence[Any] | Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class SqlResult:
    """Rows of a query, at most `max_rows` of them.

    Parameters
    ----------
    arrow
        The rows; times are in UTC.
    types
        DuckDB's name of each column's type.
    truncated
        Whether rows were left out.
    """

    arrow: pa.Table
    types: tuple[str, ...]
    truncated: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns' names; the same one may stand there twice."""
        return tuple(self.arrow.column_names)


def run_sql(
    store: Store,
    query: str,
    parameters: Parameters = None,
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    max_rows: int = MAX_ROWS,
) -> SqlResult:
    """Run a query in this process.

    Parameters
    ----------
    store
        The project's store; what was written so far is folded first.
    query
        One SELECT or EXPLAIN.
    parameters
        Values for ``?`` or ``$name`` in it.
    timeout_s
        Interrupt it after this time; a few functions do not notice.
    max_rows
        Leave the rows after these out.

    Raises
    ------
    InvalidInput
        The query is wrong, is no SELECT, or took too long or too much memory.
    Forbidden
        It reached for files, settings or extensions.
    """
    beside = _beside(store, query)
    with store.read() as cursor:
        return _run(_index_path(cursor), query, parameters, timeout_s, max_rows, beside)


def run_sql_in_child(
    store: Store,
    query: str,
    parameters: Parameters = None,
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    max_rows: int = MAX_ROWS,
) -> SqlResult:
    """Run a query in a process of its own that is killed when it takes too long.

    Arguments and errors are those of `run_sql`; the values of `parameters` are of JSON's types.
    """
    import pyarrow as pa

    _check_length(query)
    beside = _beside(store, query)
    with store.read() as cursor:
        request = {
            "index": str(_index_path(cursor)),
            "query": query,
            "parameters": parameters,
            "timeout_s": timeout_s,
            "max_rows": max_rows,
            "beside": [one.to_json() for one in beside],
        }
        answer = _ask_child(json.dumps(request).encode(), timeout_s)
    head, _, body = answer.partition(b"\n")
    try:
        said = json.loads(head)
    except ValueError:
        raise InvalidInput(
            "The query ended its process, most likely because it needed too much memory."
        ) from None
    if "error" in said:
        error = _ERRORS.get(said["error"], LabError)
        raise error(said["message"], **said["details"])
    with pa.ipc.open_stream(body) as reader:
        return SqlResult(reader.read_all(), tuple(said["types"]), said["truncated"])


def _beside(store: Store, query: str) -> list[Beside]:
    """What the query may mean of the tables that are not in the index."""
    return [
        find()
        for name, find in store.beside.items()
        if re.search(rf"\b{re.escape(name)}\b", query, re.IGNORECASE)
    ]


def _index_path(cursor: DuckDBPyConnection) -> Path:
    found = cursor.execute(
        "select path from duckdb_databases() where database_name = 'lab'"
    ).fetchone()
    assert found is not None
    return Path(found[0])


# -- the query ----------------------------------------------------------------------------------
def _run(
    index: Path,
    query: str,
    parameters: Parameters,
    timeout_s: float,
    max_rows: int,
    beside: Sequence[Beside],
) -> SqlResult:
    """Run a query over an index file; the caller holds the store's shared lock."""
    import duckdb

    _check_length(query)
    with closing(_open(index, beside)) as connection:
        late = False
        try:
            _check_statement(connection, query)
            work = _Work(lambda: _fetch(connection.sql(query, params=parameters), max_rows))
            try:
                late = not work.done.wait(timeout_s)
            finally:
                # Again and again: an interrupt before the query has begun is forgotten.
                while not work.done.is_set():
                    connection.interrupt()
                    work.done.wait(0.1)
            return work.result()
        except duckdb.Error as error:
            if late:
                raise InvalidInput(
                    f"The query took longer than {timeout_s:g} s and was stopped.",
                    timeout_s=timeout_s,
                ) from error
            raise _translate(connection, query, error) from error


class _Work:
    """A query in a thread of its own: the caller's waits for it, and can be interrupted meanwhile.

    In the caller's thread DuckDB would look for Ctrl-C only when the query is over.
    """

    def __init__(self, fetch: Callable[[], SqlResult]) -> None:
        self.done = threading.Event()
        self._fetch = fetch
        self._result: SqlResult | None = None
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="mlops-lab-sql", daemon=True).start()

    def _run(self) -> None:
        try:
            self._result = self._fetch()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._error = error
        finally:
            self.done.set()

    def result(self) -> SqlResult:
        """Give the rows, or raise what the query did."""
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result


def _open(index: Path, beside: Sequence[Beside]) -> DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(
        config={
            "threads": 2,
            "memory_limit": _MEMORY,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    try:
        connection.execute(f"attach {quote_path(index)} as lab (read_only)")
        # So that `runs` is enough. The instance is thrown away, so nothing stays in use.
        connection.execute("use lab")
        for one in beside:
            attach(connection, one)
        for statement in _SHUT:
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_length(query: str) -> None:
    if len(query) > _MAX_QUERY_CHARS:
        raise InvalidInput(
            f"The query has {len(query):,} characters; at most {_MAX_QUERY_CHARS:,} are read."
        )


def _check_statement(connection: DuckDBPyConnection, query: str) -> None:
    import duckdb

    try:
        kinds = [statement.type for statement in connection.extract_statements(query)]
    except ValueError:  # of a type for which DuckDB's Python has no name
        raise Forbidden(f"This is no SELECT. {_ALLOWED}") from None
    if len(kinds) > 1:
        raise InvalidInput(f"These are {len(kinds)} statements. {_ALLOWED}")
    if not kinds:
        raise InvalidInput(f"There is no statement. {_ALLOWED}")
    if kinds == [duckdb.StatementType.SELECT]:
        return
    if kinds == [duckdb.StatementType.EXPLAIN]:
        # EXPLAIN ANALYZE runs what it explains, and that could be an INSERT.
        lead = _EXPLAIN.match(query)
        if lead:
            explained = connection.extract_statements(query[lead.end() :])
            if [statement.type for statement in explained] == [duckdb.StatementType.SELECT]:
                return
        raise Forbidden(f"Only a SELECT can be explained. {_ALLOWED}")
    raise Forbidden(f"This is a statement of the type {kinds[0].name}. {_ALLOWED}")


def _fetch(relation: DuckDBPyRelation, max_rows: int) -> SqlResult:
    import pyarrow as pa

    types = tuple(str(kind) for kind in relation.types)
    reader = relation.to_arrow_reader(min(_BATCH_ROWS, max_rows + 1))
    batches: list[pa.RecordBatch] = []
    rows = size = 0
    truncated = False
    for batch in reader:
        left = max_rows - rows
        if batch.num_rows > left:
            batch, truncated = batch.slice(0, left), True
        batches.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if truncated or size > MAX_BYTES:
            truncated = True
            break
    return SqlResult(pa.Table.from_batches(batches, reader.schema), types, truncated)


def _translate(connection: DuckDBPyConnection, query: str, error: Exception) -> LabError:
    """Say in our words what DuckDB refused, and where in the query."""
    import duckdb

    message = str(error).split("\n\nLINE ")[0].strip()
    if isinstance(error, duckdb.PermissionException) or "configuration has been locked" in message:
        return Forbidden(f"SQL here reads the project's tables and nothing else. {message}")
    if isinstance(error, duckdb.OutOfMemoryException):
        return InvalidInput(f"The query needs more than {_MEMORY} of memory.")
    if isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.InternalException):
        return Corrupt(f"The index could not be read: {message}")
    missing = _NO_TABLE.search(message)
    if missing:
        return _no_such_table(connection, query, missing[1])
    return InvalidInput(message)


def _no_such_table(connection: DuckDBPyConnection, query: str, table: str) -> InvalidInput:
    rows = connection.execute(
        "select view_name from duckdb_views() "
        "where database_name in ('lab', 'temp') and not internal order by view_name"
    ).fetchall()
    views = [str(row[0]) for row in rows]
    found = re.search(re.escape(table), query, re.IGNORECASE)
    return InvalidInput.at(
        query,
        found.start() if found else 0,
        f"There is no table {table}; there are {', '.join(views)}.",
        length=len(table) if found else 1,
        suggestion=nearest(table, views),
    )


# -- the child ----------------------------------------------------------------------------------
_ERRORS: Final[dict[str, type[LabError]]] = {
    error.__name__: error for error in (InvalidInput, Forbidden, Corrupt)
}


def _ask_child(request: bytes, timeout_s: float) -> bytes:
    # -P and our own folder on the path: a file duckdb.py in the current folder is not imported.
    package_parent = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": package_parent}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as child:
        try:
            return child.communicate(request, timeout=timeout_s + _CHILD_GRACE_S)[0]
        except subprocess.TimeoutExpired:
            raise InvalidInput(
                f"The query took longer than {timeout_s:g} s and was stopped.", timeout_s=timeout_s
            ) from None
        finally:
            child.kill()


def _limit_resources(timeout_s: float) -> None:
    """See that no child outlives a parent that was itself killed, or takes all memory."""
    import resource

    cpu_s = int(2 * (timeout_s + _CHILD_GRACE_S)) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_AS, (_CHILD_MEMORY_BYTES, _CHILD_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer() -> None:
    """Read one request from standard input, answer it on standard output."""
    import pyarrow as pa

    request = json.load(sys.stdin)
    _limit_resources(request["timeout_s"])
    out = sys.stdout.buffer
    try:
        result = _run(
            Path(request["index"]),
            request["query"],
            request["parameters"],
            request["timeout_s"],
            request["max_rows"],
            [Beside.from_json(one) for one in request["beside"]],
        )
    except LabError as error:
        said = {
            "error": type(error).__name__,
            "message": error.message,
            "details": error.details,
        }
        out.write(json.dumps(said).encode() + b"\n")
        return
    head = {"types": result.types, "truncated": result.truncated}
    out.write(json.dumps(head).encode() + b"\n")
    with pa.ipc.new_stream(out, result.arrow.schema) as writer:
        writer.write_table(result.arrow)


if __name__ == "__main__":
    _answer()
