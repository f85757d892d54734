"""An evaluation: what `lab.drift` gives, and what a monitor's check has kept."""

from __future__ import annotations

from typing import Any

from mlops_lab.errors import LabError
from mlops_lab.handles.evaluation import Evaluation
from mlops_lab.handles.run import Run
from mlops_lab.monitoring.records import Evaluation as Record
from mlops_lab.reports.evaluation import write_evaluation
from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.writer import Writer

__all__ = ["KIND"]

ARTIFACT = "evaluation.json"


class EvaluationItem(ItemKind):
    """One look at current data beside reference data."""

    name = "an evaluation"
    gives = "an evaluation (lab.drift(…), a monitor, an alert)"
    rank = 5

    def takes(self, thing: Any) -> bool:
        """The handle, the record behind it, and the run of a check."""
        if isinstance(thing, Evaluation | Record):
            return True
        if not isinstance(thing, Run):
            return False
        try:
            return thing.kind == "monitor" and ARTIFACT in thing.artifacts
        except LabError:
            return False  # the kind of other runs says why it cannot be read

    def write(self, thing: Any, out: Writer) -> None:
        """Write the view, then all of it in words."""
        wire = thing.artifacts[ARTIFACT].json() if isinstance(thing, Run) else thing.to_json()
        write_evaluation(wire, out)

    def told(self, thing: Any) -> str:
        """By what it compares."""
        return f"run {thing.id[:8]}" if isinstance(thing, Run) else str(thing.title)


KIND = EvaluationItem()
