"""The Python halves of the views: what a project knows, kept in step with a view in a notebook."""

from mlops_lab.widgets.curves import CurvesView
from mlops_lab.widgets.drift import DriftExplorer
from mlops_lab.widgets.registry import RegistryBrowser

__all__ = ["CurvesView", "DriftExplorer", "RegistryBrowser"]
