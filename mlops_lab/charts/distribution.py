"""How a column is distributed in the reference and in a window, over one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from mlops_lab.charts.look import HEIGHT, REFERENCE, WIDTH, WINDOW

__all__ = ["distribution"]


def distribution(
    name: str,
    bins: Mapping[str, Any],
    reference: Sequence[float],
    current: Sequence[float],
    *,
    window: str = "window",
    unit: str | None = None,
) -> Any:
    """Draw the shares of a column's bins: the reference as a grey area, the window as a line.

    Parameters
    ----------
    name
        The column.
    bins
        ``{"kind": "number", "edges": [k + 1 numbers]}``, or ``{"kind": "category", "values": […],
        "other": bool, "new": bool}``, as an evaluation has them.
    reference, current
        Counts per bin, shape ``(k,)``; shares are taken of their sums.
    window
        What the current rows are called.
    unit
        Of the column's numbers.

    Returns
    -------
    alt.LayerChart or alt.Chart
    """
    if bins["kind"] == "number":
        return _numbers(name, bins["edges"], _shares(reference), _shares(current), window, unit)
    return _categories(name, bins, _shares(reference), _shares(current), window)


def _numbers(
    name: str,
    edges: Sequence[float],
    reference: Sequence[float],
    current: Sequence[float],
    window: str,
    unit: str | None,
) -> Any:
    import altair as alt

    # A step ends where the next begins: the last needs its own end to be seen at all.
    steps = [*pairwise(edges), (edges[-1], edges[-1])]
    rows = [
        {"from": low, "to": high, "of": of, "share": share}
        for of, shares in (("reference", reference), (window, current))
        for (low, high), share in zip(steps, [*shares, *shares[-1:]], strict=False)
    ]
    title = f"{name}, {unit}" if unit else name
    base = alt.Chart(alt.InlineData(rows)).encode(
        x=alt.X("from:Q", title=title, scale=alt.Scale(zero=False, nice=False)),
        y=alt.Y("share:Q", title="share of rows", axis=alt.Axis(format="%"), stack=None),
        color=_colours(window),
        tooltip=[
            alt.Tooltip("of:N", title=" "),
            alt.Tooltip("from:Q", title="from", format=".4~g"),
            alt.Tooltip("to:Q", title="to", format=".4~g"),
            alt.Tooltip("share:Q", format=".1%"),
        ],
    )
    area = base.transform_filter("datum.of === 'reference'").mark_area(
        interpolate="step-after", opacity=0.35, line=True
    )
    line = base.transform_filter("datum.of !== 'reference'").mark_line(
        interpolate="step-after", strokeWidth=2
    )
    return alt.layer(area, line).properties(width=WIDTH, height=HEIGHT)


def _categories(
    name: str,
    bins: Mapping[str, Any],
    reference: Sequence[float],
    current: Sequence[float],
    window: str,
) -> Any:
    import altair as alt

    values = [str(value) for value in bins["values"]]
    values += ["(others)"] if bins.get("other") else []
    values += ["(new)"] if bins.get("new") else []
    rows = [
        {"value": value, "of": of, "share": share}
        for of, shares in (("reference", reference), (window, current))
        for value, share in zip(values, shares, strict=False)
    ]
    return (
        alt.Chart(alt.InlineData(rows))
        .mark_bar()
        .encode(
            y=alt.Y("value:N", title=name, sort=values),
            yOffset=alt.YOffset("of:N", sort=["reference", window]),
            x=alt.X("share:Q", title="share of rows", axis=alt.Axis(format="%")),
            color=_colours(window),
            tooltip=[
                "value:N",
                alt.Tooltip("of:N", title=" "),
                alt.Tooltip("share:Q", format=".1%"),
            ],
        )
        .properties(width=WIDTH, height=alt.Step(9))
    )


def _colours(window: str) -> Any:
    import altair as alt

    scale = alt.Scale(domain=["reference", window], range=[REFERENCE, WINDOW])
    legend = alt.Legend(title=None, orient="top", symbolType="stroke", symbolOpacity=1)
    return alt.Color("of:N", scale=scale, legend=legend)


def _shares(counts: Sequence[float]) -> list[float]:
    total = float(sum(counts))
    return [float(count) / total if total else 0.0 for count in counts]
