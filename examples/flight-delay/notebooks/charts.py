"""The charts of the notebooks: functions of small tables, with one look.

Change one and run its cell again after `importlib.reload(charts)`.
"""

from __future__ import annotations

import sys
from typing import Any

# jsonschema, which Altair imports, builds a grammar of international addresses if this package is there:
# half of Altair's import time, for something that no chart needs.
sys.modules.setdefault("rfc3987_syntax", None)

import altair as alt
import numpy as np
import pandas as pd

BLUE, ORANGE, GREEN, PINK, OLIVE, GREY = (
    "#2a78c8",
    "#d9741c",
    "#2f9169",
    "#c2508b",
    "#8a8420",
    "#85898d",
)
WIDTH = 620
PERCENT = alt.Axis(format="%")

# --- what prepare draws ---------------------------------------------------------------------------


def block_minutes(routes: pd.DataFrame) -> alt.Chart:
    """Planned minutes by distance: columns origin, dest, clock, distance, minutes, flights."""
    return (
        alt.Chart(routes, title="Planned minutes by distance, one mark per route")
        .mark_point(opacity=0.55)
        .encode(
            x=alt.X("distance:Q", title="distance, miles"),
            y=alt.Y("minutes:Q", title="planned minutes from gate to gate"),
            color=alt.Color("clock:N"),
            size=alt.Size("flights:Q", legend=None, scale=alt.Scale(range=[10, 160])),
            tooltip=[
                "origin",
                "dest",
                "clock",
                alt.Tooltip("distance", title="miles"),
                alt.Tooltip("minutes", format=".0f"),
                "flights",
            ],
        )
        .properties(height=240)
    )


