"""Whether a classifier tells the two sides apart: by all columns at once, and by texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_lab.monitoring.counting import Counted, Side
from mlops_lab.monitoring.records import ChunkRecord, Incident, Section
from mlops_lab.monitoring.settings import Settings
from mlops_lab.wording import signed

if TYPE_CHECKING:
    from mlops_lab.monitoring.classifier import Separation
    from mlops_lab.monitoring.windows import Compared

__all__ = ["tell_apart"]

_LEARNT: Final = ("number", "integer", "category", "boolean")
_TEXTS: Final = 2_000
"""Of each side: more texts do not tell more, and each is read word by word."""


def tell_apart(
    both: Counted,
    compared: Compared,
    chunks: Sequence[ChunkRecord],
    settings: Settings,
    tmp: Path,
) -> tuple[list[Incident], list[str]]:
    """Ask classifiers, over the current data as a whole.

    Returns
    -------
    incidents, notes
        What they tell apart, and sentences of what they do not.
    """
    from mlops_lab.compute.sampling import sample_rows
    from mlops_lab.monitoring.classifier import SAMPLE, multivariate, text

    side = _reference(both, compared)
    if side is None or not chunks:
        return [], ["A rolling reference is another one for each chunk: no classifier was asked."]
    kinds = {name: both.grids[name].kind for name in both.columns if name in both.grids}
    incidents, notes = [], []

    def judge(name: str, columns: Sequence[str], found: Separation) -> None:
        if found.state in ("warn", "alert"):
            named = [driver for driver, _ in found.drivers if driver in columns]
            incidents.append(_incident(name, named or list(columns)[:1], found, chunks))
        else:
            notes.append(found.sentence)

    learnt = [name for name, kind in kinds.items() if kind in _LEARNT]
    if learnt:
        rows = [
            sample_rows(one.handy, learnt, rows=SAMPLE, tmp=tmp) for one in (side, both.current)
        ]
        judge("together", learnt, multivariate(rows[0], rows[1], policy=settings.policy))
    for name in (name for name, kind in kinds.items() if kind == "text"):
        before, after = (
            sample_rows(one.handy, [name], rows=_TEXTS, tmp=tmp)[name].tolist()
            for one in (side, both.current)
        )
        judge(f"text:{name}", [name], text(before, after, name=name, policy=settings.policy))
    return incidents, notes


def _reference(both: Counted, compared: Compared) -> Side | None:
    """What the last chunk is compared with; None of a rolling reference."""
    epoch = compared.epochs[-1] if compared.epochs else None
    return both.reference if epoch is None else both.versions[epoch]


def _incident(
    name: str, columns: Sequence[str], found: Separation, chunks: Sequence[ChunkRecord]
) -> Incident:
    drivers = tuple(
        f"{driver}: without it AUC is {signed(-loss)} smaller."
        for driver, loss in found.drivers
        if loss > 0
    )
    sections = [Section("What fired", (found.sentence,))]
    if drivers:
        sections.append(Section("Inputs", drivers))
    return Incident(
        key=f"drift:{name}@{chunks[0].key}",
        kind="drift",
        severity="alert" if found.state == "alert" else "warn",
        columns=tuple(columns),
        segment=None,
        first=chunks[0].key,
        last=chunks[-1].key,
        open=True,
        sentence=found.sentence,
        sections=tuple(sections),
    )
