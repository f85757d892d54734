"""Pictures: Matplotlib figures, PIL images, bytes of PNG, JPEG, GIF and WebP, arrays of pixels."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from mlops_lab.errors import InvalidInput
from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.writer import Writer
from mlops_lab.tracking.media import encode_figure, encode_image

__all__ = ["KIND"]


class Picture(ItemKind):
    """A picture of pixels."""

    name = "a picture"
    gives = "a picture (a Matplotlib figure, a PIL image, PNG or JPEG bytes, an array)"
    rank = 40

    def takes(self, thing: Any) -> bool:
        """Whatever the libraries of plots and pictures make."""
        if isinstance(thing, type):
            return False
        return (
            _figure_of(thing) is not None
            or isinstance(thing, bytes | bytearray | memoryview)
            or (hasattr(thing, "save") and hasattr(thing, "mode") and hasattr(thing, "size"))
            or (type(thing).__name__ == "ndarray" and getattr(thing, "ndim", 0) in (2, 3))
        )

    def write(self, thing: Any, out: Writer) -> None:
        """Write it as it would be kept as an artifact."""
        figure = _figure_of(thing)
        if figure is not None:
            encoded = encode_figure(figure)
            out.picture(encoded.data, encoded.media, _words(figure))
            return
        try:
            encoded = encode_image(thing)
        except InvalidInput as error:
            raise InvalidInput(str(error).replace("log_image takes", "A picture is")) from error
        out.picture(encoded.data, encoded.media, "Picture")


def _figure_of(thing: Any) -> Any | None:
    """The Matplotlib figure of a figure, of axes, of seaborn's grids, of an array, of pyplot."""
    if isinstance(thing, ModuleType):
        return thing.gcf() if hasattr(thing, "savefig") else None
    if hasattr(thing, "savefig"):
        return thing
    if type(thing).__name__ == "ndarray" and thing.dtype.kind == "O":
        first = next(iter(thing.flat), None)
        return None if first is None else _figure_of(first)
    drawn = getattr(thing, "figure", None)
    return drawn if hasattr(drawn, "savefig") else None


def _words(figure: Any) -> str:
    """What stands in the figure itself: its title and its axes'."""
    titles = []
    above = getattr(figure, "get_suptitle", lambda: "")()
    if isinstance(above, str) and above:
        titles.append(above)
    for axes in getattr(figure, "axes", ()):
        named = [axes.get_title(), axes.get_ylabel(), axes.get_xlabel()]
        titles.append(", ".join(one for one in named if one))
    return ". ".join(dict.fromkeys(one for one in titles if one)) or "Figure"


KIND = Picture()
