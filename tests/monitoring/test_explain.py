"""What an explanation says is compared with the numbers that it says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_lab.compute import Source
from mlops_lab.errors import NotFound
from mlops_lab.monitoring.building import summarise
from mlops_lab.monitoring.evaluate import evaluate
from mlops_lab.monitoring.explain import explain_cell, explain_incident
from mlops_lab.monitoring.headlines import drift_told
from mlops_lab.monitoring.moves import moves
from mlops_lab.monitoring.records import Evaluation, Event, Incident, Settings
from mlops_lab.monitoring.wire import Packed

SAMPLE = Path(__file__).parents[1] / "wire" / "evaluation.json"
LINE = re.compile(
    r"^(.+) ([+−-]?[\d.]+) (stays within|is outside of) .*, (up|down) to ([\d.]+)[;.]"
)


def test_a_metric_beyond_its_natural_range_is_not_said_to_stay_within() -> None:
    evaluation = Evaluation.from_json(json.loads(SAMPLE.read_text(encoding="utf-8")))
    told = {
        match
        for incident in evaluation.alerts
        for section in explain_incident(evaluation, incident)
        for line in section.lines
        for match in LINE.findall(line)
    }
    assert {how for _, _, how, _, _ in told} == {"stays within", "is outside of"}
    for label, value, how, way, end in told:
        beyond = float(value) > float(end) if way == "up" else float(value) < float(end)
        assert beyond == (how == "is outside of"), label


@pytest.fixture(scope="module")
def sample() -> Evaluation:
    return Evaluation.from_json(json.loads(SAMPLE.read_text(encoding="utf-8")))


def _parts(evaluation: Evaluation, incident: Incident) -> dict[str, tuple[str, ...]]:
    return {one.title: one.lines for one in explain_incident(evaluation, incident)}


def _first(evaluation: Evaluation, kind: str) -> Incident:
    return next(one for one in evaluation.alerts if one.kind == kind)


def test_every_incident_is_explained_in_sentences(sample: Evaluation) -> None:
    titles = ["What fired", "Inputs", "Where", "At the same time", "Unchanged", "Done", "Similar"]
    for incident in sample.alerts:
        sections = explain_incident(sample, incident)
        assert sections[0].title == "What fired"
        assert [one.title for one in sections] == [
            title for title in titles if title in {one.title for one in sections}
        ]
        for line in (line for one in sections for line in one.lines):
            assert line.endswith("."), line
            assert not re.search(r"significant|poisoned|healthy|None|nan", line), line
            # Dates as people write them, and one stop at the end.
            assert not re.search(r"since [^,;.]*\d to \d|00:00:00|\.\.|\{", line), line


def test_numbers_of_a_long_incident_are_of_its_first_chunk(sample: Evaluation) -> None:
    longer = next(one for one in sample.alerts if one.first != one.last)

    fired = _parts(sample, longer)["What fired"]

    first, last = (sample.chunks[sample.place(key)].label for key in (longer.first, longer.last))
    assert fired[-1].startswith(f"These are the numbers of {first}, when it began; loud last ")
    assert fired[-1].endswith(f"{last}.")


def test_drift_is_judged_where_quality_only_warns(sample: Evaluation) -> None:
    quality = _first(sample, "quality")
    wind = sample.column("wind")
    judged = replace(wind, states=wind.states.replace("q", "o"))
    columns = tuple(judged if one.name == "wind" else one for one in sample.columns)

    inputs = _parts(replace(sample, columns=columns), quality).get("Inputs", ())

    assert not [line for line in inputs if line.startswith("Drift of wind is not judged")]


def test_a_domain_alarm_says_the_range_and_where_the_mass_moved(sample: Evaluation) -> None:
    parts = _parts(sample, _first(sample, "domain"))

    assert re.match(r"[\d.]+\s% of the rows have a temp outside of ", parts["What fired"][0])
    assert "°F, where the reference has 99" in parts["What fired"][0]
    assert parts["Inputs"][0].startswith("Mass moved in temp: ")
    assert re.fullmatch(r"Median of temp [\d.]+ → [\d.]+\s°F\.", parts["Inputs"][1])
    assert parts["Unchanged"][0].startswith("Schema, missing share and volume (")


def test_a_concept_alarm_says_that_inputs_do_not_explain_it(sample: Evaluation) -> None:
    parts = _parts(sample, _first(sample, "concept"))

    assert "the inputs do not explain it" in parts["Inputs"][0]
    assert "Both the ranking and the level slipped." in parts["What fired"]


def test_a_fault_of_the_data_comes_before_drift(sample: Evaluation) -> None:
    parts = _parts(sample, _first(sample, "quality"))

    assert parts["What fired"][0].startswith("wind is missing in 50")
    assert parts["Inputs"][0].startswith("Drift of wind")
    assert parts["Inputs"][0].endswith("is not judged here: data quality first.")
    assert "missing share" not in parts["Unchanged"][0]


def test_what_was_done_and_what_was_similar_are_told(sample: Evaluation) -> None:
    domain = _first(sample, "domain")
    key = sample.chunks[0].key
    before = replace(domain, key=f"domain@{key}", first=key, last=key, open=False)
    promoted = Event(datetime(2013, 5, 20, 6, tzinfo=UTC), None, "promotion", "2", "2 promoted.")
    told = replace(sample, alerts=(*sample.alerts, before), events=(promoted,))

    parts = _parts(told, domain)

    assert parts["Done"] == ("2 promoted.",)
    assert parts["Similar"] == (f"{sample.chunks[0].label}, temp: until {sample.chunks[0].label}.",)
    assert "Similar" not in _parts(sample, domain)


def test_a_quiet_cell_is_explained_as_well(sample: Evaluation) -> None:
    sentence, sections = explain_cell(sample, "temp", sample.chunks[0].key)

    assert sentence.startswith("temp is within what is natural from ")
    assert "natural is up to" in sections[0].lines[0]
    with pytest.raises(NotFound, match="no column 'tmp'"):
        explain_cell(sample, "tmp")
    with pytest.raises(NotFound, match="no chunk '2020"):
        explain_cell(sample, "temp", "2020-01-01")


def test_the_part_of_the_rows_in_which_it_moved_is_named() -> None:
    random = np.random.default_rng(0)

    def rows(moved: float) -> pd.DataFrame:
        origin = random.choice(["EWR", "JFK", "LGA"], 4_000)
        wind = random.normal(10, 2, 4_000) + moved * (origin == "EWR")
        return pd.DataFrame({"origin": origin, "wind": wind})

    found = evaluate(
        Source.of(rows(0)), Source.of(rows(4)), Settings(segment="origin", units={"wind": "mph"})
    )

    where = _parts(found, _first(found, "drift"))["Where"]
    assert re.match(r"Most by origin: EWR D 0\.[67]\d* \(n 1,3\d\d\), ", where[0])


def test_moves_are_ranges_and_categories_with_their_shares(sample: Evaluation) -> None:
    column = sample.column("temp")
    bins = len(column.counts.array()[0])
    before = [0] * bins
    now = [0] * bins
    before[3], now[-1] = 100, 100

    low, high = sorted(moves(column, before, now), key=lambda one: one.now)

    assert (low.before, low.now, high.before, high.now) == (1.0, 0.0, 0.0, 1.0)
    assert high.where.startswith("above ")
    assert moves(column, before, before) == []
    assert moves(column, [0] * bins, now) == []
    carrier = sample.column("carrier")
    counts = [10] * len(carrier.counts.array()[0])
    assert moves(carrier, counts, [1000, *counts[1:]])[0].where == repr(carrier.bins.values[0])


def test_a_column_that_warned_is_not_said_to_be_natural(sample: Evaluation) -> None:
    temp = sample.column("temp")
    warned = replace(temp, states="w" + "o" * (len(temp.states) - 1))
    quiet = replace(sample, alerts=(), columns=(warned, replace(warned, name="dewp")))

    assert re.search(r", all but temp and dewp within what is natural\.", summarise(quiet).sentence)


def test_a_headline_of_drift_says_what_moved_in_units(sample: Evaluation) -> None:
    temp, place = replace(sample.column("temp"), unit="°F"), len(sample.chunks) - 1
    carrier = sample.column("carrier")
    before = carrier.reference_counts
    assert isinstance(before, tuple)
    moved = Packed.of([[0] * (len(before) - 1) + [1000]] * len(sample.chunks))
    both = replace(sample, columns=(temp, replace(carrier, counts=moved)))

    told, _ = drift_told(both, {"temp": [place]})
    category, _ = drift_told(both, {"carrier": [place]})

    assert re.fullmatch(r"temp drifted: D [\d.]+ from .*; median [\d.]+ → [\d.]+\s°F\.", told)
    assert re.search(r"; ('\w+'|new categories) [\d.]+\s% → ", category)
