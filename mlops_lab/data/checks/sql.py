"""``sql``: what no other check says, as a SELECT of the rows that should not be there."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from mlops_lab.compute.confined import select_fault
from mlops_lab.data.checks.check import Finding, Measured, Plan, RowCheck, Table, register

__all__ = ["FreeSql"]


@register("sql")
class FreeSql(RowCheck):
    """A query over the table ``data`` finds no rows.

    It runs where there is nothing else: no files, no other tables, no settings.
    """

    query: str = Field(
        min_length=1,
        max_length=20_000,
        description="one SELECT of the rows that should not be there, from data",
    )
    title: str | None = Field(
        default=None, min_length=1, max_length=200, description="a few words on what is wrong"
    )

    def faults(self) -> Iterator[tuple[str, str]]:
        """What the fields say together."""
        fault = select_fault(self.query)
        if fault is not None:
            yield "query", fault

    def plan(self, table: Table) -> Plan:
        """Run the query, confined."""
        failed, sample = table.confined(self.query)

        def judge(values: Measured) -> Finding:
            total = int(values[0])
            name = self.title or "sql"
            which = f"{failed:,} of {total:,} rows" if failed <= total else f"{failed:,} rows"
            told = f"{name}: {which} found" if failed else f"{name}: no rows found ({total:,} rows)"
            if not failed:
                return Finding(0, total, told, True)
            found = self.finding(failed, max(total, 1), told)
            return Finding(found.failed, found.total, found.sentence, found.passed, sample)

        return Plan(("count(*)",), judge)
