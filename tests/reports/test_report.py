"""Reports of everything: complete, safe, and with a sentence where something cannot be shown."""

from __future__ import annotations

import json
import logging
import socket
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlops_lab as lab
from mlops_lab.errors import Forbidden, InvalidInput, NotFound
from mlops_lab.project import Project
from mlops_lab.reports import Report
from mlops_lab.reports.code import STATIC, host_script, module_script
from mlops_lab.reports.kind import kinds

from .reading import Read, check_safe, read
from .things import ELSEWHERE, EXAMPLES, HOSTILE, frame, hostile_run


@pytest.fixture
def page(tmp_path: Path, project: Project) -> Any:
    """Write a report of some items and read it."""

    def make(*items: Any, **options: Any) -> tuple[Report, Read]:
        made = lab.report(list(items), tmp_path / "out" / "report.html", **options)
        return made, read(made.path.read_text(encoding="utf-8"))

    return make


def test_every_kind_of_item_has_an_example() -> None:
    assert {kind.name for kind in kinds()} == set(EXAMPLES) | ELSEWHERE


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_an_item_is_shown_and_a_hostile_text_in_it_is_only_text(
    kind: str, page: Any, tmp_path: Path
) -> None:
    thing = EXAMPLES[kind](tmp_path)
    made, _ = page("The title of it", thing, title=HOSTILE)
    assert made.problems == ()
    found = check_safe(made.path.read_text(encoding="utf-8"))
    assert found.all("h1")[0].text == HOSTILE.replace("\u202e", "\ufffd")
    assert found.all("title")[0].text == found.all("h1")[0].text
    assert made.size_bytes < 2_000_000
    assert next(one.name for one in kinds() if one.takes(thing)) == kind


def test_a_page_somebody_wrote_is_in_a_frame_without_scripts_of_its_own(page: Any) -> None:
    _, found = page(hostile_run())
    frames = [one.attributes["srcdoc"] for one in found.all("iframe")]
    assert any("window.hacked" in one for one in frames)
    for source in frames:
        inner = read(source)
        # Its own policy comes before all that is not ours, and names no script but ours.
        assert [one.name for one in inner.elements[:2]] == ["meta", "meta"]
        assert inner.policy.count("'sha256-") == 1
        metas = [one.attributes.get("http-equiv") for one in inner.all("meta")]
        assert metas == [None, "Content-Security-Policy", "x-dns-prefetch-control"]
        assert not inner.all("link")
        assert not inner.all("base")
        assert "script-src 'sha256-" in inner.policy


def test_notebooks_show_their_code_only_when_asked(page: Any, tmp_path: Path) -> None:
    notebook = EXAMPLES["a file"](tmp_path)
    _, without = page("Notebook", notebook)
    _, with_code = page("Notebook", notebook, code=True)
    assert "secret_code" not in without.text
    assert "secret_code" in with_code.text
    assert "1 %" not in without.text  # the progress bar's last state only
    assert "100 %" in without.text


def test_a_wrong_item_is_refused_with_its_place_before_anything_is_written(
    page: Any, tmp_path: Path
) -> None:
    with (
        socket.socket() as wrong,
        pytest.raises(InvalidInput, match=r"Item 2 of the report is a socket\.socket\. A report"),
    ):
        page("text", wrong, frame())
    with pytest.raises(InvalidInput, match=r"Item 3 of the report is None\. A report takes: an ev"):
        page("text", frame(), None)
    with pytest.raises(InvalidInput, match="at least one"):
        page()
    assert not (tmp_path / "out").exists()


class Broken:
    """An object that fails when it is looked at."""

    def _repr_html_(self) -> str:
        raise RuntimeError(HOSTILE)


