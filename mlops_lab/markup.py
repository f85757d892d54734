"""Texts of other people in XML and in GitHub-flavoured Markdown: never anything but text."""

from __future__ import annotations

import re

__all__ = ["code", "fence_of", "printable_xml", "text"]

# XML 1.0 has no way to write these, not even escaped; a traceback may hold them, and a terminal
# that shows the file would obey them.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable_xml(value: str) -> str:
    """A text without the characters that XML 1.0 cannot hold.

    >>> printable_xml("red: \\x1b[31m")
    'red: \ufffd[31m'
    """
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", value)


def text(value: str) -> str:
    """A text in Markdown: no markup, no cell border, no HTML, one line.

    >>> text("<b>*a*|b")
    '&lt;b>\\\\*a\\\\*\\\\|b'
    """
    flat = " ".join(printable_xml(value).split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", flat)


def code(value: str) -> str:
    """A text as code in Markdown, whatever backticks it holds.

    >>> code("a|`b`")
    '`` a\\\\|`b` ``'
    """
    flat = " ".join(printable_xml(value).split()).replace("|", "\\|")
    fence = "`" * (_longest_fence(flat) + 1)
    pad = " " if "`" in flat else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def fence_of(value: str) -> str:
    """What can stand around a block of a text.

    >>> fence_of("plain"), fence_of("a ```` b")
    ('```', '`````')
    """
    return "`" * max(3, _longest_fence(value) + 1)


def _longest_fence(value: str) -> int:
    return max((len(run) for run in re.findall(r"`+", value)), default=0)
