"""``schema``: the columns are those that were agreed on."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from mlops_lab.compute.cells import Cells
from mlops_lab.compute.types import kind_of_type
from mlops_lab.data.checks.check import Check, Finding, Measured, Plan, Table, Unsuitable, register

__all__ = ["Schema"]

_KINDS = ("number", "text", "time", "boolean")


@register("schema")
class Schema(Check):
    """The columns are there, with their types.

    A type is DuckDB's (``INTEGER``, ``VARCHAR``, ``TIMESTAMP`` …) or what it is for: ``number``,
    ``text``, ``time`` or ``boolean``.
    """

    columns: dict[str, str] | list[str] = Field(
        min_length=1, description="a map of columns and types, or a list of columns"
    )
    extra: bool = Field(default=False, description="true or false: may there be further columns")

    def faults(self) -> Iterator[tuple[str, str]]:
        """What the fields say together."""
        if isinstance(self.columns, list) and len(set(self.columns)) < len(self.columns):
            yield "columns", "A column is in the list twice."

    def plan(self, table: Table) -> Plan:
        """Compare the schema; no row is looked at."""
        wanted = self.columns if isinstance(self.columns, dict) else dict.fromkeys(self.columns, "")
        wrong: list[tuple[str, str | None, str | None]] = []
        for name, kind in wanted.items():
            found = table.columns.get(name)
            if found is None:
                wrong.append((name, kind or None, None))
            elif kind and not _is(table, found, kind):
                wrong.append((name, kind, found))
        if not self.extra:
            wrong += [
                (name, None, kind) for name, kind in table.columns.items() if name not in wanted
            ]

        def judge(_: Measured) -> Finding:
            total = len(wanted)
            if not wrong:
                return Finding(0, total, f"schema: {total:,} columns as agreed", True)
            told = "; ".join(_told(*one) for one in wrong[:3])
            more = f"; and {len(wrong) - 3:,} more" if len(wrong) > 3 else ""
            sample = Cells(("column", "expected", "found"), tuple(wrong[:20]))
            return Finding(len(wrong), total, f"schema: {told}{more}", False, sample)

        return Plan((), judge)


def _told(name: str, expected: str | None, found: str | None) -> str:
    if found is None:
        return f"{name} is missing"
    return f"{name} is {found}, not {expected}" if expected else f"{name} is not expected"


def _is(table: Table, found: str, wanted: str) -> bool:
    if wanted in _KINDS:
        return kind_of_type(found) == wanted
    try:
        return found == table.engine.type_named(wanted)
    except ValueError as error:
        raise Unsuitable(
            f"{wanted!r} is no type: {', '.join(_KINDS)} or one of DuckDB's."
        ) from error
