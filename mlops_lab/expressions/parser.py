"""Tokens to a tree, by operator precedence.

or < and < not < comparison (non-associative) < + and - < * and / < unary minus.
"""

from __future__ import annotations

from typing import cast

from mlops_lab.errors import InvalidInput
from mlops_lab.expressions.lexer import Token, tokenize
from mlops_lab.expressions.nodes import (
    AGGREGATES,
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
    OrderTerm,
    Text,
)
from mlops_lab.expressions.suggest import nearest

__all__ = ["MAX_DEPTH", "MAX_OPERATIONS", "parse_order_terms", "parse_tree"]

MAX_DEPTH = 50
"""Deepest nesting of parentheses, ``not`` and minus signs."""

MAX_OPERATIONS = 100
"""Most ``+ - * /`` in one expression: each makes the tree one deeper."""

_OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _UNARY = range(1, 8)
_ARITHMETIC = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}
_COMPARATORS = frozenset(("=", "!=", "<", "<=", ">", ">="))


def parse_tree(text: str) -> Expression:
    """Read a whole text as one expression, a condition or a value.

    Raises
    ------
    InvalidInput
        With position, length and, where there is one, a suggestion.
    """
    reader = _Reader(text)
    root = reader.expression(_OR)
    reader.finish()
    return Expression(text, root)


def parse_order_terms(text: str) -> tuple[OrderTerm, ...]:
    """Read ``value [asc|desc], …``.

    Raises
    ------
    InvalidInput
        With position, length and, where there is one, a suggestion.
    """
    reader = _Reader(text)
    terms: list[OrderTerm] = []
    while True:
        value = Expression(text, reader.expression(_SUM))
        direction = reader.take_keyword("asc", "desc")
        terms.append(OrderTerm(value, direction == "desc"))
        if not reader.take_symbol(","):
            break
    reader.finish_order()
    return tuple(terms)


