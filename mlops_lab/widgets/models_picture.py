"""A still picture of models, for places that run no JavaScript: nbconvert, GitHub, an e-mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

__all__ = ["models_svg", "models_text"]

WIDTH: Final = 640
ROW: Final = 22
MOST_MODELS: Final = 12
MOST_VERSIONS: Final = 12
_METRICS: Final = 2
# Tones that can be read on white and on black.
_TEXT: Final = "#80868b"
_ALIAS: Final = "#8f6fd8"
_BAD: Final = "#d9534f"
_GOOD: Final = "#4c9a52"

_GATES: Final = {"passed": _GOOD, "rejected": _BAD, "waiting": "#c07a1a"}


def models_svg(models: Mapping[str, Any], pages: Mapping[str, Any]) -> str:
    """Draw the models as lines, with the versions of those whose page was read.

    Parameters
    ----------
    models, pages
        As in the view's state.
    """
    lines: list[str] = []
    rows = list(models.get("models") or ())
    for row in rows[:MOST_MODELS]:
        aliases = " · ".join(f"{one['alias']} {one['version']}" for one in row["aliases"])
        lines.append(
            _words(0, row["name"], weight=600)
            + _words(220, aliases, colour=_ALIAS)
            + _words(WIDTH, _count(row["versions"], "version"), end=True)
        )
        page = pages.get(row["name"])
        if page is not None:
            lines += _versions(page)
    if len(rows) > MOST_MODELS:
        lines.append(_words(0, f"and {len(rows) - MOST_MODELS} more"))
    if not rows:
        lines.append(_words(0, "No model yet"))
    drawn = "".join(
        f'<g transform="translate(0 {i * ROW + 16})">{line}</g>' for i, line in enumerate(lines)
    )
    height = len(lines) * ROW + 4
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" '
        f'fill="{_TEXT}">{drawn}</svg>'
    )


def models_text(models: Mapping[str, Any]) -> str:
    """Say in a line which models there are, and what waits."""
    rows: Sequence[Mapping[str, Any]] = models.get("models") or ()
    told = [
        row["name"] + "".join(f" {one['alias']}={one['version']}" for one in row["aliases"])
        for row in rows[:6]
    ]
    more = f" and {len(rows) - 6} more" if len(rows) > 6 else ""
    waiting = len(models.get("queue") or ())
    queue = f"; {waiting} waiting for approval" if waiting else ""
    return f"<models: {', '.join(told) or 'none yet'}{more}{queue}>"


def _versions(page: Mapping[str, Any]) -> list[str]:
    goals = list(page["goals"])
    lines = []
    for row in page["versions"][:MOST_VERSIONS]:
        judged = row["judgement"]
        told = "" if judged is None else f"{judged['outcome']} {judged['passed']}/{judged['total']}"
        colour = _TEXT if judged is None else _GATES.get(judged["outcome"], _TEXT)
        keys = [key for key in goals if key in row["metrics"]][:_METRICS]
        metrics = "  ".join(f"{key} {_number(row['metrics'][key])}" for key in keys)
        unsafe = _words(150, "unsafe", colour=_BAD) if row["unsafe"] else ""
        lines.append(
            _words(16, str(row["version"]), weight=600)
            + _words(44, " · ".join(row["aliases"]), colour=_ALIAS)
            + unsafe
            + _words(220, told, colour=colour)
            + _words(WIDTH, metrics, end=True)
        )
    rest = len(page["versions"]) - MOST_VERSIONS
    return [*lines, _words(16, f"and {_count(rest, 'version')} more")] if rest > 0 else lines


def _words(x: int, text: str, *, colour: str = _TEXT, weight: int = 400, end: bool = False) -> str:
    if not text:
        return ""
    anchor = ' text-anchor="end"' if end else ""
    return (
        f'<text x="{x}" fill="{colour}" font-weight="{weight}"{anchor}>{escape(text[:60])}</text>'
    )


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, int | float) else str(value)
