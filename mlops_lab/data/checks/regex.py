"""``regex``: texts look as they should."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from mlops_lab.compute.patterns import pattern_fault
from mlops_lab.data.checks.check import (
    Measured,
    Plan,
    RowCheck,
    Table,
    Unsuitable,
    figure,
    register,
)

__all__ = ["Regex"]


@register("regex")
class Regex(RowCheck):
    """Every text matches a pattern from its first to its last character (RE2: no look-around).

    Missing values are not compared.
    """

    column: str = Field(min_length=1, description="a column's name")
    pattern: str = Field(min_length=1, max_length=2_000, description="a regular expression")

    def faults(self) -> Iterator[tuple[str, str]]:
        """What the fields say together."""
        fault = pattern_fault(self.pattern)
        if fault is not None:
            yield "pattern", f"{self.pattern!r} is no regular expression: {fault}."

    def plan(self, table: Table) -> Plan:
        """Count the rows that do not match."""
        column, kind = table.column(self.column), table.type_of(self.column)
        if kind != "VARCHAR" and not kind.startswith("ENUM(") and kind != "UUID":
            raise Unsuitable(f"{self.column} is {kind}; regex needs text.")
        text = f"{column}::varchar"
        broken = f"not regexp_full_match({text}, {table.bind(self.pattern)})"

        def told(failed: int, total: int, values: Measured) -> str:
            if not failed:
                return f"{self.column}: all of {total:,} rows match {self.pattern}"
            example = f"such as {figure(values[0])!r}"
            which = f"{failed:,} of {total:,} rows do not match"
            return f"{self.column}: {which} {self.pattern} ({example})"

        more = (f"min({text}) filter ({broken})",)
        return self.row_plan(table, f"coalesce({broken}, false)", told, self.column, more=more)
