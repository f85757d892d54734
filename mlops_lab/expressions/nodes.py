"""What was written, as a tree: each node remembers the characters it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

__all__ = [
    "AGGREGATES",
    "And",
    "Arithmetic",
    "Between",
    "Comparator",
    "Compare",
    "Duration",
    "Expression",
    "In",
    "IsNull",
    "Like",
    "Name",
    "Negate",
    "Node",
    "Not",
    "Now",
    "Number",
    "Operator",
    "Or",
    "OrderTerm",
    "Text",
    "names",
]

Comparator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]
Operator: TypeAlias = Literal["+", "-", "*", "/"]

AGGREGATES = ("best", "last", "min", "max", "mean")
"""The functions of a metric: ``best(auc)``; what stands in the parentheses is a raw metric name."""


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression; ``text[start:end]`` is what was typed."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many characters it takes, at least 1."""
        return max(1, self.end - self.start)

    def children(self) -> tuple[Node, ...]:
        """The parts it is made of, from left to right."""
        found: list[Node] = []
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Node):
                found.append(value)
            elif isinstance(value, tuple):
                found += [part for part in value if isinstance(part, Node)]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number: ``1e-3``."""

    value: float


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A text in single quotes; beside a time it is read as a date."""

    value: str


@dataclass(frozen=True, slots=True)
class Duration(Node):
    """A length of time, in microseconds: ``7d``."""

    value_us: float


@dataclass(frozen=True, slots=True)
class Now(Node):
    """The moment of the search or the gate, one for the whole expression."""


@dataclass(frozen=True, slots=True)
class Name(Node):
    """Something to look up: ``started``, ``params.lr``, ``best(val/loss)``, ``evaluate.auc``.

    ``best(val/loss)`` has ``function = "best"`` and ``parts = ("val/loss",)``; everything else has
    no function and its words, without dots and backticks, as ``parts``.
    """

    parts: tuple[str, ...]
    function: str | None = None

    @property
    def dotted(self) -> str:
        """The name as a person would write it, without backticks."""
        joined = ".".join(self.parts)
        return f"{self.function}({joined})" if self.function else joined


@dataclass(frozen=True, slots=True)
class Negate(Node):
    """Unary minus."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """``left op right`` with ``+ - * /``."""

    op: Operator
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """``left op right`` with ``= != < <= > >=``."""

    op: Comparator
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Like(Node):
    """``operand [not] like pattern``: ``%`` is any text, ``_`` one character; case matters."""

    operand: Node
    pattern: Node
    negated: bool


@dataclass(frozen=True, slots=True)
class In(Node):
    """``operand [not] in (option, …)``."""

    operand: Node
    options: tuple[Node, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Between(Node):
    """``operand [not] between low and high``, both ends included."""

    operand: Node
    low: Node
    high: Node
    negated: bool


@dataclass(frozen=True, slots=True)
class IsNull(Node):
    """``operand is [not] null``: nothing was recorded. A recorded NaN is not null."""

    operand: Node
    negated: bool


@dataclass(frozen=True, slots=True)
class Not(Node):
    """``not operand``."""

    operand: Node


@dataclass(frozen=True, slots=True)
class And(Node):
    """All of the operands hold."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    """One of the operands holds."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression and the text it came from, for errors that point."""

    text: str
    root: Node

    def source(self, node: Node) -> str:
        """What was typed for a node."""
        return self.text[node.start : node.end]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """One term of an order: a value and its direction."""

    value: Expression
    descending: bool


def names(expression: Expression) -> list[Name]:
    """Every name used, in the order of the text, repetitions included.

    >>> from mlops_lab.expressions import parse
    >>> [name.dotted for name in names(parse("best(auc) > params.floor and status = 'finished'"))]
    ['best(auc)', 'params.floor', 'status']
    """
    return list(_names(expression.root))


def _names(node: Node) -> Iterator[Name]:
    if isinstance(node, Name):
        yield node
    for child in node.children():
        yield from _names(child)
