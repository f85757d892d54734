"""Rows of a table that are all there: records, and the handle of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from mlops_lab.handles.table import Slice

__all__ = ["Held"]

R = TypeVar("R")
H = TypeVar("H")


class Held(Generic[R, H]):
    """Records that are all there, and the handle of each.

    Parameters
    ----------
    records
        The records.
    handle
        Makes what the user gets of a record.
    """

    noun = "rows"
    empty: str | None = None

    def __init__(self, records: Sequence[R], handle: Callable[[R], H]) -> None:
        self._records = list(records)
        self._handle = handle
        self._handles = [handle(record) for record in self._records]

    def page(self, limit: int, cursor: str | None) -> Slice[H]:
        """Give the handles after a cursor, which is their number."""
        start = int(cursor or 0)
        end = start + limit
        more = str(end) if end < len(self._records) else None
        hint = None if self._records else self.empty
        return Slice(self._handles[start:end], more, len(self._records), hint)

    def records_of(self, rows: Sequence[H]) -> list[R]:
        """Give the records of handles that a page gave."""
        shown = {id(row) for row in rows}
        return [
            record
            for record, handle in zip(self._records, self._handles, strict=True)
            if id(handle) in shown
        ]
