"""What a pipeline's file may say of triggers, and what is said of what it may not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from mlops_lab.orchestration.model import json_schema
from mlops_lab.orchestration.spec import load_spec, read_spec

from .conftest import STEPS, Watched

Faults = Callable[[str], list[str]]

ALL = """
- schedule: "0 3 * * mon"
- schedule: {cron: "0 6 * * *", timezone: Europe/Berlin}
  max_per_day: 2
- dataset: flights
  params: {as_of: cause.version}
- dataset: {name: weather, target: late}
  new_labels: 500
- alert: delay
  cooldown: 28d
- alert: {monitor: delay, severity: warn, kinds: [performance, domain]}
- code: notebooks/**
- code: ["notebooks/**", "pipelines/**"]
  debounce: 30m
"""


@pytest.fixture
def told(watched: Watched) -> Faults:
    """What is wrong with a list of triggers, from the line on that it begins in."""

    def read(text: str) -> list[str]:
        path = watched.write(text)
        _, faults = read_spec(path, file="p", root=watched.project.root)
        first = STEPS.count("\n") + 1
        said = []
        for fault in faults:
            _, line, rest = str(fault).split(":", 2)
            said.append(f"{int(line) - first}:{rest}")
        return said

    return read


def test_all_that_can_be_written_is_read_and_described(watched: Watched) -> None:
    path = watched.write(ALL)
    spec = load_spec(path, root=watched.project.root)
    assert [one.text for one in spec.triggers] == [
        "schedule: 0 3 * * mon",
        "schedule: 0 6 * * * (Europe/Berlin)",
        "dataset: flights",
        "dataset: weather",
        "alert: delay",
        "alert: delay of performance, domain, warnings too",
        "code: notebooks/**",
        "code: notebooks/**, pipelines/**",
    ]
    assert spec.triggers[4].limits.cooldown_s == 28 * 86_400
    assert spec.triggers[5].limits.cooldown_s == 86_400, "an alert goes on for days"
    assert spec.triggers[0].limits.max_per_day is None
    schema = Draft202012Validator(json_schema())
    schema.validate(YAML(typ="safe").load(path))
    for wrong in ({}, {"dataset": "a", "code": "b"}, {"schedule": 3}, {"dataset": {"nam": "a"}}):
        assert list(schema.iter_errors({"steps": {"a": {"notebook": "x"}}, "triggers": [wrong]}))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "- dataste: flights",
            "1:5: 'dataste' is not known here. Did you mean dataset? Trigger 1 has alert, code, "
            "dataset, schedule, debounce, cooldown, max_per_day, new_labels, params.",
        ),
        ("- {}", "1:5: Trigger 1 has no kind: write one of alert, code, dataset, schedule."),
        (
            "- {dataset: a, code: b}",
            "1:5: Trigger 1 is code and dataset at once: write one of alert, code, dataset, "
            "schedule.",
        ),
        (
            "- flights",
            "1:5: Trigger 1 is 'flights': write a map with schedule, alert, dataset or code.",
        ),
        (
            "- schedule: 0 3 * *",
            "1:15: A schedule has five words, minute hour day month weekday, as '0 6 * * mon'; got "
            "'0 3 * *'.",
        ),
        ("- alert: dely", "1:12: There is no monitor 'dely'. Did you mean delay?"),
        (
            "- alert: {monitor: delay, kinds: [drfit]}",
            "1:37: triggers.1.alert.kinds.1 is 'drfit'; it must be a list of quality, drift, "
            "domain, performance, concept, fairness, prediction.",
        ),
        (
            "- code: [/etc/**]",
            "1:11: '/etc/**' must be a pattern below the project's folder, such as 'notebooks/**'.",
        ),
        ("- dataset: a\n- dataset: a", "2:5: Trigger 1 watches the same already."),
        (
            "- dataset: a\n  cooldown: 3",
            "2:15: triggers.1.cooldown is 3; it must be a duration with a unit, such as 28d or "
            "12h.",
        ),
        (
            "- code: a.py\n  new_labels: 5",
            "2:5: A trigger of the kind code knows of no labels.",
        ),
        (
            "- dataset: a\n  new_labels: 5",
            "2:5: Which column is the label? Write it beside the name: dataset: {name: a, target: "
            "…}.",
        ),
        (
            "- alert: delay\n  new_labels: 5",
            "2:5: The monitor delay names no target, so nobody can count its labels.",
        ),
        (
            "- dataset: a\n  params: {sed: 1}",
            "2:14: The pipeline has no param 'sed'. Did you mean seed?",
        ),
        (
            "- dataset: a\n  params: {seed: cause.verson}",
            "2:20: The cause of this trigger knows no 'verson'. Did you mean cause.version? It "
            "knows cause.dataset, cause.version.",
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_place(told: Faults, text: str, fault: str) -> None:
    assert told(text) == [fault]


def test_a_pipeline_elsewhere_is_read_without_its_project(watched: Watched, tmp_path: Path) -> None:
    spec: Any
    spec, faults = read_spec(watched.write(ALL))
    assert not [one for one in faults if not one.warning]
    assert len(spec.triggers) == 8
