"""`lab.drift` takes whatever rows there are, and says what it found in a sentence first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import stats

import mlops_lab as lab
from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.monitoring.records import Evaluation as Record
from mlops_lab.project import Project


def rows(seed: int, n: int = 1_500, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "speed": rng.normal(20 + shift, 5, n),
            "carrier": rng.choice(["EV", "UA", "B6"], n, p=[0.5, 0.3, 0.2]),
        }
    )


BEFORE, AFTER = rows(1), rows(2, shift=3.0)


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a project."""
    monkeypatch.delenv("MLOPS_LAB_PROJECT", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def project(new_project: Callable[[Path], Project], away: Path) -> Iterator[Project]:
    found = new_project(away)
    yield found
    found.close()


@pytest.fixture(scope="module")
def found() -> lab.Evaluation:
    return lab.drift(BEFORE, AFTER, progress=False)


def test_the_same_rows_give_the_same_figures_in_any_form(away: Path, found: lab.Evaluation) -> None:
    BEFORE.to_parquet("before.parquet")
    (away / "after").mkdir()
    AFTER[:700].to_parquet("after/1.parquet")
    AFTER[700:].to_parquet("after/2.parquet")
    AFTER.to_csv("after.csv", index=False)
    shuffled = AFTER.sample(frac=1, random_state=3)
    connection = duckdb.connect()
    connection.register("t", AFTER)
    forms: list[Any] = [
        "after/*.parquet",
        "after.csv",
        pl.from_pandas(AFTER),
        pa.Table.from_pandas(shuffled),
        connection.sql("select * from t order by speed"),
    ]
    expected = found.df()
    for form in forms:
        frame = lab.drift(away / "before.parquet", form, progress=False).df()
        pd.testing.assert_frame_equal(frame, expected)


def test_exact_mode_gives_the_digits_of_scipy() -> None:
    frame = lab.drift(BEFORE, AFTER, mode="exact", columns=["speed"], progress=False).df()
    d = stats.ks_2samp(BEFORE["speed"], AFTER["speed"]).statistic
    w = stats.wasserstein_distance(BEFORE["speed"], AFTER["speed"]) / BEFORE["speed"].std(ddof=0)
    assert frame["ks"][0] == pytest.approx(d, abs=1e-12)
    assert frame["wasserstein"][0] == pytest.approx(w, abs=1e-12)


def test_the_certificate_holds_the_exact_value(found: lab.Evaluation) -> None:
    d = stats.ks_2samp(BEFORE["speed"], AFTER["speed"]).statistic
    row = found.df().set_index("column").loc["speed"]
    assert row["effect_low"] - 1e-4 <= d <= row["effect_high"] + 1e-4


def test_the_frame_has_the_columns_of_the_contract(found: lab.Evaluation) -> None:
    frame = found.df()
    contract = "column kind chunk n_reference n_current ks wasserstein psi js tvd chi2 p_value"
    assert list(frame)[:14] == [*contract.split(" "), "effect", "state"]
    assert frame["column"].tolist() == ["speed", "carrier"]
    assert frame["n_current"].tolist() == [1_500, 1_500]
    assert frame["n_reference"].tolist() == [1_500, 1_500]
    assert frame["state"].tolist() == ["alert", "ok"]
    assert np.isnan(frame["ks"][1])


def test_a_classifier_finds_what_no_column_shows_alone() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 600))
    said = np.array(["thank you", "no parking here", "call me back"])[rng.integers(0, 3, 600)]
    before = pd.DataFrame({"x": x, "y": x + y / 5, "note": np.char.add(said, " please do it now")})
    after = before.assign(y=before["y"].sample(frac=1, random_state=1).to_numpy())
    kinds = {"note": "text"}
    alone = lab.drift(before, after, kinds=kinds, progress=False)
    together = lab.drift(before, after, kinds=kinds, classifier=True, progress=False)
    assert not alone.alerts
    assert [one.cause for one in together.alerts] == ["drift:together"]
    assert set(together.alerts[0].columns) == {"x", "y"}
    assert any("note" in one for one in together.notes)


def test_it_is_read_by_people_first(found: lab.Evaluation) -> None:
    text = repr(found)
    assert text.splitlines()[1].strip() == found.sentence
    assert "speed drifted" in found.sentence
    html = found._repr_html_()
    assert "speed" in html
    assert "▲" in html


