"""What an item of a report writes into: headings, sentences, tables, charts, views, pages."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import InvalidInput, LabError
from mlops_lab.handles.html import GLYPHS
from mlops_lab.reports.frame import frame_element, is_drawn_by_scripts
from mlops_lab.reports.html import Html, data_url, json_text, text
from mlops_lab.reports.markdown import render_markdown
from mlops_lab.reports.table import Cells, table_html

if TYPE_CHECKING:
    from mlops_lab.project import Project

__all__ = ["Entry", "Options", "Writer", "state_word", "time_html"]

_log = logging.getLogger("mlops_lab")

MOST_CHART_BYTES: Final = 4_000_000
"""A larger chart holds raw rows, and no browser draws it well."""


@dataclass(frozen=True, slots=True)
class Options:
    """What holds for the whole report.

    Parameters
    ----------
    project
        The project around; None outside of one.
    code
        Whether notebooks show their code.
    below
        How many levels the headings of texts are moved down: the highest becomes a heading of the
        page's second level.
    """

    project: Project | None = None
    code: bool = False
    below: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table of contents."""

    level: int
    anchor: str
    title: str


@dataclass
class Writer:
    """One item's part of the page. Whatever is given as text is escaped here.

    Parameters
    ----------
    place
        The item's place in the report, from 1.
    options
        What holds for the whole report.
    """

    place: int
    options: Options = field(default_factory=Options)
    parts: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    modules: set[str] = field(default_factory=set)
    frames: bool = False
    imports: bool = False
    _count: int = 0

    # ------------------------------------------------------------------ words

    def heading(self, title: object, level: int = 2, *, glyph: str | None = None) -> None:
        """Begin a part; the levels 2 and 3 stand in the table of contents.

        Parameters
        ----------
        title
            What it is called.
        level
            2 for an item, 3 and 4 for its parts.
        glyph
            A state that stands before it.
        """
        anchor = self._id("h")
        words = text(title, 200)
        mark = "" if glyph is None else f"{_glyph(glyph)} "
        self.parts.append(f'<h{level} id="{anchor}">{mark}{words}</h{level}>')
        self.entries.append(Entry(level, anchor, str(title)))

    def sentence(self, words: object, *, state: str | None = None) -> None:
        """Say something; a state stands before it as its glyph."""
        mark = "" if state is None else f"{_glyph(state)} "
        kind = "" if state is None else ' class="jp-MlopsLab-report-judged"'
        self.parts.append(f"<p{kind}>{mark}{text(words)}</p>")

    def told(self, words: object) -> None:
        """Say something small, below what it is about."""
        self.parts.append(f'<p class="jp-MlopsLab-report-told">{text(words)}</p>')

    def notice(self, words: object, state: str = "waiting") -> None:
        """Say what a reader must not miss."""
        self.parts.append(
            f'<p class="jp-MlopsLab-report-notice jp-mod-{state}" role="note">{_glyph(state)} '
            f"{text(words)}</p>"
        )

    def quote(self, words: object, who: object = None) -> None:
        """Give what a person has written, line by line as they wrote it."""
        by = "" if who is None else f"<footer>{text(who)}</footer>"
        self.parts.append(f"<blockquote>{text(words)}{by}</blockquote>")

    def lines(self, sentences: Sequence[object], states: Sequence[str] | None = None) -> None:
        """List sentences, each with the glyph of its state if there are states."""
        if states is None:
            items = "".join(f"<li>{text(one)}</li>" for one in sentences)
            self.parts.append(f"<ul>{items}</ul>")
            return
        items = "".join(
            f"<li>{_glyph(state)} {text(one)}</li>"
            for one, state in zip(sentences, states, strict=True)
        )
        self.parts.append(f'<ul class="jp-MlopsLab-report-judged">{items}</ul>')

    def facts(self, facts: Sequence[tuple[str, object]]) -> None:
        """List facts with their names; a fact that is None is left out."""
        known = [(name, value) for name, value in facts if value is not None and value != ""]
        items = "".join(
            f"<div><dt>{text(name)}</dt><dd>"
            f"{value.markup if isinstance(value, Html) else text(value, 400)}</dd></div>"
            for name, value in known
        )
        if items:
            self.parts.append(f'<dl class="jp-MlopsLab-report-facts">{items}</dl>')

    def markdown(self, source: str, below: int = 1) -> None:
        """Write Markdown; its headings stand in the table of contents."""

        def heading(level: int, title: str) -> str:
            anchor = self._id("h")
            self.entries.append(Entry(level, anchor, title))
            return anchor

        body = render_markdown(source, below=below, heading=heading)
        self.parts.append(f'<div class="jp-MlopsLab-report-prose">{body}</div>')

    def preformatted(self, source: object, *, kind: str = "plain") -> None:
        """Write text as it is: what a program printed, code."""
        self.parts.append(f'<pre class="jp-mod-{kind}" tabindex="0">{text(source)}</pre>')

    # ------------------------------------------------------------------ things

    def html(self, markup: Html) -> None:
        """Write HTML of our own."""
        self.parts.append(markup.markup)

    def table(self, cells: Cells, *, caption: str = "", tools: bool = True) -> None:
        """Write a table."""
        self.parts.append(table_html(cells, caption=caption, tools=tools))

    def picture(self, data: bytes, media: str, words: str) -> None:
        """Show a picture; one with scripts in it is only a picture here, too.

        Parameters
        ----------
        data, media
            Its bytes and their type.
        words
            What there is to see.
        """
        source = data_url(data, media)
        self.parts.append(
            f'<figure class="jp-MlopsLab-report-picture"><img src="{source}" '
            f'alt="{text(words, 300)}"></figure>'
        )

    def chart(self, spec: Mapping[str, Any], words: str, *, square: bool = False) -> None:
        """Draw a Vega-Lite or Vega chart when the reader comes near.

        Parameters
        ----------
        spec
            The specification, with its data.
        words
            What there is to see.
        square
            Whether it is as high as it is wide, whatever the width of the page.
        """
        self.modules.add("vega")
        anchor = self._id("c")
        shape = " jp-mod-square" if square else ""
        self.parts.append(
            f'<figure class="jp-MlopsLab-report-chart{shape}" data-chart="{anchor}" role="img" '
            f'aria-label="{text(words, 500)}"><p class="jp-MlopsLab-report-still">'
            f"{text(words, 500)}</p></figure>"
        )
        self._data(anchor, json.loads(json.dumps(spec, default=str)))

    def view(self, name: str, state: Mapping[str, Any], words: str, still: str = "") -> None:
        """Show one of our views from its state, as a notebook or JupyterLab shows it.

        Parameters
        ----------
        name
            Of its built module.
        state
            What the view shows; nobody answers it.
        words
            What it is, for those who cannot see it.
        still
            Our own SVG for places that run no script.
        """
        self.modules.add(name)
        anchor = self._id("v")
        shown = still or f"<p>{text(words)}</p>"
        self.parts.append(
            f'<div class="jp-MlopsLab-report-view" data-view="{text(name)}" '
            f'data-state="{anchor}" role="group" aria-label="{text(words, 300)}">'
            f'<div class="jp-MlopsLab-report-still">{shown}</div></div>'
        )
        self._data(anchor, state)

    def widget(self, page: str, states: Mapping[str, Any], model: str, words: str) -> None:
        """Show a widget of somebody else's, in a frame of its own.

        Parameters
        ----------
        page
            The frame's document, which waits for what follows.
        states
            The saved models that the widget is made of, by their ids.
        model
            The one to be shown.
        words
            What it is, for those who cannot see it.
        """
        self.modules.add("widgets")
        anchor = self._id("w")
        self.parts.append(
            f'<div class="jp-MlopsLab-report-view" data-widget="{anchor}" role="group" '
            f'aria-label="{text(words, 200)}"><div class="jp-MlopsLab-report-still">'
            f"<p>{text(words, 200)}</p></div></div>"
        )
        state = {"version_major": 2, "version_minor": 0, "state": states}
        self._data(anchor, {"page": page, "state": state, "model": model})

    def page(self, source: str, title: str, *, whole: bool = True) -> None:
        """Show HTML that somebody else has written, where it can do nothing.

        Raises
        ------
        InvalidInput
            Nothing would be seen of it.
        """
        if is_drawn_by_scripts(source):
            raise InvalidInput(
                "it is drawn by scripts of its own, and a report runs none but ours: give a "
                "picture of it, or an Altair chart."
            )
        self.frames = True
        self.parts.append(frame_element(source, title, page=whole))

    @contextmanager
    def fold(self, summary: object, *, opened: bool = False) -> Iterator[None]:
        """Fold what is written inside away; on paper it is unfolded."""
        start = " open" if opened else ""
        self.parts.append(f"<details{start}><summary>{text(summary, 200)}</summary>")
        try:
            yield
        finally:
            self.parts.append("</details>")

    @contextmanager
    def guarded(self, failed: str) -> Iterator[None]:
        """Leave nothing half done of what fails inside, and a sentence in its place.

        Parameters
        ----------
        failed
            What is said before the reason: ``An output cannot be shown``.
        """
        parts, entries = len(self.parts), len(self.entries)
        try:
            yield
        except LabError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - what a stranger's file or object brings
            _log.debug("a part of item %d failed", self.place, exc_info=True)
            why = f"it is damaged ({type(error).__name__}: {error})."
        else:
            return
        del self.parts[parts:], self.entries[entries:]
        self.notice(f"{failed}: {why}")

    # ------------------------------------------------------------------ inside

    def anchor(self, kind: str) -> str:
        """Give an id that no other part of the page has."""
        return self._id(kind)

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"i{self.place}-{kind}{self._count}"

    def data(self, value: Any) -> str:
        """Keep data for a script of the page, and give the id under which it finds it."""
        anchor = self._id("d")
        self._data(anchor, value)
        return anchor

    def _data(self, anchor: str, value: Any) -> None:
        self.parts.append(
            f'<script type="application/json" id="{anchor}-data">'
            f"{json_text(finite(value))}</script>"
        )


