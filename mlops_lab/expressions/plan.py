"""From a tree to what it means, once the kind of each name is known."""

from __future__ import annotations

import re

from mlops_lab.errors import InvalidInput
from mlops_lab.expressions.dates import parse_date_us
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
    Arithmetic,
    Between,
    Comparator,
    Compare,
    Duration,
    Expression,
    In,
    IsNull,
    Like,
    Name,
    Negate,
    Node,
    Not,
    Now,
    Number,
    Operator,
    Or,
    Text,
)

__all__ = ["plan_condition", "plan_value"]


def plan_condition(expression: Expression, kind_of: KindOf) -> Condition:
    """Settle what a condition computes.

    Raises
    ------
    InvalidInput
        When kinds do not fit together, or ``kind_of`` knows no such name; with the position.
    """
    return _Planner(expression, kind_of).condition(expression.root)


def plan_value(expression: Expression, kind_of: KindOf) -> tuple[Value, Kind]:
    """Settle what a value computes, and its kind.

    A param or tag alone has the kind ``LOOSE`` and the plan of its text.

    Raises
    ------
    InvalidInput
        When kinds do not fit together, or ``kind_of`` knows no such name; with the position.
    """
    planner = _Planner(expression, kind_of)
    kind = planner.kind(expression.root)
    return planner.value(expression.root, kind), kind


_DOUBLES = (Kind.NUMBER, Kind.TIME, Kind.DURATION)


