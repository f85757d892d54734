"""The pieces of HTML that cards and tables share: fonts, colours, escaped text.

Whatever people named or wrote is escaped here; the colours are JupyterLab's with fallbacks, so that
what is drawn is at home in light and dark and in a plain page.
"""

from __future__ import annotations

from html import escape
from typing import Final

__all__ = ["CELL", "FONT", "GLYPHS", "MUTED", "NUMBER", "TEXT_CHARS", "isolated"]

TEXT_CHARS: Final = 80
"""Longer texts are cut; the rest is in the title."""

# Shape and colour: status is never said by colour alone.
GLYPHS: Final = {
    "scheduled": ("◌", "var(--jp-mlops-scheduled, #8a8d91)"),
    "running": ("◔", "var(--jp-mlops-running, #1565c0)"),
    "finished": ("●", "var(--jp-mlops-finished, #28752c)"),
    "failed": ("✕", "var(--jp-mlops-failed, #c62828)"),
    "killed": ("■", "var(--jp-mlops-killed, #6b6f73)"),
    "passed": ("✓", "var(--jp-mlops-finished, #28752c)"),
    "rejected": ("⊗", "var(--jp-mlops-failed, #c62828)"),
    "waiting": ("‖", "var(--jp-mlops-waiting, #8a5300)"),
}
MUTED: Final = "color:var(--jp-ui-font-color2, #5f6368)"
FONT: Final = (
    "font-family:var(--jp-ui-font-family, system-ui, sans-serif);"
    "font-size:var(--jp-ui-font-size1, 13px);font-variant-numeric:tabular-nums;color:inherit"
)
CELL: Final = "text-align:left;padding:1px 12px 1px 0;border:0;background:none"
NUMBER: Final = "text-align:right;padding:1px 12px 1px 0;border:0;background:none"


def isolated(value: object, limit: int = TEXT_CHARS) -> str:
    """Give any text as HTML that cannot be anything but text."""
    text = str(value)
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    # Isolated, so that right-to-left marks in a name cannot turn what follows it around.
    return (
        f'<bdi title="{escape(text[:1000])}">{escape(cut)}</bdi>'
        if cut != text
        else (f"<bdi>{escape(cut)}</bdi>")
    )
