"""What a widget of somebody else's is made of, so that it can be shown without its kernel."""

from __future__ import annotations

from typing import Any

import ipywidgets
from ipywidgets.embed import dependency_state

from mlops_lab.errors import InvalidInput

__all__ = ["embedded_state"]


def embedded_state(widget: ipywidgets.Widget) -> tuple[dict[str, Any], str]:
    """Give the state of a widget and of those inside of it, by their ids, and its own id.

    Raises
    ------
    InvalidInput
        It is closed.
    """
    if not widget.model_id:
        raise InvalidInput("the widget is closed: it has no state any more.")
    return dict(dependency_state([widget], drop_defaults=False)), str(widget.model_id)
