from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.expressions import parse
from mlops_lab.orchestration.gates import (
    KINDS,
    Champion,
    Gate,
    GateFacts,
    GateKind,
    decide,
    kinds,
    registry,
)
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
        ("train.model.rows > 3", "output model of step train has no rows; it has size_bytes"),
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


def fight(text: str, champion: Champion | None, **metrics: float) -> tuple[str, str]:
    facts = GateFacts(
        params={"margin": 0.01},
        metrics={"judge": {key: summary(key, value) for key, value in metrics.items()}},
        champion=champion,
    )
    record = decide(Gate(0, "metric", text, parse(text)), facts)
    return record.state, record.sentence


def champion(**metrics: float) -> Champion:
    found = {key.replace("__", "/"): summary(key, value) for key, value in metrics.items()}
    return Champion("champion", "delay", 2, found)


FAIR = " (same step, same inputs)"


@pytest.mark.parametrize(
    ("text", "state", "sentence"),
    [
        (
            "judge.auc >= champion.judge.auc - 0.005",
            "passed",
            "auc 0.699 is at least champion 2's 0.701 − 0.005",
        ),
        ("judge.auc >= champion.judge.auc", "rejected", "auc 0.699 is below champion 2's 0.701"),
        (
            "champion.judge.auc < judge.auc",
            "rejected",
            "auc 0.699 is not above champion 2's 0.701",
        ),
        (
            "judge.auc >= champion.judge.auc * (1 - params.margin)",
            "passed",
            "auc 0.699 is at least champion 2's 0.701 × (1 − margin 0.01)",
        ),
        (
            "judge.loss <= champion.judge.auc + 0.1",
            "passed",
            "loss 0.5 is at most champion 2's auc 0.701 + 0.1",
        ),
        (
            "best(judge.auc) >= best(champion.judge.auc)",
            "rejected",
            "best auc 0.699 is below champion 2's 0.701",
        ),
        (
            "judge.auc - champion.judge.auc >= -0.005",
            "passed",
            "auc 0.699 − champion 2's auc 0.701 is at least -0.005",
        ),
        (
            "best(champion.judge.val/loss) > 0.4",
            "passed",
            "champion 2's best val/loss 0.45 is above 0.4",
        ),
        (
            "judge.close >= champion.judge.auc",
            "rejected",
            "close 0.70099 is below champion 2's auc 0.701",
        ),
    ],
)
def test_a_fight_is_told_with_both_numbers(text: str, state: str, sentence: str) -> None:
    facts = {"auc": 0.699, "loss": 0.5, "close": 0.70099}
    said = fight(text, champion(auc=0.701, val__loss=0.45), **facts)

    assert said == (state, sentence + FAIR)


def test_the_champion_must_have_logged_it_too() -> None:
    said = fight("judge.auc >= champion.judge.auc", champion(acu=0.7), auc=0.7)

    assert said == (
        "rejected",
        "step judge with champion 2 logged no metric auc; the nearest is acu" + FAIR,
    )


def test_a_champion_that_could_not_be_judged_rejects() -> None:
    refused = Champion("champion", "delay", 2, refused="champion 2 could not be judged: no")

    assert fight("judge.auc >= champion.judge.auc", refused, auc=0.7) == (
        "rejected",
        "champion 2 could not be judged: no",
    )


@pytest.mark.parametrize(
    ("text", "state", "sentence"),
    [
        (
            "judge.auc >= champion.judge.auc",
            "passed",
            "auc 0.7: delay has no champion yet to compare with",
        ),
        (
            "judge.auc > 0.6 and judge.auc >= champion.judge.auc",
            "passed",
            "auc 0.7: delay has no champion yet to compare with",
        ),
        # what does not speak of the champion holds all the same
        (
            "judge.auc > 0.8 and judge.auc >= champion.judge.auc",
            "rejected",
            "auc 0.7 is not above 0.8",
        ),
        (
            "judge.acu >= champion.judge.auc",
            "rejected",
            "step judge logged no metric acu; the nearest is auc",
        ),
        ("judge.nan >= champion.judge.nan", "rejected", "judge.nan is NaN"),
        ("champion.judge.auc < 0.9", "passed", "delay has no champion yet"),
    ],
)
def test_without_a_champion_only_the_comparison_passes(
    text: str, state: str, sentence: str
) -> None:
    nobody = Champion("champion", "delay")

    assert fight(text, nobody, auc=0.7, nan=float("nan")) == (state, sentence)


