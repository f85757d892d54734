"""Where a value falls on a grid: the arithmetic of slots, in numpy.

A grid divides the line into numbered slots, in order: what lies in a smaller slot is smaller. So
the distribution functions of two samples are known exactly at every border between slots, and
inside of one they are bounded by what falls into it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CLIP",
    "HALF",
    "Edges",
    "Floats",
    "Ints",
    "bin_edges",
    "bin_slots",
    "carried",
    "distances",
    "fixed_point",
    "from_fixed",
    "ranked",
    "value_slots",
]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

HALF: Final = 4000
"""Bins on each side of the centre (K): next to it they are scale / K wide."""

CLIP: Final = 2.0**26
"""In sums a value counts as at most so many scales away from the centre."""

HIGH: Final = 2.0**4
LOW: Final = 2.0**28
"""A distance in scales is a whole number of 2⁻³²: high / 16 + low / 2³². Sums of them are exact, so
they do not depend on the order of rows or files."""

_SIGN: Final = np.int64(-(2**63))

_ROUND: Final = np.float64(3 * 2.0**51)
_ROUND_BITS: Final = int(_ROUND.view(np.int64))
"""Added to a double it leaves the nearest whole number in the lowest bits, in half the time that
rounding and converting takes."""

_EXACT: Final = 2.0**53
"""Doubles add whole numbers exactly up to here."""


class Edges:
    """The left and right ends of all slots of one grid.

    Attributes
    ----------
    left, right
        Ascending; the first and last may be infinite. A slot holds values between them.
    atom
        Whether the slot holds one value only (then left = right).
    """

    __slots__ = ("atom", "left", "right")

    def __init__(self, left: Floats, right: Floats, atom: NDArray[np.bool_]) -> None:
        self.left, self.right, self.atom = left, right, atom
        for array in (left, right, atom):
            array.flags.writeable = False


def bin_slots(
    values: Floats,
    centre: float,
    scale: float,
    atoms: tuple[float, ...],
    z: Floats | None = None,
    reach: tuple[float, float] | None = None,
) -> Ints:
    """Slots of finite numbers on a grid of bins.

    With z = (x − centre) / scale, the bin is round(K · z / (1 + |z|)): fine near the centre, coarse
    far from it, and never more than 2 K + 1 of them. Each atom, a single frequent value, adds a
    slot of its own and parts its bin in two. `z`, and the least and greatest value, are given where
    they are known already.
    """
    z = distances(values, centre, scale) if z is None else z
    size = np.abs(z)
    size += 1.0
    np.divide(HALF, size, out=size)
    np.subtract(HALF, size, out=size)
    # The sign, bit by bit: `copysign` takes twice the time.
    signs = z.view(np.int64) & _SIGN
    bits = size.view(np.int64)
    np.bitwise_or(bits, signs, out=bits)
    size += _ROUND
    slots = bits
    slots += HALF + len(atoms) - _ROUND_BITS
    if atoms and len(values):
        least, most = (values.min(), values.max()) if reach is None else reach
        for atom in atoms:
            if least > atom:
                slots += 1
            elif most < atom:
                slots -= 1
            else:
                slots += (values > atom).view(np.int8) - (values < atom).view(np.int8)
    return slots


def value_slots(values: Floats, known: Floats) -> Ints:
    """Slots of finite numbers where the reference has few values: 2 i + 1 for the i-th value, and
    the even ones for what lies between.
    """
    table = _whole_table(tuple(known.tolist()))
    if table is not None:
        first, slots = table
        at = np.clip(values, first, first + len(slots) - 1)
        whole = at.astype(np.int64)
        if np.array_equal(whole, values):
            found: Ints = slots[whole - int(first)]
            return found
    after = np.searchsorted(known, values, "left")
    same = known[np.minimum(after, len(known) - 1)] == values
    result: Ints = (2 * after + same).astype(np.int64, copy=False)
    return result


@lru_cache(512)
def _whole_table(known: tuple[float, ...]) -> tuple[float, Ints] | None:
    """Where the known values are whole and near each other: the first, and the slots from it on."""
    if known[-1] - known[0] > _TABLE or any(value != int(value) for value in known):
        return None
    values = np.arange(known[0], known[-1] + 1)
    array = np.asarray(known)
    left, right = (np.searchsorted(array, values, side) for side in ("left", "right"))
    return known[0], (left + right).astype(np.int64)


_TABLE: Final = 65_536


def distances(values: Floats, centre: float, scale: float) -> Floats:
    """How many scales the values are from the centre."""
    with np.errstate(over="ignore"):  # the farthest are infinitely far, and in the last bin
        found: Floats = values - centre if centre else values.copy()
        found *= 1.0 / scale
    return found


def fixed_point(z: Floats, farthest: float) -> tuple[Floats | None, Floats]:
    """Distances from the centre as whole numbers, high and low: see `from_fixed`.

    Where all are so near that doubles add even the whole distances exactly, high is None.

    Parameters
    ----------
    z
        From `distances`; used up.
    farthest
        None of them is greater, in either direction.
    """
    if farthest * len(z) * (HIGH * LOW) <= _EXACT:
        z *= HIGH * LOW
        return None, np.rint(z, out=z)
    np.clip(z, -CLIP, CLIP, out=z)
    z *= HIGH
    high = np.trunc(z)
    z -= high
    z *= LOW
    return high, np.rint(z, out=z)


def from_fixed(high: Any, low: Any, scale: float) -> Any:
    """The sum of distances from the centre, in the column's units."""
    return (high + low / LOW) * (scale / HIGH)


