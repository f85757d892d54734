"""Looking at the quality of data with every check there is, before anything is called drift."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mlops_lab.errors import LabError
from mlops_lab.monitoring.quality import kinds
from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.monitoring.quality.material import Material
from mlops_lab.monitoring.quality.scans import Scans
from mlops_lab.monitoring.quality.shape import is_moved
from mlops_lab.monitoring.records import QualityFinding

__all__ = ["CHECKS", "Looked", "Looking", "find_checks", "look"]


@dataclass(frozen=True, slots=True)
class Looked:
    """What all checks found.

    Parameters
    ----------
    findings
        By chunk, column and check; those about the whole come first.
    notes
        What a reader should know and what is no fault: a new column, a check that could not look.
    """

    findings: tuple[QualityFinding, ...]
    notes: tuple[str, ...]


@dataclass
class Looking:
    """One look: the material, the scans that checks share, and what was explained already.

    Attributes
    ----------
    explained
        Columns (in a chunk; None is everywhere) that a check has said the cause of: others need
        not say the symptom.
    notes
        Sentences that are no findings.
    """

    material: Material
    scans: Scans
    explained: set[tuple[str, int | None]] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    _moved: dict[str, frozenset[int]] = field(default_factory=dict)

    def moved(self, name: str) -> frozenset[int]:
        """Chunks in which a column of numbers is far from where it was: worth a closer look."""
        if name not in self._moved:
            material = self.material
            grid = material.grids[name]
            asked = grid.ordered and grid.kind in ("number", "integer")
            cells = material.places(name, material.policy.small) if asked else ()
            self._moved[name] = frozenset(
                place for place, now, usual in cells if is_moved(now, usual)
            )
        return self._moved[name]

    def is_explained(self, column: str, place: int) -> bool:
        """Whether the cause of what is odd in a column is known."""
        return (column, None) in self.explained or (column, place) in self.explained

    def found(
        self,
        check: Check,
        state: str,
        sentence: str,
        *,
        column: str | None = None,
        place: int | None = None,
        value: float | None = None,
        usual: float | None = None,
        explains: bool = False,
    ) -> QualityFinding:
        """Make a finding; with `explains` the column's other oddities are not said as well."""
        if explains and column is not None:
            self.explained.add((column, place))
        return QualityFinding(
            chunk=None if place is None else self.material.chunks[place].key,
            column=column,
            check=check.name,
            state="alert" if state == "alert" else "warn",
            sentence=sentence,
            value=value,
            usual=usual,
        )


def find_checks() -> Mapping[str, Check]:
    """Load every module of ``kinds/``; by rank, then by name."""
    found: list[Check] = [
        importlib.import_module(f"{kinds.__name__}.{one.name}").CHECK
        for one in pkgutil.iter_modules(kinds.__path__)
    ]
    found.sort(key=lambda check: (check.rank, check.name))
    return MappingProxyType({check.name: check for check in found})


CHECKS = find_checks()
"""By the name that findings have."""


def look(material: Material, progress: Callable[[float], None] | None = None) -> Looked:
    """Look at the quality of the current data.

    Parameters
    ----------
    material
        What was counted, on both sides.
    progress
        Told the share of the checks that have looked.

    Returns
    -------
    Looked
        Nothing on clean data: each check asks for an effect, for its proof, and for more than the
        reference's own chunks show.
    """
    findings: list[QualityFinding] = []
    with Scans(material) as scans:
        looking = Looking(material, scans)
        for done, check in enumerate(CHECKS.values()):
            try:
                findings.extend(check.look(looking))
            except LabError as error:
                # Data that cannot be scanned again is still looked at in every other way.
                looking.notes.append(f"The check {check.name} could not look: {error.message}")
            if progress is not None:
                progress((done + 1) / len(CHECKS))
    return Looked(tuple(_sorted(findings, material)), tuple(dict.fromkeys(looking.notes)))


def _sorted(findings: Iterable[QualityFinding], material: Material) -> list[QualityFinding]:
    places = {chunk.key: place for place, chunk in enumerate(material.chunks)}
    return sorted(
        findings,
        key=lambda one: (
            -1 if one.chunk is None else places[one.chunk],
            one.column or "",
            one.check,
        ),
    )
