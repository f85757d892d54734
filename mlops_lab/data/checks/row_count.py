"""``row_count``: there are as many rows as there should be."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Annotated

from pydantic import Field

from mlops_lab.data.checks.check import Check, Finding, Measured, Plan, Table, register, share

__all__ = ["RowCount"]

VERSIONS = 5
"""So many earlier versions are compared with: enough for a median that one odd version does not
move."""


@register("row_count")
class RowCount(Check):
    """The number of rows lies between limits, or near that of the last versions.

    ``within: 0.5`` allows half as many more or fewer than the median of the last five versions
    that nothing blocked.
    """

    min: Annotated[int, Field(ge=0)] | None = Field(default=None, description="a whole number")
    max: Annotated[int, Field(ge=0)] | None = Field(default=None, description="a whole number")
    within: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="a share above 0, such as 0.5 for half as many more or fewer"
    )

    def faults(self) -> Iterator[tuple[str, str]]:
        """What the fields say together."""
        if self.min is None and self.max is None and self.within is None:
            yield "check", "row_count needs min, max or within."
        elif self.min is not None and self.max is not None and self.min > self.max:
            yield "max", f"max {self.max} is below min {self.min}."

    def plan(self, table: Table) -> Plan:
        """Count the rows."""
        before = list(table.previous_rows[:VERSIONS])

        def judge(values: Measured) -> Finding:
            rows = int(values[0])
            told, passed = f"{rows:,} rows", True
            if self.min is not None and rows < self.min:
                told, passed = f"{told}, fewer than {self.min:,}", False
            if self.max is not None and rows > self.max:
                told, passed = f"{told}, more than {self.max:,}", False
            if self.within is not None:
                compared, near = self._compare(rows, before)
                told, passed = f"{told}, {compared}", passed and near
            return Finding(int(not passed), 1, f"row count: {told}", passed)

        return Plan(("count(*)",), judge)

    def _compare(self, rows: int, before: list[int]) -> tuple[str, bool]:
        assert self.within is not None
        if not before:
            return "no earlier version to compare with", True
        usual = median(before)
        last = "the last version" if len(before) == 1 else f"the median of the last {len(before)}"
        if usual == 0:
            return f"{last} has none", rows == 0
        change = rows / usual - 1
        told = (
            "as many as"
            if change == 0
            else (f"{share(abs(change))} {'more' if change > 0 else 'fewer'} than")
        )
        near = abs(change) <= self.within
        limit = "" if near else f", at most {share(self.within)} is allowed"
        return f"{told} {last} ({usual:,.0f}){limit}", near
