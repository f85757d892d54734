"""The line that shows how far something is, where somebody looks."""

from __future__ import annotations

import sys
import time as clock
from typing import Any, Final

__all__ = ["ProgressLine", "progress_line"]


def progress_line() -> ProgressLine | None:
    """What shows progress here: nothing outside of a notebook or IPython."""
    # IPython is loaded where it runs; importing it elsewhere would only cost time.
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return ProgressLine() if get_ipython() is not None else None


class ProgressLine:
    """One updating line, which appears when it takes longer than a moment and goes at the end."""

    AFTER_S: Final = 1.0
    EVERY_S: Final = 0.2

    def __init__(self) -> None:
        self._began = self._drawn = clock.monotonic()
        self._handle: Any = None

    def __call__(self, share: float, what: str) -> None:
        """Show how far it is, from 0 to 1, and what it does."""
        now = clock.monotonic()
        if now - self._began < self.AFTER_S or now - self._drawn < self.EVERY_S:
            return
        self._drawn = now
        text = {"text/plain": f"◔ {share:.0%} · {what}"}
        from IPython.display import display

        if self._handle is None:
            self._handle = display(text, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(text, raw=True)

    def close(self) -> None:
        """Take the line away."""
        if self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)