def missing_values(share: pd.DataFrame) -> alt.LayerChart:
    """Share of missing values: a row per carrier, a column per feature."""
    rows = share.reset_index().melt("carrier", var_name="feature", value_name="missing")
    base = alt.Chart(rows, title="Missing values by carrier, %").encode(
        x=alt.X("carrier:N", title=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("feature:N", title=None),
    )
    faint = alt.Scale(range=["rgba(128, 128, 128, 0.10)", BLUE])
    squares = base.mark_rect(cornerRadius=2).encode(
        color=alt.Color("missing:Q", scale=faint, legend=None),
        tooltip=["carrier", "feature", alt.Tooltip("missing", format=".1%")],
    )
    figures = (
        base.transform_filter("datum.missing >= 0.05")
        .transform_calculate(percent="round(100 * datum.missing)")
        .mark_text(fontSize=10)
        .encode(
            text="percent:Q",
            color=alt.condition("datum.missing > 0.4", alt.value("white"), alt.value(GREY)),
        )
    )
    return alt.layer(squares, figures).properties(width=alt.Step(34), height=alt.Step(24))


def late_by_week(weeks: pd.DataFrame) -> alt.LayerChart:
    """Late share over bars of volume: columns week, flights, late."""
    weeks = weeks.assign(week=_week_name(weeks["week"]))
    base = alt.Chart(weeks, title="Late arrivals by week, and how many flights arrived").encode(
        x=_week_axis(),
        tooltip=["week", alt.Tooltip("late", format=".1%"), alt.Tooltip("flights", format=",")],
    )
    bars = base.mark_bar(color=GREY, opacity=0.25).encode(
        y=alt.Y("flights:Q", title=None, axis=None)
    )
    line = base.mark_line(point=True).encode(y=alt.Y("late:Q", title="share late", axis=PERCENT))
    return alt.layer(bars, line).resolve_scale(y="independent")


def late_by_hour(hours: pd.DataFrame) -> alt.Chart:
    """Late share through the day: columns origin, hour, flights, late."""
    return (
        alt.Chart(hours, title="Late arrivals by hour of the scheduled departure")
        .mark_line(point=True)
        .encode(
            x=alt.X("hour:Q", title="hour, local time", axis=alt.Axis(tickCount=9)),
            y=alt.Y("late:Q", title="share late", axis=PERCENT),
            color=alt.Color("origin:N"),
            tooltip=[
                "origin",
                "hour",
                alt.Tooltip("late", format=".1%"),
                alt.Tooltip("flights", format=","),
            ],
        )
    )


# --- what train draws -----------------------------------------------------------------------------


def auc_by_week(weeks: pd.DataFrame) -> alt.Chart:
    """AUC of weeks that were not in training: columns week, estimator, auc, late, flights."""
    return (
        alt.Chart(
            weeks.assign(week=_week_name(weeks["week"])),
            title="AUC of each week when it was not in training",
        )
        .mark_line(point=True)
        .encode(
            x=_week_axis(),
            y=alt.Y("auc:Q", title="AUC", scale=alt.Scale(zero=False), axis=alt.Axis(format=".2f")),
            color=alt.Color("estimator:N"),
            tooltip=[
                "estimator",
                "week",
                alt.Tooltip("auc", format=".3f"),
                alt.Tooltip("late", title="share late", format=".1%"),
                alt.Tooltip("flights", format=","),
            ],
        )
    )


def learning_curve(curve: pd.DataFrame) -> alt.Chart:
    """Log loss while trees are added: columns trees, unseen, training."""
    names = {"unseen": "unseen weeks", "training": "training weeks"}
    rows = curve.rename(columns=names).melt("trees", var_name="weeks", value_name="loss")
    both = alt.Scale(domain=list(names.values()))
    return (
        alt.Chart(rows, title="Log loss while trees are added")
        .mark_line()
        .encode(
            x=alt.X("trees:Q"),
            y=alt.Y("loss:Q", title="log loss", scale=alt.Scale(zero=False)),
            color=alt.Color("weeks:N", scale=both),
            strokeDash=alt.StrokeDash("weeks:N", scale=both),
            tooltip=["weeks", "trees", alt.Tooltip("loss", title="log loss", format=".4f")],
        )
    )


def importance(features: pd.DataFrame) -> alt.LayerChart:
    """AUC lost by shuffling: columns feature, unit, loss, spread."""
    rows = features.assign(
        low=features["loss"] - features["spread"], high=features["loss"] + features["spread"]
    )
    base = alt.Chart(rows, title="AUC lost when a column is shuffled").encode(
        y=alt.Y("feature:N", title=None, sort=list(rows["feature"]))
    )
    bars = base.mark_bar(height=12, cornerRadius=2).encode(
        x=alt.X("loss:Q", title="AUC lost, with the spread of 3 shuffles"),
        tooltip=[
            "feature",
            "unit",
            alt.Tooltip("loss", format="+.4f"),
            alt.Tooltip("spread", format=".4f"),
        ],
    )
    spreads = base.mark_rule(strokeWidth=1.5).encode(x="low:Q", x2="high:Q")
    return alt.layer(bars, spreads).properties(height=alt.Step(20))


# --- what evaluate draws --------------------------------------------------------------------------


def ranking(roc: pd.DataFrame, pr: pd.DataFrame, late_rate: float) -> alt.HConcatChart:
    """ROC (columns false_alarms, found) beside precision and recall (columns found, right)."""
    half = (WIDTH - 50) // 2
    roc, pr = _thinned(roc), _thinned(pr)
    coin = _line({"x": [0, 1], "y": [0, 1]})
    left = (
        alt.Chart(roc, title="Found against warned in vain (ROC)")
        .mark_line()
        .encode(
            x=alt.X("false_alarms:Q", title="punctual flights warned", axis=PERCENT),
            y=alt.Y("found:Q", title="late flights found", axis=PERCENT),
            tooltip=[alt.Tooltip("found", format=".0%"), alt.Tooltip("false_alarms", format=".0%")],
        )
    )
    chance = alt.Chart(pd.DataFrame({"y": [late_rate]})).mark_rule(strokeWidth=1).encode(y="y:Q")
    right = (
        alt.Chart(pr, title="Right against found (precision, recall)")
        .mark_line()
        .encode(
            x=alt.X("found:Q", title="late flights found", axis=PERCENT),
            y=alt.Y(
                "right:Q",
                title="warnings that are right",
                axis=PERCENT,
                scale=alt.Scale(domain=[0, 1]),
            ),
            tooltip=[alt.Tooltip("found", format=".0%"), alt.Tooltip("right", format=".0%")],
        )
    )
    return alt.hconcat(
        (coin + left).properties(width=half), (chance + right).properties(width=half)
    )


def calibration(bins: pd.DataFrame, score: np.ndarray, error: float) -> alt.VConcatChart:
    """Late share by score with intervals (columns n, score, late, low, high), over a histogram."""
    top = 1.05 * float(max(bins["high"].max(), bins["score"].max()))
    scale = alt.Scale(domain=[0, top], nice=False)
    base = alt.Chart(bins, title=f"Late share by score, mean distance (ECE) {error:.3f}").encode(
        x=alt.X("score:Q", title=None, scale=scale, axis=alt.Axis(format="%", labels=False))
    )
    intervals = base.mark_rule(color=BLUE).encode(
        y=alt.Y("low:Q", title="share late", axis=PERCENT), y2="high:Q"
    )
    marks = base.mark_point(size=60).encode(
        y=alt.Y("late:Q", scale=scale),
        tooltip=[
            alt.Tooltip("score", title="mean score", format=".1%"),
            alt.Tooltip("late", title="late", format=".1%"),
            alt.Tooltip("low", format=".1%"),
            alt.Tooltip("high", format=".1%"),
            alt.Tooltip("n", title="flights"),
        ],
    )
    upper = alt.layer(_line({"x": [0, top], "y": [0, top]}), intervals, marks)
    lower = _histogram(score, "score", bins=40, top=top, percent=True).mark_bar(
        color=GREY, opacity=0.5
    )
    return alt.vconcat(upper.properties(height=240), lower.properties(height=56), spacing=4)


def cost(costs: pd.DataFrame, threshold: float, nobody: float) -> alt.LayerChart:
    """Cost by threshold (columns threshold, cost, warned) with the threshold that theory gives."""
    here = costs.iloc[(costs["threshold"] - threshold).abs().argmin()]["cost"]
    line = (
        alt.Chart(
            costs, title=f"Cost per 1,000 flights; {here:.0f} when warning from {threshold:.0%}"
        )
        .mark_line()
        .encode(
            x=alt.X("threshold:Q", title="warn from this probability", axis=PERCENT),
            y=alt.Y("cost:Q", title="cost (a false warning is 1)", scale=alt.Scale(zero=False)),
            tooltip=[
                alt.Tooltip("threshold", format=".0%"),
                alt.Tooltip("cost", format=".0f"),
                alt.Tooltip("warned", title="warned", format=".0%"),
            ],
        )
    )
    level = alt.Chart(pd.DataFrame({"cost": [nobody], "label": ["nobody warned"]}))
    label = level.mark_text(align="right", dy=-7, color=GREY, fontSize=11)
    return alt.layer(
        level.mark_rule(strokeDash=[4, 3]).encode(y="cost:Q"),
        label.encode(y="cost:Q", x=alt.value("width"), text="label"),
        alt.Chart(pd.DataFrame({"threshold": [threshold]})).mark_rule().encode(x="threshold:Q"),
        line,
    )


def carriers(rows: pd.DataFrame, worst: pd.Series) -> alt.LayerChart:
    """What happened and what was said: columns carrier, flights, late, score, low, high, gap."""
    base = alt.Chart(
        rows[rows["flights"] >= 20],
        title=f"Late share and mean score by carrier; worst: {worst['carrier']} {signed(worst['gap'])}",
    ).encode(
        y=alt.Y(
            "carrier:N",
            title=None,
            sort=list(rows.sort_values("flights", ascending=False)["carrier"]),
        ),
        tooltip=[
            "carrier",
            alt.Tooltip("flights", format=","),
            alt.Tooltip("late", format=".1%"),
            alt.Tooltip("score", title="mean score", format=".1%"),
            alt.Tooltip("gap", title="gap, net", format="+.3f"),
        ],
    )
    intervals = base.mark_bar(height=9, cornerRadius=4, color=BLUE, opacity=0.4).encode(
        x=alt.X("low:Q", title="share late with its 95 % interval; ◆ mean score", axis=PERCENT),
        x2="high:Q",
    )
    happened = base.mark_tick(thickness=2, size=13, color=BLUE).encode(x="late:Q")
    said = base.mark_point(size=55, shape="diamond", color=ORANGE).encode(x="score:Q")
    return alt.layer(intervals, happened, said).properties(height=alt.Step(20))


def latency(times_ms: np.ndarray, p95_ms: float) -> alt.LayerChart:
    """How long single predictions took."""
    bars = _histogram(times_ms, "ms", bins=12, title="Processor time of one prediction").mark_bar(
        opacity=0.75
    )
    edge = alt.Chart(pd.DataFrame({"ms": [p95_ms], "label": ["95 %"]}))
    label = edge.mark_text(align="left", dx=4, y=6, color=GREY)
    return alt.layer(
        bars, edge.mark_rule().encode(x="ms:Q"), label.encode(x="ms:Q", text="label")
    ).properties(height=120)


# --- what year draws ------------------------------------------------------------------------------


def months(rows: pd.DataFrame) -> alt.HConcatChart:
    """Two ways to answer a year: columns month, answers, auc, log_loss, flights."""
    rows = rows.assign(month=rows["month"].dt.strftime("%b"))
    order = list(rows["month"].unique())
    base = alt.Chart(rows).encode(
        x=alt.X("month:N", title=None, sort=order, axis=alt.Axis(labelAngle=0)),
        color=alt.Color(
            "answers:N",
            title=None,
            scale=alt.Scale(
                domain=["retrained on alert", "the first for ever"], range=[BLUE, GREY]
            ),
        ),
        tooltip=[
            "month",
            "answers",
            alt.Tooltip("auc", format=".3f", title="AUC"),
            alt.Tooltip("log_loss", format=".3f", title="log loss"),
            alt.Tooltip("flights", format=","),
        ],
    )
    half = (WIDTH - 60) // 2

    def line(column: str, title: str) -> alt.Chart:
        y = alt.Y(f"{column}:Q", title=None, scale=alt.Scale(zero=False))
        return base.mark_line(point=True).encode(y=y).properties(title=title, width=half)

    return line("auc", "AUC, higher is better") | line("log_loss", "Log loss, lower is better")


# --- parts ----------------------------------------------------------------------------------------


def signed(value: float, digits: int = 3) -> str:
    """A difference with its sign: a true minus and no leading zero, ``−.058``."""
    return f"{value:+.{digits}f}".replace("-", "−").replace("0.", ".", 1)


def _week_name(week: pd.Series) -> pd.Series:
    # Text, because a chart would shift times to its reader's time zone.
    return week.dt.day.astype(str) + " " + week.dt.strftime("%b")


def _week_axis() -> alt.X:
    return alt.X("week:O", title="week of", sort=None, axis=alt.Axis(labelAngle=0))


def _line(points: dict[str, list[float]]) -> alt.Chart:
    return (
        alt.Chart(pd.DataFrame(points))
        .mark_line(color=GREY, strokeWidth=1)
        .encode(x="x:Q", y="y:Q")
    )


def _thinned(curve: pd.DataFrame, most: int = 200) -> pd.DataFrame:
    # Evenly, with both ends.
    places = np.linspace(0, len(curve) - 1, min(most, len(curve))).round().astype(int)
    return curve.iloc[places]


def _histogram(
    values: np.ndarray,
    name: str,
    *,
    bins: int,
    top: float | None = None,
    percent: bool = False,
    title: str = "",
) -> alt.Chart:
    low, high = (0.0, top) if top is not None else (values.min(), np.percentile(values, 99))
    counts, edges = np.histogram(values, bins=bins, range=(low, max(high, low + 1e-9)))
    rows = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "count": counts})
    form = ".1%" if percent else ".2f"
    chart = alt.Chart(rows, title=title) if title else alt.Chart(rows)
    return chart.mark_bar().encode(
        x=alt.X(
            "from:Q",
            bin="binned",
            title=name,
            scale=alt.Scale(domain=[low, float(edges[-1])], nice=False),
            axis=PERCENT if percent else alt.Axis(),
        ),
        x2="to:Q",
        y=alt.Y("count:Q", title=None if percent else "predictions", axis=alt.Axis(tickCount=3)),
        tooltip=[alt.Tooltip("from", format=form), alt.Tooltip("to", format=form), "count"],
    )


