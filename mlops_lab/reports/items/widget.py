"""Widgets of a notebook: ipywidgets and anywidgets, as they stand."""

from __future__ import annotations

import sys
from typing import Any

from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.widgets import write_widget_state
from mlops_lab.reports.writer import Writer

__all__ = ["KIND"]


class WidgetItem(ItemKind):
    """A widget with the values that it has now."""

    name = "a widget"
    gives = "a widget (run.curves(), lab.RegistryBrowser(), lab.DriftExplorer(…), any ipywidget)"
    rank = 12

    def takes(self, thing: Any) -> bool:
        """Whatever is an ipywidget; where none was imported there is none."""
        widgets = sys.modules.get("ipywidgets")
        return widgets is not None and isinstance(thing, widgets.Widget)

    def write(self, thing: Any, out: Writer) -> None:
        """Write its state and that of the widgets in it."""
        from mlops_lab.widgets.embedded import embedded_state

        states, model = embedded_state(thing)
        write_widget_state(states, model, out)

    def told(self, thing: Any) -> str:
        """By its class."""
        return type(thing).__name__


KIND = WidgetItem()
