"""The handle of a dataset: a reference, its project, and the verbs of versions."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.data.records import CheckoutReport, CheckSummary, State, VersionRecord
from mlops_lab.errors import InvalidInput, LabError, NotFound
from mlops_lab.handles.dataset_card import dataset_card, dataset_line
from mlops_lab.handles.dataset_rows import DatasetRows, VersionRows
from mlops_lab.handles.habits import DATASET
from mlops_lab.handles.table import Table
from mlops_lab.handles.versioned import Versioned
from mlops_lab.names import other_spelling, parse_reference
from mlops_lab.project import Project
from mlops_lab.tracking.active import active_runs

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from mlops_lab.compute import Profile
    from mlops_lab.data.diff import DatasetDiff
    from mlops_lab.data.manager import DatasetManager
    from mlops_lab.data.suite_run import SuiteReport

__all__ = ["Dataset", "dataset", "datasets", "producer"]

_ID: Final = re.compile(r"[0-9a-f]{32}")


class Dataset(Versioned[VersionRecord]):
    """A dataset, or one version of it: ``flights`` (the latest), ``flights@3``, ``flights@train``.

    Whatever is asked of it is read from the project at that moment; a handle without a version
    follows the latest one, what `commit` gives stays at its version. It may name a dataset that
    does not exist yet: `commit` makes it. Safe to use from several threads.
    """

    __slots__ = ()

    _what = "A dataset"
    _habits = DATASET

    @property
    def _manager(self) -> DatasetManager:
        return self._project.datasets

    @staticmethod
    def _line(record: VersionRecord) -> str:
        return dataset_line(record)

    # ------------------------------------------------------------------ what it is

    @property
    def kind(self) -> str:
        """file, folder, or table (a frame or a query, kept as Parquet)."""
        return self.record.kind

    @property
    def rows(self) -> int | None:
        """How many rows the table has; None for what is no table."""
        return self.record.rows

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of the table's columns; None for what is no table."""
        profile = self.profile
        return None if profile is None else tuple(column.name for column in profile.columns)

    @property
    def files(self) -> dict[str, int]:
        """Its files: path inside the version to size in bytes."""
        return dict(self._project.datasets.entries(self._ref))

    @property
    def source(self) -> Mapping[str, Any]:
        """Where it came from: a path, SQL, a frame."""
        return self.record.source

    @property
    def note(self) -> str | None:
        """What was said when it was committed."""
        return self.record.note

    @property
    def author(self) -> str | None:
        """Who committed it."""
        return self.record.author

    @property
    def is_latest(self) -> bool:
        """Whether it is the newest version that no suite blocks."""
        return self.record.is_latest

    @property
    def state(self) -> State | None:
        """The worst that suites say of it: passed, warned, blocked; None when none has looked."""
        return self.record.state

    @property
    def checks(self) -> tuple[CheckSummary, ...]:
        """What each suite said of it last; `report` has the rows."""
        return self.record.checks

    # ------------------------------------------------------------------ what it holds

    @property
    def path(self) -> Path:
        """A path to its file or folder, under its own name, to be read and not written.

        The bytes are made sure of first: what is not as it was committed is never delivered.

        Raises
        ------
        Corrupt
            They are not what was committed.
        """
        return self._project.datasets.path(self._ref)

    def df(self) -> pd.DataFrame:
        """Read the table as a pandas frame."""
        from mlops_lab.data.frames import read_pandas

        return read_pandas(self.path, self._ref)

    def arrow(self) -> pa.Table:
        """Read the table as a pyarrow table."""
        from mlops_lab.data.frames import read_arrow

        return read_arrow(self.path, self._ref)

    def polars(self) -> pl.DataFrame:
        """Read the table as a polars frame.

        Raises
        ------
        InvalidInput
            It is no table, or polars is not installed.
        """
        from mlops_lab.data.frames import read_polars

        return read_polars(self.path, self._ref)

    def relation(self, connection: Any = None) -> Any:
        """Give the table as a DuckDB relation; nothing is read until it is asked something.

        Parameters
        ----------
        connection
            A DuckDB connection; by default the one of ``duckdb.sql``.
        """
        from mlops_lab.data.frames import read_relation

        return read_relation(self.path, self._ref, connection)

    @property
    def profile(self) -> Profile | None:
        """Schema and statistics of its columns, as of its commit; None for what is no table."""
        return self._project.datasets.profile(self._ref)

    # ------------------------------------------------------------------ verbs

    def commit(
        self,
        source: Any,
        *,
        note: str | None = None,
        alias: str | None = None,
        checks: bool = True,
    ) -> Dataset:
        """Keep data as a new version and give its handle; equal content is the version it was.

        The file or folder itself is only read; a file that changes meanwhile is refused. The
        project's suites for this dataset look at it: what they block is kept, but is not the latest
        and gets no alias. Inside of a run, the run is noted as what made it.

        Parameters
        ----------
        source
            A path to a file or a folder, a frame (pandas, polars, Arrow), a DuckDB relation, or SQL
            that begins with SELECT.
        note
            What a person wants to say about it.
        alias
            A name that points to this version from now on.
        checks
            Whether the suites look at it.

        Examples
        --------
        >>> import mlops_lab as lab
        >>> lab.dataset("flights").commit("data/flights.parquet", note="January")  # doctest: +SKIP
        """
        if "@" in self._ref:
            raise InvalidInput(
                f"{self._ref} is a version, and versions do not change: "
                f'lab.dataset("{self.name}").commit(…) makes the next one.'
            )
        record = self._project.datasets.commit(
            self.name,
            source,
            note=note,
            alias=alias,
            run_id=producer(self._project),
            checks=checks,
        )
        return Dataset(self._project, record.ref)

    def alias(self, name: str) -> Dataset:
        """Let an alias point to this version; it is taken from the version that had it."""
        record = self.record
        self._project.datasets.set_alias(record.name, name, record.version)
        return Dataset(self._project, record.ref)

    def remove_alias(self, name: str) -> None:
        """Take an alias of this dataset away."""
        self._project.datasets.set_alias(self.name, name, None)

    def delete(self) -> None:
        """Delete this version. Refused while it has an alias or something was made from it."""
        record = self.record
        self._project.datasets.delete(record.name, record.version)

    def check(self, suite: str | Path) -> SuiteReport:
        """Ask the checks of a suite; what they say becomes part of the version's record.

        Parameters
        ----------
        suite
            A suite of the project by name (``suites/NAME.yaml``), or a path.
        """
        return self._project.datasets.check(self._ref, suite)

    def report(self, suite: str) -> SuiteReport:
        """Give what a suite said last, with the rows that broke its checks."""
        return self._project.datasets.report(self._ref, suite)

    def diff(
        self, other: str | int | Dataset, *, key: str | Sequence[str] | None = None
    ) -> DatasetDiff:
        """Compare another version with this one: schema, statistics and, with a key, rows.

        Parameters
        ----------
        other
            The version before: ``flights@2``, its handle, or the number ``2`` of this dataset.
        key
            The columns that tell rows apart.
        """
        before = other.ref if isinstance(other, Dataset) else other
        if isinstance(before, int):
            before = f"{self.name}@{before}"
        return self._project.datasets.diff(before, self._ref, key=key)

    def checkout(self, dest: str | os.PathLike[str], *, force: bool = False) -> CheckoutReport:
        """Write its files to disk; only what differs is written.

        Parameters
        ----------
        dest
            A folder that the file goes into under its own name, or the file's new name; for a
            folder, where its files go.
        force
            Overwrite also files that were changed and never committed.

        Raises
        ------
        Conflict
            Files would be lost that were never committed; nothing was written.
        """
        return self._project.datasets.checkout(self._ref, os.fspath(dest), force=force)

    def versions(self) -> Table[Dataset]:
        """All versions of the dataset, newest first."""
        return Table(VersionRows(self._project.datasets.versions(self.name), self._other))

    # ------------------------------------------------------------------ showing

    def __fspath__(self) -> str:
        # So that readers of files take the handle itself.
        return str(self.path)

    def _repr_html_(self) -> str | None:
        try:
            found = self._project.datasets.find(self._ref)
            if found is None:
                return None  # the text says why
            return dataset_card(found, self._project.datasets.profile(found))
        except LabError:
            return None

    def _other(self, ref: str) -> Dataset:
        return Dataset(self._project, ref)


