"""One small language for searches, gates and monitors: parsed once, computed in SQL or by value.

>>> expression = parse("best(auc) > 0.7 and params.model in ('gbm', 'rf')")
>>> [name.dotted for name in names(expression)]
['best(auc)', 'params.model']

A comparison with a missing value is false, and so ``not (…)`` of it is true. NaN compares like a
missing value, though it is not null.
"""

from __future__ import annotations

from mlops_lab.expressions.meaning import (
    Kind,
    KindOf,
)
from mlops_lab.expressions.nodes import AGGREGATES, Expression, Name, OrderTerm, names
from mlops_lab.expressions.parser import parse_order_terms, parse_tree
from mlops_lab.expressions.plan import (
    plan_condition,
    plan_value,
)
from mlops_lab.expressions.sql import Parameters, SortKey, SqlNames, order_to_sql, to_sql
from mlops_lab.expressions.suggest import nearest, quote_part, unknown_name
from mlops_lab.expressions.values import (
    Compared,
    Given,
    Lookup,
    Loose,
    calculate,
    evaluate,
    explain,
    number_of,
)

__all__ = [
    "AGGREGATES",
    "Compared",
    "Expression",
    "Given",
    "Kind",
    "KindOf",
    "Lookup",
    "Loose",
    "Name",
    "OrderTerm",
    "Parameters",
    "SortKey",
    "SqlNames",
    "calculate",
    "evaluate",
    "explain",
    "names",
    "nearest",
    "number_of",
    "order_to_sql",
    "parse",
    "parse_order",
    "parse_value",
    "quote_part",
    "to_sql",
    "unknown_name",
]


def parse(text: str) -> Expression:
    """Read a condition.

    What is wrong whatever the names mean is found here: syntax, and kinds of literals that do not
    fit together. What names mean is checked by the back ends.

    Raises
    ------
    InvalidInput
        With ``position``, ``length`` and ``suggestion`` in its details.
    """
    expression = parse_tree(text)
    plan_condition(expression, _anything)
    return expression


def parse_value(text: str) -> Expression:
    """Read a value, such as ``best(auc) - 0.05``.

    Raises
    ------
    InvalidInput
        With ``position``, ``length`` and ``suggestion`` in its details.
    """
    expression = parse_tree(text)
    plan_value(expression, _anything)
    return expression


def parse_order(text: str) -> tuple[OrderTerm, ...]:
    """Read an order, such as ``best(auc) desc, started``.

    Raises
    ------
    InvalidInput
        With ``position``, ``length`` and ``suggestion`` in its details.
    """
    terms = parse_order_terms(text)
    for term in terms:
        plan_value(term.value, _anything)
    return terms


def _anything(name: Name) -> Kind:
    return Kind.UNKNOWN
