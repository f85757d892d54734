"""The truth comes late, in parts, twice, and for what nobody asked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_lab.errors import InvalidInput
from mlops_lab.serving.predictions import truth
from mlops_lab.serving.predictions.joining import slots_of
from mlops_lab.serving.predictions.reading import labelled, predictions
from mlops_lab.serving.predictions.writing import Log

from .conftest import NOON, answered

OpenLog = Callable[..., Log]


def read(tmp_path: Path) -> pd.DataFrame:
    return predictions(tmp_path, "delay").arrow().to_pandas()


@pytest.fixture
def log(open_log: OpenLog) -> Log:
    """A log of five predictions, of hour 0 to 4 and of flights."""
    log = open_log()
    for i in range(5):
        log.add(answered(i, at=NOON + i, unit=f"N{i}", extra={"flight": [f"EV{i}"]}))
    assert log.flush()
    return log


def test_late_and_partial_truth_joins_by_id(log: Log, tmp_path: Path) -> None:
    assert "late" not in read(tmp_path)
    ids = [f"{i:032x}-0" for i in range(5)]
    told = truth.log(
        log.folder, pd.DataFrame({"prediction_id": ids[:2], "late": [1, 0]}), value="late"
    )
    assert (told.rows, told.known, told.unknown) == (2, 2, 0)
    assert read(tmp_path)["late"].isna().tolist() == [False, False, True, True, True]
    truth.log(
        log.folder, pd.DataFrame({"prediction_id": ids[1:4], "late": [1, 1, 0]}), value="late"
    )
    assert read(tmp_path)["late"].tolist()[:4] == [1, 1, 1, 0], "the last one told wins"
    assert labelled(tmp_path, "delay", None) == labelled(tmp_path, "delay", "late") == 4
    assert labelled(tmp_path, "delay", "other") == labelled(tmp_path, "none", "late") == 0


def test_truth_joins_by_columns_of_the_request(log: Log, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"flight": ["EV1", "EV3", "EV3", "EV9", None], "hour": ["1", "3", "3", "9", "2"]}
    )
    frame["late"] = ["no", "no", "yes", "yes", "yes"]
    told = truth.log(log.folder, frame, on=("flight", "hour"), value="late")
    assert (told.rows, told.known, told.unknown) == (3, 2, 1)
    assert (told.repeated, told.empty) == (1, 1)
    assert "EV9" in told.sentence
    assert read(tmp_path)["late"].dropna().tolist() == ["no", "yes"]


def test_truth_of_what_is_logged_later_joins_then(open_log: OpenLog, tmp_path: Path) -> None:
    log = open_log()
    told = truth.log(
        log.folder, pd.DataFrame({"hour": [7, 8], "late": [1.0, np.nan]}), on="hour", value="late"
    )
    assert (told.rows, told.known, told.empty) == (1, 0, 1)
    log.add(answered(7))
    assert log.flush()
    assert read(tmp_path)["late"].tolist() == [1.0]


def test_two_ways_of_telling_are_one_truth(log: Log, tmp_path: Path) -> None:
    by_id = pd.DataFrame({"prediction_id": [f"{2:032x}-0"], "late": [1]})
    by_hour = pd.DataFrame({"hour": [2, 3], "late": [0, 0]})
    truth.log(log.folder, by_id, value="late", now=1)
    truth.log(log.folder, by_hour, on="hour", value="late", now=2)
    assert read(tmp_path)["late"].tolist()[2:4] == [0, 0]
    truth.log(log.folder, by_id, value="late", now=3)
    assert read(tmp_path)["late"].tolist()[2:4] == [1, 0]


@pytest.mark.parametrize(
    ("values", "read_back"),
    [
        ([True, False], [True, False]),
        (pd.Categorical(["yes", "no"]), ["yes", "no"]),
        ([Decimal("1.5"), Decimal("2")], [1.5, 2.0]),
        ([date(2026, 1, 1), date(2026, 1, 2)], ["2026-01-01", "2026-01-02"]),
        ([{"a": 1}, {"a": 2}], ["{'a': 1}", "{'a': 2}"]),
    ],
)
def test_truth_of_any_type_is_kept(log: Log, tmp_path: Path, values: Any, read_back: Any) -> None:
    truth.log(log.folder, pd.DataFrame({"hour": [0, 1], "what": values}), on="hour", value="what")
    assert read(tmp_path)["what"].tolist()[:2] == read_back


def test_conversion_is_false_where_nothing_happened(log: Log, tmp_path: Path) -> None:
    truth.log(log.folder, pd.DataFrame({"unit": ["N1", "N4"]}), on="unit", event="booked")
    assert read(tmp_path)["booked"].tolist() == [False, True, False, False, True]


def test_truth_called_as_a_column_has_a_name_of_its_own(log: Log, tmp_path: Path) -> None:
    truth.log(log.folder, pd.DataFrame({"hour": [1], "temp": [50.0]}), on="hour", value="temp")
    table = read(tmp_path)
    assert (table["temp"].iloc[1], table["truth_temp"].iloc[1]) == (44.5, 50.0)


def test_many_small_tellings_become_few_files(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truth, "_MOST_FILES", 4)
    slot = truth.log(log.folder, pd.DataFrame({"hour": [0], "late": [0]}), on="hour", value="late")
    assert slot.rows == 1
    left = slots_of(log.folder)[0].files[0].with_name(".left-by-a-killed-one.parquet")
    left.write_bytes(b"PAR1")
    for i in range(10):
        truth.log(log.folder, pd.DataFrame({"hour": [i % 5], "late": [i]}), on="hour", value="late")
    assert len(slots_of(log.folder)[0].files) < 6
    assert read(tmp_path)["late"].tolist() == [5, 6, 7, 8, 9]


def test_reading_goes_on_while_the_truth_comes(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truth, "_MOST_FILES", 1)
    with ThreadPoolExecutor(2) as pool:
        tell = [
            pool.submit(
                truth.log,
                log.folder,
                pd.DataFrame({"hour": [i % 5], "late": [i]}),
                on="hour",
                value="late",
            )
            for i in range(10)
        ]
        seen = [predictions(tmp_path, "delay").page().rows.num_rows for _ in range(10)]
    assert [one.result().known for one in tell] == [1] * 10
    assert seen == [5] * 10
    assert sorted(read(tmp_path)["late"]) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    ("frame", "asked", "said"),
    [
        ({"x": [1]}, {"value": "late"}, "'prediction_id'"),
        ({"prediction_id": ["a"], "lat": [1]}, {"value": "late"}, "Did you mean lat"),
        ({"hours": [1], "late": [1]}, {"on": "hours", "value": "late"}, "Did you mean hour"),
        ({"prediction_id": ["a"]}, {}, "either value"),
        ({"prediction_id": ["a"], "t": [1]}, {"value": "t"}, "column of the log"),
        ({"hour": [1], "a\0b": [1]}, {"on": "hour", "value": "a\0b"}, "no name"),
        ({"late": [1]}, {"on": [], "value": "late"}, "on is empty"),
    ],
)
def test_what_cannot_join_is_refused(
    log: Log, frame: dict[str, list[object]], asked: dict[str, str], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        truth.log(log.folder, pd.DataFrame(frame), **asked)  # type: ignore[arg-type]
    assert slots_of(log.folder) == []
