"""Formats of saved models, one module each; a new one is registered here."""

from __future__ import annotations

from typing import Final

from mlops_lab.errors import InvalidInput
from mlops_lab.registry.flavors.flavor import Flavor, Packed
from mlops_lab.registry.flavors.pickle import PickleFlavor
from mlops_lab.registry.flavors.sklearn import SklearnFlavor

__all__ = ["FLAVORS", "Flavor", "Packed", "flavor_for", "flavor_of_file"]

FLAVORS: Final[dict[str, Flavor]] = {
    flavor.name: flavor for flavor in (SklearnFlavor(), PickleFlavor())
}
"""Every flavor by its name."""


def flavor_for(model: object, *, unsafe: bool = False) -> Flavor:
    """Choose how to keep a model: the safe flavor that knows it, or pickle when that is wished.

    Parameters
    ----------
    model
        The model.
    unsafe
        Keep it as a pickle, which runs whatever is in it when it is loaded.

    Raises
    ------
    InvalidInput
        No safe flavor knows such a model; the message says what to do.
    """
    for flavor in FLAVORS.values():
        if flavor.unsafe == unsafe and flavor.takes(model):
            return flavor
    if isinstance(model, type):
        raise InvalidInput(
            f"{model.__name__} is a class; a model is an object of it, fitted: "
            f"{model.__name__}(…).fit(…)."
        )
    kind = type(model)
    raise InvalidInput(
        f"A model of type {kind.__module__}.{kind.__qualname__} cannot be kept safely: models are "
        "scikit-learn estimators and pipelines of them. To keep it as a pickle, which runs code "
        "when it is loaded and which the default policy does not promote: "
        "log_model(…, unsafe=True)."
    )


def flavor_of_file(suffix: str) -> Flavor | None:
    """Find the flavor of a bare file by its suffix: ``.skops``, ``.pkl``."""
    suffix = ".pkl" if suffix.lower() == ".pickle" else suffix.lower()
    return next((one for one in FLAVORS.values() if suffix and one.file.endswith(suffix)), None)
