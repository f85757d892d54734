"""Text as HTML that cannot be anything but text, and HTML of our own as a type of its own."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html import escape
from typing import Any, Final

__all__ = ["Html", "clean", "data_url", "json_text", "text"]

# What HTML cannot hold, and marks that turn the direction of what follows around.
_UNWANTED: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]"
)


@dataclass(frozen=True, slots=True)
class Html:
    """HTML that we have written ourselves: every value in it is escaped already.

    Parameters
    ----------
    markup
        The HTML.
    order
        What a column of a table is sorted by, where it is not the visible text.
    """

    markup: str
    order: float | str | None = None


def clean(value: object) -> str:
    """Give a value's text without control characters and without what no file can hold.

    Examples
    --------
    >>> clean("a\\x00b"), clean("\\ud800")
    ('a�b', '?')
    """
    whole = str(value).encode("utf-8", "replace").decode()
    return _UNWANTED.sub("\ufffd", whole)


def text(value: object, limit: int | None = None) -> str:
    """Escape a value's text for an element or an attribute; a longer one is cut.

    Examples
    --------
    >>> text("<b>&'"), text("abcdef", 4)
    ('&lt;b&gt;&amp;&#x27;', 'abc…')
    """
    whole = clean(value)
    return escape(whole if limit is None or len(whole) <= limit else f"{whole[: limit - 1]}…")


def json_text(value: Any) -> str:
    """Write JSON that can stand in a script element: no ``<`` in it begins anything.

    Examples
    --------
    >>> json_text({"a": "</script>"})
    '{"a":"\\\\u003c/script>"}'
    """
    written = json.dumps(value, separators=(",", ":"), allow_nan=False, default=str)
    return written.replace("<", "\\u003c")


def data_url(data: bytes, media: str) -> str:
    """Give bytes as an address that needs no network."""
    import base64

    return f"data:{media};base64,{base64.b64encode(data).decode('ascii')}"