class _Planner:
    def __init__(self, expression: Expression, kind_of: KindOf) -> None:
        self._expression = expression
        self._kind_of = kind_of
        # Kinds of nested arithmetic are asked for at every level: remember them.
        self._kinds: dict[int, Kind] = {}

    def _wrong(self, node: Node, message: str, suggestion: str | None = None) -> InvalidInput:
        return InvalidInput.at(
            self._expression.text, node.start, message, length=node.length, suggestion=suggestion
        )

    def _typed(self, node: Node) -> str:
        typed = self._expression.source(node)
        return typed if len(typed) <= 40 else typed[:39] + "…"

    # -- kinds ----------------------------------------------------------------------------------
    def kind(self, node: Node) -> Kind:
        known = self._kinds.get(id(node))
        if known is None:
            known = self._kinds[id(node)] = self._find_kind(node)
        return known

    def _find_kind(self, node: Node) -> Kind:
        match node:
            case Number():
                return Kind.NUMBER
            case Text():
                return Kind.TEXT
            case Duration():
                return Kind.DURATION
            case Now():
                return Kind.TIME
            case Name():
                return self._kind_of(node)
            case Negate(operand=operand):
                kind = self._as_operand(operand, None)
                if kind in (Kind.TIME, Kind.TEXT):
                    raise self._wrong(
                        node, f"{self._typed(operand)} is {kind.value}: it has no minus."
                    )
                return kind
            case Arithmetic():
                return self._arithmetic_kind(node)
            case _:
                raise self._wrong(node, "A value is needed here, and this is a condition.")

    def _as_operand(self, node: Node, beside: Node | None) -> Kind:
        """Give the kind of one side of arithmetic: params and tags count as numbers."""
        kind = self.kind(node)
        if kind is Kind.LOOSE:
            return Kind.NUMBER
        if (
            kind is Kind.TEXT
            and isinstance(node, Text)
            and beside is not None
            and self.kind(beside) in (Kind.TIME, Kind.DURATION)
        ):
            return Kind.TIME
        return kind

    def _arithmetic_kind(self, node: Arithmetic) -> Kind:
        left = self._as_operand(node.left, node.right)
        right = self._as_operand(node.right, node.left)
        for side, kind in ((node.left, left), (node.right, right)):
            if kind is Kind.TEXT:
                raise self._wrong(
                    side, f"{self._typed(side)} is text: it cannot be calculated with."
                )
        if Kind.UNKNOWN in (left, right):
            return Kind.UNKNOWN
        result = _ARITHMETIC.get((left, node.op, right))
        if result is None:
            meaning = f"{left.value} {node.op} {right.value} has no meaning."
            raise self._wrong(node, meaning[0].upper() + meaning[1:])
        return result

    # -- values ---------------------------------------------------------------------------------
    def value(self, node: Node, want: Kind) -> Value:
        """Plan a value in the representation that ``want`` has: a text or a double."""
        match node:
            case Number(value=number):
                return Constant(number)
            case Duration(value_us=microseconds):
                return Constant(microseconds)
            case Text(value=text):
                if want is Kind.TIME:
                    return Constant(self._date(node))
                return Constant(text)
            case Now():
                return Moment()
            case Name():
                kind = self.kind(node)
                textual = kind is Kind.TEXT or (
                    kind in (Kind.LOOSE, Kind.UNKNOWN) and want not in _DOUBLES
                )
                return TextOf(node) if textual else NumberOf(node)
            case Negate(operand=operand):
                return Calculated("-", None, self.value(operand, Kind.NUMBER))
            case Arithmetic(op=op, left=left, right=right):
                return Calculated(
                    op,
                    self.value(left, self._as_double(left, right)),
                    self.value(right, self._as_double(right, left)),
                )
            case _:
                raise self._wrong(node, "A value is needed here, and this is a condition.")

    def _as_double(self, node: Node, beside: Node) -> Kind:
        kind = self._as_operand(node, beside)
        return Kind.NUMBER if kind is Kind.UNKNOWN else kind

    def _date(self, node: Text) -> float:
        try:
            return parse_date_us(node.value)
        except ValueError:
            raise self._wrong(
                node,
                f"{node.value!r} is no date; dates are like '2026-03-01' or '2026-03-01 14:30'.",
            ) from None

    # -- conditions -----------------------------------------------------------------------------
    def condition(self, node: Node) -> Condition:
        match node:
            case And(operands=operands):
                return AllOf(tuple(self.condition(operand) for operand in operands))
            case Or(operands=operands):
                return AnyOf(tuple(self.condition(operand) for operand in operands))
            case Not(operand=operand):
                return Inverse(self.condition(operand))
            case Compare(op=op, left=left, right=right):
                return self._comparison(op, left, right)
            case Between(operand=operand, low=low, high=high, negated=negated):
                if negated:
                    outside = (
                        self._comparison("<", operand, low),
                        self._comparison(">", operand, high),
                    )
                    return AnyOf(outside)
                return AllOf(
                    (self._comparison(">=", operand, low), self._comparison("<=", operand, high))
                )
            case In():
                return self._membership(node)
            case Like(operand=operand, pattern=pattern, negated=negated):
                return Matching(self._text(operand), self._text(pattern), negated)
            case IsNull(operand=operand, negated=negated):
                return Missing(self.value(operand, self.kind(operand)), negated)
            case _:
                raise self._not_a_condition(node)

    def _not_a_condition(self, node: Node) -> InvalidInput:
        message = "A condition is needed here, and this is a value."
        if isinstance(node, Name) and node.function is None and len(node.parts) == 1:
            word = node.parts[0].replace("'", "''")
            return self._wrong(node, message, f"name like '%{word}%'")
        if isinstance(node, Text):
            word = node.value.replace("'", "''")
            return self._wrong(node, message, f"name like '%{word}%'")
        return self._wrong(node, f"{message} Compare it: {self._typed(node)} > 0.")

    def _text(self, node: Node) -> Value:
        kind = self.kind(node)
        if kind not in (Kind.TEXT, Kind.LOOSE, Kind.UNKNOWN):
            raise self._wrong(
                node, f"like compares texts, and {self._typed(node)} is {kind.value}."
            )
        return self.value(node, Kind.TEXT)

    def _comparison(self, op: Comparator, left: Node, right: Node) -> Condition:
        common = self._common(left, right)
        if common is Kind.LOOSE and isinstance(left, Name) and isinstance(right, Name):
            return LooseComparison(op, left, right)
        return Comparison(op, self.value(left, common), self.value(right, common))

    def _membership(self, node: In) -> Condition:
        commons = [self._common(node.operand, option) for option in node.options]
        doubles = {common in _DOUBLES for common in commons}
        if Kind.LOOSE in commons or len(doubles) > 1:
            # A param among numbers and texts: each option is compared by its own rule.
            op: Comparator = "!=" if node.negated else "="
            each = tuple(self._comparison(op, node.operand, option) for option in node.options)
            return AllOf(each) if node.negated else AnyOf(each)
        options = tuple(
            self.value(option, common) for option, common in zip(node.options, commons, strict=True)
        )
        return Membership(self.value(node.operand, commons[0]), options, node.negated)

    def _common(self, left: Node, right: Node) -> Kind:
        """Find as what two values are compared; LOOSE: two params or tags."""
        a, b = self.kind(left), self.kind(right)
        if Kind.UNKNOWN in (a, b):
            # Missing, or not looked at yet: the other side settles the representation.
            other = b if a is Kind.UNKNOWN else a
            return Kind.TEXT if other in (Kind.LOOSE, Kind.UNKNOWN) else other
        if a is b:
            return a
        if Kind.LOOSE in (a, b):
            other = b if a is Kind.LOOSE else a
            if other in (Kind.NUMBER, Kind.TEXT):
                return other
        for literal, kind, beside in ((left, a, b), (right, b, a)):
            if isinstance(literal, Text) and kind is Kind.TEXT and beside is Kind.TIME:
                return Kind.TIME
        raise self._mismatch(left, a, right, b)

    def _mismatch(self, left: Node, a: Kind, right: Node, b: Kind) -> InvalidInput:
        # Point at the literal: the name is more likely what was meant.
        at = right if not isinstance(left, Number | Text | Duration) else left
        suggestion = None
        if isinstance(at, Text) and Kind.NUMBER in (a, b):
            suggestion = at.value if _is_number(at.value) else None
        elif isinstance(at, Text) and Kind.DURATION in (a, b):
            suggestion = at.value if _DURATION.fullmatch(at.value) else None
        elif isinstance(at, Number) and Kind.TEXT in (a, b):
            suggestion = f"'{self._typed(at)}'"
        elif isinstance(at, Number) and Kind.DURATION in (a, b):
            suggestion = f"{self._typed(at)}s"
        return self._wrong(
            at,
            f"{self._typed(left)} is {a.value} and {self._typed(right)} is {b.value}:"
            " they cannot be compared.",
            suggestion,
        )


_DURATION = re.compile(r"\d+(\.\d+)?(ms|s|m|h|d|w)")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_N, _T, _D = Kind.NUMBER, Kind.TIME, Kind.DURATION
_ARITHMETIC: dict[tuple[Kind, Operator, Kind], Kind] = {
    (_N, "+", _N): _N,
    (_N, "-", _N): _N,
    (_N, "*", _N): _N,
    (_N, "/", _N): _N,
    (_T, "-", _T): _D,
    (_T, "+", _D): _T,
    (_T, "-", _D): _T,
    (_D, "+", _T): _T,
    (_D, "+", _D): _D,
    (_D, "-", _D): _D,
    (_D, "*", _N): _D,
    (_N, "*", _D): _D,
    (_D, "/", _N): _D,
    (_D, "/", _D): _N,
}