def dataset(ref: str | os.PathLike[str]) -> Dataset:
    """Give a dataset, or one version of it.

    Parameters
    ----------
    ref
        ``flights`` (the latest), ``flights@3``, ``flights@train``; or the path of a file or folder
        that a version's content is in: an input of a pipeline's step, a file that was committed. A
        name that does not exist yet is fine: `Dataset.commit` makes it.

    Raises
    ------
    NotFound
        A path holds nothing that was committed.
    InvalidInput
        It is neither a reference nor a path.

    Examples
    --------
    >>> import mlops_lab as lab
    >>> lab.dataset("flights@3").df()  # doctest: +SKIP
    """
    project = Project.locate()
    if isinstance(ref, str):
        try:
            parsed = parse_reference(ref, "A dataset")
        except InvalidInput:
            if not os.path.lexists(os.path.expanduser(ref)) and not _is_path(ref):
                raise
        else:
            # A file may be called as a dataset is: the dataset comes first.
            if "@" in ref or not os.path.lexists(ref) or project.datasets.has(parsed.name):
                return Dataset(project, ref)
    elif not isinstance(ref, os.PathLike):
        raise InvalidInput(f"A dataset is named by reference ('flights@3') or path; got {ref!r}.")
    path = Path(ref).expanduser()
    if not path.exists():
        told = other_spelling(path.as_posix())
        raise NotFound(f"There is no file or folder {str(path)!r} (seen from {Path.cwd()}).{told}")
    found = project.datasets.recognise(path)
    if found is None:
        if isinstance(ref, str) and not _is_path(ref):
            return Dataset(project, ref)
        stem = re.sub(r"[^\w-]+", "-", path.stem).strip("-_") or "data"
        raise NotFound(
            f"{path} holds no version of a dataset as it is now. To commit it: "
            f'lab.dataset("{stem}").commit("{path}").'
        )
    return Dataset(project, found.ref)


def datasets() -> Table[Dataset]:
    """List the project's datasets."""
    project = Project.locate(create=False)
    return Table(DatasetRows(project.datasets.list(), lambda ref: Dataset(project, ref)))


def producer(project: Project) -> str | None:
    """The run that what is committed now is made by: the active one, or the pipeline step's."""
    current = active_runs.current()
    if current is not None:
        return current.id if current.runs is project.runs else None
    step = os.environ.get("MLOPS_LAB_RUN", "")
    home = os.environ.get("MLOPS_LAB_PROJECT")
    here = home is None or Path(home).expanduser().resolve() == project.root
    return step if here and _ID.fullmatch(step) else None


def _is_path(text: str) -> bool:
    return os.sep in text or text.startswith("~")
