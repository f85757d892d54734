"""Pickle: keeps nearly every object, and runs what is in the file when it is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlops_lab.errors import Corrupt, InvalidInput
from mlops_lab.registry.flavors.flavor import Packed

__all__ = ["PickleFlavor"]


class PickleFlavor:
    """Any object by pickle, only where somebody asked for it by name.

    With cloudpickle, where it is installed, classes and functions of the notebook come along; with
    plain pickle they must be importable where the model is loaded.
    """

    name = "pickle"
    file = "model.pkl"
    unsafe = True

    def takes(self, model: object) -> bool:
        """Take anything."""
        return True

    def pack(self, model: object) -> Packed:
        """Pickle the model."""
        import pickle

        try:
            import cloudpickle as pickler
        except ImportError:
            pickler = pickle
        kind = type(model)
        try:
            data: bytes = pickler.dumps(model, protocol=5)
        except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidInput(
                f"The model of type {kind.__module__}.{kind.__qualname__} cannot be pickled: "
                f"{error}. A lock, an open file or a connection in it must be taken out first."
            ) from error
        return Packed(data, (f"{kind.__module__}.{kind.__qualname__}",))

    def load(self, file: Path) -> Any:
        """Run the pickle: whoever calls this has said that it may."""
        import pickle

        try:
            with file.open("rb") as source:
                return pickle.load(source)  # noqa: S301 - refused above this without allow_unsafe
        except (pickle.UnpicklingError, EOFError, UnicodeDecodeError) as error:
            raise Corrupt(f"{file.name} is damaged or no pickle: {error}.") from error

    def look(self, file: Path) -> tuple[tuple[str, ...], str]:
        """Name nothing: only running it would tell."""
        return (), ""

    def packages(self) -> tuple[str, ...]:
        """Name what a pickle is most often made of."""
        return ("scikit-learn", "cloudpickle", "numpy", "scipy", "pandas")