def carried(high: Ints, low: Ints) -> tuple[Ints, Ints]:
    """The same sums with 0 ≤ low < 2²⁸: one way to write each."""
    carry = low >> 28
    return high + carry, low - (carry << 28)


def ranked(places: Ints) -> tuple[Ints, Ints]:
    """The different places, ascending, and which of them each entry has: as ``np.unique``, but
    without sorting where they reach not far.
    """
    reach = int(places.max()) + 1 if len(places) else 0
    if reach > _RANKED + 8 * len(places):
        found, which = np.unique(places, return_inverse=True)
        return found, which
    held = np.zeros(reach, dtype=bool)
    held[places] = True
    found = np.flatnonzero(held)
    rank = np.empty(reach, dtype=np.int64)
    rank[found] = np.arange(len(found))
    return found, rank[places]


_RANKED: Final = 65_536


@lru_cache(512)
def bin_edges(centre: float, scale: float, atoms: tuple[float, ...]) -> Edges:
    """The ends of the slots of a grid of bins."""
    half = np.arange(-HALF, HALF + 1) - 0.5
    with np.errstate(divide="ignore"):
        u = np.clip(half / HALF, -1.0, 1.0)
        borders = centre + scale * (u / (1.0 - np.abs(u)))
    left, right = borders, np.append(borders[1:], np.inf)
    left[0] = -np.inf
    atom = np.zeros(len(left), dtype=bool)
    bins = bin_slots(np.asarray(atoms, dtype=float), centre, scale, ())
    # From the right, so that the places of the others still hold.
    for value, at in sorted(zip(atoms, bins.tolist(), strict=True), reverse=True):
        left = np.concatenate([left[: at + 1], [value, value], left[at + 1 :]])
        right = np.concatenate([right[:at], [value, value], right[at:]])
        atom = np.concatenate([atom[: at + 1], [True, False], atom[at + 1 :]])
    return Edges(left, right, atom)


@lru_cache(512)
def value_edges(known: tuple[float, ...]) -> Edges:
    """The ends of the slots of a grid of values."""
    values = np.asarray(known, dtype=float)
    left, right = np.empty(2 * len(values) + 1), np.empty(2 * len(values) + 1)
    left[1::2] = right[1::2] = values
    left[0], left[2::2] = -np.inf, values
    right[0:-1:2], right[-1] = values, np.inf
    atom = np.zeros(len(left), dtype=bool)
    atom[1::2] = True
    return Edges(left, right, atom)
