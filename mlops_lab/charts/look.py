"""What our charts share: two colours that can be read on white and on black, and a size."""

from __future__ import annotations

from typing import Final

__all__ = ["HEIGHT", "REFERENCE", "WIDTH", "WINDOW"]

REFERENCE: Final = "#85898d"
"""What is compared with: always grey."""
WINDOW: Final = "#2a78c8"
"""What is looked at."""

WIDTH: Final = 620
HEIGHT: Final = 180