def fairness(values: dict[str, float], **limits: Any) -> tuple[str, str]:
    kind = KINDS["fairness"]
    rule = kind.shape.model_validate({"metric": "judge.fpr", "by": "c", **limits})
    facts = GateFacts(
        params={}, metrics={"judge": {key: summary(key, one) for key, one in values.items()}}
    )
    record = decide(Gate(0, "fairness", "", rule), facts)
    return record.state, record.sentence


@pytest.mark.parametrize(
    ("values", "limits", "state", "said"),
    [
        ({}, {"max_ratio": 2}, "rejected", "step judge logged no metric fpr/c=…, one for each c"),
        ({"fpr/c=a": 0.1}, {"max_ratio": 2}, "rejected", "only a is a group"),
        ({"fpr/c=a": 0.0, "fpr/c=b": 0.0}, {"max_ratio": 2}, "passed", "its ratio 1 is at most 2"),
        (
            {"fpr/c=a": 0.0, "fpr/c=b": 0.1},
            {"max_ratio": 2},
            "rejected",
            "ratio infinity is above 2",
        ),
        (
            {"fpr/c=a": -0.1, "fpr/c=b": 0.1},
            {"max_ratio": 2},
            "rejected",
            "numbers below 0 have no",
        ),
        ({"fpr/c=a": -0.1, "fpr/c=b": 0.1}, {"max_difference": 0.2}, "passed", "difference 0.2 is"),
        ({"fpr/c=a": 0.1, "fpr/c=b": float("nan")}, {"max_ratio": 2}, "rejected", "fpr/c=b is NaN"),
        (
            {"fpr/c=a": 0.1, "fpr/c=b": 0.1, "count/c=a": 9},
            {"max_ratio": 2, "min_count": 5},
            "rejected",
            "step judge logged no count/c=b, and min_count asks",
        ),
        (
            {"fpr/c=a": 0.1, "fpr/c=b": 0.1, "count/c=a": 9, "count/c=b": 4},
            {"max_ratio": 2, "min_count": 5},
            "rejected",
            "only a is a group with at least 5 rows",
        ),
        (
            # a group of which nobody knows how large it is may be the one that is treated worst
            {"fpr/c=a": 0.9, "fpr/c=b": 0.1, "fpr/c=d": 0.1}
            | {"count/c=a": float("nan"), "count/c=b": 9, "count/c=d": 9},
            {"max_ratio": 2, "min_count": 5},
            "rejected",
            "count/c=a is NaN",
        ),
        ({"fpr/c=": 0.1, "fpr/c=b": 0.1}, {"max_ratio": 2}, "passed", "from (no name) 0.1 to"),
        (
            {"fpr/c=a": 1.0, "fpr/c=b": 1.25001},
            {"max_ratio": 1.25},
            "rejected",
            "1.25001 is above 1.25",
        ),
    ],
)
def test_groups_that_cannot_be_compared_open_no_gate(
    values: dict[str, float], limits: dict[str, Any], state: str, said: str
) -> None:
    found = fairness(values, **limits)

    assert found[0] == state
    assert said in found[1]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_says_what_it_wants(kind: GateKind) -> None:
    assert kind.about.endswith(("min_auc", "."))
    assert kind.example
    fields = getattr(kind.shape, "model_fields", {})
    assert set(fields) == set(kind.words)
    assert all(field.description for field in fields.values())


def test_a_kind_is_added_by_adding_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "moon.py").write_text(
        "from mlops_lab.orchestration.gates import GateKind, Ruling\n"
        "class Moon(GateKind):\n"
        "    name = 'moon'\n    shape = str\n    about = 'Its phase.'\n    example = 'full'\n"
        "    def text(self, value): return f'moon: {value}'\n"
        "    def check(self, value, place, checker): return value\n"
        "    def decide(self, rule, facts): return Ruling('passed', f'the moon is {rule}')\n"
        "KIND = Moon()\n"
    )
    monkeypatch.setattr(kinds, "__path__", [*kinds.__path__, str(tmp_path)])

    found = registry.find_kinds()

    assert list(found) == ["metric", "approval", "data", "fairness", "monitor", "moon"]
    assert found["moon"].decide("full", FACTS).sentence == "the moon is full"
