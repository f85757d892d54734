"""The parts of a page: Markdown, tables, charts, references, the words of an evaluation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlops_lab as lab
from mlops_lab import charts
from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.project import Project
from mlops_lab.reports.evaluation import write_distribution, write_evaluation
from mlops_lab.reports.items.chart import describe, write_chart
from mlops_lab.reports.items.model import difference
from mlops_lab.reports.items.table import cells_of
from mlops_lab.reports.markdown import render_markdown, without_front
from mlops_lab.reports.references import resolve, resolve_loosely
from mlops_lab.reports.table import Cells, table_html
from mlops_lab.reports.writer import Writer

from .reading import read
from .things import HOSTILE, dataset, evaluation, frame, hostile_run

KNOWN = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "em", "strong", "s", "code"),
    *("pre", "blockquote", "hr", "br", "a", "img", "table", "thead", "tbody", "tr", "th", "td"),
}


# ------------------------------------------------------------------ Markdown


@given(st.text(alphabet=st.sampled_from("<>[]()!#`*_|-:\n\\\"'& ajsx=/"), max_size=200))
def test_markdown_makes_only_elements_of_its_own(source: str) -> None:
    for one in read(render_markdown(source)).elements:
        assert one.name in KNOWN | {""}
        assert set(one.attributes) <= {"href", "rel", "target", "class", "src", "alt", "style",
            "start", "title", "scope"}  # fmt: skip
        assert one.attributes.get("href", "https://").startswith(("https://", "http://", "mailto:"))


def test_markdown_begins_below_the_heading_above_it_and_tells_of_its_own() -> None:
    told: list[tuple[int, str]] = []
    body = render_markdown(
        "# A `b` *c*\n\n## D",
        below=2,
        heading=lambda level, text: told.append((level, text)) or "x",
    )
    assert told == [(3, "A b c"), (4, "D")]
    assert '<h3 id="x">' in body
    assert without_front("---\na: 1\n---\n# Card") == "# Card"


# ------------------------------------------------------------------ tables


@pytest.mark.parametrize(
    "make",
    [
        lambda rows: pd.DataFrame(rows),
        lambda rows: pl.DataFrame(rows),
        lambda rows: pl.LazyFrame(rows),
        lambda rows: pa.table(rows),
        lambda rows: pa.table(rows).to_batches()[0],
        lambda rows: duckdb.from_arrow(pa.table(rows)),
        lambda rows: [
            dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True)
        ],
        lambda rows: rows,
    ],
)
def test_a_table_is_the_same_from_every_library_and_cut_with_a_sentence(make: Any) -> None:
    rows = {"n": [*range(1500)], "x": [None, *([0.123456] * 1499)], "s": ["<b>"] * 1500}
    page = table_html(cells_of(make(rows)))
    found = read(page)
    assert [one.text for one in found.all("th")] == ["n", "x", "s"]
    assert len(found.all("tr")) == 1001
    assert [one.text for one in found.all("td")[:3]] == ["0", "–", "<b>"]
    assert found.all("td")[4].attributes == {"class": "n", "data-v": "0.123456"}
    assert "The first 1,000 of 1,500 rows." in found.text
    assert "On paper: the first 100" in found.text


@pytest.mark.parametrize(
    ("table", "titles", "first"),
    [
        (pd.DataFrame({"a": [1]}, index=["r"]), ["", "a"], ["r", "1"]),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), ["a", "a"], ["1", "2"]),
        (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("x", 1), ("x", 2)])),
         ["x · 1", "x · 2"], ["1", "2"]),
        (pd.Series([pd.Timestamp("2026-01-02 03:04"), pd.NaT], name="t"), ["t"],
         ["2026-01-02 03:04:00"]),
        (pd.DataFrame({"day": pd.to_datetime(["2026-01-02", None]), "at": pd.to_datetime(
            ["2026-01-02 00:00", "2026-01-02 06:00"])}), ["day", "at"],
         ["2026-01-02", "2026-01-02 00:00:00", "–"]),
        ({"day": np.array(["2026-01-02"], "datetime64[ns]")}, ["day"], ["2026-01-02"]),
        (pd.DataFrame({"l": [[1, 2]], "d": [{"a": 1}]}), ["l", "d"], ["[1, 2]", "{'a': 1}"]),
        (pa.table([[1], [2]], names=["a", "a"]), ["a", "a"], ["1", "2"]),
        (pd.DataFrame({"big": [2**60], "neg": [-1.5]}), ["big", "neg"], [str(2**60), "−1.5"]),
        (pd.DataFrame(), [], []),
    ],
)  # fmt: skip
def test_odd_tables_are_tables(table: Any, titles: list[str], first: list[str]) -> None:
    cells = cells_of(table)
    found = read(table_html(cells)) if cells.titles else read("")
    assert [one.text for one in found.all("th")] == titles
    assert [one.text for one in found.all("td")[: len(first)]] == first


def test_a_wide_table_has_fewer_columns_and_rows() -> None:
    found = read(table_html(cells_of(pd.DataFrame([range(10_000)] * 2))))
    assert len(found.all("th")) == 60
    assert "The first 60 of 10,000 columns." in found.text
    cut = Cells([str(at) for at in range(60)], [[0] * 60] * 900).cut()
    assert len(cut.rows) == 500


def test_columns_of_different_length_are_no_table() -> None:
    with pytest.raises(InvalidInput, match="these have a 1, b 2"):
        cells_of({"a": [1], "b": [1, 2]})


# ------------------------------------------------------------------ charts


@pytest.mark.parametrize(
    "spec",
    [
        {"data": {"url": "http://evil.example/x.csv"}, "mark": "bar"},
        {"layer": [{"data": {"url": "x.csv"}, "mark": "bar"}]},
        {"data": [{"name": "a", "url": "x.csv"}], "marks": []},
        {"mark": "bar", "transform": [{"lookup": "a", "from": {"data": {"url": "x.csv"}}}]},
    ],
)
def test_a_chart_that_would_load_something_is_told(spec: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="loads nothing: give the data"):
        write_chart(spec, Writer(1))


def test_a_chart_of_too_many_rows_is_told() -> None:
    with pytest.raises(InvalidInput, match=r"holds 4\.\d MB of data; up to 4 MB"):
        write_chart({"mark": "bar", "data": {"values": ["x" * 100] * 45_000}}, Writer(1))


def test_a_chart_says_what_it_shows() -> None:
    bins = {"kind": "category", "values": ["a", "b"], "other": True, "new": False}
    for chart in (
        charts.distribution("temp", {"kind": "number", "edges": [0, 1, 2]}, [1, 3], [2, 2]),
        charts.distribution("kind", bins, [1, 3, 0], [0, 0, 0]),
        charts.calibration([{"score": 0.1, "share": 0.2, "n": 10.0, "low": 0.1, "high": 0.3}]),
        charts.calibration([]),
        charts.metric_curves([{"metric": "m", "run": "r", "step": 0, "value": 1.0}], ["r"]),
    ):
        spec = charts.chart_dict(chart)
        assert "vega-lite/v6" in spec["$schema"]
        assert describe(spec).startswith(("Chart: ", "m. Chart: "))


# ------------------------------------------------------------------ references


def test_things_are_found_by_what_people_call_them(project: Project) -> None:
    run = hostile_run()
    version = dataset()
    assert resolve(project, f"run:{run.id[:6]}") == run
    assert resolve_loosely(project, run.id[:8]) == run
    assert resolve_loosely(project, "rows").ref == version.ref
    assert resolve_loosely(project, "rows@1").ref == version.ref
    file = project.root / "notes.md"
    file.write_text("# a")
    assert resolve_loosely(project, "notes.md") == file


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("nothing", NotFound, r"Nothing here is called 'nothing'\. A report shows a run"),
        ("row@1", NotFound, r"Nothing here is called 'row@1'\. Did you mean rows@1\? A report"),
        ("modle:x", NotFound, r"Did you mean model:x\?"),
        ("run:abcdef", NotFound, "abcdef"),
        ("rows@7", NotFound, "rows"),
        ("pipeline:a'b", NotFound, "No pipeline called"),
        ("monitor:x", NotFound, "x"),
        ("", NotFound, "Nothing here is called"),
        ("run:", NotFound, "Nothing here is called"),
        ("a/../b", NotFound, "Nothing here is called"),
    ],
)
def test_what_is_not_there_is_told_in_a_sentence(
    text: str, error: type[Exception], sentence: str, project: Project
) -> None:
    dataset()
    with pytest.raises(error, match=sentence):
        resolve_loosely(project, text)


def test_a_name_of_two_things_must_be_said_in_full(project: Project) -> None:
    lab.dataset("abcd").commit(frame(3))
    run = hostile_run()
    name = run.id[:8]
    lab.dataset(name).commit(frame(3))
    with pytest.raises(
        InvalidInput, match=f"more than one thing: say run:{name} or dataset:{name}"
    ):
        resolve_loosely(project, name)
    assert resolve_loosely(project, f"dataset:{name}").name == name


@pytest.mark.parametrize(
    ("value", "was", "shown"),
    [(20.5, 10.0, "▲ +10.5"), (0.5, 0.75, "▼ −.25"), (1.0, 1.0, "="), (float("nan"), 1.0, "")],
)
def test_a_difference_is_told_with_its_sign(value: float, was: float, shown: str) -> None:
    told = difference(value, was, "max")
    assert ("" if told is None else read(told.markup).text or told.markup) == shown


# ------------------------------------------------------------------ evaluations


def test_an_evaluation_is_there_as_a_view_and_in_words(project: Project) -> None:
    wire = evaluation().to_json()
    out = Writer(1)
    write_evaluation(wire, out)
    found = read("".join(out.parts))
    (state, *_) = found.data()
    assert state["evaluation"] == json.loads(json.dumps(wire))
    assert state["place"] == "notebook"
    assert wire["summary"]["sentence"].replace("\u202e", "\ufffd") in found.text
    headings = [one.text for one in found.elements if one.name in ("h3", "h4")]
    assert any("incident" in one for one in headings)
    assert {"Columns", "Calibration"} <= set(headings)
    for incident in wire["alerts"]:
        for section in incident["sections"]:
            for line in section["lines"]:
                assert line.replace("\u202e", "\ufffd") in found.text


def test_a_distribution_is_drawn_of_a_chunk_that_is_there(project: Project) -> None:
    wire = evaluation().to_json()
    first, last = wire["chunks"][0], wire["chunks"][-1]
    (column,) = (one for one in wire["columns"] if one["name"] == HOSTILE)
    chunks = (first["key"], last["key"])
    judged = [at for at, state in enumerate(column["states"]) if state in "owaq"]
    worst = wire["chunks"][max(judged, key=lambda at: column["effect"][at])]
    out = Writer(1)
    assert write_distribution(wire, HOSTILE, chunks, out)
    assert not write_distribution(wire, "nobody", chunks, out)
    assert not write_distribution(wire, HOSTILE, ("1999-01-01", last["key"]), out)
    (spec,) = read("".join(out.parts)).data()
    rows = spec.get("datasets", {}).get(spec["data"].get("name"), spec["data"].get("values"))
    shown = [row for row in rows if row["of"] == "reference"]
    assert sum(row["share"] for row in shown if row["from"] < row["to"]) == pytest.approx(1)
    # The last bin is seen, too: its step has an end.
    assert shown[-1]["from"] == shown[-2]["to"] == column["bins"]["edges"][-1]
    assert shown[-1]["share"] == shown[-2]["share"]
    assert {row["of"] for row in rows} == {"reference", worst["label"]}


def test_a_check_of_a_monitor_and_its_alert_are_reported(project: Project, tmp_path: Path) -> None:
    rows = frame(2000)
    lab.dataset("before").commit(rows[:1000])
    lab.dataset("now").commit(rows[1000:])
    (project.root / "monitors").mkdir()
    (project.root / "monitors" / "calm.yaml").write_text(
        "current: dataset:now\nreference: dataset:before\ntime: at\nby: month\n"
    )
    check = lab.monitor("calm").check()
    alerts = list(lab.alerts())
    assert alerts
    items = ["monitor:calm", lab.monitor("calm"), check, f"run:{check.run_id}", *alerts[:2]]
    made = lab.report(["Watched", *items], tmp_path / "x.html")
    assert made.problems == ()
    found = read(made.path.read_text(encoding="utf-8"))
    assert len([one for one in found.elements if one.attributes.get("data-view") == "drift"]) == 4
    assert any(one.attributes.get("data-chart") for one in found.elements)
