"""``column``: a column of the reference that is gone, or is there under another name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

from mlops_lab.compute.types import kind_of_type
from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.monitoring.quality.shape import distance, shape_of, word_distance
from mlops_lab.wording import listed, number, start

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts
    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.quality.material import Material
    from mlops_lab.monitoring.records import QualityFinding

__all__ = ["CHECK"]

ALIKE: Final = 0.1
"""How far a new column's distribution may be from that of the one that went …"""
NAMED: Final = 0.3
"""… and where their names are alike as well."""

SIMILAR: Final = 0.75
"""Share of two names that is the same, letters and digits only."""

TELLING: Final = 12
"""So many different values must be alike where names are not: many columns are yes or no."""

MOST: Final = 30
"""Columns that went, and columns that came, of which every pair is compared."""


@dataclass(frozen=True, slots=True)
class _Match:
    name: str
    apart: float | None
    symbol: str


class Column(Check):
    """Columns that went, and the new ones that look like them."""

    name = "column"
    about = "A column that is gone or has another name."
    rank = 10

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """Look for each column that went among those that came."""
        material = looking.material
        apart = material.ignored
        new = [
            one
            for one in material.types
            if one not in material.reference_types and one not in apart
        ]
        gone = [
            one
            for one in material.reference_types
            if one not in material.types and one not in apart
        ]
        empty = {
            name: place
            for name in material.names
            if name not in apart and (place := _empty_since(name, material)) is not None
        }
        matches = _matches(gone, list(empty), new, looking)
        unmatched = [one for one in gone if one not in matches]
        taken = {match.name for match in matches.values()}
        for name, match in matches.items():
            place = empty.get(name)
            since = "" if place is None else f" since {start(material.labels[place])}"
            first = place or 0
            looking.explained |= {(name, one) for one in range(first, len(material.chunks))}
            near = "by its name" if match.apart is None else f"{match.symbol} {number(match.apart)}"
            yield looking.found(
                self,
                "alert",
                f"{name} is called {match.name} now{since}: {match.name} is new and looks the same "
                f"({near}). Rename it back where it is read.",
                column=name,
                place=place,
                value=match.apart,
            )
        yield from self._gone(unmatched, looking)
        self._note(unmatched, [one for one in new if one not in taken], looking)

    def _gone(self, gone: Sequence[str], looking: Looking) -> Iterator[QualityFinding]:
        """Columns that were named must be there; of others nobody knows whether they should."""
        watched = looking.material.watched
        for name in gone:
            if watched is not None and name not in watched:
                continue
            yield looking.found(
                self,
                "warn" if watched is None else "alert",
                f"{name} is gone: the current data has no such column. Give it back, or take it "
                "out of what is watched.",
                column=name,
            )

    def _note(self, gone: Sequence[str], new: Sequence[str], looking: Looking) -> None:
        """Say what is on one side only, and no fault."""
        watched = looking.material.watched
        absent = [one for one in gone if watched is not None and one not in watched]
        for side, names in (("reference", new), ("current data", absent)):
            if names:
                they = "it is" if len(names) == 1 else "they are"
                looking.notes.append(f"The {side} has no {listed(names, 5)}: {they} not compared.")


CHECK = Column()


def _empty_since(name: str, material: Material) -> int | None:
    """Since which chunk a column has no value to the end, where it usually has."""
    first = None
    for place in reversed(range(len(material.chunks))):
        now, usual = material.now(place, name), material.usual(place, name)
        if usual is None or not usual.total or now.rows > now.missing + now.nan:
            break
        first = place
    return first


def _matches(
    gone: Sequence[str], empty: Sequence[str], new: Sequence[str], looking: Looking
) -> dict[str, _Match]:
    """For each column that went the new one that is most like it, each new one once."""
    material = looking.material
    if not new or not (gone or empty):
        return {}
    usual = _usual(gone[:MOST], material)
    last = material.compared.windows[-1].columns if material.compared.windows else {}
    usual |= {name: last[name] for name in empty[:MOST] if name in last}
    pairs = []
    for name, counts in usual.items():
        for other, apart in _compared(name, counts, new[:MOST], material).items():
            similar = _similarity(name, other)
            if apart is None:
                fits = similar >= SIMILAR
            elif similar >= SIMILAR:
                fits = apart <= NAMED
            else:
                fits = apart <= ALIKE and len(counts.keys) >= TELLING
            if fits:
                pairs.append((apart or 0.0, -similar, name, other, apart))
    found: dict[str, _Match] = {}
    for _, _, name, other, apart in sorted(pairs, key=lambda pair: pair[:4]):
        if name not in found and other not in {match.name for match in found.values()}:
            symbol = "TVD" if usual[name].grid.form == "words" else "D"
            found[name] = _Match(other, apart, symbol)
    return found


def _usual(names: Sequence[str], material: Material) -> dict[str, Counts]:
    """What columns were like that nobody counted, as the other side has none of them."""
    from mlops_lab.compute import count, fit_grids

    if not names or material.reference is None:
        return {}
    grids = fit_grids(material.reference, columns=list(names), tmp=material.tmp)
    return dict(count(material.reference, grids, tmp=material.tmp).window().columns)


def _compared(
    name: str, usual: Counts, new: Sequence[str], material: Material
) -> dict[str, float | None]:
    """How far new columns of the same kind of type are from what a column was.

    None where only the name can tell: of identifiers, times and texts.
    """
    from mlops_lab.compute import count
    from mlops_lab.compute.grids import Grids
    from mlops_lab.compute.kinds import KindFound

    before = kind_of_type(material.reference_types.get(name, ""))
    fitting = [one for one in new if kind_of_type(material.types[one]) == before]
    grid = usual.grid
    if not fitting or not usual.total:
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
    least = material.policy.small
    return {one: _apart(window[one], usual) for one in fitting if window[one].total >= least}


def _apart(now: Counts, usual: Counts) -> float:
    if now.grid.form == "words":
        return word_distance(now, usual)
    here, there = shape_of(now), shape_of(usual)
    return 1.0 if here is None or there is None else distance(here, there)


def _similarity(a: str, b: str) -> float:
    left, right = ("".join(filter(str.isalnum, one.lower())) for one in (a, b))
    return SequenceMatcher(None, left, right).ratio()
