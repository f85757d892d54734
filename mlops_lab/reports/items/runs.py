"""Several runs beside one another: what differs between them, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mlops_lab.handles.run import Run
from mlops_lab.handles.runs import Runs, runs_of
from mlops_lab.reports.items.chart import write_chart
from mlops_lab.reports.items.table import cells_of
from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.writer import Writer

__all__ = ["KIND"]

MOST_LINES: Final = 5
"""Lines that can be told apart by their colours."""
MOST_CHARTS: Final = 6
_POINTS: Final = 120


class RunsItem(ItemKind):
    """A comparison of runs."""

    name = "a comparison of runs"
    gives = "several runs (lab.runs(…)[:5], or a list of runs)"
    rank = 15

    def takes(self, thing: Any) -> bool:
        """A search of runs, or a list of them."""
        if isinstance(thing, Runs):
            return True
        return (
            isinstance(thing, list | tuple)
            and len(thing) > 0
            and all(isinstance(one, Run) for one in thing)
        )

    def write(self, thing: Any, out: Writer) -> None:
        """Write the table of differences and the curves of the first runs."""
        found = thing if isinstance(thing, Runs) else runs_of(list(thing))
        if not len(found):
            out.sentence("No run was found.")
            return
        chosen = found[: max(MOST_LINES, 50)]
        out.heading(f"{len(found):,} runs" if len(found) > 1 else "1 run")
        cells = cells_of(chosen.compare(len(chosen)))
        out.table(cells)
        if len(chosen) < len(found):
            out.told(f"The first {len(chosen):,} of {len(found):,} runs.")
        _write_curves(list(chosen[:MOST_LINES]), out)

    def told(self, thing: Any) -> str:
        """By how many they are."""
        return f"{len(thing):,} runs"


def _write_curves(found: Sequence[Run], out: Writer) -> None:
    from mlops_lab.charts import chart_dict, metric_curves

    names = _names(found)
    rows, metrics = [], list[str]()
    for run, name in zip(found, names, strict=True):
        for metric in run._project.runs.metrics(run.id):
            if metric.key.startswith("system/") or metric.n < 2:
                continue
            if metric.key not in metrics:
                if len(metrics) == MOST_CHARTS:
                    continue
                metrics.append(metric.key)
            history = run.history(metric.key, points=_POINTS)
            rows += [
                {"metric": metric.key, "run": name, "step": step, "value": value}
                for step, value in zip(history.steps, history.values, strict=True)
                if value == value and abs(value) != float("inf")
            ]
    if not rows:
        return
    rows.sort(key=lambda row: metrics.index(str(row["metric"])))
    out.heading("Curves", 3)
    write_chart(chart_dict(metric_curves(rows, names)), out)
    out.told(f"Of {'the first ' if len(found) == MOST_LINES else ''}{len(found)} runs.")


def _names(found: Sequence[Run]) -> list[str]:
    """Their names; where two are called the same, with the beginning of their ids."""
    names = [run.name for run in found]
    return [
        name if names.count(name) == 1 else f"{name} {run.id[:4]}"
        for run, name in zip(found, names, strict=True)
    ]


KIND = RunsItem()
