"""``- metric: evaluate.auc >= champion.evaluate.auc - 0.005``: a comparison of numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mlops_lab.errors import InvalidInput
from mlops_lab.expressions import Expression, Name, evaluate, explain, names
from mlops_lab.expressions.nodes import And, Compare, IsNull, Node
from mlops_lab.orchestration.gates.facts import GateFacts, subject_of
from mlops_lab.orchestration.gates.kind import GateKind, Ruling
from mlops_lab.orchestration.gates.phrases import phrase, shown

if TYPE_CHECKING:
    from mlops_lab.document import Place
    from mlops_lab.orchestration.gates.checking import GateChecker

__all__ = ["KIND"]


class MetricGate(GateKind):
    """Compares metrics, sizes and params, and the champion's metrics with the new model's."""

    name = "metric"
    shape = Annotated[str, Field(min_length=1)]
    about = (
        "A comparison of step.metric, champion.step.metric and params.name: "
        "evaluate.auc >= params.min_auc"
    )
    example = "a comparison, such as evaluate.auc >= 0.6"

    def text(self, value: Any) -> str:
        """The expression."""
        return str(value)

    def check(self, value: Any, place: Place, checker: GateChecker) -> Expression | None:
        """Parse it, and find every name in the pipeline."""
        return checker.expression(place, value)

    def decide(self, rule: Any, facts: GateFacts) -> Ruling:
        """Compare.

        A metric that was not logged, or is NaN, rejects, whatever the expression makes of missing
        values: a gate is there to be met, and a misspelt name must not open it.
        """
        expression: Expression = rule
        asked = [name for name in names(expression) if subject_of(name).champion]
        champion = facts.champion
        if not asked or champion is None:
            return _compare(expression, facts)
        if champion.refused is not None:
            return Ruling("rejected", champion.refused)
        if champion.version is None:
            return _unopposed(expression, facts)
        ruling = _compare(expression, facts)
        fair = f"{ruling.sentence} (same step, same inputs)"
        return Ruling(ruling.state, fair, ruling.left, ruling.right)


KIND = MetricGate()


def _compare(expression: Expression, facts: GateFacts) -> Ruling:
    optional = _asked_for_null(expression.root)
    missing = _missing(expression, facts)
    if missing is not None:
        return missing
    try:
        holds = evaluate(expression, facts.get)
        compared = explain(expression, facts.get)
    except InvalidInput as error:
        return _rejected(str(error.details.get("reason", error)))
    for name in names(expression):
        if holds and _is_nan(name, facts) and _key(name) not in optional:
            # Such as `not loss > 0.5`: the comparison is false, and a NaN must not open a gate.
            return _rejected(f"{name.dotted} is NaN")
    phrases = [
        phrase(one, node, facts)
        for one, node in zip(compared, _comparisons(expression.root), strict=True)
        # Of several conditions, what failed is what a person wants to read.
        if holds or not one.holds or not isinstance(expression.root, And)
    ]
    if not phrases:
        values = ", ".join(f"{name.dotted} {shown(facts.get(name))}" for name in names(expression))
        phrases = [f"{expression.text} {'holds' if holds else 'does not hold'}: {values}"]
    left: float | None = None
    right: float | None = None
    if isinstance(expression.root, Compare):
        left, right = _number(compared[0].left), _number(compared[0].right)
    sentence = "; ".join(phrases).rstrip(".")
    return Ruling("passed" if holds else "rejected", sentence, left, right)


def _unopposed(expression: Expression, facts: GateFacts) -> Ruling:
    """Without a champion its comparisons hold; what does not speak of it must hold all the same."""
    for part in _parts(expression):
        if not any(subject_of(name).champion for name in names(part)):
            ruling = _compare(part, facts)
            if ruling.state == "rejected":
                return ruling
    missing = _missing(expression, facts)
    if missing is not None:
        return missing
    own = {name.dotted: name for name in names(expression) if _is_metric(name)}
    for name in own.values():
        if _is_nan(name, facts):
            return _rejected(f"{name.dotted} is NaN")
    said = [f"{subject_of(name).word} {shown(facts.get(name))}" for name in own.values()]
    champion = facts.champion
    nobody = f"{champion.model} has no {champion.alias} yet" if champion else "no champion yet"
    told = ", ".join(said)
    return Ruling("passed", f"{told}: {nobody} to compare with" if told else f"{nobody}")


def _parts(expression: Expression) -> list[Expression]:
    root = expression.root
    nodes = root.operands if isinstance(root, And) else (root,)
    return [Expression(expression.text, node) for node in nodes]


def _missing(expression: Expression, facts: GateFacts) -> Ruling | None:
    """The rejection for a name without a value; of a champion that is not there nobody asks."""
    optional = _asked_for_null(expression.root)
    nobody = facts.champion is not None and facts.champion.version is None
    for name in names(expression):
        if facts.get(name) is None and _key(name) not in optional:
            if nobody and subject_of(name).champion:
                continue
            return _rejected(facts.missing(name))
    return None


def _rejected(sentence: str) -> Ruling:
    return Ruling("rejected", sentence.rstrip("."))


def _is_metric(name: Name) -> bool:
    subject = subject_of(name)
    return not subject.champion and subject.owner != "params"


def _is_nan(name: Name, facts: GateFacts) -> bool:
    value = facts.get(name)
    return isinstance(value, float) and math.isnan(value)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, float | int) else None


def _key(name: Name) -> tuple[str | None, tuple[str, ...]]:
    return (name.function, name.parts)


def _comparisons(node: Node) -> list[Compare]:
    """The comparisons in the order in which ``explain`` gives them."""
    if isinstance(node, Compare):
        return [node]
    return [found for child in node.children() for found in _comparisons(child)]


def _asked_for_null(node: Node) -> set[tuple[str | None, tuple[str, ...]]]:
    """The names of which the gate itself asks whether they are missing."""
    if isinstance(node, IsNull):
        return {_key(node.operand)} if isinstance(node.operand, Name) else set()
    return {found for child in node.children() for found in _asked_for_null(child)}