def state_word(state: str) -> Html:
    """Give a state as its glyph, in its colour, and its word."""
    return Html(f"{_glyph(state)}&nbsp;{text(state)}", state)


def time_html(at: datetime | None) -> Html | None:
    """Give a time as a reader wants it, and as a program does."""
    if at is None:
        return None
    at = at.astimezone(UTC)
    return Html(
        f'<time datetime="{at.isoformat(timespec="seconds")}">{at:%Y-%m-%d %H:%M} UTC</time>',
        at.timestamp(),
    )


def finite(value: Any) -> Any:
    """Give a value as JSON can hold it: numbers that are not finite are our words for them."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return value


_STATES: Final = {
    **GLYPHS,
    "ok": GLYPHS["passed"],
    "warn": ("▲", "var(--jp-mlops-waiting, #8a5300)"),
    "warned": ("▲", "var(--jp-mlops-waiting, #8a5300)"),
    "alert": ("◆", "var(--jp-mlops-failed, #c62828)"),
    "blocked": GLYPHS["rejected"],
    "quality": ("■", "var(--jp-mlops-quality, #7b5bb5)"),
    "small": ("·", "var(--jp-mlops-text-muted, #5f6368)"),
    "info": ("○", "var(--jp-mlops-text-muted, #5f6368)"),
    "open": ("◆", "var(--jp-mlops-failed, #c62828)"),
    "acknowledged": ("◇", "var(--jp-mlops-waiting, #8a5300)"),
    "muted": ("◌", "var(--jp-mlops-text-muted, #5f6368)"),
    "resolved": GLYPHS["passed"],
}


def _glyph(state: str) -> str:
    shape, colour = _STATES.get(state, ("○", "var(--jp-mlops-text-muted, #5f6368)"))
    return f'<span class="jp-mod-glyph" style="color:{colour}" aria-hidden="true">{shape}</span>'
