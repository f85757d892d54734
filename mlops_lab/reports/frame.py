"""Pages of strangers, shown where they can do nothing: in a sandbox, without their scripts.

A frame inherits the report's policy, which allows no script but those whose hashes it names; the
frame's own policy says so again. Of ours there is one in it, which tells the report its height.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from mlops_lab.reports.code import digest
from mlops_lab.reports.html import clean, text

__all__ = ["FRAME_SCRIPT", "NO_LOOKUPS", "frame_element", "is_drawn_by_scripts"]

FRAME_SCRIPT: Final = (
    '"use strict";const tell=()=>parent.postMessage({mlopsLabHeight:Math.max('
    "document.documentElement.getBoundingClientRect().height,document.body.scrollHeight)},'*');"
    "new ResizeObserver(tell).observe(document.body);addEventListener('message',tell);"
)

_POLICY: Final = (
    f"default-src 'none'; script-src {digest(FRAME_SCRIPT)}; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; form-action 'none'; base-uri 'none'"
)
# A part of a page takes the report's light and dark; a whole page was made for white paper.
_PART: Final = (
    ":root{color-scheme:light dark;print-color-adjust:exact}"
    "body{margin:0;font:12px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}"
    # Smaller as the paper is narrower: its height was taken from the screen.
    "@media print{:root{color-scheme:light}body{font-size:10px}}"
    "table{border-collapse:collapse}th,td{padding:2px 10px 2px 0;text-align:right}"
    "img,svg{max-width:100%;height:auto}"
)
# A policy does not keep a page from looking up names: what could ask for it becomes an element that
# does nothing, as does what would lead to another page; nothing is cut out, lest the rest join up.
_DEAF: Final = re.compile(r"(?i)<(?:link|meta|base)(?=[\s/>])")
NO_LOOKUPS: Final = '<meta http-equiv="x-dns-prefetch-control" content="off">'
_PAGE: Final = ":root{color-scheme:light;background:#fff;color:#000}"


class _Seen(HTMLParser):
    """Whether a page has scripts, and anything to see without them."""

    scripts = False
    shows = False
    _inside = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.scripts |= tag == "script"
        self.shows |= tag in ("img", "svg", "hr", "video", "audio", "input", "button")
        self._inside = tag if tag in ("script", "style", "title") else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        self.shows |= not self._inside and data.strip() != ""


def is_drawn_by_scripts(source: str) -> bool:
    """Whether a page stays empty where its scripts do not run, as those of Plotly and Bokeh do.

    Examples
    --------
    >>> is_drawn_by_scripts("<div id=a></div><script>draw()</script>")
    True
    >>> is_drawn_by_scripts("<b>3</b><script>x</script>"), is_drawn_by_scripts("")
    (False, False)
    """
    seen = _Seen()
    seen.feed(source)
    return seen.scripts and not seen.shows


def frame_element(source: str, title: str, *, page: bool = False) -> str:
    """Put HTML into a frame without our origin, without network, without its own scripts.

    Parameters
    ----------
    source
        The HTML, whoever wrote it.
    title
        What it is, for those who cannot see it.
    page
        Whether it is a whole page with a look of its own, not a part that takes the report's.
    """
    # What stands before the first element is ignored further down; the policy must come first.
    body = re.sub(r"\A\s*<\?xml[^>]*\?>", "", clean(source))
    body = _DEAF.sub("<wbr", body)
    document = (
        '<!doctype html><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">{NO_LOOKUPS}'
        f"<style>{_PAGE if page else _PART}</style>{body}<script>{FRAME_SCRIPT}</script>"
    )
    # Without our script, as in a page that was printed to the end before it ran, a good guess.
    lines = min(30, 3 + len(re.findall(r"(?i)<(?:tr|p|li|br|h[1-6])\b", body)))
    kind = "page" if page else "part"
    return (
        f'<iframe class="jp-MlopsLab-report-frame jp-mod-{kind}" title="{text(title, 200)}" '
        f'sandbox="allow-scripts" referrerpolicy="no-referrer" loading="eager" '
        f'style="height:{22 * lines}px" srcdoc="{text(document)}"></iframe>'
    )
