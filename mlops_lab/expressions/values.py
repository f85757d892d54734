"""The back end that computes with values: gates and monitors."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from numbers import Real
from typing import Final, TypeAlias

from mlops_lab.errors import InvalidInput
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
    KindOf,
    LooseComparison,
    Matching,
    Membership,
    Missing,
    Moment,
    NumberOf,
    TextOf,
    Value,
)
from mlops_lab.expressions.nodes import (
    And,
    Between,
    Comparator,
    Compare,
    Expression,
    In,
    IsNull,
    Like,
    Name,
    Node,
    Not,
    Operator,
    Or,
)
from mlops_lab.expressions.plan import (
    plan_condition,
    plan_value,
)

__all__ = ["Compared", "Given", "Lookup", "Loose", "calculate", "evaluate", "explain", "number_of"]


@dataclass(frozen=True, slots=True)
class Loose:
    """A param or tag: its text, and its number where it has one."""

    text: str
    number: float | None

    @classmethod
    def of(cls, value: object) -> Loose | None:
        """Give a param's value as it is stored: ``True`` is a text and no number.

        >>> Loose.of("1e-3")
        Loose(text='1e-3', number=0.001)
        >>> Loose.of(True)
        Loose(text='True', number=None)
        """
        if value is None:
            return None
        text = str(value)
        return cls(text, None if isinstance(value, bool) else number_of(text))


Given: TypeAlias = float | str | datetime | timedelta | Loose | Real | None
"""What a lookup may answer; None is a missing value, a naive datetime is in UTC."""

Lookup: TypeAlias = Callable[[Name], Given]
"""Gives the value of a name; raises ``InvalidInput`` (see ``unknown_name``) when there is none."""

_Scalar: TypeAlias = float | str | None


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison of an expression with the values that it had."""

    text: str
    left_text: str
    left: Given
    op: str
    right_text: str
    right: Given
    holds: bool


def evaluate(
    expression: Expression,
    lookup: Lookup,
    *,
    now: datetime | None = None,
    kind_of: KindOf | None = None,
) -> bool:
    """Say whether a condition holds.

    Parameters
    ----------
    expression
        From ``parse``.
    lookup
        Gives each name's value; it is asked once per name.
    now
        What ``now`` means; default: this moment.
    kind_of
        Kinds of the names; default: the kinds of the values. With it, kinds that do not fit
        together are an error even where a value is missing.

    Raises
    ------
    InvalidInput
        When kinds do not fit together, with the position.

    Examples
    --------
    >>> from mlops_lab.expressions import parse
    >>> values = {"evaluate.auc": 0.71, "params.min_auc": 0.6}
    >>> evaluate(parse("evaluate.auc >= params.min_auc"), lambda name: values[name.dotted])
    True
    """
    evaluator = _Evaluator(expression, lookup, now, kind_of)
    return evaluator.holds(plan_condition(expression, evaluator.kind))


def calculate(expression: Expression, lookup: Lookup, *, now: datetime | None = None) -> Given:
    """Compute a value: what ``parse_value`` gave.

    Returns
    -------
    Given
        A float, a text, a UTC datetime, a timedelta, or None when something is missing.

    Examples
    --------
    >>> from mlops_lab.expressions import parse_value
    >>> calculate(parse_value("(2 + 4) / 3"), lambda name: None)
    2.0
    """
    evaluator = _Evaluator(expression, lookup, now, None)
    return evaluator.given(*plan_value(expression, evaluator.kind))


def explain(
    expression: Expression, lookup: Lookup, *, now: datetime | None = None
) -> list[Compared]:
    """Give every ordinary comparison of a condition with both of its values, from left to right.

    A gate's sentence says them: ``evaluate.auc`` is 0.55, and ``params.min_auc`` is 0.6. Other
    conditions (``like``, ``in``, ``between``, ``is null``) have no two sides and are left out.

    Examples
    --------
    >>> from mlops_lab.expressions import parse
    >>> [one] = explain(parse("evaluate.auc >= 0.6"), lambda name: 0.55)
    >>> one.left_text, one.left, one.op, one.right, one.holds
    ('evaluate.auc', 0.55, '>=', 0.6, False)
    """
    evaluator = _Evaluator(expression, lookup, now, None)
    compared = []
    for node in _comparisons(expression.root):
        part = Expression(expression.text, node)
        sides = [
            evaluator.given(*plan_value(Expression(expression.text, side), evaluator.kind))
            for side in (node.left, node.right)
        ]
        compared.append(
            Compared(
                text=expression.source(node),
                left_text=expression.source(node.left),
                left=sides[0],
                op=node.op,
                right_text=expression.source(node.right),
                right=sides[1],
                holds=evaluator.holds(plan_condition(part, evaluator.kind)),
            )
        )
    return compared


def _comparisons(node: Node) -> list[Compare]:
    if isinstance(node, Compare):
        return [node]
    if isinstance(node, And | Or | Not):
        return [found for child in node.children() for found in _comparisons(child)]
    assert isinstance(node, Between | In | IsNull | Like)
    return []


def number_of(text: str) -> float | None:
    """Give the finite number that a param or tag stands for, or None; as DuckDB's cast does.

    >>> number_of("6"), number_of(" 1e-3 "), number_of("gbm"), number_of("nan")
    (6.0, 0.001, None, None)
    """
    if not text.isascii() or "_" in text:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


