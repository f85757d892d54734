"""``- monitor: {monitor: delay, severity: alert}``: nothing that a monitor watches may alarm."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from mlops_lab.errors import LabError
from mlops_lab.monitoring.spec import find_monitor, read_spec
from mlops_lab.orchestration.gates.facts import GateFacts
from mlops_lab.orchestration.gates.kind import GateKind, Ruling
from mlops_lab.shapes import Duration, Line, Shape, seconds

if TYPE_CHECKING:
    from mlops_lab.document import Place
    from mlops_lab.monitoring.alerts import AlertRecord
    from mlops_lab.orchestration.gates.checking import GateChecker

__all__ = ["KIND"]

Cause = Literal["quality", "drift", "domain", "performance", "concept", "fairness", "prediction"]

_TOLD = 3


class Monitored(Shape):
    """Which monitor, and what of it rejects."""

    monitor: Line = Field(min_length=1, description="The name of a monitor in monitors/.")
    severity: Literal["alert", "warn"] = Field(
        default="alert", description="From which severity on an open alert rejects."
    )
    kinds: list[Cause] | None = Field(
        default=None,
        min_length=1,
        description="Only alerts of these kinds, such as [quality]. Default: all.",
    )
    max_age: Duration | None = Field(
        default=None, description="How old its last check may be, such as 7d. Default: any age."
    )


class MonitorGate(GateKind):
    """Asks a monitor's last check; alerts that somebody acknowledged or muted do not reject."""

    name = "monitor"
    shape = Monitored
    about = "A monitor whose last check left no alert open."
    example = "a map, such as {monitor: delay, severity: alert}"
    words: ClassVar[Mapping[str, str]] = {
        "monitor": "the name of a monitor in monitors/",
        "severity": "alert or warn",
        "kinds": "a list of quality, drift, domain, performance, concept, fairness, prediction",
        "max_age": "a duration with a unit, such as 7d or 12h",
    }

    def text(self, value: Any) -> str:
        """``monitor: delay has no open alert``."""
        rule: Monitored = value
        what = "alert" if rule.severity == "alert" else "alert or warning"
        kinds = f" of {', '.join(rule.kinds)}" if rule.kinds else ""
        age = f", checked within {rule.max_age}" if rule.max_age else ""
        return f"monitor: {rule.monitor} has no open {what}{kinds}{age}"

    def check(self, value: Any, place: Place, checker: GateChecker) -> Monitored:
        """The monitor must be there, and its file be sound."""
        rule: Monitored = value
        if checker.root is not None:
            try:
                path = find_monitor(checker.root, rule.monitor)
            except LabError as error:
                checker.fault((*place, "monitor"), error.message)
                return rule
            file = path.relative_to(checker.root).as_posix()
            spec, faults, _ = read_spec(path, file=file)
            if spec is None:
                checker.fault((*place, "monitor"), str(faults[0]))
        return rule

    def decide(self, rule: Any, facts: GateFacts) -> Ruling:
        """Reject while something alarms, or nobody has looked."""
        wanted: Monitored = rule
        if facts.monitor is None:
            return Ruling("rejected", f"{wanted.monitor} cannot be asked here")
        try:
            record, alerts = facts.monitor(wanted.monitor)
        except LabError as error:
            return Ruling("rejected", error.message.rstrip("."))
        if record.last is None:
            line = f"`mlops-lab monitor check {wanted.monitor}`"
            return Ruling("rejected", f"{wanted.monitor} has not been checked yet: {line}")
        if wanted.max_age is not None:
            age_s = (datetime.now(UTC) - record.last.at).total_seconds()
            if age_s > seconds(wanted.max_age):
                when = f"{record.last.at:%Y-%m-%d %H:%M} UTC"
                said = f"{wanted.monitor} was checked {when}, longer ago than {wanted.max_age}"
                return Ruling("rejected", said)
        levels = ("alert",) if wanted.severity == "alert" else ("alert", "warn")
        loud = [
            one
            for one in alerts
            if one.status == "open"
            and one.severity in levels
            and (wanted.kinds is None or one.kind in wanted.kinds)
        ]
        if not loud:
            return Ruling("passed", f"nothing that {wanted.monitor} watches alarms", 0.0, 0.0)
        return Ruling("rejected", _told(wanted.monitor, loud), float(len(loud)), 0.0)


KIND = MonitorGate()


def _told(monitor: str, loud: list[AlertRecord]) -> str:
    said = "; ".join(one.sentence.rstrip(".") for one in loud[:_TOLD])
    more = f" and {len(loud) - _TOLD} more" if len(loud) > _TOLD else ""
    return f"{monitor} alarms: {said}{more}"
