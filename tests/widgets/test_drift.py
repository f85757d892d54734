"""The drift explorer's Python half: what it shows, computes, decides and keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import mlops_lab as lab
from mlops_lab.monitoring.records import Evaluation
from mlops_lab.monitoring.spec import read_spec
from mlops_lab.project import Project
from mlops_lab.widgets import DriftExplorer
from mlops_lab.widgets.drift_picture import drift_svg
from mlops_lab.widgets.drift_saved import saved_evaluation
from mlops_lab.widgets.saved import MOST_BYTES, size_of
from mlops_lab.widgets.view import VIEW_MIME

from . import drift_statistics
from .drift_year import evaluation

MONITOR = """\
name: delay
current: dataset:answers
reference: dataset:before
time: at
by: week
"""


def rows(weeks: int, start: int, seed: int, warm: float = 0.0) -> pd.DataFrame:
    """Weeks of 400 rows of a temperature and a carrier."""
    rng = np.random.default_rng(seed)
    n = 400 * weeks
    first = datetime(2013, 1, 7) + timedelta(weeks=start)
    return pd.DataFrame(
        {
            "at": [first + timedelta(minutes=7 * 1440 * weeks * i / n) for i in range(n)],
            "temp": rng.normal(40 + warm, 6, n).round(1),
            "carrier": rng.choice(["EV", "UA", "B6"], n),
        }
    )


@pytest.fixture(scope="module")
def warm() -> Any:
    """What `lab.drift` says of a warm month after a cold quarter."""
    return lab.drift(
        rows(9, 0, 1), rows(4, 9, 2, warm=12.0), time="at", by="week", segment="carrier",
        progress=False,
    )  # fmt: skip


@pytest.fixture
def project(
    new_project: Callable[[Path], Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    for name in ("MLOPS_LAB_PROJECT", "MLOPS_LAB_RUN", "MLOPS_LAB_ROOT"):
        monkeypatch.delenv(name, raising=False)
    opened = new_project(tmp_path / "project")
    yield opened
    opened.close()


@pytest.fixture
def watched(project: Project, tmp_path: Path) -> Project:
    """A project with a monitor that was never checked."""
    for name, frame in (("before", rows(9, 0, 1)), ("answers", rows(4, 9, 2, warm=12.0))):
        path = tmp_path / f"{name}.parquet"
        frame.to_parquet(path)
        project.datasets.commit(name, path)
    (project.root / "monitors").mkdir()
    (project.root / "monitors" / "delay.yaml").write_text(MONITOR)
    return project


def ask(view: DriftExplorer, **request: Any) -> Any:
    view.request = {"id": "r1", **request}
    assert view.answer is not None
    assert view.answer["id"] == "r1"
    return view.answer


def test_browser_and_python_are_held_to_the_same_numbers() -> None:
    kept = json.loads(drift_statistics.FILE.read_text(encoding="utf-8"))

    def close(a: Any, b: Any) -> None:
        if isinstance(a, dict):
            assert a.keys() == b.keys()
            for key in a:
                close(a[key], b[key])
        elif isinstance(a, list):
            assert len(a) == len(b)
            for one, other in zip(a, b, strict=True):
                close(one, other)
        elif isinstance(a, float):
            assert a == pytest.approx(b, rel=1e-9, abs=1e-12)
        else:
            assert a == b

    close(json.loads(json.dumps(drift_statistics.cases())), kept)


def test_what_the_pictures_are_tested_with_is_an_evaluation() -> None:
    made = evaluation(features=5, chunks=37)
    assert size_of(Evaluation.from_json(made).to_json()) > 0


def test_it_shows_an_evaluation_and_computes_its_windows(warm: Any) -> None:
    view = DriftExplorer(warm)
    shown = view.evaluation
    assert shown["summary"]["sentence"] == warm.sentence
    assert set(shown["columns"][0]).isdisjoint({"effect_low", "statistics"})
    assert view.yaml == warm.monitor_yaml("my-monitor")
    first, last = shown["chunks"][0]["key"], shown["chunks"][2]["key"]
    answer = ask(view, verb="window", **{"from": first, "until": last}, segment="EV", column=None)
    assert answer["ok"], answer
    found = warm.window(first, last, "EV")
    assert answer["result"]["rows"] == found.rows
    told = {one["name"]: one for one in answer["result"]["columns"]}
    assert told["temp"]["effect"] == found.columns[0].effect
    assert sum(told["temp"]["counts"]) == found.rows


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"verb": "window", "from": "2013-01-01", "until": "x"}, "2013-01-01"),
        ({"verb": "window", "from": None, "until": 3}, "None"),
        ({"verb": "window", "from": "a", "until": "b", "segment": 3}, "text"),
        ({"verb": "check"}, "monitor"),
        ({"verb": "mute", "alert": "a"}, "monitor"),
        ({"verb": ["drop"]}, "monitor"),
    ],
)
def test_what_cannot_be_done_is_answered(warm: Any, request_: dict[str, Any], told: str) -> None:
    answer = ask(DriftExplorer(warm), **request_)
    assert not answer["ok"]
    assert told in answer["sentence"]


def test_a_window_of_what_was_read_back_says_why_not(warm: Any) -> None:
    kept = type(warm).from_json(warm.to_json())
    answer = ask(DriftExplorer(kept), verb="window", **{"from": "a", "until": "b"})
    assert not answer["ok"]
    assert "run it again" in answer["sentence"]


def test_only_evaluations_and_monitors_are_shown(project: Project) -> None:
    with pytest.raises(lab.InvalidInput, match="DataFrame"):
        DriftExplorer(pd.DataFrame())  # type: ignore[arg-type]
    with pytest.raises(lab.NotFound, match="nobody"):
        DriftExplorer("nobody", project=project)


def test_without_a_monitor_it_says_how_to_begin(project: Project) -> None:
    view = DriftExplorer(project=project)
    assert view.evaluation is None
    assert view.monitor is None
    assert repr(view) == "<drift: no monitor yet>"
    ElementTree.fromstring(view.picture())


def test_a_monitor_is_checked_and_its_alerts_decided(watched: Project) -> None:
    view = DriftExplorer(project=watched)
    assert view.evaluation is None
    assert view.monitor["name"] == "delay"
    assert repr(view) == "<drift: delay was never checked>"
    answer = ask(view, verb="check")
    assert answer["ok"], answer
    assert view.evaluation["monitor"] == "delay"
    assert view.yaml == MONITOR
    alert = next(one for one in view.alerts if one["columns"] == ["temp"])
    assert alert["status"] == "open"
    for verb, status in (
        ("acknowledge", "acknowledged"),
        ("mute", "muted"),
        ("resolve", "resolved"),
        ("reopen", "open"),
    ):
        answer = ask(view, verb=verb, alert=alert["id"], comment="known", until="7d")
        assert answer["ok"], answer
        found = next(one for one in view.alerts if one["id"] == alert["id"])
        assert found["status"] == status
    refused = ask(view, verb="mute", alert=alert["id"], comment="", until="never")
    assert not refused["ok"]
    keys = [chunk["key"] for chunk in view.evaluation["chunks"]]
    answer = ask(view, verb="window", **{"from": keys[0], "until": keys[1]})
    assert answer["ok"], answer
    assert answer["result"]["rows"] == 800


def test_a_saved_notebook_keeps_it_with_a_picture(warm: Any) -> None:
    data, _ = DriftExplorer(warm)._repr_mimebundle_()
    saved = data[VIEW_MIME]
    assert (saved["view"], saved["version"]) == ("drift", 1)
    assert saved["state"]["evaluation"]["columns"][0]["counts"] is not None
    assert saved["state"]["loaded"]
    assert {"request", "answer", "me"}.isdisjoint(saved["state"])
    assert "temp" in data["text/plain"]
    ElementTree.fromstring(data["image/svg+xml"])


@pytest.mark.parametrize(("features", "chunks", "all_"), [(40, 150, True), (120, 300, False)])
def test_a_saved_notebook_stays_small(features: int, chunks: int, all_: bool) -> None:
    made = evaluation(features, chunks, bins=12)
    saved = saved_evaluation(made, first="feature_035")
    assert size_of(saved) <= MOST_BYTES - 10_000
    kept = {one["name"]: one for one in saved["columns"]}
    assert (len(kept) == len(made["columns"])) == all_
    assert kept["feature_035"]["counts"] is not None
    assert "run the cell" in saved["notes"][0]
    assert len(saved["chunks"]) == chunks
    small = evaluation(5, 20)
    assert saved_evaluation(small) is small


def test_names_are_text_in_the_picture() -> None:
    made = evaluation(3, 37)
    evil = "<script>alert(1)</script>\x00\ud800"
    made["columns"][0]["name"] = evil
    made["title"] = evil
    made["summary"]["sentence"] = evil
    drawn = drift_svg(made)
    assert "<script" not in drawn
    ElementTree.fromstring(drawn)
    made["summary"]["sentence"] = "50\N{NO-BREAK SPACE}% late"
    assert "�%" not in drift_svg(made)


@pytest.mark.parametrize("chunks", [0, 1, 400])
def test_a_picture_of_any_length_is_drawn(chunks: int) -> None:
    made = evaluation(25, max(chunks, 1), bins=4)
    if chunks == 0:
        made |= {"chunks": [], "columns": [], "performance": None}
    assert 'width="720"' in drift_svg(made)


def test_the_monitor_that_is_copied_is_accepted(tmp_path: Path) -> None:
    record = Evaluation.from_json(evaluation(features=5, chunks=37))
    text = DriftExplorer(record).yaml
    assert text is not None
    (tmp_path / "delay.yaml").write_text(text)
    spec, faults, _ = read_spec(tmp_path / "delay.yaml")
    assert not faults
    assert spec is not None
    # What a version was trained on is only known of a model.
    assert (str(spec.reference), spec.model) == ("training", "flight-delay@champion")
