"""The rows of the tables of datasets and of their versions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from mlops_lab.data.records import DatasetRecord, VersionRecord
from mlops_lab.handles.card import age, size_text
from mlops_lab.handles.dataset_card import state_mark
from mlops_lab.handles.table import Grid, Slice

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DatasetRows", "VersionRows"]


class _Handle(Protocol):
    @property
    def ref(self) -> str: ...


H = TypeVar("H", bound=_Handle)
R = TypeVar("R")


class _Rows(ABC, Generic[R, H]):
    """Records that are all here already, and the handles that are made of them.

    Parameters
    ----------
    records
        In the order in which they are shown.
    make
        Makes the handle of a reference.
    """

    noun: str
    hint: str | None = None

    def __init__(self, records: Sequence[R], make: Callable[[str], H]) -> None:
        self._records = list(records)
        self._make = make

    def page(self, limit: int, cursor: str | None) -> Slice[H]:
        """Give the handles after a cursor, which is their number."""
        start = int(cursor or 0)
        end, total = start + limit, len(self._records)
        rows = [self._make(self._ref(one)) for one in self._records[start:end]]
        more = str(end) if end < total else None
        return Slice(rows, more, total, None if total else self.hint)

    def pick(self, rows: Sequence[H], indices: Sequence[int]) -> Self:
        """Give only these rows."""
        return type(self)([self._records[index] for index in indices], self._make)

    def grid(self, rows: Sequence[H]) -> Grid:
        """Give these rows as they are shown."""
        shown = {row.ref for row in rows}
        picked = [one for one in self._records if self._ref(one) in shown]
        return Grid(self._titles(), tuple(self._cells(one) for one in picked))

    def arrow(self) -> pa.Table:
        """Give everything as columns."""
        import pyarrow

        return pyarrow.table(
            {name: [value(one) for one in self._records] for name, value in self._columns().items()}
        )

    @abstractmethod
    def _ref(self, record: R) -> str: ...

    @abstractmethod
    def _titles(self) -> tuple[str, ...]: ...

    @abstractmethod
    def _cells(self, record: R) -> tuple[object, ...]: ...

    @abstractmethod
    def _columns(self) -> dict[str, Callable[[R], Any]]: ...


class VersionRows(_Rows[VersionRecord, H]):
    """The versions of a dataset."""

    noun = "versions"

    def _ref(self, record: VersionRecord) -> str:
        return record.ref

    def _titles(self) -> tuple[str, ...]:
        return ("version", "aliases", "rows", "size", "checks", "committed", "by", "note")

    def _cells(self, record: VersionRecord) -> tuple[object, ...]:
        return (
            record.version,
            ", ".join([*record.aliases, *(["latest"] if record.is_latest else [])]) or None,
            record.rows,
            size_text(record.size_bytes),
            state_mark(record.state),
            age(record.created_at),
            record.author,
            record.note,
        )

    def _columns(self) -> dict[str, Callable[[VersionRecord], Any]]:
        return {
            "name": lambda one: one.name,
            "version": lambda one: one.version,
            "aliases": lambda one: list(one.aliases),
            "is_latest": lambda one: one.is_latest,
            "state": lambda one: one.state,
            "kind": lambda one: one.kind,
            "file": lambda one: one.file,
            "files": lambda one: one.files,
            "size_bytes": lambda one: one.size_bytes,
            "rows": lambda one: one.rows,
            "columns": lambda one: one.columns,
            "note": lambda one: one.note,
            "author": lambda one: one.author,
            "created_at": lambda one: one.created_at,
            "run_id": lambda one: one.run_id,
            "digest": lambda one: one.digest,
        }


class DatasetRows(_Rows[DatasetRecord, H]):
    """The datasets of a project."""

    noun = "datasets"
    hint = 'lab.dataset("NAME").commit("data/…") makes the first one.'

    def _ref(self, record: DatasetRecord) -> str:
        return record.name

    def _titles(self) -> tuple[str, ...]:
        return ("name", "versions", "latest", "aliases", "rows", "size", "checks", "updated")

    def _cells(self, record: DatasetRecord) -> tuple[object, ...]:
        aliases = ", ".join(f"{alias} {version}" for alias, version in record.aliases.items())
        return (
            record.name,
            record.versions,
            record.latest,
            aliases or None,
            record.rows,
            size_text(record.size_bytes),
            state_mark(record.state),
            age(record.updated_at),
        )

    def _columns(self) -> dict[str, Callable[[DatasetRecord], Any]]:
        return {
            "name": lambda one: one.name,
            "versions": lambda one: one.versions,
            "latest": lambda one: one.latest,
            "aliases": lambda one: [f"{alias}@{n}" for alias, n in one.aliases.items()],
            "rows": lambda one: one.rows,
            "size_bytes": lambda one: one.size_bytes,
            "state": lambda one: one.state,
            "updated_at": lambda one: one.updated_at,
        }
