"""Our widgets: the curves of a run, the registry browser, the drift explorer."""

from __future__ import annotations

from typing import Any

from mlops_lab.errors import InvalidInput
from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.views import VERSION, is_view, write_saved_view
from mlops_lab.reports.writer import Writer

__all__ = ["KIND"]


class View(ItemKind):
    """A view as it stands, with what was chosen in it."""

    name = "a view"
    gives = "a widget (run.curves(), lab.RegistryBrowser(), lab.DriftExplorer(…), any ipywidget)"
    rank = 10

    def takes(self, thing: Any) -> bool:
        """The widgets that are views of ours."""
        return is_view(thing)

    def write(self, thing: Any, out: Writer) -> None:
        """Write its saved state."""
        saved = {"view": type(thing).view, "version": VERSION, "state": thing.state()}
        if not write_saved_view(saved, out):
            raise InvalidInput(f"a report cannot show a view called {type(thing).view!r} yet.")

    def told(self, thing: Any) -> str:
        """By its class."""
        return type(thing).__name__


KIND = View()
