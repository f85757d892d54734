"""``range``: values lie between two limits, both included."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from mlops_lab.data.checks.check import (
    Measured,
    Plan,
    RowCheck,
    Table,
    Unsuitable,
    figure,
    register,
)

__all__ = ["Range"]

_ORDERED = ("INT", "DECIMAL(", "FLOAT", "DOUBLE", "DATE", "TIME", "BIGNUM")
_TIMES = ("DATE", "TIME")


@register("range")
class Range(RowCheck):
    """Every number or time lies within the limits. Missing values and NaN are not compared.

    Times are written as text, ``'2013-01-01'`` or ``'2013-01-01 06:00'``, in UTC.
    """

    column: str = Field(min_length=1, description="a column's name")
    min: int | float | str | None = Field(default=None, description="a number or a time as text")
    max: int | float | str | None = Field(default=None, description="a number or a time as text")

    def faults(self) -> Iterator[tuple[str, str]]:
        """What the fields say together."""
        for name, limit in (("min", self.min), ("max", self.max)):
            if limit != limit:  # every comparison with it is false, so all would pass
                yield name, f"{name} is NaN, and nothing is below or above that."
        if self.min is None and self.max is None:
            yield "check", "range needs min, max or both."
        elif self.min is not None and self.max is not None:
            if isinstance(self.min, str) != isinstance(self.max, str):
                yield "max", "min and max must both be numbers or both be times."
            elif self.min > self.max:  # type: ignore[operator]
                yield "max", f"max {self.max} is below min {self.min}."

    def plan(self, table: Table) -> Plan:
        """Count the rows beyond each limit."""
        column, kind = table.column(self.column), table.type_of(self.column)
        if not any(word in kind for word in _ORDERED) or kind.endswith("]") or "(" in kind[:7]:
            raise Unsuitable(f"{self.column} is {kind}; range needs numbers or times.")
        timed = kind.startswith(_TIMES)
        limits = [limit for limit in (self.min, self.max) if limit is not None]
        if any(isinstance(limit, str) != timed for limit in limits):
            what = "times as text" if timed else "numbers"
            raise Unsuitable(f"{self.column} is {kind}: its limits must be {what}.")
        real = f"not isnan({column}) and " if kind in ("FLOAT", "DOUBLE") else ""
        bound = "TIMESTAMP WITH TIME ZONE" if timed and kind.endswith("ZONE") else kind
        conditions = []
        for limit, sign in ((self.min, "<"), (self.max, ">")):
            if limit is not None:
                value = table.bind(limit, bound if timed else None)
                conditions.append(f"({real}{column} {sign} {value})")
            else:
                conditions.append("false")
        below, above = conditions
        edges = [f"min({column})", f"max({column})"]
        if kind in ("FLOAT", "DOUBLE"):
            edges = [f"{one} filter (not isnan({column}))" for one in edges]
        if timed:
            edges = [f"({one})::varchar" for one in edges]

        under, over = ("before", "after") if timed else ("below", "above")

        def told(failed: int, total: int, values: Measured) -> str:
            low, n_low, high, n_high = values
            if not failed:
                lies = f"{figure(low)} to {figure(high)}" if low is not None else "no values"
                return f"{self.column}: all of {total:,} rows {self._limits()} ({lies})"
            least, most = f"min {figure(low)}", f"max {figure(high)}"
            if not n_high:
                which = f"{n_low:,} of {total:,} rows {under} {figure(self.min)}"
                return f"{self.column}: {which} ({least})"
            if not n_low:
                which = f"{n_high:,} of {total:,} rows {over} {figure(self.max)}"
                return f"{self.column}: {which} ({most})"
            return (
                f"{self.column}: {failed:,} of {total:,} rows outside {figure(self.min)} to "
                f"{figure(self.max)}: {n_low:,} {under} ({least}), {n_high:,} {over} ({most})"
            )

        more = (edges[0], f"count(*) filter ({below})", edges[1], f"count(*) filter ({above})")
        return self.row_plan(table, f"{below} or {above}", told, self.column, more=more)

    def _limits(self) -> str:
        if self.min is None:
            return f"at most {figure(self.max)}"
        if self.max is None:
            return f"at least {figure(self.min)}"
        return f"within {figure(self.min)} to {figure(self.max)}"
