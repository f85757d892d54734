"""Ways to run a packed model, one module each; a new one is registered here."""

from __future__ import annotations

from typing import Final

from mlops_lab.serving.backends.backend import Backend, Result
from mlops_lab.serving.backends.choosing import Chosen, choose, prepare
from mlops_lab.serving.backends.onnx import OnnxBackend
from mlops_lab.serving.backends.parity import ParityReport
from mlops_lab.serving.backends.sklearn import SklearnBackend

__all__ = [
    "BACKENDS",
    "Backend",
    "Chosen",
    "ParityReport",
    "Result",
    "choose",
    "prepare",
]

BACKENDS: Final[dict[str, type[Backend]]] = {
    backend.name: backend for backend in (OnnxBackend, SklearnBackend)
}
"""Every backend by its name, the fastest first."""
