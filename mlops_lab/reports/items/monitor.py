"""A monitor: its last look, and the alerts that it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_lab.handles.monitor import Monitor
from mlops_lab.monitoring.pages import alert_row
from mlops_lab.reports.evaluation import write_evaluation
from mlops_lab.reports.html import Html
from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.table import Cells
from mlops_lab.reports.writer import Writer, state_word, time_html

if TYPE_CHECKING:
    from mlops_lab.monitoring.alerts import AlertRecord

__all__ = ["KIND"]


class MonitorItem(ItemKind):
    """What a monitor found last."""

    name = "a monitor"
    gives = "an evaluation (lab.drift(…), a monitor, an alert)"
    rank = 20

    def takes(self, thing: Any) -> bool:
        """The handles of monitors."""
        return isinstance(thing, Monitor)

    def write(self, thing: Monitor, out: Writer) -> None:
        """Write its last evaluation with its alerts as they are now."""
        monitors = thing._project.monitors
        wire = monitors.evaluation(thing.name).to_json()
        alerts = monitors.alerts(monitor=thing.name)
        write_evaluation(wire, out, alerts=[alert_row(one) for one in alerts])
        if alerts:
            out.heading("Alerts of this monitor", 3)
            rows = [_row(one) for one in alerts]
            out.table(Cells(("state", "severity", "since", "what", "by", "comment"), rows))

    def told(self, thing: Monitor) -> str:
        """By its name."""
        return f"monitor {thing.name}"


def _row(alert: AlertRecord) -> tuple[Any, ...]:
    return (
        Html(state_word(alert.status).markup, alert.status),
        Html(state_word(alert.severity).markup, alert.severity),
        time_html(alert.opened_at),
        alert.sentence,
        alert.by,
        alert.comment or None,
    )


KIND = MonitorItem()
