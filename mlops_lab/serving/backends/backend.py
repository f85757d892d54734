"""What a backend is: one way to run a packed model, and what it gives for rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

__all__ = ["Backend", "Prompt", "Result"]


@dataclass(frozen=True, slots=True)
class Result:
    """What a model says of some rows.

    Attributes
    ----------
    prediction
        What ``predict`` (of a transformer ``transform``) gives: an array of shape ``(n_rows,)`` or
        ``(n_rows, n_outputs)``.
    probability
        What ``predict_proba`` gives, shape ``(n_rows, n_classes)``; None of a model that has none,
        or that answers several questions at once.
    classes
        The classes that its columns belong to, shape ``(n_classes,)``; None without probabilities.
    """

    prediction: Any
    probability: Any = None
    classes: Any = None


class Backend(Protocol):
    """A model in memory, ready to predict. For one thread at a time.

    Registered in `mlops_lab.serving.backends`.
    """

    name: ClassVar[str]
    """What status, metrics and people call it."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load the model of a folder whose bytes the caller has verified.

        Raises
        ------
        InvalidInput
            The model is a pickle, or of another major version of its library.
        Corrupt
            Its files are damaged.
        """
        ...

    def predict(self, data: Any) -> Result:
        """Predict.

        Parameters
        ----------
        data
            `mlops_lab.serving.inputs.Rows`; or what the model itself takes: a frame, an array.

        Raises
        ------
        Exception
            Whatever the model raises about the rows.
        """
        ...


@runtime_checkable
class Prompt(Protocol):
    """A backend with a way to answer in which nothing can hang: no code of a model's own runs."""

    def at_once(self, data: Any) -> Result | None:
        """Predict in that way; None for rows that it is not for: `Backend.predict` is."""
        ...
