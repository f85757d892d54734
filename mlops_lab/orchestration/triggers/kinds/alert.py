"""``- alert: delay``: what a monitor watches alarms, and nobody has it in hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from mlops_lab.errors import LabError
from mlops_lab.monitoring.spec import MonitorSpec, find_monitor, read_spec
from mlops_lab.names import parse_reference
from mlops_lab.orchestration.triggers.kind import (
    Cause,
    Limits,
    Look,
    Mark,
    Scene,
    TriggerKind,
    shortly,
)
from mlops_lab.orchestration.triggers.labels import labelled
from mlops_lab.serving.predictions import reading
from mlops_lab.shapes import Line, Shape

if TYPE_CHECKING:
    from mlops_lab.document import Place
    from mlops_lab.orchestration.triggers.checking import TriggerChecker

__all__ = ["KIND"]

_KINDS = Literal["quality", "drift", "domain", "performance", "concept", "fairness", "prediction"]
_TOLD: Final = 3

# What happened to the alerts of a monitor after a decision. One that goes on in a newer chunk
# counts as well: whoever was refused a new model tries again with newer labels, after the
# cool-down.
_CAME: Final = """
select a.id, a.sentence, max(e.n), min(e.t), max(e.t), a.run_id, a.kind, a.severity, a.status
from lab.alert_event e join lab.alerts a on a.id = e.alert
where a.monitor = $monitor and e.n > $n
  and e.kind in ('alert.open', 'alert.update', 'alert.reopen')
