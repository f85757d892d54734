"""Whether scores mean what they say: predicted share against what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_lab.charts.look import REFERENCE, WINDOW

__all__ = ["calibration"]

SIDE = 280
_AXIS = {"format": ".0%", "tickCount": 5}


def calibration(
    points: Sequence[Mapping[str, float | None]],
    *,
    reference: Sequence[Mapping[str, float | None]] = (),
    window: str = "window",
    event: str = "share",
) -> Any:
    """Draw a calibration curve with the intervals of its points beside the line of a perfect one.

    Parameters
    ----------
    points
        Per bin of scores ``{"score": mean score, "share": share observed, "n": rows}`` and
        ``low``, ``high`` where there is an interval.
    reference
        The same of the reference, drawn in grey.
    window
        What the points are called.
    event
        What was predicted, for the axis.

    Returns
    -------
    alt.LayerChart
    """
    import altair as alt

    rows = [
        {"of": of, **{key: one.get(key) for key in ("score", "share", "n", "low", "high")}}
        for of, found in (("reference", reference), (window, points))
        for one in found
    ]
    largest = max(
        (one.get(key) or 0 for one in (*reference, *points) for key in ("score", "share")),
        default=0,
    )
    end = min(1.0, 1.05 * max(0.01, largest))
    scale = alt.Scale(domain=[0, end], nice=True)
    colours = alt.Scale(domain=["reference", window], range=[REFERENCE, WINDOW])
    base = alt.Chart(alt.InlineData(rows)).encode(
        x=alt.X("score:Q", title="mean score", scale=scale, axis=_AXIS),
        color=alt.Color("of:N", scale=colours, legend=alt.Legend(title=None, orient="top")),
    )
    seen = alt.Y("share:Q", title=f"{event} observed", scale=scale, axis=_AXIS)
    line = base.mark_line(point=True).encode(
        y=seen,
        tooltip=[
            alt.Tooltip("of:N", title=" "),
            alt.Tooltip("score:Q", format=".1%"),
            alt.Tooltip("share:Q", format=".1%"),
            alt.Tooltip("n:Q", format=","),
        ],
    )
    bars = base.transform_filter("isValid(datum.low)").mark_rule().encode(y="low:Q", y2="high:Q")
    ends = [{"score": 0.0, "share": 0.0}, {"score": end, "share": end}]
    perfect = (
        alt.Chart(alt.InlineData(ends))
        .mark_line(color=REFERENCE, strokeDash=[4, 3], strokeWidth=1)
        .encode(x="score:Q", y="share:Q")
    )
    return alt.layer(perfect, bars, line).properties(width=SIDE, height=SIDE)
