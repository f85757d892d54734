"""What a flavor is: how models of one framework become a file and come back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Flavor", "Packed"]


@dataclass(frozen=True, slots=True)
class Packed:
    """A model as bytes.

    Attributes
    ----------
    data
        The file's content.
    types
        The full names of the types in it, sorted; empty when only loading would tell.
    """

    data: bytes
    types: tuple[str, ...]


class Flavor(Protocol):
    """One way to keep models; an object of it is registered in `mlops_lab.registry.flavors`."""

    name: str
    """What facts and tables call it."""

    file: str
    """The model's file in its folder."""

    unsafe: bool
    """Whether loading runs code that the file brings along."""

    def takes(self, model: object) -> bool:
        """Say whether this is the flavor for such a model."""
        ...

    def pack(self, model: object) -> Packed:
        """Make the file's content.

        Raises
        ------
        InvalidInput
            The model has parts that this flavor cannot keep; the message names them.
        """
        ...

    def load(self, file: Path) -> Any:
        """Build the model of a file.

        Raises
        ------
        Corrupt
            The file is damaged, or was made to do harm.
        """
        ...

    def look(self, file: Path) -> tuple[tuple[str, ...], str]:
        """Name the types in a file, and the model's own class, without building anything."""
        ...

    def packages(self) -> tuple[str, ...]:
        """Name the distributions that a process needs to load a model, most important first."""
        ...
