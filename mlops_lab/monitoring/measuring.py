"""What the statistics come to for a column, chunk by chunk, and in the reference itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mlops_lab.compute.kinds import Kind
from mlops_lab.monitoring.columns import Measure
from mlops_lab.monitoring.policy import CellFacts, LineFacts, NaturalRange, natural_range
from mlops_lab.monitoring.settings import Policy

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
    "measure_column",
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


def measure_column(
    name: str,
    kind: Kind,
    measure: Measure,
    windows: Sequence[Window],
    compared: Compared,
    policy: Policy,
    *,
    rolling: bool = False,
) -> ColumnLine:
    """Measure a column in every chunk.

    Parameters
    ----------
    windows
        Of the chunks.
    compared
        Their references.
    rolling
        Whether what is natural is what the chunks before came to, instead of the reference's own.
    """
    line = ColumnLine(name, kind, measure, also={one: [] for one in ALSO})
    line.flag = kind == "boolean" and bool(windows) and _is_rare(compared.windows[0][name])
    for reference, window in zip(compared.windows, windows, strict=True):
        _measure_cell(line, reference[name], window[name], policy)
    if rolling:
        low = [None if one is None else one.value for one in line.effect]
        line.naturals = [
            _high(natural_range(low[:place], policy, policy.effect_mad))
            for place in range(len(windows))
        ]
    else:
        highs = {
            epoch: _high(
                natural_range(_own_effects(name, measure, own, policy), policy, policy.effect_mad)
            )
            for epoch, own in compared.own.items()
        }
        line.naturals = [highs.get(epoch) for epoch in compared.epochs]
    line.also = {
        one: values for one, values in line.also.items() if any(v is not None for v in values)
    }
    return line


def _own_effects(
    name: str, measure: Measure, own: Sequence[tuple[Window, Window]], policy: Policy
) -> list[float | None]:
    """What the effect comes to in the reference's own chunks, each against the others."""
    return [
        effect_of(measure, rest[name], part[name]).value
        for part, rest in own
        if min(part[name].total, rest[name].total) >= policy.drift_rows
    ]


def _measure_cell(line: ColumnLine, reference: Counts, current: Counts, policy: Policy) -> None:
    from mlops_lab.compute.statistics import STATISTICS

    line.n.append(current.total)
    line.n_reference.append(reference.total)
    line.missing.append(current.missing_share if current.rows else None)
    median = current.median
    line.median.append(median if median == median else None)
    if not current.total or not reference.total:
        line.effect.append(None)
        line.p_value.append(None)
        line.enough.append(True)
        for values in line.also.values():
            values.append(None)
        return
    effect = effect_of(line.measure, reference, current)
    line.effect.append(effect if effect.known else None)
    line.p_value.append(chance_of(line.measure, line.kind, effect, reference, current))
    line.enough.append(not line.flag or _factor(reference, current) >= policy.flag_ratio)
    for one, values in line.also.items():
        statistic = STATISTICS[one]
        fits = line.kind in statistic.kinds
        values.append(statistic.measure(reference, current).value if fits else None)


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


def _high(found: NaturalRange | None) -> float | None:
    return None if found is None else found.high
