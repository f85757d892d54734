"""Comparisons as sentences that hold both numbers: "auc 0.745 is at least 0.60"."""

from __future__ import annotations

import math

from mlops_lab.expressions import Compared, Given, Loose
from mlops_lab.expressions.nodes import Arithmetic, Compare, Name, Negate, Node, Number, Text
from mlops_lab.orchestration.gates.facts import GateFacts, is_number, subject_of

__all__ = ["phrase", "shown"]

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
_SIGNS = {"-": "\N{MINUS SIGN}", "*": "\N{MULTIPLICATION SIGN}", "+": "+", "/": "/"}


def phrase(compared: Compared, node: Compare, facts: GateFacts) -> str:
    """One comparison in words, with the values that it had."""
    sides: list[tuple[Node, str, Given]] = [
        (node.left, compared.left_text, compared.left),
        (node.right, compared.right_text, compared.right),
    ]
    operator = compared.op
    fixed = isinstance(node.left, Number) and not isinstance(node.right, Number)
    if fixed or (_of_champion(node.left) and _of_challenger(node.right)):
        # "0.6 <= auc" reads better from the metric's side, and a fight from the challenger's.
        sides.reverse()
        operator = _FLIPPED[operator]
    (left, left_text, a), (right, right_text, b) = sides
    digits = _digits(a, b)
    if any(isinstance(value, float) and math.isnan(value) for value in (a, b)):
        words = "cannot be compared with"
    else:
        words = _WORDS[operator, compared.holds]
    said = _metric(left)
    return (
        f"{_side(left, left_text, a, digits, facts)} {words} "
        f"{_side(right, right_text, b, digits, facts, said=said)}"
    )


def shown(value: Given, digits: int = 3) -> str:
    """A value with as many significant digits as are needed."""
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


def _side(
    node: Node, text: str, value: Given, digits: int, facts: GateFacts, *, said: str | None = None
) -> str:
    """One side; a champion's metric that was ``said`` on the other side needs no name again."""
    if isinstance(node, Number | Text):
        return text
    if isinstance(node, Negate) and isinstance(node.operand, Number):
        return text
    if isinstance(node, Name) and not subject_of(node).champion:
        return f"{_label(node)} {shown(value, digits)}"
    if _of_champion(node):
        return _spelt(node, digits, facts, said)
    return f"{shown(value, digits)} ({text})"


def _spelt(node: Node, digits: int, facts: GateFacts, said: str | None) -> str:
    """A side that speaks of the champion, term by term: ``champion 2's 0.701 − 0.005``."""
    match node:
        case Name():
            value = shown(facts.get(node), digits)
            if not subject_of(node).champion:
                return f"{_label(node)} {value}"
            who = facts.champion.label if facts.champion else "champion"
            metric = "" if _metric(node) == said else f"{_label(node)} "
            return f"{who}'s {metric}{value}"
        case Number():
            return shown(node.value, 15)
        case Negate():
            return f"\N{MINUS SIGN}{_spelt(node.operand, digits, facts, said)}"
        case Arithmetic():
            terms = [
                f"({_spelt(one, digits, facts, said)})"
                if isinstance(one, Arithmetic) and node.op in "*/"
                else _spelt(one, digits, facts, said)
                for one in (node.left, node.right)
            ]
            return f"{terms[0]} {_SIGNS[node.op]} {terms[1]}"
    raise AssertionError(f"{type(node).__name__} stands in no sum")


def _of_champion(node: Node) -> bool:
    if isinstance(node, Name):
        return subject_of(node).champion
    return any(_of_champion(child) for child in node.children())


def _of_challenger(node: Node) -> bool:
    if isinstance(node, Name):
        return not subject_of(node).champion
    parts = node.children()
    return any(_of_challenger(part) for part in parts) and not any(map(_of_champion, parts))


def _metric(node: Node) -> str | None:
    return _label(node) if isinstance(node, Name) else None


def _label(name: Name) -> str:
    word = subject_of(name).word
    return f"{name.function} {word}" if name.function else word


def _digits(left: Given, right: Given) -> int:
    """How many significant digits tell two different numbers apart, at least 3."""
    if not is_number(left) or not is_number(right) or left == right:
        return 3
    for digits in range(3, 17):
        if f"{left:.{digits}g}" != f"{right:.{digits}g}":
            # 0.5999 against 0.60 at three digits would read "0.6 is below 0.60".
            return digits
    return 17
