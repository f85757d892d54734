"""``column``: a column of the reference that is gone, or is there under another name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

from mlops_lab.compute.types import kind_of_type
from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.monitoring.quality.shape import distance, shape_of, word_distance
from mlops_lab.monitoring.wording import listed, number

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts
    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.quality.material import Material
    from mlops_lab.monitoring.records import QualityFinding

__all__ = ["CHECK"]

ALIKE: Final = 0.15
"""How far a new column's distribution may be from that of the one that went …"""
NAMED: Final = 0.3
"""… and where their names are alike as well."""

SIMILAR: Final = 0.75
"""Share of two names that is the same, letters and digits only."""

MOST: Final = 30
"""Columns that went, and columns that came, of which every pair is compared."""


@dataclass(frozen=True, slots=True)
class _Match:
    name: str
    apart: float | None


class Column(Check):
    """Columns that went, and the new ones that look like them."""

    name = "column"
    about = "A column that is gone or has another name."
    rank = 10

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """Look for each column that went among those that came."""
        material = looking.material
        new = [one for one in material.types if one not in material.reference_types]
        new = [one for one in new if one not in material.ignored]
        gone = [
            (name, place)
            for name in material.grids
            if name not in material.ignored and (place := _gone_since(name, material)) is not None
        ]
        matches = _matches([name for name, _ in gone], new, looking)
        taken = {match.name for match in matches.values()}
        others = [one for one in new if one not in taken]
        for name, place in gone:
            # A column that only became empty, and that none looks like, is left to `missing`.
            if name in material.types and name not in matches:
                continue
            yield self._finding(name, place, matches.get(name), others, looking)
        if others:
            looking.notes.append(
                f"The reference has no {listed(others, 5)}: "
                f"{'it is' if len(others) == 1 else 'they are'} not compared."
            )

    def _finding(
        self, name: str, place: int, match: _Match | None, new: Sequence[str], looking: Looking
    ) -> QualityFinding:
        material = looking.material
        everywhere = name not in material.types
        since = "" if everywhere else f" since {material.labels[place]}"
        looking.explained |= {(name, one) for one in range(place, len(material.chunks))}
        if match is None:
            but = f"; new are {listed(new, 5)}" if new and everywhere else ""
            said = (
                f"{name} is gone{since}: the current data has no such column{but}. Give it back, "
                "or take it out of what is watched."
            )
        else:
            near = (
                "by its name"
                if match.apart is None
                else f"{'TVD' if _is_words(name, material) else 'D'} {number(match.apart)} from it"
            )
            said = (
                f"{name} is called {match.name} now{since}: {match.name} is new and looks the same "
                f"({near}). Rename it back where it is read."
            )
        return looking.found(
            self,
            "alert",
            said,
            column=name,
            place=None if everywhere else place,
            value=None if match is None else match.apart,
        )


CHECK = Column()


def _gone_since(name: str, material: Material) -> int | None:
    """Since which chunk there is no such column, or no value in it to the end."""
    if name not in material.types:
        return 0
    if name not in material.names:
        return None
    first = None
    for place in reversed(range(len(material.chunks))):
        now, usual = material.now(place, name), material.usual(place, name)
        if usual is None or not usual.total:
            return None
        if now.rows - now.missing - now.nan > 0:
            break
        first = place
    return first


def _matches(gone: Sequence[str], new: Sequence[str], looking: Looking) -> dict[str, _Match]:
    """For each column that went the new one that is most like it, each new one once."""
    material = looking.material
    pairs = []
    for name in gone[:MOST]:
        for other, apart in _compared(name, new[:MOST], material).items():
            similar = _similarity(name, other)
            limit = NAMED if similar >= SIMILAR else ALIKE
            if (apart is None and similar >= SIMILAR) or (apart is not None and apart <= limit):
                pairs.append((apart or 0.0, -similar, name, other, apart))
    found: dict[str, _Match] = {}
    for _, _, name, other, apart in sorted(pairs):
        if name not in found and other not in {match.name for match in found.values()}:
            found[name] = _Match(other, apart)
    return found


def _compared(name: str, new: Sequence[str], material: Material) -> dict[str, float | None]:
    """How far new columns of the same kind of type are from what a column was.

    None where only the name can tell: of identifiers and times.
    """
    from mlops_lab.compute import count
    from mlops_lab.compute.grids import Grids
    from mlops_lab.compute.kinds import KindFound

    before = kind_of_type(material.reference_types.get(name, ""))
    fitting = [one for one in new if kind_of_type(material.types[one]) == before]
    grid = material.grids[name]
    usual = material.compared.windows[-1].columns.get(name) if material.compared.windows else None
    if not fitting or usual is None or not usual.total:
        return {}
    if grid.form == "presence" or grid.kind in ("time", "text"):
        return dict.fromkeys(fitting)
    if material.source is None:
        return {}
    # Counted as the old column was: then the two can be compared.
    grids = Grids(
        {one: replace(grid, name=one) for one in fitting},
        {one: KindFound(grid.kind, "as the one that is gone") for one in fitting},
    )
    window = count(material.source, grids, tmp=material.tmp).window()
    return {one: _apart(window[one], usual) for one in fitting if window[one].total >= 1}


def _apart(now: Counts, usual: Counts) -> float:
    if now.grid.form == "words":
        return word_distance(now, usual)
    here, there = shape_of(now), shape_of(usual)
    return 1.0 if here is None or there is None else distance(here, there)


def _is_words(name: str, material: Material) -> bool:
    return material.grids[name].form == "words"


def _similarity(a: str, b: str) -> float:
    left, right = ("".join(filter(str.isalnum, one.lower())) for one in (a, b))
    return SequenceMatcher(None, left, right).ratio()
