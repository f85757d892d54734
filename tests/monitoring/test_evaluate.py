"""A whole evaluation: the story is told, quiet data is quiet, kept counts are not counted again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_lab.compute.source import Source
from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.monitoring.evaluate import evaluate, look_again
from mlops_lab.monitoring.records import Evaluation, Settings
from mlops_lab.monitoring.settings import Policy
from mlops_lab.wording import number

from . import story


@pytest.fixture(scope="module")
def told() -> Evaluation:
    settings = {key: tuple(v) if isinstance(v, list) else v for key, v in story.sides().items()}
    return evaluate(Source.of(story.reference()), Source.of(story.answers()), Settings(**settings))


def look(reference: Any, current: Any, **settings: Any) -> Evaluation:
    base = None if reference is None else Source.of(reference)
    return evaluate(base, Source.of(current), Settings(**settings))


# ------------------------------------------------------------------ the story


def test_the_warm_spell_is_one_incident_of_drift_and_one_of_the_domain(told: Evaluation) -> None:
    drift = [one for one in told.alerts if one.cause == "drift"]
    domain = [one for one in told.alerts if one.cause == "domain"]
    assert [one.columns for one in drift] == [("temp",)]
    assert [one.columns for one in domain] == [("temp",)]
    assert drift[0].severity == domain[0].severity == "alert"
    assert drift[0].last == "2013-05-20"


def test_drift_within_the_range_informs_where_the_range_was_asked_for() -> None:
    settings = {key: tuple(v) if isinstance(v, list) else v for key, v in story.sides().items()}
    found = look(story.reference(), story.answers(), **{**settings, "domain": ("temp",)})
    severities = {one.cause: one.severity for one in found.alerts if "temp" in one.columns}
    assert severities["domain"] == "alert"
    assert {word for cause, word in severities.items() if cause != "domain"} == {"info"}


def test_the_shock_is_performance_and_concept_for_nothing_explains_it(told: Evaluation) -> None:
    kinds = {one.kind for one in told.alerts if one.first == "2013-04-15"}
    assert {"performance", "concept"} <= kinds


def test_missing_wind_is_told_before_any_drift_of_it(told: Evaluation) -> None:
    wind = told.column("wind")
    place = told.place("2013-05-27")
    assert wind.states[place] == "q"
    assert told.summary.state == "quality"
    assert "wind" in told.summary.sentence
    assert not any("wind" in one.columns for one in told.alerts if one.kind == "drift")


def test_the_week_that_has_just_begun_alarms_nothing(told: Evaluation) -> None:
    assert told.chunks[-1].state == "partial"
    assert all(one.states[-1] in "hq-" for one in told.columns)


def test_impact_ranks_what_the_model_lives_on(told: Evaluation) -> None:
    temp, carrier = told.column("temp"), told.column("carrier")
    assert temp.impact is not None
    assert carrier.impact is not None
    assert temp.impact > carrier.impact
    drift = next(one for one in told.alerts if one.cause == "drift")
    assert drift.impact == pytest.approx(0.02 * 0.97, rel=0.05)


def test_every_incident_is_explained(told: Evaluation) -> None:
    assert told.alerts
    for one in told.alerts:
        assert one.sections
        assert all(line.strip() for section in one.sections for line in section.lines)


def test_open_and_grave_incidents_come_first(told: Evaluation) -> None:
    rank = {"alert": 0, "warn": 1, "info": 2}
    order = [(not one.open, rank[one.severity]) for one in told.alerts]
    assert order == sorted(order)
    assert len({one.key for one in told.alerts}) == len(told.alerts)


# ------------------------------------------------------------------ windows


def test_a_window_of_one_chunk_is_its_cell(told: Evaluation) -> None:
    found = told.window("2013-05-06", "2013-05-06")
    place = told.place("2013-05-06")
    for column in found.columns:
        one = told.column(column.name)
        assert column.effect == one.effect[place]
        assert column.p_value == one.p_value[place]
        assert list(column.counts) == one.counts.array()[place].tolist()


def test_a_window_adds_its_chunks(told: Evaluation) -> None:
    keys = [chunk.key for chunk in told.chunks]
    found = told.window(keys[0], keys[-1])
    assert found.rows == told.current.rows
    for column in found.columns:
        counts = told.column(column.name).counts.array()
        assert list(column.counts) == counts.sum(axis=0).tolist()


def test_segments_part_a_window(told: Evaluation) -> None:
    assert told.segments is not None
    keys = [chunk.key for chunk in told.chunks]
    parts = [told.window(keys[0], keys[2], one) for one in told.segments.values]
    assert sum(one.rows for one in parts) == told.window(keys[0], keys[2]).rows


def test_a_window_that_cannot_be_is_told(told: Evaluation) -> None:
    with pytest.raises(InvalidInput, match="before it"):
        told.window("2013-05-06", "2013-04-29")
    with pytest.raises(NotFound, match="no chunk"):
        told.window("2012-01-01", "2013-04-29")
    with pytest.raises(NotFound, match="no segment"):
        told.window("2013-04-29", "2013-04-29", "XX")
    with pytest.raises(InvalidInput, match="not at hand"):
        replace(told, live=None).window("2013-04-29", "2013-04-29")


def test_looking_again_gives_the_same_windows(told: Evaluation) -> None:
    settings = {key: tuple(v) if isinstance(v, list) else v for key, v in story.sides().items()}
    live = look_again(
        Source.of(story.reference()), Source.of(story.answers()), Settings(**settings)
    )
    one, other = (
        each.window("2013-04-08", "2013-05-13") for each in (told, replace(told, live=live))
    )
    assert one.columns == other.columns


# ------------------------------------------------------------------ quiet and small data


def rows(n: int, seed: int, **extra: Any) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {"x": rng.normal(size=n), "k": rng.integers(0, 20, n), "c": rng.choice(list("abcd"), n)}
        | {"flag": rng.random(n) < 0.02}
        | extra
    )


def test_data_beside_itself_is_quiet() -> None:
    frame = rows(2_000, 1)
    found = look(frame, frame)
    assert found.summary.state == "ok"
    assert all(one.effect == (0.0,) for one in found.columns)
    assert not found.alerts


def test_two_samples_of_one_law_are_quiet() -> None:
    found = look(rows(5_000, 1), rows(2_000, 2))
    assert {one.states for one in found.columns} == {"o"}


def test_few_rows_are_drawn_and_never_alarm() -> None:
    found = look(rows(5_000, 1), rows(60, 2, x=np.full(60, 9.0)), domain=False)
    assert found.column("x").states == "s"
    assert found.column("x").effect[0] is not None


def test_a_rare_flag_is_judged_by_points_and_factor() -> None:
    before, after = rows(20_000, 1), rows(20_000, 2)
    after["flag"] = np.random.default_rng(5).random(20_000) < 0.06
    found = look(before, after)
    assert found.column("flag").states == "a"
    assert found.column("flag").alert == Policy().flag_alert
    before["flag"], after["flag"] = [
        np.random.default_rng(seed).random(20_000) < share for seed, share in ((6, 0.5), (7, 0.54))
    ]
    assert look(before, after).column("flag").states == "o"


def test_drift_of_what_the_model_does_not_use_is_information() -> None:
    after = rows(5_000, 2)
    after["x"] += 1.0
    found = look(rows(5_000, 1), after, importance={"x": 0.0005, "k": 0.1}, domain=False)
    (one,) = found.alerts
    assert (one.cause, one.severity) == ("drift:minor", "info")
    assert found.summary.state == "ok"


def test_rolling_needs_no_reference() -> None:
    found = look(
        None, story.answers(), time="at", by="week", reference_kind="rolling", rolling_days=28
    )
    assert found.reference.kind == "rolling"
    assert found.column("temp").states[0] == "-"
    assert found.column("temp").states[5] in "wa"


def test_each_version_has_its_own_reference(told: Evaluation) -> None:
    answers = story.answers()
    warm = pd.concat([story.reference(), answers[answers["at"] < "2013-05-20"]])
    answers["version"] = np.where(answers["at"] < "2013-05-20", "1", "2")
    found = look(
        story.reference(),
        answers,
        time="at",
        by="week",
        version="version",
        reference_kind="training",
        versions={"1": Source.of(story.reference()), "2": Source.of(warm)},
    )
    temp = found.column("temp")
    assert [chunk.version for chunk in found.chunks[6:8]] == ["1", "2"]
    place = found.place("2013-05-20")
    was, now = told.column("temp").effect, temp.effect
    assert was[place - 1] == now[place - 1]
    assert (now[place] or 1.0) < (was[place] or 0.0)
    assert isinstance(temp.reference_counts, dict)
    assert set(temp.reference_counts) == {"1", "2"}
    # So has a range: what the first had not met, the second has.
    outside, alone = temp.outside, told.column("temp").outside
    assert outside is not None
    assert alone is not None
    assert outside.at(place - 1) == (alone.low, alone.high, alone.natural)
    assert outside.at(place)[1] > alone.high
    [domain] = [one for one in found.alerts if one.kind == "domain"]
    assert f"to {number(alone.high)}" in domain.sentence
    assert Evaluation.from_json(found.to_json()) == found


def test_columns_may_be_called_as_a_query_calls_its_own() -> None:
    names = {"x": "v", "k": "n", "c": "chunk", "flag": "label"}
    sides = [
        rows(600, seed).rename(columns=names).assign(s=np.linspace(0, 1, 600)) for seed in (1, 2)
    ]
    found = look(*sides, target="label", score="s", segment="chunk")
    assert [one.name for one in found.columns] == ["v", "n", "chunk", "s", "label"]
    assert found.performance is not None


def test_no_rows_are_told() -> None:
    found = look(rows(600, 1), rows(600, 2)[:0])
    assert found.summary.state == "small"
    assert "has no rows here" in found.summary.sentence


# ------------------------------------------------------------------ what cannot be


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"time": "when"}, "no column 'when' for time"),
        ({"columns": ("X",)}, "no column 'X' for columns. Did you mean x"),
        ({"kinds": {"y": "number"}}, "no column 'y' for kinds"),
        ({"kinds": {"c": "time"}}, "declared as time"),
        ({"kinds": {"c": "colour"}}, "a kind is one of"),
        ({"by": "week"}, "column of times"),
        ({"segment": "z"}, "for segment"),
        ({"segment": "x"}, "cannot tell segments apart"),
        ({"reference_kind": "rolling"}, "rolling reference"),
        ({"by": "size"}, "needs size"),
        ({"timezone": "Mars/Olympus", "by": "all"}, "no time zone"),
    ],
)
def test_settings_that_cannot_be_meant_are_told(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        look(rows(500, 1), rows(500, 2), **settings)


def test_nothing_in_common_is_told() -> None:
    with pytest.raises(InvalidInput, match="no column in common: the reference has x, k"):
        look(rows(10, 1), pd.DataFrame({"y": [1]}))


# ------------------------------------------------------------------ keeping


class Kept:
    """Keeps in memory; a file's name stands for its content."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], bytes] = {}
        self.made: list[str] = []

    def pieces(self, source: Source) -> Sequence[tuple[str | None, Source]]:
        return [(part.told, part) for part in source.parts()]

    def kept(self, content: str | None, key: str, make: Callable[[], bytes]) -> bytes:
        assert content is not None
        if (content, key) not in self.held:
            self.made.append(f"{key.partition(':')[0]} {Path(content).name}")
            self.held[content, key] = make()
        return self.held[content, key]