# --- the look -------------------------------------------------------------------------------------


def _look() -> dict[str, Any]:
    faint = "rgba(128, 128, 128, 0.22)"
    font = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
    return {
        "config": {
            "font": font,
            # The page's own, light or dark.
            "background": "transparent",
            "view": {
                "stroke": None,
                "continuousWidth": WIDTH,
                "discreteWidth": WIDTH,
                "continuousHeight": 220,
            },
            "axis": {
                "domain": False,
                "ticks": False,
                "gridColor": faint,
                "labelPadding": 6,
                "labelFontSize": 11,
                "titleFontSize": 11,
                "titleFontWeight": "normal",
                "tickCount": 5,
            },
            "axisX": {"grid": False, "domain": True, "domainColor": faint},
            # The name of the y axis stands above it, level, where it can be read.
            "axisY": {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleY": -12},
            "title": {
                "anchor": "start",
                "fontSize": 14,
                "fontWeight": 600,
                "subtitleFontSize": 12,
                "offset": 14,
            },
            "legend": {"orient": "top", "title": None, "labelFontSize": 11, "offset": 30},
            "mark": {"color": BLUE},
            "range": {"category": [BLUE, ORANGE, GREEN, PINK, OLIVE]},
            "line": {"strokeWidth": 1.75},
            "point": {"filled": True, "size": 42, "opacity": 1},
            "tick": {"opacity": 1},
            "rule": {"color": GREY},
        }
    }


def use_theme() -> None:
    """Give Altair one look, and draw charts where JupyterLab can: offline, with tooltips."""
    if "flights" not in alt.theme.names():
        alt.theme.register("flights", enable=False)(_look)
    alt.theme.enable("flights")
    alt.renderers.register("flights", _bundle)
    alt.renderers.enable("flights")


def _bundle(spec: dict[str, Any], **_: Any) -> dict[str, Any]:
    # JupyterLab draws Vega-Lite 5 by itself and Altair writes version 6; for these charts they are the same.
    spec = {**spec, "$schema": "https://vega.github.io/schema/vega-lite/v5.json"}
    return {"application/vnd.vegalite.v5+json": spec, "text/plain": "<chart>"}
