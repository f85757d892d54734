"""Monitors, alerts and checks as the rows of tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from mlops_lab.handles.card import age
from mlops_lab.handles.held import Held
from mlops_lab.handles.table import Grid, Mark
from mlops_lab.monitoring.alerts import AlertRecord
from mlops_lab.monitoring.results import EvaluationRecord, MonitorRecord

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MARKS", "Alerts", "Evaluations", "Monitors"]

H = TypeVar("H")

# Shape and colour: a state is never said by colour alone.
MARKS = {
    "ok": ("✓", "var(--jp-mlops-finished, #28752c)"),
    "warn": ("!", "var(--jp-mlops-waiting, #8a5300)"),
    "alert": ("▲", "var(--jp-mlops-failed, #c62828)"),
    "quality": ("◆", "var(--jp-mlops-failed, #c62828)"),
    "small": ("·", "var(--jp-mlops-scheduled, #8a8d91)"),
    "never": ("○", "var(--jp-mlops-scheduled, #8a8d91)"),
    "invalid": ("✕", "var(--jp-mlops-failed, #c62828)"),
    "info": ("i", "var(--jp-mlops-scheduled, #8a8d91)"),
}


class Monitors(Held[MonitorRecord, H]):
    """The monitors of a project."""

    noun = "monitors"
    empty = "A monitor is a file monitors/NAME.yaml; evaluation.monitor_yaml() drafts one."

    def pick(self, rows: Sequence[H], indices: Sequence[int]) -> Monitors[H]:
        """Give only these rows."""
        return Monitors([self._records[index] for index in indices], self._handle)

    def arrow(self) -> pa.Table:
        """Give everything as columns."""
        import pyarrow

        records = self._records
        return pyarrow.table(
            {
                "name": [one.name for one in records],
                "state": [one.state for one in records],
                "sentence": [one.sentence for one in records],
                "checked_at": [one.last.at if one.last else None for one in records],
                "run_id": [one.last.run_id if one.last else None for one in records],
                "next_at": [one.next_at for one in records],
                "open_alerts": [one.open_alerts for one in records],
                "path": [one.file.path for one in records],
                "faults": [[str(fault) for fault in one.file.faults] for one in records],
            }
        )

    def grid(self, rows: Sequence[H]) -> Grid:
        """Give these rows as they are shown."""
        return Grid(
            ("name", "state", "checked", "alerts", "what it says"),
            tuple(
                (
                    one.name,
                    Mark(*MARKS[one.state], one.state),
                    age(one.last.at) if one.last else None,
                    one.open_alerts or None,
                    one.sentence,
                )
                for one in self.records_of(rows)
            ),
        )


class Alerts(Held[AlertRecord, H]):
    """Alerts of a project."""

    noun = "alerts"
    empty = "Nothing alarms."

    def pick(self, rows: Sequence[H], indices: Sequence[int]) -> Alerts[H]:
        """Give only these rows."""
        return Alerts([self._records[index] for index in indices], self._handle)

    def arrow(self) -> pa.Table:
        """Give everything as columns."""
        import pyarrow

        names = (
            *("id", "monitor", "key", "kind", "severity", "status", "chunk", "label", "sentence"),
            *("impact", "opened_at", "updated_at", "muted_until", "by", "comment", "run_id"),
        )
        columns: dict[str, Any] = {
            name: [getattr(one, name) for one in self._records] for name in names
        }
        columns["columns"] = [list(one.columns) for one in self._records]
        return pyarrow.table(columns)

    def grid(self, rows: Sequence[H]) -> Grid:
        """Give these rows as they are shown."""
        return Grid(
            ("id", "monitor", "when", "severity", "status", "impact", "what it says"),
            tuple(
                (
                    one.id[:8],
                    one.monitor,
                    one.label,
                    Mark(*MARKS.get(one.severity, MARKS["warn"]), one.severity),
                    one.status,
                    None if one.impact is None else float(f"{one.impact:.3g}"),
                    one.sentence,
                )
                for one in self.records_of(rows)
            ),
        )


class Evaluations(Held[EvaluationRecord, EvaluationRecord]):
    """The checks of a monitor."""

    noun = "checks"
    empty = 'It has not been checked yet: lab.monitor("NAME").check()'

    def __init__(
        self,
        records: Sequence[EvaluationRecord],
        handle: Callable[[EvaluationRecord], EvaluationRecord] = lambda one: one,
    ) -> None:
        super().__init__(records, handle)

    def pick(self, rows: Sequence[EvaluationRecord], indices: Sequence[int]) -> Evaluations:
        """Give only these rows."""
        return Evaluations([self._records[index] for index in indices])

    def arrow(self) -> pa.Table:
        """Give everything as columns."""
        import pyarrow

        names = ("run_id", "at", "state", "sentence", "alerts", "until", "chunks", "rows")
        return pyarrow.table(
            {name: [getattr(one, name) for one in self._records] for name in names}
        )

    def grid(self, rows: Sequence[EvaluationRecord]) -> Grid:
        """Give these rows as they are shown."""
        return Grid(
            ("run", "checked", "state", "alerts", "chunks", "rows", "what it says"),
            tuple(
                (
                    one.run_id[:8],
                    age(one.at),
                    Mark(*MARKS.get(one.state, MARKS["warn"]), one.state),
                    one.alerts or None,
                    one.chunks,
                    one.rows,
                    one.sentence,
                )
                for one in self.records_of(rows)
            ),
        )
