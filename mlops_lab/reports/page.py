"""The page around the items: its policy, its contents, its styles and its programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from mlops_lab.reports.code import (
    Script,
    digest,
    host_script,
    module_script,
    pack,
    style_text,
)
from mlops_lab.reports.frame import FRAME_SCRIPT, NO_LOOKUPS
from mlops_lab.reports.html import text
from mlops_lab.reports.widgets import FRAME_SCRIPT as WIDGET_SCRIPT
from mlops_lab.reports.writer import Entry, Writer

__all__ = ["page_html"]

_OTHER_STYLES: Final = {"curves": "views"}
"""The style sheet of a view that is not called ``NAME-view``."""
_LONG: Final = 3
"""From so many headings on a page has a table of contents."""


def page_html(title: str, writers: Sequence[Writer], *, about: str, at: datetime) -> str:
    """Put the items into one page that needs neither a network nor a kernel.

    Parameters
    ----------
    title
        Of the page.
    writers
        The items, written.
    about
        Where it comes from, in a line.
    at
        When it was made.
    """
    names = sorted({name for writer in writers for name in writer.modules})
    scripts = [module_script(name) for name in names]
    entries = [entry for writer in writers for entry in writer.entries if entry.level <= 3]
    frames = any(writer.frames for writer in writers)
    imports = any(writer.imports for writer in writers)
    styles = [style_text("report-page"), *(style_text(style) for style in _styles(names))]
    items = "".join(
        f'<section class="jp-MlopsLab-report-item">{"".join(writer.parts)}</section>'
        for writer in writers
    )
    texts = [(script.name, script.packed) for script in scripts]
    if "widgets" in names:  # a style that only their frames know
        texts.append(("widgets-view", pack(style_text("widgets-view"))))
    packed = "".join(
        f'<script type="text/plain" id="code-{name}">{body}</script>' for name, body in texts
    )
    host = host_script()
    made = at.astimezone(UTC)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" '
        f'content="{_policy(host, scripts, frames=frames, imports=imports)}">'
        f"{NO_LOOKUPS}"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="generator" content="MLOps Lab">'
        f"<title>{text(title)}</title><style>{''.join(styles)}</style></head>"
        '<body><div class="jp-MlopsLab-report jp-MlopsLab-hosted">'
        '<a class="jp-MlopsLab-report-skip" href="#content">Skip to the content</a>'
        f"<header><h1>{text(title)}</h1><p>{text(about)}"
        f'{" · " if about else ""}<time datetime="{made.isoformat(timespec="seconds")}">'
        f"{made:%-d %B %Y, %H:%M} UTC</time></p></header>"
        f'<div class="jp-MlopsLab-report-columns">{_contents(entries)}'
        f'<main id="content">{items}</main></div></div>{packed}<script>{host}</script>'
        "</body></html>\n"
    )


def _policy(host: str, scripts: Sequence[Script], *, frames: bool, imports: bool) -> str:
    """Allow exactly our own programs, by their hashes; nothing is loaded from anywhere.

    Widgets of others bring programs of their own, as text that is in the page: they are imported
    from memory, inside a frame that has not the page's origin.
    """
    allowed = [digest(host), *(digest(script.source) for script in scripts)]
    allowed += [digest(FRAME_SCRIPT)] if frames else []
    allowed += [digest(WIDGET_SCRIPT)] if any(one.name == "widgets" for one in scripts) else []
    allowed += ["blob:"] if imports else []
    return (
        f"default-src 'none'; script-src {' '.join(allowed)}; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; media-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _styles(names: Sequence[str]) -> list[str]:
    # A chart has no style of its own: the page's variables are all that it needs.
    drawn = (name for name in names if name not in ("vega", "widgets"))
    return [_OTHER_STYLES.get(name, f"{name}-view") for name in drawn]


def _contents(entries: Sequence[Entry]) -> str:
    """The table of contents; a short page needs none."""
    if len(entries) < _LONG:
        return ""
    lines = "".join(
        f'<li class="jp-mod-{entry.level}"><a href="#{entry.anchor}">{text(entry.title, 80)}</a>'
        "</li>"
        for entry in entries
    )
    return f'<nav aria-label="Contents"><h2>Contents</h2><ol>{lines}</ol></nav>'
