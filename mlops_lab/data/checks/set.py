"""``set``: values are among those that are known."""

from __future__ import annotations

from pydantic import Field

from mlops_lab.data.checks.check import Measured, Plan, RowCheck, Table, figure, register

__all__ = ["Set"]


@register("set")
class Set(RowCheck):
    """Every value is one of a list. Missing values are not compared."""

    column: str = Field(min_length=1, description="a column's name")
    values: list[str | int | float | bool] = Field(
        min_length=1,
        max_length=10_000,
        description="a list of 1 to 10,000 values that may be there",
    )

    def plan(self, table: Table) -> Plan:
        """Count the rows with another value."""
        column, kind = table.column(self.column), table.type_of(self.column)
        # As values of the column's own type: 1 and 1.0 are the same number, and 'a' is none.
        known = table.bind_all([_written(value) for value in self.values], kind)
        broken = f"{column} not in ({known})"

        def told(failed: int, total: int, values: Measured) -> str:
            if not failed:
                what = f"one of {len(self.values):,} known values"
                return f"{self.column}: all of {total:,} rows are {what}"
            different, example = values
            others = (
                f"{figure(example)}"
                if different == 1
                else f"{different:,} different ones, such as {figure(example)}"
            )
            return f"{self.column}: {failed:,} of {total:,} rows hold an unknown value ({others})"

        more = (
            f"approx_count_distinct({column}) filter ({broken})",
            f"(min({column}) filter ({broken}))::varchar",
        )
        return self.row_plan(table, f"coalesce({broken}, false)", told, self.column, more=more)


def _written(value: str | int | float) -> str | int | float:
    return value if not isinstance(value, bool) else str(value).lower()
