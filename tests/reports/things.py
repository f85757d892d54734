"""One of everything that a report takes, with a hostile text wherever a text can be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import mlops_lab as lab

HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>\'\u202e&'
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>window.hacked=1</script></svg>'
PAGE = f"""<!doctype html><title>x</title><h1>{HOSTILE}</h1>
<a href='javascript:window.hacked=1'>x</a><base href='http://evil.example/'>
<meta http-equiv='refresh' content='0;url=http://evil.example/refresh'>
<meta/http-equiv='&#114;efresh' content='0;url=http://evil.example/refresh'>
<li<link>nk rel='dns-prefetch' href='//evil.example'><LINK/rel=preconnect href='//evil.example'>
<link rel='stylesheet' href='http://evil.example/x.css'><img src='http://evil.example/x.png'>
<style>h1 {{ background: url(http://evil.example/y.png) }}</style>
<form action='http://evil.example/'><button autofocus onfocus='window.hacked=1'>go</button></form>
<iframe src='http://evil.example/frame'></iframe>"""
MARKDOWN = f"# {HOSTILE}\n\n[x](javascript:window.hacked=1) ![y](http://evil.example/x.png) `a`\n"


def frame(rows: int = 400, seed: int = 7) -> pd.DataFrame:
    """A column that drifts, one that does not, one of hostile values, a score and its outcome."""
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 5, rows)
    return pd.DataFrame(
        {
            "at": pd.date_range("2026-01-01", periods=rows, freq="1h"),
            HOSTILE: rng.normal(size=rows) + np.linspace(0, 2, rows),
            "calm": rng.normal(size=rows),
            "kind": rng.choice([HOSTILE, "b", "c"], rows),
            "score": score,
            "late": (rng.random(rows) < score).astype(float),
        }
    )


def notebook() -> dict[str, Any]:
    """An executed notebook with an output of each form."""

    def shown(data: dict[str, Any]) -> dict[str, Any]:
        return {"output_type": "display_data", "data": data, "metadata": {}}

    outputs = [
        {"output_type": "stream", "name": "stdout", "text": f"1 %\r100 %\n{HOSTILE}\x1b[31m red"},
        shown({"text/html": PAGE, "text/plain": HOSTILE}),
        shown({"image/svg+xml": SVG, "text/plain": HOSTILE}),
        shown({"text/markdown": MARKDOWN}),
        shown({"application/vnd.vegalite.v6+json": spec()}),
        {"output_type": "error", "ename": HOSTILE, "evalue": "", "traceback": [HOSTILE]},
    ]
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": [MARKDOWN]},
            {
                "cell_type": "code",
                "metadata": {},
                "source": "secret_code = 1",
                "execution_count": 1,
                "outputs": outputs,
            },
        ],
    }


def spec() -> dict[str, Any]:
    """A chart of Vega-Lite, whose expressions would like to be code."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "usermeta": {"embedOptions": {"renderer": "canvas", "ast": False}},
        "title": HOSTILE,
        "data": {"values": [{"x": HOSTILE, "y": 1, "u": "javascript:window.hacked=1"}]},
        "transform": [{"calculate": "datum.y + 1", "as": "z"}],
        "mark": "bar",
        "encoding": {"x": {"field": "x"}, "y": {"field": "z"}, "href": {"field": "u"}},
    }


def hostile_run(kind: str = "training") -> lab.Run:
    """A run in which every text is hostile."""
    with lab.start_run(HOSTILE, params={HOSTILE[:60]: HOSTILE}, tags={"t": HOSTILE}) as run:
        run.note(HOSTILE)
        for step in range(5):
            run.log_metrics({"loss": 1 / (step + 1), "auc": 0.5 + step / 20}, step=step)
        run.log_metric("odd", float("nan"))
        run.log_table(frame(30), "rows")
        run.log_text(MARKDOWN, "notes.md")
        run.log_text(PAGE, "page.html")
        run.log_text(SVG, "drawing.svg")
        run.log_text(json.dumps(notebook()), "work.ipynb")
        run.log_dict({HOSTILE: HOSTILE}, "words.json")
        run.log_text(json.dumps(spec()), "chart.vl.json")
    return run


def model() -> lab.Model:
    """A registered model with a hostile note."""
    from sklearn.linear_model import LogisticRegression

    rows = frame(60)
    fitted = LogisticRegression().fit(rows[["calm"]], rows["late"])
    with lab.start_run("fit") as run:
        run.log_metric("auc", 0.7)
        run.log_model(fitted, example=rows[["calm"]][:5], register="late")
    found = lab.model("late")
    found.edit(note=HOSTILE, tags={"t": HOSTILE})
    found.describe(MARKDOWN)
    return found


def dataset() -> lab.Dataset:
    """A version with hostile columns and values."""
    return lab.dataset("rows").commit(frame(), note=HOSTILE)


def evaluation() -> lab.Evaluation:
    """Drift in a column that is called as no column should be."""
    rows = frame(2000)
    return lab.drift(
        rows[:1000],
        rows[1000:],
        time="at",
        by="month",
        target="late",
        score="score",
        progress=False,
    )


def chart() -> Any:
    """An Altair chart."""
    import altair as alt

    return alt.Chart(frame(20), title=HOSTILE).mark_point().encode(x="calm", y="score")


def figure() -> Any:
    """A Matplotlib figure, made without a window."""
    from matplotlib.figure import Figure

    drawn = Figure()
    drawn.subplots().set_title(HOSTILE)
    return drawn


def widget() -> Any:
    """Widgets inside of a widget; one shows HTML of its own."""
    import ipywidgets

    slider = ipywidgets.IntSlider(value=3, description=HOSTILE)
    return ipywidgets.VBox([slider, ipywidgets.HTML(HOSTILE), ipywidgets.Text(value=HOSTILE)])


def file(folder: Path) -> Path:
    """An executed notebook on the disk."""
    path = folder / "work.ipynb"
    path.write_text(json.dumps(notebook()))
    return path


EXAMPLES: dict[str, Callable[[Path], Any]] = {
    "text": lambda _: MARKDOWN,
    "a table": lambda _: frame(20),
    "a chart": lambda _: chart(),
    "a picture": lambda _: figure(),
    "HTML": lambda _: frame(5).style.background_gradient(subset=["score"]),
    "a file": file,
    "a run": lambda _: hostile_run(),
    "a comparison of runs": lambda _: [hostile_run(), hostile_run()],
    "a dataset version": lambda _: dataset(),
    "a model version": lambda _: model(),
    "an evaluation": lambda _: evaluation(),
    "a view": lambda _: hostile_run().curves(),
    "a widget": lambda _: widget(),
}
"""Of each kind of item one; what needs a pipeline or a monitor has a test of its own."""

ELSEWHERE = {"a pipeline run", "a monitor", "an alert"}
