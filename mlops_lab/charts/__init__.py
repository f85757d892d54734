"""Charts as Altair specifications: pure functions of small tables; Altair is loaded when one draws.

Views that people brush and link draw themselves; here is what stands still: in a report, in a
notebook, in a run's artifacts.
"""

from __future__ import annotations

from typing import Any

from mlops_lab.charts.calibration import calibration
from mlops_lab.charts.distribution import distribution
from mlops_lab.charts.metrics import metric_curves

__all__ = ["calibration", "chart_dict", "distribution", "metric_curves"]


def chart_dict(chart: Any) -> dict[str, Any]:
    """Give the specification of an Altair chart with all of its rows.

    Altair's limit of 5,000 rows guards notebooks, not files that are checked for their size.
    """
    import altair as alt

    with alt.data_transformers.enable("default", max_rows=None):
        spec: dict[str, Any] = chart.to_dict()
    return spec