def test_an_item_that_fails_does_not_lose_the_others(
    page: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "mlops_lab"):
        made, found = page("Before", Broken(), Path("nowhere.md"), ("After", frame()[:2]))
    assert len(made.problems) == 2
    assert made.problems[0].startswith("Item 2, HTML, could not be shown: RuntimeError:")
    assert "there is no file" in made.problems[1]
    assert made.problems[1] in caplog.text
    assert [one.text for one in found.all("h2")] == ["After"]
    assert "could not be shown" in found.text
    check_safe(made.path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("path", "error", "sentence"),
    [
        ("report.pdf", InvalidInput, "print it as PDF"),
        ("report", InvalidInput, "ends not in .html"),
        ("", InvalidInput, "ends not in .html"),
        ("folder.html", InvalidInput, "is a folder"),
        ("file.txt/report.html", Forbidden, "cannot be written"),
        (f"{'a' * 300}.html", InvalidInput, "No file can be called"),
        ("a\0/b.html", Forbidden, "cannot be written"),
        (7, InvalidInput, "written to a file"),
    ],
)
def test_a_path_that_no_report_can_have_is_refused(
    path: Any, error: type[Exception], sentence: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(error, match=sentence):
        lab.report("text", path)


def test_a_file_is_whole_or_as_it_was(
    page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    kept = tmp_path / ("a" * 250 + ".html")
    (tmp_path / "out" / "report.html").symlink_to(kept)
    page("First")
    first = kept.read_bytes()
    assert (tmp_path / "out" / "report.html").is_symlink()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Forbidden, match="cannot be written: No space left on device"):
        page("Second")
    assert kept.read_bytes() == first
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["report.html"]


def test_items_of_a_generator_pyplot_itself_and_metrics_are_taken(tmp_path: Path) -> None:
    from matplotlib import pyplot as plt

    plt.figure()
    things = ["Metrics", {"auc": 0.7, "n": np.int64(3), "by": "me", "none": None}, plt]
    made = lab.report((one for one in things), tmp_path / "x.html")
    plt.close()
    found = read(made.path.read_text(encoding="utf-8"))
    assert made.problems == ()
    assert made.title == "Metrics"
    assert [one.text for one in found.all("td")] == [
        "auc",
        "0.7",
        "n",
        "3",
        "by",
        "me",
        "none",
        "–",
    ]
    assert len(found.all("img")) == 1


def test_a_damaged_output_does_not_lose_the_notebook(page: Any, tmp_path: Path) -> None:
    shown = [
        {"image/png": "a"},
        {"application/vnd.mlops-lab.view+json": {"view": "curves", "version": 1, "state":
            {"series": [7]}}},
        {"application/vnd.jupyter.widget-view+json": {"model_id": []}},
        {"text/html": "<div id=plot></div><script>Plotly.newPlot('plot')</script>"},
        {"text/plain": "the last"},
    ]  # fmt: skip
    outputs = [{"output_type": "display_data", "data": data, "metadata": {}} for data in shown]
    cells = [
        {"cell_type": "code", "source": "", "outputs": 7},
        {"cell_type": "code", "source": "", "outputs": outputs},
    ]
    path = tmp_path / "work.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}))
    made, found = page("Work", path)
    assert made.problems == ()
    told = [one.text for one in found.elements if one.attributes.get("role") == "note"]
    assert len(found.all("p")) >= 4
    assert len(told) == 4
    assert "the last" in found.text
    assert "drawn by scripts of its own" in found.text


def test_a_report_needs_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLOPS_LAB_PROJECT", raising=False)
    monkeypatch.chdir(tmp_path)
    made = lab.report([frame()[:3]], "x.html")
    assert made.path == tmp_path / "x.html"
    assert [one.name for one in tmp_path.iterdir()] == ["x.html"]
    made = lab.report(["Of nothing", "run:abcd"], "x.html")
    assert "there is none here" in made.problems[0]


@pytest.mark.parametrize(
    ("items", "title"),
    [
        (["Risk review", pd.DataFrame({"a": [1]})], "Risk review"),
        (["# Risk review\n\nWords.", pd.DataFrame({"a": [1]})], "Risk review"),
        (["A sentence about it.", ("The rows", pd.DataFrame({"a": [1]}))], "The rows"),
        (["Only words"], "Report"),
        ([("The rows", pd.DataFrame({"a": [1]}))], "The rows"),
    ],
)
def test_the_title_is_the_first_line_or_the_first_heading(
    items: Any, title: str, page: Any
) -> None:
    made, found = page(*items)
    assert made.title == title
    assert found.all("h1")[0].text == title


def test_the_highest_heading_of_the_texts_is_one_of_the_second_level(page: Any) -> None:
    _, found = page("## What happened", frame()[:2], "Words.\n\n### Where\n\n## So", title="Year")
    headings = [(one.name, one.text) for one in found.elements if one.name in ("h2", "h3")]
    assert headings[-3:] == [("h2", "What happened"), ("h3", "Where"), ("h2", "So")]


def test_headings_go_down_in_steps_of_one(page: Any) -> None:
    _, found = page(
        "Everything", hostile_run(), EXAMPLES["a dataset version"](Path()), "# a\n\n## b"
    )
    levels = [int(one.name[1]) for one in found.elements if one.name in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    for before, after in pairwise(levels):
        assert after <= before + 1
    anchors = {one.attributes.get("id") for one in found.elements}
    links = [one.attributes["href"] for one in found.all("a") if "href" in one.attributes]
    assert {link[1:] for link in links if link.startswith("#")} <= anchors


@pytest.mark.parametrize("name", sorted(path.stem for path in STATIC.glob("*.js")))
def test_every_built_module_can_be_a_script_of_a_report(name: str) -> None:
    if name == "report":
        assert host_script().startswith("(()=>{")
        assert "</script" not in host_script()
        return
    source = module_script(name).source
    assert "\nmlopsLabReport.add(" in source
    assert not any(line.startswith(("import ", "export ")) for line in source.split("\n"))


def test_a_view_that_is_in_it_twice_is_there_once(page: Any) -> None:
    run = hostile_run()
    _, found = page("Twice", run.curves(), run.curves())
    codes = [one for one in found.all("script") if one.attributes.get("type") == "text/plain"]
    assert [one.attributes["id"] for one in codes] == ["code-curves"]
    assert "code-widgets" not in found.text


def test_what_a_text_names_is_shown(page: Any) -> None:
    run = hostile_run()
    made, found = page("References", f"run:{run.id[:8]}", "model:nobody@2")
    assert run.id[:8] in [one.text for one in found.all("dd")]
    (problem,) = made.problems
    assert problem.startswith("Item 3, model:nobody@2, could not be shown: ")


def test_a_widget_of_an_unknown_library_is_told(page: Any) -> None:
    from ipywidgets import DOMWidget
    from traitlets import Unicode

    class Foreign(DOMWidget):
        _model_module = Unicode("bqplot").tag(sync=True)
        _model_module_version = Unicode("^0.5").tag(sync=True)

    made, _ = page("Foreign", Foreign())
    assert "is made with bqplot ^0.5, whose front end no report has" in made.problems[0]


def test_a_missing_front_end_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mlops_lab.reports.code.STATIC", tmp_path)
    module_script.cache_clear()
    with pytest.raises(NotFound, match="has not been built"):
        module_script("curves")
    module_script.cache_clear()
