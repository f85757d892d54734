"""A still picture of curves, for places that run no JavaScript: nbconvert, GitHub, an e-mail."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

__all__ = ["curves_svg", "curves_text"]

WIDTH: Final = 240
HEIGHT: Final = 120
COLUMNS: Final = 3
MOST_CHARTS: Final = 9
_LEFT, _TOP, _BOTTOM, _RIGHT = 44, 22, 18, 8
# The first series colour and the muted text, in tones that can be read on white and on black.
_LINE: Final = "#2f7fc6"
_TEXT: Final = "#80868b"


def curves_svg(series: Sequence[Mapping[str, Any]]) -> str:
    """Draw each series as one small chart; not more than nine, the first ones.

    Parameters
    ----------
    series
        As in the view's state: ``key``, ``steps`` and ``values``, where numbers that are not finite
        are words.
    """
    drawn = [one for one in series if len(_points(one)) > 1][:MOST_CHARTS]
    columns = max(1, min(COLUMNS, len(drawn)))
    rows = max(1, math.ceil(len(drawn) / columns))
    parts = [
        f'<g transform="translate({i % columns * WIDTH} {i // columns * HEIGHT})">{_chart(one)}</g>'
        for i, one in enumerate(drawn)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{columns * WIDTH}" '
        f'height="{rows * HEIGHT}" viewBox="0 0 {columns * WIDTH} {rows * HEIGHT}" '
        f'font-family="sans-serif" font-size="11" fill="{_TEXT}">{"".join(parts)}</svg>'
    )


def curves_text(name: str, status: str, series: Sequence[Mapping[str, Any]]) -> str:
    """Say in a line where the curves stand."""
    ends = [
        f"{one['key']} {points[-1][1]:.4g} at step {points[-1][0]}"
        for one in series
        if (points := _points(one))
    ]
    more = f" and {len(ends) - 6} more" if len(ends) > 6 else ""
    return f"<curves of {name}, {status}: {', '.join(ends[:6]) or 'no metric yet'}{more}>"


def _points(series: Mapping[str, Any]) -> list[tuple[int, float]]:
    return [
        (step, float(value))
        for step, value in zip(series["steps"], series["values"], strict=True)
        if not isinstance(value, str)
    ]


def _chart(series: Mapping[str, Any]) -> str:
    points = _points(series)
    steps = [step for step, _ in points]
    values = [value for _, value in points]
    left, right = min(steps), max(steps)
    low, high = min(values), max(values)
    wide, tall = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def place(step: int, value: float) -> str:
        x = _LEFT + wide * (step - left) / ((right - left) or 1)
        y = _TOP + tall * (0.5 if high == low else (high - value) / (high - low))
        return f"{x:.1f} {y:.1f}"

    path = "L".join(place(step, value) for step, value in points)
    bottom = HEIGHT - _BOTTOM
    return (
        f'<text x="{_LEFT}" y="12">{escape(str(series["key"])[:28])}</text>'
        f'<text x="{_LEFT - 6}" y="{_TOP + 8}" text-anchor="end">{high:.3g}</text>'
        f'<text x="{_LEFT - 6}" y="{bottom}" text-anchor="end">{low:.3g}</text>'
        f'<path d="M{_LEFT} {bottom + 0.5}H{WIDTH - _RIGHT}" stroke="{_TEXT}" stroke-opacity=".5"/>'
        f'<text x="{_LEFT}" y="{HEIGHT - 4}">{left}</text>'
        f'<text x="{WIDTH - _RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{right}</text>'
        f'<path d="M{path}" fill="none" stroke="{_LINE}" stroke-width="1.75" '
        'stroke-linejoin="round"/>'
    )