_COMPARE: Final[dict[Comparator, Callable[[float | str, float | str], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _compare(op: Comparator, left: _Scalar, right: _Scalar) -> bool:
    """Compare as SQL does with missing values, and treat NaN like one."""
    if left is None or right is None or left != left or right != right:
        return False
    return _COMPARE[op](left, right)


def _calculate(op: Operator, left: float, right: float) -> float | None:
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right if right != 0 else None


class _Evaluator:
    """The values of one evaluation: each name is looked up once."""

    def __init__(
        self,
        expression: Expression,
        lookup: Lookup,
        now: datetime | None,
        kind_of: KindOf | None,
    ) -> None:
        self._expression = expression
        self._lookup = lookup
        self._now_us = timestamp_us(now or datetime.now(UTC))
        self._kind_of = kind_of
        self._found: dict[
            tuple[str | None, tuple[str, ...]], tuple[Kind, float | str | Loose | None]
        ] = {}

    def _find(self, name: Name) -> tuple[Kind, float | str | Loose | None]:
        key = (name.function, name.parts)
        if key not in self._found:
            self._found[key] = self._stored(name, self._lookup(name))
        return self._found[key]

    def kind(self, name: Name) -> Kind:
        return self._kind_of(name) if self._kind_of else self._find(name)[0]

    def _stored(self, name: Name, value: Given) -> tuple[Kind, float | str | Loose | None]:
        match value:
            case None:
                return Kind.UNKNOWN, None
            case Loose():
                return Kind.LOOSE, value
            case str():
                return Kind.TEXT, value
            case datetime():
                return Kind.TIME, timestamp_us(value)
            case timedelta():
                return Kind.DURATION, float(value // timedelta(microseconds=1))
            case Real():
                return Kind.NUMBER, _float(value)
        raise InvalidInput.at(
            self._expression.text,
            name.start,
            f"{name.dotted} is a {type(value).__name__}, which cannot be compared.",
            length=name.length,
        )

    # -- conditions -----------------------------------------------------------------------------
    def holds(self, plan: Condition) -> bool:
        match plan:
            case AllOf(operands=operands):
                return all(self.holds(operand) for operand in operands)
            case AnyOf(operands=operands):
                return any(self.holds(operand) for operand in operands)
            case Inverse(operand=operand):
                return not self.holds(operand)
            case Comparison(op=op, left=left, right=right):
                return _compare(op, self._value(left), self._value(right))
            case LooseComparison(op=op, left=left_name, right=right_name):
                return self._loose(op, left_name, right_name)
            case Membership(operand=member, options=options, negated=negated):
                value = self._value(member)
                if negated:
                    return all(_compare("!=", value, self._value(option)) for option in options)
                return any(_compare("=", value, self._value(option)) for option in options)
            case Matching(operand=text, pattern=pattern, negated=negated):
                found, shape = self._value(text), self._value(pattern)
                if not isinstance(found, str) or not isinstance(shape, str):
                    return False
                return _like(found, shape) is not negated
            case Missing(operand=value_plan, negated=negated):
                return (self._value(value_plan) is None) is not negated

    def _loose(self, op: Comparator, left: Name, right: Name) -> bool:
        a, b = self._find(left)[1], self._find(right)[1]
        if not isinstance(a, Loose) or not isinstance(b, Loose):
            return False
        if a.number is not None and b.number is not None:
            return _compare(op, a.number, b.number)
        return _compare(op, a.text, b.text)

    # -- values ---------------------------------------------------------------------------------
    def _value(self, plan: Value) -> _Scalar:
        match plan:
            case Constant(value=value):
                return value
            case Moment():
                return self._now_us
            case NumberOf(name=name):
                found = self._find(name)[1]
                return found.number if isinstance(found, Loose) else found
            case TextOf(name=name):
                found = self._find(name)[1]
                return found.text if isinstance(found, Loose) else found
            case Calculated(op=op, left=left, right=right):
                b = self._value(right)
                a = self._value(left) if left is not None else None
                if b is None or (left is not None and a is None):
                    return None
                assert isinstance(b, float)
                if left is None:
                    return -b
                assert isinstance(a, float)
                return _calculate(op, a, b)

    def given(self, plan: Value, kind: Kind) -> Given:
        """Give a planned value as what it stands for."""
        value = self._value(plan)
        if isinstance(value, float) and math.isfinite(value):
            if kind is Kind.TIME:
                return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=value)
            if kind is Kind.DURATION:
                return timedelta(microseconds=value)
        return value


def _float(value: Real) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if abs(value) == value else -math.inf


def _like(text: str, pattern: str) -> bool:
    """Match by SQL's LIKE: greedy with one way back, so at worst ``len(text) * len(pattern)``."""
    t = p = 0
    star, resume = -1, 0
    while t < len(text):
        if p < len(pattern) and pattern[p] == "%":
            star, resume = p, t
            p += 1
        elif p < len(pattern) and pattern[p] in ("_", text[t]):
            p += 1
            t += 1
        elif star >= 0:
            resume += 1
            p, t = star + 1, resume
        else:
            return False
    return all(character == "%" for character in pattern[p:])
