"""``freshness``: the newest value is not too old."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import Field

from mlops_lab.data.checks.check import (
    Check,
    Finding,
    Measured,
    Plan,
    Table,
    Unsuitable,
    register,
)
from mlops_lab.expressions.lexer import UNITS_US

__all__ = ["Freshness"]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)([a-z]+)")


@register("freshness")
class Freshness(Check):
    """The newest time in a column is no older than a duration. Times without a zone are UTC."""

    column: str = Field(min_length=1, description="a column's name")
    max_age: str = Field(description="a duration such as 12h, 7d or 2w")

    def faults(self) -> Iterator[tuple[str, str]]:
        """What the fields say together."""
        found = _DURATION.fullmatch(self.max_age)
        if found is None or found[2] not in UNITS_US:
            yield "max_age", f"{self.max_age!r} is no duration: write one like 12h, 7d or 2w."

    def plan(self, table: Table) -> Plan:
        """Look for the newest value."""
        column, kind = table.column(self.column), table.type_of(self.column)
        if kind != "DATE" and not kind.startswith("TIMESTAMP"):
            raise Unsuitable(f"{self.column} is {kind}; freshness needs dates or times.")
        finite = f"isfinite({column})" if kind in ("DATE", "TIMESTAMP") else f"{column} is not null"
        # A day is over when the next one begins: today's date is not hours old.
        newest = f"max({column}) filter ({finite})"
        when = f"{newest} + 1" if kind == "DATE" else newest
        zone = "timestamptz" if kind.endswith("ZONE") else "timestamp"
        measures = (f"epoch_us(({when})::{zone})", f"({newest})::varchar")

        def judge(values: Measured) -> Finding:
            micros, told = values
            if micros is None:
                return Finding(1, 1, f"{self.column}: no values, so nothing is fresh", False)
            age_s = (table.now - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() - micros / 1e6
            newest = str(told).removesuffix("+00")
            passed = age_s <= self.limit_s
            old = f"{_told(age_s)} old" if age_s > 0 else "not over yet"
            rest = f"at most {self.max_age}" if passed else f"older than {self.max_age}"
            sentence = f"{self.column}: the newest value, {newest}, is {old}, {rest}"
            return Finding(int(not passed), 1, sentence, passed)

        return Plan(measures, judge)

    @property
    def limit_s(self) -> float:
        """The longest age in seconds."""
        found = _DURATION.fullmatch(self.max_age)
        assert found is not None
        return float(found[1]) * UNITS_US[found[2]] / 1e6


def _told(seconds: float) -> str:
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:.0f} seconds"
