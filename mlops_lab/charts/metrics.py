"""Metrics of several runs over their steps, one chart for each metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["metric_curves"]


def metric_curves(rows: Sequence[Mapping[str, Any]], runs: Sequence[str]) -> Any:
    """Draw one chart per metric with a line for each run.

    Parameters
    ----------
    rows
        ``{"metric", "run", "step", "value"}``, the points of all lines.
    runs
        The runs' names in the order of their colours, at most five can be told apart.

    Returns
    -------
    alt.VConcatChart
    """
    import altair as alt

    metrics = list(dict.fromkeys(str(row["metric"]) for row in rows))
    charts = [
        alt.Chart(alt.InlineData([row for row in rows if row["metric"] == metric]), title=metric)
        .mark_line(point={"size": 18})
        .encode(
            x=alt.X("step:Q", title="step"),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
            color=alt.Color(
                "run:N",
                scale=alt.Scale(domain=list(runs)),
                legend=alt.Legend(title=None, orient="top", symbolType="stroke"),
            ),
            tooltip=["run:N", "step:Q", alt.Tooltip("value:Q", format=".4~g")],
        )
        .properties(height=150)
        for metric in metrics
    ]
    return charts[0] if len(charts) == 1 else alt.vconcat(*charts)
