"""The nearest word that exists, for errors about words that do not."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from mlops_lab.errors import InvalidInput
from mlops_lab.expressions.nodes import Name

__all__ = ["nearest", "quote_part", "unknown_name"]

_PLAIN = re.compile(r"[^\W\d]\w*")
_MOST_COMPARED = 2_000


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Give the known word that is most like a word, or None when none is like it.

    >>> nearest("experimnet", ["name", "experiment", "status"])
    'experiment'
    """
    folded: dict[str, str] = {}
    for one in known:
        folded.setdefault(one.lower(), one)
        if len(folded) >= _MOST_COMPARED:
            break
    found = difflib.get_close_matches(word.lower()[:200], folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def quote_part(word: str) -> str:
    """Write one word of a name, in backticks where it needs them.

    >>> quote_part("lr"), quote_part("val/loss")
    ('lr', '`val/loss`')
    """
    return word if _PLAIN.fullmatch(word) else f"`{word.replace('`', '``')}`"


def unknown_name(
    text: str, name: Name, known: Iterable[str], *, message: str | None = None
) -> InvalidInput:
    """Make the error for a name that does not exist, with the nearest one that does.

    Parameters
    ----------
    text
        The whole expression.
    name
        The unknown name.
    known
        Names as they would be typed, dots included.
    message
        What is wrong; default: that there is no such name, and some that there are.
    """
    words = list(known)
    guess = nearest(name.dotted, words)
    if message is None:
        shown = ", ".join(words[:12]) + (" …" if len(words) > 12 else "")
        message = f"There is no name {name.dotted}; there are {shown}."
    return InvalidInput.at(text, name.start, message, length=name.length, suggestion=guess)
