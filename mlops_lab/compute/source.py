"""What can be scanned as a table: files and folders of them, frames, relations, SQL."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mlops_lab.compute.engine import Engine, first_line, open_engine, quote, quote_glob
from mlops_lab.compute.frames import frame_kind, to_arrow
from mlops_lab.compute.parquet import write_batches
from mlops_lab.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

__all__ = ["Format", "Source", "is_tabular"]

Format: TypeAlias = Literal["parquet", "csv", "json"]

_FORMATS: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
_PACKED = (".gz", ".zst")
_READERS: dict[Format, str] = {
    "parquet": "read_parquet",
    "csv": "read_csv",
    "json": "read_json",
}

_WIDE_COLUMNS = 4_000
_WIDE_BYTES = 256 << 20
"""A frame with more columns is copied into a table if it is no larger than this: DuckDB looks at
all columns of a frame for every query, which takes most of a second for ten thousand."""

ROW_GROUP = 122_880
"""Rows of a Parquet row group: what DuckDB and others read in one piece."""

# "table.csv" and "from-2013.csv" are names of files, there or not.
_SQL = re.compile(
    r"(select|with|from|values|pivot|unpivot|table)($|[\s('\"*]|/\*)|\(\s*\w", re.IGNORECASE
)
_COMMENT = re.compile(r"(\s+|--[^\n]*(\n|$)|/\*.*?\*/)*", re.DOTALL)

_POSSIBLE = (
    "a Parquet, CSV or JSON file, a folder of them, a pandas, polars or Arrow table, "
    "a DuckDB relation, or SQL that begins with SELECT"
)


def is_tabular(path: Path | str) -> bool:
    """Whether a file, or each file in a folder, is a table by its name.

    Files whose names begin with a dot or an underscore do not count in a folder.

    >>> is_tabular("nowhere.parquet")
    False
    """
    path = Path(path)
    if path.is_dir():
        formats = {_format_of(file) for file in _walk(path)}
        return len(formats) == 1 and None not in formats
    return path.is_file() and _format_of(path) is not None


@dataclass(frozen=True, slots=True)
class Source:
    """Data that DuckDB can scan, without a connection yet. Make one with `Source.of`.

    Parameters
    ----------
    kind
        What was given.
    told
        How a sentence names it.
    """

    kind: Literal["files", "frame", "relation", "sql"]
    told: str
    _files: tuple[Path, ...] = ()
    _root: Path | None = None
    _format: Format | None = None
    _value: Any = None

    @classmethod
    def of(
        cls,
        value: Any,
        *,
        format: Format | None = None,
    ) -> Source:
        """Take whatever a person calls a table.

        Parameters
        ----------
        value
            A path, a folder, a list of paths, a frame (pandas, polars, Arrow, or anything that
            speaks the Arrow stream protocol), a DuckDB relation, or the text of one SELECT.
        format
            What the files are; default by their suffix.

        Raises
        ------
        InvalidInput
            It is nothing of that.
        NotFound
            There is no such file.
        """
        if isinstance(value, Source):
            return value
        if isinstance(value, str) and _is_sql(value) and not _exists(value):
            return cls("sql", "the query", _value=value)
        if isinstance(value, str | os.PathLike):
            return cls._of_path(Path(value), format)
        if isinstance(value, list | tuple):
            if not all(isinstance(one, str | os.PathLike) for one in value):
                raise InvalidInput(f"{_shown(value)} is no list of files: give {_POSSIBLE}.")
            return cls._of_files([Path(one) for one in value], format)
        kind = frame_kind(value)
        if kind == "relation":
            return cls("relation", "the relation", _value=value)
        if kind is not None:
            return cls("frame", f"the {kind}", _value=value)
        raise InvalidInput(f"{_shown(value)} is no table: give {_POSSIBLE}.")

    @classmethod
    def _of_path(cls, path: Path, form: Format | None) -> Source:
        if os.path.isdir(path):  # unlike `Path.is_dir` it takes text of any length
            files = list(_walk(path))
            formats = {form or _format_of(file) for file in files}
            if len(formats) == 1 and (found := formats.pop()) is not None:
                return cls("files", str(path), tuple(files), path, found)
            if not files:
                raise InvalidInput(f"The folder {path} holds no files.")
            raise InvalidInput(
                f"The folder {path} is no table: its {len(files):,} files are not all of one of "
                f"the formats Parquet, CSV and JSON."
            )
        return cls._of_files([path], form)

    @classmethod
    def _of_files(cls, paths: Sequence[Path], form: Format | None) -> Source:
        if not paths:
            raise InvalidInput(f"There are no files in the list: give {_POSSIBLE}.")
        formats = set()
        for path in paths:
            if not os.path.isfile(path):
                raise NotFound(f"There is no file {path}.")
            found = form or _format_of(path)
            if found is None:
                raise InvalidInput(
                    f"{path} is no table by its name: {', '.join(_FORMATS)} can be read "
                    f"(also with {' or '.join(_PACKED)})."
                )
            formats.add(found)
        if len(formats) > 1:
            raise InvalidInput(f"The files are of several formats: {', '.join(sorted(formats))}.")
        told = str(paths[0]) if len(paths) == 1 else f"{len(paths)} files"
        return cls("files", told, tuple(paths), None, formats.pop())

    @property
    def files(self) -> tuple[Path, ...]:
        """The files it is read from; none when it is a frame, a relation or a query."""
        return self._files

    @property
    def root(self) -> Path | None:
        """The folder whose files it is read from, where a folder was given."""
        return self._root

    def parts(self) -> tuple[Source, ...]:
        """Each file as data of its own; itself when it is one piece.

        Folders that are columns (``year=2013/``) say something only together.
        """
        if len(self._files) < 2 or self._is_partitioned():
            return (self,)
        return tuple(
            Source("files", str(file), (file,), None, self._format) for file in self._files
        )

    @property
    def by_column(self) -> bool:
        """Whether one column can be read without the others, and as often as one likes."""
        return self._format == "parquet" or (
            self.kind == "frame" and frame_kind(self._value) != "arrow reader"
        )

    def relation(self, connection: DuckDBPyConnection | None = None) -> DuckDBPyRelation:
        """The data as a relation of a connection; nothing is read yet but the schema.

        A relation of another connection, and what can be read only once, is copied into it. No
        connection is DuckDB's default one, the one of ``duckdb.sql``.
        """
        if connection is None:
            import duckdb

            connection = duckdb.default_connection()
        if self.kind == "files":
            return connection.sql(f"select * from {self._scan()}")
        if self.kind == "sql":
            return connection.sql(self._value)
        if self.kind == "relation":
            return connection.from_arrow(self._value.to_arrow_table())
        return connection.from_arrow(to_arrow(self._value))

    def view(self, engine: Engine, name: str = "source", *, once: bool = False) -> str:
        """Make the data known to an engine; returns what can follow a FROM there.

        Parameters
        ----------
        engine
            Of this scan.
        name
            What it is called there.
        once
            It will be read one time only: nothing needs to be copied first.

        Raises
        ------
        InvalidInput
            It cannot be read; Parquet files are looked at only later: see `reading`.
        """
        if self.by_column and self.kind == "files":
            # Not a view: with ten thousand columns, binding it again costs most of a second.
            return _in_microseconds(self._scan(), self._schema())
        quoted = quote(name)
        with self.reading():
            if self.by_column:
                table = to_arrow(self._value)
                wide = table.num_columns > _WIDE_COLUMNS and table.nbytes <= _WIDE_BYTES
                given = f"{name} frame" if wide and not once else name
                engine.run(lambda: engine.connection.register(given, table))
                if given != name:
                    engine.execute(f"create temp table {quoted} as select * from {quote(given)}")
                return _in_microseconds(quoted, table.schema)
            else:
                self._spool(engine, quoted, "view" if once and self.kind != "files" else "table")
        return quoted

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Say of DuckDB's errors which data they are about.

        Raises
        ------
        InvalidInput
            In place of whatever DuckDB raised.
        """
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            why = first_line(error)
            if self.kind == "sql" and isinstance(error, duckdb.CatalogException):
                why += " A query reads files, as from 'trips.parquet'; give a frame as it is."
            raise InvalidInput(f"{self.told} cannot be read: {why}") from error

    def arrow(self, engine: Engine, view: str) -> Any:
        """The data as an Arrow table or dataset, which can be read any number of times.

        Parameters
        ----------
        engine, view
            Where `view` made it known.
        """
        import pyarrow.dataset

        if self.by_column and self.kind == "frame":
            return to_arrow(self._value)
        names = [name for name, _ in engine.columns(view)]
        if self._format == "parquet" and len(self._files) == 1:
            dataset = pyarrow.dataset.dataset(self._files[0], format="parquet")
            if dataset.schema.names == names:
                return dataset
        assert engine.tmp is not None
        path = engine.tmp / "source.parquet"
        engine.execute(
            f"copy (from {view}) to '{str(path).replace(chr(39), chr(39) * 2)}' (format parquet)"
        )
        return pyarrow.dataset.dataset(path, format="parquet")

    def write_parquet(self, path: Path, *, tmp: Path | None = None) -> int:
        """Write the data as one Parquet file; the same table gives the same bytes.

        Frames keep the index only where it has a name. Whether they came as pandas, polars or
        Arrow does not show in the file.

        Returns
        -------
        int
            The number of rows.
        """
        if self.kind == "frame" and frame_kind(self._value) != "arrow reader":
            table = to_arrow(self._value)
            return write_batches(path, table.schema, iter(table.to_batches()), ROW_GROUP)
        # One thread: with more, the order of a query's rows may differ from run to run.
        with open_engine(tmp, threads=1) as engine, self.reading():
            source = self.view(engine, once=True)
            query = f"select {_writable(engine.columns(source))} from {source}"

            def write() -> int:
                reader = engine.connection.sql(query).to_arrow_reader(ROW_GROUP)
                return write_batches(path, reader.schema, reader, ROW_GROUP)

            return engine.run(write)

    # ------------------------------------------------------------------ in DuckDB's words

    def _schema(self) -> pa.Schema | None:
        """That of the first file, if it can be read: else DuckDB says why not."""
        import pyarrow as pa
        import pyarrow.parquet

        try:
            return pyarrow.parquet.read_schema(self._files[0])
        except (OSError, ValueError, pa.ArrowException):
            return None

    def _scan(self) -> str:
        """The table function that reads the files."""
        assert self._format is not None
        files = ", ".join("'" + quote_glob(one).replace("'", "''") + "'" for one in self._files)
        options = [f"hive_partitioning = {str(self._is_partitioned()).lower()}"]
        if len(self._files) > 1:
            options.append("union_by_name = true")
        if self._format != "parquet":
            # All lines: of types that only the first ones have DuckDB makes 2 of a 1.5 far down and
            # a day of a time, and says nothing.
            options.append("sample_size = -1")
        return f"{_READERS[self._format]}([{files}], {', '.join(options)})"

    def _is_partitioned(self) -> bool:
        """Whether the folders below the root are ``key=value``."""
        if self._root is None:
            return False
        return all(
            len(parts := file.relative_to(self._root).parent.parts) > 0
            and all("=" in part for part in parts)
            for file in self._files
        )

    def _spool(self, engine: Engine, quoted: str, what: str) -> None:
        """Read what is not by column into a table (or see that it can be), once."""
        if self.kind == "files":
            engine.execute(f"create temp {what} {quoted} as select * from {self._scan()}")
        elif self.kind == "sql":
            _check_select(engine, self._value)
            engine.execute(f"create temp {what} {quoted} as ({self._value.rstrip().rstrip(';')}\n)")
        else:
            value = self._value
            reader = value.to_arrow_reader() if self.kind == "relation" else value
            single = quoted[1:-1] + " reader"
            engine.run(lambda: engine.connection.register(single, reader))
            engine.execute(f'create temp {what} {quoted} as select * from "{single}"')


