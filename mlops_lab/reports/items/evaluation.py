"""An evaluation: what `lab.drift` gives, and what a monitor's check has kept."""

from __future__ import annotations

from typing import Any

from mlops_lab.errors import LabError
from mlops_lab.handles.evaluation import Evaluation
from mlops_lab.handles.monitor import Check
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
        """The handle, the record behind it, a check and its run."""
        if isinstance(thing, Evaluation | Record | Check):
            return True
        if not isinstance(thing, Run):
            return False
        try:
            return thing.kind == "monitor" and ARTIFACT in thing.artifacts
        except LabError:
            return False  # the kind of other runs says why it cannot be read

    def write(self, thing: Any, out: Writer) -> None:
        """Write the view, then all of it in words."""
        if isinstance(thing, Run):
            wire = thing.artifacts[ARTIFACT].json()
        else:
            wire = (thing.evaluation if isinstance(thing, Check) else thing).to_json()
        write_evaluation(wire, out)

    def told(self, thing: Any) -> str:
        """By what it compares."""
        if isinstance(thing, Run):
            return f"run {thing.id[:8]}"
        return str((thing.evaluation if isinstance(thing, Check) else thing).title)


KIND = EvaluationItem()
