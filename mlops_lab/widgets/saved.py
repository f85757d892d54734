"""What of the registry goes into a saved notebook: enough to read, never too much."""

from __future__ import annotations

import json
from typing import Any, Final

__all__ = ["MOST_BYTES", "MOST_ROWS", "SavedState", "rows_of"]

MOST_ROWS: Final = 1_000
"""Rows of versions, decisions and moves in the saved notebook."""
MOST_BYTES: Final = 300_000
"""What the saved notebook holds of it, as JSON."""
_MOST_MODELS: Final = 200
_MOST_REQUESTS: Final = 50
_MOST_OF_A_PAGE: Final = 50


class SavedState:
    """The state that goes into the notebook, kept within its bounds.

    Parameters
    ----------
    state
        What the view has been given so far, and its selection.
    """

    def __init__(self, state: dict[str, Any]) -> None:
        chosen = state["selection"]["model"]
        listed = state["models"] or {"models": [], "queue": []}
        # The one that is looked at, then the others in their order.
        rows = sorted(listed["models"], key=lambda row: row["name"] != chosen)[:_MOST_MODELS]
        names = {row["name"] for row in rows}
        models = {
            "models": [row for row in listed["models"] if row["name"] in names],
            "queue": listed["queue"][:_MOST_REQUESTS],
        }
        self.state = {**state, "models": models}
        always = [models, state["decisions"]]
        self._bytes = size_of(always)
        self._rows = rows_of(always)
        # What was looked at comes first, piece by piece: it may be too much by itself.
        looked_at = (f"{chosen}@{state['selection']['version']}", chosen)
        for key in ("pages", "details", "lineages", "cards"):
            held = state[key]
            self.state[key] = {}
            for name in sorted(held, key=lambda one: one not in looked_at):
                self.add(key, name, held[name])

    def add(self, key: str, name: str, value: Any) -> bool:
        """Keep a piece, unless that would be too much; a page is cut instead."""
        size, rows = size_of(value), rows_of(value)
        if key == "pages" and not self._fits(size, rows):
            value = _cut(value)
            size, rows = size_of(value), rows_of(value)
        if not self._fits(size, rows):
            return False
        self.state[key][name] = value
        self._bytes += size
        self._rows += rows
        return True

    def _fits(self, size: int, rows: int) -> bool:
        return self._bytes + size <= MOST_BYTES and self._rows + rows <= MOST_ROWS


def size_of(value: Any) -> int:
    """How many bytes it takes as JSON."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def rows_of(value: Any) -> int:
    """How many rows of tables there are in it."""
    if isinstance(value, list):
        return sum(max(1, rows_of(one)) for one in value if isinstance(one, dict | list))
    if isinstance(value, dict):
        return sum(rows_of(one) for one in value.values())
    return 0


def _cut(page: dict[str, Any]) -> dict[str, Any]:
    return {
        **page,
        "versions": page["versions"][:_MOST_OF_A_PAGE],
        "history": page["history"][:_MOST_OF_A_PAGE],
    }
