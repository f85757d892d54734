"""Monitors as Prometheus metrics: how each stands, what is open, when it looked last."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.monitoring.alerts import AlertRecord
from mlops_lab.monitoring.results import MonitorRecord

if TYPE_CHECKING:
    from prometheus_client.core import Metric

__all__ = ["MEDIA_TYPE", "metrics_text"]

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_STATES: Final = ("ok", "warn", "alert", "quality", "small", "never", "invalid")


def metrics_text(
    project: str, monitors: Sequence[MonitorRecord], alerts: Sequence[AlertRecord]
) -> str:
    """The monitors of a project in Prometheus' text format.

    Parameters
    ----------
    project
        Its name, the value of the label ``project``.
    monitors
        As they stand.
    alerts
        Those that are not resolved.
    """
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.registry import Collector

    class Monitors(Collector):
        def collect(self) -> Iterator[Metric]:
            yield from _families(project, monitors, alerts)

    registry = CollectorRegistry()
    registry.register(Monitors())
    return generate_latest(registry).decode()


def _families(
    project: str, monitors: Sequence[MonitorRecord], alerts: Sequence[AlertRecord]
) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    def gauge(name: str, about: str, labels: Sequence[str] = ()) -> Any:
        return GaugeMetricFamily(f"mlops_lab_{name}", about, labels=["project", "monitor", *labels])

    state = gauge("monitor_state", "1 for the state that a monitor is in.", ["state"])
    checked = gauge("monitor_last_check_timestamp_seconds", "When it was checked last.")
    until = gauge("monitor_data_until_timestamp_seconds", "The end of the data that it saw.")
    rows = gauge("monitor_rows", "Rows that the last check saw.")
    going = gauge("monitor_alerts", "Alerts that are not resolved.", ["severity", "status"])
    for one in monitors:
        who = [project, one.name]
        for word in _STATES:
            state.add_metric([*who, word], float(one.state == word))
        if one.last is not None:
            checked.add_metric(who, one.last.at.timestamp())
            rows.add_metric(who, one.last.rows)
            if one.last.until is not None:
                until.add_metric(who, one.last.until.timestamp())
    known = [one.name for one in monitors]
    for name in dict.fromkeys([*known, *(one.monitor for one in alerts)]):
        for severity in ("alert", "warn", "info"):
            for status in ("open", "acknowledged", "muted"):
                count = sum(
                    (one.monitor, one.severity, one.status) == (name, severity, status)
                    for one in alerts
                )
                going.add_metric([project, name, severity, status], count)
    impact = gauge(
        "alert_impact", "Drift times importance of an alert that is not resolved.", ["alert", "key"]
    )
    for alert in alerts:
        if alert.impact is not None and math.isfinite(alert.impact):
            impact.add_metric([project, alert.monitor, alert.id, alert.key], alert.impact)
    yield from (state, checked, until, rows, going, impact)