def _in_microseconds(relation: str, schema: pa.Schema | None) -> str:
    """A relation with its instants in microseconds: pandas has nanoseconds, DuckDB no sums of them.

    It reads and orders them, but makes no date, week or other time of them.
    """
    import pyarrow as pa

    found = [
        f"{quote(one.name)}::timestamptz as {quote(one.name)}"
        for one in schema or ()
        if pa.types.is_timestamp(one.type) and one.type.unit == "ns" and one.type.tz
    ]
    return f"(select * replace ({', '.join(found)}) from {relation})" if found else relation


def _is_sql(text: str) -> bool:
    lead = _COMMENT.match(text)
    return bool(_SQL.match(text, lead.end() if lead else 0))


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False


def _check_select(engine: Engine, query: str) -> None:
    import duckdb

    try:
        kinds = [one.type for one in engine.connection.extract_statements(query)]
    except duckdb.Error as error:
        raise InvalidInput(f"The query is wrong: {first_line(error)}") from error
    if kinds != [duckdb.StatementType.SELECT]:
        told = f"{len(kinds)} statements" if len(kinds) != 1 else kinds[0].name
        raise InvalidInput(f"The query is {told}; data is what one SELECT gives.")


def _writable(columns: Sequence[tuple[str, str]]) -> str:
    """A SELECT list without types that Parquet has no place for: they become text."""
    odd = ("INTERVAL", "BIT", "VARINT", "BIGNUM", "TIME WITH TIME ZONE")
    return ", ".join(
        f"cast({quote(name)} as varchar) as {quote(name)}" if kind in odd else quote(name)
        for name, kind in columns
    )


def _format_of(path: Path) -> Format | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        found = _FORMATS.get(suffixes[-2]) if len(suffixes) > 1 else None
        return None if found == "parquet" else found
    return _FORMATS.get(suffixes[-1]) if suffixes else None


def _walk(folder: Path) -> Iterator[Path]:
    """The files of a folder that are data, in the order of their names."""
    found: list[tuple[str, Path]] = []
    for where, folders, files in os.walk(folder, followlinks=False):
        folders[:] = [one for one in folders if not one.startswith((".", "_"))]
        found += [
            (Path(where, one).relative_to(folder).as_posix(), Path(where, one))
            for one in files
            if not one.startswith((".", "_"))
        ]
    return iter([path for _, path in sorted(found)])


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:59] + '…'}"
