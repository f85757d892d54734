"""How the columns of a reference are counted: one grid for each, kept with every count.

Counts on the same grid add: over files, days and segments. A grid is made once, from a reference
(`fit_grids`), and does not depend on the order of its rows or on their format.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from mlops_lab.compute.kinds import Kind, KindFound
from mlops_lab.errors import Corrupt

if TYPE_CHECKING:
    import numpy as np

    from mlops_lab.compute.slots import Edges, Floats, Ints

__all__ = ["Form", "Grid", "Grids"]

Form: TypeAlias = Literal["bins", "values", "words", "presence"]

_FORMAT: Final = 1

OTHER: Final = "(other)"
NEW: Final = "(new)"
"""The names of values outside of a vocabulary: known in the reference, and never seen there."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The slots of one column.

    Parameters
    ----------
    name
        Of the column.
    kind
        See `KindFound`. Texts are counted by their length, times by their seconds since 1970.
    form
        *bins*: numbers on a bounded order-preserving grid; *values*: at most 512 numbers as they
        are, and what lies between; *words*: a vocabulary, then other, then new; *presence*: one
        slot, so that only what is missing is told.
    centre, scale
        Of the bins (and of sums): the scale is a power of two, in the column's units.
    atoms
        Single frequent numbers that have a slot of their own, ascending.
    values
        Of the form *values*, ascending.
    words
        The vocabulary: the most frequent first.
    others
        64-bit hashes of all other values of the reference, sorted, as little-endian bytes.
    complete
        Whether `others` holds them all; if not, new values cannot be told from other ones.
    """

    name: str
    kind: Kind
    form: Form
    centre: float = 0.0
    scale: float = 1.0
    atoms: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    words: tuple[str, ...] = ()
    others: bytes = field(default=b"", repr=False)
    complete: bool = True

    @property
    def size(self) -> int:
        """How many slots there are."""
        match self.form:
            case "bins":
                from mlops_lab.compute.slots import HALF

                return 2 * HALF + 1 + 2 * len(self.atoms)
            case "values":
                return 2 * len(self.values) + 1
            case "words":
                return len(self.words) + 2
            case _:
                return 1

    @property
    def ordered(self) -> bool:
        """Whether the slots have an order: everything but words."""
        return self.form in ("bins", "values")

    @property
    def other_slot(self) -> int:
        """Of *words*: the slot of known values outside of the vocabulary; new ones follow."""
        return len(self.words)

    @property
    def new_slot(self) -> int:
        """Of *words*: the slot of values that the reference does not have."""
        return len(self.words) + 1

    def slots_of(
        self,
        values: Floats,
        z: Floats | None = None,
        reach: tuple[float, float] | None = None,
    ) -> Ints:
        """The slots of finite numbers.

        Parameters
        ----------
        values
            Shape ``(n,)``, float64, finite.
        z
            Their distances from the centre, where they are known already.
        reach
            The least and the greatest of them, where they are known already.
        """
        import numpy as np

        from mlops_lab.compute.slots import bin_slots, value_slots

        match self.form:
            case "bins":
                return bin_slots(values, self.centre, self.scale, self.atoms, z, reach)
            case "values":
                return value_slots(values, _as_array(self.values))
            case _:
                return np.zeros(len(values), dtype=np.int64)

    @property
    def edges(self) -> Edges:
        """The ends of the slots, where they have an order."""
        from mlops_lab.compute.slots import bin_edges, value_edges

        assert self.ordered
        if self.form == "values":
            return value_edges(self.values)
        return bin_edges(self.centre, self.scale, self.atoms)

    def labels(self) -> list[str]:
        """Of *words*: what the slots are called."""
        return [*self.words, OTHER, NEW]

    def to_json(self) -> dict[str, Any]:
        """As it is stored; what a form does not need is left out."""
        told: dict[str, Any] = {"kind": self.kind, "form": self.form}
        if self.ordered:
            told |= {"centre": self.centre, "scale": self.scale}
        for key in ("atoms", "values", "words"):
            if getattr(self, key):
                told[key] = list(getattr(self, key))
        if self.others:
            told["others"] = b64encode(self.others).decode()
        if not self.complete:
            told["complete"] = False
        return told

    @classmethod
    def from_json(cls, name: str, value: Mapping[str, Any]) -> Grid:
        """Read what `to_json` made."""
        return cls(
            name=name,
            kind=value["kind"],
            form=value["form"],
            centre=float(value.get("centre", 0.0)),
            scale=float(value.get("scale", 1.0)),
            atoms=tuple(map(float, value.get("atoms", ()))),
            values=tuple(map(float, value.get("values", ()))),
            words=tuple(value.get("words", ())),
            others=b64decode(value.get("others", "")),
            complete=bool(value.get("complete", True)),
        )


@dataclass(frozen=True, slots=True)
class Grids(Mapping[str, Grid]):
    """The grids of all columns of a reference, by name, in its order.

    Parameters
    ----------
    columns
        By name.
    kinds
        What each is, and why.
    """

    columns: Mapping[str, Grid]
    kinds: Mapping[str, KindFound]

    def __getitem__(self, name: str) -> Grid:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def digest(self) -> str:
        """SHA-256 of how the columns are counted: counts with the same digest add."""
        told = {name: grid.to_json() for name, grid in self.columns.items()}
        text = json.dumps([_FORMAT, told], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "format": _FORMAT,
            "columns": [
                {
                    "name": name,
                    "reason": self.kinds[name].reason,
                    "declared": self.kinds[name].declared,
                    **grid.to_json(),
                }
                for name, grid in self.columns.items()
            ],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Grids:
        """Read what `to_json` made.

        Raises
        ------
        Corrupt
            These are no grids, or those of a newer program.
        """
        try:
            if value["format"] > _FORMAT:
                raise Corrupt(
                    f"The grids have format {value['format']}; this program reads {_FORMAT}."
                )
            return cls(
                {one["name"]: Grid.from_json(one["name"], one) for one in value["columns"]},
                {
                    one["name"]: KindFound(one["kind"], one["reason"], one["declared"])
                    for one in value["columns"]
                },
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Corrupt(f"These are no grids: {error!r} is wrong or missing.") from error


@lru_cache(512)
def _as_array(values: tuple[float, ...]) -> np.ndarray[Any, np.dtype[np.float64]]:
    import numpy as np

    return np.asarray(values, dtype=float)
