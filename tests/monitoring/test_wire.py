"""An evaluation goes to JSON and back without loss, and what the browser reads is one."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlops_lab as lab
from mlops_lab.errors import Corrupt
from mlops_lab.monitoring.records import Evaluation, Event
from mlops_lab.monitoring.wire import Packed, significant

from . import story

SAMPLE = Path(__file__).parents[1] / "wire" / "evaluation.json"


@pytest.fixture(scope="module")
def found() -> Evaluation:
    record = lab.drift(story.reference(), story.answers(), **story.sides(), progress=False).record
    promotion = Event(
        datetime(2013, 5, 20, 6, 14, tzinfo=UTC),
        "2013-05-20",
        "promotion",
        "2",
        "flight-delay 2 became champion.",
        "model:flight-delay@2",
    )
    return replace(
        record,
        id="3f" * 16,
        monitor="delay",
        title="answers@9 against reference@2",
        at=datetime(2013, 6, 5, 6, 0, tzinfo=UTC),
        reference=replace(record.reference, told="reference@2"),
        current=replace(record.current, told="answers@9"),
        events=(promotion,),
    )


def test_sample_is_what_is_sent(found: Evaluation) -> None:
    wire = found.to_json()
    if os.environ.get("MLOPS_LAB_WRITE_WIRE"):
        text = json.dumps(wire, ensure_ascii=False, indent=1)
        SAMPLE.write_text(_short(text) + "\n", encoding="utf-8")
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    assert Evaluation.from_json(sample).to_json() == sample
    assert _shape(wire) == _shape(sample), "write it anew: MLOPS_LAB_WRITE_WIRE=1"


def test_evaluation_is_the_same_after_a_journey(found: Evaluation) -> None:
    again = Evaluation.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    assert again.live is None


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("format",), 2, "has format 2; this program reads 1"),
        (("chunks",), None, "chunks"),
        (("columns", 0, "counts", "data"), "AAAA", "columns.0.counts"),
        (("columns", 0, "counts", "shape"), [1, 10**12], "columns.0.counts"),
        (("columns", 0, "kind"), "colour", "columns.0.kind"),
        (("at",), "yesterday", "at"),
    ],
)
def test_what_is_no_evaluation_is_told(place: tuple[Any, ...], value: Any, said: str) -> None:
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    inside: Any = sample
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    with pytest.raises(Corrupt, match=said.replace(".", r"\.")):
        Evaluation.from_json(sample)


@given(st.lists(st.lists(st.integers(0, 2**32 - 1), min_size=3, max_size=3), max_size=5))
def test_packed_counts_come_back(rows: list[list[int]]) -> None:
    packed = Packed.of(rows)
    again = Packed.from_json(json.loads(json.dumps(packed.to_json())))
    assert again == packed
    assert again.array().tolist() == rows


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_rounding_keeps_four_digits(value: float) -> None:
    rounded = significant(value)
    assert rounded is not None
    assert abs(rounded - value) <= abs(value) * 5.1e-4
    assert significant(rounded) == rounded


def _shape(value: Any) -> Any:
    """Keys, however deep: numbers differ in their last digit, and what is told gets better."""
    if isinstance(value, dict):
        return {key: _shape(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return sorted({json.dumps(_shape(one), sort_keys=True) for one in value if one})[:1]
    return "value"


def _short(text: str) -> str:
    """Lists of numbers on one line each."""
    import re

    return re.sub(
        r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: "[" + re.sub(r"\s*\n\s*", " ", m[1]) + "]", text
    )
