"""Ways to run a packed model, one module each; a new one is registered here."""

from __future__ import annotations

from typing import Final

from mlops_lab.serving.backends.backend import Backend, Columns, Result
from mlops_lab.serving.backends.choosing import Chosen, choose
from mlops_lab.serving.backends.sklearn import SklearnBackend

__all__ = ["BACKENDS", "Backend", "Chosen", "Columns", "Result", "choose"]

BACKENDS: Final[dict[str, type[Backend]]] = {SklearnBackend.name: SklearnBackend}
"""Every backend by its name."""
