"""The back end that writes SQL: searches. What a user typed leaves it only as a bound parameter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from mlops_lab.expressions.dates import timestamp_us
from mlops_lab.expressions.meaning import (
    AllOf,
    AnyOf,
    Calculated,
    Comparison,
    Condition,
    Constant,
    Inverse,
    Kind,
    LooseComparison,
    Matching,
    Membership,
    Missing,
    Moment,
    NumberOf,
    TextOf,
    Value,
)
from mlops_lab.expressions.nodes import Comparator, Expression, Name, OrderTerm
from mlops_lab.expressions.plan import (
    plan_condition,
    plan_value,
)

__all__ = ["Parameters", "SortKey", "SqlNames", "order_to_sql", "to_sql"]

_NAN = "'nan'::double"


class SqlNames(Protocol):
    """How names stand in SQL; the fragments are the caller's own and hold nothing of the user's."""

    def kind(self, name: Name) -> Kind:
        """Give the kind of a name, or raise ``InvalidInput`` when there is no such name."""

    def number(self, name: Name) -> str:
        """Give the SQL of a name's double; times and durations are in microseconds."""

    def text(self, name: Name) -> str:
        """Give the SQL of a name's text."""


class Parameters:
    """Values to bind, by name: ``$v0``, ``$v1`` …; equal values share one."""

    def __init__(self) -> None:
        self.values: dict[str, float | str] = {}
        self._known: dict[tuple[type, float | str], str] = {}

    def bind(self, value: float | str) -> str:
        """Add a value and give its place in the SQL, with the type said: ``$v0::double``."""
        known = self._known.get((type(value), value))
        if known is None:
            known = self._known[type(value), value] = f"v{len(self.values)}"
            self.values[known] = value
        return f"${known}::{'varchar' if isinstance(value, str) else 'double'}"


def to_sql(
    expression: Expression,
    names: SqlNames,
    *,
    parameters: Parameters | None = None,
    now: datetime | None = None,
) -> tuple[str, dict[str, float | str]]:
    """Write a condition as SQL that is true or false, never null.

    Parameters
    ----------
    expression
        From ``parse``.
    names
        How each name stands in SQL.
    parameters
        Where values are bound; one may serve several expressions.
    now
        What ``now`` means; default: this moment.

    Returns
    -------
    tuple
        The SQL and the named parameters for DuckDB.

    Raises
    ------
    InvalidInput
        For an unknown name or kinds that do not fit together, with the position.
    """
    writer = _Writer(names, parameters or Parameters(), now)
    sql = writer.condition(plan_condition(expression, names.kind))
    return sql, writer.parameters.values


@dataclass(frozen=True, slots=True)
class SortKey:
    """One thing to order by; its SQL is null where the value is missing or NaN."""

    sql: str
    textual: bool
    descending: bool


def order_to_sql(
    term: OrderTerm, names: SqlNames, *, parameters: Parameters, now: datetime | None = None
) -> list[SortKey]:
    """Write a term of an order as sort keys.

    A param or tag is ordered by its number first, then by its text.

    Raises
    ------
    InvalidInput
        For an unknown name or kinds that do not fit together, with the position.
    """
    plan, kind = plan_value(term.value, names.kind)
    if kind is Kind.LOOSE and isinstance(plan, TextOf):
        return [
            SortKey(names.number(plan.name), False, term.descending),
            SortKey(names.text(plan.name), True, term.descending),
        ]
    writer = _Writer(names, parameters, now)
    return [SortKey(writer.comparable(plan), kind is Kind.TEXT, term.descending)]


class _Writer:
    def __init__(self, names: SqlNames, parameters: Parameters, now: datetime | None) -> None:
        self._names = names
        self.parameters = parameters
        self._now_us = timestamp_us(now or datetime.now(UTC))

    def condition(self, plan: Condition) -> str:
        match plan:
            case AllOf(operands=operands):
                return f"({' and '.join(self.condition(operand) for operand in operands)})"
            case AnyOf(operands=operands):
                return f"({' or '.join(self.condition(operand) for operand in operands)})"
            case Inverse(operand=operand):
                return f"(not {self.condition(operand)})"
            case Comparison(op=op, left=left, right=right):
                return f"coalesce({self.comparable(left)} {op} {self.comparable(right)}, false)"
            case LooseComparison(op=op, left=left_name, right=right_name):
                return self._loose(op, left_name, right_name)
            case Membership(operand=member, options=options, negated=negated):
                listed = ", ".join(self.comparable(option) for option in options)
                word = "not in" if negated else "in"
                return f"coalesce({self.comparable(member)} {word} ({listed}), false)"
            case Matching(operand=text, pattern=pattern, negated=negated):
                word = "not like" if negated else "like"
                return f"coalesce({self._value(text)} {word} {self._value(pattern)}, false)"
            case Missing(operand=value, negated=negated):
                return f"({self._value(value)} is {'not ' if negated else ''}null)"

    def _loose(self, op: Comparator, left: Name, right: Name) -> str:
        a, b = self._names.number(left), self._names.number(right)
        return (
            f"(case when {a} is not null and {b} is not null then {a} {op} {b} else"
            f" coalesce({self._names.text(left)} {op} {self._names.text(right)}, false) end)"
        )

    def comparable(self, plan: Value) -> str:
        """Write a value in which NaN is null: DuckDB has it equal to itself and above all."""
        sql = self._value(plan)
        return f"nullif({sql}, {_NAN})" if isinstance(plan, NumberOf | Calculated) else sql

    def _value(self, plan: Value) -> str:
        match plan:
            case Constant(value=value):
                return self.parameters.bind(value)
            case Moment():
                return self.parameters.bind(self._now_us)
            case NumberOf(name=name):
                return self._names.number(name)
            case TextOf(name=name):
                return self._names.text(name)
            case Calculated(op=op, left=left, right=right):
                b = self._value(right)
                if left is None:
                    return f"(-{b})"
                if op == "/":
                    b = f"nullif({b}, 0)"
                return f"({self._value(left)} {op} {b})"
