"""When to look: once a minute, and soon after something was decided."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = ["PERIOD_S", "TICK_S", "Pulse", "watch"]

PERIOD_S: Final = 60.0
"""Between two looks while nothing is decided: schedules and pauses come by themselves."""
TICK_S: Final = 1.0
"""Between two questions whether something was decided: a ``stat`` each."""


class Pulse:
    """Tells whether a project has decided something since it was asked last. Not thread-safe.

    Parameters
    ----------
    folder
        What the project keeps, ``.mlops``.
    """

    def __init__(self, folder: Path) -> None:
        self._decisions = folder / "decisions.jsonl"
        self._size = self._look()

    def beats(self) -> bool:
        """Whether something was decided since."""
        before, self._size = self._size, self._look()
        return self._size != before

    def _look(self) -> int:
        try:
            return self._decisions.stat().st_size
        except OSError:
            return 0


def watch(look: Callable[[], object], pulse: Pulse, stop: threading.Event) -> None:
    """Look now, once a minute and after decisions, until somebody says stop."""
    while not stop.is_set():
        # First: what is decided while it looks is looked at again.
        pulse.beats()
        look()
        until = time.monotonic() + PERIOD_S
        while not stop.wait(TICK_S) and time.monotonic() < until and not pulse.beats():
            pass