class _Reader:
    """A cursor over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._at = 0
        self._depth = 0
        self._operations = 0

    # -- tokens ---------------------------------------------------------------------------------
    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _advance(self) -> Token:
        token = self._token
        self._at += 1
        return token

    def _is_keyword(self, *words: str) -> bool:
        return self._token.kind == "keyword" and self._token.text in words

    def take_keyword(self, *words: str) -> str | None:
        """Pass one of these keywords, if it stands here."""
        return self._advance().text if self._is_keyword(*words) else None

    def take_symbol(self, symbol: str) -> bool:
        """Pass this symbol, if it stands here."""
        if self._token.kind == "symbol" and self._token.text == symbol:
            self._at += 1
            return True
        return False

    def _expect_symbol(self, symbol: str, why: str) -> Token:
        token = self._token
        if not self.take_symbol(symbol):
            raise self._wrong(token, why)
        return token

    def _wrong(self, token: Token, message: str, suggestion: str | None = None) -> InvalidInput:
        return InvalidInput.at(
            self._text,
            token.start,
            message,
            length=max(1, token.end - token.start),
            suggestion=suggestion,
        )

    def finish_order(self) -> None:
        """Check that nothing is left of an order."""
        token = self._token
        if token.kind == "name":
            raise self._wrong(
                token,
                "After a value of an order stands asc, desc or a comma.",
                nearest(".".join(token.parts), ("asc", "desc")),
            )
        self.finish()

    def finish(self) -> None:
        """Check that nothing is left."""
        token = self._token
        if token.kind == "end":
            return
        if token.kind == "symbol" and token.text == ")":
            raise self._wrong(token, "This parenthesis was never opened.")
        if token.kind == "keyword" and token.text in ("asc", "desc"):
            raise self._wrong(token, f"{token.text} belongs into an order, not into a condition.")
        raise self._wrong(
            token, "The expression ended before this; conditions are joined by and or or."
        )

    # -- grammar --------------------------------------------------------------------------------
    def expression(self, power: int) -> Node:
        """Read an expression whose operators bind at least as strongly as ``power``."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong(self._token, f"Nested more than {MAX_DEPTH} deep.")
        left = self._prefix(power)
        while (extended := self._infix(left, power)) is not None:
            left = extended
        self._depth -= 1
        return left

    def _prefix(self, power: int) -> Node:
        token = self._token
        if self._is_keyword("not"):
            if power > _NOT:
                raise self._wrong(token, "A value is needed here, and not makes a condition.")
            self._advance()
            operand = self.expression(_NOT)
            return Not(token.start, operand.end, operand)
        if self.take_symbol("-"):
            operand = self.expression(_UNARY)
            return Negate(token.start, operand.end, operand)
        if self.take_symbol("("):
            inside = self.expression(_OR)
            self._expect_symbol(")", "A closing parenthesis is missing here.")
            return inside
        return self._primary()

    def _primary(self) -> Node:
        token = self._advance()
        match token.kind:
            case "number":
                return Number(token.start, token.end, token.number)
            case "duration":
                return Duration(token.start, token.end, token.number)
            case "text":
                return Text(token.start, token.end, token.text)
            case "name":
                self._refuse_unknown_function(token)
                return Name(token.start, token.end, token.parts)
            case "call":
                return Name(token.start, token.end, token.parts, token.text)
            case "keyword" if token.text == "now":
                return Now(token.start, token.end)
            case "end" if self._at == 1:
                raise self._wrong(token, "The expression is empty.")
            case "end":
                raise self._wrong(token, "The expression ends where a value is needed.")
            case "keyword":
                raise self._wrong(
                    token,
                    f"A value is needed here, and {token.text} is a word of the language; "
                    f"a name like that stands in backticks: `{token.text}`.",
                )
            case _:
                raise self._wrong(token, f"A value is needed here, not {token.text}")

    def _refuse_unknown_function(self, token: Token) -> None:
        following = self._token
        if following.kind != "symbol" or following.text != "(":
            return
        word = ".".join(token.parts)
        known = nearest(word, AGGREGATES)
        if known is not None:
            closing = self._text.find(")", following.end)
            metric = self._text[following.end : closing].strip() if closing > 0 else "auc"
            known = f"{known}({metric})"
        raise self._wrong(
            token, f"There is no function {word}; there are {', '.join(AGGREGATES)}.", known
        )

    def _infix(self, left: Node, power: int) -> Node | None:
        """Extend ``left`` by the operator that stands here, or return None if none does."""
        token = self._token
        if token.kind == "symbol":
            if token.text in _ARITHMETIC:
                return self._arithmetic(left, token, power)
            if token.text in _COMPARATORS and power <= _COMPARISON:
                self._advance()
                right = self.expression(_SUM)
                op = cast(Comparator, token.text)
                return self._single(Compare(left.start, right.end, op, left, right))
            return None
        if token.kind != "keyword":
            return None
        if token.text == "and" and power <= _AND:
            operands = self._chain(left, "and", _NOT)
            return And(left.start, operands[-1].end, operands)
        if token.text == "or" and power <= _OR:
            operands = self._chain(left, "or", _AND)
            return Or(left.start, operands[-1].end, operands)
        if token.text in ("not", "like", "in", "between", "is") and power <= _COMPARISON:
            return self._single(self._worded(left))
        return None

    def _arithmetic(self, left: Node, token: Token, power: int) -> Node | None:
        strength = _ARITHMETIC[token.text]
        if strength < power:
            return None
        self._operations += 1
        if self._operations > MAX_OPERATIONS:
            raise self._wrong(token, f"More than {MAX_OPERATIONS} arithmetic operations.")
        self._advance()
        right = self.expression(strength + 1)
        return Arithmetic(left.start, right.end, cast(Operator, token.text), left, right)

    def _chain(self, first: Node, word: str, power: int) -> tuple[Node, ...]:
        operands = [first]
        while self.take_keyword(word):
            operands.append(self.expression(power))
        return tuple(operands)

    def _worded(self, left: Node) -> Node:
        """Read what follows an operand: ``[not] like``, ``in``, ``between``, ``is [not] null``."""
        if self.take_keyword("is"):
            negated = self.take_keyword("not") is not None
            last = self._token
            if not self.take_keyword("null"):
                raise self._wrong(last, "After is stands null or not null; equality is =.")
            return IsNull(left.start, last.end, left, negated)
        negated = self.take_keyword("not") is not None
        if self.take_keyword("like"):
            pattern = self.expression(_SUM)
            return Like(left.start, pattern.end, left, pattern, negated)
        if self.take_keyword("between"):
            low = self.expression(_SUM)
            if not self.take_keyword("and"):
                raise self._wrong(self._token, "between needs two ends: between 1 and 2.")
            high = self.expression(_SUM)
            return Between(left.start, high.end, left, low, high, negated)
        if self.take_keyword("in"):
            self._expect_symbol("(", "After in stands a list in parentheses: in ('a', 'b').")
            options = [self.expression(_SUM)]
            while self.take_symbol(","):
                options.append(self.expression(_SUM))
            closing = self._expect_symbol(")", "The list needs a comma or a closing parenthesis.")
            return In(left.start, closing.end, left, tuple(options), negated)
        raise self._wrong(self._token, "After not stands like, in or between here.")

    def _single(self, comparison: Node) -> Node:
        """Refuse a second comparison right after one: ``a < b < c`` says nothing here."""
        token = self._token
        again = (token.kind == "symbol" and token.text in _COMPARATORS) or self._is_keyword(
            "not", "like", "in", "between", "is"
        )
        if again:
            raise self._wrong(
                token, "Comparisons cannot be chained; write a < b and b < c, or between."
            )
        return comparison
