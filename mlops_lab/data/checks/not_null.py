"""``not_null``: a value is there. NaN is none."""

from __future__ import annotations

from mlops_lab.data.checks.check import Columns, Measured, Plan, Table, register

__all__ = ["NotNull"]


@register("not_null")
class NotNull(Columns):
    """Every row has a value in the column, or in each of the columns."""

    def plan(self, table: Table) -> Plan:
        """Count the rows without one."""
        conditions = []
        for name in self.together:
            column, kind = table.column(name), table.type_of(name)
            conditions.append(f"{column} is null")
            if kind in ("FLOAT", "DOUBLE"):
                conditions.append(f"isnan({column})")

        def told(failed: int, total: int, _: Measured) -> str:
            which = f"{failed:,} of {total:,} rows" if failed else f"none of {total:,} rows"
            return f"{self.about}: {which} missing"

        return self.row_plan(table, " or ".join(conditions), told, *self.together)
