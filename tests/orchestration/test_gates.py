from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mlops_lab.expressions import parse
from mlops_lab.orchestration.gates import Gate, GateFacts, decide
from mlops_lab.tracking.records import MetricSummary


def summary(key: str, last: float, best: float | None = None) -> MetricSummary:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    top = last if best is None else best
    return MetricSummary(key, 1, last, 0, now, last, top, top, 0, last, 0, "max", True)


FACTS = GateFacts(
    params={"min_auc": 0.6, "kind": "gbm", "nothing": None},
    metrics={
        "evaluate": {
            one.key: one
            for one in [
                summary("auc", 0.745, best=0.8),
                summary("val/loss", 0.5),
                summary("close", 0.59996),
                summary("nan", float("nan")),
                summary("rows", 16_285.0),
            ]
        },
        "train": {},
    },
    outputs={"train": {"model": {"size_bytes": 88_000.0}}},
)


def said(text: str, **facts: Any) -> tuple[str, str]:
    record = decide(Gate(0, "metric", text, parse(text)), FACTS)
    return record.state, record.sentence


@pytest.mark.parametrize(
    ("text", "state", "sentence"),
    [
        ("evaluate.auc >= 0.60", "passed", "auc 0.745 is at least 0.60"),
        ("evaluate.auc >= 0.80", "rejected", "auc 0.745 is below 0.80"),
        ("evaluate.auc <= 0.60", "rejected", "auc 0.745 is above 0.60"),
        ("evaluate.auc >= params.min_auc", "passed", "auc 0.745 is at least min_auc 0.6"),
        ("0.60 <= evaluate.auc", "passed", "auc 0.745 is at least 0.60"),
        ("evaluate.close >= 0.6", "rejected", "close 0.59996 is below 0.6"),
        ("evaluate.`val/loss` < 1", "passed", "val/loss 0.5 is below 1"),
        ("best(evaluate.auc) > 0.75", "passed", "best auc 0.8 is above 0.75"),
        ("best(evaluate.val/loss) > 0.75", "rejected", "best val/loss 0.5 is not above 0.75"),
        ("evaluate.rows > 20000", "rejected", "rows 16,285 is not above 20000"),
        ("train.model.size_bytes <= 50000", "rejected", "model.size_bytes 88,000 is above 50000"),
        ("evaluate.nan > 0.5", "rejected", "nan NaN cannot be compared with 0.5"),
        ("not evaluate.nan > 0.5", "rejected", "evaluate.nan is NaN"),
        (
            "evaluate.auc >= evaluate.close + 0.1",
            "passed",
            "auc 0.745 is at least 0.7 (evaluate.close + 0.1)",
        ),
        (
            "evaluate.auc >= 0.6 and evaluate.close >= 0.6",
            "rejected",
            "close 0.59996 is below 0.6",
        ),
        (
            "evaluate.auc >= 0.8 or evaluate.rows > 1",
            "passed",
            "auc 0.745 is below 0.8; rows 16,285 is above 1",
        ),
        ("not (evaluate.auc > 0.7)", "rejected", "auc 0.745 is above 0.7"),
        (
            "evaluate.auc between 0.6 and 0.7",
            "rejected",
            "evaluate.auc between 0.6 and 0.7 does not hold: evaluate.auc 0.745",
        ),
        ("params.kind = 'gbm'", "passed", "kind gbm equals 'gbm'"),
    ],
)
def test_a_gate_says_its_numbers(text: str, state: str, sentence: str) -> None:
    assert said(text) == (state, sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("evaluate.acu > 0.5", "step evaluate logged no metric acu; the nearest is auc"),
        ("train.auc > 0.5", "step train logged no metric auc; it logged no metrics"),
        ("not (evaluate.acu > 0.5)", "step evaluate logged no metric acu; the nearest is auc"),
        (
            "evaluate.auc > 0.5 or evaluate.acu > 0.5",
            "step evaluate logged no metric acu; the nearest is auc",
        ),
        ("evaluate.auc > params.nothing", "param nothing is null"),
    ],
)
def test_a_missing_value_rejects_and_names_the_nearest(text: str, sentence: str) -> None:
    assert said(text) == ("rejected", sentence)


def test_a_gate_may_ask_whether_a_metric_is_missing() -> None:
    assert said("evaluate.acu is null or evaluate.acu > 3")[0] == "passed"


def test_the_numbers_of_a_comparison_are_kept() -> None:
    gate = Gate(2, "metric", "evaluate.auc >= 0.6", parse("evaluate.auc >= 0.6"))

    record = decide(gate, FACTS)

    assert (record.index, record.left, record.right) == (2, 0.745, 0.6)
