"""The grid of one column from its values, once they are known: centre, scale, and single values."""

from __future__ import annotations

from math import frexp, ldexp
from typing import TYPE_CHECKING, Final

from mlops_lab.compute.grids import Form, Grid
from mlops_lab.compute.kinds import MOST_VALUES, Kind, KindFound, Looked, settle_kind
from mlops_lab.compute.types import FLOATS

if TYPE_CHECKING:
    from mlops_lab.compute.slots import Floats, Ints

__all__ = ["fixed_grid", "number_grid"]

ATOM_SHARE: Final = 0.01
"""A number that is more frequent gets a slot of its own …"""
MOST_ATOMS: Final = 8
"""… and the most frequent ones only; zero always has one."""

_ALL_WHOLE: Final = 2.0**53
"""Beyond that every double is a whole number, and says nothing by it."""

_EXPONENTS: Final = 960
"""Scales are between 2 to the minus and plus this, so that dividing by them is safe."""


def fixed_grid(name: str, kind: Kind) -> Grid:
    """The grid of a kind that needs no look at the values."""
    if kind == "boolean":
        return Grid(name, "boolean", "words", words=("false", "true"))
    return Grid(name, kind, "presence")


def number_grid(
    name: str, type_name: str, kind: Kind, values: Floats, weights: Ints, exact: bool
) -> tuple[Grid, KindFound]:
    """The grid of a column that is counted as numbers.

    Parameters
    ----------
    kind
        *number* where it is still to be told from *integer*.
    values, weights
        The different finite values, ascending, and how often they occur.
    exact
        Whether these are all.
    """
    import numpy as np

    distinct = len(values)
    whole = bool(np.all(values == np.rint(values)))
    if type_name in FLOATS and whole:
        whole = bool(np.all(np.abs(values) <= _ALL_WHOLE))
    looked = Looked(type_name, int(weights.sum()), distinct, int((weights == 1).sum()), whole)
    inferred = settle_kind(looked) if kind == "number" else None
    if inferred is not None and not exact:
        many = f"more than {MOST_VALUES} different values"
        inferred = KindFound(inferred.kind, f"whole numbers, {many}" if whole else many)
    settled = kind if inferred is None else inferred.kind
    if inferred is not None and settled == "id":
        return fixed_grid(name, settled), inferred
    centre, scale = _centre_and_scale(values, weights)
    values = values + 0.0  # -0.0 is 0.0
    if exact and looked.repeats and kind != "time":
        form: Form = "values"
        kept = sorted({*values.tolist(), 0.0})
        grid = Grid(name, settled, form, centre, scale, values=tuple(kept))
    else:
        atoms = set() if kind in ("time", "text") else {0.0}
        if distinct:
            order = np.argsort(-weights, kind="stable")[:MOST_ATOMS]
            heavy = order[weights[order] > ATOM_SHARE * weights.sum()]
            atoms |= set(values[heavy].tolist())
        grid = Grid(name, settled, "bins", centre, scale, atoms=tuple(sorted(atoms)))
    return grid, inferred or KindFound(settled, f"its type is {type_name}")


def _centre_and_scale(values: Floats, weights: Ints) -> tuple[float, float]:
    """The median and the spread of the middle, to few binary digits so that they are exact."""
    import numpy as np

    from mlops_lab.compute.slots import CLIP

    if not len(values):
        return 0.0, 1.0
    ranks = np.cumsum(weights)
    at = np.searchsorted(ranks, np.array([0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99]) * ranks[-1])
    q = (values[np.minimum(at, len(values) - 1)] / 2).tolist()  # halved: no difference overflows
    spread = next(
        (
            one
            for one in (
                (q[4] - q[2]) / 1.35 * 2,
                (q[5] - q[1]) / 2.56 * 2,
                (q[6] - q[0]) / 4.65 * 2,
                (float(values[-1]) / 2 - float(values[0]) / 2) / 4 * 2,
                abs(q[3]) * 2,
            )
            if one > 0
        ),
        1.0,
    )
    # Sums reach so far: most of the values must be within.
    spread = max(spread, (q[6] - q[0]) / CLIP * 4)
    exponent = min(max(frexp(spread)[1], -_EXPONENTS), _EXPONENTS)
    scale = ldexp(1.0, exponent)
    centre = float(np.rint(q[3] * 2 / scale * 1024) / 1024 * scale)
    return (centre if np.isfinite(centre) else 0.0), scale
