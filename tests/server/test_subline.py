from __future__ import annotations

import pytest

from mlops_lab.server.subline import (
    MAX_CHARACTERS,
    PROCESS_GONE,
    Facts,
    GateFact,
    StepFact,
    distinctive,
    subline,
)

TRAINING = ("notebooks/train.ipynb", (7, 9))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            Facts("training", "running", cell=(7, 9), step=75, planned_steps=120),
            "cell 7 · step 75 of 120",
        ),
        (Facts("training", "running", step=1200), "step 1,200"),
        (Facts("training", "running", step=0), "running"),
        (Facts("training", "running", notebook="notebooks/train.ipynb"), "train.ipynb"),
        (Facts("pipeline", "scheduled"), "waiting to start"),
        (Facts("pipeline", "running"), "pipeline · starting"),
        (
            Facts(
                "pipeline", "running", steps=[StepFact("a", "finished"), StepFact("b", "finished")]
            ),
            "pipeline · 2 steps done",
        ),
        (
            Facts(
                "pipeline",
                "running",
                steps=[StepFact("a", "finished"), StepFact("train", "running", (3, 12))],
            ),
            "train · cell 3 of 12",
        ),
        (
            Facts("training", "killed", reason=PROCESS_GONE, notebook="a.ipynb", cell=(7, 9)),
            "kernel died in cell 7",
        ),
        (Facts("training", "killed", reason=PROCESS_GONE, step=40), "process died at step 40"),
        (Facts("pipeline", "killed", reason="Cancelled by mara."), "Cancelled by mara"),
        (Facts("training", "killed", cell=(2, None)), "killed · cell 2"),
        (
            Facts("training", "failed", reason="ValueError in cell 4: Input X\ncontains NaN."),
            "ValueError in cell 4: Input X",
        ),
        (Facts("training", "failed", reason="  "), "failed"),
        (Facts("pipeline", "finished", outcome="passed"), "pipeline · gates passed"),
        (
            Facts(
                "pipeline",
                "finished",
                outcome="rejected",
                gates=[
                    GateFact("evaluate.auc >= 0.6", "passed"),
                    GateFact("evaluate.auc <= 0.85", "rejected"),
                ],
            ),
            "pipeline · rejected: auc ≤ 0.85",
        ),
        (Facts("pipeline", "finished", outcome="rejected"), "pipeline · rejected"),
        (Facts("pipeline", "finished", outcome="waiting"), "pipeline · waits for approval"),
        (Facts("pipeline", "finished", steps=[StepFact("a", "finished")]), "pipeline · 1 step"),
        (
            Facts("training", "finished", params=[("model", "logistic"), ("C", "0.1")]),
            "model logistic · C 0.1",
        ),
        (Facts("training", "finished", notebook="deep/train.ipynb"), "train.ipynb"),
        (Facts("batch", "finished"), "batch"),
    ],
)
def test_says_the_most_telling_thing(facts: Facts, said: str) -> None:
    assert subline(facts) == said


def test_is_one_bounded_line_whatever_people_log() -> None:
    facts = Facts("training", "finished", params=[("text", "a\nb\t" + "x" * 500)])
    said = subline(facts)
    assert said.startswith("text a b x")
    assert len(said) == MAX_CHARACTERS
    assert said.endswith("…")


def test_distinctive_names_the_rarest_values_in_the_order_they_were_logged() -> None:
    common = {"model": "hgb", "lr": "0.1", "depth": "3"}
    odd = {"model": "logistic", "lr": "0.1", "C": "0.1"}
    assert distinctive(odd, [common, common, odd]) == [("model", "logistic"), ("C", "0.1")]


def test_a_number_drawn_by_a_search_is_short_and_other_words_are_whole() -> None:
    params = [("lr", "0.37303491827"), ("decay", "1.23456789e-07"), ("version", "1.2.345678")]
    said = subline(Facts("training", "finished", params=params))
    assert said == "lr 0.373 · decay 1.23e-07 · version 1.2.345678"


def test_distinctive_puts_seeds_last() -> None:
    runs = [{"seed": str(n), "a": str(n % 3), "b": str(n % 2), "c": str(n // 3)} for n in range(6)]
    assert [key for key, _ in distinctive(runs[0], runs)] == ["a", "b", "c"]


def test_distinctive_falls_back_to_the_first_two_when_nothing_differs() -> None:
    only = {"lr": "0.1", "depth": "3", "l2": "5"}
    assert distinctive(only, [only]) == [("lr", "0.1"), ("depth", "3")]
    assert distinctive({}, [only]) == []
