"""Which backend runs a model, and why: a sentence that status and people get to read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_lab.errors import InvalidInput
from mlops_lab.serving.backends.backend import Backend
from mlops_lab.serving.backends.sklearn import SklearnBackend

__all__ = ["Chosen", "choose"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A loaded backend, and why it was this one.

    Attributes
    ----------
    backend
        Ready to predict.
    why
        A sentence.
    """

    backend: Backend
    why: str


def choose(
    folder: Path, wanted: str = "auto", *, rows: Any = None, cache_dir: Path | None = None
) -> Chosen:
    """Load a packed model with the fastest backend that answers as the model does.

    Parameters
    ----------
    folder
        The model's package; the caller has verified its bytes.
    wanted
        ``auto``, or a backend's name.
    rows
        Real rows to compare backends on, as the model takes them.
    cache_dir
        Where converted forms and their reports are kept by the package's content.

    Raises
    ------
    InvalidInput
        There is no such backend, or it cannot run this model.
    Corrupt
        The package is damaged.
    """
    if wanted not in ("auto", SklearnBackend.name):
        raise InvalidInput(f"There is no backend {wanted!r}; there are: auto, sklearn.")
    return Chosen(SklearnBackend.load(folder), "scikit-learn runs the model as it was saved.")
