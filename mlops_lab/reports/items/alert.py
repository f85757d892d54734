"""An alert: what fired, what explains it, and how the column looked then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import LabError
from mlops_lab.handles.monitor import Alert
from mlops_lab.monitoring.pages import alert_page
from mlops_lab.reports.evaluation import write_distribution, write_sections
from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.writer import Writer, state_word, time_html

if TYPE_CHECKING:
    from mlops_lab.monitoring.alerts import AlertRecord
    from mlops_lab.project import Project

__all__ = ["KIND"]

MOST_COLUMNS: Final = 4
"""Distributions that are drawn of an alert of many columns."""


class AlertItem(ItemKind):
    """One alert, explained."""

    name = "an alert"
    gives = "an evaluation (lab.drift(…), a monitor, an alert)"
    rank = 20

    def takes(self, thing: Any) -> bool:
        """The handles of alerts."""
        return isinstance(thing, Alert)

    def write(self, thing: Alert, out: Writer) -> None:
        """Write the sentence, the explanation, the pictures, what people did about it."""
        project = thing._project
        detail = project.monitors.detail(thing.id)
        record, page = detail.record, alert_page(detail)
        out.heading(record.sentence, glyph=record.severity)
        out.facts(
            [
                ("severity", state_word(record.severity)),
                ("state", state_word(record.status)),
                ("monitor", record.monitor),
                ("first in", record.label),
                ("columns", ", ".join(record.columns)),
                ("opened", time_html(record.opened_at)),
                ("muted until", time_html(record.muted_until)),
            ]
        )
        write_sections(page["sections"], out, level=3)
        _draw(project, record, out)
        if page["history"]:
            out.heading("What was done", 3)
            out.lines([_done(one) for one in page["history"]])
        if page["similar"]:
            out.heading("Similar alerts before", 3)
            out.lines([f"{one['label']}: {one['sentence']}" for one in page["similar"]])

    def told(self, thing: Alert) -> str:
        """By its id."""
        return f"alert {thing.id[:8]}"


def _done(one: Mapping[str, Any]) -> str:
    """What somebody did, when, and why."""
    at = str(one["at"] or "")[:16].replace("T", " ")
    what = " ".join(str(word) for word in (at, one["by"], one["what"]) if word)
    return f"{what}: {one['comment']}" if one["comment"] else what


def _draw(project: Project, record: AlertRecord, out: Writer) -> None:
    """Draw how its columns were distributed where each was worst, if that is still kept."""
    if record.chunk is None or not record.columns:
        return
    try:
        wire = project.monitors.evaluation(record.monitor, record.run_id).to_json()
    except LabError as error:
        out.told(f"What it was found in cannot be read any more: {error}")
        return
    for name in record.columns[:MOST_COLUMNS]:
        write_distribution(wire, name, (record.chunk, record.last or record.chunk), out)


KIND = AlertItem()
