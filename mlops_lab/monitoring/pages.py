"""Monitors and alerts as REST and ``--json`` show them: pure functions of records."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from mlops_lab.monitoring.alerts import AlertDetail, AlertRecord
from mlops_lab.monitoring.delivering import Delivery
from mlops_lab.monitoring.records import WindowFound
from mlops_lab.monitoring.results import EvaluationRecord, MonitorRecord
from mlops_lab.monitoring.wire import encode

__all__ = [
    "alert_page",
    "alert_row",
    "alerts_page",
    "monitor_page",
    "monitor_row",
    "monitors_page",
    "need",
    "time_text",
    "window_page",
]

_CAUSE: Final = 80
"""Characters of a cause in a title."""


def time_text(at: datetime | None) -> str | None:
    """A time as ISO 8601 in UTC, microseconds and ``Z`` included."""
    if at is None:
        return None
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def monitors_page(records: Sequence[MonitorRecord]) -> dict[str, Any]:
    """All monitors of a project."""
    return {"monitors": [monitor_row(one) for one in records]}


def monitor_row(record: MonitorRecord) -> dict[str, Any]:
    """A monitor in the facts that a list shows."""
    spec, said = record.file.spec, record.file.said
    return {
        "name": record.name,
        "path": record.file.path,
        "state": record.state,
        "sentence": record.sentence,
        "current": spec.watched if spec else said.get("current"),
        "model": spec.model if spec else said.get("model"),
        "by": spec.cut if spec else None,
        "schedule": spec.schedule.text if spec and spec.schedule else None,
        "next_at": time_text(record.next_at),
        "running": record.running,
        "last": None
        if record.last is None
        else {
            "run_id": record.last.run_id,
            "at": time_text(record.last.at),
            "chunks": record.last.chunks,
            "rows": record.last.rows,
        },
        "open_alerts": record.open_alerts,
        "faults": [
            {
                "line": fault.mark.line,
                "column": fault.mark.column,
                "message": fault.as_dict()["message"],
            }
            for fault in record.file.faults
        ],
    }


def monitor_page(
    record: MonitorRecord,
    text: str,
    evaluations: Sequence[EvaluationRecord],
    deliveries: Sequence[Delivery],
) -> dict[str, Any]:
    """All about a monitor: its file, its checks, what its channels were told."""
    return {
        **monitor_row(record),
        "yaml": text,
        "evaluations": [
            {
                "run_id": one.run_id,
                "at": time_text(one.at),
                "state": one.state,
                "alerts": one.alerts,
                "until": time_text(one.until),
            }
            for one in evaluations
        ],
        "deliveries": [
            {
                "channel": one.channel,
                "on": one.event,
                "alert": one.alert,
                "run_id": one.run_id,
                "at": time_text(one.at),
                "ok": one.ok,
                "tries": one.tries,
                "sentence": one.sentence,
            }
            for one in deliveries
        ],
    }


def window_page(found: WindowFound) -> dict[str, Any]:
    """A range of chunks as if it were one."""
    page: dict[str, Any] = encode(found)
    return page


def alerts_page(records: Sequence[AlertRecord], waiting: int) -> dict[str, Any]:
    """Alerts, and how many of all wait for somebody."""
    return {"alerts": [alert_row(one) for one in records], "open": waiting}


def alert_row(record: AlertRecord) -> dict[str, Any]:
    """An alert in the facts that a list shows."""
    return {
        "id": record.id,
        "monitor": record.monitor,
        "key": record.key,
        "kind": record.kind,
        "severity": record.severity,
        "columns": list(record.columns),
        "chunk": record.chunk,
        "label": record.label,
        "sentence": record.sentence,
        "impact": record.impact,
        "status": record.status,
        "opened_at": time_text(record.opened_at),
        "updated_at": time_text(record.updated_at),
        "muted_until": time_text(record.muted_until),
        "by": record.by,
        "comment": record.comment,
        "run_id": record.run_id,
    }


def alert_page(detail: AlertDetail) -> dict[str, Any]:
    """All about an alert."""
    return {
        **alert_row(detail.record),
        "sections": [{"title": one.title, "lines": list(one.lines)} for one in detail.sections],
        "similar": [
            {"id": one.id, "label": one.label, "sentence": one.sentence} for one in detail.similar
        ],
        "history": [
            {"at": time_text(one.at), "by": one.by, "what": one.what, "comment": one.comment}
            for one in detail.history
        ],
    }


def need(record: AlertRecord, monitors: Container[str]) -> dict[str, Any]:
    """An alert as something that waits for a person; of two in one chunk each says what it is.

    Parameters
    ----------
    monitors
        Those that have a file. Without one nothing will ever look again: somebody has to end it.
    """
    cause = record.cause.replace(":", " ")[:_CAUSE] or record.kind
    return {
        "kind": "alert",
        "run_id": record.run_id,
        "alert": record.id,
        "monitor": record.monitor,
        "title": f"{record.monitor}: {cause}, {record.label}",
        "removed": record.monitor not in monitors,
        "detail": record.sentence[:300],
        "at": time_text(record.opened_at),
    }
