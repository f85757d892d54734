"""``- fairness: {metric: evaluate.fpr, by: carrier, max_ratio: 1.25}``: groups side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mlops_lab.expressions import nearest
from mlops_lab.orchestration.gates.facts import GateFacts
from mlops_lab.orchestration.gates.kind import GateKind, Ruling
from mlops_lab.orchestration.gates.phrases import shown
from mlops_lab.orchestration.shapes import Line, Shape

if TYPE_CHECKING:
    from mlops_lab.document import Place
    from mlops_lab.orchestration.gates.checking import GateChecker
    from mlops_lab.tracking.records import MetricSummary

__all__ = ["KIND"]

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Fairness(Shape):
    """How far apart the groups of a column may be."""

    metric: Line = Field(
        min_length=1,
        description="step.metric; the step logs it for each group as metric/column=group.",
    )
    by: Line = Field(min_length=1, description="The column whose groups are compared.")
    max_ratio: Finite | None = Field(
        default=None, ge=1, description="The highest group divided by the lowest, at most."
    )
    max_difference: Finite | None = Field(
        default=None, ge=0, description="The highest group minus the lowest, at most."
    )
    min_count: int | None = Field(
        default=None,
        ge=1,
        description="Groups with fewer rows, logged as count/column=group, are left out.",
    )

    @model_validator(mode="after")
    def _limited(self) -> Fairness:
        if self.max_ratio is None and self.max_difference is None:
            raise PydanticCustomError("unlimited", "write max_ratio, max_difference or both")
        return self


@dataclass(frozen=True, slots=True)
class _Groups:
    """The groups that count, and how many are too small to."""

    values: Mapping[str, float]
    small: int


class FairnessGate(GateKind):
    """Compares the groups of a column with each other."""

    name = "fairness"
    shape = Fairness
    about = "How far apart the groups of a column may be in one metric."
    example = "a map, such as {metric: evaluate.fpr, by: carrier, max_ratio: 1.25}"
    words: ClassVar[Mapping[str, str]] = {
        "metric": "step.metric, such as evaluate.fpr",
        "by": "a column's name",
        "max_ratio": "a number from 1",
        "max_difference": "a number from 0",
        "min_count": "a whole number from 1",
    }

    def text(self, value: Any) -> str:
        """``fpr by carrier, ratio <= 1.25``."""
        rule: Fairness = value
        limits = []
        if rule.max_ratio is not None:
            limits.append(f"ratio <= {rule.max_ratio:g}")
        if rule.max_difference is not None:
            limits.append(f"difference <= {rule.max_difference:g}")
        return f"fairness: {rule.metric} by {rule.by}, {' and '.join(limits)}"

    def check(self, value: Any, place: Place, checker: GateChecker) -> Fairness | None:
        """Its step must exist; what the step logs is only known once it ran."""
        rule: Fairness = value
        step, dot, metric = rule.metric.partition(".")
        if step not in checker.model.steps:
            near = nearest(step, checker.model.steps)
            checker.fault(
                (*place, "metric"),
                f"There is no step {step!r}; a fairness gate writes step.metric.",
                suggestion=f"{near}.{metric}" if near and metric else None,
            )
        elif not dot or not metric:
            checker.fault((*place, "metric"), f"Step {step} needs a metric: {step}.fpr.")
        else:
            return rule
        return None

    def decide(self, rule: Any, facts: GateFacts) -> Ruling:
        """Compare the highest group with the lowest."""
        wanted: Fairness = rule
        step, _, metric = wanted.metric.partition(".")
        logged = facts.metrics.get(step, {})
        groups = _groups(wanted, metric, logged)
        if isinstance(groups, str):
            return Ruling("rejected", groups)
        values = groups.values
        low, high = (pick(values, key=lambda one: (values[one], one)) for pick in (min, max))
        a, b = values[low], values[high]
        spread = (
            f"{metric} by {wanted.by} goes from {_named(low)} {shown(a)}"
            f" to {_named(high)} {shown(b)}"
            f" over {len(values)} groups"
        )
        if groups.small:
            spread += f" ({groups.small} below {wanted.min_count} rows left out)"
        holds, limits = True, []
        left: float | None = None
        right: float | None = None
        for name, measured, limit in (
            ("difference", b - a, wanted.max_difference),
            ("ratio", _ratio(a, b), wanted.max_ratio),
        ):
            if limit is None:
                continue
            left, right = measured, limit
            met = measured <= limit
            holds = holds and met
            words = "is at most" if met else "is above"
            limits.append(f"its {name} {_told(measured, limit)} {words} {limit:g}")
        return Ruling(
            "passed" if holds else "rejected", f"{spread}; {' and '.join(limits)}", left, right
        )


KIND = FairnessGate()


def _groups(wanted: Fairness, metric: str, logged: Mapping[str, MetricSummary]) -> _Groups | str:
    """The groups' values, or why they cannot be compared."""
    step = wanted.metric.partition(".")[0]
    prefix = f"{metric}/{wanted.by}="
    found = {
        key.removeprefix(prefix): one.last for key, one in logged.items() if key.startswith(prefix)
    }
    if not found:
        return f"step {step} logged no metric {prefix}…, one for each {wanted.by}"
    kept: dict[str, float] = {}
    for group, value in sorted(found.items()):
        if wanted.min_count is not None:
            count = logged.get(f"count/{wanted.by}={group}")
            if count is None:
                return (
                    f"step {step} logged no count/{wanted.by}={group}, and min_count asks how "
                    "many rows a group has"
                )
            if math.isnan(count.last):
                # Not to be left out as a small one: a NaN must not open a gate.
                return f"count/{wanted.by}={group} is NaN"
            if count.last < wanted.min_count:
                continue
        kept[group] = value
    for group, value in kept.items():
        if not math.isfinite(value):
            return f"{prefix}{group} is {shown(value)}"
        if value < 0 and wanted.max_ratio is not None:
            return f"{prefix}{group} is {shown(value)}: numbers below 0 have no ratio"
    if len(kept) < 2:
        least = f" with at least {wanted.min_count} rows" if wanted.min_count else ""
        few = f"only {_named(next(iter(kept)))} is" if kept else "none is"
        return f"{metric} by {wanted.by}: {few} a group{least}, and one alone cannot be compared"
    return _Groups(kept, len(found) - len(kept))


def _named(group: str) -> str:
    """A group as a sentence has it; of rows without a value the name may be empty."""
    return group or "(no name)"


def _ratio(low: float, high: float) -> float:
    if low == high:
        return 1.0
    return high / low if low > 0 else math.inf


def _told(measured: float, limit: float) -> str:
    """As many digits as tell the number from its limit, at least 3."""
    for digits in range(3, 17):
        text = shown(measured, digits)
        if measured == limit or text != f"{limit:.{digits}g}":
            return text
    return shown(measured, 17)
