"""``duplicates``: rows that come twice, a feed that repeats itself, identifiers that do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.wording import counted, during, share

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts, Window
    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.records import QualityFinding

__all__ = ["CHECK"]

USUAL: Final = 0.2
"""Where so many rows of the reference repeat another one, rows are no things that come once."""

SLOTS: Final = 500
"""Two chunks are the same by chance only where there is less to tell them apart."""

MORE: Final = 1.1
"""Identifiers that repeat are told where they are so many times as many as the rows that do."""


class Duplicates(Check):
    """The same rows again."""

    name = "duplicates"
    about = "Rows, chunks and identifiers that come more than once."
    rank = 45

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """A chunk that repeats another one first: it explains its rows, and rows their ids."""
        places = set()
        again = 0
        for finding, place in self._chunks(looking):
            places.add(place)
            again += looking.material.current[place].rows
            yield finding
        for finding, rows in self._rows(looking, places):
            again += rows
            yield finding
        yield from self._ids(looking, again)

    def _chunks(self, looking: Looking) -> Iterator[tuple[QualityFinding, int]]:
        """Chunks whose columns have exactly the counts of the chunk before: the feed repeats."""
        material = looking.material
        # A row that is delivered again may have the time of the delivery.
        features = [
            name
            for name in material.names
            if name not in material.ignored and material.grids[name].kind != "time"
        ]
        for place in range(1, len(material.current)):
            now, before = material.current[place], material.current[place - 1]
            if now.rows < material.policy.small or now.rows != before.rows:
                continue
            if _are_same(now, before, features):
                yield (
                    looking.found(
                        self,
                        "alert",
                        f"{material.labels[place]} repeats {material.labels[place - 1]}: the same "
                        f"{counted(now.rows, 'row')}, with the same values in "
                        f"{counted(len(features), 'column')}. Look for a feed that stands still, "
                        "or a file that was delivered again.",
                        place=place,
                        value=1.0,
                        usual=0.0,
                    ),
                    place,
                )

    def _rows(self, looking: Looking, repeated: set[int]) -> Iterator[tuple[QualityFinding, int]]:
        """Chunks with rows that come twice, and how many they are."""
        material = looking.material
        found, usual = looking.scans.repeats()
        base = usual.repeated / usual.rows if usual is not None and usual.rows else 0.0
        if base >= USUAL:
            return
        policy = material.policy
        for place, one in found.items():
            if one.rows < policy.small or place in repeated:
                continue
            # Rows that are equal by chance are so more often among more rows.
            grown = max(1.0, one.rows / usual.rows) if usual is not None and usual.rows else 1.0
            value, expected = one.repeated / one.rows, min(1.0, base * grown)
            rose = value - expected
            if rose < policy.missing_warn or value < policy.missing_ratio * expected:
                continue
            where = f" {during(material.labels[place])}" if len(material.chunks) > 1 else ""
            finding = looking.found(
                self,
                "alert" if rose >= policy.missing_alert else "warn",
                f"{counted(one.repeated, 'row')} of {one.rows:,} ({share(value)}){where} repeat "
                f"another one in every column, usually {share(base)}. Look for a file that was "
                "read twice, or a join with several matches.",
                place=place,
                value=value,
                usual=base,
            )
            yield finding, one.repeated

    def _ids(self, looking: Looking, explained: int) -> Iterator[QualityFinding]:
        """Identifiers that the reference has once each, and that come again now.

        Parameters
        ----------
        explained
            Rows that are known to come again, as they do in every column.
        """
        material = looking.material
        names = tuple(name for name in material.names if material.grids[name].kind == "id")
        if not names:
            return
        usual = looking.scans.ids("reference", names)
        for name, (values, different) in looking.scans.ids("current", names).items():
            before = usual.get(name)
            if before is None or before[0] != before[1] or values == different:
                continue
            again = values - different
            if again <= MORE * explained:
                continue
            part = again / values
            outcomes = (
                f", or for a second {material.target} of one {name}: performance counts every row"
                if material.target in material.types
                else ""
            )
            yield looking.found(
                self,
                "alert" if part >= material.policy.missing_warn else "warn",
                f"{name} is no longer unique: {counted(again, 'value')} of {values:,} "
                f"({share(part)}) come again, and in the reference none does. Look for rows that "
                f"were delivered twice{outcomes}.",
                column=name,
                value=part,
                usual=0.0,
            )


CHECK = Duplicates()


def _are_same(now: Window, before: Window, names: list[str]) -> bool:
    held = 0
    for name in names:
        a, b = now[name], before[name]
        if not _equal(a, b):
            return False
        held += len(a.keys)
    # Few slots are equal by chance: one row a day of a switch that is off.
    return held >= min(SLOTS, now.rows // 2)


def _equal(a: Counts, b: Counts) -> bool:
    import numpy as np

    return (
        a.missing == b.missing
        and np.array_equal(a.keys, b.keys)
        and np.array_equal(a.n, b.n)
        and np.array_equal(a.low, b.low)
    )
