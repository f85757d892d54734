"""Gates: conditions on finished steps, each decided with a sentence that holds the numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_lab.errors import InvalidInput
from mlops_lab.expressions import (
    Compared,
    Given,
    Loose,
    Name,
    evaluate,
    explain,
    names,
    nearest,
)
from mlops_lab.expressions.nodes import And, Compare, IsNull, Node, Number, Text
from mlops_lab.orchestration.check import metric_of
from mlops_lab.orchestration.results import GateRecord
from mlops_lab.orchestration.spec import Gate
from mlops_lab.tracking.records import MetricSummary

__all__ = ["GateFacts", "decide"]


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What gates may speak of.

    Parameters
    ----------
    params
        The pipeline's params.
    metrics
        By step, then by key.
    sizes
        Size of each output in bytes, by step, then by output.
    """

    params: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, MetricSummary]]
    sizes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def get(self, name: Name) -> Given:
        """The value of a name in a gate, or None when it is missing."""
        first, rest = metric_of(name)
        if first == "params":
            value = self.params.get(rest[0])
            return value if isinstance(value, str) or _is_number(value) else Loose.of(value)
        summary = self.metrics.get(first, {}).get(".".join(rest))
        if summary is not None:
            number = getattr(summary, name.function or "last")
            return None if number is None else float(number)
        if len(rest) == 2 and rest[1] == "size_bytes" and name.function is None:
            size = self.sizes.get(first, {}).get(rest[0])
            return None if size is None else float(size)
        return None

    def missing(self, name: Name) -> str:
        """Why a name has no value, as a sentence with the nearest one that has."""
        first, rest = metric_of(name)
        word = ".".join(rest)
        if first == "params":
            return f"param {word} is null"
        known = list(self.metrics.get(first, ()))
        near = nearest(word, known)
        if near:
            return f"step {first} logged no metric {word}; the nearest is {near}"
        has = f"it logged {', '.join(sorted(known)[:8])}" if known else "it logged no metrics"
        return f"step {first} logged no metric {word}; {has}"


def decide(gate: Gate, facts: GateFacts) -> GateRecord:
    """Say whether a gate passes.

    A metric that was not logged, or is NaN, rejects, whatever the expression makes of missing
    values: a gate is there to be met, and a misspelt name must not open it.
    """
    expression = gate.expression
    optional = {(name.function, name.parts) for name in _asked_for_null(expression.root)}
    for name in names(expression):
        if facts.get(name) is None and (name.function, name.parts) not in optional:
            return _record(gate, False, _sentence(facts.missing(name)), None, None)
    try:
        holds = evaluate(expression, facts.get)
        compared = explain(expression, facts.get)
    except InvalidInput as error:
        return _record(gate, False, _sentence(str(error.details.get("reason", error))), None, None)
    for name in names(expression):
        value = facts.get(name)
        undefined = isinstance(value, float) and math.isnan(value)
        if holds and undefined and (name.function, name.parts) not in optional:
            # Such as `not loss > 0.5`: the comparison is false, and a NaN must not open a gate.
            return _record(gate, False, f"{name.dotted} is NaN", None, None)
    phrases = [
        _phrase(one, node)
        for one, node in zip(compared, _comparisons(expression.root), strict=True)
        # Of several conditions, what failed is what a person wants to read.
        if holds or not one.holds or not isinstance(expression.root, And)
    ]
    if not phrases:
        values = ", ".join(f"{name.dotted} {_shown(facts.get(name))}" for name in names(expression))
        phrases = [f"{expression.text} {'holds' if holds else 'does not hold'}: {values}"]
    numbers: tuple[float | None, float | None] = (None, None)
    if isinstance(expression.root, Compare):
        numbers = (_number(compared[0].left), _number(compared[0].right))
    return _record(gate, holds, _sentence("; ".join(phrases)), *numbers)


def _record(
    gate: Gate, holds: bool, sentence: str, left: float | None, right: float | None
) -> GateRecord:
    state = "passed" if holds else "rejected"
    return GateRecord(gate.index, gate.kind, gate.text, state, sentence, left, right)


def _sentence(text: str) -> str:
    return text.rstrip(".")


_WORDS = {
    (">=", True): "is at least",
    (">=", False): "is below",
    (">", True): "is above",
    (">", False): "is not above",
    ("<=", True): "is at most",
    ("<=", False): "is above",
    ("<", True): "is below",
    ("<", False): "is not below",
    ("=", True): "equals",
    ("=", False): "does not equal",
    ("!=", True): "differs from",
    ("!=", False): "does not differ from",
}
_FLIPPED = {">=": "<=", ">": "<", "<=": ">=", "<": ">", "=": "=", "!=": "!="}


def _phrase(compared: Compared, node: Compare) -> str:
    sides: list[tuple[Node, str, Given]] = [
        (node.left, compared.left_text, compared.left),
        (node.right, compared.right_text, compared.right),
    ]
    operator = compared.op
    if isinstance(node.left, Number) and not isinstance(node.right, Number):
        # "0.6 <= auc" reads better from the metric's side.
        sides.reverse()
        operator = _FLIPPED[operator]
    (left, left_text, a), (right, right_text, b) = sides
    digits = _digits(a, b)
    if any(isinstance(value, float) and math.isnan(value) for value in (a, b)):
        words = "cannot be compared with"
    else:
        words = _WORDS[operator, compared.holds]
    return f"{_side(left, left_text, a, digits)} {words} {_side(right, right_text, b, digits)}"


def _side(node: Node, text: str, value: Given, digits: int) -> str:
    if isinstance(node, Number | Text):
        return text
    if isinstance(node, Name):
        _, rest = metric_of(node)
        label = ".".join(rest)
        label = f"{node.function} {label}" if node.function else label
        return f"{label} {_shown(value, digits)}"
    return f"{_shown(value, digits)} ({text})"


def _digits(left: Given, right: Given) -> int:
    """How many significant digits tell two different numbers apart, at least 3."""
    if not _is_number(left) or not _is_number(right) or left == right:
        return 3
    for digits in range(3, 17):
        if f"{left:.{digits}g}" != f"{right:.{digits}g}":
            # 0.5999 against 0.60 at three digits would read "0.6 is below 0.60".
            return digits
    return 17


def _shown(value: Given, digits: int = 3) -> str:
    if isinstance(value, float | int) and not isinstance(value, bool):
        number = float(value)
        if not math.isfinite(number):
            return "NaN" if math.isnan(number) else ("infinity" if number > 0 else "-infinity")
        if number == int(number) and abs(number) < 1e15:
            return f"{int(number):,}" if abs(number) >= 10_000 else str(int(number))
        if abs(number) >= 1000:
            return f"{number:,.{max(1, digits - 3)}f}"
        return f"{number:.{digits}g}"
    if isinstance(value, Loose):
        return value.text
    return "nothing" if value is None else str(value)


def _number(value: Given) -> float | None:
    return float(value) if isinstance(value, float | int) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _comparisons(node: Node) -> list[Compare]:
    """The comparisons in the order in which ``explain`` gives them."""
    if isinstance(node, Compare):
        return [node]
    return [found for child in node.children() for found in _comparisons(child)]


def _asked_for_null(node: Node) -> list[Name]:
    if isinstance(node, IsNull):
        return [node.operand] if isinstance(node.operand, Name) else []
    return [found for child in node.children() for found in _asked_for_null(child)]
