"""Labels that have not come are no data quality: performance tells how mature a chunk is. Labels
that come twice or in other words are.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import mlops_lab as lab
from mlops_lab.errors import InvalidInput

ASKED = {"time": "at", "by": "week", "domain": False, "progress": False}
JUDGED = {**ASKED, "target": "late", "score": "score"}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    draw = np.random.default_rng(1)
    n = 9 * 400
    made = pd.DataFrame(
        {
            "id": [f"{number:05}" for number in range(n)],
            "at": pd.Timestamp("2013-01-07") + pd.to_timedelta(np.arange(n) // 400, unit="W"),
            "x": draw.normal(size=n),
            "score": draw.random(n),
        }
    )
    return made.assign(late=(draw.random(n) < made["score"]).astype(object))


@pytest.fixture
def later(frame: pd.DataFrame) -> pd.DataFrame:
    """Twelve weeks later."""
    return frame.assign(at=frame["at"] + pd.Timedelta(weeks=12))


def test_missing_labels_are_late_and_not_bad_data(frame: pd.DataFrame, later: pd.DataFrame) -> None:
    later.loc[later.index[-400:], "late"] = None
    found = lab.drift(frame, later, **JUDGED)
    assert found.record.quality == ()
    assert found.record.performance.mature == (True,) * 8 + (False,)


def test_labels_in_other_words_and_second_outcomes_are_named(
    frame: pd.DataFrame, later: pd.DataFrame
) -> None:
    later["late"] = later["late"].map({True: "yes", False: "no"})
    second = later.iloc[::18].assign(late="no", x=0.5)
    found = lab.drift(frame, pd.concat([later, second]), **JUDGED)
    told = {one.check: one for one in found.record.quality}
    assert set(told) == {"type", "duplicates"}
    assert (told["type"].column, told["type"].state) == ("late", "alert")
    assert "late is text (VARCHAR) now; it was true or false (BOOLEAN). 3,800 values are no" in (
        told["type"].sentence
    )
    assert "such as 'no' and 'yes': they count as rows without a label" in told["type"].sentence
    assert "or for a second late of one id: performance counts every row" in (
        told["duplicates"].sentence
    )


def test_labels_as_zero_and_one_are_the_same_labels(
    frame: pd.DataFrame, later: pd.DataFrame
) -> None:
    found = lab.drift(frame, later.assign(late=later["late"].astype(int)), **JUDGED)
    assert found.record.quality == ()


def test_fairness_without_what_it_is_measured_on_is_refused(frame: pd.DataFrame) -> None:
    for asked, word in (({}, "target"), ({"target": "late"}, "score")):
        with pytest.raises(InvalidInput, match=f"fairness needs .*: say {word}=COLUMN"):
            lab.drift(frame, frame, fairness=["x"], **ASKED, **asked)


@pytest.mark.parametrize(
    ("value", "said", "state"),
    [
        ({"a": 1.5, "c": 2}, "b is gone and c is new", "alert"),
        ({"a": "1", "b": "x"}, "a is VARCHAR, not BIGINT", "alert"),
        ({"a": 1, "b": "x", "c": 2}, "c is new", "warn"),
        ([1], r"it is BIGINT\[\], not STRUCT\(a BIGINT, b VARCHAR\)", "alert"),
        ({"b": "y", "a": 0.5}, None, None),
    ],
)
def test_what_a_nested_column_holds_is_compared(
    value: object, said: str | None, state: str | None
) -> None:
    before, after = (pa.table({"s": [one] * 400}) for one in ({"a": 1, "b": "x"}, value))
    quality = lab.drift(before, after, progress=False).record.quality
    assert [one.state for one in quality] == ([state] if state else [])
    if said:
        assert quality[0].column == "s"
        assert re.search(said, quality[0].sentence)
