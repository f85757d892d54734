"""What the statistics come to for a column, chunk by chunk, and in the reference itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from blake3 import blake3

from mlops_lab.compute.cube import FACTS
from mlops_lab.compute.kinds import Kind
from mlops_lab.monitoring.columns import Measure
from mlops_lab.monitoring.policy import CellFacts, LineFacts, natural_range
from mlops_lab.monitoring.recalling import recalled
from mlops_lab.monitoring.settings import Keep, Policy

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts, Window
    from mlops_lab.compute.statistics import Measured
    from mlops_lab.monitoring.windows import Compared

__all__ = [
    "ALSO",
    "EFFECTS",
    "ColumnLine",
    "chance_of",
    "effect_of",
    "measure_columns",
    "measure_of",
]

EFFECTS: Final[Mapping[Measure, str]] = {"ks": "ks", "tvd": "total_variation_excess"}
"""The registered statistic that is the effect of each measure."""

ALSO: Final = ("wasserstein", "psi", "jensen_shannon", "total_variation", "chi_square")
"""What is measured besides, where the column's kind has it."""

_RARE: Final = 0.1
"""A flag whose rarer value has a smaller share is judged by points and factor."""


@dataclass(slots=True)
class ColumnLine:
    """A column over the chunks, before it is judged.

    Attributes
    ----------
    effect, p_value, n, n_reference
        By chunk; None where there are no values on one of the sides.
    also
        By registered statistic and chunk.
    naturals
        By chunk, what the effect may reach; None is unknown.
    missing, median
        By chunk.
    flag
        Whether it is a rare flag, with levels of its own.
    """

    name: str
    kind: Kind
    measure: Measure
    effect: list[Measured | None] = field(default_factory=list)
    p_value: list[float | None] = field(default_factory=list)
    n: list[int] = field(default_factory=list)
    n_reference: list[int] = field(default_factory=list)
    also: dict[str, list[float | None]] = field(default_factory=dict)
    naturals: list[float | None] = field(default_factory=list)
    missing: list[float | None] = field(default_factory=list)
    median: list[float | None] = field(default_factory=list)
    enough: list[bool] = field(default_factory=list)
    flag: bool = False

    def levels(self, policy: Policy) -> tuple[float, float]:
        """From which effect on it warns and alerts."""
        if self.flag:
            return policy.flag_warn, policy.flag_alert
        match self.measure:
            case "ks":
                return policy.ks_warn, policy.ks_alert
            case "tvd":
                return policy.tvd_warn, policy.tvd_alert
            case "auc":
                return policy.classifier_warn, policy.classifier_alert

    def facts(
        self,
        policy: Policy,
        epochs: Sequence[str | None],
        quality: Sequence[bool],
        judged: Sequence[bool],
    ) -> LineFacts:
        """What decides about it: see `mlops_lab.monitoring.policy.judge`."""
        warn, alert = self.levels(policy)
        cells = tuple(
            CellFacts(
                effect=None if effect is None else effect.low,
                p_value=self.p_value[place],
                n=min(self.n[place], self.n_reference[place]),
                natural=self.naturals[place],
                quality=quality[place],
                judged=judged[place],
                enough=self.enough[place],
            )
            for place, effect in enumerate(self.effect)
        )
        return LineFacts(cells, warn, alert, tuple(epochs))


def measure_of(kind: Kind) -> Measure | None:
    """By what drift of a kind is judged; None is by nothing.

    >>> measure_of("integer"), measure_of("boolean"), measure_of("id")
    ('ks', 'tvd', None)
    """
    match kind:
        case "number" | "integer" | "text":
            return "ks"
        case "category" | "boolean":
            return "tvd"
        case _:
            return None


def effect_of(measure: Measure, reference: Counts, current: Counts) -> Measured:
    """The statistic that judges, of two sides that both have values."""
    from mlops_lab.compute.statistics import STATISTICS

    return STATISTICS[EFFECTS[measure]].measure(reference, current)


def chance_of(
    measure: Measure, kind: Kind, effect: Measured, reference: Counts, current: Counts
) -> float:
    """The p-value of the effect."""
    from mlops_lab.compute.statistics import ks_p, significance

    if measure == "ks":
        return ks_p(effect.value, reference.total, current.total)  # D is there already
    return significance(reference, current, kind)


def measure_columns(
    kinds: Mapping[str, Kind],
    windows: Sequence[Window],
    compared: Compared,
    policy: Policy,
    *,
    rolling: bool = False,
    keep: Keep | None = None,
    contents: Mapping[str | None, str | None] = MappingProxyType({}),
    progress: Callable[[int, int], None] | None = None,
) -> list[ColumnLine]:
    """Measure columns in every chunk; those of a kind that nothing is measured of are left out.

    Parameters
    ----------
    kinds
        By column.
    windows
        Of the chunks.
    compared
        Their references.
    rolling
        Whether what is natural is what the chunks before came to, instead of the reference's own.
    keep
        Who keeps what a chunk came to beside a reference: the same two are measured once.
    contents
        By epoch, what stands for its reference's counts.
    progress
        Told how many of how many cells are measured.
    """
    lines = {
        name: ColumnLine(name, kind, measure, also={one: [] for one in ALSO})
        for name, kind in kinds.items()
        if (measure := measure_of(kind)) is not None
    }
    for line in lines.values():
        first = compared.windows[0][line.name] if compared.windows else None
        line.flag = line.kind == "boolean" and first is not None and _is_rare(first)
    seals: dict[int, str] = {}
    for place, (reference, window) in enumerate(zip(compared.windows, windows, strict=True)):

        def done(columns: int, before: int = place * len(lines)) -> None:
            if progress is not None:
                progress(before + columns, len(windows) * len(lines))

        cells = _cells(lines, reference, window, keep, seals, done)
        for name, line in lines.items():
            _add(line, cells[name], reference[name], window[name], policy)
    own = {} if rolling else _own(lines, compared, policy, keep, contents)
    for name, line in lines.items():
        if rolling:
            low = [None if one is None else one.value for one in line.effect]
            line.naturals = [_range(low[:at], policy) for at in range(len(low))]
        else:
            highs = {at: _range(one[name], policy) for at, one in own.items()}
            line.naturals = [highs.get(epoch) for epoch in compared.epochs]
        line.also = {
            one: values for one, values in line.also.items() if any(v is not None for v in values)
        }
    return list(lines.values())