def test_hostile_names_and_values_are_text() -> None:
    evil = "<img src=x onerror=alert(1)>\u202e"
    before = pd.DataFrame({evil: BEFORE["speed"], "c": evil})
    after = pd.DataFrame({evil: AFTER["speed"], "c": f"{evil}2"})
    found = lab.drift(before, after, units={evil: "<b>"}, progress=False)
    assert "<img" not in found._repr_html_()
    assert "<b>x" not in found._repr_html_()
    assert "\u202e" not in repr(found)
    for one in found.alerts:
        assert "<img" not in found.explain(one)._repr_html_()


def test_explaining_a_column_an_incident_and_nothing(found: lab.Evaluation) -> None:
    told = found.explain("speed")
    assert told.sentence.startswith("speed alarms")
    assert any("D 0.2" in line for line in told.lines)
    assert str(found.explain(0)) == str(found.explain(found.alerts[0]))
    assert str(found.explain(found.alerts[0].key)) == str(found.explain(0))
    assert found.explain("carrier").sections
    with pytest.raises(NotFound, match="no column 'sped'"):
        found.explain("sped")
    with pytest.raises(NotFound, match="no chunk"):
        found.explain("speed", "2013-01-01")
    quiet = lab.drift(BEFORE, BEFORE, progress=False)
    with pytest.raises(NotFound, match="no incident to explain"):
        quiet.explain()


def test_it_goes_to_json_and_back(found: lab.Evaluation) -> None:
    again = lab.Evaluation.from_json(found.to_json())
    assert again.record == found.record
    assert repr(again) == repr(found)
    pd.testing.assert_frame_equal(again.df(), found.df())


def test_datasets_are_named_by_reference_or_handle(project: Project) -> None:
    lab.dataset("trips").commit(BEFORE)
    second = lab.dataset("trips").commit(AFTER)
    found = lab.drift("trips@1", second, progress=False)
    assert found.title == "trips@2 against trips@1"
    by_text = lab.drift(lab.dataset("trips@1"), "dataset:trips", progress=False)
    assert by_text.df().equals(found.df())
    text = found.monitor_yaml("speeds")
    # What it watches goes on; what it compares with stays.
    assert "current: dataset:trips\n" in text
    assert "reference: dataset:trips@1\n" in text


def test_monitor_yaml_is_a_monitor(project: Project, found: lab.Evaluation) -> None:
    from mlops_lab.monitoring.spec import read_spec

    lab.dataset("trips").commit(BEFORE)
    lab.dataset("trips").commit(AFTER)
    evaluation = lab.drift(
        "trips@1",
        "trips@2",
        kinds={"carrier": "category"},
        units={"speed": "mph"},
        segment="carrier",
        policy={"ks_alert": 0.2, "persistence": [2, 4]},
        domain=["speed"],
        progress=False,
    )
    folder = project.root / "monitors"
    folder.mkdir(exist_ok=True)
    for name, text in {
        "asked": evaluation.monitor_yaml("asked"),
        "read-back": lab.Evaluation.from_json(evaluation.to_json()).monitor_yaml("read-back"),
    }.items():
        (folder / f"{name}.yaml").write_text(text)
        spec, faults, _ = read_spec(folder / f"{name}.yaml")
        assert not faults
        assert spec is not None
        assert spec.settings["units"] == {"speed": "mph"}
        assert spec.settings["segment"] == "carrier"
        assert spec.policy.ks_alert == 0.2
        assert spec.policy.persistence == (2, 4)
    assert "lab.dataset" in found.monitor_yaml()


def test_a_rolling_reference_is_in_the_data(away: Path) -> None:
    frame = pd.concat(
        [
            rows(week, 400, shift=8.0 if week > 6 else 0.0).assign(
                at=pd.Timestamp("2024-01-01") + pd.Timedelta(weeks=week)
            )
            for week in range(9)
        ]
    )
    found = lab.drift("rolling 28d", frame, time="at", by="week", progress=False)
    assert found.record.reference.kind == "rolling"
    assert "reference: rolling 28d" in found.monitor_yaml()
    states = found.record.column("speed").states
    assert states[0] == "-"
    assert states[7] in "wa"
    assert set(states[1:7]) == {"o"}


