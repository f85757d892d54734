"""``swapped``: two columns that hold each other's values."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Final

from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.monitoring.quality.shape import distance, shape_of, word_distance
from mlops_lab.wording import number

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts
    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.records import QualityFinding

__all__ = ["CHECK"]

APART: Final = 0.3
"""How far each must be from what it was …"""
ALIKE: Final = 0.15
"""… and how near to what the other one was."""

MOST: Final = 60
"""Columns that moved in one chunk: of more than so many, every pair is not looked at."""


class Swapped(Check):
    """Columns that were read in another order, or joined the wrong way round."""

    name = "swapped"
    about = "Two columns that hold each other's values."
    rank = 15

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """Look at the columns that moved at once, by pairs."""
        material = looking.material
        begun: dict[tuple[str, str], tuple[int, int]] = {}
        for place in range(len(material.chunks)):
            moved: dict[str, tuple[Counts, Counts]] = {}
            for name in material.names:
                usual = material.usual(place, name)
                now = material.now(place, name)
                if usual is None or min(now.total, usual.total) < material.policy.small:
                    continue
                if not looking.is_explained(name, place) and _is_odd(name, place, looking):
                    moved[name] = (now, usual)
                    if len(moved) > MOST:
                        break
            taken: set[str] = set()
            for a, b in combinations(moved, 2):
                if a in taken or b in taken or not _are_swapped(moved[a], moved[b]):
                    continue
                taken |= {a, b}
                first, last = begun.get((a, b), (place, place))
                first = first if last >= place - 1 else place
                begun[a, b] = (first, place)
                # One sentence of both: it is one fault.
                sentence = (
                    f"{a} and {b} look swapped{material.since(first, place)}: "
                    f"{_nearness(a, b, moved)}. Look at the order in which columns are read or "
                    "joined."
                )
                for one, other in ((a, b), (b, a)):
                    yield looking.found(
                        self,
                        "alert",
                        sentence,
                        column=one,
                        place=place,
                        value=_apart(moved[one][0], moved[other][1]),
                        usual=_apart(*moved[one]),
                        explains=True,
                    )


CHECK = Swapped()


def _is_odd(name: str, place: int, looking: Looking) -> bool:
    material = looking.material
    if material.grids[name].form != "words":
        return place in looking.moved(name)
    usual = material.usual(place, name)
    return usual is not None and word_distance(material.now(place, name), usual) >= APART


def _are_swapped(a: tuple[Counts, Counts], b: tuple[Counts, Counts]) -> bool:
    if (a[0].grid.form == "words") != (b[0].grid.form == "words"):
        return False
    if a[0].grid.form == "words" and not (_knows(a[0], b[1]) and _knows(b[0], a[1])):
        return False
    alike = max(_apart(a[0], b[1]), _apart(b[0], a[1]))
    return alike <= ALIKE and min(_apart(*a), _apart(*b)) >= max(APART, 2 * alike)


def _knows(now: Counts, usual: Counts) -> bool:
    """Whether the new words of one are known to the other: two vocabularies may be all foreign."""
    new = [word for word, _ in now.examples]
    known = set(usual.grid.words)
    return usual.other > 0 or all(word in known for word in new)


def _apart(now: Counts, usual: Counts) -> float:
    if now.grid.form == "words":
        return word_distance(now, usual)
    here, there = shape_of(now), shape_of(usual)
    return 1.0 if here is None or there is None else distance(here, there)


def _nearness(one: str, other: str, moved: dict[str, tuple[Counts, Counts]]) -> str:
    symbol = "TVD" if moved[one][0].grid.form == "words" else "D"
    was = _apart(*moved[one])
    swapped = _apart(moved[one][0], moved[other][1])
    return (
        f"what is in {one} is far from what was there before ({symbol} {number(was)}) and near to "
        f"what was in {other} ({symbol} {number(swapped)})"
    )
