"""Markdown as HTML, without a single element or address that somebody else has written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.reports.html import clean, text

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["highest_heading", "render_markdown", "without_front"]

_LEADS_OUT: Final = re.compile(r"(?i)(https?://|mailto:)")
_PICTURE: Final = re.compile(r"(?i)data:image/(png|jpeg|gif|webp);base64,[a-z0-9+/=]+")


def render_markdown(
    source: str, *, below: int = 1, heading: Callable[[int, str], str] | None = None
) -> str:
    """Write Markdown as HTML: CommonMark with tables; HTML in it stands there as text.

    Parameters
    ----------
    source
        The Markdown.
    below
        The level of the heading above it: a ``#`` becomes one level less.
    heading
        Is told level and plain text of each heading, and gives its id.
    """
    parser = _parser()
    tokens = parser.parse(clean(source))
    for at, token in enumerate(tokens):
        if token.type in ("heading_open", "heading_close"):
            level = min(6, int(token.tag[1]) + below)
            token.tag = f"h{level}"
            if token.type == "heading_open" and heading is not None:
                token.attrSet("id", heading(level, _plain(tokens[at + 1])))
        if token.type == "th_open":
            token.attrSet("scope", "col")
        for child in token.children or ():
            _tame(child)
    return str(parser.renderer.render(tokens, parser.options, {}))


def highest_heading(source: str) -> int | None:
    """Give the level of the highest heading of a text, None without one.

    Examples
    --------
    >>> highest_heading("### b\\n\\n## a"), highest_heading("a")
    (2, None)
    """
    tokens = _parser().parse(clean(source))
    return min((int(one.tag[1]) for one in tokens if one.type == "heading_open"), default=None)


def without_front(source: str) -> str:
    """Leave out what a model card begins with: data for machines, between two lines of dashes."""
    return re.sub(r"\A---\n.*?\n---\n", "", source, count=1, flags=re.DOTALL)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "breaks": False})
    parser.enable(["table", "strikethrough"])
    parser.add_render_rule("image", _image)
    return parser


def _tame(token: Token) -> None:
    """Let a link lead out of the page or nowhere."""
    if token.type != "link_open":
        return
    if _LEADS_OUT.match(str(token.attrGet("href") or "")):
        token.attrSet("rel", "noopener noreferrer nofollow")
        token.attrSet("target", "_blank")
    else:
        # A file beside the notebook is not beside the report.
        token.attrs = {}


def _image(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    """Show a picture that is in the text itself; of any other say what it is."""
    token = tokens[at]
    source, words = str(token.attrGet("src") or ""), token.content
    if _PICTURE.fullmatch(source):
        return f'<img src="{text(source)}" alt="{text(words)}">'
    return f"<em>[picture: {text(words or source, 200)}]</em>"


def _plain(inline: Token) -> str:
    kinds = ("text", "code_inline", "text_special")
    return "".join(one.content for one in inline.children or () if one.type in kinds)