def _own(
    lines: Mapping[str, ColumnLine],
    compared: Compared,
    policy: Policy,
    keep: Keep | None,
    contents: Mapping[str | None, str | None],
) -> dict[str | None, dict[str, list[float | None]]]:
    """By epoch and column, what the effect comes to in the reference's own chunks, each against
    the others.
    """

    def effects(pairs: Sequence[tuple[Window, Window]]) -> dict[str, list[float | None]]:
        return {
            name: [
                effect_of(line.measure, rest[name], part[name]).value
                for part, rest in pairs
                if min(part[name].total, rest[name].total) >= policy.drift_rows
            ]
            for name, line in lines.items()
        }

    told = [policy.drift_rows, [(name, line.measure) for name, line in lines.items()]]
    return {
        epoch: recalled(keep, contents.get(epoch), "own", told, partial(effects, pairs))
        for epoch, pairs in compared.own.items()
    }


def _cells(
    lines: Mapping[str, ColumnLine],
    reference: Window,
    current: Window,
    keep: Keep | None,
    seals: dict[int, str],
    done: Callable[[int], None],
) -> dict[str, Any]:
    """What a chunk comes to beside its reference, by column: the effect, its chance, and `ALSO`."""

    def measure() -> dict[str, Any]:
        cells = {}
        for place, (name, line) in enumerate(lines.items()):
            done(place)
            cells[name] = _measure_cell(line, reference[name], current[name])
        return cells

    if keep is None:
        return measure()
    if id(reference) not in seals:  # most chunks are compared with the same
        seals[id(reference)] = _seal(reference, lines)
    content = f"{seals[id(reference)]} {_seal(current, lines)}"
    found: dict[str, Any] = recalled(keep, content, "cells", None, measure)
    return found


def _seal(window: Window, lines: Mapping[str, ColumnLine]) -> str:
    """Stands for everything that is measured of a window."""
    seal = blake3()
    for name, line in lines.items():
        one = window[name]
        facts = [getattr(one, fact) for fact in FACTS]
        grid = one.grid.to_json()
        told = [name, line.measure, grid, facts, one.min, one.max, one.examples, len(one.keys)]
        seal.update(json.dumps(told).encode())
        for array in (one.keys, one.n, one.high, one.low):
            seal.update(array.tobytes())
    return seal.hexdigest()


def _measure_cell(line: ColumnLine, reference: Counts, current: Counts) -> Any:
    from mlops_lab.compute.statistics import STATISTICS

    if not current.total or not reference.total:
        return None
    effect = effect_of(line.measure, reference, current)
    also = [
        STATISTICS[one].measure(reference, current).value
        if line.kind in STATISTICS[one].kinds
        else None
        for one in ALSO
    ]
    chance = chance_of(line.measure, line.kind, effect, reference, current)
    return (effect.value, effect.low, effect.high), chance, also


def _add(line: ColumnLine, cell: Any, reference: Counts, current: Counts, policy: Policy) -> None:
    from mlops_lab.compute.statistics import Measured

    line.n.append(current.total)
    line.n_reference.append(reference.total)
    line.missing.append(current.missing_share if current.rows else None)
    median = current.median
    line.median.append(median if median == median else None)
    effect, chance, also = cell or (None, None, [None] * len(ALSO))
    known = None if effect is None else Measured(*effect)
    line.effect.append(known if known is not None and known.known else None)
    line.p_value.append(chance)
    line.enough.append(
        cell is None or not line.flag or _factor(reference, current) >= policy.flag_ratio
    )
    for values, value in zip(line.also.values(), also, strict=True):
        values.append(value)


def _is_rare(reference: Counts) -> bool:
    total = reference.total
    return total > 0 and min(reference.count_of(True), reference.count_of(False)) < _RARE * total


def _factor(reference: Counts, current: Counts) -> float:
    """How many times the share of the rarer value is what it was, or the other way round."""
    rarer = reference.count_of(True) <= reference.count_of(False)
    # One more on each side: none at all of few rows is not infinitely fewer.
    before = (reference.count_of(rarer) + 1) / (reference.total + 2)
    after = (current.count_of(rarer) + 1) / (current.total + 2)
    return max(before / after, after / before)


def _range(effects: Sequence[float | None], policy: Policy) -> float | None:
    """What an effect may reach."""
    found = natural_range(effects, policy, policy.effect_mad)
    return None if found is None else found.high