group by all order by max(e.n)
"""
_LAST: Final = "select coalesce(max(n), 0) from lab.alert_event where monitor = $monitor"
_UNTIL: Final = """
select until from lab.evaluations where run_id = $run
"""


class Alarmed(Shape):
    """Which monitor, and which of its alerts."""

    monitor: Line = Field(min_length=1, description="The name of a monitor in monitors/.")
    severity: Literal["alert", "warn"] = Field(
        default="alert", description="From which severity on an alert is a cause."
    )
    kinds: list[_KINDS] | None = Field(
        default=None,
        min_length=1,
        description="Only alerts of these kinds, such as [performance, domain]. Default: all.",
    )


class AlertTrigger(TriggerKind):
    """Alerts that opened, came again or went on, and that no person has settled.

    Which a check inside a run of this very pipeline has found are no cause, and neither is what
    was found before the monitored alias moved: the next check says whether it is still so.
    """

    name = "alert"
    shape = Annotated[Alarmed, shortly("monitor", Line | Alarmed)]
    about = "An open alert of a monitor."
    example = "the name of a monitor, or a map such as {monitor: delay, kinds: [performance]}"
    words: ClassVar[Mapping[str, str]] = {
        "monitor": "the name of a monitor in monitors/",
        "severity": "alert or warn",
        "kinds": "a list of quality, drift, domain, performance, concept, fairness, prediction",
    }
    usual = Limits(cooldown_s=86_400.0, max_per_day=24)
    facts: ClassVar[Mapping[str, str]] = {
        "alert": "the alert's id",
        "monitor": "the monitor's name",
        "until": "up to when the check saw data, in UTC",
        "day": "the day of that",
    }

    def text(self, value: Any) -> str:
        """``alert: delay``."""
        wanted: Alarmed = value
        kinds = f" of {', '.join(wanted.kinds)}" if wanted.kinds else ""
        least = ", warnings too" if wanted.severity == "warn" else ""
        return f"alert: {wanted.monitor}{kinds}{least}"

    def key(self, value: Any) -> str:
        """The monitor, and which of its alerts."""
        wanted: Alarmed = value
        kinds = ",".join(sorted(wanted.kinds or ()))
        return f"alert:{wanted.monitor}:{wanted.severity}:{kinds}".rstrip(":")

    def check(self, value: Any, place: Place, checker: TriggerChecker) -> Alarmed | None:
        """The monitor must be there; what is wrong in its file is its own fault."""
        wanted: Alarmed = value
        if checker.root is not None:
            try:
                find_monitor(checker.root, wanted.monitor)
            except LabError as error:
                checker.fault(place, error.message)
                return None
        return wanted

    def look(self, rule: Any, mark: Mark | None, scene: Scene) -> Look:
        """The alerts that the monitor has told of since."""
        wanted: Alarmed = rule
        asked: dict[str, Any] = {"monitor": wanted.monitor}
        with scene.store.read() as cursor:
            ((last,),) = cursor.execute(_LAST, asked).fetchall()
            rows: Sequence[Any] = []
            if mark is not None:
                rows = cursor.execute(_CAME, {**asked, "n": int(mark["n"])}).fetchall()
        now = {"n": max(int(last), int(mark["n"]) if mark else 0)}
        levels = ("alert",) if wanted.severity == "alert" else ("alert", "warn")
        loud = [
            row
            for row in rows
            if row[7] in levels and not (wanted.kinds and row[6] not in wanted.kinds)
        ]
        if not loud:
            return Look(now)
        waiting = [row for row in loud if row[8] == "open"]
        if not waiting:
            return Look(now, note=f"what {wanted.monitor} found is {loud[-1][8]}")
        own = scene.own([row[5] for row in waiting if row[5]])
        strange = [row for row in waiting if row[5] not in own]
        if not strange:
            return Look(now, note=f"this pipeline has found itself what {wanted.monitor} alarms")
        moved = self._moved(wanted, scene)
        fresh = [row for row in strange if moved is None or _moment(row[4]) > moved]
        if not fresh:
            said = f"the model was changed since {wanted.monitor} alarmed: its next check decides"
            return Look(now, note=said)
        return Look(now, self._cause(wanted, fresh, scene))

    def _cause(self, wanted: Alarmed, rows: Sequence[Any], scene: Scene) -> Cause:
        newest = rows[-1]
        told = "; ".join(str(row[1]).rstrip(".") for row in rows[-_TOLD:][::-1])
        more = f" and {len(rows) - _TOLD} more" if len(rows) > _TOLD else ""
        facts: dict[str, str | int] = {"alert": newest[0], "monitor": wanted.monitor}
        found = scene.store.query(_UNTIL, {"run": newest[5]}) if newest[5] else []
        until = str(found[0][0]) if found and found[0][0] else None
        facts["until"] = until or _moment(newest[4]).isoformat(timespec="seconds")
        facts["day"] = str(facts["until"])[:10]
        return Cause(
            f"alert:{newest[0]}:{newest[2]}",
            f"{wanted.monitor} alarms: {told}{more}",
            _moment(newest[4]),
            min(_moment(row[3]) for row in rows),
            facts,
            tuple(row[5] for row in rows if row[5]),
        )

    def _moved(self, wanted: Alarmed, scene: Scene) -> datetime | None:
        """When the alias whose model the monitor watches was moved last."""
        spec = _spec(scene.root, wanted.monitor)
        if spec is None or spec.model is None:
            return None
        reference = parse_reference(spec.model, "A model")
        models = scene.models()
        try:
            moves = models.history(reference.name, reference.alias or "champion")
        except LabError:
            return None
        return moves[0].since if moves else None

    def why_no_labels(self, rule: Any, scene_root: Path) -> str | None:
        """The monitor must say which column is the truth."""
        spec = _spec(scene_root, rule.monitor)
        if spec is None or spec.settings.get("target") is not None or spec.endpoint is not None:
            return None  # of an endpoint the only truth that was told will do
        return f"The monitor {rule.monitor} names no target, so nobody can count its labels."

    def labels(self, rule: Any, scene: Scene) -> int:
        """Rows of what the monitor watches whose target is not missing."""
        spec = scene.monitors().load(rule.monitor)
        if spec.endpoint is not None:
            name, role = spec.endpoint
            return reading.labelled(scene.root, name, spec.settings["target"], role=role)
        return labelled(scene.datasets(), spec.current, spec.settings["target"])


KIND = AlertTrigger()


def _spec(root: Path, monitor: str) -> MonitorSpec | None:
    try:
        spec, _, _ = read_spec(find_monitor(root, monitor))
    except LabError:
        return None
    return spec


def _moment(t: int) -> datetime:
    return datetime.fromtimestamp(t / 1_000_000, UTC)
