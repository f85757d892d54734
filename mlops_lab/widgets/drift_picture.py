"""A still picture of an evaluation, for places that run no JavaScript: nbconvert, GitHub."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from mlops_lab.markup import printable

__all__ = ["drift_svg", "drift_text"]

WIDTH: Final = 720
LEFT: Final = 130
ROW: Final = 14
MOST_COLUMNS: Final = 20
MOST_CELLS: Final = 120
"""Cells across: more chunks than this are drawn as the worst of several."""
_PLOT: Final = 70
_LINE: Final = 18

# Tones that can be read on white and on black.
_TEXT: Final = "#80868b"
_CALM: Final = "#9aa0a6"
_LOUD: Final = {"w": "#e0a050", "a": "#d9661f", "q": "#8f6fd8"}
_REALISED: Final = "#d0661f"
_EXPECTED: Final = "#2f7fc6"
_WORST: Final = "-oshqwa"
"""The states, the worst last."""


def drift_svg(evaluation: Mapping[str, Any] | None) -> str:
    """Draw the sentence, how performance went, and the features that changed most.

    Parameters
    ----------
    evaluation
        As the wire has it; None is none yet.
    """
    if evaluation is None:
        return _svg([_words(0, 16, "No evaluation yet")], 24)
    parts: list[str] = []
    y = 16
    for line in textwrap.wrap(str(evaluation["summary"]["sentence"]), 100)[:4]:
        parts.append(_words(0, y, line, weight=600))
        y += _LINE
    told = f"{evaluation['title']} · {evaluation['chunking']['told']}"
    parts.append(_words(0, y, told))
    y += 10
    chunks: Sequence[Mapping[str, Any]] = evaluation["chunks"]
    if chunks:
        plot = _plot(evaluation, y)
        if plot:
            parts.append(plot)
            y += _PLOT + 14
        parts.append(_matrix(evaluation, y))
        y += ROW * min(MOST_COLUMNS, len(evaluation["columns"])) + 36
        parts.append(_legend(y))
        y += 12
    return _svg(parts, y)


def drift_text(evaluation: Mapping[str, Any] | None, name: str | None = None) -> str:
    """Say an evaluation in a line."""
    if evaluation is None:
        return f"<drift: {'no monitor yet' if name is None else f'{name} was never checked'}>"
    about = evaluation["monitor"] or evaluation["title"]
    waiting = sum(one["open"] and one["severity"] != "info" for one in evaluation["alerts"])
    size = f"{len(evaluation['columns'])} features, {len(evaluation['chunks'])} chunks"
    return f"<drift of {about}: {size}, {waiting} open; {evaluation['summary']['sentence']}>"


def _matrix(evaluation: Mapping[str, Any], top: int) -> str:
    """A row of cells for each feature, those that alarmed first."""
    columns = sorted(evaluation["columns"], key=_loudness, reverse=True)
    shown, rest = columns[:MOST_COLUMNS], len(columns) - MOST_COLUMNS
    count = len(evaluation["chunks"])
    cells = min(count, MOST_CELLS)
    wide = min(24.0, (WIDTH - LEFT) / cells)
    parts = []
    for row, column in enumerate(shown):
        y = top + row * ROW
        parts.append(_words(LEFT - 8, y + 10, str(column["name"])[:20], end=True))
        for cell in range(cells):
            first, last = cell * count // cells, (cell + 1) * count // cells
            state = max(column["states"][first : max(last, first + 1)] or "-", key=_WORST.find)
            if state == "-":
                continue
            colour = _LOUD.get(state, _CALM)
            opacity = "" if state in _LOUD else ' fill-opacity=".3"'
            parts.append(
                f'<rect x="{LEFT + cell * wide:.1f}" y="{y}" width="{max(1.0, wide - 1):.1f}" '
                f'height="{ROW - 1}" fill="{colour}"{opacity}/>'
            )
    bottom = top + len(shown) * ROW + 14
    labels = [str(evaluation["chunks"][i]["label"]) for i in (0, -1)]
    parts.append(_words(LEFT, bottom, labels[0]))
    if count > 1:
        parts.append(_words(LEFT + int(cells * wide), bottom, labels[1], end=True))
    if rest > 0:
        parts.append(_words(0, bottom, f"and {rest} more"))
    return "".join(parts)


def _legend(y: int) -> str:
    """What the colours say: the line below the matrix."""
    parts, x = [], LEFT
    for state, told in (("w", "warning"), ("a", "alert"), ("q", "data quality")):
        parts.append(
            f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{_LOUD[state]}"/>'
            + _words(x + 15, y, told)
        )
        x += 30 + 7 * len(told)
    return "".join(parts)


def _loudness(column: Mapping[str, Any]) -> tuple[int, int, float]:
    states = column["states"]
    impact = column["impact"]
    return (
        states.count("a"),
        states.count("w") + states.count("q"),
        impact if isinstance(impact, int | float) else 0.0,
    )


def _plot(evaluation: Mapping[str, Any], top: int) -> str:
    """The first metric: realised, and dashed what was expected."""
    performance = evaluation["performance"]
    metrics = {} if performance is None else performance["metrics"]
    chosen = next(
        (one for one in ("auc", "positive_share", "log_loss", *metrics) if one in metrics), None
    )
    if chosen is None:
        return ""
    metric = metrics[chosen]
    lines = [(metric["realised"], _REALISED, ""), (metric["estimated"], _EXPECTED, "5 3")]
    known = [value for line, _, _ in lines for value in line if isinstance(value, int | float)]
    if not known:
        return ""
    low, high = min(known), max(known)
    count = len(evaluation["chunks"])
    wide = min(24.0, (WIDTH - LEFT) / min(count, MOST_CELLS)) * min(count, MOST_CELLS) / count

    def place(i: int, value: float) -> str:
        share = 0.5 if high == low else (high - value) / (high - low)
        return f"{LEFT + (i + 0.5) * wide:.1f} {top + 8 + share * (_PLOT - 16):.1f}"

    drawn = [
        _words(0, top + 14, str(metric["label"])[:20]),
        _words(LEFT - 8, top + 14, f"{high:.3g}", end=True),
        _words(LEFT - 8, top + _PLOT - 4, f"{low:.3g}", end=True),
    ]
    for line, colour, dash in lines:
        path, pen = "", "M"
        for i, value in enumerate(line):
            if isinstance(value, int | float):
                path += pen + place(i, float(value))
                pen = "L"
            else:
                pen = "M"
        if path:
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            drawn.append(
                f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.75"{dashed}/>'
            )
    return "".join(drawn)


def _svg(parts: Sequence[str], height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" '
        f'fill="{_TEXT}">{"".join(parts)}</svg>'
    )


def _words(x: int, y: int, text: str, *, weight: int = 400, end: bool = False) -> str:
    # XML has no control characters, whatever a column is called.
    anchor = ' text-anchor="end"' if end else ""
    return f'<text x="{x}" y="{y}" font-weight="{weight}"{anchor}>{escape(printable(text))}</text>'
