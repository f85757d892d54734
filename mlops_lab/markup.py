"""Texts of other people in a line, in XML, in GitHub-flavoured Markdown: never but text."""

from __future__ import annotations

import re

__all__ = ["code", "fence_of", "printable", "printable_xml", "text"]

# XML 1.0 has no way to write these, not even escaped; a traceback may hold them, and a terminal
# that shows the file would obey them.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A line that begins so is no paragraph: headings, lists, quotes, rules.
_BLOCK = re.compile(r"^(?:[#>=]|[+-](?=[ +-]|$)|\d+(?=[.)](?: |$)))")
_LONGEST = 1_000
# These turn the writing of the whole line around, a table's other cells included.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def printable(value: str) -> str:
    """A text as one line that commands no terminal and does not turn its direction around.

    >>> printable("64.8\\xa0°F\\n\\x1b[31m\\u202e")
    '64.8 °F \ufffd[31m\ufffd'
    """
    return "".join(
        c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in value
    )


def printable_xml(value: str) -> str:
    """A text without the characters that XML 1.0 cannot hold.

    >>> printable_xml("red: \\x1b[31m")
    'red: \ufffd[31m'
    """
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", value)


def text(value: str) -> str:
    """A text in Markdown: no markup, no cell border, no HTML; one line of 1,000 characters at most.

    >>> text("<b>*a*|b"), text("1. a"), text("# a")
    ('&lt;b>\\\\*a\\\\*\\\\|b', '1\\\\. a', '\\\\# a')
    """
    flat = _flat(value)
    flat = flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"
    escaped = re.sub(r"([\\`*_\[\]|~])", r"\\\1", flat.replace("&", "&amp;").replace("<", "&lt;"))
    opens = _BLOCK.match(escaped)
    if not opens:
        return escaped
    # Of a number it is the dot that makes it a list.
    place = opens.end() if opens[0].isdigit() else 0
    return f"{escaped[:place]}\\{escaped[place:]}"


def code(value: str) -> str:
    """A text as code in Markdown, whatever backticks it holds.

    >>> code("a|`b`")
    '`` a\\\\|`b` ``'
    """
    flat = _flat(value).replace("|", "\\|")
    fence = "`" * (_longest_fence(flat) + 1)
    pad = " " if "`" in flat else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def fence_of(value: str) -> str:
    """What can stand around a block of a text.

    >>> fence_of("plain"), fence_of("a ```` b")
    ('```', '`````')
    """
    return "`" * max(3, _longest_fence(value) + 1)


def _flat(value: str) -> str:
    shown = _TURNING.sub("\N{REPLACEMENT CHARACTER}", printable_xml(value))
    return " ".join(shown.split())


def _longest_fence(value: str) -> int:
    return max((len(run) for run in re.findall(r"`+", value)), default=0)
