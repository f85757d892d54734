"""``constant``: one value in every row, where there were several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.wording import counted, number, quoted, share

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts
    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.quality.material import Material
    from mlops_lab.monitoring.records import QualityFinding

__all__ = ["CHECK"]

COMMON: Final = 0.5
"""A value that more of the reference's rows have may have a chunk for itself: rows are no coins,
and a clear week has one visibility."""

_COUNTED = ("number", "integer", "category", "boolean")


class Constant(Check):
    """A column that stopped to vary: a default, a broken join, a frozen source."""

    name = "constant"
    about = "A column with one value only, where it had several."
    rank = 30

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """Look for chunks with one value that the reference would not have given alone."""
        material = looking.material
        for name in material.names:
            if material.grids[name].kind not in _COUNTED:
                continue
            first, last = 0, -2
            for place, now, usual in material.places(name, material.policy.small):
                if looking.is_explained(name, place) or not _is_frozen(now, usual):
                    continue
                if name in material.ignored or _was_before(name, place, material):
                    continue
                first, last = (first if last == place - 1 else place), place
                yield looking.found(
                    self,
                    "alert",
                    f"{name} is {_value(now)} in all of {counted(now.total, 'row')}"
                    f"{material.since(first, place)}; the reference has it in "
                    f"{share(_share(now, usual))}. Look for a default, or a source that stands "
                    "still.",
                    column=name,
                    place=place,
                    value=1.0,
                    usual=_share(now, usual),
                    explains=True,
                )


CHECK = Constant()


def _is_frozen(now: Counts, usual: Counts) -> bool:
    """Whether one slot has all, and it is not what most of the reference has."""
    if now.total < 2 or len(now.keys) != 1 or not usual.total:
        return False
    if now.grid.ordered and now.min != now.max:
        return False
    words = now.grid.form == "words" and int(now.keys[0]) >= now.grid.other_slot
    # Other and new words are many; only one of them is one value.
    if words and (len(now.examples) != 1 or now.examples[0][1] != now.total):
        return False
    return _share(now, usual) < COMMON


def _share(now: Counts, usual: Counts) -> float:
    """The usual share of the slot that has all now; 0 of one that was never there."""
    there = int(usual.n[usual.keys == now.keys[0]].sum())
    return there / usual.total if there else 0.0


def _was_before(name: str, place: int, material: Material) -> bool:
    """Whether chunks of the reference have one value each, too: a day has one date."""
    own = [part[name] for part, _ in material.own_at(place) if name in part.columns]
    return any(len(one.keys) == 1 and one.total > 1 for one in own)


def _value(now: Counts) -> str:
    if now.grid.ordered:
        return number(now.min, 6)
    if now.examples:
        return quoted(now.examples[0][0])
    return quoted(now.grid.labels()[int(now.keys[0])])