@pytest.mark.parametrize(
    ("reference", "current", "options", "error", "said"),
    [
        (None, AFTER, {}, InvalidInput, "reference is None"),
        (BEFORE, 7, {}, InvalidInput, "is no table"),
        ("nowhere.parquet", AFTER, {}, NotFound, "no file nowhere.parquet"),
        ("nowhere/*.parquet", AFTER, {}, NotFound, "No file fits the pattern"),
        ("trips@3", AFTER, {}, NotFound, "no project"),
        ("rolling", AFTER, {}, InvalidInput, "rolling 28d"),
        ("rolling 0d", AFTER, {}, InvalidInput, "rolling 28d"),
        ("training", AFTER, {}, InvalidInput, "needs a monitor"),
        ("select 1 as x; drop table x", AFTER, {}, InvalidInput, "2 statements"),
        ("select broken", AFTER, {}, InvalidInput, "broken"),
        (BEFORE, AFTER, {"columns": "speed"}, InvalidInput, r"is a list of names"),
        (BEFORE, AFTER, {"columns": []}, InvalidInput, "names no column"),
        (BEFORE, AFTER, {"mode": "slow"}, InvalidInput, "'fast' or 'exact'"),
        (BEFORE, AFTER, {"columns": [7]}, InvalidInput, "names, which are texts"),
        (BEFORE, AFTER, {"domain": 3}, InvalidInput, "is a list of names"),
        (BEFORE, AFTER, {"segment": ["carrier"]}, InvalidInput, "name of one column"),
        (BEFORE, AFTER, {"kinds": "number"}, InvalidInput, "a text for each column"),
        (BEFORE, AFTER, {"units": {"speed": 3}}, InvalidInput, "a text for each column"),
        (BEFORE, AFTER, {"importance": {"speed": "high"}}, InvalidInput, "a number for each"),
        (BEFORE, AFTER, {"size": 10.5}, InvalidInput, "size is a whole number"),
        (BEFORE, AFTER, {"count": 0}, InvalidInput, "at least 1"),
        (BEFORE, AFTER, {"size": 5, "count": 5}, InvalidInput, "give one of them"),
        (BEFORE, AFTER, {"size": 5, "by": "day"}, InvalidInput, 'goes with by="size"'),
        (BEFORE, AFTER, {"by": "day"}, InvalidInput, "a column of times"),
        (BEFORE, "s3://trips/may.parquet", {}, InvalidInput, "Download it"),
        (BEFORE, "", {}, InvalidInput, "an empty text"),
        (BEFORE, "select * from AFTER", {}, InvalidInput, "give a frame as it is"),
        (pl.LazyFrame({"x": [1]}).select("y"), AFTER, {}, InvalidInput, "unable to find"),
        (BEFORE, AFTER, {"policy": {"ks": 1}}, InvalidInput, "no 'ks'"),
        (BEFORE, AFTER, {"by": "fortnight"}, InvalidInput, "fortnight"),
        (BEFORE, AFTER, {"size": 0, "by": "size"}, InvalidInput, "at least 1"),
        (BEFORE[:0], AFTER, {}, None, ""),
        (BEFORE, AFTER[:0], {}, None, ""),
        (BEFORE[:1], AFTER[:1], {}, None, ""),
    ],
)
def test_what_cannot_be_is_a_sentence(
    away: Path, reference: Any, current: Any, options: Any, error: Any, said: str
) -> None:
    if error is None:
        found = lab.drift(reference, current, progress=False, **options)
        assert found.sentence
        assert Record.from_json(found.to_json()) == found.record
        assert found._repr_html_()
        assert found.monitor_yaml()
        return
    with pytest.raises(error, match=said):
        lab.drift(reference, current, progress=False, **options)


def test_progress_is_told_to_who_asks() -> None:
    told: list[tuple[float, str]] = []
    frame = BEFORE[:300].assign(**{f"w{i}": BEFORE["carrier"] for i in range(20)})
    lab.drift(frame, frame, progress=lambda share, what: told.append((share, what)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    # Of many columns it is told while they are counted and measured, not only before and after.
    for step, least in (("the columns", 3), ("counting", 20), ("quality", 3), ("drift", 5)):
        assert len([what for _, what in told if step in what]) >= least
    assert len(told) < 100


def test_what_was_not_judged_is_not_called_quiet() -> None:
    """A reference of infinities, one without labels, no chunk to explain: each is told."""
    gaps = lab.drift(BEFORE.assign(speed=np.inf), AFTER, progress=False)
    assert gaps.sentence == (
        "No alarm: 1 column, all within what is natural. Not judged, for too few values: speed."
    )
    rng = np.random.default_rng(5)
    scored = BEFORE.assign(score=rng.random(1_500))
    answers = scored.assign(score=scored["score"] ** 2, late=rng.random(1_500) < 0.4)
    found = lab.drift(scored, answers, score="score", target="late", progress=False)
    assert found.state == "warn"
    assert found.sentence.startswith("score drifted")
    dates = BEFORE.assign(at=pd.Timestamp("2024-01-01"))
    empty = lab.drift(dates, dates.assign(at=pd.NaT), time="at", by="day", progress=False)
    with pytest.raises(NotFound, match="no chunk to explain speed"):
        empty.explain("speed")
