"""What brings HTML of its own, as a pandas Styler: shown in a sandbox."""

from __future__ import annotations

from typing import Any

from mlops_lab.errors import InvalidInput
from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.writer import Writer

__all__ = ["KIND"]

MOST_BYTES = 2_000_000


class Styler(ItemKind):
    """HTML that somebody else has written: it can be seen, and can do nothing."""

    name = "HTML"
    gives = "a pandas Styler, or an object that shows itself as HTML or SVG"
    rank = 90

    def takes(self, thing: Any) -> bool:
        """Whatever shows itself in a notebook and is nothing that is known better."""
        return not isinstance(thing, type) and (
            hasattr(thing, "_repr_html_") or hasattr(thing, "_repr_svg_")
        )

    def write(self, thing: Any, out: Writer) -> None:
        """Write its HTML into a frame; SVG is a picture, which runs nothing."""
        source = thing._repr_html_() if hasattr(thing, "_repr_html_") else None
        if isinstance(source, str):
            _check(len(source))
            out.page(source, f"{type(thing).__name__}, as HTML", whole=False)
            return
        drawn = thing._repr_svg_() if hasattr(thing, "_repr_svg_") else None
        if not isinstance(drawn, str):
            raise InvalidInput(f"{type(thing).__name__} shows nothing of itself.")
        _check(len(drawn))
        out.picture(drawn.encode("utf-8", "replace"), "image/svg+xml", type(thing).__name__)


def _check(size: int) -> None:
    if size > MOST_BYTES:
        raise InvalidInput(
            f"its HTML has {size / 1e6:.1f} MB; up to {MOST_BYTES / 1e6:.0f} MB can be shown. "
            "Give it fewer rows."
        )


KIND = Styler()
