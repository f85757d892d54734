"""``unique``: no value comes twice. Missing values are not compared."""

from __future__ import annotations

from mlops_lab.data.checks.check import Columns, Finding, Measured, Plan, Table, register

__all__ = ["Unique"]


@register("unique")
class Unique(Columns):
    """No two rows have the same value in the column, or the same values in the columns together."""

    def plan(self, table: Table) -> Plan:
        """Count the rows that repeat an earlier one."""
        names = [table.column(name) for name in self.together]
        there = " and ".join(f"{name} is not null" for name in names)
        value = names[0] if len(names) == 1 else f"row({', '.join(names)})"
        measures = (
            f"count(*) filter ({there})",
            f"count(distinct {value}) filter ({there})",
            "count(*)",
        )

        def judge(values: Measured) -> Finding:
            known, different, total = values
            failed = known - different
            what = "a value" if len(names) == 1 else "a combination of values"
            which = (
                f"{failed:,} of {total:,} rows repeat"
                if failed
                else f"none of {total:,} rows repeats"
            )
            return self.finding(failed, total, f"{self.about}: {which} {what}")

        listed = ", ".join(names)
        same = " and ".join(f"twice.{name} = here.{name}" for name in names)
        rows = (
            f"select {table.shown(*self.together)} from {table.name} here semi join ("
            f"select {listed} from {table.name} where {there} group by all having count(*) > 1"
            f") twice on {same} order by {listed}"
        )
        return Plan(measures, judge, rows)