def test_a_new_week_costs_a_week(tmp_path: Path) -> None:
    answers = story.answers()
    (tmp_path / "answers").mkdir()
    story.reference().to_parquet(tmp_path / "reference.parquet")
    weeks = [frame for _, frame in answers.groupby(answers["at"].dt.to_period("W"))]
    keep = Kept()

    def check(count: int) -> Evaluation:
        for place, frame in enumerate(weeks[:count]):
            frame.to_parquet(tmp_path / "answers" / f"{place}.parquet")
        settings = Settings(time="at", by="week", target="late", score="score")
        sources = [Source.of(tmp_path / name) for name in ("reference.parquet", "answers")]
        return evaluate(*sources, settings, keep=keep)

    check(4)
    keep.made.clear()
    found = check(5)
    files = [one for one in keep.made if one.endswith(".parquet")]
    assert sorted(files) == ["cube 4.parquet", "scores 4.parquet"]
    # Of all files together their types and ends are looked at, and of the new week it is measured.
    assert sorted(one.split()[0] for one in keep.made if one not in files) == [
        "cells",
        "seen",
        "types",
    ]
    plain = evaluate(
        Source.of(tmp_path / "reference.parquet"),
        Source.of(tmp_path / "answers"),
        Settings(time="at", by="week", target="late", score="score"),
    )
    assert replace(found, at=plain.at) == plain
